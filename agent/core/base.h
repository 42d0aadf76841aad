/* The few macros and types that every file may use. */
#ifndef CORE_BASE_H
#define CORE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define ARRAY_LEN(a)      (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)         ((a) < (b) ? (a) : (b))
#define MAX(a, b)         ((a) > (b) ? (a) : (b))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define MUST_CHECK        __attribute__((warn_unused_result))
#define UNUSED            __attribute__((unused))

/* The object of type `type` whose member `member` is at `ptr`. */
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(uintptr_t)(ptr)-offsetof(type, member)))

/* sys/queue.h has no safe iteration in glibc. */
#ifndef TAILQ_FOREACH_SAFE
#define TAILQ_FOREACH_SAFE(var, head, field, next)                                                           \
    for ((var) = TAILQ_FIRST(head); (var) && ((next) = TAILQ_NEXT(var, field), 1); (var) = (next))
#endif

/* Bytes that came from outside or go there: a pointer and a length, no NUL at the end promised. */
struct bytes {
    const char *ptr;
    size_t len;
};

#define BYTES_LIT(s) ((struct bytes){("" s), sizeof(s) - 1})

/* The bytes of the NUL-terminated string `s`, without the NUL; `s` may be NULL. */
static inline struct bytes bytes_of(const char *s)
{
    return (struct bytes){s, s ? strlen(s) : 0};
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.len == b.len && (b.len == 0 || memcmp(a.ptr, b.ptr, b.len) == 0);
}

static inline bool bytes_are(struct bytes a, const char *s)
{
    return bytes_equal(a, bytes_of(s));
}

/* Cuts `front` off where *s begins so; false: it does not. */
static inline bool bytes_cut(struct bytes *s, const char *front)
{
    size_t n = strlen(front);

    if (s->len < n || memcmp(s->ptr, front, n) != 0)
        return false;
    *s = (struct bytes){s->ptr + n, s->len - n};
    return true;
}

/* Without the spaces and tabs around it. */
static inline struct bytes bytes_trim(struct bytes s)
{
    while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) {
        s.ptr++;
        s.len--;
    }
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
        s.len--;
    return s;
}

/* What a hexadecimal digit is worth, or -1. */
static inline int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Heap memory that is freed at the end of the scope; take it over with TAKE(). */
static inline void cleanup_free_(void *p)
{
    free(*(void **)p);
}
#define CLEANUP_FREE __attribute__((cleanup(cleanup_free_)))

/* The pointer's value, leaving NULL behind: the receiver owns it now. */
#define TAKE(p)                                                                                              \
    __extension__({                                                                                          \
        __typeof__(p) taken_ = (p);                                                                          \
        (p) = NULL;                                                                                          \
        taken_;                                                                                              \
    })

#endif
