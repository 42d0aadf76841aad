#include "http/query.h"

ptrdiff_t query_unescape(struct bytes in, char *out)
{
    ptrdiff_t n = 0;

    for (size_t i = 0; i < in.len; i++) {
        char c = in.ptr[i];

        if (c == '+') {
            c = ' ';
        } else if (c == '%') {
            int high = i + 1 < in.len ? hex_digit(in.ptr[i + 1]) : -1;
            int low = i + 2 < in.len ? hex_digit(in.ptr[i + 2]) : -1;

            if (high < 0 || low < 0)
                return -1;
            c = (char)(high << 4 | low);
            i += 2;
        }
        out[n++] = c;
    }
    out[n] = 0;
    return n;
}

bool query_next(struct bytes *rest, struct bytes *name, struct bytes *value)
{
    while (rest->len > 0) {
        const char *amp = memchr(rest->ptr, '&', rest->len);
        struct bytes pair = {rest->ptr, amp ? (size_t)(amp - rest->ptr) : rest->len};
        const char *eq = memchr(pair.ptr, '=', pair.len);

        rest->ptr += pair.len + (amp ? 1 : 0);
        rest->len -= pair.len + (amp ? 1 : 0);
        if (pair.len == 0)
            continue;
        *name = (struct bytes){pair.ptr, eq ? (size_t)(eq - pair.ptr) : pair.len};
        *value = eq ? (struct bytes){eq + 1, pair.len - name->len - 1} : (struct bytes){"", 0};
        return true;
    }
    return false;
}
