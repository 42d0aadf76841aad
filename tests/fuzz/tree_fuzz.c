#include "files/tree_message.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <unistd.h>

#include "core/limits.h"
#include "fuzz.h"
#include "guest/fs/remove.h"
#include "rpc/codec/codec.h"

static char base[] = "/dev/shm/guestd-fuzz-XXXXXX", first[64], second[64];

static int open_new(const char *path)
{
    int fd;

    CHECK(mkdir(path, 0700) == 0);
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(fd >= 0);
    return fd;
}

static void begin(struct fs_tree_writer *w, const char *path)
{
    const struct fs_tree_write_options o = {.made_root = true, .mode_mask = 07777};
    struct err e;

    CHECK(fs_tree_write_begin(w, open_new(path), &o, &e) == 0);
}

/* Writes what the input says. Returns false where that is no tree. */
static bool write_input(const Guest__V1__ReadTreeResponse *m)
{
    struct fs_tree_writer w;
    struct err e;
    int ret = 0;

    begin(&w, first);
    for (size_t i = 0; ret >= 0 && i < m->n_items; i++) {
        if (m->items[i]->entry)
            m->items[i]->entry->mode |= 0700; /* who is not root wants to remove it */
        ret = tree_message_write(&w, m->items[i], &e);
        CHECK(ret == 0 || (e.status != STATUS_OK && e.text[0]));
        CHECK(ret != -1 || e.status == STATUS_INVALID_ARGUMENT);
    }
    if (ret >= 0)
        ret = fs_tree_write_finish(&w, &e);
    fs_tree_write_abandon(&w);
    return ret >= 0;
}

/* What came of it is a tree, and so can be read and written again. */
static void copy_it(void)
{
    struct fs_tree_reader r;
    struct fs_tree_writer w;
    int ret = 1;
    struct err e;

    begin(&w, second);
    CHECK(fs_tree_read_begin(&r, open(first, O_RDONLY | O_DIRECTORY | O_CLOEXEC), &e) == 0);
    while (ret > 0) {
        struct arena a = {.max = SIZE_MAX};
        struct tree_items items;

        ret = tree_message_read(&r, &a, &items, &e);
        for (size_t i = 0; i < items.count; i++)
            CHECK(!items.list[i]->problem && tree_message_write(&w, items.list[i], &e) == 0);
        arena_clear(&a);
    }
    CHECK(ret == 0 && fs_tree_write_finish(&w, &e) == 0);
    fs_tree_read_end(&r);
    fs_tree_write_abandon(&w);
}

/* Nothing lies beside the two trees. */
static void check_outside(void)
{
    atomic_bool stop = false;
    struct err e;

    CHECK(fs_remove(first, &stop, &e) == 0);
    if (access(second, F_OK) == 0)
        CHECK(fs_remove(second, &stop, &e) == 0);
    CHECK(rmdir(base) == 0 && mkdir(base, 0700) == 0);
}

/* A tree's items in protobuf's form. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = {.max = DECODE_MAX};
    const Guest__V1__ReadTreeResponse *m;
    struct err e;

    if (!first[0]) {
        CHECK(mkdtemp(base));
        snprintf(first, sizeof first, "%s/first", base);
        snprintf(second, sizeof second, "%s/second", base);
    }
    m = (void *)codec_decode(CODEC_PROTO, &guest__v1__read_tree_response__descriptor,
                             (struct bytes){(const char *)data, size}, &a, &e);
    if (m) {
        if (write_input(m))
            copy_it();
        check_outside();
    }
    arena_clear(&a);
    return 0;
}
