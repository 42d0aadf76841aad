#include "git/git_service.h"

#include "git/stream.h"
#include "git/verbs.h"

static const struct git_verb *const verbs[] = {
    &git_verb_add,           &git_verb_add_remote,    &git_verb_branches,    &git_verb_changes,
    &git_verb_checkout,      &git_verb_clone,         &git_verb_commit,      &git_verb_configure_user,
    &git_verb_create_branch, &git_verb_delete_branch, &git_verb_diff,        &git_verb_fetch,
    &git_verb_get_config,    &git_verb_init,          &git_verb_list_config, &git_verb_log,
    &git_verb_pull,          &git_verb_push,          &git_verb_remotes,     &git_verb_remove_remote,
    &git_verb_reset,         &git_verb_restore,       &git_verb_run,         &git_verb_set_config,
    &git_verb_set_remote,    &git_verb_status,        &git_verb_unset_config};

_Static_assert(ARRAY_LEN(verbs) <= GIT_METHODS_MAX, "the table of methods is too short");

const struct git_verb *git_service_verb(const ProtobufCMessageDescriptor *input)
{
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        if (verbs[i]->input == input)
            return verbs[i];
    return NULL;
}

int git_service_init(struct git_service *s, struct rpc *rpc, struct execs *execs, struct jobs *workers,
                     struct settings *settings)
{
    git_init(&s->git, rpc->loop, execs, workers, settings);
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        s->methods[i] = (struct rpc_method){.name = verbs[i]->name,
                                            .kind = verbs[i]->kind,
                                            .flags = RPC_OWN_DEADLINE | RPC_SECRET,
                                            .input = verbs[i]->input,
                                            .output = verbs[i]->output,
                                            .message = git_call_message,
                                            .produce = git_call_produce};
    s->service = (struct rpc_service){
        .name = "guest.v1.Git", .methods = s->methods, .count = ARRAY_LEN(verbs), .context = s};
    return rpc_register(rpc, &s->service);
}
