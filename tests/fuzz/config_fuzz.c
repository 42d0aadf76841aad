#include "init/config.h"

#include "fuzz.h"

/* Each complaint names its place and says something. */
static void complain(void *arg, const char *where, const struct err *e)
{
    ++*(unsigned *)arg;
    CHECK(*where && *e->text);
}

static int other(void *arg, const char *key, char **words, unsigned count, struct err *e)
{
    (void)arg;
    (void)e;
    CHECK(key && (count == 0 || words[0]));
    return *key == 'l';
}

/* The first byte says whether the rest is a kernel's command line or a file. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_FREE char *text = fuzz_copy(data, size);
    unsigned complaints = 0, lines = 1;
    struct config c;

    if (size == 0)
        return 0;
    config_init(&c);
    c.complain = complain;
    c.other = other;
    c.complain_arg = &complaints;
    if (*text == 'k')
        config_take_cmdline(&c, (struct bytes){text + 1, size - 1});
    else
        config_take_text(&c, "file", (struct bytes){text + 1, size - 1});
    for (size_t i = 0; i < size; i++)
        lines += strchr(" \t\n", text[i]) != NULL;
    CHECK(complaints <= lines);
    for (const struct config_net *n = c.nets; n; n = n->next)
        for (const struct config_prefix *p = n->addresses; p; p = p->next)
            CHECK(p->bits <= (p->family == AF_INET ? 32 : 128));
    for (const struct config_start *s = c.starts; s; s = s->next)
        CHECK(s->argv[0]);
    config_clear(&c);
    return 0;
}
