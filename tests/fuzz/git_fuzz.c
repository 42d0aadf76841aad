#include "guest/git/asker.h"
#include "guest/git/branches.h"
#include "guest/git/config.h"
#include "guest/git/errors.h"
#include "guest/git/progress.h"
#include "guest/git/refname.h"
#include "guest/git/status.h"
#include "guest/git/version.h"

#include "fuzz.h"

static uint64_t seen[4]; /* of what status, progress, branches and config told, in order */

static void note(uint64_t *hash, struct bytes b)
{
    for (size_t i = 0; i < b.len; i++)
        *hash = (*hash ^ (uint8_t)b.ptr[i]) * 1099511628211u;
    ++*hash;
}

static int on_header(void *arg, const struct git_status_header *h, struct err *e)
{
    (void)arg;
    (void)e;
    note(&seen[0], h->name);
    note(&seen[0], h->value);
    return 0;
}

static int on_entry(void *arg, const struct git_status_entry *x, struct err *e)
{
    (void)arg;
    (void)e;
    note(&seen[0], x->path);
    note(&seen[0], x->original_path);
    return 0;
}

static void on_line(struct git_progress *p, const struct git_progress_line *l)
{
    (void)p;
    CHECK(l->phase.len + l->remote.len > 0 && l->phase.len + l->remote.len <= GIT_PROGRESS_LINE);
    note(&seen[1], l->phase);
    note(&seen[1], l->remote);
    seen[1] += l->done ^ l->total ^ l->bytes ^ l->bytes_per_second;
}

static int on_branch(void *arg, const struct git_branch *b, struct err *e)
{
    (void)arg;
    (void)e;
    CHECK(b->name.len <= b->refname.len && b->ahead < 1000000000 && b->behind < 1000000000);
    note(&seen[2], b->name);
    note(&seen[2], b->upstream);
    note(&seen[2], b->subject);
    seen[2] += (uint64_t)b->time ^ b->ahead ^ b->behind;
    return 0;
}

static int on_config(void *arg, const struct git_config_entry *x, struct err *e)
{
    (void)arg;
    (void)e;
    note(&seen[3], x->key);
    note(&seen[3], x->value);
    seen[3] += (uint64_t)x->scope;
    return 0;
}

/* Reads the input in the pieces that `cuts` makes (NULL: one) as either stream of git. */
static void read_all(const uint8_t *data, size_t size, struct fuzz_cuts *cuts)
{
    static const struct git_status_events events = {on_header, on_entry};
    struct git_progress progress = {.line = on_line};
    bool good = true, branches_good = true, config_good = true;
    struct git_branches branches;
    struct git_config config;
    struct git_status status;
    struct err e;

    memset(seen, 0, sizeof seen);
    git_status_init(&status, &events, NULL);
    git_branches_init(&branches, on_branch, NULL);
    git_config_init(&config, on_config, NULL);
    for (size_t at = 0, n; at < size; at += n) {
        CLEANUP_FREE char *piece = NULL;

        n = cuts ? fuzz_cut(cuts, size - at) : size;
        piece = fuzz_copy(data + at, n);
        git_progress_feed(&progress, (struct bytes){piece, n});
        good = good && git_status_feed(&status, (struct bytes){piece, n}, &e) == 0;
        branches_good = branches_good && git_branches_feed(&branches, (struct bytes){piece, n}, &e) == 0;
        config_good = config_good && git_config_feed(&config, (struct bytes){piece, n}, &e) == 0;
    }
    git_status_clear(&status);
    git_branches_clear(&branches);
    git_config_clear(&config);
}

/* What is told of a text lies in it. */
static void check_within(struct bytes part, struct bytes text)
{
    CHECK(part.len == 0 || (part.ptr >= text.ptr && part.ptr + part.len <= text.ptr + text.len));
}

static void check_url(struct bytes text)
{
    struct git_url u;
    struct err e;

    if (git_url_parse(text, &u, &e) < 0)
        return;
    CHECK(u.text && *u.text && *u.text != '-');
    CHECK((u.kind == GIT_URL_HTTP) == (u.origin != NULL));
    CHECK(!u.password || u.username);
    git_url_clear(&u);
}

/* What is hidden once has nothing left to hide; what is canonical stays so. */
static void check_texts(const uint8_t *data, size_t size)
{
    CLEANUP_FREE char *copy = fuzz_copy(data, size);
    size_t n = git_url_hide(copy, size);

    CHECK(n <= size);
    CHECK(git_url_hide(copy, n) == n);
    if (git_config_is_key((struct bytes){copy, n})) {
        CHECK(n >= 3 && memchr(copy, '.', n));
        git_config_canonical(copy, n);
        CHECK(git_config_is_key((struct bytes){copy, n}));
        (void)git_config_is_secret((struct bytes){copy, n});
    }
    if (git_refname_is_valid((struct bytes){copy, n}))
        CHECK(n > 0 && *copy != '-' && !memchr(copy, 0, n) && !memchr(copy, '\n', n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char username[] = "ann", secret[] = "secret", origin[] = "https://h";
    static const struct git_credentials credentials = {
        .kind = GIT_CREDENTIALS_BASIC, .username = username, .secret = secret, .origin = origin};
    struct fuzz_cuts cuts = fuzz_cuts_of(data, size);
    CLEANUP_FREE char *copy = fuzz_copy(data, size);
    struct bytes text = {copy, size};
    const char *answer;
    uint64_t whole[ARRAY_LEN(seen)];

    read_all(data, size, NULL);
    memcpy(whole, seen, sizeof whole);
    read_all(data, size, &cuts);
    CHECK(memcmp(whole, seen, sizeof whole) == 0); /* however it is cut */
    CHECK(git_errors_reason(text) < GIT_REASONS);
    check_within(git_errors_line(text), text);
    check_within(git_errors_lock(text), text);
    (void)git_version_parse(text);
    check_url(text);
    check_texts(data, size);
    answer = git_asker_answer(&credentials, text);
    CHECK(!answer || answer == credentials.username || answer == credentials.secret);
    return 0;
}
