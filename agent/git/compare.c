#include "git/compare.h"

#include "git/plain.h"
#include "git/revisions.h"

/* --- the request ----------------------------------------------------------------------------- */

static int check(const Guest__V1__DiffTarget *m, struct err *e)
{
    if (*m->to && !*m->from)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "target: `to` '%s' without `from`", m->to);
    if (m->staged && *m->from)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "target: `staged` is against HEAD, not `from` '%s'",
                       m->from);
    return 0;
}

int git_compare_ask(struct git_call *c, struct git_compare *x, const Guest__V1__DiffTarget *m, struct err *e)
{
    static const char *const what[] = {"from", "to"};
    const char *words[2] = {m ? m->from : "", m ? m->to : ""};

    if (m && (check(m, e) < 0 || !(x->paths = git_call_copy_paths(c, m->paths, m->n_paths, e))))
        return -1;
    x->path_count = m ? m->n_paths : 0;
    x->staged = m && m->staged;
    x->rev_count = !!*words[0] + !!*words[1];
    return git_revisions_ask(c, words, what, x->rev_count, e);
}

/* --- the command ----------------------------------------------------------------------------- */

/* The commits that the words mean: of each one. */
static int add_revisions(struct git_call *c, struct git_compare *x, struct err *e)
{
    struct bytes text = git_plain_heard(c), name;

    for (size_t i = 0; i <= x->rev_count; i++) {
        const char *arg;

        name = git_revisions_next(&text);
        if (i == x->rev_count && name.len == 0)
            return 0;
        if (i == x->rev_count || name.len == 0 || name.ptr[0] == '^')
            break;
        arg = git_call_string(c, name, e);
        if (!arg || git_call_arg(c, arg, e) < 0)
            return -1;
    }
    return err_set(e, STATUS_INVALID_ARGUMENT, 0, "target: `from` or `to` is not a single commit");
}

/* Of two paths without a revision git would compare one with the other if they lie outside: three it takes as what they are. */
static int add_paths(struct git_call *c, const struct git_compare *x, struct err *e)
{
    if (git_call_arg(c, "--", e) < 0)
        return -1;
    for (size_t i = 0; i < x->path_count; i++)
        if (git_call_arg(c, x->paths[i], e) < 0)
            return -1;
    return x->path_count == 2 ? git_call_arg(c, x->paths[1], e) : 0;
}

/* Against the configuration of the repository and the user: no programs, one form. Without a refresh of the index no lock is taken,
 * and files whose times alone changed have no patch. */
int git_compare_run(struct git_call *c, struct git_compare *x, struct git_sink *out,
                    const char *const *options, size_t count, struct err *e)
{
    static const char *const fixed[] = {"-c",
                                        "diff.autoRefreshIndex=false",
                                        "-c",
                                        "diff.suppressBlankEmpty=false",
                                        "diff",
                                        "--no-ext-diff",
                                        "--no-textconv",
                                        "--no-color",
                                        "--no-relative",
                                        "--find-renames",
                                        "--submodule=short",
                                        "--src-prefix=a/",
                                        "--dst-prefix=b/"};

    git_call_again(c);
    c->out = out;
    for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
        if (git_call_arg(c, fixed[i], e) < 0)
            return -1;
    for (size_t i = 0; i < count; i++)
        if (git_call_arg(c, options[i], e) < 0)
            return -1;
    if (x->staged && git_call_arg(c, "--cached", e) < 0)
        return -1;
    return add_revisions(c, x, e) < 0 ? -1 : add_paths(c, x, e);
}
