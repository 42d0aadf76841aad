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
    free(TAKE(c->known_hosts));
    free(TAKE(c->origin));
    memset(c, 0, sizeof *c);
}

/* What git reads line by line, or as one value in quotes. */
static int check(enum git_credentials_kind kind, const char *text, struct err *e)
{
    if (strlen(text) > GIT_SECRET_MAX)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "credentials: more than %d bytes", GIT_SECRET_MAX);
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

/* Bytes as text that ends with a line feed. NULL with *e. */
static char *lines_of(struct bytes in, size_t max, const char *what, struct err *e)
{
    char *text;

    if (in.len > max || (in.len > 0 && memchr(in.ptr, 0, in.len))) {
        err_set(e, STATUS_INVALID_ARGUMENT, 0, "credentials: %s of more than %zu bytes, or with a NUL", what,
                max);
        return NULL;
    }
    text = malloc(in.len + 2);
    if (!text) {
        err_nomem(e, "keep credentials");
        return NULL;
    }
    if (in.len > 0)
        memcpy(text, in.ptr, in.len);
    memcpy(text + in.len, "\n", 2);
    if (in.len > 0 && in.ptr[in.len - 1] == '\n')
        text[in.len] = 0;
    return text;
}

int git_credentials_set_ssh(struct git_credentials *c, struct bytes key, struct bytes known_hosts,
                            bool accept_new, struct err *e)
{
    static const char begin[] = "-----BEGIN ";

    git_credentials_clear(c);
    if (key.len < sizeof begin - 1 || memcmp(key.ptr, begin, sizeof begin - 1) != 0)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0,
                       "credentials: private_key does not begin as ssh-keygen writes one");
    c->kind = GIT_CREDENTIALS_SSH;
    c->accept_new = accept_new;
    c->secret = lines_of(key, GIT_SSH_KEY_MAX, "private_key", e);
    if (!c->secret)
        return -1;
    c->known_hosts =
        known_hosts.len > 0 ? lines_of(known_hosts, GIT_KNOWN_HOSTS_MAX, "known_hosts", e) : NULL;
    return c->known_hosts || known_hosts.len == 0 ? 0 : -1;
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

/* A shorter one is not to be told from words, and stars in them would say what it is. */
#define HIDDEN_MIN 4

void git_credentials_hide(const struct git_credentials *c, char *text)
{
    size_t n = c->secret ? strlen(c->secret) : 0;

    while (n >= HIDDEN_MIN && (text = strstr(text, c->secret))) {
        memset(text, '*', n);
        text += n;
    }
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

/* A memfd with that text, for the process. Returns its number, or -1 with *e. The text's parts are written one by one: a buffer of
 * stdio's would keep them. */
static int lend_file(struct git_lent *l, const char *const parts[], size_t count, uid_t uid, gid_t gid,
                     struct err *e)
{
    int fd = memfd_create("git-credentials", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0)
        return no_descriptor(e);
    l->fds[l->fd_count++] = fd;
    for (size_t i = 0; i < count; i++)
        if (fd_write_all(fd, parts[i], strlen(parts[i])) < 0)
            return no_descriptor(e);
    return seal(fd, uid, gid) < 0 ? no_descriptor(e) : fd;
}

static int lend_bearer(const struct git_credentials *c, uid_t uid, gid_t gid, struct git_lent *l,
                       struct err *e)
{
    const char *const parts[] = {"[http \"", c->origin, "\"]\n\textraHeader = \"Authorization: Bearer ",
                                 c->secret, "\"\n"};
    int fd = lend_file(l, parts, ARRAY_LEN(parts), uid, gid, e);

    if (fd < 0)
        return -1;
    snprintf(l->include, sizeof l->include, "include.path=/proc/self/fd/%d", fd);
    l->args[l->arg_count++] = "-c";
    l->args[l->arg_count++] = l->include;
    l->args[l->arg_count++] = "-c";
    l->args[l->arg_count++] = "http.followRedirects=false";
    return 0;
}

/* What ssh is told of the hosts that it may talk to. It writes what it learns into the first of the files. */
static int lend_hosts(const struct git_credentials *c, uid_t uid, gid_t gid, struct git_lent *l,
                      struct err *e)
{
    size_t n = strlen(l->ssh);
    int fd;

    n += (size_t)snprintf(l->ssh + n, sizeof l->ssh - n, " -o StrictHostKeyChecking=%s",
                          c->accept_new ? "accept-new" : "yes");
    if (!c->known_hosts)
        return 0;
    fd = lend_file(l, (const char *const[]){c->known_hosts}, 1, uid, gid, e);
    if (fd < 0)
        return -1;
    snprintf(l->ssh + n, sizeof l->ssh - n,
             " -o GlobalKnownHostsFile=/dev/null -o \"UserKnownHostsFile=/dev/null /proc/$PPID/fd/%d\"", fd);
    return 0;
}

/* ssh asks nobody, offers this key and no other, and leaves nothing behind that could be used after the call. */
static int lend_ssh(const struct git_credentials *c, uid_t uid, gid_t gid, struct git_lent *l, struct err *e)
{
    int fd = lend_file(l, (const char *const[]){c->secret}, 1, uid, gid, e);

    if (fd < 0)
        return -1;
    snprintf(
        l->ssh, sizeof l->ssh,
        "ssh -i /proc/$PPID/fd/%d -o BatchMode=yes -o IdentitiesOnly=yes -o IdentityAgent=none -o "
        "PreferredAuthentications=publickey -o ControlMaster=no -o ControlPath=none -o ForwardAgent=no -o "
        "ClearAllForwardings=yes",
        fd);
    l->vars[l->var_count++] = (struct exec_var){"GIT_SSH_COMMAND", l->ssh};
    return lend_hosts(c, uid, gid, l, e);
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
    else if (c->kind == GIT_CREDENTIALS_SSH)
        ret = lend_ssh(c, uid, gid, l, e);
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
