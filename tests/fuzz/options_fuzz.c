#include "core/options.h"

#include "fuzz.h"

#define WORDS_MAX 64

static const struct option table[] = {
    {.id = 1, .name = "listen", .letter = 'l', .arg = "ADDRESS", .text = ""},
    {.id = 2, .name = "token", .arg = "TEXT", .text = ""},
    {.id = 3, .name = "tty", .letter = 't', .text = ""},
    {.id = 4, .name = "interactive", .letter = 'i', .text = ""},
    {.id = 5, .name = "port", .letter = 'p', .arg = "N", .text = ""},
};

/* One line of the input is one word. */
static int split(char *text, char **words)
{
    int n = 0;
    char *line;

    while (n < WORDS_MAX && (line = strsep(&text, "\n")))
        words[n++] = line;
    return n;
}

/* Walks the words to their end, which must come; an error must not tell what may be a secret. */
static void walk(int argc, char **argv, bool single_dash)
{
    struct options o = {.table = table,
                        .count = ARRAY_LEN(table),
                        .argc = argc,
                        .argv = argv,
                        .at = 1,
                        .single_dash = single_dash};
    const char *value;
    struct err e;
    int id;

    while ((id = options_next(&o, &value, &e)) > 0) {
        uint64_t number;

        CHECK(id <= 5 && o.found == &table[id - 1] && (value != NULL) == (table[id - 1].arg != NULL));
        if (id == 5 && options_number(&o, value, 1, 65535, &number, &e) == 0)
            CHECK(number >= 1 && number <= 65535);
    }
    CHECK(id == OPTIONS_END || id == OPTIONS_ERROR);
    CHECK(o.at >= 1 && o.at <= argc);
    if (id == OPTIONS_ERROR)
        CHECK(e.status == STATUS_INVALID_ARGUMENT && strncmp(e.text, "option '-", 9) == 0 &&
              !strchr(e.text, '='));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_FREE char *text = fuzz_text(data, size);
    char *words[1 + WORDS_MAX] = {NULL}; /* the first is the program's name, which nobody reads */
    int n = 1 + split(text, words + 1);

    walk(n, words, false);
    walk(n, words, true);
    return 0;
}
