/* The log: one line per event, with fields of its own. Event and field names are OpenTelemetry's where it has
 * one (https://opentelemetry.io/docs/specs/semconv/), and stand in docs/operations.md.
 *
 * What is never a field: arguments, environment, input, output, bodies, tokens, paths and URLs of requests.
 * Lines go to a ring in memory of LOG_RING_BYTES, and to stderr: as PID 1, whose stderr is the console, warnings and
 * errors only. A stderr that cannot take a line drops it; it never holds the loop up. Threads: the loop's only. */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include "core/base.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_OFF };
enum log_format { LOG_TEXT, LOG_JSON };

struct log_field {
    const char *name;
    const char *text; /* NULL: the number */
    int64_t number;
};

static inline struct log_field log_field_str(const char *name, const char *text)
{
    return (struct log_field){name, text ? text : "", 0};
}

#define LOG_STR(name, value) log_field_str(name, value)
#define LOG_INT(name, value) ((struct log_field){(name), NULL, (int64_t)(value)})

/* Lines below `level` are dropped. quiet: of stderr warnings and errors only. Without memory there is no ring. */
void log_init(enum log_level level, enum log_format format, bool quiet);

bool log_enabled(enum log_level level);

/* Writes one line. Use the macros. */
void log_write(enum log_level level, const char *event, const struct log_field *fields, size_t n);

#define LOG_AT_(level, event, ...)                                                                           \
    do {                                                                                                     \
        if (log_enabled(level)) {                                                                            \
            const struct log_field log_fields_[] = {LOG_INT(NULL, 0), __VA_ARGS__};                          \
            log_write(level, event, log_fields_ + 1, ARRAY_LEN(log_fields_) - 1);                            \
        }                                                                                                    \
    } while (0)
#define log_debug(event, ...) LOG_AT_(LOG_DEBUG, event, __VA_ARGS__)
#define log_info(event, ...)  LOG_AT_(LOG_INFO, event, __VA_ARGS__)
#define log_warn(event, ...)  LOG_AT_(LOG_WARN, event, __VA_ARGS__)
#define log_error(event, ...) LOG_AT_(LOG_ERROR, event, __VA_ARGS__)

/* Who gets each line besides: called from inside log_write, and what it logs itself comes back to it. */
typedef void log_sink(void *arg, enum log_level level, const char *event, const struct log_field *fields,
                      size_t n);

/* NULL: nobody. */
void log_set_sink(log_sink *sink, void *arg);

/* The lines in the ring, oldest first, each ending in a newline; two pieces, either may be empty. Returns how many bytes of
 * lines have been logged since the start: the offset of the next one. */
uint64_t log_ring(struct bytes piece[2]);

/* The level of that name ("debug", "info", "warn", "error", "off"), or -1. */
int log_level_from_name(const char *name);

#endif
