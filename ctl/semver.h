/* Versions by https://semver.org: three numbers, and what may follow them. */
#ifndef CTL_SEMVER_H
#define CTL_SEMVER_H

#include "core/base.h"

struct semver {
    unsigned long major, minor, patch;
    const char *pre; /* "rc.1" of "1.2.3-rc.1+b", up to pre_len; the text's own */
    size_t pre_len;  /* 0: a release */
};

/* Returns 0, or -1: the text is none. */
int semver_parse(const char *text, struct semver *v);

/* Less than, equal to or greater than 0 as a comes before b, is as old, or comes behind (section 11). */
int semver_compare(const struct semver *a, const struct semver *b);

#endif
