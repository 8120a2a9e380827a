#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arbiter/arbiter_int.h"
#include "base/clock.h"
#include "host/host_null.h"
#include "test_arbiter_support.h"

/* An arbiter that is nothing but its signals: no workers, no log, hooks not set. */
static struct gn_frozen frozen;
static struct gn_arb_gen gen = {.frozen = &frozen, .num_workers = 1};
static struct gn_arbiter arb;

static void
set_up(void)
{
    struct gn_err err = {0};

    gen.num_workers = 1;
    arb = (struct gn_arbiter){.host = gn_host_null(), .cur = &gen, .wake_fd = {-1, -1}};
    TAILQ_INIT(&arb.workers);
    ck_assert(gn_arb_sigpipe_open(&arb, &err));
}

START_TEST(every_ttin_counts)
{
    set_up();
    for (int i = 0; i < 7; i++)
        raise(SIGTTIN);
    for (int i = 0; i < 3; i++)
        raise(SIGTTOU);
    ck_assert(gn_arb_sigpipe_pending());
    gn_arb_sigpipe_dispatch(&arb);
    ck_assert_int_eq(gen.num_workers, 1 + 7 - 3);
    ck_assert(!gn_arb_sigpipe_pending());
    gn_arb_sigpipe_dispatch(&arb);
    ck_assert_int_eq(gen.num_workers, 5);
    gn_arb_sigpipe_close(&arb);
}
END_TEST

START_TEST(full_pipe_loses_nothing)
{
    set_up();
    /* More than any pipe holds by default. */
    for (int i = 0; i < 70000; i++)
        raise(SIGWINCH);
    raise(SIGTTIN);
    arb.wake_ns = gn_clock_mono_ns() + 60 * GN_NS_PER_S;
    gn_arb_sigpipe_wait(&arb);
    gn_arb_sigpipe_dispatch(&arb);
    ck_assert_int_eq(gen.num_workers, 2);
    gn_arb_sigpipe_close(&arb);
}
END_TEST

START_TEST(stop_goes_before_reload)
{
    set_up();
    gen.num_workers = 3;
    raise(SIGTTIN);
    raise(SIGHUP);
    raise(SIGTERM);
    gn_arb_sigpipe_dispatch(&arb);
    ck_assert(arb.stop.is_active);
    ck_assert_int_eq(arb.stop.status, GN_EXIT_OK);
    ck_assert_ptr_null(arb.next);
    ck_assert_int_eq(gen.num_workers, 3);
    gn_arb_sigpipe_close(&arb);
}
END_TEST

START_TEST(wait_ends_in_time_and_by_signal)
{
    int64_t begin;

    set_up();
    begin = gn_clock_mono_ns();
    arb.wake_ns = begin + 50 * GN_NS_PER_MS;
    gn_arb_sigpipe_wait(&arb);
    ck_assert_int_ge(gn_clock_mono_ns() - begin, 50 * GN_NS_PER_MS);
    arb.wake_ns = 0;
    gn_arb_sigpipe_wait(&arb);
    raise(SIGCHLD);
    begin = gn_clock_mono_ns();
    arb.wake_ns = begin + 60 * GN_NS_PER_S;
    gn_arb_sigpipe_wait(&arb);
    ck_assert_int_lt(gn_clock_mono_ns() - begin, 30 * GN_NS_PER_S);
    gn_arb_sigpipe_close(&arb);
}
END_TEST

START_TEST(errno_is_kept)
{
    set_up();
    gn_arb_sigpipe_close(&arb);
    set_up();
    /* The write into the full pipe fails. */
    for (int i = 0; i < 70000; i++)
        raise(SIGCHLD);
    errno = ENOTTY;
    raise(SIGCHLD);
    ck_assert_int_eq(errno, ENOTTY);
    gn_arb_sigpipe_close(&arb);
}
END_TEST

START_TEST(child_has_nothing_of_it)
{
    static const int signos[] = {SIGTERM, SIGINT,  SIGQUIT, SIGHUP,   SIGUSR1,
                                 SIGUSR2, SIGTTIN, SIGTTOU, SIGWINCH, SIGCHLD};
    struct sigaction sa;
    int fd;

    set_up();
    fd = arb.wake_fd[0];
    gn_arb_sigpipe_child(&arb);
    for (size_t i = 0; i < GN_ARRAY_LEN(signos); i++) {
        ck_assert_int_eq(sigaction(signos[i], NULL, &sa), 0);
        /* What would stop the process is caught, and not ignored: that would be inherited. */
        if (signos[i] == SIGTTIN || signos[i] == SIGTTOU)
            ck_assert(sa.sa_handler != SIG_DFL && sa.sa_handler != SIG_IGN);
        else
            ck_assert(sa.sa_handler == SIG_DFL);
    }
    raise(SIGTTIN);
    raise(SIGTTOU);
    ck_assert_int_eq(sigaction(SIGPIPE, NULL, &sa), 0);
    ck_assert(sa.sa_handler == SIG_IGN);
    ck_assert_int_eq(arb.wake_fd[0], -1);
    /* The end that wakes the master stays with the worker, and with nobody whom it starts. */
    ck_assert_int_eq(fcntl(arb.wake_fd[1], F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
}
END_TEST

START_TEST(storm)
{
    static const int signos[] = {SIGHUP, SIGTTIN, SIGUSR1, SIGTTOU, SIGCHLD, SIGWINCH, SIGUSR2};
    struct server s;
    pid_t pids[MAX_CHILDREN];

    server_init(&s);
    server_conf(&s, "bind='127.0.0.1:0'\nworkers=2\ngraceful_timeout=5\n");
    server_start(&s);
    children_await(&s, 2, pids);
    for (int i = 0; i < 700; i++)
        server_signal(&s, signos[(size_t)i % GN_ARRAY_LEN(signos)]);
    /* The number that the last reload or the last count asked for is not foretold; the server's
     * life is. */
    server_conf(&s, "bind='127.0.0.1:0'\nworkers=3\ngraceful_timeout=5\nproc_name='after'\n");
    server_signal(&s, SIGHUP);
    log_await(&s, "workers: 2 -> 3", 1);
    /* What waited beside it was acted on behind it: one more, by itself. */
    server_signal(&s, SIGHUP);
    children_await(&s, 3, pids);
    server_signal(&s, SIGTERM);
    ck_assert_int_eq(server_status(&s), GN_EXIT_OK);
    server_fini(&s);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("sigpipe");

    tcase_add_test(tc, every_ttin_counts);
    tcase_add_test(tc, full_pipe_loses_nothing);
    tcase_add_test(tc, stop_goes_before_reload);
    tcase_add_test(tc, wait_ends_in_time_and_by_signal);
    tcase_add_test(tc, errno_is_kept);
    tcase_add_test(tc, child_has_nothing_of_it);
    tcase_add_test(tc, storm);
    return run_case("gn_arb_sigpipe", tc);
}
