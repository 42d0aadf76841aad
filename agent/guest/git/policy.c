#include "guest/git/policy.h"

#include <stdio.h>
#include <sys/resource.h>

#include "core/arena.h"

const char git_arg_path[] = "";

/* --- configuration --------------------------------------------------------------------------- */

/* On top of the system's, the user's and the repository's, which may hold the opposite. By -c and not by GIT_CONFIG_COUNT, which
 * git 2.30 does not know. */
static const char *const settings[] = {
    /* A repository's own programs. */
    "core.fsmonitor=false",
    "core.sshCommand=ssh",
    "core.askPass=",
    "core.pager=cat",
    "core.editor=:",
    "sequence.editor=:",
    "core.alternateRefsCommand=true",
    "credential.helper=",
    "gpg.program=gpg",
    "gpg.x509.program=gpgsm",
    "gpg.ssh.program=ssh-keygen",
    "gpg.ssh.defaultKeyCommand=false",
    /* Ways to fetch that run a command; those to files only where the caller himself names one. */
    "protocol.ext.allow=never",
    "protocol.fd.allow=never",
    "protocol.file.allow=user",
    /* Nothing goes on behind a call's end. */
    "gc.auto=0",
    "maintenance.auto=false",
    /* Words as the parsers of this folder know them. */
    "advice.detachedHead=false",
    "color.ui=false",
    "core.quotePath=true",
};
/* What a call with store_credentials has kept serves those that bring none. With a call's own nothing keeps them, or forgets others. */
static const char stored[] = "credential.helper=store";
static const char no_hooks[] = "core.hooksPath=/dev/null";

/* --- environment ----------------------------------------------------------------------------- */

static const struct exec_var variables[] = {
    {"LC_ALL", "C"},
    {"LANGUAGE", "C"},
    {"GIT_TERMINAL_PROMPT", "0"},
    {"GIT_ASKPASS", ""}, /* nobody is asked: not even by core.askPass or SSH_ASKPASS */
    {"SSH_ASKPASS_REQUIRE", "never"},
    {"GIT_SSH_COMMAND", "ssh -o BatchMode=yes"}, /* before core.sshCommand */
    {"GIT_SSH_VARIANT", "ssh"},
    {"GIT_PROXY_COMMAND", ""}, /* of core.gitProxy the first counts, not the last */
    {"GIT_PAGER", "cat"},
    {"GIT_EDITOR", ":"},
    {"GIT_MERGE_AUTOEDIT", "no"},
};

/* A name that git or its transport takes orders by. */
int git_policy_var(const char *name, struct err *e)
{
    static const char *const taken[] = {"LC_ALL", "LANGUAGE", "SSH_ASKPASS_REQUIRE"};
    bool bad =
        !*name || strchr(name, '=') || (strncmp(name, "GIT_", 4) == 0 && strcmp(name, "GIT_TRACE") != 0);

    for (size_t i = 0; i < ARRAY_LEN(taken); i++)
        bad |= strcmp(name, taken[i]) == 0;
    return bad ? err_set(e, STATUS_INVALID_ARGUMENT, 0, "environment variable '%s': git's own", name) : 0;
}

/* --- both ------------------------------------------------------------------------------------ */

/* The directory that the call names is trusted whoever owns it; one above it is not. */
static char *safe_directory(const char *path, struct arena *a)
{
    static const char key[] = "safe.directory=";
    char *s = arena_alloc(a, sizeof key + strlen(path));

    if (s) {
        memcpy(s, key, sizeof key);
        memcpy(s + sizeof key - 1, path, strlen(path) + 1);
    }
    return s;
}

static const char **make_args(const struct git_place *place, const struct git_command *c, size_t *count,
                              struct arena *a)
{
    const char **args = arena_array(
        a, 2 * (ARRAY_LEN(settings) + 3) + 1 + c->arg_count + ARRAY_LEN(c->lent->args), sizeof *args);
    const char *safe = safe_directory(place->path, a);
    size_t n = 0;

    if (!args || !safe)
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        args[n++] = "-c";
        args[n++] = settings[i];
    }
    if (!c->hooks) {
        args[n++] = "-c";
        args[n++] = no_hooks;
    }
    if (!c->lent || c->lent->fd_count == 0) {
        args[n++] = "-c";
        args[n++] = stored;
    }
    args[n++] = "-c";
    args[n++] = safe;
    for (size_t i = 0; c->lent && i < c->lent->arg_count; i++)
        args[n++] = c->lent->args[i];
    if (!c->globs)
        args[n++] = "--literal-pathspecs";
    for (size_t i = 0; i < c->arg_count; i++)
        args[n++] = c->args[i] == git_arg_path ? place->path : c->args[i];
    *count = n;
    return args;
}

static const struct exec_var *make_vars(const struct git_command *c, size_t *count, struct arena *a)
{
    struct exec_var *vars =
        arena_array(a, ARRAY_LEN(variables) + ARRAY_LEN(c->lent->vars) + 1 + c->var_count, sizeof *vars);
    size_t n = 0;

    if (!vars)
        return NULL;
    for (size_t i = 0; i < c->var_count; i++)
        vars[n++] = c->vars[i];
    for (size_t i = 0; i < ARRAY_LEN(variables); i++)
        vars[n++] = variables[i];
    for (size_t i = 0; c->lent && i < c->lent->var_count; i++)
        vars[n++] = c->lent->vars[i];
    if (c->reads)
        vars[n++] = (struct exec_var){"GIT_OPTIONAL_LOCKS", "0"};
    *count = n;
    return vars;
}

struct exec_spec *git_policy_spec(const struct git_place *place, const char *user,
                                  const struct git_command *c, struct err *e)
{
    /* Too short for a file; and where a program takes the cores, which 0 would not stop, 1 does (core(5), fs/coredump.c). */
    static const struct exec_limit no_core = {RLIMIT_CORE, 1, 1};
    struct arena a = {.max = GIT_ANSWER_BYTES};
    struct exec_spec *spec = NULL, view = {
                                       .cmd = place->program.path,
                                       .cwd = place->existed ? place->path : "/",
                                       .user = user,
                                       .stdin_pipe = c->input,
                                       .limits = &no_core,
                                       .limit_count = 1,
                                       .kill_target = EXEC_TARGET_TREE,
                                       .grace_ms = GIT_GRACE_MS,
                                       .transient = true,
                                       .hidden = "GIT_",
                                   };

    view.args = make_args(place, c, &view.arg_count, &a);
    view.vars = make_vars(c, &view.var_count, &a);
    if (c->lent) {
        memcpy(view.fds, c->lent->fds, sizeof view.fds);
        view.fd_count = c->lent->fd_count;
    }
    if (view.args && view.vars)
        spec = exec_spec_copy(&view);
    if (spec && c->lent)
        c->lent->fd_count = 0;
    if (!spec)
        err_nomem(e, "run git");
    arena_clear(&a);
    return spec;
}
