#include "system/version.h"

#include "core/build.h"

/* E2B's envd: which version brought what. Rows are in the order of their versions. */
static const struct {
    const char *since;
    const char *method, *path;
} table[] = {
    {"0.0.1", "POST", "/process.Process/List"},
    {"0.0.1", "POST", "/process.Process/Start"},
    {"0.0.1", "POST", "/process.Process/Connect"},
    {"0.0.1", "POST", "/process.Process/Update"},
    {"0.0.1", "POST", "/process.Process/StreamInput"},
    {"0.0.1", "POST", "/process.Process/SendInput"},
    {"0.0.1", "POST", "/process.Process/SendSignal"},
    {"0.0.1", "GET", "/health"},
    {"0.0.1", "POST", "/init"},
    {"0.0.1", "GET", "/envs"},
    {"0.1.0", "POST", "/filesystem.Filesystem/Stat"},
    {"0.1.0", "POST", "/filesystem.Filesystem/MakeDir"},
    {"0.1.0", "POST", "/filesystem.Filesystem/Move"},
    {"0.1.0", "POST", "/filesystem.Filesystem/ListDir"},
    {"0.1.0", "POST", "/filesystem.Filesystem/Remove"},
    {"0.1.0", "POST", "/filesystem.Filesystem/WatchDir"},
    {"0.1.0", "GET", "/files"},
    {"0.1.0", "POST", "/files"},
    {"0.1.4", "POST", "/filesystem.Filesystem/CreateWatcher"},
    {"0.1.4", "POST", "/filesystem.Filesystem/GetWatcherEvents"},
    {"0.1.4", "POST", "/filesystem.Filesystem/RemoveWatcher"},
    {"0.1.5", "GET", "/metrics"},
    {"0.5.2", "POST", "/process.Process/CloseStdin"},
    {"0.6.2", "POST", "/files/compose"},
    {"0.6.3", "POST", "/freeze"},
    {"0.6.3", "POST", "/unfreeze"},
    {"0.6.5", "POST", "/collapse"},
    {"0.6.6", "POST", "/fsfreeze"},
    {"0.6.6", "POST", "/fsthaw"},
    {"0.6.11", "POST", "/fsthaw"}, /* nothing new to ask for up to here */
    {"0.6.12", "POST", "/upgrade"},
    {"0.6.13", "POST", "/upgrade"}, /* the last one whose behaviour we know */
};

/* Names are never used again for something else. */
static const char *const features[] = {"exec",
                                       "pty",
                                       "exec-cgroup-leaf",
                                       "exec-spawn-failure-detail",
                                       "process-events",
                                       "process-replay",
                                       "process-signals",
                                       "process-options",
                                       "exec-session",
                                       "files",
                                       "files-rest",
                                       "files-steps",
                                       "files-trees",
                                       "files-watch",
                                       "freeze",
                                       "boot",
                                       "log",
                                       "connections",
                                       "git"};

const char *version_told(const struct http *http, enum compat compat)
{
    const char *told = "0.0.0";
    char allowed[HTTP_ALLOWED_MAX];
    struct http_route route;

    if (compat == COMPAT_WRENN)
        return "0.2.0"; /* its host compares for equality */
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        if (!http_route_find(http, table[i].method, bytes_of(table[i].path), &route, allowed))
            break;
        if (i + 1 == ARRAY_LEN(table) || strcmp(table[i + 1].since, table[i].since) != 0)
            told = table[i].since;
    }
    return told;
}

const char *const *version_features(size_t *count)
{
    *count = ARRAY_LEN(features);
    return features;
}

void version_print(FILE *out)
{
    build_print(out, "guestd");
    fputs("features", out);
    for (size_t i = 0; i < ARRAY_LEN(features); i++)
        fprintf(out, " %s", features[i]);
    fputc('\n', out);
}
