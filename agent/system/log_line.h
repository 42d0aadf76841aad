/* A line of the log in the form in which envd's hosts collect them: a JSON object of its own, with "timestamp", "level", "message",
 * and of a process's start and end "event_type" and what goes with it. The fields of our own stand beside them. */
#ifndef SYSTEM_LOG_LINE_H
#define SYSTEM_LOG_LINE_H

#include "core/log.h"
#include "core/writer.h"

/* Writes the line, open: what the host knows the guest by goes behind it, and log_line_end closes it. */
void log_line_begin(struct writer *w, enum log_level level, const char *event, const struct log_field *fields,
                    size_t n);

void log_line_end(struct writer *w, const char *instance_id, const char *template_id);

#endif
