/* The programs that the bench runs, in one static binary.
 *
 *   programs                 does nothing
 *   programs source BYTES    writes so many bytes, 64 KiB at a time
 *   programs gated BYTES     the same, when it has read a byte
 *   programs lines N         writes so many lines of 16 bytes, each by itself
 *   programs sink BYTES      reads so many bytes, 64 KiB at a time
 *   programs echo            echoes a raw terminal byte by byte
 *   programs pause           is quiet for ever */
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static char block[65536];

static int source(long long left)
{
    memset(block, 'x', sizeof block);
    while (left > 0) {
        ssize_t n = write(1, block, left < (long long)sizeof block ? (size_t)left : sizeof block);

        if (n <= 0)
            return 1;
        left -= n;
    }
    return 0;
}

static int lines(int n)
{
    static const char line[] = "a line of bytes\n";

    while (n-- > 0)
        if (write(1, line, sizeof line - 1) < 0)
            return 1;
    return 0;
}

static int sink(long long left)
{
    while (left > 0) {
        ssize_t n = read(0, block, sizeof block);

        if (n <= 0)
            return 1;
        left -= n;
    }
    return 0;
}

static int echo(void)
{
    struct termios t;

    tcgetattr(0, &t);
    cfmakeraw(&t);
    tcsetattr(0, TCSANOW, &t);
    if (write(1, "ready", 5) != 5) /* what is typed from here on is not echoed by the terminal itself */
        return 1;
    while (read(0, block, 1) == 1)
        if (write(1, block, 1) != 1)
            return 1;
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "source") == 0)
        return source(atoll(argv[2]));
    if (argc == 3 && strcmp(argv[1], "gated") == 0)
        return read(0, block, 1) == 1 ? source(atoll(argv[2])) : 1;
    if (argc == 3 && strcmp(argv[1], "lines") == 0)
        return lines(atoi(argv[2]));
    if (argc == 3 && strcmp(argv[1], "sink") == 0)
        return sink(atoll(argv[2]));
    if (argc == 2 && strcmp(argv[1], "echo") == 0)
        return echo();
    if (argc == 2 && strcmp(argv[1], "pause") == 0)
        pause();
    return 0;
}
