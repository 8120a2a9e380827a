#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arbiter/arbiter_int.h"
#include "test_arbiter_support.h"

static struct server s;

static void
put(const char *name, const char *text)
{
    char path[PATH_MAX];
    FILE *f = fopen(path_of(&s, name, path), "we");

    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
}

static void
expect(const char *name, const char *text)
{
    char path[PATH_MAX], got[128] = "";
    FILE *f = fopen(path_of(&s, name, path), "re");

    ck_assert_ptr_nonnull(f);
    ck_assert(fread(got, 1, sizeof(got) - 1, f) > 0 || text[0] == '\0');
    fclose(f);
    ck_assert_str_eq(got, text);
}

/* A number that no process has: that of a child which has been waited for. */
static pid_t
dead_pid(void)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    waitpid(pid, NULL, 0);
    return pid;
}

static const struct {
    const char *content; /* "%d" is replaced by `pid` */
    enum { DEAD, LIVE, OWN } pid;
    bool ok;
} contents[] = {
    {"", DEAD, true},
    {"\n", DEAD, true},
    {"hello\n", DEAD, true},
    {"%d\n", DEAD, true},
    {"%d\n", LIVE, false},
    {" %d ", LIVE, false},
    {"%d\n", OWN, true},
    {"-1\n", DEAD, true},
    {"0\n", DEAD, true},
    {"99999999999999999999999", DEAD, true},
    {"4294967297\n", DEAD, true},
    {"%d x\n", LIVE, true},
    {"1111111111111111111111111111111111111111111111111111111111111111111111", DEAD, true},
};

START_TEST(existing_content)
{
    pid_t pid = contents[_i].pid == DEAD   ? dead_pid()
                : contents[_i].pid == LIVE ? getppid()
                                           : getpid();
    char text[128], mine[32], path[PATH_MAX], wanted[PATH_MAX + 128], *full = NULL;
    struct gn_err err = {0};

    server_init(&s);
    snprintf(mine, sizeof(mine), "%d\n", (int)getpid());
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(text, sizeof(text), contents[_i].content, (int)pid);
#pragma GCC diagnostic pop
    put("pid", text);
    path_of(&s, "pid", path);
    ck_assert_int_eq(gn_arb_pidfile_create(path, getpid(), &full, &err), contents[_i].ok);
    if (contents[_i].ok) {
        ck_assert_str_eq(full, path);
        expect("pid", mine);
        gn_arb_pidfile_remove(&full, getpid());
        ck_assert(!exists(&s, "pid"));
    } else {
        snprintf(wanted, sizeof(wanted), "Already running on PID %d (or pid file '%s' is stale)",
                 (int)pid, path);
        ck_assert_str_eq(err.msg, wanted);
        ck_assert_ptr_null(full);
        expect("pid", text);
    }
    gn_err_clear(&err);
    server_fini(&s);
}
END_TEST

START_TEST(mode_and_relative_path)
{
    char path[PATH_MAX], cwd[PATH_MAX], *full = NULL;
    struct gn_err err = {0};
    struct stat st;
    mode_t old = umask(0077);

    server_init(&s);
    ck_assert_int_eq(chdir(s.dir), 0);
    ck_assert(gn_arb_pidfile_create("pid", getpid(), &full, &err));
    umask(old);
    ck_assert_int_eq(stat(path_of(&s, "pid", path), &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0644);
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_ptr_nonnull(getcwd(cwd, sizeof(cwd)));
    gn_arb_pidfile_remove(&full, getpid());
    ck_assert_ptr_null(full);
    ck_assert(!exists(&s, "pid"));
    server_fini(&s);
}
END_TEST

START_TEST(missing_directory)
{
    char path[PATH_MAX], wanted[PATH_MAX + 64], *full = NULL;
    struct gn_err err = {0};

    server_init(&s);
    ck_assert(!gn_arb_pidfile_create(path_of(&s, "none/pid", path), getpid(), &full, &err));
    snprintf(wanted, sizeof(wanted), "%s/none doesn't exist. Can't create pidfile.", s.dir);
    ck_assert_str_eq(err.msg, wanted);
    server_fini(&s);
}
END_TEST

START_TEST(not_ours_is_left)
{
    char path[PATH_MAX], *full = NULL;
    struct gn_err err = {0};

    server_init(&s);
    ck_assert(gn_arb_pidfile_create(path_of(&s, "pid", path), getpid(), &full, &err));
    put("pid", "1\n");
    gn_arb_pidfile_remove(&full, getpid());
    expect("pid", "1\n");
    gn_arb_pidfile_remove(&full, getpid());
    server_fini(&s);
}
END_TEST

START_TEST(second_server_is_refused)
{
    struct server other;
    char text[256];

    server_init(&s);
    server_init(&other);
    server_conf(&s, "bind='127.0.0.1:0'\npidfile='%D/pid'\n");
    snprintf(text, sizeof(text), "bind='127.0.0.1:0'\npidfile='%s/pid'\n", s.dir);
    server_conf(&other, text);
    server_start(&s);
    log_await(&s, "up: id 1", 1);
    snprintf(text, sizeof(text), "%d\n", (int)s.pid);
    expect("pid", text);
    server_start(&other);
    ck_assert_int_eq(server_status(&other), GN_EXIT_ERROR);
    expect("pid", text);
    log_await(&other, "Already running on PID", 1);
    server_fini(&other);
    server_signal(&s, SIGTERM);
    ck_assert_int_eq(server_status(&s), GN_EXIT_OK);
    ck_assert(!exists(&s, "pid"));
    server_fini(&s);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("pidfile");

    tcase_add_loop_test(tc, existing_content, 0, (int)GN_ARRAY_LEN(contents));
    tcase_add_test(tc, mode_and_relative_path);
    tcase_add_test(tc, missing_directory);
    tcase_add_test(tc, not_ours_is_left);
    tcase_add_test(tc, second_server_is_refused);
    return run_case("gn_arb_pidfile", tc);
}
