#include "ctl/keys.h"

/* One key's byte, or -1. */
static int key_of(struct bytes text)
{
    static const char ctrl[] = "ctrl-";
    char c;

    if (text.len == 1)
        return (uint8_t)*text.ptr;
    if (text.len != sizeof ctrl || memcmp(text.ptr, ctrl, sizeof ctrl - 1) != 0)
        return -1;
    c = text.ptr[sizeof ctrl - 1];
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 1;
    return c >= '@' && c <= '_' && !(c >= 'A' && c <= 'Z') ? c - '@' : -1;
}

int keys_parse(struct keys *k, const char *text, struct err *e)
{
    const char *at = text;

    *k = (struct keys){.len = 0};
    for (;;) {
        size_t n = strcspn(at, ",");
        int key = key_of((struct bytes){at, n});

        if (key < 0 || k->len == KEYS_MAX)
            return err_set(e, STATUS_INVALID_ARGUMENT, 0,
                           "'%s' is no sequence of at most %d keys (ctrl-p,ctrl-q)", text, KEYS_MAX);
        k->sequence[k->len++] = (uint8_t)key;
        if (!at[n])
            return 0;
        at += n + 1;
    }
}

/* How much of what is held is a beginning of the sequence, too, when its first byte goes. */
static size_t shorter(const struct keys *k)
{
    for (size_t n = k->held - 1; n > 0; n--)
        if (memcmp(k->sequence, k->sequence + k->held - n, n) == 0)
            return n;
    return 0;
}

bool keys_pass(struct keys *k, const uint8_t *in, size_t n, uint8_t *out, size_t *out_len)
{
    *out_len = 0;
    if (k->len == 0) {
        memcpy(out, in, n);
        *out_len = n;
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        while (k->held > 0 && k->sequence[k->held] != in[i]) {
            size_t rest = shorter(k);

            memcpy(out + *out_len, k->sequence, k->held - rest);
            *out_len += k->held - rest;
            k->held = rest;
        }
        if (k->sequence[k->held] != in[i])
            out[(*out_len)++] = in[i];
        else if (++k->held == k->len)
            return true;
    }
    return false;
}
