#include "system/mmds_data.h"

#include "core/base.h"
#include "fuzz.h"
#include "rpc/codec/json.h"

static void check_word(const char *word)
{
    CHECK(memchr(word, 0, MMDS_WORD_MAX));
    for (; *word; word++)
        CHECK(*word >= ' ' && *word <= '~');
}

/* What becomes a variable, a file and a line of the log is short and printable, whatever the service says. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_FREE char *text = fuzz_copy(data, size);
    struct mmds_data m;
    struct err e = {0};

    json_init();
    if (mmds_data_parse((struct bytes){text, size}, &m, &e) < 0)
        CHECK(*e.text && !*m.instance_id && !*m.token_hash);
    check_word(m.instance_id);
    check_word(m.template_id);
    check_word(m.logs_url);
    check_word(m.token_hash);
    CHECK(!mmds_data_allows(&m, "a token that nobody has"));
    return 0;
}
