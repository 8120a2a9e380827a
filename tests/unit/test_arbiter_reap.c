#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arbiter/arbiter_int.h"
#include "test_arbiter_support.h"

static struct server s;
static pid_t pids[MAX_CHILDREN];

static const struct {
    const char *orders;
    int status;
    const char *reason;
} halting[] = {
    {"exit 3", GN_EXIT_WORKER_BOOT, "[ERROR] Reason: Worker failed to boot.\n"},
    {"exit 4", GN_EXIT_APP_LOAD, "[ERROR] Reason: App failed to load.\n"},
};

START_TEST(failed_boot_ends_the_server)
{
    char line[64];

    server_init(&s);
    server_conf(&s, "bind='127.0.0.1:0'\nworkers=3\npidfile='%D/pid'\n");
    server_orders(&s, 0, halting[_i].orders);
    server_start(&s);
    ck_assert_int_eq(server_status(&s), halting[_i].status);
    snprintf(line, sizeof(line), ") exited with code %d.\n", halting[_i].status);
    log_order(&s, line, "[ERROR] Shutting down: Master\n");
    log_order(&s, "Shutting down: Master", halting[_i].reason);
    ck_assert(!exists(&s, "pid"));
    server_fini(&s);
}
END_TEST

/* The other workers end in order. */
START_TEST(one_of_several_fails_to_boot)
{
    server_init(&s);
    server_conf(&s, "bind='127.0.0.1:0'\nworkers=2\n");
    server_start(&s);
    children_await(&s, 2, pids);
    server_orders(&s, 0, "exit 3");
    server_signal(&s, SIGTTIN);
    ck_assert_int_eq(server_status(&s), GN_EXIT_WORKER_BOOT);
    ck_assert_int_eq(log_count(&s, "Worker exiting (pid:"), 2);
    ck_assert_int_eq(log_count(&s, "was sent SIG"), 0);
    server_fini(&s);
}
END_TEST

/* The name of the status doesn't make a worker that has served one that could not boot. */
static const struct {
    const char *orders;
    const char *text;
} late_ends[] = {
    {"late 3", "[ERROR] Worker (pid:%d) exited with code 3.\n"},
    {"late 4", "[ERROR] Worker (pid:%d) exited with code 4.\n"},
    {"late 7", "[ERROR] Worker (pid:%d) exited with code 7.\n"},
    {"late 0", NULL},
    {"segv", "[WARNING] Worker (pid:%d) was sent SIGSEGV!\n"},
};

START_TEST(end_of_a_booted_worker)
{
    char line[128];

    server_init(&s);
    server_orders(&s, 0, late_ends[_i].orders);
    server_start(&s);
    log_await(&s, "up: id 1 age 1", 1);
    server_orders(&s, 0, "serve");
    children_await(&s, 1, pids);
    if (late_ends[_i].text != NULL) {
        /* The first worker's number is in its own line. */
        char *text = server_log(&s);
        const char *up = strstr(text, "up: id 1 age 1 ");
        int pid = atoi(strstr(up, " pid ") + 5);

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(line, sizeof(line), late_ends[_i].text, pid);
#pragma GCC diagnostic pop
        free(text);
        log_await(&s, line, 1);
    } else {
        ck_assert_int_eq(log_count(&s, "exited with code"), 0);
    }
    server_signal(&s, SIGTERM);
    ck_assert_int_eq(server_status(&s), GN_EXIT_OK);
    server_fini(&s);
}
END_TEST

static const struct {
    int signo;
    const char *text;
} signals[] = {
    {SIGKILL, "[ERROR] Worker (pid:%d) was sent SIGKILL! Perhaps out of memory?\n"},
    {SIGHUP, "[WARNING] Worker (pid:%d) was sent SIGHUP!\n"},
    {SIGALRM, "[WARNING] Worker (pid:%d) was sent SIGALRM!\n"},
};

START_TEST(end_by_signal)
{
    char line[128];
    pid_t first;

    server_init(&s);
    server_start(&s);
    children_await(&s, 1, pids);
    first = pids[0];
    kill(first, signals[_i].signo);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(line, sizeof(line), signals[_i].text, (int)first);
#pragma GCC diagnostic pop
    log_await(&s, line, 1);
    gone_await(&s, first);
    children_await(&s, 1, pids);
    server_signal(&s, SIGTERM);
    ck_assert_int_eq(server_status(&s), GN_EXIT_OK);
    server_fini(&s);
}
END_TEST

/* A subprocess of a hook ends with the status that would halt the server, while the hook is not
 * waiting. The next hook gets that status. */
static bool
hook_with_subprocess(const char *name)
{
    static pid_t sub;
    int status;

    if (strcmp(name, "when_ready") == 0) {
        sub = fork();
        if (sub == 0)
            _exit(GN_EXIT_WORKER_BOOT);
        return true;
    }
    if (strcmp(name, "child_exit") == 0 && sub > 0) {
        bool ok = waitpid(sub, &status, 0) == sub && WIFEXITED(status) &&
                  WEXITSTATUS(status) == GN_EXIT_WORKER_BOOT;

        sub = 0;
        return ok;
    }
    return true;
}

START_TEST(children_of_hooks_are_theirs)
{
    server_init(&s);
    server_conf(&s, "bind='127.0.0.1:0'\nwhen_ready=@1\nchild_exit=@2\n");
    hook_does = hook_with_subprocess;
    server_start(&s);
    children_await(&s, 1, pids);
    kill(pids[0], SIGKILL);
    gone_await(&s, pids[0]);
    log_await(&s, "hook child_exit", 1);
    children_await(&s, 1, pids);
    server_signal(&s, SIGTERM);
    ck_assert_int_eq(server_status(&s), GN_EXIT_OK);
    ck_assert_int_eq(log_count(&s, "Unhandled exception"), 0);
    ck_assert_int_eq(log_count(&s, "hook child_exit"), 2);
    server_fini(&s);
}
END_TEST

static bool
child_exit_fails(const char *name)
{
    return strcmp(name, "child_exit") != 0;
}

START_TEST(child_exit_that_raises_ends_the_server)
{
    server_init(&s);
    server_conf(&s, "bind='127.0.0.1:0'\nworkers=2\nchild_exit=@2\n");
    hook_does = child_exit_fails;
    server_start(&s);
    children_await(&s, 2, pids);
    kill(pids[0], SIGKILL);
    ck_assert_int_eq(server_status(&s), GN_EXIT_CRASH);
    gone_await(&s, pids[1]);
    server_fini(&s);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("reap");

    tcase_add_loop_test(tc, failed_boot_ends_the_server, 0, (int)GN_ARRAY_LEN(halting));
    tcase_add_test(tc, one_of_several_fails_to_boot);
    tcase_add_loop_test(tc, end_of_a_booted_worker, 0, (int)GN_ARRAY_LEN(late_ends));
    tcase_add_loop_test(tc, end_by_signal, 0, (int)GN_ARRAY_LEN(signals));
    tcase_add_test(tc, children_of_hooks_are_theirs);
    tcase_add_test(tc, child_exit_that_raises_ends_the_server);
    return run_case("gn_arb_reap", tc);
}
