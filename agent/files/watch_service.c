#include "files/watch_service.h"

#include <sys/random.h>

#include "core/limits.h"
#include "files/files.h"
#include "files/watch_batch.h"

static struct watch_spec spec_of(struct rpc_call *call, const char *path, bool recursive, bool network)
{
    struct files *f = rpc_context(call);

    return (struct watch_spec){.path = path,
                               .user = rpc_user(call),
                               .env = f->settings->env,
                               .as_user = f->as_user,
                               .recursive = recursive,
                               .network = network};
}

/* --- WatchDir -------------------------------------------------------------------------------- */

/* A stream. While a worker reads entries (`reading`) it has nothing to send; then they are in `batch`. */
struct stream {
    struct watcher watcher;
    struct watch_service *service;
    struct rpc_call *call;
    ticket ticket;
    bool entries;
    bool reading;
    struct watch_batch *batch; /* NULL: nothing to send */
};

static void on_ready(struct watcher *w, const struct err *e)
{
    static Filesystem__WatchDirResponse__KeepAlive alive = FILESYSTEM__WATCH_DIR_RESPONSE__KEEP_ALIVE__INIT;
    static Filesystem__WatchDirResponse keepalive = FILESYSTEM__WATCH_DIR_RESPONSE__INIT;
    Filesystem__WatchDirResponse__StartEvent start = FILESYSTEM__WATCH_DIR_RESPONSE__START_EVENT__INIT;
    Filesystem__WatchDirResponse m = FILESYSTEM__WATCH_DIR_RESPONSE__INIT;
    struct stream *s = CONTAINER_OF(w, struct stream, watcher);

    if (e) {
        rpc_finish(s->call, e);
        return;
    }
    m.event_case = FILESYSTEM__WATCH_DIR_RESPONSE__EVENT_START;
    m.start = &start;
    rpc_send(s->call, &m.base);
    keepalive.event_case = FILESYSTEM__WATCH_DIR_RESPONSE__EVENT_KEEPALIVE;
    keepalive.keepalive = &alive;
    rpc_keepalive(s->call, rpc_keepalive_wish(s->call), &keepalive.base);
}

static void on_changed(struct watcher *w)
{
    rpc_kick(CONTAINER_OF(w, struct stream, watcher)->call);
}

static const struct watcher_events stream_events = {.ready = on_ready, .changed = on_changed};

static void stream_close(struct stream *s)
{
    watch_close(&s->watcher);
    ticket_drop(&s->service->waiting, s->ticket);
    if (s->batch)
        watch_batch_free(TAKE(s->batch));
}

static void stream_destroy(void *state)
{
    stream_close(state);
    free(state);
}

/* A worker has read the entries of a stream's next events. */
static void on_read(struct watch_batch *b)
{
    struct watch_service *service = b->context;
    struct stream *s = ticket_find(&service->waiting, b->waiting);

    if (!s) {
        watch_batch_free(b);
        return;
    }
    s->reading = false;
    s->batch = b;
    rpc_kick(s->call);
}

/* The next events: now, or when a worker has read their entries. */
static void stream_take(struct stream *s)
{
    struct err e;
    struct watch_batch *b = watch_batch_take(&s->watcher, WATCH_ENTRIES, rpc_legacy_client(s->call), &e);

    if (!b) {
        if (e.status != STATUS_OK)
            rpc_starve(s->call);
        return;
    }
    b->done = on_read;
    b->context = s->service;
    b->waiting = s->ticket;
    s->reading = s->entries && watch_batch_read(b, &s->service->files->workers) == 0;
    if (!s->reading)
        s->batch = b;
}

enum rpc_produced watch_service_produce(struct rpc_call *call, size_t max)
{
    struct stream *s = rpc_state(call);
    Filesystem__WatchDirResponse m = FILESYSTEM__WATCH_DIR_RESPONSE__INIT;

    (void)max; /* one event is small */
    if (!s || !s->watcher.ready || s->reading)
        return RPC_WAIT;
    if (!s->batch)
        stream_take(s);
    if (!s->batch)
        return RPC_WAIT;
    m.event_case = FILESYSTEM__WATCH_DIR_RESPONSE__EVENT_FILESYSTEM;
    m.filesystem = s->batch->messages[s->batch->sent];
    if (rpc_emit(call, &m.base, NULL) < 0)
        return RPC_WAIT;
    if (++s->batch->sent == s->batch->count)
        watch_batch_free(TAKE(s->batch));
    return RPC_MORE;
}

void watch_service_cancel(struct rpc_call *call, enum close_reason why)
{
    struct stream *s = rpc_state(call);

    (void)why;
    if (s)
        stream_close(s);
}

enum rpc_taken watch_service_dir(struct rpc_call *call, const ProtobufCMessage *message)
{
    const Filesystem__WatchDirRequest *m = (const Filesystem__WatchDirRequest *)message;
    struct watch_spec spec = spec_of(call, m->path, m->recursive, m->allow_network_mounts);
    struct files *f = rpc_context(call);
    struct stream *s = calloc(1, sizeof *s);
    struct err e;

    err_nomem(&e, "watch a directory");
    if (s) {
        s->service = &f->watch;
        s->call = call;
        s->entries = m->include_entry;
        rpc_set_state(call, s, stream_destroy);
        s->ticket = ticket_new(&f->watch.waiting, s);
    }
    if (!s || !s->ticket || watch_open(&f->watch.watches, &s->watcher, &spec, &stream_events, &e) < 0)
        rpc_finish(call, &e);
    return RPC_NEXT;
}

/* --- watchers that are asked ----------------------------------------------------------------- */

enum { ID_LENGTH = 20 };

/* A call of CreateWatcher or GetWatcherEvents that is not answered yet. */
struct asking {
    TAILQ_ENTRY(asking) link; /* in polled->asking, while it waits for the watcher */
    struct watch_service *service;
    struct polled *polled; /* NULL: it does not wait for it (any more) */
    struct rpc_call *call;
    ticket ticket;
};

/* States: arming (`asking` is the call that creates it) -> known by its id -> removed. */
struct polled {
    struct watcher watcher;
    TAILQ_ENTRY(polled) link;
    struct watch_service *service;
    TAILQ_HEAD(, asking) asking;
    struct timerq_entry idle;
    bool entries;
    char id[1 + ID_LENGTH + 1];
};

/* Letters and digits, as envd's. Returns 0, or -1 without random bytes. */
static int make_id(char id[1 + ID_LENGTH + 1])
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    uint8_t random[64];
    size_t length = 0;

    id[length++] = 'w';
    while (length < 1 + ID_LENGTH) {
        if (getrandom(random, sizeof random, 0) != sizeof random)
            return -1;
        for (size_t i = 0; i < sizeof random && length < 1 + ID_LENGTH; i++)
            if ((random[i] & 63) < sizeof alphabet - 1) /* each as likely as the others */
                id[length++] = alphabet[random[i] & 63];
    }
    id[length] = 0;
    return 0;
}

static struct polled *find(const struct watch_service *s, const char *id)
{
    struct polled *p;

    TAILQ_FOREACH (p, &s->polled, link)
        if (p->watcher.ready && strcmp(p->id, id) == 0)
            return p;
    return NULL;
}

static void unknown(struct rpc_call *call, const char *id)
{
    struct err e;

    err_set(&e, STATUS_NOT_FOUND, 0, "watcher with id %s not found", id);
    rpc_finish(call, &e);
}

/* The call waits for the watcher no more. */
static void leave(struct asking *a)
{
    if (a->polled)
        TAILQ_REMOVE(&a->polled->asking, a, link);
    a->polled = NULL;
}

static void polled_free(struct polled *p)
{
    struct asking *a;

    while ((a = TAILQ_FIRST(&p->asking))) {
        leave(a);
        unknown(a->call, p->id);
    }
    watch_close(&p->watcher);
    timerq_clear(&p->service->idle, &p->idle);
    TAILQ_REMOVE(&p->service->polled, p, link);
    free(p);
}

static void on_idle(struct timerq *q, struct timerq_entry *e)
{
    (void)q;
    polled_free(CONTAINER_OF(e, struct polled, idle));
}

/* The call is gone. A watcher whose id nobody was told goes with it. */
static void forget(struct asking *a)
{
    struct polled *p = a->polled;

    leave(a);
    ticket_drop(&a->service->waiting, a->ticket);
    if (p && !p->watcher.ready)
        polled_free(p);
}

static void asking_destroy(void *state)
{
    forget(state);
    free(state);
}

void watch_service_give_up(struct rpc_call *call, enum close_reason why)
{
    struct asking *a = rpc_state(call);

    (void)why;
    if (a)
        forget(a);
}

/* The state of a call. NULL: it was finished with an error. */
static struct asking *asking_new(struct rpc_call *call)
{
    struct files *f = rpc_context(call);
    struct asking *a = calloc(1, sizeof *a);
    struct err e;

    if (a) {
        a->service = &f->watch;
        a->call = call;
        rpc_set_state(call, a, asking_destroy);
        a->ticket = ticket_new(&f->watch.waiting, a);
    }
    if (a && a->ticket)
        return a;
    err_nomem(&e, "ask a watcher");
    rpc_finish(call, &e);
    return NULL;
}

static void wait_for(struct asking *a, struct polled *p)
{
    a->polled = p;
    TAILQ_INSERT_TAIL(&p->asking, a, link);
}

/* --- its events ------------------------------------------------------------------------------ */

/* Answers with what is in the batch, NULL: nothing. */
static void answer(struct asking *a, struct watch_batch *b)
{
    Filesystem__GetWatcherEventsResponse r = FILESYSTEM__GET_WATCHER_EVENTS_RESPONSE__INIT;

    if (b) {
        r.n_events = b->count;
        r.events = b->messages;
    }
    rpc_reply(a->call, &r.base);
}

static void on_polled_read(struct watch_batch *b)
{
    struct watch_service *service = b->context;
    struct asking *a = ticket_find(&service->waiting, b->waiting);

    if (a)
        answer(a, b);
    watch_batch_free(b);
}

/* All that the watcher has, now or when a worker has read the entries. */
static void hand_out(struct polled *p, struct asking *a)
{
    struct err e;
    struct watch_batch *b =
        watch_batch_take(&p->watcher, WATCH_EVENTS_MAX + 1, rpc_legacy_client(a->call), &e);

    if (!b && e.status != STATUS_OK) {
        rpc_finish(a->call, &e);
        return;
    }
    if (b && p->entries) {
        b->done = on_polled_read;
        b->context = p->service;
        b->waiting = a->ticket;
        if (watch_batch_read(b, &p->service->files->workers) == 0)
            return;
    }
    answer(a, b);
    if (b)
        watch_batch_free(b);
}

static void on_settled(struct watcher *w)
{
    struct polled *p = CONTAINER_OF(w, struct polled, watcher);
    struct asking *a;

    while ((a = TAILQ_FIRST(&p->asking))) {
        leave(a);
        hand_out(p, a);
    }
}

enum rpc_taken watch_service_events(struct rpc_call *call, const ProtobufCMessage *message)
{
    const Filesystem__GetWatcherEventsRequest *m = (const Filesystem__GetWatcherEventsRequest *)message;
    struct files *f = rpc_context(call);
    struct polled *p = find(&f->watch, m->watcher_id);
    struct asking *a;

    if (!p) {
        unknown(call, m->watcher_id);
        return RPC_NEXT;
    }
    timerq_set(&f->watch.idle, &p->idle);
    a = asking_new(call);
    if (!a)
        return RPC_NEXT;
    if (watch_sync(&p->watcher))
        hand_out(p, a);
    else
        wait_for(a, p);
    return RPC_NEXT;
}

/* --- their beginning and end ----------------------------------------------------------------- */

static void on_polled_ready(struct watcher *w, const struct err *e)
{
    struct polled *p = CONTAINER_OF(w, struct polled, watcher);
    struct asking *a = TAILQ_FIRST(&p->asking);
    Filesystem__CreateWatcherResponse r = FILESYSTEM__CREATE_WATCHER_RESPONSE__INIT;

    leave(a);
    if (e) {
        rpc_finish(a->call, e);
        polled_free(p);
        return;
    }
    timerq_set(&p->service->idle, &p->idle);
    r.watcher_id = p->id;
    rpc_reply(a->call, &r.base);
}

static void on_polled_changed(struct watcher *w)
{
    (void)w; /* it will be asked */
}

static const struct watcher_events polled_events = {on_polled_ready, on_polled_changed, on_settled};

static struct polled *polled_new(struct watch_service *s, const struct watch_spec *spec, bool entries,
                                 struct err *e)
{
    struct polled *p = calloc(1, sizeof *p);

    if (!p) {
        err_nomem(e, "watch a directory");
        return NULL;
    }
    p->service = s;
    p->entries = entries;
    TAILQ_INIT(&p->asking);
    if (make_id(p->id) < 0)
        err_set(e, STATUS_INTERNAL, 0, "no random bytes for a watcher's id");
    else if (watch_open(&s->watches, &p->watcher, spec, &polled_events, e) == 0) {
        TAILQ_INSERT_TAIL(&s->polled, p, link);
        return p;
    }
    free(p);
    return NULL;
}

enum rpc_taken watch_service_create(struct rpc_call *call, const ProtobufCMessage *message)
{
    const Filesystem__CreateWatcherRequest *m = (const Filesystem__CreateWatcherRequest *)message;
    struct watch_spec spec = spec_of(call, m->path, m->recursive, m->allow_network_mounts);
    struct asking *a = asking_new(call);
    struct polled *p;
    struct err e;

    if (!a)
        return RPC_NEXT;
    p = polled_new(a->service, &spec, m->include_entry, &e);
    if (p)
        wait_for(a, p);
    else
        rpc_finish(call, &e);
    return RPC_NEXT;
}

enum rpc_taken watch_service_remove(struct rpc_call *call, const ProtobufCMessage *message)
{
    const Filesystem__RemoveWatcherRequest *m = (const Filesystem__RemoveWatcherRequest *)message;
    struct files *f = rpc_context(call);
    struct polled *p = find(&f->watch, m->watcher_id);
    Filesystem__RemoveWatcherResponse r = FILESYSTEM__REMOVE_WATCHER_RESPONSE__INIT;

    if (!p) {
        unknown(call, m->watcher_id);
        return RPC_NEXT;
    }
    polled_free(p);
    rpc_reply(call, &r.base);
    return RPC_NEXT;
}

void watch_service_init(struct watch_service *s, struct files *f)
{
    s->files = f;
    watches_init(&s->watches, f->rpc->loop, &f->workers);
    TAILQ_INIT(&s->polled);
    timerq_init(&s->idle, f->rpc->loop, WATCHER_IDLE_MS, on_idle);
}
