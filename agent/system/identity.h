/* Who the guest is to its host, where guestd stands in for envd: variables of every process, files of the run directory, where the
 * log goes, and what the name of the host's events leads to. It is learned from the metadata service (mmds.h) and from /init.
 *
 * Where nobody expects envd (identity_wear was not called) there are no files, no variables and no look-up.
 * Files are written in a worker, the newest state, one job at a time. Who frees: identity_destroy. */
#ifndef SYSTEM_IDENTITY_H
#define SYSTEM_IDENTITY_H

#include "core/jobs.h"
#include "guest/settings.h"
#include "system/log_export.h"
#include "system/mmds.h"

/* Whose host the agent stands in for, where one answer cannot serve all (--compat). */
enum compat { COMPAT_E2B, COMPAT_WRENN };

/* What the run directory and /etc/hosts should say; empty: nothing of it. */
struct identity_files {
    char sandbox[8]; /* "true": the host is a Firecracker with metadata */
    char instance_id[MMDS_WORD_MAX], template_id[MMDS_WORD_MAX];
    char events_address[48];
};

struct identity {
    struct settings *settings;
    struct jobs *workers;
    enum compat compat;
    bool has_metadata; /* it is looked for */
    struct mmds mmds;
    struct log_export logs;
    struct identity_files wanted, written;
    bool writing;
};

void identity_init(struct identity *i, struct loop *loop, struct settings *settings, struct jobs *workers,
                   enum compat compat);

/* The host expects envd's variables and files; has_metadata: and may have a metadata service. Its log lines are kept for the host
 * from here on. Returns 0, or -1 with *e. */
MUST_CHECK int identity_wear(struct identity *i, bool has_metadata, struct err *e);

/* Looks for the metadata, if there may be any; in the background. */
void identity_look(struct identity *i);

/* The host's events are at that address, a literal one. Returns 0, or -1 with *e: invalid_argument. */
MUST_CHECK int identity_set_events(struct identity *i, const char *address, struct err *e);

void identity_destroy(struct identity *i);

#endif
