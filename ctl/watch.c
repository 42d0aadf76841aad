/* cat and watch: what comes out of the guest as it is. */
#include <stdio.h>

#include "core/limits.h"
#include "core/writer.h"
#include "ctl/guest.h"
#include "ctl/pool.h"
#include "ctl/verbs.h"

/* --- cat ------------------------------------------------------------------------------------- */

int verb_cat(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    static struct pool pool;
    struct options o = ctl_options(v, argc, argv);
    const char *value;
    struct err e;
    int ret = 0;

    if (options_next(&o, &value, &e) == OPTIONS_ERROR)
        return ctl_fail(CTL_USAGE, &e);
    if (o.at == argc)
        return ctl_usage(v, CTL_USAGE, "no path is given");
    pool_init(&pool, c, v->name);
    pool.progress.shown_at_all = false;
    for (int i = o.at; i < argc && ret == 0; i++) {
        ret = pool_down(&pool, &(struct transfer_file){.there = guest_path(argv[i])});
        if (ret == 0) /* one after the other: they share standard output */
            ret = pool_finish(&pool);
    }
    pool_close(&pool);
    return ret < 0 ? CTL_FAILED : pool.code;
}

/* --- watch ----------------------------------------------------------------------------------- */

static const char *event_word(const Filesystem__FilesystemEvent *f)
{
    static const char *const words[] = {"unknown", "create", "write", "remove", "rename", "chmod"};

    if (f->overflow)
        return "overflow";
    return (size_t)f->type < ARRAY_LEN(words) ? words[f->type] : words[0];
}

static void show_json(const Filesystem__FilesystemEvent *f)
{
    struct chain text = {0};
    struct writer w;

    writer_init(&w, &text, NULL, SIZE_MAX);
    writer_printf(&w, "{\"event\":\"%s\",\"name\":", event_word(f));
    writer_json_string(&w, bytes_of(f->name));
    writer_str(&w, "}\n");
    (void)ctl_print(&text, writer_done(&w));
}

static void show_event(const struct ctl *c, const Filesystem__FilesystemEvent *f)
{
    if (c->json) {
        show_json(f);
    } else {
        printf("%-8s ", event_word(f));
        for (const char *p = f->name; *p; p++) /* one line per event, whatever the name */
            putchar((unsigned char)*p < ' ' || *p == 0x7f ? '?' : *p);
        putchar('\n');
    }
    fflush(stdout);
}

/* Shows the events until the stream ends. Returns 0, or -1 with *e. */
static int follow(struct client *client, struct answer_error *e)
{
    struct arena arena = {.max = DECODE_MAX};
    struct bytes message;
    int got;

    while ((got = client_receive(client, &message, e)) == 1) {
        const Filesystem__WatchDirResponse *r = (const Filesystem__WatchDirResponse *)codec_decode(
            CODEC_PROTO, &filesystem__watch_dir_response__descriptor, message, &arena, &e->err);

        if (!r) {
            got = -1;
            break;
        }
        if (r->event_case == FILESYSTEM__WATCH_DIR_RESPONSE__EVENT_FILESYSTEM)
            show_event(client->ctl, r->filesystem);
        arena_clear(&arena);
    }
    arena_clear(&arena);
    return got < 0 ? -1 : 0;
}

int verb_watch(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    Filesystem__WatchDirRequest m = FILESYSTEM__WATCH_DIR_REQUEST__INIT;
    struct options o = ctl_options(v, argc, argv);
    struct answer_error e = {.from_agent = false};
    struct client client;
    const char *value;
    int id, code = CTL_OK;

    while ((id = options_next(&o, &value, &e.err)) > 0) {
        m.recursive |= id == WATCH_RECURSIVE;
        m.allow_network_mounts |= id == WATCH_NETWORK;
    }
    if (id == OPTIONS_ERROR)
        return ctl_fail(CTL_USAGE, &e.err);
    if (argc - o.at != 1)
        return ctl_usage(v, CTL_USAGE, argc == o.at ? "no directory is given" : "one directory at a time");
    m.path = (char *)(uintptr_t)guest_path(argv[o.at]);
    if (client_open(&client, c, &e.err) < 0 ||
        client_stream_send(&client, "filesystem.Filesystem/WatchDir", NULL, &m.base, &e.err) < 0 ||
        follow(&client, &e) < 0)
        code = guest_fail(v->name, m.path, &e);
    client_close(&client);
    return code;
}
