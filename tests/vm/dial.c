/* dial CID PORT: connects to a vsock address, sends its standard input, and prints what comes back. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

int main(int argc, char **argv)
{
    struct sockaddr_vm to = {.svm_family = AF_VSOCK};
    int fd = socket(AF_VSOCK, SOCK_STREAM, 0);
    char buf[4096];
    ssize_t n;

    if (argc != 3)
        return 2;
    to.svm_cid = (unsigned)strtoul(argv[1], NULL, 10);
    to.svm_port = (unsigned)strtoul(argv[2], NULL, 10);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0) {
        perror("dial: connect");
        return 1;
    }
    puts("connected");
    while ((n = read(0, buf, sizeof buf)) > 0)
        if (send(fd, buf, (size_t)n, MSG_NOSIGNAL) != n)
            perror("dial: send");
    while ((n = read(fd, buf, sizeof buf)) > 0)
        fwrite(buf, 1, (size_t)n, stdout);
    if (n < 0)
        perror("dial: read");
    puts("closed");
    return 0;
}
