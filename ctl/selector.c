#include "ctl/selector.h"

#include <errno.h>

static bool is_number(const char *word)
{
    return *word && strspn(word, "0123456789") == strlen(word);
}

int selector_parse(Process__ProcessSelector *s, const char *word, struct err *e)
{
    process__process_selector__init(s);
    if (!*word)
        return err_set(e, STATUS_INVALID_ARGUMENT, 0, "no process has an empty name");
    if (strncmp(word, "id:", 3) == 0) {
        errno = 0;
        s->selector_case = PROCESS__PROCESS_SELECTOR__SELECTOR_ID;
        s->id = is_number(word + 3) ? strtoull(word + 3, NULL, 10) : 0;
        if (s->id == 0 || errno == ERANGE)
            return err_set(e, STATUS_INVALID_ARGUMENT, 0, "'%s' is no id of a process (id:7)", word);
    } else if (is_number(word) && strlen(word) < 10) {
        s->selector_case = PROCESS__PROCESS_SELECTOR__SELECTOR_PID;
        s->pid = (uint32_t)strtoul(word, NULL, 10);
    } else {
        s->selector_case = PROCESS__PROCESS_SELECTOR__SELECTOR_TAG;
        s->tag = (char *)(uintptr_t)word;
    }
    return 0;
}

void selector_known(Process__ProcessSelector *s, uint32_t pid, uint64_t id)
{
    process__process_selector__init(s);
    if (id) {
        s->selector_case = PROCESS__PROCESS_SELECTOR__SELECTOR_ID;
        s->id = id;
    } else {
        s->selector_case = PROCESS__PROCESS_SELECTOR__SELECTOR_PID;
        s->pid = pid;
    }
}
