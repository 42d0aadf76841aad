/* The verbs: one file each, and a row in the table of git_service.c. */
#ifndef GIT_VERBS_H
#define GIT_VERBS_H

#include "git/call.h"

extern const struct git_verb git_verb_add;
extern const struct git_verb git_verb_add_remote;
extern const struct git_verb git_verb_branches;
extern const struct git_verb git_verb_changes;
extern const struct git_verb git_verb_checkout;
extern const struct git_verb git_verb_clone;
extern const struct git_verb git_verb_commit;
extern const struct git_verb git_verb_configure_user;
extern const struct git_verb git_verb_create_branch;
extern const struct git_verb git_verb_delete_branch;
extern const struct git_verb git_verb_diff;
extern const struct git_verb git_verb_get_config;
extern const struct git_verb git_verb_init;
extern const struct git_verb git_verb_list_config;
extern const struct git_verb git_verb_log;
extern const struct git_verb git_verb_remotes;
extern const struct git_verb git_verb_remove_remote;
extern const struct git_verb git_verb_reset;
extern const struct git_verb git_verb_restore;
extern const struct git_verb git_verb_fetch;
extern const struct git_verb git_verb_pull;
extern const struct git_verb git_verb_push;
extern const struct git_verb git_verb_run;
extern const struct git_verb git_verb_set_config;
extern const struct git_verb git_verb_set_remote;
extern const struct git_verb git_verb_status;
extern const struct git_verb git_verb_unset_config;

#endif
