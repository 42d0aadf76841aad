#include "init/config_keys.h"

#include <arpa/inet.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>

#include "core/limits.h"

/* --- lists and numbers ----------------------------------------------------------------------- */

/* Puts a new zeroed element of its type at the end of a list; NULL when the arena is full. */
#define APPEND(c, list)                                                                                      \
    __extension__({                                                                                          \
        __typeof__(list) *end_ = &(list);                                                                    \
        while (*end_)                                                                                        \
            end_ = &(*end_)->next;                                                                           \
        *end_ = arena_array(&(c)->arena, 1, sizeof **end_);                                                  \
        *end_;                                                                                               \
    })

int config_full(struct err *e)
{
    return err_set(e, STATUS_RESOURCE_EXHAUSTED, 0, "there is more than %u bytes of configuration",
                   (unsigned)CONFIG_MAX);
}

static int bad(struct err *e, const char *what, const char *text)
{
    return err_set(e, STATUS_INVALID_ARGUMENT, 0, "%s: '%s'", what, text);
}

int config_number(const char *text, unsigned max, unsigned *out, struct err *e)
{
    uint64_t n = 0;

    for (const char *p = text; *p; p++) {
        if (*p < '0' || *p > '9' || (n = n * 10 + (uint64_t)(*p - '0')) > max)
            return err_set(e, STATUS_INVALID_ARGUMENT, 0, "'%s' is no number up to %u", text, max);
    }
    if (!*text)
        return bad(e, "a number is missing", text);
    *out = (unsigned)n;
    return 0;
}

/* Where the value begins when the word is NAME=VALUE; else NULL. */
static const char *value_of(const char *word, const char *name)
{
    size_t n = strlen(name);

    return strncmp(word, name, n) == 0 && word[n] == '=' ? word + n + 1 : NULL;
}

static int join(struct config *c, char **words, unsigned count, const char **out, struct err *e)
{
    size_t len = 1;
    char *text, *to;

    for (unsigned i = 0; i < count; i++)
        len += strlen(words[i]) + 1;
    text = to = arena_alloc(&c->arena, len);
    if (!text)
        return config_full(e);
    for (unsigned i = 0; i < count; i++) {
        size_t n = strlen(words[i]);

        if (i > 0)
            *to++ = ' ';
        memcpy(to, words[i], n);
        to += n;
    }
    *to = 0;
    *out = text;
    return 0;
}

int config_parse_prefix(const char *text, struct config_prefix *p, struct err *e)
{
    const char *slash = strchr(text, '/');
    char address[INET6_ADDRSTRLEN];
    size_t n = slash ? (size_t)(slash - text) : strlen(text);
    unsigned all;

    *p = (struct config_prefix){0};
    if (n >= sizeof address)
        return bad(e, "not an address", text);
    memcpy(address, text, n);
    address[n] = 0;
    p->family = strchr(address, ':') ? AF_INET6 : AF_INET;
    all = p->family == AF_INET ? 32 : 128;
    if (inet_pton(p->family, address, p->addr) != 1)
        return bad(e, "not an address", text);
    p->bits = all;
    return slash ? config_number(slash + 1, all, &p->bits, e) : 0;
}

/* --- the keys -------------------------------------------------------------------------------- */

static int take_hostname(struct config *c, char **w, unsigned n, struct err *e)
{
    (void)n;
    if (strlen(w[0]) > HOST_NAME_MAX)
        return bad(e, "longer than a host name can be", w[0]);
    c->hostname = w[0];
    return 0;
}

static int take_root(struct config *c, char **w, unsigned n, struct err *e)
{
    struct config_root r = c->root;
    const char *v;
    unsigned seconds;

    r.device = w[0];
    for (unsigned i = 1; i < n; i++) {
        if ((v = value_of(w[i], "type")))
            r.type = v;
        else if ((v = value_of(w[i], "options")))
            r.options = v;
        else if ((v = value_of(w[i], "wait")) && config_number(v, ROOT_WAIT_MAX_MS / 1000, &seconds, e) == 0)
            r.wait_ms = seconds * 1000;
        else if (v)
            return -1;
        else if (strcmp(w[i], "rw") == 0 || strcmp(w[i], "ro") == 0)
            r.writable = w[i][1] == 'w';
        else
            return bad(e, "root has no such option", w[i]);
    }
    c->root = r;
    return 0;
}

static int take_overlay(struct config *c, char **w, unsigned n, struct err *e)
{
    (void)n;
    (void)e;
    c->root.overlay = w[0];
    return 0;
}

static int take_mount(struct config *c, char **w, unsigned n, struct err *e)
{
    struct config_mount *m;

    if (w[1][0] != '/')
        return bad(e, "not an absolute path", w[1]);
    m = APPEND(c, c->mounts);
    if (!m)
        return config_full(e);
    m->source = w[0];
    m->target = w[1];
    m->type = w[2];
    m->options = n > 3 ? w[3] : NULL;
    return 0;
}

static int take_module(struct config *c, char **w, unsigned n, struct err *e)
{
    struct config_pair *m = APPEND(c, c->modules);

    if (!m)
        return config_full(e);
    m->name = w[0];
    return join(c, w + 1, n - 1, &m->value, e);
}

static int take_sysctl(struct config *c, char **w, unsigned n, struct err *e)
{
    for (unsigned i = 0; i < n; i++) {
        char *equals = strchr(w[i], '=');
        struct config_pair *p;

        if (!equals || equals == w[i])
            return bad(e, "not NAME=VALUE", w[i]);
        p = APPEND(c, c->sysctls);
        if (!p)
            return config_full(e);
        *equals = 0;
        p->name = w[i];
        p->value = equals + 1;
    }
    return 0;
}

static int take_words(struct config *c, struct config_word **list, char **w, unsigned n, struct err *e)
{
    for (unsigned i = 0; i < n; i++) {
        struct config_word *word = APPEND(c, *list);

        if (!word)
            return config_full(e);
        word->text = w[i];
    }
    return 0;
}

static int take_env(struct config *c, char **w, unsigned n, struct err *e)
{
    for (unsigned i = 0; i < n; i++)
        if (!strchr(w[i], '=') || w[i][0] == '=')
            return bad(e, "not NAME=VALUE", w[i]);
    return take_words(c, &c->env, w, n, e);
}

static int take_dns(struct config *c, char **w, unsigned n, struct err *e)
{
    struct config_prefix p;

    for (unsigned i = 0; i < n; i++)
        if (strchr(w[i], '/') || config_parse_prefix(w[i], &p, e) < 0)
            return bad(e, "not an address", w[i]);
    return take_words(c, &c->dns, w, n, e);
}

static int take_search(struct config *c, char **w, unsigned n, struct err *e)
{
    return take_words(c, &c->search, w, n, e);
}

static int take_host(struct config *c, char **w, unsigned n, struct err *e)
{
    struct config_prefix p;
    struct config_pair *h;

    if (strchr(w[0], '/') || config_parse_prefix(w[0], &p, e) < 0)
        return bad(e, "not an address", w[0]);
    h = APPEND(c, c->hosts);
    if (!h)
        return config_full(e);
    h->name = w[0];
    return join(c, w + 1, n - 1, &h->value, e);
}

static int take_seed_file(struct config *c, char **w, unsigned n, struct err *e)
{
    (void)n;
    if (w[0][0] != '/')
        return bad(e, "not an absolute path", w[0]);
    c->seed_file = w[0];
    return 0;
}

/* ADDRESS/BITS or "default", and "via ADDRESS" and "metric N" behind colons that no address has: '@' and '#'. */
static int take_route(struct config *c, struct config_net *net, const char *text, struct err *e)
{
    struct config_route r = {0}, *at;
    char copy[128], *via, *metric;

    if ((size_t)snprintf(copy, sizeof copy, "%s", text) >= sizeof copy)
        return bad(e, "not a route", text);
    metric = strchr(copy, '#');
    if (metric)
        *metric++ = 0;
    via = strchr(copy, '@');
    if (via)
        *via++ = 0;
    if (config_parse_prefix(copy, &r.to, e) < 0)
        return -1;
    if (via && (strchr(via, '/') || config_parse_prefix(via, &r.via, e) < 0 || r.via.family != r.to.family))
        return bad(e, "not a route", text);
    if (metric && config_number(metric, UINT32_MAX, &r.metric, e) < 0)
        return -1;
    r.has_via = via != NULL;
    at = APPEND(c, net->routes);
    if (!at)
        return config_full(e);
    *at = r;
    return 0;
}

static int take_gateway(struct config *c, struct config_net *net, const char *text, struct err *e)
{
    struct config_route r = {.has_via = true}, *at;

    if (strchr(text, '/') || config_parse_prefix(text, &r.via, e) < 0)
        return bad(e, "not an address", text);
    r.to.family = r.via.family;
    at = APPEND(c, net->routes);
    if (!at)
        return config_full(e);
    *at = r;
    return 0;
}

static int take_address(struct config *c, struct config_net *net, const char *text, struct err *e)
{
    struct config_prefix p, *at;

    if (config_parse_prefix(text, &p, e) < 0)
        return -1;
    at = APPEND(c, net->addresses);
    if (!at)
        return config_full(e);
    *at = p;
    return 0;
}

static int take_net_word(struct config *c, struct config_net *net, const char *word, struct err *e)
{
    const char *v;

    if (strcmp(word, "dhcp") == 0) {
        net->dhcp = true;
        return 0;
    }
    if ((v = value_of(word, "address")))
        return take_address(c, net, v, e);
    if ((v = value_of(word, "gateway")))
        return take_gateway(c, net, v, e);
    if ((v = value_of(word, "route")))
        return take_route(c, net, v, e);
    if ((v = value_of(word, "mtu")))
        return config_number(v, 65536, &net->mtu, e);
    return bad(e, "net has no such option", word);
}

/* A later statement of the same interface stands for all of it. */
static int take_net(struct config *c, char **w, unsigned n, struct err *e)
{
    struct config_net new = {.name = w[0]}, *net = c->nets, *next;

    if (strlen(w[0]) >= IFNAMSIZ && strlen(w[0]) != 17)
        return bad(e, "longer than an interface's name can be", w[0]);
    for (unsigned i = 1; i < n; i++)
        if (take_net_word(c, &new, w[i], e) < 0)
            return -1;
    while (net && strcmp(net->name, w[0]) != 0)
        net = net->next;
    if (!net && !(net = APPEND(c, c->nets)))
        return config_full(e);
    next = net->next;
    *net = new;
    net->next = next;
    return 0;
}

static int take_restart(const char *v, enum config_restart *restart, struct err *e)
{
    static const char *const names[] = {"never", "on-failure", "always"};

    for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(v, names[i]) == 0) {
            *restart = (enum config_restart)i;
            return 0;
        }
    }
    return bad(e, "neither never, on-failure nor always", v);
}

/* The words that are left as a NULL-terminated array. */
static int take_argv(struct config *c, char **w, unsigned n, char ***argv, struct err *e)
{
    *argv = arena_array(&c->arena, n + 1, sizeof **argv);
    if (!*argv)
        return config_full(e);
    memcpy(*argv, w, n * sizeof *w);
    return 0;
}

static int take_start(struct config *c, char **w, unsigned n, struct err *e)
{
    struct config_start new = {0}, *s;
    unsigned i = 0;

    for (const char *v; i < n && strcmp(w[i], "--") != 0; i++) {
        if ((v = value_of(w[i], "user")))
            new.user = v;
        else if ((v = value_of(w[i], "cwd")))
            new.cwd = v;
        else if (!(v = value_of(w[i], "restart")))
            break;
        else if (take_restart(v, &new.restart, e) < 0)
            return -1;
    }
    i += i < n && strcmp(w[i], "--") == 0;
    if (i == n)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "there is no program");
    if (take_argv(c, w + i, n - i, &new.argv, e) < 0)
        return -1;
    s = APPEND(c, c->starts);
    if (!s)
        return config_full(e);
    *s = new;
    return 0;
}

static int take_handoff(struct config *c, char **w, unsigned n, struct err *e)
{
    if (w[0][0] != '/')
        return bad(e, "not an absolute path", w[0]);
    return take_argv(c, w, n, &c->handoff, e);
}

static int take_ready(struct config *c, char **w, unsigned n, struct err *e)
{
    (void)n;
    return config_number(w[0], UINT32_MAX - 1, &c->ready_port, e);
}

static int take_shutdown(struct config *c, char **w, unsigned n, struct err *e)
{
    unsigned seconds = 0;

    (void)n;
    if (config_number(w[0], 3600, &seconds, e) < 0)
        return -1;
    c->shutdown_ms = MAX(seconds, 1u) * 1000;
    return 0;
}

/* In the order of the documentation. */
static const struct key {
    struct config_key told;
    unsigned min, max; /* words */
    int (*take)(struct config *c, char **words, unsigned count, struct err *e);
} keys[] = {
    {{"hostname", "NAME", "The host name."}, 1, 1, take_hostname},
    {{"env", "NAME=VALUE...", "Variables of every process."}, 1, CONFIG_WORDS_MAX, take_env},
    {{"net", "INTERFACE [dhcp] [address=A/N]... [gateway=A]... [route=A/N[@VIA][#METRIC]]... [mtu=N]",
      "Brings an interface up, named by its name or hardware address; * is the first that no other one "
      "names."},
     1,
     CONFIG_WORDS_MAX,
     take_net},
    {{"dns", "ADDRESS...", "Name servers, for /etc/resolv.conf."}, 1, CONFIG_WORDS_MAX, take_dns},
    {{"search", "DOMAIN...", "Search domains, likewise."}, 1, CONFIG_WORDS_MAX, take_search},
    {{"host", "ADDRESS NAME...", "A line of /etc/hosts."}, 2, CONFIG_WORDS_MAX, take_host},
    {{"seed-file", "PATH",
      "Random bytes of this machine alone, used once at a boot without randomness, and replaced."},
     1,
     1,
     take_seed_file},
    {{"module", "NAME [PARAMETER=VALUE]...",
      "Loads a kernel module and what it needs, or the file that a path names."},
     1,
     CONFIG_WORDS_MAX,
     take_module},
    {{"sysctl", "NAME=VALUE...", "Sets kernel parameters, as sysctl(8) names them."},
     1,
     CONFIG_WORDS_MAX,
     take_sysctl},
    {{"mount", "SOURCE TARGET TYPE [OPTIONS]", "Mounts a file system; LABEL= and UUID= are sources, too."},
     3,
     4,
     take_mount},
    {{"root", "DEVICE [type=TYPE] [options=OPTIONS] [ro|rw] [wait=SECONDS]",
      "In an initramfs: the root file system to wait for and to change to."},
     1,
     5,
     take_root},
    {{"overlay", "tmpfs|DEVICE", "Lays a writable file system over the root."}, 1, 1, take_overlay},
    {{"start", "[restart=never|on-failure|always] [user=NAME] [cwd=DIR] [--] PROGRAM [ARG]...",
      "Starts a program when the agent listens."},
     1,
     CONFIG_WORDS_MAX,
     take_start},
    {{"ready", "PORT", "Tells the host on this vsock port when the agent is ready."}, 1, 1, take_ready},
    {{"handoff", "PROGRAM [ARG]...",
      "Makes this program PID 1 after the early work; guestd goes on as a service."},
     1,
     CONFIG_WORDS_MAX,
     take_handoff},
    {{"shutdown-timeout", "SECONDS", "Longest time from a signal to the machine's end."},
     1,
     1,
     take_shutdown},
};

int config_statement(struct config *c, const char *key, char **words, unsigned count, struct err *e)
{
    int known;

    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        const struct key *k = &keys[i];

        if (strcmp(key, k->told.name) != 0)
            continue;
        if (count < k->min || count > k->max) {
            err_set(e, STATUS_INVALID_ARGUMENT, 0, "it takes %s", k->told.args);
            return err_wrap(e, "%s", key);
        }
        return k->take(c, words, count, e) < 0 ? err_wrap(e, "%s", key) : 0;
    }
    known = c->other ? c->other(c->other_arg, key, words, count, e) : 0;
    if (known == 0)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "there is no key '%s'", key);
    return known < 0 ? -1 : 0;
}

const struct config_key *config_keys(size_t *count)
{
    static struct config_key told[ARRAY_LEN(keys)];

    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        told[i] = keys[i].told;
    *count = ARRAY_LEN(keys);
    return told;
}
