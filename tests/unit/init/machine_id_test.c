/* /etc/machine-id. */
#include "init/space.h"

#include <sys/stat.h>

#include "init/machine_id.c"

#define MADE "/etc/machine-id"

static bool is_id(const char *text)
{
    return strlen(text) == 33 && strspn(text, "0123456789abcdef") == 32 && text[32] == '\n';
}

/* As a machine without SMBIOS; firmware: what its UUID says, or NULL. */
static int begin(const char *firmware)
{
    NEED(lay_empty("/etc") == 0 && lay_empty("/run") == 0 && lay_empty("/sys") == 0);
    if (firmware)
        NEED(system("mkdir -p /sys/class/dmi/id") == 0 && write_text(UUID_FILE, firmware) == 0);
    return 0;
}

static int by_chance(void)
{
    struct err e;
    struct stat st;
    char first[64];

    NEED(begin(NULL) == 0);
    NEED(machine_id_make(&e) == 0);
    snprintf(first, sizeof first, "%s", text_of_file(MADE));
    NEED(is_id(first) && first[12] == '4' && strchr("89ab", first[16]));
    NEED(stat(MADE, &st) == 0 && (st.st_mode & 07777) == 0444);
    NEED(machine_id_make(&e) == 0 && strcmp(text_of_file(MADE), first) == 0); /* it stays */
    NEED(unlink(MADE) == 0 && machine_id_make(&e) == 0 && strcmp(text_of_file(MADE), first) != 0);
    return 0;
}

static int by_the_firmware(void)
{
    struct err e;

    NEED(begin("4C4C4544-0042-3010-8052-b4c04f4d3132\n") == 0);
    NEED(write_text(MADE, "uninitialized\n") == 0);
    NEED(machine_id_make(&e) == 0);
    NEED(strcmp(text_of_file(MADE), "4c4c4544004230108052b4c04f4d3132\n") == 0);
    return 0;
}

static int of_a_firmware_without(void)
{
    static const char *const none[] = {"00000000-0000-0000-0000-000000000000\n",
                                       "ffffffff-ffff-ffff-ffff-ffffffffffff\n", "Not Settable\n",
                                       "12345678\n", ""};
    struct err e;

    for (size_t i = 0; i < ARRAY_LEN(none); i++) {
        NEED(begin(none[i]) == 0);
        NEED(write_text(MADE, "") == 0);
        NEED(machine_id_make(&e) == 0 && is_id(text_of_file(MADE)) && text_of_file(MADE)[12] == '4');
    }
    return 0;
}

static int on_a_read_only_root(void)
{
    struct err e;

    NEED(begin(NULL) == 0);
    NEED(write_text(MADE, "") == 0 && mount(NULL, "/etc", NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);
    NEED(machine_id_make(&e) == 0 && is_id(text_of_file(MADE)));
    NEED(is_id(text_of_file("/run/machine-id")));
    NEED(open(MADE, O_WRONLY) < 0 && errno == EROFS);
    return 0;
}

static int on_a_read_only_root_without_the_file(void)
{
    struct err e;

    NEED(begin(NULL) == 0);
    NEED(mount(NULL, "/etc", NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);
    NEED(machine_id_make(&e) == -1);
    NEED(strcmp(e.text, "mount /run/machine-id on /etc/machine-id: no such file or directory") == 0);
    return 0;
}

IN_SPACE(one_is_made_by_chance_and_stays, by_chance)
IN_SPACE(one_is_made_of_the_vms_uuid, by_the_firmware)
IN_SPACE(a_firmware_without_a_uuid_is_no_source, of_a_firmware_without)
IN_SPACE(a_read_only_root_gets_it_by_a_mount, on_a_read_only_root)
IN_SPACE(a_read_only_root_without_the_file_is_told, on_a_read_only_root_without_the_file)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_is_made_by_chance_and_stays),
        cmocka_unit_test(one_is_made_of_the_vms_uuid),
        cmocka_unit_test(a_firmware_without_a_uuid_is_no_source),
        cmocka_unit_test(a_read_only_root_gets_it_by_a_mount),
        cmocka_unit_test(a_read_only_root_without_the_file_is_told),
    };

    return RUN(tests);
}
