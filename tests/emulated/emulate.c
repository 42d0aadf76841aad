/* emulate: becomes QEMU's emulator with the program of its own name that lies one folder above it, under the name by which it
 * was called itself. So the system tests start the programs of another architecture as they start those of this one. The
 * emulator has a link of that name in the folder qemu beside it, for by the link the kernel names the process (proc(5), comm). */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    char path[PATH_MAX], program[PATH_MAX], emulator[2 * PATH_MAX];
    char **words = calloc((size_t)argc + 4, sizeof *words);
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    char *name, *folder;

    if (!words || n < 0)
        return 125;
    path[n] = 0;
    name = strrchr(path, '/');
    *name++ = 0;
    folder = strrchr(path, '/');
    snprintf(program, sizeof program, "%.*s/%s", (int)(folder - path), path, name);
    snprintf(emulator, sizeof emulator, "%s/qemu/%s", path, name);
    words[0] = emulator;
    words[1] = "-0";
    words[2] = argv[0];
    words[3] = program;
    memcpy(words + 4, argv + 1, (size_t)(argc - 1) * sizeof *words);
    execv(emulator, words);
    perror(emulator);
    return 125;
}
