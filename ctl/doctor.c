/* doctor: what is wrong between here and an agent, a line for each thing that can be. */
#include <stdio.h>

#include "ctl/checkup.h"
#include "ctl/verbs.h"

#define PATIENCE_MS 5000

/* Parses the words. Returns 0 or the exit code. */
static int parse(const struct verb *v, int argc, char **argv, struct checkup *k)
{
    struct options o = ctl_options(v, argc, argv);
    const char *value;
    struct err e;
    int id;

    while ((id = options_next(&o, &value, &e)) > 0)
        if (ctl_duration(value, id == DOCTOR_PATIENCE ? &k->patience_ms : &k->skew_ms, &e) < 0)
            return ctl_fail(CTL_USAGE, &e);
    if (id == OPTIONS_ERROR)
        return ctl_fail(CTL_USAGE, &e);
    return o.at < argc ? ctl_usage(v, CTL_USAGE, "too many operands") : CTL_OK;
}

/* Returns 0, or -1 when out of memory. */
static int print_json(const struct checkup *k)
{
    struct chain text = {0};
    struct writer w;

    writer_init(&w, &text, NULL, SIZE_MAX);
    checkup_write(k, &w);
    return ctl_print(&text, writer_done(&w));
}

int verb_doctor(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    static struct checkup k;
    int code;

    k = (struct checkup){.ctl = c, .patience_ms = PATIENCE_MS, .skew_ms = CHECKUP_SKEW_MS};
    code = parse(v, argc, argv, &k);
    if (code != CTL_OK)
        return code;
    checkup_run(&k);
    if (c->json && print_json(&k) < 0)
        return ctl_say(CTL_FAILED, "out of memory");
    for (int i = 0; i < CHECKUP_KINDS && !c->json; i++)
        printf("%-10s %-8s %s\n", checkup_name((enum checkup_kind)i), checkup_verdict(k.findings[i].verdict),
               k.findings[i].text);
    return checkup_code(&k);
}
