#include "init/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/fd.h"

/* As kata's and E2B's agents. The kernel spares the machine's own init anyway, but neither a container's nor a service. */
#define OOM_SCORE "-1000"

/* The weight of nice 0 is 1,024, of -10 9,548, of -20 88,761 (sched_prio_to_weight in kernel/sched/core.c). Among twenty
 * processes that compute, -10 still has a third of a CPU; with -20 one busy download would leave a guest of one CPU nearly
 * nothing for what it is there for. */
#define NICE (-10)

static int set_oom_score(const char *score)
{
    CLEANUP_FD int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    return fd >= 0 && write(fd, score, strlen(score)) >= 0 ? 0 : -1;
}

/* A container may have it forbidden: that is no problem of its boot. */
static bool is_forbidden(void)
{
    return errno == EACCES || errno == EPERM;
}

void guard_self(struct boot *b)
{
    if (set_oom_score(OOM_SCORE) < 0 && !is_forbidden())
        boot_problem(b, "write %s to /proc/self/oom_score_adj: %s", OOM_SCORE, errno_text(errno));
    if (setpriority(PRIO_PROCESS, 0, NICE) < 0 && !is_forbidden())
        boot_problem(b, "set priority %d: %s", NICE, errno_text(errno));
}

void guard_undo(void)
{
    (void)set_oom_score("0");
    (void)setpriority(PRIO_PROCESS, 0, 0);
}
