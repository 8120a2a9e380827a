#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arbiter/arbiter_int.h"
#include "test_arbiter_support.h"

static struct server s;
static pid_t pids[MAX_CHILDREN];

static const char up[] = "up: id ";
static const char exiting[] = "Worker exiting (pid:";

/* How often `needle` stands before `end`. */
static int
count_before(const char *text, const char *end, const char *needle)
{
    int n = 0;

    for (const char *p = text; (p = strstr(p, needle)) != NULL && p < end; p++)
        n++;
    return n;
}

enum { WORKERS = 3 };

static const struct {
    const char *conf;
    int at_once;
} herds[] = {
    {"bind='127.0.0.1:0'\nworkers=3\n", 1},
    {"bind='127.0.0.1:0'\nworkers=3\nmax_unavailable=2\n", 2},
};

START_TEST(replaced_one_after_the_other)
{
    char *text;
    int k = 0;

    server_init(&s);
    server_conf(&s, herds[_i].conf);
    server_orders(&s, 0, "tired");
    server_start(&s);
    log_await(&s, "up: id 3 age 3", 1);
    server_orders(&s, 0, "serve");
    /* They ask for it only now, so that all successors serve on. */
    touch(&s, "go");
    log_await(&s, exiting, WORKERS);
    children_await(&s, WORKERS, pids);
    text = server_log(&s);
    for (const char *p = text; (p = strstr(p, exiting)) != NULL; p++) {
        k++;
        ck_assert_int_ge(count_before(text, p, up), WORKERS + k);
        ck_assert_int_le(count_before(text, p, "Booting worker"),
                         WORKERS + k - 1 + herds[_i].at_once);
    }
    free(text);
    ck_assert_int_eq(k, WORKERS);
    server_signal(&s, SIGTERM);
    ck_assert_int_eq(server_status(&s), GN_EXIT_OK);
    server_fini(&s);
}
END_TEST

START_TEST(zero_replaces_nobody)
{
    server_init(&s);
    server_conf(&s, "bind='127.0.0.1:0'\nmax_unavailable=0\n");
    server_orders(&s, 0, "tired");
    server_start(&s);
    log_await(&s, "up: id 1 age 1", 1);
    touch(&s, "go");
    log_await(&s, "asks to leave", 1);
    server_orders(&s, 0, "serve");
    /* A worker that is started later shows that the master has looked. */
    server_signal(&s, SIGTTIN);
    log_await(&s, "up: id 2 age 2", 1);
    children_await(&s, 2, pids);
    ck_assert_int_eq(log_count(&s, exiting), 0);
    server_signal(&s, SIGTERM);
    ck_assert_int_eq(server_status(&s), GN_EXIT_OK);
    server_fini(&s);
}
END_TEST

START_TEST(serves_until_the_replacement_does)
{
    server_init(&s);
    server_orders(&s, 0, "tired");
    server_start(&s);
    log_await(&s, "up: id 1 age 1", 1);
    server_orders(&s, 0, "exit 3");
    touch(&s, "go");
    /* Neither ends the server nor the worker. */
    log_await(&s, "exited with code 3.", 2);
    log_await(&s, "A new worker did not boot; those that serve stay", 2);
    ck_assert_int_eq(log_count(&s, exiting), 0);
    server_orders(&s, 0, "serve");
    log_await(&s, exiting, 1);
    log_order(&s, "up: id 2 ", exiting);
    children_await(&s, 1, pids);
    server_signal(&s, SIGTERM);
    ck_assert_int_eq(server_status(&s), GN_EXIT_OK);
    server_fini(&s);
}
END_TEST

START_TEST(reload_replaces_who_is_about_to_go)
{
    server_init(&s);
    server_orders(&s, 0, "tired");
    server_start(&s);
    log_await(&s, "up: id 1 age 1", 1);
    server_orders(&s, 0, "wait");
    touch(&s, "leave");
    log_await(&s, "Booting worker", 2);
    server_orders(&s, 0, "serve");
    server_signal(&s, SIGHUP);
    log_await(&s, exiting, 1);
    touch(&s, "go");
    children_await(&s, 1, pids);
    ck_assert_int_eq(log_count(&s, "WORKER TIMEOUT"), 0);
    server_signal(&s, SIGTERM);
    ck_assert_int_eq(server_status(&s), GN_EXIT_OK);
    server_fini(&s);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("recycle");

    tcase_add_loop_test(tc, replaced_one_after_the_other, 0, (int)GN_ARRAY_LEN(herds));
    tcase_add_test(tc, zero_replaces_nobody);
    tcase_add_test(tc, serves_until_the_replacement_does);
    tcase_add_test(tc, reload_replaces_who_is_about_to_go);
    return run_case("gn_arb_recycle", tc);
}
