/* Allocations that fail on command. A test maps the file that GUESTD_FAIL_MALLOC names and writes which of the
 * next ones fail; the linker's --wrap brings every allocation here (CMakeLists.txt). */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The file, in the machine's byte order: words that the test and the agent share. */
struct orders {
    uint64_t first;    /* the first allocation that fails, from 1; 0: none, and none is counted */
    uint64_t times;    /* how many fail */
    uint64_t seen;     /* allocations counted */
    uint64_t failed;   /* of them failed */
    uint64_t where[4]; /* who asked for those, for addr2line */
};

extern const char __executable_start[];

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t n);
void *__real_reallocarray(void *old, size_t n, size_t size);
char *__real_strdup(const char *s);
char *__real_strndup(const char *s, size_t n);
FILE *__real_fopen(const char *path, const char *mode);
FILE *__real_fdopen(int fd, const char *mode);

void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t n);
void *__wrap_reallocarray(void *old, size_t n, size_t size);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);
FILE *__wrap_fopen(const char *path, const char *mode);
FILE *__wrap_fdopen(int fd, const char *mode);

static struct orders *orders;

__attribute__((constructor)) static void open_orders(void)
{
    const char *path = getenv("GUESTD_FAIL_MALLOC");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *map = fd >= 0 ? mmap(NULL, sizeof *orders, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;

    if (path && map == MAP_FAILED) {
        perror(path);
        _exit(2);
    }
    if (path)
        orders = map;
    close(fd);
}

/* Whether this allocation fails; errno is then ENOMEM. */
static int fails(const char *caller)
{
    uint64_t first = orders ? __atomic_load_n(&orders->first, __ATOMIC_ACQUIRE) : 0, i, k;

    if (first == 0)
        return 0;
    i = __atomic_add_fetch(&orders->seen, 1, __ATOMIC_ACQ_REL);
    if (i < first || i - first >= orders->times)
        return 0;
    k = __atomic_fetch_add(&orders->failed, 1, __ATOMIC_ACQ_REL);
    orders->where[k % 4] = (uint64_t)(caller - __executable_start);
    errno = ENOMEM;
    return 1;
}

#define FAILS() fails(__builtin_return_address(0))

void *__wrap_malloc(size_t n)
{
    return FAILS() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return FAILS() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t n)
{
    return FAILS() ? NULL : __real_realloc(old, n);
}

void *__wrap_reallocarray(void *old, size_t n, size_t size)
{
    return FAILS() ? NULL : __real_reallocarray(old, n, size);
}

char *__wrap_strdup(const char *s)
{
    return FAILS() ? NULL : __real_strdup(s);
}

char *__wrap_strndup(const char *s, size_t n)
{
    return FAILS() ? NULL : __real_strndup(s, n);
}

FILE *__wrap_fopen(const char *path, const char *mode)
{
    return FAILS() ? NULL : __real_fopen(path, mode);
}

FILE *__wrap_fdopen(int fd, const char *mode)
{
    return FAILS() ? NULL : __real_fdopen(fd, mode);
}
