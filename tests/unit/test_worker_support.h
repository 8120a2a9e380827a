/* What the tests of src/worker share: a service made from real settings, a loopback listener, one
 * accepted connection and the client's end of it. Everything static; each program has its own copy.
 */
#ifndef TESTS_UNIT_WORKER_SUPPORT_H
#define TESTS_UNIT_WORKER_SUPPORT_H

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <check.h>

#include "base/fd.h"
#include "config/compile.h"
#include "host/host_null.h"
#include "log/log.h"
#include "worker/conn.h"

enum { WAIT_MS = 30000, SMALL_BUFFER = 4096 };

struct bench {
    struct gn_compiled compiled;
    struct gn_log *log;
    char log_path[64];
    struct gn_slot slot;
    struct gn_worker worker;
    struct gn_service service;
    struct gn_listener listener;
    struct gn_conn *c;
    int client;
};

static const struct gn_frozen *
bench_settings(struct gn_compiled *compiled, const char *const *words)
{
    static char *const no_env[] = {NULL};
    char *argv[16] = {(char *)(uintptr_t) "gunicorn", (char *)(uintptr_t) "app:app"};
    struct gn_inputs in = {.argc = 2, .argv = argv, .envp = no_env, .start_dir = "/"};
    struct gn_diags diags;

    for (; words != NULL && *words != NULL && in.argc < 15; words++)
        argv[in.argc++] = (char *)(uintptr_t)*words;
    gn_diags_init(&diags);
    if (!gn_compile(&in, gn_host_null(), &diags, compiled)) {
        gn_diags_print(&diags, "gunicorn", stderr);
        ck_abort_msg("the settings of the test are wrong");
    }
    gn_diags_fini(&diags);
    return compiled->frozen;
}

static void
bench_listen(struct gn_listener *l)
{
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(sin);

    l->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(l->fd, 0);
    ck_assert_int_eq(bind(l->fd, (struct sockaddr *)&sin, len), 0);
    ck_assert_int_eq(listen(l->fd, 16), 0);
    ck_assert_int_eq(getsockname(l->fd, (struct sockaddr *)&sin, &len), 0);
    l->addr.kind = GN_ADDR_INET;
    l->addr.port = ntohs(sin.sin_port);
}

static void GN_UNUSED
bench_init_with(struct bench *b, const char *const *words)
{
    struct gn_err err = {0};
    struct gn_log_options options = {.level = GN_DEBUG};
    int fd;

    memset(b, 0, sizeof(*b));
    signal(SIGPIPE, SIG_IGN);
    snprintf(b->log_path, sizeof(b->log_path), "%s/gn-worker-XXXXXX", P_tmpdir);
    fd = mkstemp(b->log_path);
    ck_assert_int_ge(fd, 0);
    close(fd);
    options.error_path = b->log_path;
    options.owner = geteuid();
    options.group = getegid();
    b->log = gn_log_open(&options, &err);
    ck_assert_ptr_nonnull(b->log);
    b->worker = (struct gn_worker){.slot = &b->slot,
                                   .frozen = bench_settings(&b->compiled, words),
                                   .log = b->log,
                                   .host = gn_host_null(),
                                   .pid = getpid(),
                                   .ppid = getppid(),
                                   .is_alive = true};
    ck_assert_int_eq(gn_fd_pipe(b->worker.wake_fd), 0);
    ck_assert(gn_service_init(&b->service, &b->worker, &err));
    bench_listen(&b->listener);
    b->client = -1;
}

static void GN_UNUSED
bench_init(struct bench *b)
{
    bench_init_with(b, NULL);
}

/* A client, accepted. Sizes above zero are asked for as buffers of both ends. */
static void GN_UNUSED
bench_connect(struct bench *b, int buffer_bytes)
{
    struct sockaddr_in sin = {.sin_family = AF_INET,
                              .sin_addr = {htonl(INADDR_LOOPBACK)},
                              .sin_port = htons((uint16_t)b->listener.addr.port)};
    struct pollfd p = {.fd = b->listener.fd, .events = POLLIN};
    int on = 1;

    b->client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(b->client, 0);
    if (buffer_bytes > 0)
        setsockopt(b->client, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof(buffer_bytes));
    setsockopt(b->client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    ck_assert_int_eq(connect(b->client, (struct sockaddr *)&sin, sizeof(sin)), 0);
    ck_assert_int_eq(poll(&p, 1, WAIT_MS), 1);
    b->c = gn_conn_accept(&b->service, &b->listener);
    ck_assert_ptr_nonnull(b->c);
    if (buffer_bytes > 0)
        setsockopt(b->c->fd, SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof(buffer_bytes));
}

static void GN_UNUSED
bench_disconnect(struct bench *b)
{
    if (b->c != NULL)
        gn_conn_free(b->c);
    b->c = NULL;
    gn_fd_close(&b->client);
}

static void GN_UNUSED
bench_fini(struct bench *b)
{
    bench_disconnect(b);
    gn_service_fini(&b->service);
    gn_fd_close(&b->worker.wake_fd[0]);
    gn_fd_close(&b->worker.wake_fd[1]);
    gn_fd_close(&b->listener.fd);
    gn_log_close(b->log);
    gn_frozen_unref(b->compiled.frozen);
    unlink(b->log_path);
}

static void GN_UNUSED
bench_send(struct bench *b, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(b->client, p, n, MSG_NOSIGNAL);

        ck_assert_int_gt(sent, 0);
        p += sent;
        n -= (size_t)sent;
    }
}

/* Until `n` bytes wait in the server's socket. */
static void GN_UNUSED
bench_await_bytes(struct bench *b, size_t n)
{
    char *sink = malloc(n + 1);
    ssize_t there = 0;

    ck_assert_ptr_nonnull(sink);
    while ((size_t)there < n) {
        struct pollfd p = {.fd = b->c->fd, .events = POLLIN};

        ck_assert_int_eq(poll(&p, 1, WAIT_MS), 1);
        there = recv(b->c->fd, sink, n, MSG_PEEK);
        ck_assert_int_gt(there, 0);
    }
    free(sink);
}

/* Sends, waits until all of it has come, lets the connection read. */
static enum gn_conn_event GN_UNUSED
bench_feed(struct bench *b, const char *p, size_t n)
{
    bench_send(b, p, n);
    bench_await_bytes(b, n);
    return gn_conn_read(b->c);
}

static enum gn_conn_event GN_UNUSED
bench_feed_str(struct bench *b, const char *text)
{
    return bench_feed(b, text, strlen(text));
}

/* The client has closed its side, and the server's kernel knows. */
static void GN_UNUSED
bench_client_ends(struct bench *b)
{
    struct pollfd p = {.fd = b->c->fd, .events = POLLRDHUP};

    ck_assert_int_eq(shutdown(b->client, SHUT_WR), 0);
    ck_assert_int_eq(poll(&p, 1, WAIT_MS), 1);
}

/* All that the client gets until the server closes; the server's end is closed here. */
static void GN_UNUSED
bench_receive_all(struct bench *b, struct gn_buf *out)
{
    ssize_t n;

    gn_conn_close(b->c);
    do {
        ck_assert(gn_buf_reserve(out, 65536));
        n = recv(b->client, out->data + out->end, 65536, 0);
        if (n > 0)
            out->end += (size_t)n;
    } while (n > 0);
}

static bool GN_UNUSED
bench_log_has(struct bench *b, const char *text)
{
    size_t n;
    char *log = gn_fd_read_file(b->log_path, 1 << 20, &n);
    bool found = log != NULL && strstr(log, text) != NULL;

    free(log);
    return found;
}

/* A reader in a thread of its own: the client that takes everything, in small pieces. */
struct taker {
    pthread_t id;
    int fd;
    struct gn_buf got;
};

static void *
taker_main(void *arg)
{
    struct taker *t = arg;
    ssize_t n;

    do {
        if (!gn_buf_reserve(&t->got, 1000))
            return NULL;
        n = recv(t->fd, t->got.data + t->got.end, 1000, 0);
        if (n > 0)
            t->got.end += (size_t)n;
    } while (n > 0);
    return NULL;
}

static void GN_UNUSED
taker_start(struct taker *t, int fd)
{
    memset(t, 0, sizeof(*t));
    t->fd = fd;
    ck_assert_int_eq(pthread_create(&t->id, NULL, taker_main, t), 0);
}

static void GN_UNUSED
taker_join(struct taker *t)
{
    ck_assert_int_eq(pthread_join(t->id, NULL), 0);
}

#define ck_assert_slice_eq(slice, text)                                                            \
    do {                                                                                           \
        struct gn_slice got_ = (slice);                                                            \
        ck_assert_msg(gn_slice_eq_str(got_, (text)), "\"%.*s\" instead of \"%s\"",                 \
                      GN_SLICE_ARG(got_), (text));                                                 \
    } while (0)

static int GN_UNUSED
bench_run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    int failed;

    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
