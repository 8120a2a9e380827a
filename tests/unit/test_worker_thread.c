/* The gthread worker without Python: a loop in a thread of its own, clients on loopback, and an
 * application that answers at once, slowly, or only when the test lets it. Nothing serializes the
 * application here, so the thread sanitizer sees more than it would with a lock of a language. */
#include <pthread.h>
#include <semaphore.h>
#include <time.h>

#include "test_worker_support.h"
#include "worker/thread.h"

enum { CLIENTS = 8, ROUNDS = 150 };

static const char ANSWER[] = "done\n";

static sem_t stuck_begun, stuck_may_end;

static void
application(struct gn_host *host GN_UNUSED, struct gn_worker *w GN_UNUSED, struct gn_conn *c)
{
    const char *why;

    if (gn_slice_eq(c->parser.head.path, GN_SLICE("/stuck"))) {
        sem_post(&stuck_begun);
        while (sem_wait(&stuck_may_end) != 0)
            continue;
    } else if (gn_slice_eq(c->parser.head.path, GN_SLICE("/slow"))) {
        struct timespec t = {.tv_nsec = 2 * GN_NS_PER_MS};

        nanosleep(&t, NULL);
    }
    if (!gn_resp_start(&c->resp, GN_SLICE("200 OK"), &why) ||
        !gn_resp_add(&c->resp, GN_SLICE("Content-Length"), GN_SLICE("5"), &why))
        abort();
    gn_resp_append(&c->resp, gn_slice(ANSWER, sizeof(ANSWER) - 1));
    gn_resp_end(&c->resp);
}

static void *
worker_thread(void *arg)
{
    return (void *)(intptr_t)gn_thread_run(arg);
}

struct server {
    struct bench b;
    pthread_t id;
};

static void
server_start(struct server *s, const char *threads)
{
    const char *const words[] = {"-k", "gthread", "--threads", threads, "--keep-alive", "60", NULL};
    static const struct gn_host_null_script script = {.handle_request = application};

    gn_host_null_play(&script);
    sem_init(&stuck_begun, 0, 0);
    sem_init(&stuck_may_end, 0, 0);
    bench_init_with(&s->b, words);
    s->b.worker.listeners = &s->b.listener;
    s->b.worker.n_listeners = 1;
    s->b.worker.max_requests = UINT64_MAX;
    ck_assert_int_eq(pthread_create(&s->id, NULL, worker_thread, &s->b.worker), 0);
}

static void
server_tell(struct server *s)
{
    atomic_store(&s->b.worker.is_alive, false);
    ck_assert_int_eq(write(s->b.worker.wake_fd[1], "", 1), 1);
}

static void
server_join(struct server *s)
{
    void *status;

    ck_assert_int_eq(pthread_join(s->id, &status), 0);
    ck_assert_int_eq((intptr_t)status, GN_EXIT_OK);
    bench_fini(&s->b);
}

static int
dial(const struct server *s)
{
    struct sockaddr_in sin = {.sin_family = AF_INET,
                              .sin_addr = {htonl(INADDR_LOOPBACK)},
                              .sin_port = htons((uint16_t)s->b.listener.addr.port)};
    struct timeval limit = {.tv_sec = WAIT_MS / 1000};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
    return fd;
}

static void
ask(int fd, const char *path)
{
    char text[128];
    int n = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", path);

    ck_assert_int_eq(send(fd, text, (size_t)n, MSG_NOSIGNAL), n);
}

/* One response is read; the client asks for the next one only then. */
static void
hear(int fd)
{
    char text[1024];
    size_t n = 0;

    for (;;) {
        ssize_t got = recv(fd, text + n, sizeof(text) - 1 - n, 0);

        ck_assert_int_gt(got, 0);
        n += (size_t)got;
        text[n] = '\0';
        if (n > 9 && strcmp(text + n - 9, "\r\n\r\ndone\n") == 0)
            break;
    }
    ck_assert_int_eq(strncmp(text, "HTTP/1.1 200 OK\r\n", 17), 0);
}

static bool
is_at_end(int fd)
{
    char byte;

    return recv(fd, &byte, 1, 0) == 0;
}

static const char *const thread_counts[] = {"1", "2", "4"};

START_TEST(many_clients)
{
    struct server s;
    int fds[CLIENTS];

    server_start(&s, thread_counts[_i]);
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = dial(&s);
    for (int round = 0; round < ROUNDS; round++) {
        /* Some rounds are slow, so that requests move to the pool and back. */
        for (int i = 0; i < CLIENTS; i++)
            ask(fds[i], round >= 20 && round < 30 ? "/slow" : "/quick");
        for (int i = 0; i < CLIENTS; i++)
            hear(fds[i]);
    }
    server_tell(&s);
    for (int i = 0; i < CLIENTS; i++) {
        ck_assert(is_at_end(fds[i]));
        close(fds[i]);
    }
    ck_assert_uint_eq(atomic_load(&s.b.slot.requests), CLIENTS * ROUNDS);
    server_join(&s);
}
END_TEST

START_TEST(stuck_request_holds_up_nobody)
{
    struct server s;
    int stuck, other;

    server_start(&s, thread_counts[1 + _i]);
    stuck = dial(&s);
    other = dial(&s);
    for (int round = 0; round < 5; round++) {
        ask(stuck, "/stuck");
        while (sem_wait(&stuck_begun) != 0)
            continue;
        for (int i = 0; i < 20; i++) {
            int fresh = dial(&s);

            ask(other, "/quick");
            ask(fresh, "/quick");
            hear(fresh);
            hear(other);
            close(fresh);
        }
        sem_post(&stuck_may_end);
        hear(stuck);
    }
    close(stuck);
    close(other);
    server_tell(&s);
    server_join(&s);
}
END_TEST

/* With one thread the next request waits, but the loop goes on: it closes who idles. */
START_TEST(stuck_request_while_leaving)
{
    struct server s;
    int stuck, idle;

    server_start(&s, thread_counts[_i]);
    stuck = dial(&s);
    idle = dial(&s);
    ask(idle, "/quick");
    hear(idle);
    ask(stuck, "/stuck");
    while (sem_wait(&stuck_begun) != 0)
        continue;
    server_tell(&s);
    ck_assert(is_at_end(idle));
    sem_post(&stuck_may_end);
    hear(stuck);
    ck_assert(is_at_end(stuck));
    close(stuck);
    close(idle);
    server_join(&s);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("gn_thread_run");
    TCase *tc = tcase_create("gn_thread_run");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, many_clients, 0, 3);
    tcase_add_loop_test(tc, stuck_request_holds_up_nobody, 0, 2);
    tcase_add_loop_test(tc, stuck_request_while_leaving, 0, 3);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
