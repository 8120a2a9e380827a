/* The upper limit of a server with one process: a constant answer without parser and Python.
 *
 *     limit_epoll PORT [keepalive]
 *
 * Listens on 127.0.0.1, answers every request head with the response of the hello application. As
 * the sync worker does, it closes the connection after the answer; with `keepalive` it waits for
 * more. What it needs per request is what the kernel costs: accept4, recv, send and close; a
 * request that comes later than its connection costs a poll or an epoll registration as well.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_FD = 65536, EVENTS = 256, BACKLOG = 2048, END_LENGTH = 4, FIRST_BYTES_MS = 1 };

#define ANSWER(connection)                                                                         \
    "HTTP/1.1 200 OK\r\n"                                                                          \
    "Server: gunicorn\r\n"                                                                         \
    "Date: Sun, 22 Nov 2026 12:00:00 GMT\r\n"                                                      \
    "Connection: " connection "\r\n"                                                               \
    "Content-Type: text/plain\r\n"                                                                 \
    "Content-Length: 14\r\n"                                                                       \
    "\r\n"                                                                                         \
    "Hello, world!\n"

static const char CLOSING[] = ANSWER("close");
static const char KEEPING[] = ANSWER("keep-alive");

/* How many bytes of the blank line that ends the head have been seen, by descriptor. */
static unsigned char matched[MAX_FD];
static bool keeps_alive;

static void
die(const char *what)
{
    perror(what);
    exit(1);
}

static int
listen_on(unsigned short port)
{
    struct sockaddr_in addr = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
        bind(fd, (struct sockaddr *)&addr, sizeof addr) < 0 || listen(fd, BACKLOG) < 0) {
        die("listen");
    }
    return fd;
}

static void
watch(int epoll_fd, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
        die("epoll_ctl");
    }
}

/* Feeds received bytes; true when a head ends in them. Pipelined requests are not counted. */
static bool
feed(int fd, const char *p, ssize_t n)
{
    static const char END[] = "\r\n\r\n";
    unsigned char at = matched[fd];

    for (ssize_t i = 0; i < n; i++) {
        if (p[i] == END[at]) {
            at++;
        } else {
            at = p[i] == '\r' ? 1 : 0;
        }
        if (at == END_LENGTH) {
            matched[fd] = 0;
            return true;
        }
    }
    matched[fd] = at;
    return false;
}

/* Reads what is there. False when the connection is over and has been closed. */
static bool
serve(int fd)
{
    char data[16384];
    ssize_t n = recv(fd, data, sizeof data, 0);

    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return true;
    }
    bool is_open = n > 0;
    if (n > 0 && feed(fd, data, n)) {
        /* Before a close the answer is held back, so that it leaves together with the FIN. */
        int flags = MSG_NOSIGNAL | (keeps_alive ? 0 : MSG_MORE);
        const char *answer = keeps_alive ? KEEPING : CLOSING;
        size_t size = (keeps_alive ? sizeof KEEPING : sizeof CLOSING) - 1;
        is_open = send(fd, answer, size, flags) == (ssize_t)size && keeps_alive;
    }
    if (!is_open) {
        close(fd);
    }
    return is_open;
}

static void
accept_all(int epoll_fd, int listen_fd)
{
    for (;;) {
        int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            return;
        }
        if (fd >= MAX_FD) {
            close(fd);
            continue;
        }
        matched[fd] = 0;
        /* Mostly the request is there already, or comes within the next moment. */
        struct pollfd late = {.fd = fd, .events = POLLIN};
        if (serve(fd) && (poll(&late, 1, FIRST_BYTES_MS) == 0 || serve(fd))) {
            watch(epoll_fd, fd);
        }
    }
}

int
main(int argc, char **argv)
{
    char *end = NULL;
    unsigned long port = argc > 1 ? strtoul(argv[1], &end, 10) : 0;

    if (argc > 3 || port == 0 || port > 65535 || *end != '\0' ||
        (argc == 3 && strcmp(argv[2], "keepalive") != 0)) {
        fprintf(stderr, "usage: limit_epoll PORT [keepalive]\n");
        return 2;
    }
    keeps_alive = argc == 3;
    int listen_fd = listen_on((unsigned short)port);
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0) {
        die("epoll_create1");
    }
    watch(epoll_fd, listen_fd);
    for (;;) {
        struct epoll_event events[EVENTS];
        int n = epoll_wait(epoll_fd, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.fd == listen_fd) {
                accept_all(epoll_fd, listen_fd);
            } else {
                serve(events[i].data.fd);
            }
        }
    }
}
