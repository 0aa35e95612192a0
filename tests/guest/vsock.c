// SPDX-License-Identifier: MIT
/* vsock PORT TEXT: says TEXT to who listens at the host's PORT, and prints the line that is answered. */
#include <linux/vm_sockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

int main(int argc, char **argv)
{
    struct sockaddr_vm address = { .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_HOST };
    char line[256];
    int sock = socket(AF_VSOCK, SOCK_STREAM, 0);
    if (argc != 3 || sock < 0)
        return 2;
    address.svm_port = (unsigned)atoi(argv[1]);
    if (connect(sock, (struct sockaddr *)&address, sizeof(address)) < 0) {
        perror("vsock");
        return 1;
    }
    FILE *stream = fdopen(sock, "r+");
    if (!stream || fprintf(stream, "%s\n", argv[2]) < 0 || fflush(stream) != 0 ||
        !fgets(line, sizeof(line), stream))
        return 1;
    printf("vsock: %s", line);
    return 0;
}
