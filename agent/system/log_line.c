#include "system/log_line.h"

#include "core/clock.h"
#include "core/signame.h"

static const char *const levels[] = {"debug", "info", "warn", "error"}; /* zerolog's, which envd logs with */

static int64_t number_of(const struct log_field *f, size_t n, const char *name)
{
    for (; n > 0; n--, f++)
        if (strcmp(f->name, name) == 0)
            return f->number;
    return 0;
}

static void put_member(struct writer *w, const char *name, const char *value)
{
    writer_printf(w, ",\"%s\":", name);
    writer_json_string(w, bytes_of(value));
}

/* As Go writes an EndEvent: what is zero is left out. */
static void put_result(struct writer *w, int64_t code, int64_t signal)
{
    char name[SIGNAME_MAX];

    writer_str(w, ",\"process_result\":{");
    if (code)
        writer_printf(w, "\"exit_code\":%d,", (int)code);
    if (signal) {
        signame_text((int)signal, name);
        writer_printf(w, "\"status\":\"signal: %s\"}", name);
    } else {
        writer_printf(w, "\"exited\":true,\"status\":\"exit status %d\"}", (int)code);
    }
}

/* What hosts look for: a process begins or ends. */
static bool put_process(struct writer *w, const char *event, const struct log_field *fields, size_t n)
{
    bool start = strcmp(event, "process.start") == 0;
    int64_t pid = number_of(fields, n, "process.pid");

    if (!start && strcmp(event, "process.end") != 0)
        return false;
    writer_printf(w, ",\"event_type\":\"%s\",\"pid\":%d", start ? "process_start" : "process_end", (int)pid);
    if (!start)
        put_result(w, number_of(fields, n, "process.exit.code"), number_of(fields, n, "process.exit.signal"));
    writer_printf(w, ",\"message\":\"Process with pid %d %s\"", (int)pid, start ? "started" : "ended");
    return true;
}

void log_line_begin(struct writer *w, enum log_level level, const char *event, const struct log_field *fields,
                    size_t n)
{
    struct timespec now = clock_wall();
    char when[40];

    clock_rfc3339(now.tv_sec, (int32_t)now.tv_nsec, when);
    writer_printf(w, "{\"timestamp\":\"%s\",\"level\":\"%s\"", when, levels[level]);
    if (!put_process(w, event, fields, n))
        put_member(w, "message", event);
    for (size_t i = 0; i < n; i++) {
        if (fields[i].text)
            put_member(w, fields[i].name, fields[i].text);
        else
            writer_printf(w, ",\"%s\":%lld", fields[i].name, (long long)fields[i].number);
    }
}

void log_line_end(struct writer *w, const char *instance_id, const char *template_id)
{
    put_member(w, "instanceID", instance_id);
    put_member(w, "envID", template_id);
    writer_char(w, '}');
}
