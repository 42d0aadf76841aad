#include "guest/check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/vm_sockets.h>

#include "core/err.h"
#include "core/fd.h"
#include "core/kernel.h"

static void say(char *found, const char *text)
{
    snprintf(found, CHECK_FOUND_MAX, "%.*s", CHECK_FOUND_MAX - 1, text);
}

/* What a failed call means, and its text. */
static enum check_state failed(char *found)
{
    bool forbidden = errno == EPERM || errno == EACCES;

    say(found, errno_text(errno));
    return forbidden ? CHECK_HIDDEN : CHECK_LACKS;
}

/* A descriptor that a call returned: closed again. */
static enum check_state opened(int fd, char *found)
{
    if (fd < 0)
        return failed(found);
    close(fd);
    return CHECK_HAS;
}

/* The first line of a small file, without its end. Returns its length, or -1. */
static ssize_t first_line(const char *path, char *line, size_t size)
{
    CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? RETRY_EINTR(read(fd, line, size - 1)) : -1;

    line[MAX(n, 0)] = 0;
    line[strcspn(line, "\n")] = 0;
    return n < 0 ? -1 : (ssize_t)strlen(line);
}

/* --- the kernel ------------------------------------------------------------------------------ */

static enum check_state look_vsock(const char *arg, char *found)
{
    (void)arg;
    return opened(socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0), found);
}

/* Without a device to the host its address is VMADDR_CID_ANY, or that of the loopback transport. */
static enum check_state look_vsock_device(const char *arg, char *found)
{
    CLEANUP_FD int fd = open(arg, O_RDONLY | O_CLOEXEC);
    unsigned cid = VMADDR_CID_ANY;

    if (fd < 0 || ioctl(fd, IOCTL_VM_SOCKETS_GET_LOCAL_CID, &cid) < 0)
        return failed(found);
    if (cid == VMADDR_CID_ANY || cid == VMADDR_CID_LOCAL) {
        say(found, "no device");
        return CHECK_LACKS;
    }
    snprintf(found, CHECK_FOUND_MAX, "CID %u", cid);
    return CHECK_HAS;
}

static enum check_state look_events(const char *arg, char *found)
{
    sigset_t none;

    (void)arg;
    sigemptyset(&none);
    if (opened(eventfd(0, EFD_CLOEXEC), found) != CHECK_HAS ||
        opened(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC), found) != CHECK_HAS)
        return CHECK_LACKS;
    return opened(signalfd(-1, &none, SFD_CLOEXEC), found);
}

static enum check_state look_inotify(const char *arg, char *found)
{
    (void)arg;
    return opened(inotify_init1(IN_CLOEXEC), found);
}

static enum check_state look_pty(const char *arg, char *found)
{
    return opened(open(arg, O_RDWR | O_NOCTTY | O_CLOEXEC), found);
}

/* A call of core/kernel.h. What a filter forbids is lacking like what the kernel does not know. */
static enum check_state look_call(const char *name, char *found)
{
    enum kernel_call c = 0;
    int errnum;

    while (strcmp(kernel_name(c), name) != 0)
        c++;
    errnum = kernel_probe(c);
    if (errnum == 0)
        return CHECK_HAS;
    say(found, errno_text(errnum));
    return CHECK_LACKS;
}

/* --- file systems ---------------------------------------------------------------------------- */

/* Whether /proc/filesystems has it, whose lines are "nodev", if it needs none, a tab and the type. */
static bool is_listed(const char *type)
{
    FILE *list = fopen("/proc/filesystems", "re");
    char line[64];
    bool is = false;

    while (list && !is && fgets(line, sizeof line, list)) {
        line[strcspn(line, "\n")] = 0;
        is = strchr(line, '\t') && strcmp(strchr(line, '\t') + 1, type) == 0;
    }
    if (list)
        fclose(list);
    return is;
}

/* fsopen(2) makes the kernel load a module, too, but is root's (and of Linux 5.2); the list is everybody's. */
static enum check_state look_filesystem(const char *type, char *found)
{
    int fd;

    if (is_listed(type))
        return CHECK_HAS;
    fd = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
    if (fd >= 0 || errno == ENODEV)
        return opened(fd, found);
    say(found, "perhaps a module");
    return CHECK_HIDDEN;
}

/* What is mounted at `path` is of the kind `magic`. */
static enum check_state look_mount(const char *path, unsigned long magic, char *found)
{
    struct statfs fs;

    if (statfs(path, &fs) < 0)
        return failed(found);
    if ((unsigned long)fs.f_type == magic)
        return CHECK_HAS;
    say(found, "not mounted");
    return CHECK_LACKS;
}

static enum check_state look_proc(const char *path, char *found)
{
    return look_mount(path, PROC_SUPER_MAGIC, found);
}

static enum check_state look_sysfs(const char *path, char *found)
{
    return look_mount(path, SYSFS_MAGIC, found);
}

static enum check_state look_cgroup2(const char *path, char *found)
{
    return look_mount(path, CGROUP2_SUPER_MAGIC, found);
}

/* A file without a name in a directory: none stays. */
static enum check_state look_unnamed(const char *path, char *found)
{
    int fd = open(path, O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);
    bool read_only = fd < 0 && errno == EROFS;
    enum check_state state = opened(fd, found);

    return read_only ? CHECK_HIDDEN : state;
}

/* --- cgroups --------------------------------------------------------------------------------- */

/* Whether `list`, words separated by blanks, has the word. */
static bool has_word(const char *list, const char *word)
{
    size_t n = strlen(word);

    for (const char *p = list; (p = strstr(p, word)); p += n)
        if ((p == list || p[-1] == ' ') && (p[n] == ' ' || !p[n]))
            return true;
    return false;
}

/* The controllers of the root, which a process's leaf can have. */
static enum check_state look_controller(const char *name, char *found)
{
    char list[256];

    if (first_line("/sys/fs/cgroup/cgroup.controllers", list, sizeof list) < 0)
        return failed(found);
    return has_word(list, name) ? CHECK_HAS : CHECK_LACKS;
}

/* Files that each cgroup but the root has; ours may be the root. */
static enum check_state look_cgroup_file(const char *name, char *found)
{
    char own[256], path[384];

    if (first_line("/proc/self/cgroup", own, sizeof own) < 0)
        return failed(found);
    if (strncmp(own, "0::/", 4) != 0 || !own[4]) {
        say(found, "not seen from the root cgroup");
        return CHECK_HIDDEN;
    }
    snprintf(path, sizeof path, "/sys/fs/cgroup%s/%s", own + 3, name);
    return access(path, F_OK) == 0 ? CHECK_HAS : failed(found);
}

/* --- devices --------------------------------------------------------------------------------- */

static enum check_state look_path(const char *path, char *found)
{
    return access(path, F_OK) == 0 ? CHECK_HAS : failed(found);
}

/* A driver of the platform bus that has found its device, which lies in it as a link. */
static enum check_state look_driver(const char *name, char *found)
{
    static const char *const buses[] = {"acpi", "platform"};

    for (size_t i = 0; i < ARRAY_LEN(buses); i++) {
        char path[128];
        DIR *d;

        snprintf(path, sizeof path, "/sys/bus/%s/drivers/%s", buses[i], name);
        d = opendir(path);
        for (struct dirent *e; d && (e = readdir(d));) {
            if (e->d_type == DT_LNK && strcmp(e->d_name, "module") != 0) {
                say(found, e->d_name);
                closedir(d);
                return CHECK_HAS;
            }
        }
        if (d)
            closedir(d);
    }
    say(found, "no device");
    return CHECK_LACKS;
}

static enum check_state look_random(const char *path, char *found)
{
    char line[CHECK_FOUND_MAX];

    if (first_line(path, line, sizeof line) < 0)
        return failed(found);
    say(found, line);
    return strcmp(line, "none") == 0 || !*line ? CHECK_LACKS : CHECK_HAS;
}

/* --- the image ------------------------------------------------------------------------------- */

/* A program in the directories that a process finds its own in. */
static enum check_state look_program(const char *name, char *found)
{
    static const char *const directories[] = {"/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"};

    for (size_t i = 0; i < ARRAY_LEN(directories); i++) {
        snprintf(found, CHECK_FOUND_MAX, "%s/%s", directories[i], name);
        if (access(found, X_OK) == 0)
            return CHECK_HAS;
    }
    say(found, "not in /bin, /usr/bin or beside them");
    return CHECK_LACKS;
}

/* Where distributions keep the certificates of authorities. */
static enum check_state look_certificates(const char *arg, char *found)
{
    static const char *const files[] = {"/etc/ssl/certs/ca-certificates.crt",
                                        "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
                                        "/etc/ssl/cert.pem"};

    (void)arg;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        if (access(files[i], R_OK) == 0) {
            say(found, files[i]);
            return CHECK_HAS;
        }
    }
    return failed(found);
}

static const struct check table[] = {
    {"vsock", CHECK_NEEDED, "the host cannot call; TCP and unix sockets are left (CONFIG_VSOCKETS)",
     look_vsock, NULL},
    {"vsock device", CHECK_NEEDED, "likewise (CONFIG_VIRTIO_VSOCKETS, or the VM has none)", look_vsock_device,
     "/dev/vsock"},
    {"event descriptors", CHECK_NEEDED, "guestd does not start (CONFIG_EVENTFD, TIMERFD, SIGNALFD)",
     look_events, NULL},
    {"/proc", CHECK_NEEDED, "no command line, no users' processes (CONFIG_PROC_FS)", look_proc, "/proc"},
    {"/sys", CHECK_NEEDED, "no cgroups, no network by hardware address (CONFIG_SYSFS)", look_sysfs, "/sys"},
    {"/dev/null", CHECK_NEEDED, "no process starts (CONFIG_DEVTMPFS)", look_path, "/dev/null"},
    {"terminals", CHECK_NEEDED, "no process gets a terminal (CONFIG_UNIX98_PTYS)", look_pty, "/dev/ptmx"},
    {"tmpfs", CHECK_WANTED, "/run and /tmp lie on the disk, secrets with them (CONFIG_TMPFS)",
     look_filesystem, "tmpfs"},
    {"overlay", CHECK_WANTED, "a read-only root stays so (CONFIG_OVERLAY_FS)", look_filesystem, "overlay"},
    {"cgroup2", CHECK_WANTED, "a process's tree is its session; no freeze (CONFIG_CGROUPS)", look_cgroup2,
     "/sys/fs/cgroup"},
    {"cgroup cpu", CHECK_WANTED, "no share of the CPU for processes (CONFIG_CGROUP_SCHED)", look_controller,
     "cpu"},
    {"cgroup memory", CHECK_WANTED, "no limit of memory for processes (CONFIG_MEMCG)", look_controller,
     "memory"},
    {"cgroup io", CHECK_WANTED, "no share of the disks for processes (CONFIG_BLK_CGROUP)", look_controller,
     "io"},
    {"cgroup pids", CHECK_WANTED, "no limit of their number (CONFIG_CGROUP_PIDS)", look_controller, "pids"},
    {"cgroup.freeze", CHECK_WANTED, "/freeze refuses; snapshots are of running processes (Linux 5.2)",
     look_cgroup_file, "cgroup.freeze"},
    {"cgroup.kill", CHECK_WANTED, "a tree is killed one by one (Linux 5.14)", look_cgroup_file,
     "cgroup.kill"},
    {"inotify", CHECK_WANTED, "directories cannot be watched (CONFIG_INOTIFY_USER)", look_inotify, NULL},
    {"clone3", CHECK_WANTED, "a process enters its cgroup after its start (Linux 5.7)", look_call, "clone3"},
    {"close_range", CHECK_WANTED, "starting a process takes longer (Linux 5.9)", look_call, "close_range"},
    {"cloexec range", CHECK_WANTED, "what guestd inherits is closed one by one (Linux 5.11)", look_call,
     "CLOSE_RANGE_CLOEXEC"},
    {"openat2", CHECK_WANTED, "each answer about a file takes a worker (Linux 5.12)", look_call, "openat2"},
    {"statx", CHECK_WANTED, "likewise; bind mounts may be mounted over at boot (Linux 5.8)", look_call,
     "statx"},
    {"preadv2", CHECK_WANTED, "each piece of a download takes a worker and its memory (Linux 4.14)",
     look_call, "preadv2"},
    {"copy_file_range", CHECK_WANTED, "copies of files go through guestd (Linux 4.5)", look_call,
     "copy_file_range"},
    {"MADV_COLLAPSE", CHECK_WANTED, "/collapse changes nothing (Linux 6.1)", look_call, "MADV_COLLAPSE"},
    {"packed modules", CHECK_WANTED, "no .ko.xz or .ko.zst is loaded (Linux 5.17, CONFIG_MODULE_DECOMPRESS)",
     look_path, "/sys/module/compression"},
    {"O_TMPFILE of /", CHECK_WANTED, "an upload that is cut off may leave a file", look_unnamed, "/"},
    {"O_TMPFILE of /tmp", CHECK_WANTED, "likewise, of one that goes there", look_unnamed, "/tmp"},
    {"user namespaces", CHECK_WANTED, "no sandboxes and no rootless containers in the guest (CONFIG_USER_NS)",
     look_path, "/proc/self/ns/user"},
    {"hypervisor's clock", CHECK_WANTED,
     "the clock is right only when the host sets it (CONFIG_PTP_1588_CLOCK_KVM)", look_path, "/dev/ptp0"},
    {"generation id", CHECK_WANTED, "clones of a snapshot share random numbers until told (CONFIG_VMGENID)",
     look_driver, "vmgenid"},
    {"hardware random", CHECK_WANTED, "random numbers may come late at boot (CONFIG_HW_RANDOM_VIRTIO)",
     look_random, "/sys/class/misc/hw_random/rng_current"},
    {"sh", CHECK_WANTED, "no script runs", look_program, "sh"},
    {"bash", CHECK_WANTED, "the E2B clients run each command by /bin/bash -l -c", look_program, "bash"},
    {"git", CHECK_WANTED, "clients' git calls fail: they run it in the guest", look_program, "git"},
    {"certificates", CHECK_WANTED, "programs trust no TLS server", look_certificates, NULL},
    {"/etc/passwd", CHECK_WANTED, "there is no user but root", look_path, "/etc/passwd"},
};

const struct check *check_table(size_t *count)
{
    *count = ARRAY_LEN(table);
    return table;
}

unsigned check_print(void *out)
{
    static const char *const needs[] = {"needed", "wanted"};
    static const char *const states[][2] = {
        [CHECK_HAS] = {"ok", "ok"}, [CHECK_LACKS] = {"MISSING", "missing"}, [CHECK_HIDDEN] = {"?", "?"}};
    struct utsname machine;
    unsigned lacking = 0;

    if (uname(&machine) == 0)
        fprintf(out, "Linux %s %s\n", machine.release, machine.machine);
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        const struct check *c = &table[i];
        char found[CHECK_FOUND_MAX] = "";
        enum check_state state = c->look(c->arg, found);

        lacking += state == CHECK_LACKS && c->need == CHECK_NEEDED;
        fprintf(out, "%-18s  %-7s  %-6s", c->what, states[state][c->need], needs[c->need]);
        if (state == CHECK_LACKS)
            fprintf(out, "  %-28s  %s\n", found, c->cost);
        else
            fprintf(out, "%s%s\n", *found ? "  " : "", found);
    }
    return lacking;
}
