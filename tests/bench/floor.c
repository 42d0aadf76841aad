/* What the counterparts are held against: the least that anybody would write, blocking, one connection at a
 * time. A counterpart that is much slower than these would flatter guestd: the bench says so and fails.
 *
 *   floor echo SOCKET RESPONSE_FILE       answers as raw_http does
 *   floor spawn SOCKET PROGRAM [ARG...]   for each request: vfork, exec and wait
 *   floor dd SOCKET PROGRAM [ARG...]      for each connection: the program's output through dd(1) */
#include "raw.h"

#include <sys/wait.h>

#define LAST_CHUNK "0\r\n\r\n"

static int echo(int listener, const char *response_file)
{
    static char response[1 << 16], request[16384];
    int file = open(response_file, O_RDONLY | O_CLOEXEC);
    ssize_t len = read(file, response, sizeof response);

    if (len <= 0)
        raw_die(response_file);
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

        while (recv(fd, request, sizeof request, 0) > 0)
            if (send(fd, response, (size_t)len, MSG_NOSIGNAL) != len)
                raw_die("send");
        close(fd);
    }
}

static void child(int in, int out, char **command)
{
    if (fork() == 0) {
        dup2(in, 0);
        dup2(out, 1);
        execvp(command[0], command);
        _exit(127);
    }
}

static int dd(int listener, char **command)
{
    char *copy[] = {(char[]){"dd"}, (char[]){"bs=65536"}, (char[]){"status=none"}, NULL};

    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC), pipes[2];
        struct iovec head = RAW_TEXT(RAW_STREAM_HEAD), tail = RAW_TEXT(LAST_CHUNK);
        char request[16384];

        if (recv(fd, request, sizeof request, 0) <= 0 || pipe2(pipes, O_CLOEXEC) < 0)
            raw_die("dd");
        raw_send(fd, &head, 1);
        child(0, pipes[1], command);
        child(pipes[0], fd, copy);
        close(pipes[0]);
        close(pipes[1]);
        while (wait(NULL) > 0)
            ;
        raw_send(fd, &tail, 1);
        close(fd);
    }
}

static int spawn(int listener, char **command)
{
    char request[16384];

    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

        while (recv(fd, request, sizeof request, 0) > 0) {
            struct iovec answer[2] = {RAW_TEXT(RAW_STREAM_HEAD), RAW_TEXT(LAST_CHUNK)};
            pid_t pid = vfork();

            if (pid == 0) {
                execv(command[0], command);
                _exit(127);
            }
            if (waitpid(pid, NULL, 0) != pid)
                raw_die("waitpid");
            raw_send(fd, answer, 2);
        }
        close(fd);
    }
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "echo") == 0)
        return echo(raw_listen(argv[2]), argv[3]);
    if (argc >= 4 && strcmp(argv[1], "dd") == 0)
        return dd(raw_listen(argv[2]), argv + 3);
    if (argc >= 4 && strcmp(argv[1], "spawn") == 0)
        return spawn(raw_listen(argv[2]), argv + 3);
    return 2;
}
