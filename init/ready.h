/* Tells the host that the agent is ready, and later that the machine ends: a line of JSON each, on a connection of ours to vsock
 * CID 2 (the host) and the port of the statement "ready". A Firecracker host listens on its uds_path with "_PORT" behind it.
 *
 *   {"event":"ready","boot_id":"...","version":"0.1.0","started_us":N,"phases":[{"name":"mounts","end_us":N}...],"problems":N}
 *   {"event":"shutdown","boot_id":"...","how":"power-off","disks":"clean"}
 *
 * Times are microseconds of CLOCK_BOOTTIME, which begins with the kernel. `disks` is "clean", "busy" (some could not be made
 * read-only), "late" (they did not answer in time) or "shared" (a container's).
 *
 * States and what moves them
 *   off        ready_start -> connecting
 *   connecting connected -> told; refused or reset -> waiting; READY_MAX_MS after the start -> off
 *   waiting    READY_AGAIN_MS -> connecting
 *   told       the peer closes -> off. Else it is kept without a timer: its end tells a host that the machine has gone
 *
 * Nobody there is fine. Threads: the loop's. Owner: main, for ever. */
#ifndef INIT_READY_H
#define INIT_READY_H

#include "core/loop.h"
#include "guest/boot.h"
#include "init/end.h"

struct ready {
    struct loop *loop;
    const struct boot *boot;
    const char *version;
    unsigned port;
    uint64_t since_ms;
    int fd; /* -1: off or waiting */
    bool told;
    ev_io io;
    ev_timer again;
    char boot_id[37];
};

/* Begins to tell; port 0: does nothing. boot and version must outlive it. */
void ready_start(struct ready *r, struct loop *loop, const struct boot *boot, const char *version,
                 unsigned port);

/* The last line, if the host heard the first, when the loop has stopped. Waits at most `ms` for the host to close. */
void ready_end(struct ready *r, enum end how, const char *disks, unsigned ms);

#endif
