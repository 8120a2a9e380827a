#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "arbiter/arbiter_int.h"
#include "base/clock.h"

enum { WORKERS = 3 };

static struct gn_arbiter arb;
static struct gn_arb_gen cur, next;
static struct gn_arb_worker workers[WORKERS];
static int far_end;

static void
setup(void)
{
    int pair[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair), 0);
    far_end = pair[1];
    memset(&arb, 0, sizeof(arb));
    memset(workers, 0, sizeof(workers));
    TAILQ_INIT(&arb.workers);
    cur = (struct gn_arb_gen){.number = 1, .num_workers = 2};
    next = (struct gn_arb_gen){.number = 2, .num_workers = 2};
    arb.cur = &cur;
    arb.pid = 4711;
    arb.notify = (struct gn_arb_notify){.sd = {.fd = pair[0]}, .told_up = -1};
}

static void
teardown(void)
{
    gn_arb_notify_close(&arb);
    close(far_end);
}

/* One turn at that second; what was told in it, messages separated by '|'. */
static const char *
turn(double at_s)
{
    static char all[1024];
    ssize_t got;
    size_t n = 0;

    arb.wake_ns = INT64_MAX;
    gn_arb_notify_step(&arb, (int64_t)(at_s * 1e9));
    while ((got = recv(far_end, all + n, sizeof(all) - 2 - n, 0)) > 0) {
        n += (size_t)got;
        all[n++] = '|';
    }
    all[n] = '\0';
    return all;
}

static void
add_worker(int i, bool is_booted)
{
    workers[i].gen = 1;
    workers[i].is_booted = is_booted;
    TAILQ_INSERT_TAIL(&arb.workers, &workers[i], link);
}

#define READY(up) "READY=1\nMAINPID=4711\nSTATUS=Serving with " #up " of 2 workers|"
#define MORE_TIME "EXTEND_TIMEOUT_USEC=15000000\nSTATUS=Workers load the application|"

START_TEST(ready_when_a_worker_is_up)
{
    add_worker(0, false);
    ck_assert_str_eq(turn(1), MORE_TIME);
    ck_assert(arb.wake_ns < 2 * GN_NS_PER_S); /* looks again soon */
    ck_assert_str_eq(turn(2), "");
    ck_assert_str_eq(turn(6), MORE_TIME);
    workers[0].is_booted = true;
    ck_assert_str_eq(turn(7), READY(1));
    ck_assert_str_eq(turn(8), "");
    ck_assert_int_eq(arb.wake_ns, INT64_MAX); /* nothing is due */
    add_worker(1, true);
    ck_assert_str_eq(turn(9), "STATUS=Serving with 2 of 2 workers|");
}
END_TEST

START_TEST(more_time_is_not_asked_for_without_end)
{
    add_worker(0, false);
    ck_assert_str_eq(turn(599), MORE_TIME);
    ck_assert_str_eq(turn(601), "");
    workers[0].is_booted = true;
    ck_assert_str_eq(turn(602), READY(1));
}
END_TEST

START_TEST(ready_without_workers)
{
    cur.num_workers = 0;
    ck_assert_str_eq(turn(1), "READY=1\nMAINPID=4711\nSTATUS=Serving with 0 of 0 workers|");
}
END_TEST

START_TEST(watchdog_needs_a_worker)
{
    arb.notify.sd.watchdog_ns = 2 * GN_NS_PER_S;
    arb.notify.state = GN_ARB_READY;
    arb.notify.told_up = 0;
    ck_assert_str_eq(turn(10), "");
    add_worker(0, false);
    ck_assert_str_eq(turn(11), "WATCHDOG=1|");
    ck_assert_int_eq(arb.wake_ns, 12 * GN_NS_PER_S);
    ck_assert_str_eq(turn(11.5), "");
    ck_assert_str_eq(turn(12), "WATCHDOG=1|");
    workers[0].is_stopping = true;
    ck_assert_str_eq(turn(14), "");
    cur.num_workers = 0; /* as wanted */
    ck_assert_str_eq(turn(15), "WATCHDOG=1|");
}
END_TEST

START_TEST(reload_succeeds_or_fails)
{
    add_worker(0, true);
    ck_assert_str_eq(turn(1), READY(1));
    gn_arb_notify_reload(&arb);
    ck_assert_ptr_nonnull(strstr(turn(2), "READY=1")); /* given up within the turn */
    gn_arb_notify_reload(&arb);
    arb.next = &next;
    ck_assert_ptr_null(strstr(turn(3), "READY=1"));
    ck_assert_str_eq(turn(4), "");
    arb.next = NULL;
    ck_assert_str_eq(turn(5), "READY=1\nMAINPID=4711\nSTATUS=Reload failed, the old configuration "
                              "serves with 1 of 2 workers|");
    gn_arb_notify_reload(&arb);
    arb.cur = &next;
    workers[0].gen = 2;
    ck_assert_ptr_nonnull(strstr(turn(6), READY(1)));
}
END_TEST

START_TEST(stop)
{
    add_worker(0, true);
    turn(1);
    gn_arb_notify_stop(&arb);
    gn_arb_notify_stop(&arb);
    ck_assert_str_eq(turn(2), "STOPPING=1\nSTATUS=Shutting down|");
    workers[0].is_stopping = true;
    ck_assert_str_eq(turn(3), "");
}
END_TEST

START_TEST(heir_takes_the_service_over)
{
    add_worker(0, true);
    turn(1);
    arb.reexec.heir = 4712;
    gn_arb_notify_stop(&arb);
    ck_assert_str_eq(turn(2), "MAINPID=4712|");
}
END_TEST

START_TEST(silent_beside_the_old_master)
{
    add_worker(0, true);
    arb.reexec.parent = 4710;
    arb.notify.sd.watchdog_ns = 1;
    ck_assert_str_eq(turn(1), "");
    gn_arb_notify_reload(&arb);
    gn_arb_notify_stop(&arb);
    ck_assert_str_eq(turn(2), "");
    arb.reexec.parent = 0;
    ck_assert_str_eq(turn(3), "WATCHDOG=1|" READY(1));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("gn_arb_notify");
    TCase *tc = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, ready_when_a_worker_is_up);
    tcase_add_test(tc, more_time_is_not_asked_for_without_end);
    tcase_add_test(tc, ready_without_workers);
    tcase_add_test(tc, watchdog_needs_a_worker);
    tcase_add_test(tc, reload_succeeds_or_fails);
    tcase_add_test(tc, stop);
    tcase_add_test(tc, heir_takes_the_service_over);
    tcase_add_test(tc, silent_beside_the_old_master);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
