#include "guest/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/fd.h"
#include "core/limits.h"
#include "core/log.h"

#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* --- lists of "NAME=value" ------------------------------------------------------------------- */

static size_t list_len(char *const *list)
{
    size_t n = 0;

    while (list && list[n])
        n++;
    return n;
}

static void list_free(char **list)
{
    for (char **p = list; p && *p; p++)
        free(*p);
    free(list);
}

static char *pair(const char *name, const char *value)
{
    char *p = malloc(strlen(name) + strlen(value) + 2);

    if (p)
        sprintf(p, "%s=%s", name, value);
    return p;
}

/* --- the snapshot ---------------------------------------------------------------------------- */

struct guest_env *guest_env_ref(struct guest_env *g)
{
    __atomic_add_fetch(&g->refs, 1, __ATOMIC_RELAXED);
    return g;
}

void guest_env_unref(struct guest_env *g)
{
    if (!g || __atomic_sub_fetch(&g->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    free(g->default_user);
    free(g->workdir);
    free(g->path);
    list_free(g->vars);
    free(g);
}

/* A new snapshot with these parts replaces the current one. */
static int publish(struct settings *s, const char *user, const char *workdir, char *const *internal,
                   char *const *user_vars, struct err *e)
{
    struct guest_env *g = calloc(1, sizeof *g);
    size_t n = list_len(internal) + list_len(user_vars);
    const char *path = getenv("PATH");
    bool ok;

    if (!g)
        return err_nomem(e, "change the settings");
    g->refs = 1;
    g->default_user = strdup(user);
    g->workdir = strdup(workdir);
    g->path = strdup(path && *path ? path : PATH_DEFAULT);
    g->vars = calloc(n + 1, sizeof *g->vars);
    ok = g->default_user && g->workdir && g->path && g->vars;
    for (char *const *p = internal; ok && p && *p; p++)
        ok = (g->vars[g->var_count++] = strdup(*p)) != NULL;
    for (char *const *p = user_vars; ok && p && *p; p++)
        ok = (g->vars[g->var_count++] = strdup(*p)) != NULL;
    if (!ok) {
        guest_env_unref(g);
        return err_nomem(e, "change the settings");
    }
    guest_env_unref(s->env);
    s->env = g;
    return 0;
}

int settings_init(struct settings *s, const char *default_user, struct err *e)
{
    *s = (struct settings){0};
    return publish(s, default_user ? default_user : "root", "", NULL, NULL, e);
}

void settings_destroy(struct settings *s)
{
    guest_env_unref(s->env);
    list_free(s->internal);
    list_free(s->user_vars);
    if (s->token)
        explicit_bzero(s->token, strlen(s->token));
    free(s->token);
    free(s->secured_path);
    *s = (struct settings){0};
}

/* --- changes --------------------------------------------------------------------------------- */

int settings_set_vars(struct settings *s, const char *const *names, const char *const *values, size_t n,
                      struct err *e)
{
    char **list;

    if (n > ENV_VARS_MAX)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "%zu environment variables: more than %d", n,
                       ENV_VARS_MAX);
    for (size_t i = 0; i < n; i++)
        if (!*names[i] || strchr(names[i], '='))
            return err_set(e, STATUS_INVALID_ARGUMENT, 0, "environment variable '%s': not a name", names[i]);
    list = calloc(n + 1, sizeof *list);
    if (!list)
        return err_nomem(e, "set the environment");
    for (size_t i = 0; i < n; i++) {
        list[i] = pair(names[i], values[i]);
        if (!list[i]) {
            list_free(list);
            return err_nomem(e, "set the environment");
        }
    }
    if (publish(s, s->env->default_user, s->env->workdir, s->internal, list, e) < 0) {
        list_free(list);
        return -1;
    }
    list_free(s->user_vars);
    s->user_vars = list;
    return 0;
}

int settings_set_internal(struct settings *s, const char *name, const char *value, struct err *e)
{
    size_t n = list_len(s->internal), len = strlen(name);
    char **list = calloc(n + 2, sizeof *list);
    char *p = pair(name, value);
    size_t at = 0;

    if (!list || !p) {
        free(list);
        free(p);
        return err_nomem(e, "set the environment");
    }
    if (n)
        memcpy(list, s->internal, n * sizeof *list);
    while (at < n && !(strncmp(list[at], name, len) == 0 && list[at][len] == '='))
        at++;
    if (at < n)
        free(list[at]);
    list[at] = p;
    free(s->internal);
    s->internal = list;
    return publish(s, s->env->default_user, s->env->workdir, s->internal, s->user_vars, e);
}

int settings_set_defaults(struct settings *s, const char *user, const char *workdir, struct err *e)
{
    return publish(s, user ? user : s->env->default_user, workdir ? workdir : s->env->workdir, s->internal,
                   s->user_vars, e);
}

/* Makes the file, and its directory where there is none. Returns 0, or -1 with errno. */
static int remember(char *path)
{
    char *name = strrchr(path, '/');
    int fd;

    *name = 0;
    (void)mkdir(path, 0755);
    *name = '/';
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -1;
    close(fd);
    return 0;
}

int settings_set_token(struct settings *s, const char *token, struct err *e)
{
    char *copy = NULL;

    if (token && !(copy = strdup(token)))
        return err_nomem(e, "set the token");
    if (s->token)
        explicit_bzero(s->token, strlen(s->token));
    free(s->token);
    s->token = copy;
    if (token && s->secured_path) {
        if (remember(s->secured_path) < 0)
            log_warn("token.unremembered", LOG_STR("error.type", errno_text(errno)));
    } else if (!token && s->secured_path) {
        unlink(s->secured_path);
    }
    return 0;
}

void settings_remember(struct settings *s, const char *dir)
{
    char path[512];

    snprintf(path, sizeof path, "%s/secured", dir);
    s->secured_path = strdup(path);
    if (access(path, F_OK) == 0)
        s->require_token = true;
}
