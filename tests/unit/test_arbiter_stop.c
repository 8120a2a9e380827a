#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arbiter/arbiter_int.h"
#include "base/clock.h"
#include "test_arbiter_support.h"

static struct server s;
static pid_t pids[MAX_CHILDREN];

START_TEST(term_is_graceful)
{
    server_init(&s);
    server_conf(&s, "bind='unix:%D/a.sock'\nworkers=2\npidfile='%D/pid'\non_exit=@1\n");
    server_start(&s);
    children_await(&s, 2, pids);
    ck_assert(exists(&s, "a.sock"));
    ck_assert(exists(&s, "pid"));
    server_signal(&s, SIGTERM);
    ck_assert_int_eq(server_status(&s), GN_EXIT_OK);
    log_order(&s, "[INFO] Handling signal: term\n", "Worker exiting (pid:");
    log_order(&s, "Worker exiting (pid:", "[INFO] Shutting down: Master\n");
    log_order(&s, "Shutting down: Master", "hook on_exit");
    ck_assert_int_eq(log_count(&s, "term drain 1"), 2);
    ck_assert_int_eq(log_count(&s, "was sent"), 0);
    ck_assert(!exists(&s, "a.sock"));
    ck_assert(!exists(&s, "pid"));
    server_fini(&s);
}
END_TEST

static const struct {
    int signo;
    const char *text;
} quick[] = {{SIGINT, "Handling signal: int\n"}, {SIGQUIT, "Handling signal: quit\n"}};

START_TEST(int_and_quit_are_quick)
{
    server_init(&s);
    server_conf(&s, "bind='127.0.0.1:0'\nworkers=2\n");
    server_start(&s);
    children_await(&s, 2, pids);
    server_signal(&s, quick[_i].signo);
    ck_assert_int_eq(server_status(&s), GN_EXIT_OK);
    log_order(&s, quick[_i].text, "quit drain 0");
    ck_assert_int_eq(log_count(&s, "quit drain 0"), 2);
    server_fini(&s);
}
END_TEST

START_TEST(deaf_workers_are_killed_in_the_end)
{
    int64_t begin;

    server_init(&s);
    server_conf(&s, "bind='127.0.0.1:0'\nworkers=2\ngraceful_timeout=1\n");
    server_orders(&s, 1, "deaf");
    server_start(&s);
    children_await(&s, 2, pids);
    begin = gn_clock_mono_ns();
    server_signal(&s, SIGTERM);
    ck_assert_int_eq(server_status(&s), GN_EXIT_OK);
    ck_assert_int_ge(gn_clock_mono_ns() - begin, GN_NS_PER_S);
    ck_assert_int_eq(log_count(&s, "was sent SIGKILL!"), 1);
    ck_assert_int_eq(log_count(&s, "Worker exiting (pid:"), 1);
    gone_await(&s, pids[0]);
    gone_await(&s, pids[1]);
    server_fini(&s);
}
END_TEST

START_TEST(second_signal_makes_it_quick)
{
    int64_t begin;

    server_init(&s);
    server_conf(&s, "bind='127.0.0.1:0'\ngraceful_timeout=1000\n");
    server_orders(&s, 0, "deaf");
    server_start(&s);
    children_await(&s, 1, pids);
    server_signal(&s, SIGTERM);
    log_await(&s, "Handling signal: term", 1);
    begin = gn_clock_mono_ns();
    server_signal(&s, SIGINT);
    log_await(&s, "[INFO] Quick shutdown requested\n", 1);
    /* The third changes nothing any more. */
    server_signal(&s, SIGQUIT);
    ck_assert_int_eq(server_status(&s), GN_EXIT_OK);
    ck_assert_int_ge(gn_clock_mono_ns() - begin, 2 * GN_NS_PER_S);
    ck_assert_int_eq(log_count(&s, "Quick shutdown requested"), 1);
    server_fini(&s);
}
END_TEST

START_TEST(other_signals_are_harmless_meanwhile)
{
    static const int signos[] = {SIGHUP, SIGTTIN, SIGTTOU, SIGTERM, SIGWINCH, SIGUSR1, SIGUSR2};

    server_init(&s);
    server_conf(&s, "bind='127.0.0.1:0'\ngraceful_timeout=1000\nnworkers_changed=@3\n");
    server_orders(&s, 0, "deaf");
    server_start(&s);
    children_await(&s, 1, pids);
    server_signal(&s, SIGTERM);
    log_await(&s, "Handling signal: term", 1);
    for (size_t i = 0; i < GN_ARRAY_LEN(signos); i++)
        server_signal(&s, signos[i]);
    log_await(&s, "Handling signal: winch", 1);
    kill(pids[0], SIGKILL);
    ck_assert_int_eq(server_status(&s), GN_EXIT_OK);
    ck_assert_int_eq(log_count(&s, "Hang up"), 0);
    ck_assert_int_eq(log_count(&s, "Booting worker"), 1);
    ck_assert_int_eq(log_count(&s, "hook nworkers_changed"), 1);
    server_fini(&s);
}
END_TEST

START_TEST(stop_while_workers_boot)
{
    server_init(&s);
    server_conf(&s, "bind='127.0.0.1:0'\nworkers=3\n");
    server_orders(&s, 0, "wait");
    server_start(&s);
    log_await(&s, "Booting worker", 3);
    server_signal(&s, SIGTERM);
    ck_assert_int_eq(server_status(&s), GN_EXIT_OK);
    server_fini(&s);
}
END_TEST

static bool
on_exit_fails(const char *name)
{
    return strcmp(name, "on_exit") != 0;
}

START_TEST(on_exit_that_raises)
{
    server_init(&s);
    server_conf(&s, "bind='127.0.0.1:0'\non_exit=@1\n");
    hook_does = on_exit_fails;
    server_start(&s);
    children_await(&s, 1, pids);
    server_signal(&s, SIGTERM);
    ck_assert_int_eq(server_status(&s), GN_EXIT_ERROR);
    log_order(&s, "Shutting down: Master", "the hook on_exit raised");
    server_fini(&s);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("stop");

    tcase_add_test(tc, term_is_graceful);
    tcase_add_loop_test(tc, int_and_quit_are_quick, 0, (int)GN_ARRAY_LEN(quick));
    tcase_add_test(tc, deaf_workers_are_killed_in_the_end);
    tcase_add_test(tc, second_signal_makes_it_quick);
    tcase_add_test(tc, other_signals_are_harmless_meanwhile);
    tcase_add_test(tc, stop_while_workers_boot);
    tcase_add_test(tc, on_exit_that_raises);
    return run_case("gn_arb_stop", tc);
}
