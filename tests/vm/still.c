/* still SECONDS: whether PID 1 stands still. Waits until what it has done before is over, then prints for these seconds
 *
 *   switches N   context switches of its threads
 *   dirty N      pages that it has written to
 *
 * Sources: proc(5) /proc/PID/status, /proc/PID/clear_refs, Documentation/admin-guide/mm/soft-dirty.rst. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SOFT_DIRTY (UINT64_C(1) << 55)
#define SETTLE_S   7 /* a worker without work leaves after 5 s */

static _Noreturn void die(const char *what)
{
    perror(what);
    exit(1);
}

static unsigned long switches_of(const char *thread)
{
    char path[300], line[256];
    unsigned long sum = 0;
    FILE *f;

    snprintf(path, sizeof path, "/proc/1/task/%s/status", thread);
    f = fopen(path, "r");
    if (!f)
        die(path);
    while (fgets(line, sizeof line, f))
        if (strstr(line, "ctxt_switches"))
            sum += strtoul(strchr(line, ':') + 1, NULL, 10);
    fclose(f);
    return sum;
}

static unsigned long switches(void)
{
    DIR *threads = opendir("/proc/1/task");
    unsigned long sum = 0;

    if (!threads)
        die("/proc/1/task");
    for (struct dirent *d; (d = readdir(threads));)
        if (d->d_name[0] != '.')
            sum += switches_of(d->d_name);
    closedir(threads);
    return sum;
}

static void forget_dirty(void)
{
    int fd = open("/proc/1/clear_refs", O_WRONLY);

    if (fd < 0 || write(fd, "4", 1) != 1)
        die("/proc/1/clear_refs");
    close(fd);
}

static unsigned long dirty_between(int pagemap, uintptr_t from, uintptr_t to)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    unsigned long sum = 0;
    uint64_t entry;

    for (; from < to; from += page)
        if (pread(pagemap, &entry, sizeof entry, (off_t)(from / page * sizeof entry)) == sizeof entry)
            sum += (entry & SOFT_DIRTY) != 0;
    return sum;
}

/* Of private pages that can be written to. */
static unsigned long dirty(void)
{
    int pagemap = open("/proc/1/pagemap", O_RDONLY);
    FILE *maps = fopen("/proc/1/maps", "r");
    unsigned long sum = 0;
    uintptr_t from, to;
    char line[512], kind[5];

    if (pagemap < 0 || !maps)
        die("/proc/1/maps");
    while (fgets(line, sizeof line, maps))
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &from, &to, kind) == 3 && kind[1] == 'w')
            sum += dirty_between(pagemap, from, to);
    fclose(maps);
    close(pagemap);
    return sum;
}

int main(int argc, char **argv)
{
    unsigned long before;

    if (argc != 2)
        return 2;
    sleep(SETTLE_S);
    forget_dirty();
    before = switches();
    sleep((unsigned)atoi(argv[1]));
    printf("switches %lu\n", switches() - before);
    printf("dirty %lu\n", dirty());
    return 0;
}
