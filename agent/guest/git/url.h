/* Addresses of repositories, as git takes them: what they mean, without the credentials that people write into them.
 * Source: git-clone(1), "GIT URLS"; RFC 3986 section 3.2. */
#ifndef GUEST_GIT_URL_H
#define GUEST_GIT_URL_H

#include "core/err.h"

enum git_url_kind { GIT_URL_HTTP, GIT_URL_SSH, GIT_URL_GIT, GIT_URL_FILE, GIT_URL_PATH };

struct git_url {
    enum git_url_kind kind;
    char *text; /* for git: without a password, of http without a user name as well; owned */
    char *
        origin; /* of http: "https://host:port" in lower case, without the port that is the scheme's own; else NULL; owned */
    char *username; /* of http, decoded; NULL: none; owned; wiped when it goes */
    char *password; /* the same; wiped when it goes */
};

/* Reads an address. Returns 0, or -1 with *e, invalid_argument: empty, longer than URL_MAX, with control bytes or a leading '-', of
 * a scheme that the policy does not let through, without a host, or ssh's with a password. The text of *e has no credentials. */
MUST_CHECK int git_url_parse(struct bytes text, struct git_url *u, struct err *e);

/* Takes the credentials out of every address in the text: what stands before an '@' behind "://", of ssh only the password. The bytes
 * that are left; equal to n when there were none. */
size_t git_url_hide(char *text, size_t n);

/* Wipes and frees. */
void git_url_clear(struct git_url *u);

#endif
