/* What an image and a kernel command line ask of PID 1: one grammar in two places.
 *
 *   a file, /etc/guestd.conf     KEY [WORD...], a statement a line. Blanks separate words; "..." and '...' hold blanks, a
 *                                backslash takes the next byte as it is (not in '...'); # at a word's start begins a comment
 *   the kernel's command line    guestd.KEY=WORD,WORD... where commas separate, or guestd.KEY="WORD WORD..." as in the file.
 *                                Also the kernel's own root=, rootfstype=, rootflags=, ro, rw, rootwait, rootdelay= and ip=
 *                                (Documentation/admin-guide/kernel-parameters.rst, nfs/nfsroot.rst)
 *
 * The command line comes after the file: of what there is one of, the later counts; lists grow. The keys stand in one table,
 * which the documentation is made from; a key that is not in it is offered to `other`, main's flags. What is wrong is told with
 * file and line, left out, and the boot goes on.
 *
 * All strings and lists lie in the config's arena, and end with it. */
#ifndef INIT_CONFIG_H
#define INIT_CONFIG_H

#include <netinet/in.h>

#include "core/arena.h"
#include "core/err.h"

#define CONFIG_FILE "/etc/guestd.conf"

/* An address with the length of its network part. */
struct config_prefix {
    struct config_prefix *next;
    int family;       /* AF_INET, AF_INET6 */
    uint8_t addr[16]; /* network byte order */
    unsigned bits;    /* 0 to 32, or 128 */
};

struct config_route {
    struct config_route *next;
    struct config_prefix to; /* bits 0: the default route */
    bool has_via;
    struct config_prefix via;
    unsigned metric; /* 0: the kernel's choice */
};

/* An interface. */
struct config_net {
    struct config_net *next;
    const char *
        name; /* its name, its hardware address as "aa:bb:cc:dd:ee:ff", or "*": the first that no other one names */
    bool dhcp;
    unsigned mtu; /* bytes; 0: as it is */
    struct config_prefix *addresses;
    struct config_route *routes;
};

struct config_mount {
    struct config_mount *next;
    const char *source, *target, *type;
    const char *options; /* as mount(8)'s -o; NULL: none */
};

struct config_word {
    struct config_word *next;
    const char *text;
};

/* A name or address, and what it stands for. */
struct config_pair {
    struct config_pair *next;
    const char *name, *value;
};

enum config_restart { RESTART_NEVER, RESTART_ON_FAILURE, RESTART_ALWAYS };

/* A program that is started when the agent listens. */
struct config_start {
    struct config_start *next;
    enum config_restart restart;
    const char *user; /* NULL: root */
    const char *cwd;  /* NULL: the user's home */
    char **argv;      /* NULL-terminated, at least one */
};

/* The root file system that an initramfs has to find. */
struct config_root {
    const char *device;  /* NULL: none asked for; LABEL=, UUID=, PARTUUID=, PARTLABEL= or a path */
    const char *type;    /* NULL: tried in the order of /proc/filesystems */
    const char *options; /* NULL: none */
    bool writable;
    unsigned wait_ms;    /* for the device to appear */
    const char *overlay; /* NULL: none; "tmpfs", or a device as above: the writable upper layer */
};

struct config {
    struct arena arena;
    bool in_container;    /* the kernel and its own words are another's: they are passed over */
    const char *hostname; /* NULL: none */
    struct config_root root;
    struct config_mount *mounts;
    struct config_pair *modules; /* a module or a path, and its parameters */
    struct config_pair *sysctls;
    struct config_word *env; /* NAME=VALUE, for every process */
    struct config_net *nets;
    struct config_word *dns, *search;
    struct config_pair *hosts; /* address, names separated by a blank */
    const char *seed_file;     /* NULL: none; random bytes that were kept for this machine's next boot */
    struct config_start *starts;
    char **handoff;       /* the init that becomes PID 1; NULL: we stay it */
    unsigned ready_port;  /* of the host, which is told when the agent is ready; 0: nobody is */
    unsigned shutdown_ms; /* longest time from a signal to the machine's end; 0: the default */

    /* Takes a statement whose key is not of the table: words[0..count). Returns 1, 0 when it does not know it either, or -1 with
     * *e. NULL: nobody does. */
    int (*other)(void *arg, const char *key, char **words, unsigned count, struct err *e);
    /* Told what is wrong: `where` is "/etc/guestd.conf:3" or "kernel command line". */
    void (*complain)(void *arg, const char *where, const struct err *e);
    void *other_arg, *complain_arg;
};

/* A key of the table, for the documentation. */
struct config_key {
    const char *name;
    const char *args; /* as in a synopsis */
    const char *text; /* one sentence */
};

/* An empty config. */
void config_init(struct config *c);

/* Takes the statements of a file's text; `name` is for complaints. */
void config_take_text(struct config *c, const char *name, struct bytes text);

/* Takes the words of a kernel command line that concern us. */
void config_take_cmdline(struct config *c, struct bytes text);

/* Reads and takes a file; one that does not exist is an empty one. What is beyond CONFIG_MAX is told and left out. */
void config_read_file(struct config *c, const char *path);

/* Reads and takes /proc/cmdline. */
void config_read_cmdline(struct config *c);

/* Parses "ADDRESS" or "ADDRESS/BITS" (all bits without it). Returns 0, or -1 with *e. */
MUST_CHECK int config_parse_prefix(const char *text, struct config_prefix *p, struct err *e);

const struct config_key *config_keys(size_t *count);

void config_clear(struct config *c);

#endif
