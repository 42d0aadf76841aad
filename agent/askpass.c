#include "askpass.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>

#include "core/fd.h"
#include "core/limits.h"

/* The number behind "askpass:", or -1. */
static int socket_of(const char *how)
{
    static const char role[] = "askpass:";
    size_t n = strlen(how);

    if (strncmp(how, role, sizeof role - 1) != 0 || n == sizeof role - 1 || n > sizeof role + 6 ||
        strspn(how + sizeof role - 1, "0123456789") != n - (sizeof role - 1))
        return -1;
    return (int)strtol(how + sizeof role - 1, NULL, 10);
}

/* Sends the prompt with the end of a pipe that the answer is to be written to. */
static int ask(int socket, const char *prompt, int answer)
{
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof answer)] = {0};
    struct iovec iov = {(char *)(uintptr_t)prompt, strlen(prompt)};
    struct msghdr m = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);

    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof answer);
    memcpy(CMSG_DATA(c), &answer, sizeof answer);
    return RETRY_EINTR(sendmsg(socket, &m, MSG_NOSIGNAL)) < 0 ? -1 : 0;
}

/* Reads to the end, or to the buffer's. Returns how many bytes, or -1. */
static ssize_t read_all(int fd, char *out, size_t size)
{
    size_t got = 0;
    ssize_t n;

    while (got < size && (n = RETRY_EINTR(read(fd, out + got, size - got))) != 0) {
        if (n < 0)
            return -1;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

/* Hands the answer on. Its last byte says that it is whole. */
static int print(int fd)
{
    char text[GIT_SECRET_MAX + 1];
    ssize_t n = read_all(fd, text, sizeof text);
    bool good = n > 0 && text[n - 1] == '+';

    if (good) {
        text[n - 1] = '\n';
        good = fd_write_all(STDOUT_FILENO, text, (size_t)n) == 0;
    }
    explicit_bzero(text, sizeof text);
    return good ? 0 : 1;
}

int askpass_main(const char *how, int argc, char **argv)
{
    CLEANUP_FD int socket = socket_of(how);
    CLEANUP_FD int ours = -1, theirs = -1;
    int fds[2];

    if (socket < 0 || argc != 2 || pipe2(fds, O_CLOEXEC) < 0)
        return 1;
    ours = fds[0];
    theirs = fds[1];
    if (ask(socket, argv[1], theirs) < 0)
        return 1;
    fd_close(&theirs);
    return print(ours);
}
