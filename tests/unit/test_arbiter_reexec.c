#include <arpa/inet.h>
#include <check.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "arbiter/arbiter_int.h"

static struct gn_inputs inputs;
static struct gn_arbiter arb;

/* A listening socket of 127.0.0.1 with that number; returns its port. */
static int
listen_as(int number)
{
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(sin);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&sin, sizeof(sin)), 0);
    ck_assert_int_eq(listen(fd, 5), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&sin, &n), 0);
    if (fd != number) {
        ck_assert_int_eq(dup2(fd, number), number);
        close(fd);
    }
    return ntohs(sin.sin_port);
}

static void
init(char *const *envp)
{
    struct gn_err err = {0};

    memset(&arb, 0, sizeof(arb));
    inputs = (struct gn_inputs){.envp = envp};
    arb.inputs = &inputs;
    ck_assert_msg(gn_arb_reexec_init(&arb, &err), "%s", err.msg);
}

/* 70 and 71 listen, 72 is open and does not. %P is our parent. */
static const struct {
    const char *pid, *fds;
    bool has_parent, is_heir;
    size_t n_fds;
} rows[] = {
    {NULL, NULL, false, false, 0},         {NULL, "70", false, false, 0},
    {"%P", NULL, true, true, 0},           {"%P", "70", true, true, 1},
    {"%P", "70,71", true, true, 2},        {"%P", "70,72,73,71", true, true, 2},
    {"%P", ",,70,", true, true, 1},        {"%P", "x,-1, 70,99999999999", true, true, 0},
    {"1999999999", "70", false, true, 1}, /* the old master has ended already */
    {"1999999999", "", false, false, 0},  /* a leftover that somebody has passed on */
    {"1999999999", "72", false, false, 0}, {"0", "70", false, false, 0},
    {"-5", "70", false, false, 0},         {"x", "70", false, false, 0},
    {"", "70", false, false, 0},
};

START_TEST(environment)
{
    char pid[64], fds[64], *envp[3] = {NULL};
    size_t n = 0;

    listen_as(70);
    listen_as(71);
    ck_assert_int_eq(dup2(STDERR_FILENO, 72), 72);
    if (rows[_i].pid != NULL) {
        if (strcmp(rows[_i].pid, "%P") == 0)
            snprintf(pid, sizeof(pid), "GUNICORN_PID=%d", (int)getppid());
        else
            snprintf(pid, sizeof(pid), "GUNICORN_PID=%s", rows[_i].pid);
        envp[n++] = pid;
    }
    if (rows[_i].fds != NULL) {
        snprintf(fds, sizeof(fds), "GUNICORN_FD=%s", rows[_i].fds);
        envp[n++] = fds;
    }
    init(envp);
    ck_assert_int_eq(arb.reexec.parent, rows[_i].has_parent ? getppid() : 0);
    ck_assert_int_eq(arb.reexec.is_heir, rows[_i].is_heir);
    ck_assert_uint_eq(arb.reexec.n_fds, rows[_i].n_fds);
    ck_assert_int_eq(gn_arb_reexec_is_alone(&arb), !rows[_i].has_parent);
    gn_arb_reexec_fini(&arb);
}
END_TEST

START_TEST(sockets_go_to_their_addresses)
{
    char pid[64], *envp[] = {pid, (char[]){"GUNICORN_FD=70,71"}, NULL}, text[64];
    struct gn_addr first, second, any;
    int port[2] = {listen_as(70), listen_as(71)};

    snprintf(pid, sizeof(pid), "GUNICORN_PID=%d", (int)getppid());
    init(envp);
    snprintf(text, sizeof(text), "127.0.0.1:%d", port[1]);
    ck_assert(gn_addr_parse(text, &second, NULL));
    snprintf(text, sizeof(text), "127.0.0.1:%d", port[0] == 1 ? 2 : 1);
    ck_assert(gn_addr_parse(text, &first, NULL));
    ck_assert(gn_addr_parse("127.0.0.1:0", &any, NULL));
    ck_assert_int_eq(gn_arb_reexec_take(&arb, &first), -1);
    ck_assert_int_eq(gn_arb_reexec_take(&arb, &second), 71);
    ck_assert_int_eq(gn_arb_reexec_take(&arb, &second), -1);
    ck_assert_int_eq(fcntl(70, F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(gn_arb_reexec_take(&arb, &any), 70);
    gn_arb_reexec_fini(&arb);
    ck_assert_int_eq(fcntl(70, F_GETFD), FD_CLOEXEC); /* taken: open */
    close(70);
    close(71);
}
END_TEST

START_TEST(what_nobody_takes_is_closed)
{
    char pid[64], *envp[] = {pid, (char[]){"GUNICORN_FD=70"}, NULL};

    listen_as(70);
    snprintf(pid, sizeof(pid), "GUNICORN_PID=%d", (int)getppid());
    init(envp);
    gn_arb_reexec_fini(&arb);
    ck_assert_int_eq(fcntl(70, F_GETFD), -1);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("gn_arb_reexec");
    TCase *tc = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, environment, 0, GN_ARRAY_LEN(rows));
    tcase_add_test(tc, sockets_go_to_their_addresses);
    tcase_add_test(tc, what_nobody_takes_is_closed);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
