#include "core/limits.h"
#include "git/compare.h"
#include "git/letters.h"
#include "git/plain.h"
#include "git/verbs.h"
#include "guest/git/changes.h"

/* --- Changes --------------------------------------------------------------------------------- */

/* A file that git named, and whose lines it has not told yet. */
struct named {
    STAILQ_ENTRY(named) link;
    char letter;
    bool same_mode;
    struct bytes path, original; /* in the arena */
};

struct changes {
    struct git_compare compare;
    struct git_sink out;
    struct git_changes reader;
    struct git_call *call;
    STAILQ_HEAD(, named) named;
    bool full; /* there is no memory for further names: they are left out */
    Guest__V1__ChangesResponse response;
    size_t limit, bytes;
};

/* Names take this much of the memory at most; the rest is for the answer. */
#define NAMES_BYTES (GIT_ANSWER_BYTES / 2)

/* --- the answer ------------------------------------------------------------------------------ */

/* The last file of the answer, when it is unmerged and has that path: git names such a file twice. */
static Guest__V1__FileChange *unmerged(const struct changes *x, struct bytes path)
{
    const Guest__V1__ChangesResponse *r = &x->response;
    Guest__V1__FileChange *last = r->n_files > 0 ? r->files[r->n_files - 1] : NULL;

    if (!last || last->change != GUEST__V1__CHANGE__CHANGE_UNMERGED ||
        !bytes_equal((struct bytes){(const char *)last->path.data, last->path.len}, path))
        return NULL;
    return last;
}

/* Puts a file into the answer. *m is NULL where it has no place there. */
static int answer(struct changes *x, const struct named *n, Guest__V1__FileChange **m, struct err *e)
{
    Guest__V1__ChangesResponse *r = &x->response;
    Guest__V1__FileChange **files;

    *m = unmerged(x, n->path);
    if (*m)
        return 0;
    if (r->n_files >= x->limit || x->bytes >= GIT_PAGE_BYTES) {
        r->truncated = true;
        return 0;
    }
    *m = git_call_alloc(x->call, sizeof **m, e);
    files = *m ? git_plain_room(x->call, r->files, r->n_files, sizeof *files, e) : NULL;
    if (!files)
        return -1;
    r->files = files;
    guest__v1__file_change__init(*m);
    (*m)->change = git_change_of(n->letter);
    (*m)->path = (ProtobufCBinaryData){n->path.len, (uint8_t *)(uintptr_t)n->path.ptr};
    (*m)->original_path = (ProtobufCBinaryData){n->original.len, (uint8_t *)(uintptr_t)n->original.ptr};
    r->files[r->n_files++] = *m;
    x->bytes += n->path.len + n->original.len;
    return 0;
}

/* A file without lines: its mode changed, or it is a rename or empty. Where git found only other times it is no change. */
static int answer_without_lines(struct changes *x, const struct named *n, struct err *e)
{
    Guest__V1__FileChange *m;

    return n->letter == 'M' && n->same_mode ? 0 : answer(x, n, &m, e);
}

/* --- what git says --------------------------------------------------------------------------- */

static int on_file(void *arg, char letter, bool same_mode, struct bytes path, struct bytes original,
                   struct err *e)
{
    struct changes *x = arg;
    struct arena *a = &x->call->arena;
    struct named *n;

    x->full |= a->total > NAMES_BYTES;
    if (x->full)
        return 0;
    n = git_call_alloc(x->call, sizeof *n, e);
    if (!n)
        return -1;
    *n = (struct named){.letter = letter,
                        .same_mode = same_mode,
                        .path = {arena_string(a, path), path.len},
                        .original = {arena_string(a, original), original.len}};
    if (!n->path.ptr || !n->original.ptr)
        return err_nomem(e, "answer");
    STAILQ_INSERT_TAIL(&x->named, n, link);
    return 0;
}

static int on_lines(void *arg, struct bytes path, uint64_t added, uint64_t deleted, bool binary,
                    struct err *e)
{
    struct changes *x = arg;
    Guest__V1__FileChange *m;
    struct named *n;

    while ((n = STAILQ_FIRST(&x->named)) && !bytes_equal(n->path, path)) {
        STAILQ_REMOVE_HEAD(&x->named, link);
        if (answer_without_lines(x, n, e) < 0)
            return -1;
    }
    if (!n)
        return x->full
                   ? 0
                   : err_set(e, STATUS_INTERNAL, 0, "git diff counts lines of a file that it did not name");
    STAILQ_REMOVE_HEAD(&x->named, link);
    if (answer(x, n, &m, e) < 0)
        return -1;
    if (m) {
        m->added_lines = added;
        m->deleted_lines = deleted;
        m->binary = binary;
    }
    return 0;
}

static const struct git_changes_events events = {on_file, on_lines};

static int feed(struct git_sink *s, struct bytes data, struct err *e)
{
    return git_changes_feed(&CONTAINER_OF(s, struct changes, out)->reader, data, e);
}

/* --- the verb -------------------------------------------------------------------------------- */

static int ask(struct git_call *c, const ProtobufCMessage *message, struct err *e)
{
    const Guest__V1__ChangesRequest *m = (const Guest__V1__ChangesRequest *)message;
    struct changes *x = c->state = git_call_alloc(c, sizeof *x, e);

    if (!x)
        return -1;
    if (m->limit > GIT_ENTRIES_MAX)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "limit %u: more than %d", m->limit, GIT_ENTRIES_MAX);
    x->limit = m->limit ? m->limit : GIT_ENTRIES_MAX;
    x->call = c;
    x->out.feed = feed;
    STAILQ_INIT(&x->named);
    guest__v1__changes_response__init(&x->response);
    git_changes_init(&x->reader, &events, x);
    return git_compare_ask(c, &x->compare, m->target, e);
}

static int ended(struct git_call *c, struct err *e)
{
    static const char *const options[] = {"--raw", "--numstat", "-z"};
    struct changes *x = c->state;
    struct named *n;

    if (c->step == 1)
        return git_compare_run(c, &x->compare, &x->out, options, ARRAY_LEN(options), e);
    if (git_changes_end(&x->reader, e) < 0)
        return -1;
    STAILQ_FOREACH (n, &x->named, link)
        if (answer_without_lines(x, n, e) < 0)
            return -1;
    x->response.truncated |= x->full;
    git_call_reply(c, &x->response.base);
    return 0;
}

static void clear(struct git_call *c)
{
    git_changes_clear(&((struct changes *)c->state)->reader);
}

const struct git_verb git_verb_changes = {.name = "Changes",
                                          .kind = RPC_UNARY,
                                          .input = &guest__v1__changes_request__descriptor,
                                          .output = &guest__v1__changes_response__descriptor,
                                          .access = GIT_READS,
                                          .ask = ask,
                                          .ended = ended,
                                          .clear = clear};
