#include "guest/git/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "core/fd.h"

static void wipe(char **text)
{
    if (*text)
        explicit_bzero(*text, strlen(*text));
    free(TAKE(*text));
}

void git_credentials_clear(struct git_credentials *c)
{
    wipe(&c->username);
    wipe(&c->secret);
    free(c->origin);
    *c = (struct git_credentials){0};
}

/* What git reads line by line, or as one value in quotes. */
static int check(enum git_credentials_kind kind, const char *text, struct err *e)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;

        if (c < ' ' || c == 0x7f)
            return err_set(e, STATUS_INVALID_ARGUMENT, 0, "credentials: they hold a control character");
        if (kind == GIT_CREDENTIALS_BEARER && (c > 0x7f || strchr(" \"\\", (char)c)))
            return err_set(e, STATUS_INVALID_ARGUMENT, 0,
                           "credentials: a bearer token has no such character");
    }
    return 0;
}

int git_credentials_set(struct git_credentials *c, enum git_credentials_kind kind, const char *username,
                        const char *secret, struct err *e)
{
    if (check(kind, username, e) < 0 || check(kind, secret, e) < 0)
        return -1;
    git_credentials_clear(c);
    c->kind = kind;
    c->username = strdup(username);
    c->secret = strdup(secret);
    return c->username && c->secret ? 0 : err_nomem(e, "keep credentials");
}

int git_credentials_aim(struct git_credentials *c, const struct git_url *u, struct err *e)
{
    if (c->kind == GIT_CREDENTIALS_NONE && (u->username || u->password) &&
        git_credentials_set(c, GIT_CREDENTIALS_BASIC, u->username ? u->username : "",
                            u->password ? u->password : "", e) < 0)
        return -1;
    free(TAKE(c->origin));
    if (u->origin && !(c->origin = strdup(u->origin)))
        return err_nomem(e, "keep credentials");
    return 0;
}

/* --- for a process --------------------------------------------------------------------------- */

static int no_descriptor(struct err *e)
{
    return err_set(e, STATUS_RESOURCE_EXHAUSTED, errno, "hand on credentials");
}

static int lend_basic(struct git_lent *l, struct err *e)
{
    int pair[2], self = open("/proc/self/exe", O_PATH | O_CLOEXEC);

    if (self < 0)
        return no_descriptor(e);
    l->fds[l->fd_count++] = self;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return no_descriptor(e);
    l->socket = pair[0];
    l->fds[l->fd_count++] = pair[1];
    snprintf(l->program, sizeof l->program, "/proc/self/fd/%d", self);
    snprintf(l->helper, sizeof l->helper, "askpass:%d", pair[1]);
    l->vars[l->var_count++] = (struct exec_var){"GIT_ASKPASS", l->program};
    l->vars[l->var_count++] = (struct exec_var){"GUESTD_HELPER", l->helper};
    return 0;
}

/* What was written stays as it is, and is for its owner only. */
static int seal(int fd, uid_t uid, gid_t gid)
{
    if (fchmod(fd, 0400) < 0 || (geteuid() == 0 && fchown(fd, uid, gid) < 0))
        return -1;
    return fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
}

static int lend_bearer(const struct git_credentials *c, uid_t uid, gid_t gid, struct git_lent *l,
                       struct err *e)
{
    int fd = memfd_create("git-credentials", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0)
        return no_descriptor(e);
    l->fds[l->fd_count++] = fd;
    /* Without a buffer of stdio's, which would keep it. */
    if (dprintf(fd, "[http \"%s\"]\n\textraHeader = \"Authorization: Bearer ", c->origin) < 0 ||
        RETRY_EINTR(write(fd, c->secret, strlen(c->secret))) < 0 || dprintf(fd, "\"\n") < 0 ||
        seal(fd, uid, gid) < 0)
        return no_descriptor(e);
    snprintf(l->include, sizeof l->include, "include.path=/proc/self/fd/%d", fd);
    l->args[l->arg_count++] = "-c";
    l->args[l->arg_count++] = l->include;
    l->args[l->arg_count++] = "-c";
    l->args[l->arg_count++] = "http.followRedirects=false";
    return 0;
}

int git_credentials_lend(const struct git_credentials *c, uid_t uid, gid_t gid, struct git_lent *l,
                         struct err *e)
{
    int ret = 0;

    *l = (struct git_lent){.socket = -1};
    if (c->origin && c->kind == GIT_CREDENTIALS_BASIC)
        ret = lend_basic(l, e);
    else if (c->origin && c->kind == GIT_CREDENTIALS_BEARER)
        ret = lend_bearer(c, uid, gid, l, e);
    if (ret < 0)
        git_lent_clear(l);
    return ret;
}

void git_lent_clear(struct git_lent *l)
{
    while (l->fd_count > 0)
        fd_close(&l->fds[--l->fd_count]);
    fd_close(&l->socket);
}
