#include "stacyvm/files.h"

#include <errno.h>
#include <stdio.h>

#include "core/clock.h"
#include "core/limits.h"
#include "guest/fs/dirs.h"
#include "guest/fs/glob.h"
#include "guest/fs/list.h"
#include "guest/fs/move.h"
#include "guest/fs/remove.h"
#include "guest/fs/status.h"

/* One call: the connection's while it waits, then the worker's and its own. */
struct work {
    struct job job;
    struct stacyvm *service;
    ticket dialog;
    struct fs_caller caller;
    int (*work)(struct work *k);
    char *path, *other; /* absolute; other: NULL where there is none */
    char *shown;        /* the path as it was asked for */
    bool relative;      /* it was */
    bool recursive;
    mode_t mode;
    atomic_bool stop; /* nobody waits any more */
    struct writer w;
    struct chain result;
    struct err error;
    bool failed;
};

/* --- what an entry looks like ---------------------------------------------------------------- */

uint32_t files_go_mode(mode_t mode)
{
    static const struct {
        mode_t type;
        uint32_t flag;
    } types[] = {{S_IFDIR, 1u << 31}, {S_IFLNK, 1u << 27},
                 {S_IFBLK, 1u << 26}, {S_IFCHR, 1u << 26 | 1u << 21},
                 {S_IFIFO, 1u << 25}, {S_IFSOCK, 1u << 24}};
    uint32_t go = mode & 0777;

    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if ((mode & S_IFMT) == types[i].type)
            go |= types[i].flag;
    return go | (mode & S_ISUID ? 1u << 23 : 0) | (mode & S_ISGID ? 1u << 22 : 0) |
           (mode & S_ISVTX ? 1u << 20 : 0);
}

static void put_entry(struct writer *w, const char *path, const struct stat *st)
{
    char time[40];

    clock_rfc3339(st->st_mtim.tv_sec, 0, time);
    writer_str(w, "{\"path\":");
    writer_json_string(w, bytes_of(path));
    writer_printf(w, ",\"size\":%lld,\"mode\":\"%o\",\"is_dir\":%s,\"mod_time\":\"%s\"}",
                  (long long)st->st_size, files_go_mode(st->st_mode), S_ISDIR(st->st_mode) ? "true" : "false",
                  time);
}

/* A path that was found, as the caller counts it. */
static const char *as_asked(const struct work *k, const char *path)
{
    return k->relative && path[1] ? path + 1 : path;
}

/* --- in a worker ----------------------------------------------------------------------------- */

struct listing {
    struct work *work;
    bool any;
};

static int found(void *arg, const struct fs_entry *entry, struct err *e)
{
    struct listing *l = arg;
    struct writer *w = &l->work->w;

    if (l->any)
        writer_char(w, ',');
    l->any = true;
    put_entry(w, as_asked(l->work, entry->path), &entry->st);
    return w->failed ? err_set(e, STATUS_RESOURCE_EXHAUSTED, 0, "too many entries") : 0;
}

static int list(struct work *k)
{
    struct arena a = {.max = LIST_BYTES_MAX};
    struct fs_entry_reader reader;
    struct listing l = {.work = k};
    const struct fs_list what = {
        .path = k->path, .depth = 1, .stop = &k->stop, .reader = &reader, .found = found, .arg = &l};
    int ret = fs_entry_reader_init(&reader, &a, &k->error);

    writer_str(&k->w, "{\"files\":[");
    if (ret == 0) {
        ret = fs_list(&what, &k->error);
        fs_entry_reader_clear(&reader);
    }
    arena_clear(&a);
    writer_str(&k->w, "]}");
    return ret < 0 ? err_wrap(&k->error, "readdir") : 0;
}

static int stat_one(struct work *k)
{
    struct stat st;

    if (stat(k->path, &st) < 0)
        return err_set(&k->error, fs_status_strict(errno), errno, "stat: stat %s", k->path);
    put_entry(&k->w, k->shown, &st);
    return 0;
}

static int glob(struct work *k)
{
    struct arena a = {.max = LIST_BYTES_MAX};
    struct fs_glob g = {.pattern = k->path, .stop = &k->stop, .arena = &a};
    int ret = fs_glob(&g, &k->error);

    writer_str(&k->w, "{\"matches\":[");
    for (size_t i = 0; ret == 0 && i < g.count; i++) {
        if (i > 0)
            writer_char(&k->w, ',');
        writer_json_string(&k->w, bytes_of(as_asked(k, g.paths[i])));
    }
    writer_str(&k->w, "]}");
    arena_clear(&a);
    return ret < 0 ? err_wrap(&k->error, "glob") : 0;
}

static int ok(struct work *k)
{
    writer_str(&k->w, "{\"ok\":true}");
    return 0;
}

static int delete (struct work *k)
{
    int ret = k->recursive ? fs_remove(k->path, &k->stop, &k->error) : fs_remove_one(k->path, &k->error);

    return ret < 0 ? err_wrap(&k->error, "delete") : ok(k);
}

static int move(struct work *k)
{
    if (fs_make_parents(k->other, (uid_t)-1, (gid_t)-1, &k->error) < 0)
        return err_wrap(&k->error, "mkdir");
    if (fs_move(k->path, k->other, (uid_t)-1, (gid_t)-1, &k->error) < 0)
        return err_wrap(&k->error, "rename");
    return ok(k);
}

static int change_mode(struct work *k)
{
    if (chmod(k->path, k->mode) < 0)
        return err_set(&k->error, fs_status_strict(errno), errno, "chmod: chmod %s", k->path);
    return ok(k);
}

static void run(struct job *j)
{
    struct work *k = CONTAINER_OF(j, struct work, job);

    writer_init(&k->w, &k->result, NULL, LIST_BYTES_MAX);
    k->failed = k->work(k) < 0;
    if (writer_done(&k->w) < 0 && !k->failed) {
        k->failed = true;
        err_set(&k->error, STATUS_RESOURCE_EXHAUSTED, 0, "the answer has no room in memory");
    }
}

/* --- on the loop ----------------------------------------------------------------------------- */

static void destroy(struct work *k)
{
    fs_caller_clear(&k->caller);
    chain_clear(&k->result);
    free(k->path);
    free(k->other);
    free(k->shown);
    free(k);
}

static void done(struct job *j)
{
    struct work *k = CONTAINER_OF(j, struct work, job);
    struct dialog *d = ticket_find(&k->service->dialogs, k->dialog);

    if (d && d->call == k) {
        d->call = NULL;
        if (k->failed)
            dialog_error(d, k->error.text);
        else
            dialog_result(d, &k->result);
    }
    destroy(k);
}

/* The connection has gone, and a worker has the work: it need not finish. */
static void drop(struct dialog *d)
{
    struct work *k = d->call;

    if (k)
        atomic_store(&k->stop, true);
}

static struct work *work_new(struct dialog *d, int (*work)(struct work *k), const char *path)
{
    struct work *k = calloc(1, sizeof *k);

    if (!k)
        return NULL;
    *k = (struct work){.job = {.run = run, .done = done},
                       .service = d->service,
                       .dialog = d->ticket,
                       .work = work,
                       .path = dialog_path(path),
                       .shown = strdup(path),
                       .relative = *path != '/',
                       .recursive = d->request.recursive};
    if (k->path && k->shown && fs_caller_init(&k->caller, NULL, d->service->settings->env, false) == 0)
        return k;
    destroy(k);
    return NULL;
}

/* Hands it to a worker; NULL: there was no memory for it. */
static void begin(struct dialog *d, struct work *k)
{
    struct err e;

    err_nomem(&e, "work on files");
    if (k && fs_submit(d->service->workers, &k->job, &k->caller, k->path, &e) == 0) {
        d->call = k;
        return;
    }
    if (k)
        destroy(k);
    dialog_error(d, e.text);
}

/* One of the simple ones: it has a path, which names something. */
static void begin_at(struct dialog *d, int (*work)(struct work *k), enum request_field field,
                     const char *what)
{
    const char *path = d->request.texts[field];
    struct err e;

    if (*path) {
        begin(d, work_new(d, work, path));
        return;
    }
    err_set(&e, STATUS_NOT_FOUND, ENOENT, "%s", what);
    dialog_error(d, e.text);
}

static void begin_list(struct dialog *d)
{
    begin_at(d, list, FIELD_PATH, "readdir: open");
}

static void begin_stat(struct dialog *d)
{
    begin_at(d, stat_one, FIELD_PATH, "stat: stat");
}

static void begin_delete(struct dialog *d)
{
    if (!*d->request.texts[FIELD_PATH] && d->request.recursive) /* os.RemoveAll("") does nothing */
        dialog_ok(d);
    else
        begin_at(d, delete, FIELD_PATH, "delete: remove");
}

/* The empty pattern matches nothing. */
static void begin_glob(struct dialog *d)
{
    struct chain none = {0};

    if (*d->request.texts[FIELD_PATTERN]) {
        begin_at(d, glob, FIELD_PATTERN, "glob");
    } else if (chain_copy(&none, "{\"matches\":[]}", 14) < 0) {
        dialog_fail(d);
    } else {
        dialog_result(d, &none);
    }
}

static void begin_move(struct dialog *d)
{
    const char *to = d->request.texts[FIELD_NEW_PATH];
    struct work *k;

    if (!*to || !*d->request.texts[FIELD_OLD_PATH]) {
        dialog_error(d, "rename: no such file or directory");
        return;
    }
    k = work_new(d, move, d->request.texts[FIELD_OLD_PATH]);
    if (k && !(k->other = dialog_path(to))) {
        destroy(k);
        k = NULL;
    }
    begin(d, k);
}

static void begin_chmod(struct dialog *d)
{
    const char *text = d->request.texts[FIELD_MODE];
    struct work *k;
    char *end;
    unsigned long mode = strtoul(text, &end, 8);
    struct err e;

    if (*text < '0' || *text > '7' || *end || mode > UINT32_MAX) {
        err_set(&e, STATUS_INVALID_ARGUMENT, 0, "parse mode: '%s' is no octal number", text);
        dialog_error(d, e.text);
        return;
    }
    if (!*d->request.texts[FIELD_PATH]) {
        dialog_error(d, "chmod: no such file or directory");
        return;
    }
    k = work_new(d, change_mode, d->request.texts[FIELD_PATH]);
    if (k)
        k->mode = (mode_t)(mode & 07777);
    begin(d, k);
}

const struct method stacyvm_list_files = {"list_files", 1 << FIELD_PATH, begin_list, NULL, drop, NULL};
const struct method stacyvm_stat_file = {"stat_file", 1 << FIELD_PATH, begin_stat, NULL, drop, NULL};
const struct method stacyvm_glob_files = {"glob_files", 1 << FIELD_PATTERN, begin_glob, NULL, drop, NULL};
const struct method stacyvm_delete_file = {
    "delete_file", 1 << FIELD_PATH | 1 << FIELD_RECURSIVE, begin_delete, NULL, drop, NULL};
const struct method stacyvm_move_file = {
    "move_file", 1 << FIELD_OLD_PATH | 1 << FIELD_NEW_PATH, begin_move, NULL, drop, NULL};
const struct method stacyvm_chmod_file = {
    "chmod_file", 1 << FIELD_PATH | 1 << FIELD_MODE, begin_chmod, NULL, drop, NULL};
