/* The containers beside the sidecar in observed_pod.sh: no libraries, no shell, nothing but this program.
 * Usage: application serve PORT ADDRESS...   says one octet to each that connects, and keeps the connection
 *        application connect PORT NAME       looks up and connects, four times a second; keeps the last eight */
#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { most_listeners = 16, most_connections = 900, kept = 8 };

static int listen_on(const char* address, const char* port) {
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    const int on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port))};
    inet_pton(AF_INET, address, &where.sin_addr);
    if (bind(listener, (struct sockaddr*)&where, sizeof where) != 0 || listen(listener, 64) != 0) {
        perror(address);
        exit(1);
    }
    return listener;
}

static void serve(const char* port, char** addresses) {
    struct pollfd waiting[most_listeners];
    int connections[most_connections] = {0};
    nfds_t listeners = 0;
    for (; addresses[listeners] != NULL && listeners < most_listeners; ++listeners) {
        waiting[listeners] = (struct pollfd){.fd = listen_on(addresses[listeners], port), .events = POLLIN};
    }
    for (int next = 0;;) {
        poll(waiting, listeners, -1);
        for (nfds_t i = 0; i < listeners; ++i) {
            if (waiting[i].revents == 0) continue;
            if (connections[next] > 0) close(connections[next]);
            connections[next] = accept(waiting[i].fd, NULL, NULL);
            send(connections[next], "x", 1, MSG_NOSIGNAL);
            next = (next + 1) % most_connections;
        }
    }
}

static int connect_once(const char* port, const char* name) {
    const struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    struct addrinfo* list = NULL;
    if (getaddrinfo(name, port, &hints, &list) != 0) return -1;
    const int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    char octet = 0;
    if (connect(descriptor, list->ai_addr, list->ai_addrlen) == 0) read(descriptor, &octet, 1);
    freeaddrinfo(list);
    return descriptor;
}

int main(int argc, char** argv) {
    if (argc < 4) return 2;
    if (strcmp(argv[1], "serve") == 0) serve(argv[2], argv + 3);
    int connections[kept] = {0};
    for (int next = 0;; next = (next + 1) % kept) {
        if (connections[next] > 0) close(connections[next]);
        connections[next] = connect_once(argv[2], argv[3]);
        poll(NULL, 0, 250);
    }
}
