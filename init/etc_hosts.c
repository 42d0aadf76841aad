#include "init/etc_hosts.h"

#include <stdio.h>

#include "init/file.h"

static const char blanks[] = " \t\r";

/* The next word of a line; NULL at its end or where a comment begins. */
static struct bytes next_word(const char **line, const char *end)
{
    struct bytes word;

    while (*line < end && strchr(blanks, **line))
        ++*line;
    word = (struct bytes){*line, 0};
    while (*line < end && **line != '#' && !strchr(blanks, **line)) {
        ++*line;
        word.len++;
    }
    return word;
}

/* Whether a line, from its address on, has the name. */
static bool has_name(const char *line, const char *end, struct bytes name)
{
    struct bytes word = next_word(&line, end);

    while (word.len > 0) {
        word = next_word(&line, end);
        if (word.len > 0 && bytes_equal(word, name))
            return true;
    }
    return false;
}

/* Whether the text gives the name that address; any address when it is NULL. */
static bool is_known(const char *text, const char *address, struct bytes name)
{
    while (*text) {
        const char *end = text + strcspn(text, "\n"), *at = text;

        if ((!address || bytes_are(next_word(&at, end), address)) && has_name(text, end, name))
            return true;
        text = *end ? end + 1 : end;
    }
    return false;
}

/* Whether a statement's names, which blanks separate, all have its address. */
static bool is_stated(const char *text, const struct config_pair *h)
{
    const char *at = h->value, *end = at + strlen(at);
    struct bytes word;

    while ((word = next_word(&at, end)).len > 0)
        if (!is_known(text, h->name, word))
            return false;
    return true;
}

char *etc_hosts_complete(const char *text, const char *name, const struct config_pair *statements)
{
    size_t before = strlen(text), size = 0;
    char *out = NULL;
    FILE *f = open_memstream(&out, &size);

    if (!f)
        return NULL;
    fputs(text, f);
    if (before > 0 && text[before - 1] != '\n')
        fputc('\n', f);
    if (!is_known(text, NULL, bytes_of("localhost")))
        fputs("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n", f);
    if (name && *name && !is_known(text, NULL, bytes_of(name)))
        fprintf(f, "127.0.1.1\t%s\n", name);
    for (; statements; statements = statements->next)
        if (!is_stated(text, statements))
            fprintf(f, "%s\t%s\n", statements->name, statements->value);
    if (fclose(f) != 0 || size <= before + 1) {
        free(out);
        return NULL;
    }
    return out;
}

int etc_hosts_write(const char *name, const struct config_pair *statements, struct err *e)
{
    struct err none;
    CLEANUP_FREE char *text = file_read(ETC_HOSTS_FILE, &none), *complete = NULL;

    if (!text && none.status != STATUS_NOT_FOUND) {
        *e = none;
        return -1;
    }
    complete = etc_hosts_complete(text ? text : "", name, statements);
    return complete ? file_write(ETC_HOSTS_FILE, complete, 0644, e) : 0;
}
