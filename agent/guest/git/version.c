#include "guest/git/version.h"

/* A number of up to three digits at *at, which moves behind it; -1: there is none. */
static int number(struct bytes text, size_t *at)
{
    size_t start = *at;
    int value = 0;

    for (; *at < text.len && text.ptr[*at] >= '0' && text.ptr[*at] <= '9'; ++*at) {
        if (*at - start >= 3)
            return -1;
        value = 10 * value + text.ptr[*at] - '0';
    }
    return *at > start ? value : -1;
}

unsigned git_version_parse(struct bytes text)
{
    static const char words[] = "git version ";
    size_t at = sizeof words - 1;
    int major, minor;

    if (text.len < at || memcmp(text.ptr, words, at) != 0)
        return 0;
    major = number(text, &at);
    if (major < 0 || at >= text.len || text.ptr[at++] != '.')
        return 0;
    minor = number(text, &at);
    return minor < 0 ? 0 : (unsigned)(1000 * major + minor);
}

bool git_version_known(const struct git_version *v, const struct git_program *p)
{
    return v->path && strcmp(v->path, p->path) == 0 && users_same(&v->stamp, &p->stamp);
}

void git_version_keep(struct git_version *v, const struct git_program *p, struct bytes text)
{
    git_version_clear(v);
    v->path = strdup(p->path);
    v->stamp = p->stamp;
    v->number = git_version_parse(text);
}

int git_version_check(const struct git_version *v, struct err *e)
{
    if (v->number >= GIT_VERSION_MIN)
        return 0;
    return err_set(e, STATUS_FAILED_PRECONDITION, 0, "'%s' is version %u.%u: 2.30 or later is needed",
                   v->path ? v->path : "git", v->number / 1000, v->number % 1000);
}

void git_version_clear(struct git_version *v)
{
    free(v->path);
    *v = (struct git_version){0};
}
