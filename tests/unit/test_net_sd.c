#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "net/sd.h"

enum { SELF = 4711 };

/* ---- LISTEN_FDS ---- */

static const struct {
    const char *env[3];
    int n;
} activations[] = {
    {{NULL}, 0},
    {{"LISTEN_FDS=2", NULL}, 0},
    {{"LISTEN_PID=4711", NULL}, 0},
    {{"LISTEN_PID=4711", "LISTEN_FDS=2", NULL}, 2},
    {{"LISTEN_PID=4711", "LISTEN_FDS=0", NULL}, 0},
    {{"LISTEN_PID=4712", "LISTEN_FDS=2", NULL}, 0},
    {{"LISTEN_PID=4711", "LISTEN_FDS=-1", NULL}, 0},
    {{"LISTEN_PID=4711", "LISTEN_FDS=99999", NULL}, 0},
    {{"LISTEN_PID=x", "LISTEN_FDS=1", NULL}, 0},
    {{"XLISTEN_PID=4711", "LISTEN_FDS=1", NULL}, 0},
};

START_TEST(listen_fds)
{
    /* The numbers may be in use by libcheck. */
    int kept[] = {fcntl(3, F_DUPFD_CLOEXEC, 100), fcntl(4, F_DUPFD_CLOEXEC, 100)};
    int n, flags[2];

    dup2(STDERR_FILENO, 3);
    dup2(STDERR_FILENO, 4);
    n = gn_sd_listen_fds((char *const *)activations[_i].env, SELF);
    for (int i = 0; i < 2; i++) {
        flags[i] = fcntl(3 + i, F_GETFD);
        close(3 + i);
        if (kept[i] >= 0)
            dup2(kept[i], 3 + i);
    }
    ck_assert_int_eq(n, activations[_i].n);
    ck_assert_int_eq(flags[0], n > 0 ? FD_CLOEXEC : 0);
    ck_assert_int_eq(flags[1], n > 1 ? FD_CLOEXEC : 0);
}
END_TEST

START_TEST(variables)
{
    static const char *const env[] = {"A=", "AB=1=2", "C", NULL};

    ck_assert_str_eq(gn_sd_env((char *const *)env, "A"), "");
    ck_assert_str_eq(gn_sd_env((char *const *)env, "AB"), "1=2");
    ck_assert_ptr_null(gn_sd_env((char *const *)env, "C"));
    ck_assert_ptr_null(gn_sd_env((char *const *)env, "B"));
}
END_TEST

/* ---- NOTIFY_SOCKET ---- */

static int
notify_listener(const char *name, bool is_abstract)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", name);
    if (is_abstract)
        sun.sun_path[0] = '\0';
    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&sun,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
                     0);
    return fd;
}

START_TEST(messages)
{
    char name[64], variable[96], got[64] = "", *env[] = {variable, NULL};
    bool is_abstract = _i == 1;
    struct gn_sd sd;
    int fd;

    snprintf(name, sizeof(name), is_abstract ? "@gn-sd-%d" : "/tmp/gn-sd-%d", (int)getpid());
    snprintf(variable, sizeof(variable), "NOTIFY_SOCKET=%s", name);
    fd = notify_listener(name, is_abstract);
    gn_sd_open(&sd, env, SELF);
    ck_assert_int_ge(sd.fd, 0);
    ck_assert_int_eq(sd.watchdog_ns, 0);
    gn_sd_notify(&sd, "READY=1\nSTATUS=%d workers", 4);
    ck_assert_int_gt(recv(fd, got, sizeof(got) - 1, 0), 0);
    ck_assert_str_eq(got, "READY=1\nSTATUS=4 workers");
    /* A reader that has fallen asleep stops nobody. */
    for (int i = 0; i < 10000; i++)
        gn_sd_notify(&sd, "STATUS=%d", i);
    gn_sd_close(&sd);
    ck_assert_int_eq(sd.fd, -1);
    gn_sd_notify(&sd, "READY=1");
    close(fd);
    if (!is_abstract)
        unlink(name);
}
END_TEST

static const char *const bad_sockets[] = {"", "relative", "@", "/no/such/socket", "/dev/null"};

START_TEST(nobody_listens)
{
    char variable[96], *env[] = {variable, NULL};
    struct gn_sd sd;

    snprintf(variable, sizeof(variable), "NOTIFY_SOCKET=%s", bad_sockets[_i]);
    gn_sd_open(&sd, env, SELF);
    ck_assert_int_eq(sd.fd, -1);
    gn_sd_notify(&sd, "READY=1");
    gn_sd_close(&sd);
}
END_TEST

static const struct {
    const char *usec, *pid;
    int64_t ns;
} watchdogs[] = {
    {"WATCHDOG_USEC=2000000", "WATCHDOG_PID=4711", 2 * GN_NS_PER_S},
    {"WATCHDOG_USEC=2000000", NULL, 2 * GN_NS_PER_S},
    {"WATCHDOG_USEC=2000000", "WATCHDOG_PID=4712", 0},
    {"WATCHDOG_USEC=x", NULL, 0},
    {"WATCHDOG_USEC=99999999999999999999", NULL, 0},
};

START_TEST(watchdog)
{
    char name[64], variable[96];
    char *env[] = {variable, (char *)(uintptr_t)watchdogs[_i].usec,
                   (char *)(uintptr_t)watchdogs[_i].pid, NULL};
    struct gn_sd sd;
    int fd;

    snprintf(name, sizeof(name), "@gn-sd-%d", (int)getpid());
    snprintf(variable, sizeof(variable), "NOTIFY_SOCKET=%s", name);
    fd = notify_listener(name, true);
    gn_sd_open(&sd, env, SELF);
    ck_assert_int_eq(sd.watchdog_ns, watchdogs[_i].ns);
    gn_sd_close(&sd);
    close(fd);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("gn_sd");
    TCase *tc = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, listen_fds, 0, GN_ARRAY_LEN(activations));
    tcase_add_test(tc, variables);
    tcase_add_loop_test(tc, messages, 0, 2);
    tcase_add_loop_test(tc, nobody_listens, 0, GN_ARRAY_LEN(bad_sockets));
    tcase_add_loop_test(tc, watchdog, 0, GN_ARRAY_LEN(watchdogs));
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
