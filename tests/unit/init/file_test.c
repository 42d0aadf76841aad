/* Small files of /etc. */
#include "init/space.h"

#include <sys/stat.h>

#include "init/file.h"

static bool is(const char *path, const char *text)
{
    return strcmp(text_of_file(path), text) == 0;
}

static int begin(void)
{
    return lay_empty("/mnt") < 0 || mkdir("/mnt/etc", 0755) < 0 || mkdir("/mnt/run", 0755) < 0;
}

static int a_new_one_and_another(void)
{
    struct err e;
    struct stat st;

    NEED(begin() == 0);
    umask(022);
    NEED(file_write("/mnt/etc/f", "one\n", 0644, &e) == 0 && is("/mnt/etc/f", "one\n"));
    NEED(stat("/mnt/etc/f", &st) == 0 && (st.st_mode & 07777) == 0644);
    NEED(link("/mnt/etc/f", "/mnt/etc/old") == 0);
    NEED(file_write("/mnt/etc/f", "2\n", 0644, &e) == 0 && is("/mnt/etc/f", "2\n"));
    NEED(is("/mnt/etc/old", "one\n")); /* who had it open has the whole old one */
    NEED(atoi(output_of("ls /mnt/etc | wc -l")) == 2);
    return 0;
}

/* Where a container runtime has mounted a file, it stays that very file. */
static int a_mount_point(void)
{
    struct err e;

    NEED(begin() == 0);
    NEED(write_text("/mnt/etc/f", "") == 0 && write_text("/mnt/run/f", "a longer text\n") == 0);
    NEED(mount("/mnt/run/f", "/mnt/etc/f", NULL, MS_BIND, NULL) == 0);
    NEED(file_write("/mnt/etc/f", "new\n", 0644, &e) == 0 && is("/mnt/run/f", "new\n"));
    NEED(atoi(output_of("ls /mnt/etc | wc -l")) == 1);
    return 0;
}

static int a_link_that_leads_nowhere_yet(void)
{
    struct err e;

    NEED(begin() == 0);
    NEED(symlink("../run/resolve/stub/f", "/mnt/etc/f") == 0);
    NEED(file_write("/mnt/etc/f", "x\n", 0644, &e) == 0 && is("/mnt/run/resolve/stub/f", "x\n"));
    NEED(file_write("/mnt/etc/f", "y\n", 0644, &e) == 0 && is("/mnt/etc/f", "y\n"));
    NEED(symlink("/mnt/run/g", "/mnt/etc/g") == 0);
    NEED(file_write("/mnt/etc/g", "z\n", 0644, &e) == 0 && is("/mnt/run/g", "z\n"));
    return 0;
}

static int a_root_that_takes_nothing(void)
{
    struct err e;

    NEED(begin() == 0);
    NEED(write_text("/mnt/etc/f", "old\n") == 0);
    NEED(mount(NULL, "/mnt", NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);
    NEED(file_write("/mnt/etc/f", "new\n", 0644, &e) == -1);
    NEED(strcmp(e.text, "write /mnt/etc/f: read-only file system") == 0);
    NEED(is("/mnt/etc/f", "old\n"));
    return 0;
}

static int a_full_disk(void)
{
    struct err e;
    char text[40000];

    NEED(mount("none", "/mnt", "tmpfs", 0, "size=8k") == 0);
    NEED(write_text("/mnt/f", "old\n") == 0);
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = 0;
    NEED(file_write("/mnt/f", text, 0644, &e) == -1 && strstr(e.text, "write /mnt/f: no space"));
    NEED(strcmp(output_of("ls /mnt"), "f\n") == 0);
    return 0;
}

static int reading(void)
{
    struct err e;
    char *text;
    FILE *f;

    NEED(begin() == 0);
    NEED(!file_read("/mnt/none", &e) && e.status == STATUS_NOT_FOUND);
    NEED(!file_read("/mnt/etc", &e) && strcmp(e.text, "read /mnt/etc: is a directory") == 0);
    NEED(write_text("/mnt/f", "text\n") == 0);
    text = file_read("/mnt/f", &e);
    NEED(text && strcmp(text, "text\n") == 0);
    free(text);
    f = fopen("/mnt/long", "w");
    for (int i = 0; i < 70000; i++)
        fputc('x', f);
    fclose(f);
    NEED(!file_read("/mnt/long", &e) && strcmp(e.text, "/mnt/long is too long") == 0);
    return 0;
}

IN_SPACE(a_file_is_replaced_whole, a_new_one_and_another)
IN_SPACE(a_mount_point_is_written_in_place, a_mount_point)
IN_SPACE(a_link_is_followed_even_into_nothing, a_link_that_leads_nowhere_yet)
IN_SPACE(a_read_only_root_is_an_error, a_root_that_takes_nothing)
IN_SPACE(a_full_disk_is_an_error_and_leaves_nothing, a_full_disk)
IN_SPACE(reading_is_bounded, reading)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_replaced_whole),
        cmocka_unit_test(a_mount_point_is_written_in_place),
        cmocka_unit_test(a_link_is_followed_even_into_nothing),
        cmocka_unit_test(a_read_only_root_is_an_error),
        cmocka_unit_test(a_full_disk_is_an_error_and_leaves_nothing),
        cmocka_unit_test(reading_is_bounded),
    };

    return RUN(tests);
}
