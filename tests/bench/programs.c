/* The programs that the benchmark runs, in one static binary with nothing else in it.
 *
 *   programs                 does nothing
 *   programs source BYTES    writes so many bytes, 64 KiB at a time
 *   programs echo            echoes a raw terminal, byte by byte */
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    static char block[65536];

    if (argc == 3 && strcmp(argv[1], "source") == 0) {
        long long left = atoll(argv[2]);

        memset(block, 'x', sizeof block);
        while (left > 0) {
            ssize_t n = write(1, block, left < (long long)sizeof block ? (size_t)left : sizeof block);

            if (n <= 0)
                return 1;
            left -= n;
        }
    }
    if (argc == 2 && strcmp(argv[1], "echo") == 0) {
        struct termios t;

        tcgetattr(0, &t);
        cfmakeraw(&t);
        tcsetattr(0, TCSANOW, &t);
        while (read(0, block, 1) == 1)
            if (write(1, block, 1) != 1)
                return 1;
    }
    return 0;
}
