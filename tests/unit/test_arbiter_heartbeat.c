#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arbiter/arbiter_int.h"
#include "base/fd.h"
#include "test_arbiter_support.h"

static struct server s;
static pid_t pids[MAX_CHILDREN];

START_TEST(stuck_worker_is_named_and_replaced)
{
    char line[128];
    pid_t stuck;

    server_init(&s);
    server_conf(&s, "bind='127.0.0.1:0'\ntimeout=1\n");
    server_orders(&s, 0, "stuck");
    server_start(&s);
    children_await(&s, 1, pids);
    stuck = pids[0];
    server_orders(&s, 0, "serve");
    gone_await(&s, stuck);
    snprintf(line, sizeof(line),
             "[CRITICAL] WORKER TIMEOUT (pid:%d) of worker 1 in GET /stuck HTTP/1.1 from "
             "192.0.2.7, for ",
             (int)stuck);
    log_await(&s, line, 1);
    snprintf(line, sizeof(line), "[ERROR] Worker (pid:%d) exited with code 1.\n", (int)stuck);
    log_await(&s, line, 1);
    children_await(&s, 1, pids);
    ck_assert_int_ne(pids[0], stuck);
    ck_assert_int_eq(log_count(&s, "SIGKILL"), 0);
    server_signal(&s, SIGTERM);
    ck_assert_int_eq(server_status(&s), GN_EXIT_OK);
    server_fini(&s);
}
END_TEST

START_TEST(kill_comes_a_second_after_abort)
{
    char path[PATH_MAX];
    pid_t frozen;
    size_t n;
    char *text;

    server_init(&s);
    server_conf(&s, "bind='127.0.0.1:0'\ntimeout=1\n");
    server_orders(&s, 0, "frozen");
    server_start(&s);
    children_await(&s, 1, pids);
    frozen = pids[0];
    server_orders(&s, 0, "serve");
    gone_await(&s, frozen);
    log_order(&s, "WORKER TIMEOUT (pid:", "got ABRT");
    log_await(&s, "was sent SIGKILL! Perhaps out of memory?", 1);
    /* It was alive for a second after the signal; a little less by its own clock. */
    text = gn_fd_read_file(path_of(&s, "frozen", path), 100, &n);
    ck_assert_ptr_nonnull(text);
    ck_assert_int_ge(atoi(text), 600);
    free(text);
    children_await(&s, 1, pids);
    ck_assert_int_eq(log_count(&s, "WORKER TIMEOUT"), 1);
    server_signal(&s, SIGTERM);
    ck_assert_int_eq(server_status(&s), GN_EXIT_OK);
    server_fini(&s);
}
END_TEST

/* While the first worker boots, the second and its successor run into the time limit. */
START_TEST(booting_is_not_limited)
{
    server_init(&s);
    server_conf(&s, "bind='127.0.0.1:0'\nworkers=2\ntimeout=1\ngraceful_timeout=1\n");
    server_orders(&s, 1, "wait");
    server_orders(&s, 2, "stuck");
    server_orders(&s, 0, "stuck");
    server_start(&s);
    log_await(&s, "WORKER TIMEOUT", 3);
    server_orders(&s, 2, "serve");
    server_orders(&s, 0, "serve");
    touch(&s, "go");
    log_await(&s, "up: id 1 age 1 ", 1);
    children_await(&s, 2, pids);
    server_signal(&s, SIGTERM);
    ck_assert_int_eq(server_status(&s), GN_EXIT_OK);
    server_fini(&s);
}
END_TEST

/* The stuck one of two shows that the check was made; timeout 0 leaves it alone. */
START_TEST(zero_means_no_limit)
{
    server_init(&s);
    server_conf(&s, "bind='127.0.0.1:0'\ntimeout=0\n");
    server_orders(&s, 0, "stuck");
    server_start(&s);
    children_await(&s, 1, pids);
    server_orders(&s, 0, "serve");
    /* With a limit it replaces the worker at once: the beat is then older than that. */
    server_conf(&s, "bind='127.0.0.1:0'\ntimeout=1\ngraceful_timeout=2\n");
    server_signal(&s, SIGHUP);
    log_await(&s, "timeout: 0 -> 1", 1);
    log_await(&s, "was sent SIGKILL!", 1);
    ck_assert_int_eq(log_count(&s, "WORKER TIMEOUT"), 0);
    children_await(&s, 1, pids);
    server_signal(&s, SIGTERM);
    ck_assert_int_eq(server_status(&s), GN_EXIT_OK);
    server_fini(&s);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("heartbeat");

    tcase_add_test(tc, stuck_worker_is_named_and_replaced);
    tcase_add_test(tc, kill_comes_a_second_after_abort);
    tcase_add_test(tc, booting_is_not_limited);
    tcase_add_test(tc, zero_means_no_limit);
    return run_case("gn_arb_watch", tc);
}
