#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "arbiter/arbiter_int.h"
#include "base/fd.h"
#include "test_arbiter_support.h"

static struct server s;
static pid_t pids[MAX_CHILDREN], later[MAX_CHILDREN];

static bool
has(const pid_t *list, int n, pid_t pid)
{
    for (int i = 0; i < n; i++)
        if (list[i] == pid)
            return true;
    return false;
}

/* Waits for `n` workers, none of them among the `n_old` first of `pids`. */
static void
await_others(int n_old, int n)
{
    for (int i = 0; i < n_old; i++)
        gone_await(&s, pids[i]);
    children_await(&s, n, later);
    for (int i = 0; i < n; i++)
        ck_assert(!has(pids, n_old, later[i]));
}

static void
stop(void)
{
    server_signal(&s, SIGTERM);
    ck_assert_int_eq(server_status(&s), GN_EXIT_OK);
    ck_assert_int_eq(log_count(&s, "Perhaps out of memory"), 0);
    server_fini(&s);
}

static bool
can_connect(const char *name)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok;

    snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/%s", s.dir, name);
    ok = connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) == 0;
    gn_fd_close(&fd);
    return ok;
}

START_TEST(new_ones_boot_before_old_ones_end)
{
    server_init(&s);
    server_conf(&s, "bind='127.0.0.1:0'\nworkers=2\nnworkers_changed=@3\non_reload=@1\n"
                    "pre_fork=@2\n");
    server_start(&s);
    children_await(&s, 2, pids);
    server_conf(&s, "bind='127.0.0.1:0'\nworkers=3\nnworkers_changed=@3\non_reload=@1\n"
                    "pre_fork=@2\n");
    server_signal(&s, SIGHUP);
    await_others(2, 3);
    log_order(&s, "[INFO] Handling signal: hup\n", "[INFO] Hang up: Master\n");
    log_order(&s, "Hang up", "[INFO] workers: 2 -> 3 (conf.py:2:1)\n");
    log_order(&s, "workers: 2 -> 3", "hook nworkers_changed 3 2");
    log_order(&s, "hook nworkers_changed 3 2", "hook on_reload");
    log_order(&s, "hook on_reload", "up: id 3 age 3 ");
    log_order(&s, "up: id 3 age 3 ", "Worker exiting");
    log_order(&s, "up: id 5 age 5 ", "Worker exiting");
    ck_assert_int_eq(log_count(&s, "term drain 0"), 2);
    ck_assert_int_eq(log_count(&s, "hook on_reload"), 1);
    /* The address is the same one, nothing to announce. */
    ck_assert_int_eq(log_count(&s, "Listening at"), 1);
    stop();
}
END_TEST

START_TEST(ttin_is_forgotten)
{
    server_init(&s);
    server_start(&s);
    children_await(&s, 1, pids);
    server_signal(&s, SIGTTIN);
    children_await(&s, 2, pids);
    server_signal(&s, SIGHUP);
    await_others(2, 1);
    stop();
}
END_TEST

/* Each of these is refused, and everything stays as it was. */
static const char *const refused[] = {
    "bind='127.0.0.1:0'\nworkers='many'\n",
    "bind='127.0.0.1:99999'\nworkers=2\n",
    "bind='unix:%D/no/such/directory'\nworkers=2\n",
    "bind='127.0.0.1:0'\nworkers=5000\n",
    "bind='127.0.0.1:0'\nworker_class='nobody.knows:it'\n",
    "bind='127.0.0.1:0'\naccesslog='%D/no/such/directory'\n",
    "bind='127.0.0.1:0'\nchdir='%D/no/such/directory'\n",
};

START_TEST(refused_configuration)
{
    server_init(&s);
    server_conf(&s, "bind='127.0.0.1:0'\nworkers=2\n");
    server_start(&s);
    children_await(&s, 2, pids);
    server_conf(&s, refused[_i]);
    server_signal(&s, SIGHUP);
    log_await(&s, "the old configuration stays in force", 1);
    ck_assert_int_eq(server_children(&s, later), 2);
    ck_assert(has(later, 2, pids[0]) && has(later, 2, pids[1]));
    ck_assert_int_eq(log_count(&s, "Booting worker"), 2);
    /* The next one, that is right, works. */
    server_conf(&s, "bind='127.0.0.1:0'\nworkers=1\n");
    server_signal(&s, SIGHUP);
    await_others(2, 1);
    stop();
}
END_TEST

static const char *const broken[] = {"exit 3", "exit 4", "exit 9", "exit 0"};

START_TEST(new_generation_that_does_not_boot)
{
    server_init(&s);
    server_conf(&s, "bind='unix:%D/a.sock'\nworkers=2\nproc_name='old'\n");
    server_start(&s);
    children_await(&s, 2, pids);
    server_conf(&s, "bind='unix:%D/b.sock'\nworkers=3\nproc_name='new'\n");
    /* One that comes up and serves, one that waits, one that fails. */
    server_orders(&s, 0, "wait");
    server_orders(&s, 3, "serve");
    server_orders(&s, 4, broken[_i]);
    server_signal(&s, SIGHUP);
    log_await(&s, "[ERROR] Reload failed: a new worker did not boot.", 1);
    children_await(&s, 2, later);
    ck_assert(has(later, 2, pids[0]) && has(later, 2, pids[1]));
    ck_assert(can_connect("a.sock"));
    ck_assert(!exists(&s, "b.sock"));
    ck_assert_int_eq(log_count(&s, "Reload failed"), 1);
    /* An old worker that dies now is replaced with the old table, also when that does not boot
     * at first. */
    server_orders(&s, 0, "exit 3");
    server_orders(&s, 3, "exit 3");
    server_orders(&s, 1, "exit 3");
    server_orders(&s, 2, "exit 3");
    kill(pids[0], SIGKILL);
    log_await(&s, "exited with code 3.", 2);
    server_orders(&s, 1, "serve");
    server_orders(&s, 2, "serve");
    gone_await(&s, pids[0]);
    children_await(&s, 2, later);
    ck_assert(has(later, 2, pids[1]));
    /* A good one wins in the end. */
    for (int id = 0; id <= 4; id++)
        server_orders(&s, id, "serve");
    memcpy(pids, later, sizeof(pids));
    server_signal(&s, SIGHUP);
    await_others(2, 3);
    AWAIT(&s, can_connect("b.sock") && !exists(&s, "a.sock"));
    server_signal(&s, SIGTERM);
    ck_assert_int_eq(server_status(&s), GN_EXIT_OK);
    server_fini(&s);
}
END_TEST

START_TEST(boot_failure_after_a_good_reload_ends_the_server)
{
    server_init(&s);
    server_start(&s);
    children_await(&s, 1, pids);
    server_orders(&s, 0, "exit 3");
    server_signal(&s, SIGHUP);
    log_await(&s, "Reload failed", 1);
    server_orders(&s, 0, "serve");
    server_signal(&s, SIGHUP);
    await_others(1, 1);
    server_orders(&s, 0, "exit 3");
    kill(later[0], SIGKILL);
    ck_assert_int_eq(server_status(&s), GN_EXIT_WORKER_BOOT);
    server_fini(&s);
}
END_TEST

START_TEST(other_addresses)
{
    char line[PATH_MAX];

    server_init(&s);
    server_conf(&s, "bind+='unix:%D/a.sock'\nbind+='unix:%D/b.sock'\n");
    server_start(&s);
    children_await(&s, 1, pids);
    server_conf(&s, "bind+='unix:%D/c.sock'\nbind+='unix:%D/b.sock'\n");
    server_orders(&s, 0, "wait");
    server_signal(&s, SIGHUP);
    log_await(&s, "Booting worker", 2);
    /* Until the new worker is up, the old addresses answer. */
    ck_assert(can_connect("a.sock"));
    ck_assert(can_connect("b.sock"));
    ck_assert(can_connect("c.sock"));
    touch(&s, "go");
    await_others(1, 1);
    AWAIT(&s, !exists(&s, "a.sock"));
    ck_assert(can_connect("b.sock"));
    ck_assert(can_connect("c.sock"));
    snprintf(line, sizeof(line), "Listening at: unix:%s/c.sock,unix:%s/b.sock\n", s.dir, s.dir);
    log_await(&s, line, 1);
    /* What waited in the queue of the dropped one is answered by those who still have it. */
    log_await(&s, "term drain 1", 1);
    server_signal(&s, SIGTERM);
    ck_assert_int_eq(server_status(&s), GN_EXIT_OK);
    ck_assert(!exists(&s, "b.sock"));
    ck_assert(!exists(&s, "c.sock"));
    server_fini(&s);
}
END_TEST

START_TEST(pid_file_moves)
{
    server_init(&s);
    server_conf(&s, "bind='127.0.0.1:0'\npidfile='%D/a.pid'\n");
    server_start(&s);
    children_await(&s, 1, pids);
    server_signal(&s, SIGHUP);
    await_others(1, 1);
    ck_assert(exists(&s, "a.pid"));
    server_conf(&s, "bind='127.0.0.1:0'\npidfile='%D/b.pid'\n");
    server_signal(&s, SIGHUP);
    AWAIT(&s, exists(&s, "b.pid") && !exists(&s, "a.pid"));
    server_conf(&s, "bind='127.0.0.1:0'\n");
    server_signal(&s, SIGHUP);
    AWAIT(&s, !exists(&s, "b.pid"));
    stop();
}
END_TEST

START_TEST(a_newer_hup_wins)
{
    server_init(&s);
    server_start(&s);
    children_await(&s, 1, pids);
    server_orders(&s, 0, "wait");
    server_conf(&s, "bind='127.0.0.1:0'\nworkers=2\n");
    server_signal(&s, SIGHUP);
    log_await(&s, "Booting worker", 3);
    server_orders(&s, 0, "serve");
    server_conf(&s, "bind='127.0.0.1:0'\nworkers=3\n");
    server_signal(&s, SIGHUP);
    log_await(&s, "The reload under way is given up for a newer one", 1);
    await_others(1, 3);
    log_await(&s, "workers: 1 -> 3", 1);
    ck_assert_int_eq(log_count(&s, "Reload failed"), 0);
    stop();
}
END_TEST

START_TEST(other_signals_during_a_reload)
{
    server_init(&s);
    server_start(&s);
    children_await(&s, 1, pids);
    server_orders(&s, 0, "wait");
    server_signal(&s, SIGHUP);
    log_await(&s, "Booting worker", 2);
    server_signal(&s, SIGTTIN);
    log_await(&s, "Booting worker", 3);
    /* The old one is still served by; its successor comes with the old number. */
    server_orders(&s, 1, "serve");
    kill(pids[0], SIGALRM);
    gone_await(&s, pids[0]);
    log_await(&s, "up: id 1 age 4 ", 1);
    server_signal(&s, SIGTERM);
    ck_assert_int_eq(server_status(&s), GN_EXIT_OK);
    log_await(&s, "Worker exiting", 1);
    server_fini(&s);
}
END_TEST

START_TEST(preloaded_application_stays)
{
    server_init(&s);
    server_conf(&s, "bind='127.0.0.1:0'\npreload_app=True\n");
    server_start(&s);
    children_await(&s, 1, pids);
    server_signal(&s, SIGHUP);
    await_others(1, 1);
    log_await(&s, "[WARNING] The application was preloaded and is not imported again", 1);
    ck_assert_int_eq(log_count(&s, "application loaded in the master"), 1);
    stop();
}
END_TEST

START_TEST(settings_that_need_a_new_start_are_named)
{
    server_init(&s);
    server_start(&s);
    children_await(&s, 1, pids);
    server_conf(&s, "bind='127.0.0.1:0'\nenable_stdio_inheritance=True\n");
    server_signal(&s, SIGHUP);
    await_others(1, 1);
    log_await(&s, "[WARNING] enable_stdio_inheritance: takes effect only when", 1);
    stop();
}
END_TEST

static bool
on_reload_fails(const char *name)
{
    return strcmp(name, "on_reload") != 0;
}

START_TEST(on_reload_that_raises_ends_the_server)
{
    server_init(&s);
    server_conf(&s, "bind='unix:%D/a.sock'\non_reload=@1\n");
    hook_does = on_reload_fails;
    server_start(&s);
    children_await(&s, 1, pids);
    server_conf(&s, "bind='unix:%D/b.sock'\non_reload=@1\n");
    server_signal(&s, SIGHUP);
    ck_assert_int_eq(server_status(&s), GN_EXIT_CRASH);
    gone_await(&s, pids[0]);
    ck_assert(!exists(&s, "a.sock"));
    ck_assert(!exists(&s, "b.sock"));
    server_fini(&s);
}
END_TEST

START_TEST(hundred_hups)
{
    server_init(&s);
    server_conf(&s, "bind='unix:%D/a.sock'\nworkers=2\n");
    server_start(&s);
    children_await(&s, 2, pids);
    for (int i = 0; i < 100; i++) {
        server_signal(&s, SIGHUP);
        nap();
        ck_assert(can_connect("a.sock"));
    }
    await_others(2, 2);
    server_signal(&s, SIGTERM);
    ck_assert_int_eq(server_status(&s), GN_EXIT_OK);
    ck_assert_int_eq(log_count(&s, "Reload failed"), 0);
    server_fini(&s);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("reload");

    tcase_add_test(tc, new_ones_boot_before_old_ones_end);
    tcase_add_test(tc, ttin_is_forgotten);
    tcase_add_loop_test(tc, refused_configuration, 0, (int)GN_ARRAY_LEN(refused));
    tcase_add_loop_test(tc, new_generation_that_does_not_boot, 0, (int)GN_ARRAY_LEN(broken));
    tcase_add_test(tc, boot_failure_after_a_good_reload_ends_the_server);
    tcase_add_test(tc, other_addresses);
    tcase_add_test(tc, pid_file_moves);
    tcase_add_test(tc, a_newer_hup_wins);
    tcase_add_test(tc, other_signals_during_a_reload);
    tcase_add_test(tc, preloaded_application_stays);
    tcase_add_test(tc, settings_that_need_a_new_start_are_named);
    tcase_add_test(tc, on_reload_that_raises_ends_the_server);
    tcase_add_test(tc, hundred_hups);
    return run_case("gn_arb_reload", tc);
}
