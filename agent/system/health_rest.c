#include "core/writer.h"
#include "system/system.h"
#include "system/version.h"

/* E2B's host wants exactly 204, Wrenn's exactly 200 with the version. */
void health_begin(struct http_exchange *x)
{
    const struct system *s = x->route.arg;
    struct chain body = {0};
    struct writer w;

    if (s->compat == COMPAT_E2B) {
        http_add(x, "Cache-Control", "no-store");
        http_reply(x, 204, "", (struct bytes){NULL, 0});
        return;
    }
    writer_init(&w, &body, NULL, SIZE_MAX);
    writer_printf(&w, "{\"version\":\"%s\"}", version_told(s->http, s->compat));
    system_reply(x, &w);
}

/* The variables that every process gets, internal ones among them; of a name that is there twice the last one
 * counts. */
void envs_begin(struct http_exchange *x)
{
    const struct system *s = x->route.arg;
    const struct guest_env *env = s->settings->env;
    struct chain body = {0};
    struct writer w;
    bool first = true;

    writer_init(&w, &body, x->http->net->pool, SIZE_MAX);
    writer_char(&w, '{');
    for (size_t i = 0; i < env->var_count; i++) {
        const char *var = env->vars[i];
        size_t name = strcspn(var, "=");
        bool again = false;

        for (size_t k = i + 1; k < env->var_count && !again; k++)
            again = strncmp(env->vars[k], var, name + 1) == 0;
        if (again)
            continue;
        if (!first)
            writer_char(&w, ',');
        first = false;
        writer_json_string(&w, (struct bytes){var, name});
        writer_char(&w, ':');
        writer_json_string(&w, bytes_of(var + name + 1));
    }
    writer_str(&w, "}\n");
    system_reply(x, &w);
}
