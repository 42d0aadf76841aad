#include "guest/git/asker.h"
#include "guest/git/branches.h"
#include "guest/git/changes.h"
#include "guest/git/config.h"
#include "guest/git/errors.h"
#include "guest/git/log.h"
#include "guest/git/progress.h"
#include "guest/git/refname.h"
#include "guest/git/status.h"
#include "guest/git/updates.h"
#include "guest/git/version.h"

#include "fuzz.h"

/* Of what status, progress, branches, config, log and changes told, in order. */
static uint64_t seen[6];

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

static int on_field(void *arg, enum git_log_field f, struct bytes value, bool cut, struct err *e)
{
    struct bytes name;

    (void)arg;
    (void)e;
    CHECK(f < GIT_LOG_FIELDS && !cut);
    note(&seen[4], value);
    while (f == GIT_LOG_REFS && (name = git_log_ref(&value)).len > 0)
        note(&seen[4], name);
    return 0;
}

static int on_file(void *arg, char letter, bool same_mode, struct bytes path, struct bytes original,
                   struct err *e)
{
    (void)arg;
    (void)e;
    CHECK(letter && path.len > 0 && (original.len > 0) == (letter == 'R' || letter == 'C'));
    note(&seen[5], path);
    note(&seen[5], original);
    seen[5] += same_mode;
    return 0;
}

static int on_lines(void *arg, struct bytes path, uint64_t added, uint64_t deleted, bool binary,
                    struct err *e)
{
    (void)arg;
    (void)e;
    CHECK(path.len > 0);
    note(&seen[5], path);
    seen[5] += added ^ deleted ^ binary;
    return 0;
}

/* Reads the input in the pieces that `cuts` makes (NULL: one) as either stream of git. */
static void read_all(const uint8_t *data, size_t size, struct fuzz_cuts *cuts)
{
    static const struct git_status_events events = {on_header, on_entry};
    static const struct git_changes_events changes_events = {on_file, on_lines};
    struct git_progress progress = {.line = on_line};
    bool good[5] = {true, true, true, true, true};
    struct git_branches branches;
    struct git_config config;
    struct git_status status;
    struct git_changes changes;
    struct git_log log;
    struct err e;

    memset(seen, 0, sizeof seen);
    git_status_init(&status, &events, NULL);
    git_branches_init(&branches, on_branch, NULL);
    git_config_init(&config, on_config, NULL);
    git_changes_init(&changes, &changes_events, NULL);
    git_log_init(&log, on_field, NULL);
    for (size_t at = 0, n; at < size; at += n) {
        CLEANUP_FREE char *piece = NULL;

        n = cuts ? fuzz_cut(cuts, size - at) : size;
        piece = fuzz_copy(data + at, n);
        git_progress_feed(&progress, (struct bytes){piece, n});
        good[0] = good[0] && git_status_feed(&status, (struct bytes){piece, n}, &e) == 0;
        good[1] = good[1] && git_branches_feed(&branches, (struct bytes){piece, n}, &e) == 0;
        good[2] = good[2] && git_config_feed(&config, (struct bytes){piece, n}, &e) == 0;
        good[3] = good[3] && git_log_feed(&log, (struct bytes){piece, n}, &e) == 0;
        good[4] = good[4] && git_changes_feed(&changes, (struct bytes){piece, n}, &e) == 0;
    }
    git_status_clear(&status);
    git_branches_clear(&branches);
    git_config_clear(&config);
    git_log_clear(&log);
    git_changes_clear(&changes);
}

/* What is told of a text lies in it. */
static void check_within(struct bytes part, struct bytes text)
{
    CHECK(part.len == 0 || (part.ptr >= text.ptr && part.ptr + part.len <= text.ptr + text.len));
}

static int on_text_line(struct git_lines *l, struct bytes line, struct err *e)
{
    struct git_update u;

    (void)l;
    (void)e;
    if (git_update_pushed(line, &u) || git_update_fetched(line, &u)) {
        CHECK(u.kind != GIT_UPDATE_UNSPECIFIED && u.to.len > 0);
        check_within(u.from, line);
        check_within(u.to, line);
        check_within(u.old_id, line);
        check_within(u.new_id, line);
        check_within(u.reason, line);
    }
    return 0;
}

static int on_reference(struct git_refs *r, struct bytes name, struct bytes old_id, struct bytes new_id,
                        struct err *e)
{
    (void)r;
    (void)e;
    CHECK(name.len > 0 && old_id.len + new_id.len > 0);
    return 0;
}

/* The first half as a listing before, the second as one after; all as lines. */
static void check_updates(struct bytes text)
{
    static struct git_lines lines = {.line = on_text_line};
    struct git_refs refs;
    struct err e;

    lines.len = 0;
    CHECK(git_lines_feed(&lines, text, &e) == 0);
    git_refs_init(&refs, on_reference);
    if (git_refs_feed(&refs, (struct bytes){text.ptr, text.len / 2}, &e) == 0 &&
        git_refs_turn(&refs, &e) == 0 &&
        git_refs_feed(&refs, (struct bytes){text.ptr + text.len / 2, text.len - text.len / 2}, &e) == 0)
        (void)git_refs_end(&refs, &e);
    git_refs_clear(&refs);
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
    struct err e;
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
    check_updates(text);
    CHECK(git_asker_answer(&credentials, text, &answer, &e) == 0);
    CHECK(!answer || answer == credentials.username || answer == credentials.secret);
    return 0;
}
