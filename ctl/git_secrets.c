#include "ctl/git_secrets.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/fd.h"
#include "ctl/git_fields.h"

#define SECRET_MAX (64 * KIB) /* a key, a list of hosts, or a credential */

/* --- sources --------------------------------------------------------------------------------- */

int git_secrets_read(struct arena *a, int fd, const char *name, size_t max, struct bytes *out, struct err *e)
{
    size_t len = 0, cap = MIN(max + 1, (size_t)64 * KIB);
    char *text = arena_alloc(a, cap + 1);
    ssize_t n = 1;

    while (text && len <= max && (n = RETRY_EINTR(read(fd, text + len, cap - len))) > 0) {
        len += (size_t)n;
        if (len == cap && cap <= max) {
            char *more = arena_alloc(a, MIN(2 * cap, max + 1) + 1);

            if (more)
                memcpy(more, text, len);
            cap = MIN(2 * cap, max + 1);
            text = more;
        }
    }
    if (!text)
        return err_nomem(e, "read credentials");
    if (n < 0)
        return err_set(e, STATUS_INVALID_ARGUMENT, errno, "read '%s'", name);
    if (len > max)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "'%s' has more than %zu bytes", name, max);
    text[len] = 0;
    *out = (struct bytes){text, len};
    return 0;
}

/* A file's content, "-" being standard input's. */
static int read_file(struct arena *a, const char *path, struct bytes *out, struct err *e)
{
    bool here = strcmp(path, "-") == 0;
    CLEANUP_FD int fd = here ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return err_set(e, STATUS_INVALID_ARGUMENT, errno, "open '%s'", path);
    return git_secrets_read(a, fd, here ? "standard input" : path, SECRET_MAX, out, e);
}

/* In a child: git, which reads the question from one pipe and answers in another. */
static void run_helper(int question, int answer)
{
    if (dup2(question, STDIN_FILENO) >= 0 && dup2(answer, STDOUT_FILENO) >= 0)
        execlp("git", "git", "credential", "fill", (char *)NULL);
    _exit(127);
}

/* `git credential fill` on this machine: it asks the helpers that are configured here, or the person at the terminal. */
static int ask_helper(struct arena *a, const char *url, struct bytes *out, struct err *e)
{
    int question[2] = {-1, -1}, answer[2] = {-1, -1}, status = -1, ret;
    pid_t pid;

    if (strpbrk(url, "\r\n"))
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "the URL holds a line break");
    if (pipe2(question, O_CLOEXEC) < 0 || pipe2(answer, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
        ret = err_set(e, STATUS_RESOURCE_EXHAUSTED, errno, "run git credential fill");
    } else {
        if (pid == 0)
            run_helper(question[0], answer[1]);
        fd_close(&question[0]);
        fd_close(&answer[1]);
        dprintf(question[1], "url=%s\n\n", url);
        fd_close(&question[1]);
        ret = git_secrets_read(a, answer[0], "git credential fill", SECRET_MAX, out, e);
        if (RETRY_EINTR(waitpid(pid, &status, 0)) < 0 || status != 0)
            ret = err_set(e, STATUS_UNAUTHENTICATED, 0, "git credential fill has nothing for this URL");
    }
    fd_close(&question[0]);
    fd_close(&question[1]);
    fd_close(&answer[0]);
    fd_close(&answer[1]);
    return ret;
}

/* --- what they say --------------------------------------------------------------------------- */

int git_secrets_parse(struct arena *a, struct bytes text, const char **username, const char **password,
                      struct err *e)
{
    *username = *password = NULL;
    while (text.len > 0) {
        const char *end = memchr(text.ptr, '\n', text.len);
        struct bytes line = {text.ptr, end ? (size_t)(end - text.ptr) : text.len};
        const char **out = NULL;

        text.ptr += end ? line.len + 1 : line.len;
        text.len -= end ? line.len + 1 : line.len;
        if (line.len > 0 && line.ptr[line.len - 1] == '\r')
            line.len--;
        if (line.len >= 9 && memcmp(line.ptr, "username=", 9) == 0)
            out = username;
        else if (line.len >= 9 && memcmp(line.ptr, "password=", 9) == 0)
            out = password;
        if (out && !(*out = arena_string(a, (struct bytes){line.ptr + 9, line.len - 9})))
            return err_nomem(e, "read a credential");
    }
    return 0;
}

static int put_basic(struct git_request *r, Guest__V1__GitCredentials *c, const char *url, struct err *e)
{
    const char *from = r->secrets.from, *username, *password;
    struct bytes text = {"", 0};

    if ((git_secrets_ask(r) ? ask_helper(&r->arena, url, &text, e) : read_file(&r->arena, from, &text, e)) <
            0 ||
        git_secrets_parse(&r->arena, text, &username, &password, e) < 0)
        return -1;
    if (!password)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "'%s' has no line password=...", from);
    c->basic = (Guest__V1__GitBasic *)git_fields_new(&r->arena, &guest__v1__git_basic__descriptor, e);
    if (!c->basic)
        return -1;
    c->kind_case = GUEST__V1__GIT_CREDENTIALS__KIND_BASIC;
    c->basic->username = (char *)(uintptr_t)(username ? username : "");
    c->basic->password = (char *)(uintptr_t)password;
    return 0;
}

static int put_bearer(struct git_request *r, Guest__V1__GitCredentials *c, struct err *e)
{
    struct bytes text = {"", 0};

    if (read_file(&r->arena, r->secrets.bearer, &text, e) < 0)
        return -1;
    text.len = strcspn(text.ptr, "\r\n");
    c->kind_case = GUEST__V1__GIT_CREDENTIALS__KIND_BEARER;
    c->bearer = arena_string(&r->arena, text);
    return c->bearer ? 0 : err_nomem(e, "read a token");
}

static int put_file(struct git_request *r, const char *path, ProtobufCBinaryData *out, struct err *e)
{
    struct bytes text = {0};

    if (path && read_file(&r->arena, path, &text, e) < 0)
        return -1;
    *out = (ProtobufCBinaryData){text.len, (uint8_t *)(uintptr_t)text.ptr};
    return 0;
}

static int put_ssh(struct git_request *r, Guest__V1__GitCredentials *c, struct err *e)
{
    c->ssh = (Guest__V1__GitSsh *)git_fields_new(&r->arena, &guest__v1__git_ssh__descriptor, e);
    if (!c->ssh)
        return -1;
    c->kind_case = GUEST__V1__GIT_CREDENTIALS__KIND_SSH;
    c->ssh->accept_new_host = r->secrets.accept_new_host;
    return put_file(r, r->secrets.ssh_key, &c->ssh->private_key, e) < 0 ||
                   put_file(r, r->secrets.known_hosts, &c->ssh->known_hosts, e) < 0
               ? -1
               : 0;
}

/* --- the request ----------------------------------------------------------------------------- */

bool git_secrets_ask(const struct git_request *r)
{
    return r->secrets.from && strcmp(r->secrets.from, "helper") == 0;
}

int git_secrets_put(struct git_request *r, const char *url, struct err *e)
{
    const struct git_secrets *s = &r->secrets;
    bool ssh = s->ssh_key || s->known_hosts || s->accept_new_host;
    Guest__V1__GitCredentials *c;

    if (!s->from && !s->bearer && !ssh && !s->store)
        return 0;
    if (!!s->from + !!s->bearer + ssh > 1)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "more than one kind of credentials");
    c = git_fields_message(&r->arena, r->m, "credentials", e);
    if (!c)
        return -1;
    c->store_credentials = s->store;
    if (s->from)
        return put_basic(r, c, url, e);
    if (s->bearer)
        return put_bearer(r, c, e);
    return ssh ? put_ssh(r, c, e) : 0;
}
