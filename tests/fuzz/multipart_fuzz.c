#include "http/multipart.h"

#include "fuzz.h"

/* What a body in parts said: contents with their marks, in one text. */
struct told {
    char *text;
    size_t len;
    bool failed, done;
    enum status status;
};

static void tell(struct told *t, const char *what, size_t n)
{
    memcpy(t->text + t->len, what, n);
    t->len += n;
}

static void tell_part(struct told *t, const struct multipart *m)
{
    tell(t, "<", 1);
    if (m->name)
        tell(t, m->name, strlen(m->name));
    tell(t, "|", 1);
    if (m->filename) {
        CHECK(m->filename[m->filename_len] == 0);
        tell(t, m->filename, m->filename_len);
    }
    tell(t, ">", 1);
}

/* One piece of the body. Returns false when it is refused. */
static bool take(struct multipart *m, struct bytes in, struct told *t)
{
    for (;;) {
        struct bytes data = {NULL, 0};
        struct err e;

        switch (multipart_next(m, &in, &data, &e)) {
        case MULTIPART_MORE:
            CHECK(in.len == 0);
            return true;
        case MULTIPART_PART:
            CHECK(m->in_part);
            tell_part(t, m);
            break;
        case MULTIPART_DATA:
            CHECK(m->in_part && data.len > 0);
            tell(t, data.ptr, data.len);
            break;
        case MULTIPART_END:
            CHECK(!m->in_part);
            tell(t, "</>", 3);
            break;
        case MULTIPART_FAIL:
            t->status = e.status;
            return false;
        }
    }
}

static struct told read_body(const uint8_t *data, size_t size, struct fuzz_cuts *cuts)
{
    struct told t = {.text = malloc(4 * size + 16)};
    struct multipart m;
    struct err e;

    CHECK(t.text && multipart_init(&m, BYTES_LIT("multipart/form-data; boundary=B"), &e) == 0);
    for (size_t at = 0; at < size && !t.failed;) {
        size_t n = cuts ? fuzz_cut(cuts, size - at) : size;
        CLEANUP_FREE char *piece = fuzz_copy(data + at, n);

        t.failed = !take(&m, (struct bytes){piece, n}, &t);
        at += n;
    }
    t.done = multipart_done(&m);
    multipart_clear(&m);
    return t;
}

/* However a body is cut, it says the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_cuts cuts = fuzz_cuts_of(data, size);
    struct told whole = read_body(data, size, NULL), cut = read_body(data, size, &cuts);

    CHECK(whole.failed == cut.failed && whole.done == cut.done);
    CHECK(!whole.failed || (whole.status == cut.status && whole.status != STATUS_OK));
    CHECK(whole.len == cut.len && memcmp(whole.text, cut.text, whole.len) == 0);
    free(whole.text);
    free(cut.text);
    return 0;
}
