#include "guest/users.h"

#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"

static char dir[] = "/tmp/guestd-fuzz-XXXXXX";

static void remove_files(void)
{
    char path[64];

    for (const char *const *file = (const char *const[]){"passwd", "group", "", NULL}; *file; file++) {
        snprintf(path, sizeof path, "%s/%s", dir, *file);
        if (remove(path) < 0)
            perror(path);
    }
}

static void put(const char *file, const char *text, size_t n)
{
    char path[64];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, file);
    f = fopen(path, "w");
    CHECK(f && fwrite(text, 1, n, f) == n && fclose(f) == 0);
}

/* All that is said of the user, on the heap, after a look at what must hold for whoever is found. */
static char *find(const char *name)
{
    struct err e;
    CLEANUP_FREE struct user *u = users_find(name, &e);
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    CHECK(out);
    if (u) {
        CHECK(strcmp(u->name, name) == 0 || strtoul(name, NULL, 10) == u->uid);
        CHECK(u->group_count >= 1 && u->groups[0] == u->gid);
        fprintf(out, "%s %u %s %s", u->name, u->uid, u->home, u->shell);
        for (size_t i = 0; i < u->group_count; i++) {
            CHECK(i == 0 || u->groups[i] != u->gid);
            fprintf(out, " %u", u->groups[i]);
        }
    } else {
        CHECK(e.status == STATUS_NOT_FOUND);
        fprintf(out, "%s", e.text);
    }
    fclose(out);
    return text;
}

/* The second look-up comes from the cache, and says the same. */
static void find_twice(const char *name)
{
    CLEANUP_FREE char *first = find(name), *second = find(name);

    CHECK(strcmp(first, second) == 0);
}

/* The input is the name asked for, a NUL, passwd, a NUL, group. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool made;
    CLEANUP_FREE char *name = fuzz_text(data, size);
    size_t n = MIN(strlen(name) + 1, size);
    const char *passwd = (const char *)data + n, *group;
    struct err e;
    gid_t gid;

    if (!made) {
        CHECK(mkdtemp(dir));
        made = true;
        atexit(remove_files);
    }
    size -= n;
    group = size ? memchr(passwd, 0, size) : NULL;
    n = group ? (size_t)(group - passwd) : size;
    put("passwd", passwd, n);
    put("group", group ? group + 1 : "", group ? size - n - 1 : 0);
    users_set_directory(dir);
    find_twice(name);
    find_twice("root");
    (void)!users_group(name, &gid, &e);
    return 0;
}
