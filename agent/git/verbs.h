/* The verbs: one file each, and a row in the table of git_service.c. */
#ifndef GIT_VERBS_H
#define GIT_VERBS_H

#include "git/call.h"

extern const struct git_verb git_verb_clone;
extern const struct git_verb git_verb_init;
extern const struct git_verb git_verb_run;
extern const struct git_verb git_verb_status;

#endif
