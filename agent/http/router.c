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

int http_route_add(struct http *h, const struct http_route *r)
{
    if (h->count == h->room) {
        uint32_t room = h->room ? h->room * 2 : 16;
        struct http_route *routes = reallocarray(h->routes, room, sizeof *routes);

        if (!routes)
            return -1;
        h->routes = routes;
        h->room = room;
    }
    h->routes[h->count++] = *r;
    return 0;
}

bool http_route_answers(const char *route_method, const char *method, char *allowed)
{
    bool get = strcmp(route_method, "GET") == 0;
    size_t len = strlen(allowed);

    if (strcmp(route_method, method) == 0 || (get && strcmp(method, "HEAD") == 0))
        return true;
    if (len < HTTP_ALLOWED_MAX - 16)
        snprintf(allowed + len, HTTP_ALLOWED_MAX - len, "%s%s%s", len ? ", " : "", route_method,
                 get ? ", HEAD" : "");
    return false;
}

bool http_route_find(const struct http *h, const char *method, struct bytes path, struct http_route *r,
                     char *allowed)
{
    allowed[0] = 0;
    for (uint32_t i = 0; i < h->count; i++)
        if (bytes_are(path, h->routes[i].path) && http_route_answers(h->routes[i].method, method, allowed)) {
            *r = h->routes[i];
            return true;
        }
    return h->find && !allowed[0] && h->find(h->find_arg, method, path, r, allowed);
}

void http_destroy(struct http *h)
{
    if (ev_is_active(&h->hungry))
        ev_timer_stop(h->net->loop->ev, &h->hungry);
    free(h->routes);
    tickets_clear(&h->waiting);
    *h = (struct http){0};
}
