#include "init/machine.h"

#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

/* The kernel gives the namespaces that it begins with fixed numbers: PROC_PID_INIT_INO in include/linux/proc_ns.h. */
#define FIRST_PID_NAMESPACE 0xeffffffcu

/* The number of our pid namespace; 0 without /proc. */
static ino_t namespace(void)
{
    struct stat st;

    return stat("/proc/self/ns/pid", &st) == 0 ? st.st_ino : 0;
}

bool machine_take(void)
{
    return getpid() == 1 && reboot(RB_DISABLE_CAD) == 0;
}

bool machine_is_shared(void)
{
    ino_t number = namespace();

    return number != 0 && number != FIRST_PID_NAMESPACE;
}
