#include "git/plain.h"

#include "guest/git/refname.h"

/* --- the command ----------------------------------------------------------------------------- */

int git_plain_words(struct git_call *c, const char *words, struct err *e)
{
    while (*words) {
        size_t n = strcspn(words, " ");
        const char *word = arena_string(&c->arena, (struct bytes){words, n});

        if (!word)
            return err_nomem(e, "run git");
        if (git_call_arg(c, word, e) < 0)
            return -1;
        words += n + (words[n] == ' ');
    }
    return 0;
}

int git_plain_name(struct git_call *c, const char *name, const char *what, struct err *e)
{
    if (!git_refname_is_valid(bytes_of(name)))
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "%s '%s': not a name that git takes", what, name);
    return git_call_text(c, "", name, what, e);
}

int git_plain_paths(struct git_call *c, const ProtobufCBinaryData *paths, size_t count, struct err *e)
{
    for (size_t i = 0; i < count; i++) {
        if (paths[i].len == 0 || memchr(paths[i].data, 0, paths[i].len))
            return err_set(e, STATUS_INVALID_ARGUMENT, 0, "paths: one is empty, or holds a NUL");
        if (chain_copy(&c->input, paths[i].data, paths[i].len) < 0 || chain_copy(&c->input, "", 1) < 0)
            return err_nomem(e, "run git");
    }
    c->command.input = count > 0;
    return count > 0 ? git_plain_words(c, "--pathspec-from-file=- --pathspec-file-nul", e) : 0;
}

/* --- the answer ------------------------------------------------------------------------------ */

void git_plain_hear(struct git_call *c)
{
    c->out = git_heard_begin(&c->heard);
}

struct bytes git_plain_heard(const struct git_call *c)
{
    struct bytes text = git_tail_text(&c->heard.text);

    text.len -= text.len > 0 && text.ptr[text.len - 1] == '\n';
    return text;
}

char *git_plain_word(struct git_call *c, struct err *e)
{
    return git_call_string(c, c->op->run.end.code == 0 ? git_plain_heard(c) : (struct bytes){0}, e);
}

int git_plain_judge(struct git_call *c, struct err *e)
{
    if (c->op->run.end.code != 0 && git_errors_reason(git_tail_text(&c->op->run.said)) == GIT_UNSPECIFIED &&
        git_tail_add(&c->op->run.said, git_tail_text(&c->heard.text), e) < 0)
        return -1;
    return git_call_judge(c, e);
}

/* --- lists and empty answers ----------------------------------------------------------------- */

/* A list has room for 16, then for each power of two: it is full where its count is one of them. */
void *git_plain_room(struct git_call *c, const void *list, size_t count, size_t size, struct err *e)
{
    void *longer;

    if (count > 0 && (count < 16 || (count & (count - 1)) != 0))
        return (void *)(uintptr_t)list;
    longer = git_call_alloc(c, MAX(2 * count, (size_t)16) * size, e);
    if (longer && count > 0)
        memcpy(longer, list, count * size);
    return longer;
}

int git_plain_done(struct git_call *c, struct err *e)
{
    ProtobufCMessage *m = git_call_alloc(c, c->verb->output->sizeof_message, e);

    if (!m)
        return -1;
    protobuf_c_message_init(c->verb->output, m);
    git_call_reply(c, m);
    return 0;
}
