/* PID 1, measured. Two programs:
 *
 *   raw_init run ROOT REQUEST N CPU PROGRAM [ARG...]   N times: starts the program in the folder ROOT as the first process of
 *                                                      namespaces of its own (pid, mount, net, uts); prints the nanoseconds
 *                                                      from its exec to its first answer on /s, and those of CPU it took
 *   raw_init init RESPONSE_FILE MOUNTS                 what is held against guestd there: mounts what the file MOUNTS says
 *                                                      ("TYPE TARGET FLAGS OPTIONS" a line), listens on /s, and answers */
#include "raw.h"

#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

static long long now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* --- the init -------------------------------------------------------------------------------- */

static void mount_all(const char *file)
{
    static char text[16384];
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    char *rest = text, *line;

    if (n < 0)
        raw_die(file);
    close(fd);
    while ((line = strsep(&rest, "\n")) && *line) {
        const char *type = strsep(&line, " "), *target = strsep(&line, " ");
        unsigned long flags = strtoul(strsep(&line, " "), NULL, 10);

        mount(type, target, type, flags, line);
    }
}

static int init(const char *response_file, const char *mounts)
{
    static char response[1 << 16], request[16384];
    int file = open(response_file, O_RDONLY | O_CLOEXEC), listener;
    ssize_t len = read(file, response, sizeof response);

    if (len <= 0)
        raw_die(response_file);
    mount_all(mounts);
    listener = raw_listen("/s");
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

        while (recv(fd, request, sizeof request, 0) > 0)
            if (send(fd, response, (size_t)len, MSG_NOSIGNAL) != len)
                raw_die("send");
        close(fd);
    }
}

/* --- its start ------------------------------------------------------------------------------- */

static void pin(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    sched_setaffinity(0, sizeof set, &set);
}

/* The first process of its namespaces; `began` gets the time of its exec, in a pipe. */
static pid_t start_init(const char *root, int cpu, int began, char **command)
{
    pid_t pid;

    if (unshare(CLONE_NEWPID) < 0)
        raw_die("unshare");
    pid = fork();
    if (pid == 0) {
        long long now;

        pin(cpu);
        if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS) < 0 ||
            mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || chroot(root) < 0 || chdir("/") < 0)
            raw_die("namespaces");
        now = now_ns();
        if (write(began, &now, sizeof now) != sizeof now)
            raw_die("write");
        execv(command[0], command);
        _exit(127);
    }
    return pid;
}

/* Asks until there is an answer. */
static void ask(const char *path, const char *request, size_t len)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    static char answer[1 << 16];

    memcpy(un.sun_path, path, strlen(path) + 1);
    for (;;) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (connect(fd, (struct sockaddr *)&un, sizeof un) == 0) {
            if (send(fd, request, len, MSG_NOSIGNAL) != (ssize_t)len ||
                recv(fd, answer, sizeof answer, 0) <= 0)
                raw_die("no answer");
            close(fd);
            return;
        }
        close(fd);
    }
}

/* The process that the helper waits for. */
static pid_t child_of(pid_t helper)
{
    char path[64], line[32] = "";
    int fd;

    snprintf(path, sizeof path, "/proc/%d/task/%d/children", helper, helper);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, line, sizeof line - 1) <= 0)
        raw_die(path);
    close(fd);
    return (pid_t)atoi(line);
}

/* A process that has unshared its pid namespace once cannot do it again: a helper for each start. */
static pid_t start_helper(const char *root, int cpu, int began, char **command)
{
    pid_t pid = fork();
    struct rusage usage;

    if (pid != 0)
        return pid;
    waitpid(start_init(root, cpu, began, command), NULL, 0);
    getrusage(RUSAGE_CHILDREN, &usage);
    printf("%lld\n", usage.ru_utime.tv_sec * 1000000000LL + usage.ru_utime.tv_usec * 1000LL +
                         usage.ru_stime.tv_sec * 1000000000LL + usage.ru_stime.tv_usec * 1000LL);
    exit(0);
}

static void run_once(const char *root, const char *request, size_t len, int cpu, char **command)
{
    char path[sizeof((struct sockaddr_un *)NULL)->sun_path];
    long long began;
    int pipes[2];
    pid_t helper;

    if ((size_t)snprintf(path, sizeof path, "%s/s", root) >= sizeof path)
        raw_die("the root's path is too long");
    unlink(path);
    if (pipe2(pipes, O_CLOEXEC) < 0)
        raw_die("pipe");
    helper = start_helper(root, cpu, pipes[1], command);
    if (read(pipes[0], &began, sizeof began) != sizeof began)
        raw_die("the program did not start");
    ask(path, request, len);
    printf("%lld ", now_ns() - began);
    fflush(stdout);
    kill(child_of(helper), SIGKILL);
    waitpid(helper, NULL, 0);
    close(pipes[0]);
    close(pipes[1]);
}

static int run(const char *root, const char *request_file, int n, int cpu, char **command)
{
    static char request[16384];
    int file = open(request_file, O_RDONLY | O_CLOEXEC);
    ssize_t len = read(file, request, sizeof request);

    if (len <= 0)
        raw_die(request_file);
    for (int i = 0; i < n; i++)
        run_once(root, request, (size_t)len, cpu, command);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "init") == 0)
        return init(argv[2], argv[3]);
    if (argc >= 7 && strcmp(argv[1], "run") == 0)
        return run(argv[2], argv[3], atoi(argv[4]), atoi(argv[5]), argv + 6);
    return 2;
}
