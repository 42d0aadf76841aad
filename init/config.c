#include "init/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "core/fd.h"
#include "core/limits.h"
#include "init/config_keys.h"
#include "init/ip_word.h"

/* --- words ----------------------------------------------------------------------------------- */

/* A statement that is being split. Its words lie one behind the other in a copy of the arena: none is longer than it was. */
struct words {
    struct bytes text; /* what is left */
    char separator;    /* ' ': with quotes and comments, as in a file */
    char *to;
};

static bool at_separator(const struct words *w)
{
    return *w->text.ptr == w->separator || *w->text.ptr == ' ' || *w->text.ptr == '\t';
}

static char next_byte(struct words *w)
{
    w->text.len--;
    return *w->text.ptr++;
}

/* The next word in *word; NULL at the end. Returns 0 or -1. */
static int next_word(struct words *w, char **word, struct err *e)
{
    bool file = w->separator == ' ';
    char quote = 0;

    while (w->text.len > 0 && at_separator(w))
        next_byte(w);
    *word = w->text.len == 0 || (file && *w->text.ptr == '#') ? NULL : w->to;
    if (!*word)
        return 0;
    while (w->text.len > 0 && (quote || !at_separator(w))) {
        char ch = next_byte(w);

        if (quote ? ch == quote : file && (ch == '"' || ch == '\''))
            quote = (char)(quote ? 0 : ch);
        else
            *w->to++ = (char)(ch == '\\' && file && quote != '\'' && w->text.len > 0 ? next_byte(w) : ch);
    }
    if (quote)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "a %c is not closed", quote);
    *w->to++ = 0;
    return 0;
}

/* Splits and takes a statement; `key` NULL: its first word is it. */
static int take_line(struct config *c, const char *key, struct bytes text, char separator, struct err *e)
{
    struct words w = {.text = text, .separator = separator, .to = arena_alloc(&c->arena, text.len + 1)};
    char *words[CONFIG_WORDS_MAX + 1];
    unsigned n = 0;

    if (!w.to)
        return config_full(e);
    if (text.len > 0 && memchr(text.ptr, 0, text.len))
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "there is a NUL in it");
    for (char *word; n < ARRAY_LEN(words); words[n++] = word) {
        if (next_word(&w, &word, e) < 0)
            return -1;
        if (!word)
            break;
    }
    if (n == ARRAY_LEN(words))
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "more than %d words", CONFIG_WORDS_MAX);
    if (key)
        return config_statement(c, key, words, n, e);
    return n > 0 ? config_statement(c, words[0], words + 1, n - 1, e) : 0;
}

void config_take_text(struct config *c, const char *name, struct bytes text)
{
    for (unsigned line = 1; text.len > 0; line++) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t n = end ? (size_t)(end - text.ptr) : text.len;
        char where[256];
        struct err e;

        snprintf(where, sizeof where, "%s:%u", name, line);
        if (take_line(c, NULL, (struct bytes){text.ptr, n}, ' ', &e) < 0 && c->complain)
            c->complain(c->complain_arg, where, &e);
        n += end != NULL;
        text.ptr += n;
        text.len -= n;
    }
}

/* --- the kernel's command line --------------------------------------------------------------- */

/* What the kernel itself would do with its root, had it no initramfs, and with its network. Returns 1, 0 when the word is none of those, or -1. */
static int take_kernel_word(struct config *c, struct bytes name, const char *value, struct err *e)
{
    struct config_root *r = &c->root;
    unsigned seconds;

    if (bytes_are(name, "root")) {
        r->device = value;
    } else if (bytes_are(name, "rootfstype")) {
        r->type = value;
    } else if (bytes_are(name, "rootflags")) {
        r->options = value;
    } else if (bytes_are(name, "ro") || bytes_are(name, "rw")) {
        r->writable = name.ptr[1] == 'w';
    } else if (bytes_are(name, "rootwait")) {
        r->wait_ms = ROOT_WAIT_MAX_MS;
    } else if (bytes_are(name, "ip")) {
        return ip_word_take(c, value, e) < 0 ? -1 : 1;
    } else if (bytes_are(name, "rootdelay")) {
        if (config_number(value, ROOT_WAIT_MAX_MS / 1000, &seconds, e) < 0)
            return -1;
        r->wait_ms = seconds * 1000;
    } else {
        return 0;
    }
    return 1;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

/* A word of the command line: NAME, NAME=VALUE or NAME="VALUE"; others' words are passed over. */
static int take_cmdline_word(struct config *c, struct bytes word, struct err *e)
{
    const char *equals = memchr(word.ptr, '=', word.len);
    struct bytes name = {word.ptr, equals ? (size_t)(equals - word.ptr) : word.len}, value = {0};
    bool quoted = false;
    char *key, *text;
    int result;

    if (equals)
        value = (struct bytes){equals + 1, word.len - name.len - 1};
    if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"') {
        value.ptr++;
        value.len -= 2;
        quoted = true;
    }
    text = arena_string(&c->arena, value.ptr ? value : (struct bytes){"", 0});
    if (!text)
        return config_full(e);
    result = c->in_container ? 0 : take_kernel_word(c, name, text, e);
    if (result != 0)
        return result;
    if (name.len <= 7 || memcmp(name.ptr, "guestd.", 7) != 0)
        return 0;
    key = arena_string(&c->arena, (struct bytes){name.ptr + 7, name.len - 7});
    return key ? take_line(c, key, value, quoted ? ' ' : ',', e) : config_full(e);
}

void config_take_cmdline(struct config *c, struct bytes text)
{
    while (text.len > 0) {
        size_t n = 0;
        bool quoted = false;
        struct err e;

        for (; n < text.len && (quoted || !is_blank(text.ptr[n])); n++)
            quoted ^= text.ptr[n] == '"';
        if (n > 0 && take_cmdline_word(c, (struct bytes){text.ptr, n}, &e) < 0 && c->complain)
            c->complain(c->complain_arg, "kernel command line", &e);
        n += n < text.len;
        text.ptr += n;
        text.len -= n;
    }
}

/* --- reading --------------------------------------------------------------------------------- */

/* What is read: by the one thread of a boot, one file after the other. */
static char buffer[CONFIG_MAX + 2];

/* Reads a file of up to CONFIG_MAX bytes; more is left out. Returns its length, or -1 with errno. */
static ssize_t read_file(const char *path, bool *cut)
{
    ssize_t n = fd_read_file(AT_FDCWD, path, buffer, sizeof buffer);

    *cut = n > (ssize_t)CONFIG_MAX;
    return *cut ? (ssize_t)CONFIG_MAX : n;
}

static void complain_of(struct config *c, const char *path, int errnum, const char *text)
{
    struct err e;

    err_set(&e, STATUS_INVALID_ARGUMENT, errnum, "%s", text);
    if (c->complain)
        c->complain(c->complain_arg, path, &e);
}

void config_read_file(struct config *c, const char *path)
{
    bool cut = false;
    ssize_t n = read_file(path, &cut);

    if (n < 0 && errno != ENOENT)
        complain_of(c, path, errno, "cannot be read");
    if (cut)
        complain_of(c, path, 0, "it is too long; its end is left out");
    if (n > 0)
        config_take_text(c, path, (struct bytes){buffer, (size_t)n});
}

void config_read_cmdline(struct config *c)
{
    bool cut = false;
    ssize_t n = read_file("/proc/cmdline", &cut);

    if (n < 0)
        complain_of(c, "/proc/cmdline", errno, "cannot be read");
    else
        config_take_cmdline(c, (struct bytes){buffer, (size_t)n});
}

void config_init(struct config *c)
{
    *c = (struct config){.arena.max = 8 * (size_t)CONFIG_MAX, .root.wait_ms = ROOT_WAIT_MS};
}

void config_clear(struct config *c)
{
    arena_clear(&c->arena);
    config_init(c);
}
