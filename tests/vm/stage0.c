/* stage0: /init of the test guests. Loads the modules that a microVM's kernel has built in, and becomes the
 * init under test, with nothing of its own left mounted or open but the console.
 *
 *   /modules/NN-NAME.ko   what is loaded, in the order of the names
 *   stage0_bare=1         on the kernel command line: descriptors 0 to 2 are closed, as where an image has no
 *                         /dev/console
 *
 * Words after "--" on the kernel command line are the init's arguments. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define INIT "/sbin/init"

/* The end of PID 1 is a panic, and that ends the guest. */
static _Noreturn void die(const char *what)
{
    fprintf(stderr, "stage0: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int visible(const struct dirent *d)
{
    return d->d_name[0] != '.';
}

static void load_modules(void)
{
    struct dirent **files;
    int n = scandir("/modules", &files, visible, alphasort);

    if (n < 0 || chdir("/modules") < 0)
        die("/modules");
    for (int i = 0; i < n; i++) {
        int fd = open(files[i]->d_name, O_RDONLY | O_CLOEXEC);

        if (fd < 0 || syscall(SYS_finit_module, fd, "", 0) < 0)
            die(files[i]->d_name);
        close(fd);
    }
    if (chdir("/") < 0)
        die("/");
}

int main(int argc, char **argv)
{
    int fd;

    (void)argc;
    mkdir("/dev", 0755);
    if (mount("dev", "/dev", "devtmpfs", 0, "mode=0755") < 0)
        return 1;
    fd = open("/dev/console", O_RDWR);
    for (int i = 0; i < 3; i++)
        dup2(fd, i);
    if (fd > 2)
        close(fd);
    load_modules();
    if (umount2("/dev", MNT_DETACH) < 0)
        die("/dev");
    if (getenv("stage0_bare"))
        for (int i = 0; i < 3; i++)
            close(i);
    unsetenv("stage0_bare");
    argv[0] = INIT;
    execv(INIT, argv);
    die(INIT);
}
