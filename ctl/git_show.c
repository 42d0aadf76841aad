#include "ctl/git_show.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "ctl/listing.h"
#include "guest/v1/git.pb-c.h"

static void text(const char *s)
{
    listing_name((ProtobufCBinaryData){strlen(s), (uint8_t *)(uintptr_t)s});
}

static void line(const char *s)
{
    text(s);
    putchar('\n');
}

/* "main" and the first letters of the commit, or what there is of them. */
static void head(const char *branch, const char *commit)
{
    text(*branch ? branch : "(detached)");
    printf(" %.12s\n", commit);
}

/* --- the work tree --------------------------------------------------------------------------- */

/* By Change: git's letters. */
static char letter_of(Guest__V1__Change change)
{
    static const char letters[] = " AMDRCTU";

    return (size_t)change < sizeof letters - 1 ? letters[change] : '?';
}

void git_show_init(const ProtobufCMessage *m)
{
    line(((const Guest__V1__InitResponse *)m)->git_dir);
}

void git_show_clone(const ProtobufCMessage *m)
{
    const Guest__V1__CloneResult *r = ((const Guest__V1__CloneResponse *)m)->result;

    text(r->path);
    putchar(' ');
    head(r->branch, r->commit);
}

static void show_entry(const Guest__V1__StatusEntry *x)
{
    char letters[3] = {letter_of(x->staged), letter_of(x->unstaged), 0};

    printf("%s ", x->untracked ? "??" : x->ignored ? "!!" : *x->conflict ? x->conflict : letters);
    if (x->original_path.len > 0) {
        listing_name(x->original_path);
        fputs(" -> ", stdout);
    }
    listing_name(x->path);
    putchar('\n');
}

void git_show_status(const ProtobufCMessage *m)
{
    const Guest__V1__StatusResponse *r = (const Guest__V1__StatusResponse *)m;

    fputs("## ", stdout);
    text(*r->branch ? r->branch : "HEAD (no branch)");
    if (*r->upstream) {
        fputs("...", stdout);
        text(r->upstream);
    }
    if (r->_ahead_case && r->_behind_case && (r->ahead || r->behind))
        printf(" [ahead %u, behind %u]", r->ahead, r->behind);
    if (*r->operation)
        printf(" (%s)", r->operation);
    putchar('\n');
    for (size_t i = 0; i < r->n_entries; i++)
        show_entry(r->entries[i]);
}

void git_show_commit(const ProtobufCMessage *m)
{
    const Guest__V1__CommitResponse *r = (const Guest__V1__CommitResponse *)m;

    head(r->branch, r->commit);
}

void git_show_checkout(const ProtobufCMessage *m)
{
    const Guest__V1__CheckoutResponse *r = (const Guest__V1__CheckoutResponse *)m;

    head(r->branch, r->commit);
}

void git_show_reset(const ProtobufCMessage *m)
{
    line(((const Guest__V1__ResetResponse *)m)->commit);
}

/* --- the past -------------------------------------------------------------------------------- */

/* "2026-01-31 15:04:05 +0000" */
static void show_time(const Google__Protobuf__Timestamp *t)
{
    time_t seconds = t ? (time_t)t->seconds : 0;
    char shown[32];
    struct tm tm;

    if (t && gmtime_r(&seconds, &tm) && strftime(shown, sizeof shown, "%Y-%m-%d %H:%M:%S +0000", &tm) > 0)
        fputs(shown, stdout);
}

/* A message, each line indented. */
static void show_indented(ProtobufCBinaryData message)
{
    const uint8_t *p = message.data, *end = p + message.len;

    while (p < end) {
        const uint8_t *stop = memchr(p, '\n', (size_t)(end - p));
        size_t n = stop ? (size_t)(stop - p) : (size_t)(end - p);

        if (n > 0)
            fputs("    ", stdout);
        listing_name((ProtobufCBinaryData){n, (uint8_t *)(uintptr_t)p});
        putchar('\n');
        p += n + 1;
    }
}

static void show_commit(const Guest__V1__LogEntry *x)
{
    printf("commit %s", x->commit);
    for (size_t i = 0; i < x->n_refs; i++) {
        fputs(i == 0 ? " (" : ", ", stdout);
        text(x->refs[i]);
    }
    puts(x->n_refs > 0 ? ")" : "");
    if (x->author) {
        fputs("Author: ", stdout);
        text(x->author->name);
        fputs(" <", stdout);
        text(x->author->email);
        fputs(">\nDate:   ", stdout);
        show_time(x->author->time);
        putchar('\n');
    }
    putchar('\n');
    show_indented(x->subject);
    if (x->body.len > 0)
        putchar('\n');
    show_indented(x->body);
    putchar('\n');
}

void git_show_log(const ProtobufCMessage *m)
{
    const Guest__V1__LogResponse *r = (const Guest__V1__LogResponse *)m;

    for (size_t i = 0; i < r->n_commits; i++)
        show_commit(r->commits[i]);
}

void git_show_diff(const ProtobufCMessage *m)
{
    ProtobufCBinaryData patch = ((const Guest__V1__DiffResponse *)m)->patch;
    bool terminal = isatty(STDOUT_FILENO);

    for (size_t i = 0; terminal && i < patch.len; i++)
        if ((patch.data[i] < ' ' && patch.data[i] != '\n' && patch.data[i] != '\t') || patch.data[i] == 0x7f)
            patch.data[i] = '?';
    fwrite(patch.data, 1, patch.len, stdout);
}

static void show_change(const Guest__V1__FileChange *x)
{
    if (x->binary)
        printf("%c\t-\t-\t", letter_of(x->change));
    else
        printf("%c\t%llu\t%llu\t", letter_of(x->change), (unsigned long long)x->added_lines,
               (unsigned long long)x->deleted_lines);
    if (x->original_path.len > 0) {
        listing_name(x->original_path);
        fputs(" -> ", stdout);
    }
    listing_name(x->path);
    putchar('\n');
}

void git_show_changes(const ProtobufCMessage *m)
{
    const Guest__V1__ChangesResponse *r = (const Guest__V1__ChangesResponse *)m;

    for (size_t i = 0; i < r->n_files; i++)
        show_change(r->files[i]);
}

/* --- branches and remotes -------------------------------------------------------------------- */

static void show_branch(const Guest__V1__Branch *x)
{
    fputs(x->current ? "* " : "  ", stdout);
    text(x->name);
    printf(" %.12s ", x->commit);
    if (*x->upstream) {
        putchar('[');
        text(x->upstream);
        if (x->upstream_gone)
            fputs(": gone", stdout);
        else if (x->_ahead_case && x->_behind_case && (x->ahead || x->behind))
            printf(": ahead %u, behind %u", x->ahead, x->behind);
        fputs("] ", stdout);
    }
    listing_name(x->subject);
    putchar('\n');
}

void git_show_branches(const ProtobufCMessage *m)
{
    const Guest__V1__BranchesResponse *r = (const Guest__V1__BranchesResponse *)m;

    for (size_t i = 0; i < r->n_branches; i++)
        show_branch(r->branches[i]);
}

void git_show_remotes(const ProtobufCMessage *m)
{
    const Guest__V1__RemotesResponse *r = (const Guest__V1__RemotesResponse *)m;

    for (size_t i = 0; i < r->n_remotes; i++) {
        const Guest__V1__Remote *x = r->remotes[i];

        text(x->name);
        putchar('\t');
        text(x->fetch_url);
        if (*x->push_url && strcmp(x->push_url, x->fetch_url) != 0) {
            fputs("\tpush ", stdout);
            text(x->push_url);
        }
        putchar('\n');
    }
}

static void show_updates(Guest__V1__RefUpdate *const *updates, size_t count)
{
    static const char *const words[] = {"?",       "forward", "forced",   "new",
                                        "deleted", "same",    "rejected", "tag"};

    for (size_t i = 0; i < count; i++) {
        const Guest__V1__RefUpdate *x = updates[i];

        printf("%-8s %.12s..%.12s ", (size_t)x->kind < ARRAY_LEN(words) ? words[x->kind] : "?", x->old_commit,
               x->new_commit);
        text(x->ref);
        if (*x->reason) {
            fputs(" (", stdout);
            text(x->reason);
            putchar(')');
        }
        putchar('\n');
    }
}

void git_show_fetch(const ProtobufCMessage *m)
{
    const Guest__V1__FetchResult *r = ((const Guest__V1__FetchResponse *)m)->result;

    show_updates(r->updates, r->n_updates);
}

void git_show_push(const ProtobufCMessage *m)
{
    const Guest__V1__PushResult *r = ((const Guest__V1__PushResponse *)m)->result;

    show_updates(r->updates, r->n_updates);
}

void git_show_pull(const ProtobufCMessage *m)
{
    const Guest__V1__PullResult *r = ((const Guest__V1__PullResponse *)m)->result;

    printf("%.12s..%.12s\n", r->old_commit, r->new_commit);
}

/* --- configuration --------------------------------------------------------------------------- */

void git_show_get_config(const ProtobufCMessage *m)
{
    const Guest__V1__GetConfigResponse *r = (const Guest__V1__GetConfigResponse *)m;

    for (size_t i = 0; i < r->n_values; i++) {
        listing_name(r->values[i]);
        putchar('\n');
    }
}

void git_show_list_config(const ProtobufCMessage *m)
{
    const Guest__V1__ListConfigResponse *r = (const Guest__V1__ListConfigResponse *)m;

    for (size_t i = 0; i < r->n_entries; i++) {
        text(r->entries[i]->key);
        putchar('=');
        listing_name(r->entries[i]->value);
        putchar('\n');
    }
}
