#include "http/http.h"

#include <stdio.h>

static void on_hungry(struct ev_loop *ev, ev_timer *w, int revents)
{
    (void)ev;
    (void)revents;
    http_memory_free(w->data);
}

void http_init(struct http *h, struct net *net)
{
    *h = (struct http){.net = net};
    TAILQ_INIT(&h->starved);
    ev_init(&h->hungry, on_hungry);
    h->hungry.data = h;
}

/* FNV-1a. */
static uint32_t hash(struct bytes path)
{
    uint32_t v = 2166136261u;

    for (size_t i = 0; i < path.len; i++)
        v = (v ^ (uint8_t)path.ptr[i]) * 16777619u;
    return v;
}

static void insert(struct http_route *slots, uint32_t n, const struct http_route *r)
{
    uint32_t i = hash(bytes_of(r->path)) & (n - 1);

    while (slots[i].path)
        i = (i + 1) & (n - 1);
    slots[i] = *r;
}

int http_route_add(struct http *h, const struct http_route *r)
{
    if ((h->count + 1) * 2 > h->slots) {
        uint32_t n = h->slots ? h->slots * 2 : 64;
        struct http_route *slots = calloc(n, sizeof *slots);

        if (!slots)
            return -1;
        for (uint32_t i = 0; i < h->slots; i++)
            if (h->routes[i].path)
                insert(slots, n, &h->routes[i]);
        free(h->routes);
        h->routes = slots;
        h->slots = n;
    }
    insert(h->routes, h->slots, r);
    h->count++;
    return 0;
}

const struct http_route *http_route_find(const struct http *h, const char *method, struct bytes path,
                                         char *allowed)
{
    size_t len = 0;

    allowed[0] = 0;
    if (h->slots == 0)
        return NULL;
    for (uint32_t i = hash(path) & (h->slots - 1); h->routes[i].path; i = (i + 1) & (h->slots - 1)) {
        const struct http_route *r = &h->routes[i];
        bool get = strcmp(r->method, "GET") == 0;

        if (!bytes_are(path, r->path))
            continue;
        if (strcmp(r->method, method) == 0 || (get && strcmp(method, "HEAD") == 0))
            return r;
        if (len < 48)
            len += (size_t)snprintf(allowed + len, 64 - len, "%s%s%s", len ? ", " : "", r->method,
                                    get ? ", HEAD" : "");
    }
    return NULL;
}

void http_destroy(struct http *h)
{
    if (ev_is_active(&h->hungry))
        ev_timer_stop(h->net->loop->ev, &h->hungry);
    free(h->routes);
    tickets_clear(&h->waiting);
    *h = (struct http){0};
}
