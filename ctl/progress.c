#include "ctl/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "core/clock.h"

#define FIRST_MS 500 /* what is done sooner needs no line */
#define EVERY_MS 200

void progress_init(struct progress *p)
{
    *p = (struct progress){
        .shown_at_all = isatty(STDOUT_FILENO) && isatty(STDERR_FILENO),
        .start_ms = clock_mono_ms(),
    };
    p->next_ms = p->start_ms + FIRST_MS;
}

void progress_add(struct progress *p, uint64_t bytes, bool file)
{
    p->bytes += bytes;
    p->files += file;
}

void progress_size(double bytes, char out[PROGRESS_SIZE])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t u = 0;

    for (; bytes >= 1024 && u < ARRAY_LEN(units) - 1; u++)
        bytes /= 1024;
    snprintf(out, PROGRESS_SIZE, u == 0 ? "%.0f %s" : "%.1f %s", bytes, units[u]);
}

void progress_text(const struct progress *p, uint64_t ms, char out[PROGRESS_LINE])
{
    double rate = (double)p->bytes * 1000 / (double)MAX(ms, (uint64_t)1);
    uint64_t rest = rate > 0 && p->total > p->bytes ? (uint64_t)((double)(p->total - p->bytes) / rate) : 0;
    char done[PROGRESS_SIZE], speed[PROGRESS_SIZE];

    progress_size((double)p->bytes, done);
    progress_size(rate, speed);
    if (p->total > 0)
        snprintf(out, PROGRESS_LINE, "%3u%%  %s  %s/s  %llu:%02u left",
                 (unsigned)((double)MIN(p->bytes, p->total) * 100 / (double)p->total), done, speed,
                 (unsigned long long)rest / 60, (unsigned)(rest % 60));
    else
        snprintf(out, PROGRESS_LINE, "%llu files  %s  %s/s", (unsigned long long)p->files, done, speed);
}

void progress_show(struct progress *p)
{
    uint64_t now = p->shown_at_all ? clock_mono_ms() : 0;
    char text[PROGRESS_LINE];

    if (now < p->next_ms || !p->shown_at_all)
        return;
    p->next_ms = now + EVERY_MS;
    p->visible = true;
    progress_text(p, now - p->start_ms, text);
    fprintf(stderr, "\r\033[K%s", text);
}

void progress_clear(struct progress *p)
{
    if (p->visible)
        fputs("\r\033[K", stderr);
    p->visible = false;
}

int progress_patience(const struct progress *p)
{
    uint64_t now = clock_mono_ms();

    if (!p->shown_at_all)
        return -1;
    return now >= p->next_ms ? 0 : (int)(p->next_ms - now);
}
