/* A child in namespaces of its own: what it does to the network, to mounts and to the host name is seen by nobody. */
#ifndef TESTS_UNIT_INIT_SPACE_H
#define TESTS_UNIT_INIT_SPACE_H

#include "init/child.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>

/* A check in a child: its line tells which one failed. */
#define NEED(condition)                                                                                      \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                  \
            return 1;                                                                                        \
        }                                                                                                    \
    } while (0)

static int (*space_body)(void);

static int in_space(void)
{
    if (unshare(CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWUTS) < 0 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return 90;
    return space_body();
}

/* Runs fn in new network, mount and uts namespaces; it must return 0. Namespaces are root's. */
static void run_in_space(int (*fn)(void))
{
    if (geteuid() != 0)
        return;
    space_body = fn;
    assert_int_equal(in_child(in_space), 0);
}

/* Lays an empty directory over another one. */
static inline int lay_empty(const char *path)
{
    return mount("none", path, "tmpfs", 0, "mode=0755");
}

/* Writes a file of the space. */
static inline int write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    if (!f)
        return -1;
    fputs(text, f);
    return fclose(f);
}

/* A small file's text; "" when there is none. Good until the next call. */
static inline const char *text_of_file(const char *path)
{
    static char text[8192];
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;

    text[n] = 0;
    if (f)
        fclose(f);
    return text;
}

/* What a command prints. Good until the next call. */
static inline const char *output_of(const char *command)
{
    static char text[8192];
    FILE *f = popen(command, "r");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;

    text[n] = 0;
    if (f)
        pclose(f);
    return text;
}

/* A test that has the body run there. */
#define IN_SPACE(name, body)                                                                                 \
    static void name(void **state)                                                                           \
    {                                                                                                        \
        (void)state;                                                                                         \
        run_in_space(body);                                                                                  \
    }

#endif
