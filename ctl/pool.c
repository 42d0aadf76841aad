#include "ctl/pool.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "ctl/guest.h"

void pool_init(struct pool *p, const struct ctl *ctl, const char *verb)
{
    *p = (struct pool){.verb = verb};
    for (int i = 0; i < TEMP_MAX; i++)
        transfer_init(&p->transfers[i], ctl);
    progress_init(&p->progress);
}

void pool_close(struct pool *p)
{
    for (int i = 0; i < TEMP_MAX; i++)
        transfer_close(&p->transfers[i]);
    progress_clear(&p->progress);
}

int pool_failed(struct pool *p, const char *name, const struct answer_error *e)
{
    progress_clear(&p->progress);
    p->code = guest_fail(p->verb, name, e);
    return e->from_agent ? 0 : -1;
}

/* One that is under way goes on. Returns 0 or -1. */
static int turn(struct pool *p, struct transfer *t)
{
    struct answer_error e;
    CLEANUP_FREE char *name = strdup(t->name);
    uint64_t before = t->moved;
    int ret = transfer_turn(t, &e);

    progress_add(&p->progress, t->moved - MIN(before, t->moved), ret == 1);
    return ret < 0 ? pool_failed(p, name ? name : "", &e) : 0;
}

/* Waits until something happens, and does it. Returns how many are under way, or -1. */
static int wait_and_go_on(struct pool *p)
{
    struct pollfd polls[2 * TEMP_MAX];
    int busy = 0;

    for (size_t i = 0; i < TEMP_MAX; i++) {
        polls[2 * i] = transfer_poll(&p->transfers[i], &polls[2 * i + 1]);
        busy += p->transfers[i].state != TRANSFER_IDLE;
    }
    if (busy == 0 || (poll(polls, ARRAY_LEN(polls), progress_patience(&p->progress)) < 0 && errno != EINTR))
        return busy;
    for (size_t i = 0; i < TEMP_MAX; i++)
        if ((polls[2 * i].revents || polls[2 * i + 1].revents) && turn(p, &p->transfers[i]) < 0)
            return -1;
    progress_show(&p->progress);
    return busy;
}

/* One without a file, with a connection if there is one; NULL: all are busy. */
static struct transfer *idle(struct pool *p)
{
    struct transfer *found = NULL;

    for (int i = TEMP_MAX - 1; i >= 0; i--)
        if (p->transfers[i].state == TRANSFER_IDLE && (!found || client_ready(&p->transfers[i].client)))
            found = &p->transfers[i];
    return found;
}

static int begin(struct pool *p, const struct transfer_file *f, const char *name,
                 int (*start)(struct transfer *, const struct transfer_file *, struct answer_error *))
{
    struct answer_error e = {.from_agent = false};
    struct transfer *t;

    while (!(t = idle(p)))
        if (wait_and_go_on(p) < 0)
            return -1;
    if (start(t, f, &e) < 0)
        return pool_failed(p, name, &e);
    progress_add(&p->progress, t->moved - t->offset, false);
    return 0;
}

int pool_up(struct pool *p, const struct transfer_file *f)
{
    return begin(p, f, f->here ? f->here : "-", transfer_up);
}

int pool_down(struct pool *p, const struct transfer_file *f)
{
    return begin(p, f, f->there, transfer_down);
}

int pool_finish(struct pool *p)
{
    int busy;

    while ((busy = wait_and_go_on(p)) > 0)
        ;
    progress_clear(&p->progress);
    return busy;
}
