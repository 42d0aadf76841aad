/* Every bound of the agent, with its reason. `guestd --limits` prints this table.
 *
 * A row: X(NAME, value, "unit", "what it bounds; what happens there; why it is this size") */
#ifndef CORE_LIMITS_H
#define CORE_LIMITS_H

#include <stddef.h>

#define KIB ((size_t)1024)
#define MIB (1024u * KIB)

#define LIMITS(X)                                                                                            \
    X(SEG_SIZE, 8 * KIB, "bytes", "one buffer segment; two pages, the smallest unit of all stream memory")   \
    X(SEG_LARGE, 32 * KIB, "bytes", "a segment of a ring that is being filled fast: fewer pieces to send")   \
    X(SEG_WARM_BYTES, 256 * KIB, "bytes", "free segments kept while others are taken; the rest goes back")   \
    X(TRIM_MS, 500, "ms", "after it free memory goes back to the kernel; all, if none was taken meanwhile")  \
    X(RING_TOTAL_MAX, 32 * MIB, "bytes", "output of all processes; or 1/16 of RAM where that is less")       \
    X(RING_MAX, 1 * MIB, "bytes", "output kept of one process; then its pipe is not read, nothing is lost")  \
    X(HISTORY_SHARE, 8, "1/pool", "of the pool in use: what all have read makes room for new bytes")         \
    X(UNWATCHED_SHARE, 2, "1/pool", "the same for a process without subscribers; the rest is for streams")   \
    X(CURSOR_AHEAD, 64 * KIB, "bytes", "not out to the foremost subscriber; then the pipe is not read")      \
    X(FRAME_MAX, 64 * KIB, "bytes", "payload of one stream frame; one read of a full pipe")                  \
    X(POOL_SHORT, 32, "segments", "so few free: small frames come from the heap; two frames in JSON")        \
    X(SUBSCRIBERS_MAX, 64, "streams", "subscribers of one process; then resource_exhausted")                 \
    X(PROCESSES_MAX, 1024, "processes", "started and not yet gone; then resource_exhausted")                 \
    X(EXITS_KEPT_MS, 30000, "ms", "time an exit still answers Connect, as envd's 30 s")                      \
    X(EXITS_KEPT_MAX, 4096, "exits", "exits kept at the same time; then the oldest goes early")              \
    X(KEPT_BYTES, 384 * KIB, "bytes", "output kept of ended processes, EXITS_KEPT_MS long; the oldest goes") \
    X(LINGER_MAX, 256, "processes", "ended, pipe still held by a grandchild; then drained without a ring")   \
    X(START_LIMITS_MAX, 16, "limits", "rlimits of one start; the kernel has 16 resources")                   \
    X(START_GROUPS_MAX, 32, "groups", "extra groups of one start; as many as NFS carries, twice")            \
    X(SPAWN_FDS_MAX, 4, "descriptors",                                                                       \
      "taken along by one start beside the three; git with a key has three")                                 \
    X(START_KEY_MAX, 128, "bytes", "idempotency key; a UUID is 36, and it is kept with the exit")            \
    X(GRACE_MAX_MS, 86400000, "ms", "from a signal to SIGKILL; a day, longer is a mistake")                  \
    X(STDIN_QUEUE_MAX, 256 * KIB, "bytes", "input waiting for one process; then its sender waits")           \
    X(SPAWN_TIMEOUT_MS, 10000, "ms", "start of one process; then it is killed: deadline_exceeded")           \
    X(SPAWN_QUEUE_MAX, 256, "starts", "starts waiting for a spawn thread; then resource_exhausted")          \
    X(LEAF_KILL_MS, 1000, "ms",                                                                              \
      "SIGKILL again and again where the kernel cannot kill a cgroup; then a hung one")                      \
    X(LEAF_DEPTH_MAX, 8, "cgroups", "below a process's leaf, one in another, that are killed with it so")    \
    X(LEAF_GROUPS_MAX, 256, "cgroups", "of them in all; a container runtime has one for each container")     \
    X(FREEZE_QUEUE_MAX, 64, "starts", "starts waiting until the processes thaw; then failed_precondition")   \
    X(FREEZE_MAX_MS, 600000, "ms", "processes stay frozen; then they thaw by themselves, as with envd")      \
    X(FREEZE_WAIT_MAX_MS, 60000, "ms", "a freeze waits until it is true; asked for longer, it waits this")   \
    X(FREEZE_CALLS_MAX, 16, "calls", "freezes and thaws waiting for their turn; then 503")                   \
    X(SPAWN_THREADS, 4, "threads", "starts at the same time; a hung mount stops one of them only")           \
    X(WORKER_THREADS, 4, "threads", "blocking calls at the same time")                                       \
    X(WORKER_EXTRA, 60, "threads", "more of them while calls hang for over 1 s")                             \
    X(WORKER_QUEUE_MAX, 256, "calls", "blocking calls that wait for a thread; then resource_exhausted")      \
    X(WORKER_LANE_MAX, 2, "calls", "of those on one network or FUSE mount; as many as may wait are held")    \
    X(SLOW_MOUNTS_MAX, 256, "mounts", "network and FUSE mounts told apart; calls on more are as on a disk")  \
    X(WORKER_IDLE_MS, 5000, "ms", "a worker without work ends after this time")                              \
    X(WORKER_STACK, 128 * KIB, "bytes", "stack of a worker thread; the deepest path needs 20 KiB")           \
    X(SESSION_END_MS, 20, "ms", "from the end of a session's request to that of the input: no cancel came")  \
    X(EXIT_QUIET_MS, 100, "ms", "no output for so long after the leader's end: the stream ends")             \
    X(EXIT_GRACE_MS, 1000, "ms", "longest time a grandchild's output is still waited for")                   \
    X(HELD_MAX_MS, 1000, "ms", "a stalled subscriber may hold up healthy ones this long; then dropped")      \
    X(BOOT_PHASES_MAX, 16, "phases", "of the boot with their times")                                         \
    X(BOOT_PROBLEMS_MAX, 32, "lines", "about what went wrong while booting, kept for GetBoot")               \
    X(READY_MAX_MS, 5000, "ms", "after it nobody tries to tell the host any more that the agent is ready")   \
    X(READY_AGAIN_MS, 250, "ms", "between two tries of that")                                                \
    X(START_BACKOFF_MS, 1000, "ms", "before a program of a start statement runs again; doubled each time")   \
    X(START_BACKOFF_MAX_MS, 60000, "ms", "the longest such wait; and a run as long begins anew")             \
    X(HANDOFF_MS, 10000, "ms", "the agent waits for the real init to run; then it goes on")                  \
    X(CONFIG_MAX, 64 * KIB, "bytes", "of the configuration file; what is beyond is left out")                \
    X(ROOT_WAIT_MS, 10000, "ms", "an initramfs waits for the root's device, unless told otherwise")          \
    X(ROOT_WAIT_MAX_MS, 3600000, "ms", "and with rootwait, or the longest that can be asked for")            \
    X(MOUNTS_WAIT_MS, 5000, "ms", "all `mount` statements wait for devices and servers; then told")          \
    X(DEVICES_MAX, 256, "devices", "block devices that a label is looked for on; the rest is not seen")      \
    X(MODULES_DEP_MAX, 4 * MIB, "bytes", "modules.dep; a distribution's kernel has 1 MiB")                   \
    X(MODULE_MAX, 64 * MIB, "bytes", "a kernel module unpacked by us; the largest have 10 MiB")              \
    X(MODULE_NEEDS_MAX, 64, "modules", "that one module needs; the most in Debian is 20")                    \
    X(INITRAMFS_DEPTH_MAX, 64, "levels",                                                                     \
      "of directories of an initramfs that are emptied; deeper ones stay")                                   \
    X(NET_PORTS_MAX, 16, "interfaces", "that the configuration names; what is beyond is left out")           \
    X(NET_WAIT_MS, 10000, "ms", "for interfaces that are not there yet, while the agent serves")             \
    X(DHCP_RETRY_MS, 1000, "ms", "until a server is asked again, twice as long each time; it is near")       \
    X(DHCP_RETRY_MAX_MS, 64000, "ms", "longest such pause (RFC 2131 4.1)")                                   \
    X(DHCP_REQUESTS_MAX, 4, "messages", "to a server that made an offer; then it begins anew")               \
    X(DHCP_TRIES_TOLD, 4, "messages", "without an answer; then it is told, once")                            \
    X(DHCP_RENEW_MS, 60000, "ms", "shortest pause between two wishes to renew (RFC 2131 4.4.5)")             \
    X(DHCP_LEASE_MIN_MS, 1000, "ms", "from a lease to its renewal, however short the server made it")        \
    X(ETC_FILE_MAX, 64 * KIB, "bytes", "of /etc/hosts; a longer one is left alone")                          \
    X(CLOCK_OFF_MS, 100, "ms", "between the clocks of guest and host at the boot; more is set right")        \
    X(MESSAGE_MAX, 16 * MIB, "bytes", "one message, uncompressed; then resource_exhausted")                  \
    X(DECODE_MAX, 64 * MIB, "bytes", "memory for one decoded message; then resource_exhausted")              \
    X(REQUEST_TOTAL_MAX, 64 * MIB, "bytes", "request bytes held; then sockets wait, nobody fails")           \
    X(NESTING_MAX, 100, "levels", "depth of a JSON or protobuf message; as protobuf's own default")          \
    X(TYPES_MAX, 512, "messages", "known by name to google.protobuf.Any in JSON; others are unknown to it")  \
    X(RPC_DETAILS_MAX, 1 * MIB, "bytes", "of one error's details; what is beyond is left out")               \
    X(TRAILER_DETAILS_MAX, 3 * KIB, "bytes", "the same where they are trailers: some clients take 8 KiB")    \
    X(INIT_BODY_MAX, 1 * MIB, "bytes", "body of POST /init; then 413")                                       \
    X(SEND_WAITING_MAX, 64 * KIB, "bytes", "events waiting on one stream; then it is cancelled")             \
    X(HEADER_MAX, 16 * KIB, "bytes", "header of a request; then 431")                                        \
    X(HEADER_COUNT_MAX, 128, "fields", "header fields of a request; then 431")                               \
    X(URL_MAX, 8 * KIB, "bytes", "request target; then 414")                                                 \
    X(MULTIPART_BOUNDARY_MAX, 256, "bytes", "boundary of a multipart body (RFC 2046 says 70); then 400")     \
    X(MULTIPART_HEADER_MAX, 8 * KIB, "bytes", "header of a part: a name of 4 KiB, escaped; then 413")        \
    X(UPLOADS_MAX, 512, "uploads", "at once; gzip needs 40 KiB for each; then 429")                          \
    X(UPLOAD_BLOCK, 256 * KIB, "bytes", "of one upload with a worker, and as much waiting; then not read")   \
    X(UPLOAD_HOLD, 64 * KIB, "bytes", "a body up to here is written in one piece: one event for watchers")   \
    X(UPLOAD_PIECES, 128, "pieces", "of memory in such a block; small chunks make it shorter")               \
    X(UPLOAD_FILES_MAX, 16384, "files", "of one upload; then 413")                                           \
    X(UPLOAD_ANSWER_MAX, 8 * MIB, "bytes", "what it says of all of them; then 413")                          \
    X(METADATA_MAX, 4096, "bytes", "X-Metadata of one upload with names and prefixes; then 400")             \
    X(COMPOSE_BODY_MAX, 1 * MIB, "bytes", "body of POST /files/compose; then 413")                           \
    X(LOOKAHEAD_MAX, 16 * KIB, "bytes", "read beyond the current request; then reading stops")               \
    X(BODY_WINDOW, 64 * KIB, "bytes", "request body read and not yet consumed; then reading stops")          \
    X(RANGES_MAX, 32, "ranges", "of one download; with more the whole file is sent, as RFC 9110 lets us")    \
    X(HEADER_TIMEOUT_MS, 20000, "ms", "from the first byte of a request to the end of its header; then 408") \
    X(IDLE_TIMEOUT_MS, 640000, "ms", "connection without a request; longer than any known host pool keeps")  \
    X(LINGER_MS, 2000, "ms", "a closing connection waits for its peer; Firecracker kills after 2 s")         \
    X(LINGER_BYTES, 256 * KIB, "bytes", "thrown away from a closing connection, as Go does; then not read")  \
    X(H2_STREAMS_MAX, 256, "streams", "at once on one connection (RFC 9113 5.1.2); then REFUSED_STREAM")     \
    X(H2_WINDOW, 256 * KIB, "bytes", "body of one stream sent and not consumed; then its sender waits")      \
    X(H2_CONNECTION_WINDOW, 1 * MIB, "bytes", "bodies on their way to us; given back as they arrive")        \
    X(H2_FRAME_MAX, 64 * KIB, "bytes", "largest frame that is taken; then FRAME_SIZE_ERROR")                 \
    X(H2_HEADER_LIST_MAX, 64 * KIB, "bytes", "a header unpacked (HPACK bomb, CVE-2016-6581); then the end")  \
    X(H2_HEADER_TABLE, 4 * KIB, "bytes", "HPACK table of either side (RFC 7541 4.2); a larger is not used")  \
    X(H2_CONTINUATIONS_MAX, 8, "frames", "after one HEADERS (CVE-2024-27316, CVE-2024-28182); then the end") \
    X(H2_RESETS_MAX, 1000, "streams", "reset in a row (CVE-2023-44487, CVE-2025-8671); then the end")        \
    X(H2_RESETS_PER_S, 100, "streams", "so many resets are forgotten each second")                           \
    X(H2_IDLE_FRAMES_MAX, 1000, "frames", "without use in a row (CVE-2019-9511 to 9518); then the end")      \
    X(H2_IDLE_FRAMES_PER_S, 100, "frames", "so many of them are forgotten each second; body bytes help too") \
    X(H2_STEP_MIN, 256, "bytes", "a window opened by less is no use (data dribble, CVE-2019-9511, 9517)")    \
    X(H2_MEMORY_MAX, 1 * MIB, "bytes", "state of one session beside bodies; then the connection ends")       \
    X(STALL_LOOK_MS, 15000, "ms", "unwritable for so long: look whether the peer is dead")                   \
    X(STALL_AGAIN_MS, 5000, "ms", "looked at again after so long, until it is written or dead")              \
    X(CONNECTIONS_MAX, 1000, "connections", "Firecracker's hybrid vsock carries 1023; --max-connections")    \
    X(CONNECTIONS_CONTROL, 24, "connections", "of those, the last for control paths; others get 503")        \
    X(CONNECTIONS_PAGE, 1000, "connections", "of one page of guest.v1.Agent/ListConnections")                \
    X(CALLS_MAX, 4096, "calls", "in progress; then resource_exhausted")                                      \
    X(TURN_BYTES, 256 * KIB, "bytes", "what one source may handle in one turn of the loop")                  \
    X(TURN_MESSAGES, 16, "messages", "what one source may handle in one turn, in messages")                  \
    X(VSOCK_WRITE_MAX, 32 * KIB, "bytes", "one write on AF_VSOCK; larger ones stall Linux 6.12.y and 6.17+") \
    X(FDS_MAX, 65536, "descriptors", "RLIMIT_NOFILE is raised to this; children get the old one")            \
    X(DOWNLOAD_WHOLE, 8 * KIB, "bytes", "a file answered by the job that opened it; lies on the heap")       \
    X(DOWNLOAD_BLOCK, 128 * KIB, "bytes", "of a file in one job, one ahead of its client; a disk request")   \
    X(DOWNLOAD_PIPE, 1 * MIB, "bytes", "of a file's pages in a pipe; two for a download without copies")     \
    X(DOWNLOAD_PIPES_MAX, 16, "downloads", "with pipes, which hold pages and descriptors; more: by copies")  \
    X(KEEPALIVE_DEFAULT_S, 90, "s", "keepalive of a quiet stream when the client names no valid interval")   \
    X(KEEPALIVE_MAX_S, 86400, "s", "longest keepalive interval; larger wishes mean the default")             \
    X(SHUTDOWN_GRACE_MS, 2000, "ms", "from SIGTERM to SIGKILL of the processes when the agent ends")         \
    X(SHUTDOWN_MAX_MS, 5000, "ms", "the agent's whole shutdown")                                             \
    X(SHUTDOWN_REST_MS, 3000, "ms", "of a longer one: for what follows the processes' grace")                \
    X(SHUTDOWN_DISKS_MS, 1000, "ms", "of PID 1's: to write and unmount the disks; a hung one is left so")    \
    X(SHUTDOWN_TOLD_MS, 300, "ms", "of PID 1's: for the host to hear of the end; then without")              \
    X(LOG_RING_BYTES, 64 * KIB, "bytes", "log kept in memory for GetLog; the oldest lines go")               \
    X(LOG_LINE_MAX, 2 * KIB, "bytes", "one log line; a longer one is cut, and still a line")                 \
    X(LIST_ENTRIES_MAX, 50000, "entries", "of one ListDir; then resource_exhausted: guest.v1.Files/List")    \
    X(LIST_BYTES_MAX, 32 * MIB, "bytes", "memory for one answer about files; then resource_exhausted")       \
    X(LIST_PAGE_MAX, 10000, "entries", "of one page of guest.v1.Files/List; then invalid_argument")          \
    X(LIST_PAGE_DEFAULT, 1000, "entries", "of a page whose request names no limit")                          \
    X(LIST_PAGE_BYTES, 4 * MIB, "bytes", "memory of a page; then it ends early: names may be long")          \
    X(BARE_KEPT, 128, "entries", "known to have no metadata: Stat asks no disk; then one goes")              \
    X(WALK_MAX, 16 * MIB, "bytes", "names of the directories above one, in a tree; then out of memory")      \
    X(TREES_MAX, 32, "streams", "of trees at once, each with three TREE_BLOCK; then resource_exhausted")     \
    X(TREE_BLOCK, 256 * KIB, "bytes", "of a tree in one job, and as much waiting; a job for many files")     \
    X(TREE_MESSAGE, 64 * KIB, "bytes", "of names and content in one message of a tree")                      \
    X(TREE_PATH_MAX, 64 * KIB, "bytes", "a path in a tree; what lies deeper is told and left out")           \
    X(TREE_PROBLEMS_MAX, 1000, "problems", "told of one tree that was written; then they are only counted")  \
    X(OWNERS_MAX, 1 * MIB, "bytes", "names of users and groups kept for listings; others are numbers")       \
    X(PIN_TRUSTED_MS, 1000, "ms", "until the paths of passwd and group are walked again")                    \
    X(WATCHERS_MAX, 2048, "watchers", "WatchDir and CreateWatcher at once; then resource_exhausted")         \
    X(WATCH_DIRS_MAX, 262144, "directories", "watched, by each watcher; 200 bytes; then resource_exhausted") \
    X(WATCH_EVENTS_MAX, 10000, "events", "of one watcher waiting to be taken; then one overflow event")      \
    X(WATCH_EVENTS_BYTES, 16 * MIB, "bytes", "events of all watchers; then the next one's is an overflow")   \
    X(WATCH_EVENTS_MIN, 64, "events",                                                                        \
      "that a watcher may keep even then: who takes its own suffers from nobody")                            \
    X(WATCH_LOG_MAX, 16384, "records", "kept for watchers that arm; as fs.inotify.max_queued_events")        \
    X(WATCH_SWEEP, 256, "watches", "ended in one turn; a closed watcher may leave many thousands")           \
    X(WATCH_ENTRIES, 64, "events", "whose entries one job of a stream reads; their memory is bounded")       \
    X(WATCHER_IDLE_MS, 1800000, "ms", "a watcher whose events nobody takes for so long is removed")          \
    X(MMDS_TICK_MS, 50, "ms", "from a failed look at the metadata service to the next; then twice that")     \
    X(MMDS_TICK_MAX_MS, 2000, "ms", "and so on up to this: a guest that waits does little")                  \
    X(MMDS_POLL_MS, 60000, "ms", "the service is looked for so long; then the next /init looks again")       \
    X(MMDS_ASK_MS, 1000, "ms", "one look; a Firecracker answers within a few")                               \
    X(MMDS_MAX, 16 * KIB, "bytes", "its answer; then it is none. Hosts send some hundred")                   \
    X(MMDS_WORD_MAX, 256, "bytes", "one value of it; then the answer is none")                               \
    X(INIT_WORK_MS, 10000, "ms", "/init waits so long for its mounts, as envd; then 400 and they go on")     \
    X(VOLUMES_MAX, 64, "volumes", "of one /init; then 400. Hosts mount a few")                               \
    X(VOLUMES_KEPT_MAX, 256, "mounts", "remembered with their sandbox; then the oldest is mounted anew")     \
    X(MOUNT_TABLE_MAX, 1 * MIB, "bytes", "of the table of mounts, where a volume's place is looked up")      \
    X(HOSTS_FILE_MAX, 1 * MIB, "bytes", "of /etc/hosts; a larger one is left as it is")                      \
    X(TRUST_FILE_MAX, 8 * MIB, "bytes", "of the system's certificates with the host's; then 400")            \
    X(LOGS_QUEUE_MAX, 256 * KIB, "bytes", "log lines waiting for the host's collector; the oldest go")       \
    X(LOGS_SEND_MS, 10000, "ms", "one line at the collector, as envd's")                                     \
    X(LOGS_AGAIN_MS, 500, "ms", "from a failure to the next attempt; then twice that")                       \
    X(LOGS_AGAIN_MAX_MS, 30000, "ms", "and so on up to this; a host is seldom away for longer")              \
    X(LOGS_ATTEMPTS_MAX, 12, "attempts", "in a row; then the next line tries again. 3 minutes, then quiet")  \
    X(STACYVM_FRAME_MAX, 64 * MIB, "bytes", "one frame of StacyVM's host, or for it; a longer one: the end") \
    X(STACYVM_REQUEST_MAX, 1 * MIB, "bytes", "one request of it besides a file's content; then bad params")  \
    X(STACYVM_BLOCK, 48 * KIB, "bytes", "of a file on its way from or to it; becomes 64 KiB of base64")      \
    X(STACYVM_UNSIZED_MAX, 4 * MIB, "bytes",                                                                 \
      "of a file without a size (/proc) in one answer; then an error")                                       \
    X(STACYVM_OUTPUT_MAX, 16 * MIB, "bytes", "output that one exec collects, as JSON; then an error")        \
    X(STACYVM_OUTPUT_TOTAL, 32 * MIB, "bytes", "the same of all of them together")                           \
    X(STACYVM_CONNECTIONS_MAX, 128, "connections", "of its hosts, of which each has one; others are closed") \
    X(STACYVM_EXEC_S, 300, "s", "life of a process that it starts; --stacyvm-timeout")                       \
    X(GIT_QUEUE_MAX, 64, "calls", "that write one repository and wait for their turn; then unavailable")     \
    X(GIT_STDERR_MAX, 64 * KIB, "bytes", "of what git says, the end is kept, for the error's detail")        \
    X(GIT_RECORD_MAX, 64 * KIB, "bytes", "one record of git's output, whose paths are 4 KiB each; internal") \
    X(GIT_MESSAGE_MAX, 1 * MIB, "bytes", "of a commit's message in an answer; the rest is left out")         \
    X(GIT_PAGE_BYTES, 4 * MIB, "bytes",                                                                      \
      "of messages or names in one answer, below what clients take; then it ends")                           \
    X(GIT_PAGE_REVS, 64, "commits", "that a range comes down to, as one page says to the next")              \
    X(GIT_LINE_MAX, 9 * KIB, "bytes",                                                                        \
      "of a line about a reference, whose two names have 4 KiB; else ignored")                               \
    X(GIT_ANSWER_BYTES, 32 * MIB, "bytes", "memory for one answer of git's; then resource_exhausted")        \
    X(GIT_REMOTE_LINES_MAX, 16, "lines", "that a server said, waiting for a slow client; the oldest go")     \
    X(GIT_ARGS_MAX, 4096, "arguments", "of one git command; then invalid_argument")                          \
    X(GIT_ENTRIES_MAX, 10000, "entries", "of one answer about a repository; then it is truncated")           \
    X(GIT_BRANCHES_DEFAULT, 1000, "branches", "of one answer when nobody says; more is the next page")       \
    X(GIT_SUBJECT_MAX, 1 * KIB, "bytes", "of a branch's subject line; the rest is cut off")                  \
    X(GIT_REMOTES_MAX, 1000, "remotes", "of a repository, each looked for by name; then resource_exhausted") \
    X(GIT_TIDY_MAX, 100000, "files", "looked at for lock files of a git that was killed; more stay")         \
    X(GIT_TIDY_DEPTH, 8, "directories", "below the git directory, for the same; branch names are as deep")   \
    X(GIT_SECRET_MAX, 16 * KIB, "bytes", "of a user name, a password or a token; some have 8 KiB")           \
    X(GIT_SSH_KEY_MAX, 32 * KIB, "bytes", "of a private key; RSA of 16384 bits has 13 KiB")                  \
    X(GIT_KNOWN_HOSTS_MAX, MIB, "bytes", "of a request's known_hosts file")                                  \
    X(GIT_GRACE_MS, 3000, "ms", "git may tidy up after SIGTERM; then SIGKILL, and we do")                    \
    X(ENV_VARS_MAX, 4096, "variables", "environment of a process or of /init; then invalid_argument")

enum {
#define X(name, value, unit, reason) name = (value),
    LIMITS(X)
#undef X
};

#endif
