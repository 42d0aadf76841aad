/* Whose word the host name is. */
#include "init/space.h"

#include "init/hostname.h"

static bool is_named(const char *name)
{
    char now[65] = "";

    return gethostname(now, sizeof now) == 0 && strcmp(now, name) == 0;
}

static int by_whom(void)
{
    static const struct config none, configured = {.hostname = "configured"};
    struct err e;

    NEED(lay_empty("/etc") == 0 && hostname_give("kernels", &e) == 0);
    NEED(hostname_set(&none, &e) == 0 && is_named("kernels"));
    NEED(write_text("/etc/hostname", "# a comment\n\n") == 0);
    NEED(hostname_set(&none, &e) == 0 && is_named("kernels"));
    NEED(write_text("/etc/hostname", "# a comment\n \timages \r\nanother\n") == 0);
    NEED(hostname_set(&none, &e) == 1 && is_named("images"));
    NEED(write_text("/etc/hostname", "without-an-end") == 0);
    NEED(hostname_set(&none, &e) == 1 && is_named("without-an-end"));
    NEED(hostname_set(&configured, &e) == 1 && is_named("configured"));
    return 0;
}

static int wrong(void)
{
    static const struct config none;
    struct err e;

    NEED(lay_empty("/etc") == 0);
    NEED(write_text("/etc/hostname",
                    "a-name-that-is-longer-than-the-sixty-four-bytes-of-which-a-name-may-consist\n") == 0);
    NEED(hostname_set(&none, &e) == -1 && strstr(e.text, "/etc/hostname: set the host name 'a-name-"));
    NEED(unlink("/etc/hostname") == 0 && mount("none", "/etc", "tmpfs", 0, NULL) == 0);
    NEED(system("mkdir /etc/hostname") == 0);
    NEED(hostname_set(&none, &e) == -1 && strcmp(e.text, "read /etc/hostname: is a directory") == 0);
    return 0;
}

static void the_configuration_names_it_or_the_image(void **state)
{
    (void)state;
    run_in_space(by_whom);
}

static void a_name_that_cannot_be_is_told(void **state)
{
    (void)state;
    run_in_space(wrong);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_configuration_names_it_or_the_image),
        cmocka_unit_test(a_name_that_cannot_be_is_told),
    };

    return RUN(tests);
}
