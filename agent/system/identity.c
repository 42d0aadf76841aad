#include "system/identity.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "guest/fs/put.h"
#include "guest/hosts.h"

/* What the two products call the same things. */
static const struct names {
    const char *prefix, *run_dir, *events_host;
} names[] = {
    [COMPAT_E2B] = {"E2B", "/run/e2b", "events.e2b.local"},
    [COMPAT_WRENN] = {"WRENN", "/run/wrenn", "events.wrenn.local"},
};

/* --- files, in a worker ---------------------------------------------------------------------- */

struct files_job {
    struct job job;
    struct identity *identity; /* for `done`: it lives as long as the agent */
    const struct names *names;
    struct identity_files wanted, before;
    struct err error;
    bool failed;
};

static void put_file(struct files_job *f, const char *name, const char *text, mode_t mode)
{
    char path[64];

    snprintf(path, sizeof path, "%s/.%s_%s", f->names->run_dir, f->names->prefix, name);
    f->failed |= fs_put(path, text, strlen(text), mode, &f->error) < 0;
}

static void run_files(struct job *j)
{
    struct files_job *f = CONTAINER_OF(j, struct files_job, job);
    const struct identity_files *w = &f->wanted, *b = &f->before;

    if (strcmp(w->sandbox, b->sandbox) != 0)
        put_file(f, "SANDBOX", w->sandbox, 0444);
    if (strcmp(w->instance_id, b->instance_id) != 0)
        put_file(f, "SANDBOX_ID", w->instance_id, 0644);
    if (strcmp(w->template_id, b->template_id) != 0)
        put_file(f, "TEMPLATE_ID", w->template_id, 0644);
    if (strcmp(w->events_address, b->events_address) != 0)
        f->failed |= hosts_set(HOSTS_FILE, w->events_address, f->names->events_host, &f->error) < 0;
}

static void write_files(struct identity *i);

static void files_done(struct job *j)
{
    struct files_job *f = CONTAINER_OF(j, struct files_job, job);
    struct identity *i = f->identity;

    if (f->failed)
        log_warn("identity.unwritten", LOG_STR("error.message", f->error.text));
    i->writing = false;
    i->written = f->wanted; /* or not: nobody is helped by trying again and again */
    free(f);
    write_files(i);
}

/* Brings the files to what is wanted, if they are not, and no job does so already. */
static void write_files(struct identity *i)
{
    struct files_job *f;
    struct err e;

    if (i->writing || memcmp(&i->wanted, &i->written, sizeof i->wanted) == 0)
        return;
    err_nomem(&e, "write the sandbox's files");
    f = calloc(1, sizeof *f);
    if (f) {
        f->job.run = run_files;
        f->job.done = files_done;
        f->identity = i;
        f->names = &names[i->compat];
        f->wanted = i->wanted;
        f->before = i->written;
    }
    if (!f || jobs_submit(i->workers, &f->job, &e) < 0) {
        free(f);
        log_warn("identity.unwritten", LOG_STR("error.message", e.text));
        return;
    }
    i->writing = true;
}

/* --- what is learned ------------------------------------------------------------------------- */

/* Texts in struct identity_files are compared as bytes: what lies behind their end is zero. */
static void keep(char *to, size_t size, const char *text)
{
    memset(to, 0, size);
    memcpy(to, text, strnlen(text, size - 1));
}

static int set_variable(struct identity *i, const char *name, const char *value, struct err *e)
{
    char full[32];

    snprintf(full, sizeof full, "%s_%s", names[i->compat].prefix, name);
    return settings_set_internal(i->settings, full, value, e);
}

static void on_found(struct mmds *d, const struct mmds_data *m)
{
    struct identity *i = CONTAINER_OF(d, struct identity, mmds);
    bool known = strcmp(m->instance_id, i->wanted.instance_id) == 0 &&
                 strcmp(m->template_id, i->wanted.template_id) == 0;
    struct err e;

    log_export_to(&i->logs, m);
    if (known)
        return;
    if (set_variable(i, "SANDBOX_ID", m->instance_id, &e) < 0 ||
        set_variable(i, "TEMPLATE_ID", m->template_id, &e) < 0) {
        log_warn("identity.unwritten", LOG_STR("error.message", e.text));
        return;
    }
    keep(i->wanted.instance_id, sizeof i->wanted.instance_id, m->instance_id);
    keep(i->wanted.template_id, sizeof i->wanted.template_id, m->template_id);
    write_files(i);
    log_info("identity.found", LOG_STR("sandbox.id", m->instance_id),
             LOG_STR("sandbox.template_id", m->template_id));
}

/* Nobody will take the lines that wait, unless a host was found before. */
static void on_none(struct mmds *d)
{
    struct identity *i = CONTAINER_OF(d, struct identity, mmds);

    if (i->logs.state == LOG_EXPORT_WAITING)
        log_export_off(&i->logs);
}

int identity_set_events(struct identity *i, const char *address, struct err *e)
{
    unsigned char scratch[sizeof(struct in6_addr)];
    bool six = strchr(address, ':') != NULL;
    char url[64];

    if (inet_pton(six ? AF_INET6 : AF_INET, address, scratch) != 1)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "the events' address is not one");
    snprintf(url, sizeof url, six ? "http://[%s]" : "http://%s", address);
    if (set_variable(i, "EVENTS_ADDRESS", url, e) < 0)
        return -1;
    keep(i->wanted.events_address, sizeof i->wanted.events_address, address);
    *i->written.events_address = 0; /* others write that file, too: it is looked at each time */
    write_files(i);
    return 0;
}

/* --- life ------------------------------------------------------------------------------------ */

void identity_init(struct identity *i, struct loop *loop, struct settings *settings, struct jobs *workers,
                   enum compat compat)
{
    memset(i, 0, sizeof *i);
    i->settings = settings;
    i->workers = workers;
    i->compat = compat;
    mmds_init(&i->mmds, loop);
    i->mmds.found = on_found;
    i->mmds.none = on_none;
    log_export_init(&i->logs, loop);
}

int identity_wear(struct identity *i, bool has_metadata, struct err *e)
{
    const char *sandbox = has_metadata ? "true" : "false";

    if (set_variable(i, "SANDBOX", sandbox, e) < 0)
        return -1;
    keep(i->wanted.sandbox, sizeof i->wanted.sandbox, sandbox);
    i->has_metadata = has_metadata;
    if (has_metadata)
        log_export_wait(&i->logs);
    write_files(i);
    return 0;
}

void identity_look(struct identity *i)
{
    if (i->has_metadata)
        mmds_poll(&i->mmds);
}

void identity_destroy(struct identity *i)
{
    mmds_destroy(&i->mmds);
    log_export_destroy(&i->logs);
}
