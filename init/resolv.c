#include "init/resolv.h"

#include <arpa/inet.h>
#include <stdio.h>

static void put_servers(FILE *f, const struct config *c, const struct dhcp_lease *lease)
{
    for (const struct config_word *w = c->dns; w; w = w->next)
        fprintf(f, "nameserver %s\n", w->text);
    for (uint32_t i = 0; !c->dns && lease && i < lease->dns_count; i++) {
        char address[INET_ADDRSTRLEN] = "";

        inet_ntop(AF_INET, &lease->dns[i], address, sizeof address);
        fprintf(f, "nameserver %s\n", address);
    }
}

static void put_search(FILE *f, const struct config *c, const struct dhcp_lease *lease)
{
    if (!c->search && lease && *lease->domain)
        fprintf(f, "search %s\n", lease->domain);
    for (const struct config_word *w = c->search; w; w = w->next)
        fprintf(f, "%s%s%s", w == c->search ? "search " : " ", w->text, w->next ? "" : "\n");
}

char *resolv_text(const struct config *c, const struct dhcp_lease *lease)
{
    size_t size = 0;
    char *out = NULL;
    FILE *f = open_memstream(&out, &size);

    if (!f)
        return NULL;
    put_search(f, c, lease);
    put_servers(f, c, lease);
    if (fclose(f) != 0 || size == 0) {
        free(out);
        return NULL;
    }
    return out;
}
