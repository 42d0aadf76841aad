#include "guest/git/asker.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "core/fd.h"
#include "core/limits.h"

/* The URL that stands in the prompt between quotes. */
static struct bytes quoted(struct bytes prompt)
{
    static const char end[] = "': ";
    const char *start = prompt.len > 0 ? memchr(prompt.ptr, '\'', prompt.len) : NULL;
    size_t skip = start ? (size_t)(start + 1 - prompt.ptr) : 0;

    if (!start || prompt.len < skip + sizeof end - 1 ||
        memcmp(prompt.ptr + prompt.len - (sizeof end - 1), end, sizeof end - 1) != 0)
        return (struct bytes){0};
    return (struct bytes){start + 1, prompt.len - skip - (sizeof end - 1)};
}

int git_asker_answer(const struct git_credentials *c, struct bytes prompt, const char **answer, struct err *e)
{
    struct bytes url = quoted(prompt);
    struct git_url u;

    *answer = NULL;
    if (c->kind != GIT_CREDENTIALS_BASIC || !c->origin)
        return 0;
    if (git_url_parse(url, &u, e) < 0)
        return e->status == STATUS_RESOURCE_EXHAUSTED ? -1 : 0;
    if (u.origin && strcmp(u.origin, c->origin) == 0) {
        if (bytes_cut(&prompt, "Username for "))
            *answer = c->username;
        else if (bytes_cut(&prompt, "Password for ") && (!u.username || strcmp(u.username, c->username) == 0))
            *answer = c->secret;
    }
    git_url_clear(&u);
    return 0;
}

/* Writes the answer where it does not block. What a pipe has no room for shows by the mark behind it. Returns 0, or -1 with errno:
 * there is somebody who still waits for it. */
static int reply(int fd, const char *answer)
{
    struct iovec iov[2] = {{(char *)(uintptr_t)answer, strlen(answer)}, {(char *)(uintptr_t) "+", 1}};
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -1;
    if (!S_ISFIFO(st.st_mode))
        return 0;
    if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
        return -1;
    return writev(fd, iov, 2) < 0 && errno != EPIPE && errno != EAGAIN ? -1 : 0;
}

/* A question stays open. */
static void fail(struct git_asker *a, int errnum)
{
    a->failed = true;
    err_set(&a->error, STATUS_RESOURCE_EXHAUSTED, errnum, "answer git's question for credentials");
}

/* The descriptor that came with a packet, -1: none. Others that came as well are closed. */
static int passed(struct msghdr *m)
{
    int fd = -1;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t at = 0; at + sizeof fd <= c->cmsg_len - CMSG_LEN(0); at += sizeof fd) {
            fd_close(&fd);
            memcpy(&fd, CMSG_DATA(c) + at, sizeof fd);
        }
    }
    return fd;
}

/* One question. Returns false at the end. */
static bool answer_one(struct git_asker *a)
{
    char prompt[URL_MAX + 64];
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))];
    struct iovec iov = {prompt, sizeof prompt};
    struct msghdr m = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t n = RETRY_EINTR(recvmsg(a->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC));
    CLEANUP_FD int fd = n >= 0 ? passed(&m) : -1;
    const char *answer = NULL;

    if (n < 0 && errno == EAGAIN)
        return true;
    if (n < 0)
        fail(a, errno);
    if (n <= 0)
        return false;
    if (!(m.msg_flags & MSG_TRUNC) &&
        git_asker_answer(a->credentials, (struct bytes){prompt, (size_t)n}, &answer, &a->error) < 0)
        a->failed = true;
    if (fd < 0 && (m.msg_flags & MSG_CTRUNC)) /* unix(7): we have no room for a descriptor more */
        fail(a, EMFILE);
    if (fd >= 0 && answer && reply(fd, answer) < 0)
        fail(a, errno);
    return true;
}

static void on_question(struct ev_loop *ev, ev_io *w, int revents)
{
    struct git_asker *a = w->data;

    (void)ev;
    if (revents & EV_ERROR)
        fail(a, ENOMEM); /* epoll has no room for it */
    if ((revents & EV_ERROR) || !answer_one(a))
        git_asker_stop(a);
}

void git_asker_start(struct git_asker *a, struct loop *loop, int fd,
                     const struct git_credentials *credentials)
{
    *a = (struct git_asker){.loop = loop, .credentials = credentials, .fd = fd};
    ev_io_init(&a->io, on_question, fd, EV_READ);
    a->io.data = a;
    loop_watch(loop, &a->io, EV_READ);
}

void git_asker_stop(struct git_asker *a)
{
    if (a->fd < 0)
        return;
    loop_watch(a->loop, &a->io, 0);
    loop_close_fd(a->loop, &a->fd);
}
