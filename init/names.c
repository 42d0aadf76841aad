#include "init/names.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "init/etc_hosts.h"
#include "init/file.h"
#include "init/hostname.h"
#include "init/machine_id.h"
#include "init/resolv.h"

static void tell(struct names *n, int result, const struct err *e)
{
    if (result < 0)
        boot_problem(n->boot, "%s", e->text);
}

static void set_hostname(struct names *n)
{
    struct err e;
    int result = 1;

    if (n->own || n->config->hostname)
        result = hostname_set(n->config, &e);
    n->named = result > 0;
    tell(n, result, &e);
}

static void write_hosts(struct names *n)
{
    char name[HOST_NAME_MAX + 1] = "";
    struct err e;

    if (!n->own && !n->config->hosts)
        return;
    if (n->own && n->named)
        gethostname(name, sizeof name);
    tell(n, etc_hosts_write(name, n->config->hosts, &e), &e);
}

static void write_resolv(struct names *n)
{
    CLEANUP_FREE char *text = resolv_text(n->config, NULL);
    struct err e;

    if (text)
        tell(n, file_write(RESOLV_FILE, text, 0644, &e), &e);
}

void names_set(struct names *n, const struct config *c, struct boot *boot, bool own)
{
    struct err e;

    *n = (struct names){.boot = boot, .config = c, .own = own};
    set_hostname(n);
    write_hosts(n);
    write_resolv(n);
    if (own)
        tell(n, machine_id_make(&e), &e);
}

/* --- what a lease says ----------------------------------------------------------------------- */

/* The files that a lease changes. The configuration does not change any more: a worker may read it. */
struct lease_job {
    struct job job;
    struct names *names;
    char *resolv; /* NULL: as it is */
    char hostname[65];
    struct err hosts_error, resolv_error;
    int hosts_result, resolv_result;
};

static void run_lease_job(struct job *job)
{
    struct lease_job *j = CONTAINER_OF(job, struct lease_job, job);

    if (*j->hostname)
        j->hosts_result = etc_hosts_write(j->hostname, j->names->config->hosts, &j->hosts_error);
    if (j->resolv)
        j->resolv_result = file_write(RESOLV_FILE, j->resolv, 0644, &j->resolv_error);
}

static void free_lease_job(struct lease_job *j)
{
    free(j->resolv);
    free(j);
}

static void on_lease_job(struct job *job)
{
    struct lease_job *j = CONTAINER_OF(job, struct lease_job, job);

    tell(j->names, j->hosts_result, &j->hosts_error);
    tell(j->names, j->resolv_result, &j->resolv_error);
    free_lease_job(j);
}

void names_take_lease(struct names *n, const struct dhcp_lease *lease)
{
    struct lease_job *j = calloc(1, sizeof *j);
    struct err e;

    if (!j) {
        err_nomem(&e, "take the names of a DHCP lease");
        tell(n, -1, &e);
        return;
    }
    *j = (struct lease_job){.job = {.run = run_lease_job, .done = on_lease_job}, .names = n};
    if (!n->config->dns || !n->config->search)
        j->resolv = resolv_text(n->config, lease);
    if (!n->named && *lease->hostname) {
        memcpy(j->hostname, lease->hostname, sizeof j->hostname);
        tell(n, hostname_give(j->hostname, &e), &e);
    }
    if (jobs_submit(n->jobs, &j->job, &e) < 0) {
        tell(n, -1, &e);
        free_lease_job(j);
    }
}
