/* The bench's client: sends prepared requests and measures the answers, the same way to guestd and to its
 * counterparts.
 *
 *   client unary SOCKET REQUEST N
 *       N requests on one connection, one after the other, each until its whole answer is there; the second
 *       column is the body's size
 *   client keys SOCKET START KEY N
 *       START opens a stream; then N times KEY on another connection, until a byte comes on the stream
 *   client start SOCKET REQUEST N CPU PROGRAM [ARG...]
 *       N times: the program runs on that CPU until it answered the request once; the second column is the CPU
 *       time that it took
 *   client many SOCKET REQUEST CONNECTIONS N
 *       N requests on so many connections, always one on each; the time is that of all
 *       "@@@@@@@@" in the request becomes its number
 *   client fan SOCKET START CONNECT GO SUBSCRIBERS
 *       START opens a stream, CONNECT the others, each on a connection of its own; the time is that from GO to
 *       the end of all, the second column the smallest body
 *   client calls SOCKET START REQUEST N
 *       START opens a stream; the time is that from the first of N requests on another connection to the
 *       stream's end
 *   client stream SOCKET START HEAD FRAME N
 *       the same, with HEAD, N times FRAME and the last chunk as one request
 *   client upload SOCKET HEAD SIZE [TAIL]
 *       HEAD, so many bytes, and TAIL as one request
 *   client h2-unary SOCKET REQUEST N
 *       as unary, over HTTP/2
 *   client h2-streams SOCKET REQUEST COUNT STALLED
 *       REQUEST on so many streams of one connection, and on others that stall after 64 KiB; the time is that
 *       until COUNT have ended, the second column the smallest body of these. Then the others are read
 *
 * It prints each time in ns. A REQUEST is a file that holds a whole request, at most 128 KiB. */
#include "client.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static struct request request, key;

static void unary(const char *path, const char *file, int n)
{
    int fd = dial(path);

    load_request(&request, file);
    while (n-- > 0) {
        long long start = now_ns();
        size_t size;

        send_request(fd, &request);
        size = read_answer(fd);
        printf("%lld %zu\n", now_ns() - start, size);
    }
}

/* Waits for the program's word that its terminal is raw. */
static void read_ready(int fd)
{
    struct answer a = {0};
    size_t n;

    do {
        n = read_some(fd);
        if (answer_feed(&a, client_buf, n))
            die("the program ended");
    } while (!memmem(client_buf, n, "ready", 5));
}

static void keys(const char *path, const char *start_file, const char *key_file, int n)
{
    int out = dial(path), in;

    load_request(&request, start_file);
    load_request(&key, key_file);
    send_request(out, &request);
    read_ready(out);
    in = dial(path);
    while (n-- > 0) {
        long long start = now_ns();

        send_request(in, &key);
        read_some(out);
        printf("%lld\n", now_ns() - start);
        read_answer(in);
    }
}

/* vfork: the child must leave this CPU at once, on which its parent goes on to poll. */
static pid_t start_on(int cpu, char **command)
{
    pid_t pid = vfork();

    if (pid == 0) {
        cpu_set_t set;

        CPU_ZERO(&set);
        CPU_SET(cpu, &set);
        if (sched_setaffinity(0, sizeof set, &set) == 0)
            execv(command[0], command);
        _exit(127);
    }
    return pid;
}

static void start(const char *path, const char *file, int n, int cpu, char **command)
{
    load_request(&request, file);
    while (n-- > 0) {
        struct rusage used;
        long long begin;
        pid_t pid;
        int fd;

        unlink(path);
        begin = now_ns();
        pid = start_on(cpu, command);
        while ((fd = try_dial(path)) < 0)
            if (waitpid(pid, NULL, WNOHANG) == pid)
                die("it ended before it listened");
        send_request(fd, &request);
        read_answer(fd);
        begin = now_ns() - begin;
        close(fd);
        kill(pid, SIGKILL);
        wait4(pid, NULL, 0, &used);
        printf("%lld %lld\n", begin,
               (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000000LL +
                   (used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1000LL);
    }
}

int main(int argc, char **argv)
{
    const char *mode = argc > 3 ? argv[1] : "";

    if (argc == 5 && strcmp(mode, "unary") == 0)
        unary(argv[2], argv[3], atoi(argv[4]));
    else if (argc == 6 && strcmp(mode, "keys") == 0)
        keys(argv[2], argv[3], argv[4], atoi(argv[5]));
    else if (argc >= 7 && strcmp(mode, "start") == 0)
        start(argv[2], argv[3], atoi(argv[4]), atoi(argv[5]), argv + 6);
    else if (argc == 6 && strcmp(mode, "many") == 0)
        many(argv[2], argv[3], atoi(argv[4]), atoi(argv[5]));
    else if (argc == 7 && strcmp(mode, "fan") == 0)
        fan(argv[2], argv[3], argv[4], argv[5], atoi(argv[6]));
    else if (argc == 6 && strcmp(mode, "calls") == 0)
        feed_calls(argv[2], argv[3], argv[4], atoi(argv[5]));
    else if (argc == 7 && strcmp(mode, "stream") == 0)
        feed_stream(argv[2], argv[3], argv[4], argv[5], atoi(argv[6]));
    else if ((argc == 5 || argc == 6) && strcmp(mode, "upload") == 0)
        upload(argv[2], argv[3], atoll(argv[4]), argv[5]);
    else if (argc == 5 && strcmp(mode, "h2-unary") == 0)
        h2_unary(argv[2], argv[3], atoi(argv[4]));
    else if (argc == 6 && strcmp(mode, "h2-streams") == 0)
        h2_streams(argv[2], argv[3], atoi(argv[4]), atoi(argv[5]));
    else
        return 2;
    return 0;
}
