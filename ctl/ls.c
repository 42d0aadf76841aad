/* ls and stat: what there is in the guest. */
#include <stdio.h>

#include "ctl/listing.h"
#include "ctl/verbs.h"

struct ls {
    bool all, details, slash, directory;
    bool headed; /* several directories: each says its name */
    bool begun;  /* something has been shown */
    bool json;
};

/* The entries of one directory, as they are kept until they are sorted. */
struct ls_list {
    guest_file **list;
    size_t count, cap;
};

/* --- one directory --------------------------------------------------------------------------- */

static void show(const struct ls *ls, const guest_file *f)
{
    if (ls->json) {
        listing_json(f);
    } else if (ls->details) {
        listing_long(f);
    } else {
        listing_name(f->name);
        puts(ls->slash && f->type == GUEST__V1__FILE_INFO__TYPE__TYPE_DIRECTORY ? "/" : "");
    }
}

/* Keeps a copy: of a page the memory goes with the page. */
static int keep(struct ls_list *l, const guest_file *f)
{
    size_t len = protobuf_c_message_get_packed_size(&f->base);
    CLEANUP_FREE uint8_t *packed = malloc(len + 1);
    guest_file **list = l->list;

    if (l->count == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 256;

        list = realloc(l->list, cap * sizeof(guest_file *));
        if (!list)
            return -1;
        l->list = list;
        l->cap = cap;
    }
    if (!packed)
        return -1;
    protobuf_c_message_pack(&f->base, packed);
    list[l->count] =
        (guest_file *)protobuf_c_message_unpack(&guest__v1__file_info__descriptor, NULL, len, packed);
    return list[l->count] ? (int)(++l->count, 0) : -1;
}

/* By the bytes of their names, as ls in the C locale. */
static int by_name(const void *a, const void *b)
{
    const guest_file *x = *(guest_file *const *)a, *y = *(guest_file *const *)b;
    int order = memcmp(x->name.data, y->name.data, MIN(x->name.len, y->name.len));

    return order != 0 ? order : (x->name.len > y->name.len) - (x->name.len < y->name.len);
}

/* All entries of the directory that are to be shown. Returns 0, or -1 with *e. */
static int collect(struct guest *g, const struct ls *ls, const char *path, struct ls_list *l,
                   struct answer_error *e)
{
    CLEANUP_FREE char *page = strdup("");

    while (page) {
        const Guest__V1__ListFilesResponse *r = guest_list(g, path, page, e);
        int ret = r ? 0 : -1;

        for (size_t i = 0; ret == 0 && i < r->n_files; i++)
            if (ls->all || r->files[i]->name.len == 0 || *r->files[i]->name.data != '.')
                ret = keep(l, r->files[i]) < 0 ? err_nomem(&e->err, "list") : 0;
        free(page);
        page = ret == 0 ? strdup(r->next_page) : NULL;
        if (ret < 0 || !r->truncated || !*r->next_page)
            return ret;
        guest_forget(g);
    }
    return err_nomem(&e->err, "list");
}

static int list(struct guest *g, const struct ls *ls, const char *path, struct answer_error *e)
{
    struct ls_list l = {0};
    int ret = collect(g, ls, path, &l, e);

    if (ret == 0 && l.count > 0)
        qsort(l.list, l.count, sizeof(guest_file *), by_name);
    if (ret == 0 && ls->headed && !ls->json)
        printf("%s:\n", path);
    for (size_t i = 0; i < l.count; i++) {
        if (ret == 0)
            show(ls, l.list[i]);
        protobuf_c_message_free_unpacked(&l.list[i]->base, NULL);
    }
    free(l.list);
    return ret;
}

/* --- the verbs ------------------------------------------------------------------------------- */

/* One operand. Returns 0, or -1 when it has said what is wrong: *code is what to exit with. */
static int ls_one(struct guest *g, const struct verb *v, struct ls *ls, const char *path, int *code)
{
    struct answer_error e;
    const guest_file *f = guest_stat(g, path, !ls->details && !ls->directory, &e);
    int ret = f ? 0 : -1;

    if (f && ls->begun && !ls->json && !ls->directory)
        putchar('\n');
    ls->begun |= f != NULL;
    if (f && f->type == GUEST__V1__FILE_INFO__TYPE__TYPE_DIRECTORY && !ls->directory)
        ret = list(g, ls, path, &e);
    else if (f)
        show(ls, f);
    guest_forget(g);
    if (ret < 0)
        *code = guest_fail(v->name, path, &e);
    return ret;
}

int verb_ls(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    struct options o = ctl_options(v, argc, argv);
    struct ls ls = {.json = c->json};
    int id, code = CTL_OK, failed, count;
    struct guest g;
    const char *value;
    struct err e;

    while ((id = options_next(&o, &value, &e)) > 0) {
        ls.all |= id == LS_ALL;
        ls.details |= id == LS_LONG;
        ls.slash |= id == LS_SLASH;
        ls.directory |= id == LS_DIRECTORY;
    }
    if (id == OPTIONS_ERROR || guest_open(&g, c, NULL, &e) < 0)
        return ctl_fail(CTL_USAGE, &e);
    count = argc - o.at;
    ls.headed = count > 1;
    for (int i = 0; i < MAX(count, 1) && code != CTL_FAILED; i++) {
        if (ls_one(&g, v, &ls, count == 0 ? "" : guest_path(argv[o.at + i]), &failed) < 0)
            code = failed;
    }
    guest_close(&g);
    return code;
}

int verb_stat(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    struct options o = ctl_options(v, argc, argv);
    bool follow = false;
    int id, code = CTL_OK;
    struct guest g;
    const char *value;
    struct err err;

    while ((id = options_next(&o, &value, &err)) > 0)
        follow = true;
    if (id == OPTIONS_ERROR || guest_open(&g, c, NULL, &err) < 0)
        return ctl_fail(CTL_USAGE, &err);
    if (o.at == argc)
        return ctl_usage(v, CTL_USAGE, "no path is given");
    for (int i = o.at; i < argc && code != CTL_FAILED; i++) {
        struct answer_error e;
        const guest_file *f = guest_stat(&g, guest_path(argv[i]), follow, &e);

        if (!f)
            code = guest_fail(v->name, guest_path(argv[i]), &e);
        else if (c->json)
            listing_json(f);
        else
            listing_block(f);
        guest_forget(&g);
    }
    guest_close(&g);
    return code;
}
