/* The programs that the bench runs, in one static binary.
 *
 *   programs                 does nothing
 *   programs source BYTES    writes so many bytes, 64 KiB at a time
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
    if (argc == 2 && strcmp(argv[1], "echo") == 0)
        return echo();
    if (argc == 2 && strcmp(argv[1], "pause") == 0)
        pause();
    return 0;
}
