#include "init/ip_word.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "init/config_keys.h"

enum field { CLIENT, SERVER, GATEWAY, NETMASK, HOSTNAME, DEVICE, AUTOCONF, DNS, DNS2, NTP, FIELDS };

/* Cuts the fields apart, in place; those that are not there are empty. Returns 0, or -1 when there are too many. */
static int split(char *text, char *fields[FIELDS])
{
    static char none[] = "";

    for (int i = 0; i < FIELDS; i++)
        fields[i] = none;
    for (int i = 0; i < FIELDS; i++) {
        fields[i] = text;
        text = strchr(text, ':');
        if (!text)
            return 0;
        *text++ = 0;
    }
    return -1;
}

/* The length of a network's part: of the mask, or without one as the address's class has it (ipconfig.c, inet_abc_len).
 * Returns it, or -1. */
static int network_bits(const char *address, const char *mask)
{
    struct in_addr a, m;
    uint32_t host;

    if (inet_pton(AF_INET, address, &a) != 1)
        return -1;
    if (!*mask) {
        uint8_t first = (uint8_t)(ntohl(a.s_addr) >> 24);

        return first < 128 ? 8 : first < 192 ? 16 : 24;
    }
    if (inet_pton(AF_INET, mask, &m) != 1)
        return -1;
    host = ~ntohl(m.s_addr);
    return (host & (host + 1)) == 0 ? 32 - __builtin_popcount(host) : -1;
}

static bool is_one_of(const char *text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(text, words[i]) == 0)
            return true;
    return false;
}

static bool asks_for_dhcp(const char *word)
{
    static const char *const words[] = {"dhcp", "on", "any", "both"};

    return is_one_of(word, words, ARRAY_LEN(words));
}

static bool asks_for_nothing(const char *word)
{
    static const char *const words[] = {"", "off", "none"};

    return is_one_of(word, words, ARRAY_LEN(words));
}

/* A statement, of which the empty words at the end are left out. */
static int state(struct config *c, const char *key, char **words, unsigned count, struct err *e)
{
    while (count > 0 && !*words[count - 1])
        count--;
    return count > 0 ? config_statement(c, key, words, count, e) : 0;
}

/* A word of the arena: the text of one field behind that of another. NULL when the arena is full. */
static char *join(struct config *c, const char *front, const char *back)
{
    size_t size = strlen(front) + strlen(back) + 1;
    char *word = arena_alloc(&c->arena, size);

    if (word)
        snprintf(word, size, "%s%s", front, back);
    return word;
}

static int take_net(struct config *c, char *fields[FIELDS], bool dhcp, struct err *e)
{
    const char *parts[4][2] = {{fields[DEVICE], *fields[DEVICE] ? "" : "*"}};
    char *words[4], address[INET_ADDRSTRLEN + 4];
    unsigned n = 1;
    int bits = network_bits(fields[CLIENT], fields[NETMASK]);

    if (*fields[CLIENT] && bits < 0)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "not an address and a mask: '%s' '%s'", fields[CLIENT],
                       fields[NETMASK]);
    if (dhcp)
        memcpy(parts[n++], (const char *[]){"dhcp", ""}, sizeof *parts);
    if (*fields[CLIENT]) {
        snprintf(address, sizeof address, "%s/%d", fields[CLIENT], bits);
        memcpy(parts[n++], (const char *[]){"address=", address}, sizeof *parts);
    }
    if (*fields[GATEWAY])
        memcpy(parts[n++], (const char *[]){"gateway=", fields[GATEWAY]}, sizeof *parts);
    for (unsigned i = 0; i < n; i++)
        if (!(words[i] = join(c, parts[i][0], parts[i][1])))
            return config_full(e);
    return config_statement(c, "net", words, n, e);
}

int ip_word_take(struct config *c, const char *value, struct err *e)
{
    char *fields[FIELDS], *copy = arena_string(&c->arena, bytes_of(value));
    bool alone = !strchr(value, ':') && (asks_for_dhcp(value) || asks_for_nothing(value)), dhcp;
    const char *autoconf;

    if (!copy)
        return config_full(e);
    if (split(copy, fields) < 0)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "ip=%s: more than %d fields", value, FIELDS);
    autoconf = fields[alone ? CLIENT : AUTOCONF];
    dhcp = asks_for_dhcp(autoconf);
    if (!dhcp && !asks_for_nothing(autoconf) && strcmp(autoconf, "static") != 0)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "ip=%s: '%s' is not known", value, autoconf);
    if (alone)
        *fields[CLIENT] = 0;
    if (!*fields[CLIENT] && !dhcp)
        return 0;
    if (take_net(c, fields, dhcp, e) < 0 || state(c, "hostname", &fields[HOSTNAME], 1, e) < 0 ||
        state(c, "dns", &fields[DNS], *fields[DNS] ? 2 : 0, e) < 0)
        return err_wrap(e, "ip=%s", value);
    return 0;
}
