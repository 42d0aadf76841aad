/* The output of `git config --list --show-scope -z`, read as it comes, and the keys of git's configuration.
 * Source: git-config(1). */
#ifndef GUEST_GIT_CONFIG_H
#define GUEST_GIT_CONFIG_H

#include "guest/git/records.h"

enum git_scope { GIT_SCOPE_ANY, GIT_SCOPE_LOCAL, GIT_SCOPE_GLOBAL, GIT_SCOPE_SYSTEM };

/* One value. The bytes are valid during the callback. */
struct git_config_entry {
    enum git_scope scope; /* ANY: of another kind; a work tree's own is LOCAL */
    struct bytes key;     /* the section and the name in lower case */
    struct bytes value;   /* of a key without one it is empty */
};

/* A reader. What the command line says, which is the agent's policy, is left out. */
struct git_config {
    struct git_records records;
    /* Returns 0, or -1 with *e. */
    int (*entry)(void *arg, const struct git_config_entry *x, struct err *e);
    void *arg;
    bool in_entry; /* a scope has been read, its entry has not */
    bool skip;     /* that entry */
    enum git_scope scope;
};

void git_config_init(struct git_config *r,
                     int (*entry)(void *arg, const struct git_config_entry *x, struct err *e), void *arg);

/* Reads on. Returns 0, or -1 with *e: internal, resource_exhausted, or what `entry` returned. */
MUST_CHECK int git_config_feed(struct git_config *r, struct bytes data, struct err *e);

/* At the output's end: -1 with *e when it ends inside an entry. */
MUST_CHECK int git_config_end(const struct git_config *r, struct err *e);

void git_config_clear(struct git_config *r);

/* Whether the text is a key: "section.name" or "section.subsection.name". */
bool git_config_is_key(struct bytes text);

/* Writes the key as git lists it: n bytes, not terminated. */
void git_config_canonical(char *key, size_t n);

/* Whether values of that key, which is as git lists it, are secrets by their name: passwords, tokens, header fields. */
bool git_config_is_secret(struct bytes key);

#endif
