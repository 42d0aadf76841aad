/* guestctl git: guest.v1.Git on the command line. A verb is a row of a table: its method, which fields its operands fill, and how its
 * answer is shown; its options fill the fields of their names (git_fields.h). */
#ifndef CTL_GIT_H
#define CTL_GIT_H

#include "core/arena.h"
#include "ctl/client.h"
#include "guest/v1/git.pb-c.h"

enum {
    GIT_FIELD = 1, /* the field of the request that is named so */
    GIT_DIRECTORY,
    GIT_USER,
    GIT_TIMEOUT,
    GIT_ENV,
    GIT_HOOKS,
    GIT_PROGRESS,
    GIT_INPUT,
    GIT_CREDENTIALS,
    GIT_BEARER,
    GIT_SSH_KEY,
    GIT_KNOWN_HOSTS,
    GIT_NEW_HOST,
    GIT_STORE,
};

#define GIT_OPERANDS_MAX 3

struct git_row {
    struct verb verb;   /* its name is "git NAME", and it has no run */
    const char *method; /* "Clone" */
    const ProtobufCMessageDescriptor *input, *output;
    bool streams;
    const char *operands
        [GIT_OPERANDS_MAX]; /* fields, in order; of the last all operands that are left, if it is a list */
    int least, most;        /* operands; most -1: any number */
    void (*show)(const ProtobufCMessage *m); /* what an answer says, to a person; NULL: nothing */
};

extern const struct git_row git_rows[];
extern const size_t git_row_count;

/* The verb's name without "git ". */
const char *git_row_name(const struct git_row *row);

/* What the credential options said. */
struct git_secrets {
    const char *from;    /* "helper", "-" or a file, as git-credential(1) writes it; NULL: none */
    const char *bearer;  /* a file with a token, or "-" */
    const char *ssh_key; /* a file */
    const char *known_hosts;
    bool accept_new_host, store;
};

struct git_request {
    const struct ctl *ctl;
    const struct git_row *row;
    struct arena arena; /* of the request; wiped */
    ProtobufCMessage *m;
    char authorization[CLIENT_AUTHORIZATION_MAX];
    struct client_options options;
    struct git_secrets secrets;
    bool progress, input;
    uint64_t limit; /* entries in all; 0: no bound */
};

/* Reads options and operands into a request, whose row is set. Returns 0, or the exit code, having said why. */
int git_request_parse(struct git_request *r, int argc, char **argv);
void git_request_clear(struct git_request *r);

#endif
