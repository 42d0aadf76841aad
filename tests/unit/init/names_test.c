/* The names of the guest, at the boot and by a lease. */
#include "init/space.h"

#include <arpa/inet.h>

#include "init/names.h"

static struct names names;
static struct boot boot;
static struct config config;
static struct loop loop;

static int begin(const char *text)
{
    NEED(lay_empty("/etc") == 0 && sethostname("before", 6) == 0);
    boot_begin(&boot);
    config_init(&config);
    config_take_text(&config, "f", bytes_of(text));
    return 0;
}

static int of_a_machine(void)
{
    char name[65];

    NEED(begin("hostname box\nhost 10.0.0.9 other\ndns 1.1.1.1\n") == 0);
    names_set(&names, &config, &boot, true);
    NEED(boot.problem_count == 0 && names.named);
    NEED(gethostname(name, sizeof name) == 0 && strcmp(name, "box") == 0);
    NEED(strstr(text_of_file("/etc/hosts"), "127.0.1.1\tbox\n10.0.0.9\tother\n"));
    NEED(strcmp(text_of_file("/etc/resolv.conf"), "nameserver 1.1.1.1\n") == 0);
    NEED(strlen(text_of_file("/etc/machine-id")) == 33);
    return 0;
}

/* A runtime has done all of this; only what is stated is done. */
static int of_a_container(void)
{
    char name[65];

    NEED(begin("") == 0 && write_text("/etc/hostname", "images\n") == 0);
    names_set(&names, &config, &boot, false);
    NEED(boot.problem_count == 0);
    NEED(gethostname(name, sizeof name) == 0 && strcmp(name, "before") == 0);
    NEED(strcmp(output_of("ls /etc"), "hostname\n") == 0);
    config_take_text(&config, "f", bytes_of("hostname box\nhost 10.0.0.9 other\n"));
    names_set(&names, &config, &boot, false);
    NEED(gethostname(name, sizeof name) == 0 && strcmp(name, "box") == 0);
    NEED(strstr(text_of_file("/etc/hosts"), "10.0.0.9\tother\n") &&
         !strstr(text_of_file("/etc/hosts"), "127.0.1.1"));
    return 0;
}

static int of_a_root_that_takes_nothing(void)
{
    NEED(begin("hostname box\ndns 1.1.1.1\n") == 0);
    NEED(mount(NULL, "/etc", NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0 && lay_empty("/run") == 0);
    names_set(&names, &config, &boot, true);
    NEED(boot.problem_count == 3); /* each once */
    NEED(strcmp(boot.problems[0], "write /etc/hosts: read-only file system") == 0);
    NEED(strcmp(boot.problems[1], "write /etc/resolv.conf: read-only file system") == 0);
    NEED(strstr(boot.problems[2], "/etc/machine-id"));
    return 0;
}

static void on_time(struct ev_loop *ev, ev_timer *w, int revents)
{
    (void)w;
    (void)revents;
    ev_break(ev, EVBREAK_ALL);
}

/* Gives the worker its time. */
static void work(void)
{
    ev_timer timer;

    ev_timer_init(&timer, on_time, 0.3, 0.);
    ev_timer_start(loop.ev, &timer);
    loop_run(&loop);
}

static int of_a_lease(void)
{
    struct dhcp_lease lease = {
        .dns_count = 1, .dns = {{inet_addr("9.9.9.9")}}, .hostname = "leased", .domain = "lan"};
    char name[65];

    NEED(begin("") == 0 && loop_init(&loop) == 0);
    names_set(&names, &config, &boot, true);
    NEED(!names.named);
    names.jobs = jobs_new(&loop, &(struct jobs_config){"worker", 1, 0, 4});
    names_take_lease(&names, &lease);
    NEED(gethostname(name, sizeof name) == 0 && strcmp(name, "leased") == 0);
    work();
    NEED(strcmp(text_of_file("/etc/resolv.conf"), "search lan\nnameserver 9.9.9.9\n") == 0);
    NEED(strstr(text_of_file("/etc/hosts"), "127.0.1.1\tleased\n"));
    NEED(boot.problem_count == 0);
    /* One that is named keeps its name; a root that takes nothing is told. */
    names.named = true;
    strcpy(lease.hostname, "again");
    NEED(mount(NULL, "/etc", NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);
    names_take_lease(&names, &lease);
    work();
    NEED(gethostname(name, sizeof name) == 0 && strcmp(name, "leased") == 0);
    NEED(boot.problem_count == 1 && strstr(boot.problems[0], "write /etc/resolv.conf: "));
    jobs_destroy(names.jobs);
    return 0;
}

IN_SPACE(a_machine_gets_its_names, of_a_machine)
IN_SPACE(a_container_keeps_its_runtimes, of_a_container)
IN_SPACE(a_read_only_root_is_told_once_a_file, of_a_root_that_takes_nothing)
IN_SPACE(a_lease_names_what_nobody_named, of_a_lease)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_machine_gets_its_names),
        cmocka_unit_test(a_container_keeps_its_runtimes),
        cmocka_unit_test(a_read_only_root_is_told_once_a_file),
        cmocka_unit_test(a_lease_names_what_nobody_named),
    };

    return RUN(tests);
}
