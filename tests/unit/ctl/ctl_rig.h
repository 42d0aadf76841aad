/* guestctl inside the test, what it prints, and an agent that a test scripts. */
#ifndef TESTS_UNIT_CTL_RIG_H
#define TESTS_UNIT_CTL_RIG_H

#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/fd.h"
#include "ctl/ctl.h"
#include "rpc/codec/codec.h"

/* --- what is printed ------------------------------------------------------------------------- */

static char printed[1 << 16]; /* to stdout */
static char said[1 << 16];    /* to stderr */

struct capture {
    FILE *file[2];
    int before[2];
};

static inline void capture_begin(struct capture *c)
{
    fflush(NULL);
    for (int i = 0; i < 2; i++) {
        c->file[i] = tmpfile();
        c->before[i] = dup(STDOUT_FILENO + i);
        dup2(fileno(c->file[i]), STDOUT_FILENO + i);
    }
}

static inline void capture_end(struct capture *c)
{
    char *to[2] = {printed, said};

    fflush(NULL);
    for (int i = 0; i < 2; i++) {
        size_t n;

        dup2(c->before[i], STDOUT_FILENO + i);
        close(c->before[i]);
        rewind(c->file[i]);
        n = fread(to[i], 1, sizeof printed - 1, c->file[i]);
        to[i][n] = 0;
        fclose(c->file[i]);
    }
}

/* Runs guestctl with the words (NULL-terminated) after its name. Returns its exit code; see printed, said. */
UNUSED static int guestctl(const char *const *words)
{
    char *argv[32] = {"guestctl"};
    struct capture c;
    int argc = 1, code;

    for (; *words; words++)
        argv[argc++] = (char *)(uintptr_t)*words;
    capture_begin(&c);
    code = ctl_run(argc, argv);
    capture_end(&c);
    return code;
}

#define GUESTCTL(...) guestctl((const char *const[]){__VA_ARGS__, NULL})

/* --- an agent -------------------------------------------------------------------------------- */

/* Listens on a unix socket. For each answer it takes one connection, or the next request on the same one where
 * `same` says so, reads a request (its head, and Content-Length bytes, or to the last chunk), and sends the answer. */
struct agent_answer {
    const char *bytes;
    size_t len;
    bool same;  /* on the connection of the answer before */
    bool hangs; /* the connection stays open afterwards */
};

struct agent {
    struct sockaddr_un address;
    char target[128]; /* as guestctl is told */
    int listener;
    struct agent_answer answers[8];
    size_t count;
    char request[1 << 16]; /* the last one */
    size_t request_len;
    pthread_t thread;
};

static struct agent agent;

/* Reads one request. Returns false at the end of the connection. */
static inline bool agent_read(struct agent *a, int fd)
{
    size_t want = 0;

    a->request_len = 0;
    while (want == 0 || a->request_len < want) {
        ssize_t n = recv(fd, a->request + a->request_len, sizeof a->request - 1 - a->request_len, 0);
        const char *end, *length;

        if (n <= 0)
            return false;
        a->request_len += (size_t)n;
        a->request[a->request_len] = 0;
        end = strstr(a->request, "\r\n\r\n");
        length = strcasestr(a->request, "content-length: ");
        if (end && strcasestr(a->request, "transfer-encoding: chunked") &&
            memcmp(a->request + a->request_len - 5, "0\r\n\r\n", 5) == 0)
            return true;
        if (end && length)
            want = (size_t)(end + 4 - a->request) + strtoul(length + 16, NULL, 10);
    }
    return true;
}

static inline void *agent_run(void *arg)
{
    struct agent *a = arg;
    int fd = -1;

    for (size_t i = 0; i < a->count; i++) {
        const struct agent_answer *answer = &a->answers[i];
        struct timeval long_enough = {.tv_sec = 10};

        if (!answer->same) {
            fd_close(&fd);
            fd = accept(a->listener, NULL, NULL);
            setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &long_enough, sizeof long_enough);
        }
        if (fd < 0 || !agent_read(a, fd))
            break;
        (void)!send(fd, answer->bytes, answer->len, MSG_NOSIGNAL);
        if (answer->hangs)
            (void)!recv(fd, &(char){0}, 1, 0); /* until the client goes */
    }
    fd_close(&fd);
    return NULL;
}

static inline void agent_answers(const char *text, bool same)
{
    agent.answers[agent.count++] = (struct agent_answer){text, strlen(text), same, false};
}

/* An HTTP answer; the text lives until the test's end. */
UNUSED static void agent_http(int status, const char *headers, const void *body, size_t len)
{
    static char texts[8][1 << 14];
    char *text = texts[agent.count];
    size_t n = (size_t)snprintf(text, sizeof texts[0], "HTTP/1.1 %d X\r\n%sContent-Length: %zu\r\n\r\n",
                                status, headers, len);

    memcpy(text + n, body, len);
    agent.answers[agent.count++] = (struct agent_answer){text, n + len, false, false};
}

static inline void agent_listen(void)
{
    memset(&agent, 0, sizeof agent);
    agent.address.sun_family = AF_UNIX;
    snprintf(agent.address.sun_path, sizeof agent.address.sun_path, "/tmp/guestd-ctl-%d", getpid());
    snprintf(agent.target, sizeof agent.target, "unix:%s", agent.address.sun_path);
    agent.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(agent.listener, (struct sockaddr *)&agent.address, sizeof agent.address) < 0 ||
        listen(agent.listener, 8) < 0)
        abort();
}

/* Plays the answers that were added. */
static inline void agent_start(void)
{
    if (pthread_create(&agent.thread, NULL, agent_run, &agent) != 0)
        abort();
}

/* Waits until all answers have been played. */
static inline void agent_finish(void)
{
    if (agent.thread)
        pthread_join(agent.thread, NULL);
    agent.thread = 0;
}

static inline int agent_setup(void **state)
{
    (void)state;
    unsetenv("GUESTD_HOST");
    unsetenv("GUESTD_TOKEN");
    agent_listen();
    return 0;
}

static inline int agent_teardown(void **state)
{
    (void)state;
    shutdown(agent.listener, SHUT_RDWR); /* an accept that nobody came to ends */
    agent_finish();
    close(agent.listener);
    unlink(agent.address.sun_path);
    return 0;
}

#endif
