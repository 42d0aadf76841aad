/* What requests say beyond envd's fields, and what answers say to those who asked. */
#include <signal.h>

#include "core/limits.h"
#include "process/internal.h"

struct event_options options_events(const Process__EventOptions *m)
{
    return m ? (struct event_options){m->offsets, m->exited, m->exit_record, true}
             : (struct event_options){0};
}

uint64_t options_replay(const Process__Replay *m, uint64_t head)
{
    switch (m ? m->from_case : PROCESS__REPLAY__FROM__NOT_SET) {
    case PROCESS__REPLAY__FROM_START:
        return 0;
    case PROCESS__REPLAY__FROM_OFFSET:
        return m->offset;
    case PROCESS__REPLAY__FROM_TAIL:
        return head - MIN(head, m->tail);
    default:
        return UINT64_MAX;
    }
}

int options_target(Process__SignalTarget m, enum exec_target *target, struct err *e)
{
    switch (m) {
    case PROCESS__SIGNAL_TARGET__SIGNAL_TARGET_UNSPECIFIED:
        *target = EXEC_TARGET_DEFAULT;
        return 0;
    case PROCESS__SIGNAL_TARGET__SIGNAL_TARGET_LEADER:
        *target = EXEC_TARGET_LEADER;
        return 0;
    case PROCESS__SIGNAL_TARGET__SIGNAL_TARGET_GROUP:
        *target = EXEC_TARGET_GROUP;
        return 0;
    case PROCESS__SIGNAL_TARGET__SIGNAL_TARGET_TREE:
        *target = EXEC_TARGET_TREE;
        return 0;
    default:
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "there is no signal target %d", (int)m);
    }
}

static int too_much(struct err *e, const char *what, uint64_t is, uint64_t max)
{
    return err_set(e, STATUS_INVALID_ARGUMENT, 0, "options: %s %llu: more than %llu", what,
                   (unsigned long long)is, (unsigned long long)max);
}

static int take_limits(const Process__StartOptions *m, struct exec_limit *limits, struct exec_spec *view,
                       struct err *e)
{
    if (m->n_limits > START_LIMITS_MAX)
        return too_much(e, "limits", m->n_limits, START_LIMITS_MAX);
    for (size_t i = 0; i < m->n_limits; i++) {
        const Process__ResourceLimit *l = m->limits[i];

        limits[i] = (struct exec_limit){exec_limit_from_name(l->name), l->soft, l->hard};
        if (limits[i].resource < 0)
            return err_set(e, STATUS_INVALID_ARGUMENT, 0, "options: there is no limit '%s'", l->name);
    }
    view->limits = limits;
    view->limit_count = m->n_limits;
    return 0;
}

static int take_output(const Process__MaxOutput *m, struct exec_spec *view, struct err *e)
{
    if (!m)
        return 0;
    if (m->bytes == 0)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "options: max_output of 0 bytes");
    if (m->keep != PROCESS__MAX_OUTPUT__KEEP__KEEP_HEAD && m->keep != PROCESS__MAX_OUTPUT__KEEP__KEEP_TAIL)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "options: max_output keeps %d", (int)m->keep);
    view->max_output = m->bytes;
    view->keep_tail = m->keep == PROCESS__MAX_OUTPUT__KEEP__KEEP_TAIL;
    return 0;
}

int options_start(const Process__StartOptions *m, struct exec_limit *limits, struct exec_spec *view,
                  struct err *e)
{
    if (!m)
        return 0;
    if (strlen(m->idempotency_key) > START_KEY_MAX)
        return too_much(e, "bytes of idempotency_key", strlen(m->idempotency_key), START_KEY_MAX);
    if (m->_umask_case && m->umask > 0777)
        return too_much(e, "umask", m->umask, 0777);
    if (m->_nice_case && (m->nice < -20 || m->nice > 19))
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "options: nice %d: not from -20 to 19", m->nice);
    if (m->n_extra_groups > START_GROUPS_MAX)
        return too_much(e, "extra_groups", m->n_extra_groups, START_GROUPS_MAX);
    if (m->grace_ms > GRACE_MAX_MS)
        return too_much(e, "grace_ms", m->grace_ms, GRACE_MAX_MS);
    view->key = *m->idempotency_key ? m->idempotency_key : NULL;
    view->no_new_privs = m->no_new_privs;
    view->has_umask = m->_umask_case != 0;
    view->umask = (uint16_t)m->umask;
    view->has_nice = m->_nice_case != 0;
    view->nice = (int8_t)m->nice;
    view->groups = (const char *const *)m->extra_groups;
    view->group_count = m->n_extra_groups;
    view->grace_ms = m->grace_ms;
    view->kill_on_gone = m->kill_on_disconnect;
    if (options_target(m->kill_target, &view->kill_target, e) < 0 || take_limits(m, limits, view, e) < 0)
        return -1;
    return take_output(m->max_output, view, e);
}

/* --- an exit --------------------------------------------------------------------------------- */

static Google__Protobuf__Timestamp *timestamp(struct timespec t, Google__Protobuf__Timestamp *room)
{
    google__protobuf__timestamp__init(room);
    room->seconds = t.tv_sec;
    room->nanos = (int32_t)t.tv_nsec;
    return room;
}

Process__ExitRecord *options_exit(const struct exec_exit *exit, struct exit_record *room)
{
    Process__ExitRecord *m = &room->record;
    Process__ExitRecord__Usage *u = &room->usage;

    process__exit_record__init(m);
    process__exit_record__usage__init(u);
    m->code = exit->code;
    m->signal = (uint32_t)exit->signal;
    m->core_dumped = exit->core;
    m->timed_out = exit->timed_out;
    m->oom_killed = exit->oom;
    m->started_at = timestamp(exit->started, &room->started);
    m->ended_at = timestamp(exit->ended, &room->ended);
    m->duration_us = exit->duration_ns / 1000;
    m->usage = u;
    u->user_us = exit->usage.user_us;
    u->system_us = exit->usage.system_us;
    u->max_rss_bytes = exit->usage.max_rss_kib * 1024;
    u->minor_faults = exit->usage.minor_faults;
    u->major_faults = exit->usage.major_faults;
    u->voluntary_switches = exit->usage.voluntary_switches;
    u->involuntary_switches = exit->usage.involuntary_switches;
    return m;
}
