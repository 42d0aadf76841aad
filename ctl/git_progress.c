#include "ctl/git_progress.h"

#include <stdio.h>
#include <unistd.h>

#include "core/clock.h"
#include "ctl/progress.h"

#define EVERY_MS 100
#define BAR      24

void git_progress_init(struct git_progress_line *p, bool wanted)
{
    bool terminal = isatty(STDERR_FILENO);

    *p = (struct git_progress_line){.shown = terminal || wanted, .terminal = terminal};
}

void git_progress_clear(struct git_progress_line *p)
{
    if (p->visible)
        fputs("\r\033[K", stderr);
    p->visible = false;
}

/* "[=====>    ]  52%" */
static int bar(uint64_t done, uint64_t total, char *out, size_t size)
{
    unsigned percent = (unsigned)((double)MIN(done, total) * 100 / (double)total),
             filled = percent * BAR / 100;
    char cells[BAR + 1];

    memset(cells, ' ', BAR);
    memset(cells, '=', filled);
    if (filled < BAR)
        cells[filled] = '>';
    cells[BAR] = 0;
    return snprintf(out, size, "  [%s] %3u%%", cells, percent);
}

void git_progress_text(const Guest__V1__GitProgress *m, char out[GIT_PROGRESS_TEXT])
{
    size_t n = (size_t)snprintf(out, GIT_PROGRESS_TEXT, "%.60s", m->phase);
    char amount[PROGRESS_SIZE], rate[PROGRESS_SIZE];

    for (size_t i = 0; i < n; i++) /* the guest's words, on a terminal */
        if ((unsigned char)out[i] < ' ' || out[i] == 0x7f)
            out[i] = '?';
    if (m->total > 0)
        n += (size_t)bar(m->done, m->total, out + n, GIT_PROGRESS_TEXT - n);
    n += (size_t)snprintf(out + n, GIT_PROGRESS_TEXT - n, m->total > 0 ? "  %llu/%llu" : "  %llu",
                          (unsigned long long)m->done, (unsigned long long)m->total);
    progress_size((double)m->bytes, amount);
    progress_size((double)m->bytes_per_second, rate);
    if (m->bytes > 0)
        n += (size_t)snprintf(out + n, GIT_PROGRESS_TEXT - n, "  %s", amount);
    if (m->bytes_per_second > 0)
        snprintf(out + n, GIT_PROGRESS_TEXT - n, "  %s/s", rate);
}

/* A line of the server's, with what would upset a terminal replaced. */
static void show_remote(const char *text)
{
    fputs("remote: ", stderr);
    for (; *text; text++)
        fputc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text, stderr);
    fputc('\n', stderr);
}

void git_progress_show(struct git_progress_line *p, const Guest__V1__GitProgress *m)
{
    uint64_t now = clock_mono_ms();
    char text[GIT_PROGRESS_TEXT];

    if (!p->shown)
        return;
    if (*m->remote) {
        git_progress_clear(p);
        show_remote(m->remote);
    }
    if (!*m->phase || (now < p->next_ms && (m->total == 0 || m->done < m->total)))
        return;
    p->next_ms = now + EVERY_MS;
    git_progress_text(m, text);
    p->visible = p->terminal;
    fprintf(stderr, p->terminal ? "\r\033[K%s" : "%s\n", text);
}
