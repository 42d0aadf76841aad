#include "core/signals.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "core/fd.h"

#define FIELD "\nSigIgn:\t"

/* To ask for each signal with sigaction(2) would be 64 system calls. It is asked for the first program, not at the start, which has
 * no use for it. */
uint64_t signals_ignored(void)
{
    static _Atomic uint64_t ignored = UINT64_MAX; /* until the kernel has said: SIGKILL never is */
    char text[4096];
    const char *at;

    if (ignored != UINT64_MAX)
        return ignored;
    (void)fd_read_file(AT_FDCWD, "/proc/self/status", text, sizeof text);
    at = strstr(text, FIELD);
    if (at)
        ignored = strtoull(at + strlen(FIELD), NULL, 16);
    return ignored;
}
