/* As an application in C does it: a new connection for each request. Built with glibc and with musl.
 * Usage: follow NAME PORT TRIES LIFE   (LIFE is for those that keep connections); prints as README.md says */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* recipe */
/* A connection to one of NAME's addresses, tried in their order, each for a second; -1 if none can be had. */
int connect_to(const char* name, const char* port) {
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    const struct timeval second = {.tv_sec = 1};
    const struct timeval three = {.tv_sec = 3};
    struct addrinfo* list = NULL;
    if (getaddrinfo(name, port, &hints, &list) != 0) return -1;

    int connection = -1;
    for (const struct addrinfo* one = list; one != NULL && connection < 0; one = one->ai_next) {
        connection = socket(one->ai_family, one->ai_socktype, one->ai_protocol);
        setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof second); /* Linux: for connect() too */
        setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &three, sizeof three);
        if (connect(connection, one->ai_addr, one->ai_addrlen) == 0) continue;
        close(connection);
        connection = -1;
    }
    freeaddrinfo(list);
    return connection;
}
/* end of recipe */

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* The backend's address, which is the body of its answer; NULL if there is no answer. */
static const char* request(const char* name, const char* port) {
    static char answer[1024];
    const char* text = "GET / HTTP/1.1\r\nHost: follow\r\nConnection: close\r\n\r\n";
    const int connection = connect_to(name, port);
    if (connection < 0) return NULL;
    ssize_t size = 0;
    ssize_t got = write(connection, text, strlen(text));
    while (got > 0 && size < (ssize_t)sizeof answer - 1) {
        got = read(connection, answer + size, sizeof answer - 1 - (size_t)size);
        if (got > 0) size += got;
    }
    close(connection);
    answer[size] = 0;
    char* body = strstr(answer, "\r\n\r\n");
    if (body == NULL || body[4] == 0) return NULL;
    body[4 + strcspn(body + 4, "\n")] = 0;
    return body + 4;
}

int main(int argc, char** argv) {
    if (argc < 4) return 2;
    for (;;) {
        const double began = now();
        const char* answer = NULL;
        for (int left = atoi(argv[3]); left > 0 && answer == NULL; --left) {
            answer = request(argv[1], argv[2]);
            if (answer == NULL && left > 1) usleep(100000);
        }
        printf("%.3f %.3f %s %s\n", began, now() - began, answer ? "ok" : "error", answer ? answer : "request");
        fflush(stdout);
        usleep(100000);
    }
}
