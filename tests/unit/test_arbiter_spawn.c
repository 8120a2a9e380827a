#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arbiter/arbiter_int.h"
#include "arbiter/view.h"
#include "base/clock.h"
#include "test_arbiter_support.h"

static struct server s;
static pid_t pids[MAX_CHILDREN];

START_TEST(boots_with_the_known_texts)
{
    char line[128];

    server_init(&s);
    server_conf(&s, "bind+='127.0.0.1:0'\nbind+='unix:%D/a.sock'\nworkers=2\nloglevel='debug'\n"
                    "on_starting=@1\nwhen_ready=@1\npre_fork=@2\nnworkers_changed=@3\n");
    server_start(&s);
    children_await(&s, 2, pids);
    log_await(&s, "[DEBUG] 2 workers", 1);
    log_order(&s, "hook nworkers_changed 2 -1", "[INFO] Starting gunicorn 23.0.0\n");
    log_order(&s, "Starting gunicorn", "hook on_starting");
    log_order(&s, "hook on_starting", "[DEBUG] Arbiter booted\n");
    log_order(&s, "Arbiter booted", "[INFO] Listening at: http://127.0.0.1:");
    snprintf(line, sizeof(line), ",unix:%s/a.sock (%d)\n", s.dir, (int)s.pid);
    log_order(&s, line, "[INFO] Using worker: sync\n");
    log_order(&s, "Using worker", "hook when_ready");
    log_order(&s, "hook when_ready", "hook pre_fork");
    snprintf(line, sizeof(line), "[%d] [INFO] Booting worker with pid: %d\n", (int)pids[0],
             (int)pids[0]);
    log_order(&s, "hook pre_fork", line);
    ck_assert_int_eq(log_count(&s, "hook pre_fork"), 2);
    ck_assert_int_eq(log_count(&s, "listeners 2"), 2);
    server_signal(&s, SIGTERM);
    ck_assert_int_eq(server_status(&s), GN_EXIT_OK);
    server_fini(&s);
}
END_TEST

/* What the server object of hooks can do. */
static bool
changes_the_number(const char *name)
{
    struct gn_arbiter *arb = gn_host_null()->arbiter;
    struct gn_err err = {0};
    size_t n;

    if (strcmp(name, "when_ready") != 0)
        return true;
    return gn_arb_view_pid(arb) == getpid() && gn_arb_view_parent(arb) == 0 &&
           gn_arb_view_listeners(arb, &n) != NULL && n == 1 &&
           !gn_arb_view_set_num_workers(arb, -1, &err) &&
           !gn_arb_view_set_num_workers(arb, GN_ARB_MAX_WORKERS + 1, &err) &&
           gn_arb_view_set(arb, &gn_settings[GN_S_WORKERS], &gn_value_none, &err) == NULL &&
           gn_arb_view_num_workers(arb) == 1 && gn_arb_view_set_num_workers(arb, 3, &err) &&
           gn_arb_view_num_workers(arb) == 3;
}

START_TEST(hook_changes_the_number)
{
    server_init(&s);
    server_conf(&s, "bind='unix:%D/a.sock'\nwhen_ready=@1\nnworkers_changed=@3\n");
    hook_does = changes_the_number;
    server_start(&s);
    children_await(&s, 3, pids);
    ck_assert_int_eq(log_count(&s, "hook nworkers_changed 3 1"), 1);
    server_signal(&s, SIGTERM);
    ck_assert_int_eq(server_status(&s), GN_EXIT_OK);
    server_fini(&s);
}
END_TEST

/* The new value is in force for what comes after the hook. */
static bool
changes_a_setting(const char *name)
{
    static const struct gn_value two = {.tag = GN_V_INT, .i = 2};
    struct gn_arbiter *arb = gn_host_null()->arbiter;
    struct gn_err err = {0};

    if (strcmp(name, "on_starting") != 0)
        return true;
    return gn_arb_view_set(arb, &gn_settings[GN_S_DAEMON], &gn_value_true, &err) == NULL &&
           gn_arb_view_set(arb, &gn_settings[GN_S_WORKERS], &two, &err) != NULL &&
           gn_arb_view_frozen(arb)->cfg.workers == 2;
}

START_TEST(hook_changes_a_setting)
{
    server_init(&s);
    server_conf(&s, "bind='unix:%D/a.sock'\non_starting=@1\n");
    hook_does = changes_a_setting;
    server_start(&s);
    children_await(&s, 2, pids);
    server_signal(&s, SIGTERM);
    ck_assert_int_eq(server_status(&s), GN_EXIT_OK);
    server_fini(&s);
}
END_TEST

START_TEST(killed_worker_is_replaced)
{
    pid_t first;

    server_init(&s);
    server_start(&s);
    children_await(&s, 1, pids);
    first = pids[0];
    for (int age = 1; age <= 3; age++) {
        kill(pids[0], SIGKILL);
        gone_await(&s, pids[0]);
        children_await(&s, 1, pids);
    }
    ck_assert_int_ne(pids[0], first);
    /* The number stays, the age goes on. */
    log_await(&s, "up: id 1 age 4", 1);
    ck_assert_int_eq(log_count(&s, "was sent SIGKILL! Perhaps out of memory?"), 3);
    server_signal(&s, SIGTERM);
    ck_assert_int_eq(server_status(&s), GN_EXIT_OK);
    server_fini(&s);
}
END_TEST

START_TEST(ttin_and_ttou)
{
    pid_t oldest;

    server_init(&s);
    server_conf(&s, "bind='127.0.0.1:0'\nnworkers_changed=@3\n");
    server_start(&s);
    children_await(&s, 1, pids);
    oldest = pids[0];
    server_signal(&s, SIGTTIN);
    children_await(&s, 2, pids);
    log_await(&s, "hook nworkers_changed 2 1", 1);
    server_signal(&s, SIGTTIN);
    children_await(&s, 3, pids);
    log_await(&s, "up: id 3 age 3", 1);
    ck_assert_int_eq(log_count(&s, "Handling signal: ttin"), 2);
    server_signal(&s, SIGTTOU);
    gone_await(&s, oldest);
    children_await(&s, 2, pids);
    server_signal(&s, SIGTTOU);
    children_await(&s, 1, pids);
    /* The floor. */
    server_signal(&s, SIGTTOU);
    log_await(&s, "Handling signal: ttou", 3);
    server_signal(&s, SIGTTIN);
    children_await(&s, 2, pids);
    log_await(&s, "hook nworkers_changed 2 1", 2);
    ck_assert_int_eq(log_count(&s, "hook nworkers_changed 0"), 0);
    server_signal(&s, SIGTERM);
    ck_assert_int_eq(server_status(&s), GN_EXIT_OK);
    server_fini(&s);
}
END_TEST

START_TEST(a_deaf_worker_that_is_too_many_is_killed)
{
    server_init(&s);
    server_conf(&s, "bind='127.0.0.1:0'\nworkers=2\ngraceful_timeout=1\n");
    server_orders(&s, 0, "deaf");
    server_start(&s);
    children_await(&s, 2, pids);
    server_signal(&s, SIGTTOU);
    children_await(&s, 1, pids);
    log_await(&s, "was sent SIGKILL!", 1);
    server_signal(&s, SIGTERM);
    ck_assert_int_eq(server_status(&s), GN_EXIT_OK);
    server_fini(&s);
}
END_TEST

START_TEST(boot_storm_is_slowed_down)
{
    int64_t begin = gn_clock_mono_ns();
    int64_t least;

    server_init(&s);
    server_orders(&s, 0, "exit 9");
    server_start(&s);
    /* Delays of 0, 0.1, 0.2 and 0.4 seconds come before the fifth end. */
    log_await(&s, "exited with code 9.", 5);
    least = 700 * GN_NS_PER_MS;
    ck_assert_int_ge(gn_clock_mono_ns() - begin, least);
    server_orders(&s, 0, "serve");
    children_await(&s, 1, pids);
    server_signal(&s, SIGTERM);
    ck_assert_int_eq(server_status(&s), GN_EXIT_OK);
    server_fini(&s);
}
END_TEST

/* The same for those that come up and crash at once. */
START_TEST(crash_storm_is_slowed_down)
{
    int64_t begin = gn_clock_mono_ns();

    server_init(&s);
    server_orders(&s, 0, "segv");
    server_start(&s);
    log_await(&s, "was sent SIGSEGV!", 5);
    ck_assert_int_ge(gn_clock_mono_ns() - begin, 700 * GN_NS_PER_MS);
    server_orders(&s, 0, "serve");
    children_await(&s, 1, pids);
    server_signal(&s, SIGTERM);
    ck_assert_int_eq(server_status(&s), GN_EXIT_OK);
    server_fini(&s);
}
END_TEST

START_TEST(signals_are_heard_during_a_boot_storm)
{
    server_init(&s);
    server_orders(&s, 0, "exit 9");
    server_start(&s);
    log_await(&s, "exited with code 9.", 3);
    server_signal(&s, SIGTERM);
    ck_assert_int_eq(server_status(&s), GN_EXIT_OK);
    server_fini(&s);
}
END_TEST

static bool
pre_fork_fails(const char *name)
{
    return strcmp(name, "pre_fork") != 0 || !exists(&s, "fail");
}

START_TEST(pre_fork_that_raises_ends_the_server)
{
    server_init(&s);
    server_conf(&s, "bind='127.0.0.1:0'\npre_fork=@2\non_exit=@1\npidfile='%D/pid'\n");
    hook_does = pre_fork_fails;
    server_start(&s);
    children_await(&s, 1, pids);
    touch(&s, "fail");
    server_signal(&s, SIGTTIN);
    ck_assert_int_eq(server_status(&s), GN_EXIT_CRASH);
    gone_await(&s, pids[0]);
    ck_assert_int_eq(log_count(&s, "[ERROR] Unhandled exception in main loop"), 1);
    ck_assert_int_eq(log_count(&s, "Shutting down"), 0);
    ck_assert_int_eq(log_count(&s, "hook on_exit"), 0);
    ck_assert(!exists(&s, "pid"));
    server_fini(&s);
}
END_TEST

static bool
when_ready_fails(const char *name)
{
    return strcmp(name, "when_ready") != 0;
}

START_TEST(when_ready_that_raises_refuses_to_start)
{
    server_init(&s);
    server_conf(&s, "bind='unix:%D/a.sock'\nwhen_ready=@1\npidfile='%D/pid'\n");
    hook_does = when_ready_fails;
    server_start(&s);
    ck_assert_int_eq(server_status(&s), GN_EXIT_ERROR);
    ck_assert_int_eq(log_count(&s, "the hook when_ready raised"), 1);
    ck_assert_int_eq(log_count(&s, "Booting worker"), 0);
    ck_assert(!exists(&s, "pid"));
    ck_assert(!exists(&s, "a.sock"));
    server_fini(&s);
}
END_TEST

START_TEST(preloaded_application_that_is_broken)
{
    server_init(&s);
    server_conf(&s, "bind='127.0.0.1:0'\npreload_app=True\n");
    touch(&s, "broken");
    server_start(&s);
    ck_assert_int_eq(server_status(&s), GN_EXIT_ERROR);
    ck_assert_int_eq(log_count(&s, "Starting gunicorn"), 0);
    log_await(&s, "the application is broken", 1);
    server_fini(&s);
}
END_TEST

START_TEST(log_files_are_opened_anew)
{
    char from[PATH_MAX], to[PATH_MAX];

    server_init(&s);
    server_start(&s);
    children_await(&s, 1, pids);
    ck_assert_int_eq(rename(path_of(&s, "log", from), path_of(&s, "old", to)), 0);
    server_signal(&s, SIGUSR1);
    AWAIT(&s, exists(&s, "log"));
    server_signal(&s, SIGUSR2);
    log_await(&s, "[WARNING] The new master (pid:", 1);
    log_await(&s, "reopened by pid", 1);
    server_signal(&s, SIGTERM);
    ck_assert_int_eq(server_status(&s), GN_EXIT_OK);
    log_await(&s, "Shutting down: Master", 1);
    ck_assert_int_eq(log_count(&s, "Handling signal: usr1"), 0);
    server_fini(&s);
}
END_TEST

START_TEST(a_booting_worker_is_told_of_new_log_files_later)
{
    server_init(&s);
    server_orders(&s, 0, "wait");
    server_start(&s);
    log_await(&s, "Booting worker", 1);
    server_signal(&s, SIGUSR1);
    log_await(&s, "Handling signal: usr1", 1);
    touch(&s, "go");
    log_await(&s, "reopened by pid", 1);
    ck_assert_int_eq(log_count(&s, "Booting worker"), 1);
    server_signal(&s, SIGTERM);
    ck_assert_int_eq(server_status(&s), GN_EXIT_OK);
    server_fini(&s);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("spawn");

    tcase_add_test(tc, boots_with_the_known_texts);
    tcase_add_test(tc, hook_changes_the_number);
    tcase_add_test(tc, hook_changes_a_setting);
    tcase_add_test(tc, killed_worker_is_replaced);
    tcase_add_test(tc, ttin_and_ttou);
    tcase_add_test(tc, a_deaf_worker_that_is_too_many_is_killed);
    tcase_add_test(tc, boot_storm_is_slowed_down);
    tcase_add_test(tc, crash_storm_is_slowed_down);
    tcase_add_test(tc, signals_are_heard_during_a_boot_storm);
    tcase_add_test(tc, pre_fork_that_raises_ends_the_server);
    tcase_add_test(tc, when_ready_that_raises_refuses_to_start);
    tcase_add_test(tc, preloaded_application_that_is_broken);
    tcase_add_test(tc, log_files_are_opened_anew);
    tcase_add_test(tc, a_booting_worker_is_told_of_new_log_files_later);
    return run_case("gn_arb_manage", tc);
}
