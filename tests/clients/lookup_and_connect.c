/* As an application in C does it: getaddrinfo, then connect to the first address. Built with glibc and with musl.
 * Usage: lookup_and_connect COUNT PORT NAME...   prints for each name: NAME ADDRESS COUNT */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { most_addresses = 64 };

struct tally {
    char address[64];
    int count;
};

static void fail(const char* what, const char* name, const char* why) {
    fprintf(stderr, "%s %s: %s\n", what, name, why);
    exit(1);
}

static void connect_once(const char* name, const char* port, struct tally* tallies) {
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo* list = NULL;
    const int error = getaddrinfo(name, port, &hints, &list);
    if (error != 0) fail("getaddrinfo", name, gai_strerror(error));

    char address[64];
    getnameinfo(list->ai_addr, list->ai_addrlen, address, sizeof address, NULL, 0, NI_NUMERICHOST);
    const int descriptor = socket(list->ai_family, list->ai_socktype, list->ai_protocol);
    if (connect(descriptor, list->ai_addr, list->ai_addrlen) != 0) fail("connect", name, address);
    close(descriptor);
    freeaddrinfo(list);

    int i = 0;
    while (i < most_addresses - 1 && tallies[i].count > 0 && strcmp(tallies[i].address, address) != 0) ++i;
    strcpy(tallies[i].address, address);
    ++tallies[i].count;
}

int main(int argc, char** argv) {
    if (argc < 4) return 2;
    for (int n = 3; n < argc; ++n) {
        struct tally tallies[most_addresses] = {0};
        for (int i = atoi(argv[1]); i > 0; --i) connect_once(argv[n], argv[2], tallies);
        for (int i = 0; i < most_addresses && tallies[i].count > 0; ++i) {
            printf("%s %s %d\n", argv[n], tallies[i].address, tallies[i].count);
        }
    }
    return 0;
}
