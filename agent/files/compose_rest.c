#include "files/compose_rest.h"

#include "core/limits.h"
#include "core/writer.h"
#include "guest/fs/caller.h"
#include "guest/fs/compose.h"
#include "guest/paths.h"
#include "rpc/codec/json.h"

/* What a worker does, and what came of it. */
struct composition {
    struct job job;
    struct files *files;
    ticket exchange;
    struct fs_caller caller;
    struct arena arena; /* of the request's texts */
    char **names;       /* sources, as the client calls them */
    size_t count;
    char *destination;
    char *path; /* of the file that was made; NULL: it failed */
    struct err error;
};

static void composition_free(struct composition *c)
{
    fs_caller_clear(&c->caller);
    arena_clear(&c->arena);
    free(c->path);
    free(c);
}

/* --- the work -------------------------------------------------------------------------------- */

/* The absolute paths that the sources and the destination mean; the latter is c->path. */
static int resolve(struct composition *c, const struct user *u, char **sources)
{
    struct err *e = &c->error;

    c->path = fs_caller_path(&c->caller, u, c->destination, e);
    if (!c->path)
        return -1;
    for (size_t i = 0; i < c->count; i++) {
        sources[i] = fs_caller_path(&c->caller, u, c->names[i], e);
        if (!sources[i])
            return -1;
        if (strcmp(sources[i], c->path) == 0)
            return err_set(e, STATUS_INVALID_ARGUMENT, 0, "source and destination are the same file: %s",
                           c->names[i]);
    }
    return 0;
}

static int compose(struct composition *c, const struct user *u)
{
    char **sources = calloc(c->count, sizeof *sources);
    int ret = sources ? resolve(c, u, sources) : err_nomem(&c->error, "compose a file");

    if (ret == 0)
        ret = fs_caller_enter(&c->caller, u, &c->error);
    if (ret == 0) {
        ret = fs_compose(sources, c->names, c->count, c->path, u, &c->error);
        fs_caller_leave(&c->caller);
    }
    for (size_t i = 0; sources && i < c->count; i++)
        free(sources[i]);
    free(sources);
    return ret;
}

static void run(struct job *j)
{
    struct composition *c = CONTAINER_OF(j, struct composition, job);
    CLEANUP_FREE struct user *u = files_user(&c->caller, &c->error);

    if (!u || compose(c, u) < 0)
        free(TAKE(c->path));
}

static void answer(struct http_exchange *x, const char *path)
{
    struct chain body = {0};
    struct writer w;

    writer_init(&w, &body, NULL, SIZE_MAX);
    writer_str(&w, "{\"path\":");
    writer_json_string(&w, bytes_of(path));
    writer_str(&w, ",\"name\":");
    writer_json_string(&w, path_base(path));
    writer_str(&w, ",\"type\":\"file\"}\n");
    if (writer_done(&w) < 0)
        x->broken = true;
    http_reply_json(x, 200, &body);
}

static void done(struct job *j)
{
    struct composition *c = CONTAINER_OF(j, struct composition, job);
    struct http_exchange *x = ticket_find(&c->files->waiting, c->exchange);

    if (x && c->path)
        answer(x, c->path);
    else if (x)
        files_refuse(x, &c->error);
    composition_free(c);
}

/* --- the request ----------------------------------------------------------------------------- */

/* The request's side of it: its body while that comes. */
struct request {
    struct chain body;
    struct files *files;
    ticket ticket;
};

static int malformed(const char *why, struct err *e)
{
    return err_set(e, STATUS_INVALID_ARGUMENT, 0, "error parsing request: %s", why);
}

static int take_sources(struct composition *c, const json_t *list, struct err *e)
{
    if (!json_is_array(list) || json_array_size(list) == 0)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "source_paths must not be empty");
    c->names = arena_array(&c->arena, json_array_size(list), sizeof *c->names);
    if (!c->names)
        return err_nomem(e, "compose a file");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));

        if (!name)
            return malformed("source_paths holds something that is not a string", e);
        c->names[c->count] = arena_string(&c->arena, bytes_of(name));
        if (!c->names[c->count++])
            return err_nomem(e, "compose a file");
    }
    return 0;
}

/* A member that is a string, or absent. */
static int take_string(const json_t *json, const char *name, const char **out, struct err *e)
{
    const json_t *v = json_object_get(json, name);

    *out = v ? json_string_value(v) : NULL;
    return v && !json_is_null(v) && !*out ? malformed(name, e) : 0;
}

static int take_json(struct composition *c, const json_t *json, struct err *e)
{
    const char *destination, *user;

    if (take_string(json, "destination", &destination, e) < 0 ||
        take_string(json, "username", &user, e) < 0 ||
        take_sources(c, json_object_get(json, "source_paths"), e) < 0)
        return -1;
    if (!destination || !*destination)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "destination must not be empty");
    c->destination = arena_string(&c->arena, bytes_of(destination));
    if (!c->destination || fs_caller_init(&c->caller, user, c->files->settings->env, c->files->as_user) < 0)
        return err_nomem(e, "compose a file");
    return 0;
}

static int take_body(struct composition *c, const struct chain *body, struct err *e)
{
    CLEANUP_FREE char *text = malloc(body->bytes + 1);
    json_t *json;
    int ret;

    if (!text)
        return err_nomem(e, "compose a file");
    chain_peek(body, text, body->bytes);
    json = json_parse((struct bytes){text, body->bytes}, 32 * (size_t)COMPOSE_BODY_MAX, e);
    if (!json)
        return err_wrap(e, "error parsing request");
    ret = take_json(c, json, e);
    json_decref(json);
    return ret;
}

static int submit(struct request *r, struct composition *c, struct http_exchange *x, struct err *e)
{
    if (take_body(c, &r->body, e) < 0)
        return -1;
    r->ticket = c->exchange = ticket_new(&r->files->waiting, x);
    if (!r->ticket)
        return err_nomem(e, "compose a file");
    return fs_submit(&r->files->workers, &c->job, &c->caller, c->destination, e);
}

static void on_body(struct http_exchange *x)
{
    struct request *r = x->owner;

    if (r->body.bytes + x->in.bytes > COMPOSE_BODY_MAX) {
        http_error(x, 413, "the body of /files/compose is larger than %u bytes", COMPOSE_BODY_MAX);
        return;
    }
    if (chain_move(&r->body, &x->in, x->in.bytes) < 0) {
        http_error(x, 500, "out of memory");
        return;
    }
    http_body_consumed(x);
}

static void on_body_end(struct http_exchange *x)
{
    struct request *r = x->owner;
    struct composition *c;
    struct err e;

    if (x->status)
        return;
    c = calloc(1, sizeof *c);
    if (!c) {
        http_error(x, 500, "out of memory");
        return;
    }
    *c = (struct composition){
        .job = {.run = run, .done = done}, .files = r->files, .arena.max = 2 * (size_t)COMPOSE_BODY_MAX};
    if (submit(r, c, x, &e) < 0) {
        composition_free(c);
        files_refuse(x, &e);
    }
}

static void on_destroy(struct http_exchange *x)
{
    struct request *r = x->owner;

    ticket_drop(&r->files->waiting, r->ticket);
    chain_clear(&r->body);
    free(r);
}

static void begin(struct http_exchange *x)
{
    static const struct http_events events = {
        .body = on_body, .body_end = on_body_end, .destroy = on_destroy};
    struct request *r = calloc(1, sizeof *r);

    if (!r) {
        http_error(x, 500, "out of memory");
        return;
    }
    r->files = (struct files *)(uintptr_t)x->route.arg;
    http_own(x, &events, r);
}

int compose_register(struct files *f)
{
    const struct http_route route = {.method = "POST", .path = "/files/compose", .begin = begin, .arg = f};

    return http_route_add(f->http, &route);
}
