#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/fd.h"
#include "log/log.h"

#define DATE "\\[[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} [+-][0-9]{4}\\]"

static char dir[64], error_path[128], access_path[128], moved_path[128];

static void
setup(void)
{
    snprintf(dir, sizeof(dir), "%s", "/tmp/gn-log-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(error_path, sizeof(error_path), "%s/error.log", dir);
    snprintf(access_path, sizeof(access_path), "%s/access.log", dir);
    snprintf(moved_path, sizeof(moved_path), "%s/error.log.1", dir);
}

static void
teardown(void)
{
    unlink(error_path);
    unlink(access_path);
    unlink(moved_path);
    rmdir(dir);
}

static struct gn_log_options
both_files(void)
{
    return (struct gn_log_options){.error_path = error_path,
                                   .access_path = access_path,
                                   .level = GN_INFO,
                                   .owner = geteuid(),
                                   .group = getegid()};
}

static struct gn_log *
must_open(const struct gn_log_options *options)
{
    struct gn_err err = {0};
    struct gn_log *lg = gn_log_open(options, &err);

    ck_assert_msg(lg != NULL, "%s", err.msg);
    return lg;
}

static char *
contents(const char *path)
{
    size_t n;
    char *text = gn_fd_read_file(path, 1 << 20, &n);

    ck_assert_msg(text != NULL, "%s", path);
    return text;
}

static void
check_contents(const char *path, const char *want)
{
    char *text = contents(path);

    ck_assert_str_eq(text, want);
    free(text);
}

static void
check_matches(const char *path, const char *pattern)
{
    char *text = contents(path);
    regex_t re;

    ck_assert_int_eq(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
    ck_assert_msg(regexec(&re, text, 0, NULL, 0) == 0, "[%s] is not like [%s]", text, pattern);
    regfree(&re);
    free(text);
}

static const struct {
    const char *name;
    enum gn_level level;
} levels[] = {
    {"debug", GN_DEBUG},       {"info", GN_INFO},         {"warning", GN_WARN},
    {"error", GN_LERROR},      {"critical", GN_CRITICAL}, {"DEBUG", GN_DEBUG},
    {"Critical", GN_CRITICAL}, {"verbose", GN_INFO},      {"", GN_INFO},
    {"debugger", GN_INFO},     {NULL, GN_INFO},
};

START_TEST(level_parse)
{
    ck_assert_int_eq(gn_level_parse(levels[_i].name), levels[_i].level);
}
END_TEST

START_TEST(lines)
{
    struct gn_log_options o = both_files();
    struct gn_log *lg = must_open(&o);
    char pattern[512];
    int evaluated = 0;

    errno = ENOENT;
    gn_log(lg, GN_INFO, "Booting worker with pid: %d", 7);
    gn_log(lg, GN_WARN, "a\nb\tc\x1b\x7f\xc3\xa9\xff");
    gn_log(lg, GN_LERROR, "e");
    gn_log(lg, GN_CRITICAL, "%s", "");
    gn_log(lg, GN_DEBUG, "not %d", ++evaluated);
    ck_assert_int_eq(errno, ENOENT);
    ck_assert_int_eq(evaluated, 0);
    ck_assert(!gn_log_wants(lg, GN_DEBUG));
    ck_assert(!gn_log_wants(NULL, GN_CRITICAL));
    gn_log_line(NULL, GN_CRITICAL, "nowhere");
    snprintf(pattern, sizeof(pattern),
             "^%s \\[%d\\] \\[INFO\\] Booting worker with pid: 7\n"
             "%s \\[%d\\] \\[WARNING\\] a\\\\x0ab\tc\\\\x1b\\\\x7f\xc3\xa9\\\\xff\n"
             "%s \\[%d\\] \\[ERROR\\] e\n%s \\[%d\\] \\[CRITICAL\\] \n$",
             DATE, getpid(), DATE, getpid(), DATE, getpid(), DATE, getpid());
    check_matches(error_path, pattern);
    gn_log_close(lg);
    gn_log_close(NULL);
}
END_TEST

START_TEST(debug_level)
{
    struct gn_log_options o = both_files();
    struct gn_log *lg;

    o.level = GN_DEBUG;
    lg = must_open(&o);
    gn_log(lg, GN_DEBUG, "Arbiter booted");
    check_matches(error_path, "^" DATE " \\[[0-9]+\\] \\[DEBUG\\] Arbiter booted\n$");
    gn_log_close(lg);
}
END_TEST

START_TEST(text_of_users)
{
    struct gn_log_options o = both_files();
    struct gn_log *lg = must_open(&o);

    gn_log_text(lg, GN_WARN, GN_SLICE("two\nlines \xc3\xa9"));
    gn_log_text(lg, GN_DEBUG, GN_SLICE("not wanted"));
    gn_log_text(NULL, GN_CRITICAL, GN_SLICE("nowhere"));
    ck_assert_int_eq(gn_log_level(lg), GN_INFO);
    check_matches(error_path, "^" DATE " \\[[0-9]+\\] \\[WARNING\\] two\nlines \xc3\xa9\n$");
    gn_log_close(lg);
}
END_TEST

START_TEST(raw_and_access)
{
    struct gn_log_options o = both_files();
    struct gn_log *lg = must_open(&o);

    gn_log_raw(lg, GN_SLICE("Traceback:\n  x\n"));
    gn_log_raw(NULL, GN_SLICE("x"));
    gn_log_access_write(lg, GN_SLICE("GET /"));
    gn_log_access_write(lg, gn_slice(NULL, 0));
    gn_log_access_write(NULL, GN_SLICE("x"));
    check_contents(error_path, "Traceback:\n  x\n");
    check_contents(access_path, "GET /\n\n");
    ck_assert_int_ne(fcntl(gn_log_error_fd(lg), F_GETFD) & FD_CLOEXEC, 0);
    ck_assert_int_ne(fcntl(gn_log_access_fd(lg), F_GETFD) & FD_CLOEXEC, 0);
    ck_assert_int_ne(fcntl(gn_log_error_fd(lg), F_GETFL) & O_APPEND, 0);
    gn_log_close(lg);
}
END_TEST

START_TEST(standard_streams)
{
    struct gn_log_options o = {.error_path = "-", .level = GN_INFO};
    struct gn_log *lg = must_open(&o);

    ck_assert_int_eq(gn_log_error_fd(lg), 2);
    ck_assert_int_eq(gn_log_access_fd(lg), -1);
    gn_log_access_write(lg, GN_SLICE("nowhere"));
    o.error_path = NULL;
    o.access_path = "-";
    ck_assert(gn_log_reconfigure(lg, &o, NULL));
    ck_assert_int_eq(gn_log_error_fd(lg), 2);
    ck_assert_int_eq(gn_log_access_fd(lg), 1);
    ck_assert(gn_log_reopen(lg, NULL));
    gn_log_close(lg);
    ck_assert_int_ge(fcntl(1, F_GETFD), 0);
    ck_assert_int_ge(fcntl(2, F_GETFD), 0);
}
END_TEST

START_TEST(error_values)
{
    struct gn_log_options o = both_files();
    struct gn_log *lg = must_open(&o);
    struct gn_err err = {0};

    gn_err_set(&err, GN_E_IO, ENOENT, "can't open 'x'");
    gn_log_err(lg, GN_LERROR, "Reload failed", &err);
    gn_log_err(lg, GN_LERROR, NULL, &err);
    gn_log_err(lg, GN_WARN, "Exception during worker exit:", &err);
    err.detail = strdup("Traceback:\n  y");
    gn_log_err(lg, GN_LERROR, "Exception in worker process", &err);
    gn_log_err(lg, GN_WARN, "Exception during worker exit:", &err);
    gn_log_err(lg, GN_DEBUG, "unwanted", &err);
    check_matches(error_path,
                  "^[^\n]* \\[ERROR\\] Reload failed: can't open 'x': No such file or directory\n"
                  "[^\n]* \\[ERROR\\] can't open 'x': No such file or directory\n"
                  "[^\n]* \\[WARNING\\] Exception during worker exit: can't open 'x': No such file "
                  "or directory\n"
                  "[^\n]* \\[ERROR\\] Exception in worker process\nTraceback:\n  y\n"
                  "[^\n]* \\[WARNING\\] Exception during worker exit:\nTraceback:\n  y\n$");
    gn_err_clear(&err);
    gn_log_close(lg);
}
END_TEST

START_TEST(open_failures_name_the_file)
{
    struct gn_log_options o = both_files();
    struct gn_err err = {0};
    char text[600];

    o.error_path = "/nonexistent/error.log";
    ck_assert_ptr_null(gn_log_open(&o, &err));
    ck_assert_str_eq(gn_err_text(&err, text, sizeof(text)),
                     "can't open log file '/nonexistent/error.log': No such file or directory");
    o = both_files();
    o.access_path = dir;
    ck_assert_ptr_null(gn_log_open(&o, &err));
    ck_assert_ptr_nonnull(strstr(err.msg, dir));
    ck_assert_int_eq(err.sys, EISDIR);
}
END_TEST

START_TEST(reopen_follows_the_name)
{
    struct gn_log_options o = both_files();
    struct gn_log *lg = must_open(&o);
    int fd = gn_log_error_fd(lg);

    gn_log_raw(lg, GN_SLICE("old\n"));
    ck_assert_int_eq(rename(error_path, moved_path), 0);
    gn_log_raw(lg, GN_SLICE("still old\n"));
    ck_assert(gn_log_reopen(lg, NULL));
    gn_log_raw(lg, GN_SLICE("new\n"));
    check_contents(moved_path, "old\nstill old\n");
    check_contents(error_path, "new\n");
    ck_assert_int_eq(gn_log_error_fd(lg), fd);
    ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
    gn_log_close(lg);
}
END_TEST

START_TEST(reopen_failure_keeps_the_old_files)
{
    struct gn_log_options o = both_files();
    struct gn_log *lg = must_open(&o);
    struct gn_err err = {0};

    gn_log_raw(lg, GN_SLICE("one\n"));
    ck_assert_int_eq(rename(error_path, moved_path), 0);
    ck_assert_int_eq(unlink(access_path), 0);
    ck_assert_int_eq(mkdir(access_path, 0700), 0);
    ck_assert(!gn_log_reopen(lg, &err));
    ck_assert_ptr_nonnull(strstr(err.msg, access_path));
    gn_log_raw(lg, GN_SLICE("two\n"));
    check_contents(moved_path, "one\ntwo\n");
    ck_assert_int_eq(rmdir(access_path), 0);
    gn_log_close(lg);
}
END_TEST

START_TEST(reconfigure)
{
    struct gn_log_options o = both_files(), bad = both_files();
    struct gn_log *lg = must_open(&o);
    struct gn_err err = {0};

    bad.error_path = "/nonexistent/error.log";
    bad.level = GN_DEBUG;
    ck_assert(!gn_log_reconfigure(lg, &bad, &err));
    ck_assert(!gn_log_wants(lg, GN_DEBUG));
    gn_log_raw(lg, GN_SLICE("kept\n"));
    o.error_path = moved_path;
    o.access_path = NULL;
    o.level = GN_DEBUG;
    ck_assert(gn_log_reconfigure(lg, &o, &err));
    ck_assert(gn_log_wants(lg, GN_DEBUG));
    ck_assert_int_eq(gn_log_access_fd(lg), -1);
    gn_log_raw(lg, GN_SLICE("other\n"));
    check_contents(error_path, "kept\n");
    check_contents(moved_path, "other\n");
    gn_log_close(lg);
}
END_TEST

START_TEST(pid_after_fork)
{
    struct gn_log_options o = both_files();
    struct gn_log *lg = must_open(&o);
    char pattern[256];
    pid_t child;
    int status;

    child = fork();
    if (child == 0) {
        gn_log_after_fork(lg);
        gn_log(lg, GN_INFO, "child");
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    gn_log(lg, GN_INFO, "parent");
    snprintf(pattern, sizeof(pattern), "\\[%d\\] \\[INFO\\] child\n.*\\[%d\\] \\[INFO\\] parent\n$",
             child, getpid());
    check_matches(error_path, pattern);
    gn_log_close(lg);
}
END_TEST

static void
run_captured(void)
{
    struct gn_log_options o = both_files();
    struct gn_log *lg;

    o.capture_output = true;
    lg = gn_log_open(&o, NULL);
    if (lg == NULL || gn_fd_write_all(1, "out\n", 4) != 0 || gn_fd_write_all(2, "err\n", 4) != 0)
        _exit(1);
    if (rename(error_path, moved_path) != 0 || !gn_log_reopen(lg, NULL))
        _exit(2);
    _exit(gn_fd_write_all(1, "again\n", 6) == 0 ? 0 : 3);
}

START_TEST(capture_output)
{
    pid_t child = fork();
    int status;

    if (child == 0)
        run_captured();
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    check_contents(moved_path, "out\nerr\n");
    check_contents(error_path, "again\n");
}
END_TEST

START_TEST(files_belong_to_the_user)
{
    struct gn_log_options o = both_files();
    struct gn_log *lg;
    struct stat st;

    if (geteuid() != 0)
        return;
    o.owner = 65534;
    o.group = 65533;
    lg = must_open(&o);
    ck_assert_int_eq(stat(error_path, &st), 0);
    ck_assert_uint_eq(st.st_uid, 65534);
    ck_assert_uint_eq(st.st_gid, 65533);
    ck_assert_int_eq(unlink(access_path), 0);
    ck_assert(gn_log_reopen(lg, NULL));
    ck_assert_int_eq(stat(access_path, &st), 0);
    ck_assert_uint_eq(st.st_uid, 65534);
    o.error_path = "/dev/null";
    ck_assert(gn_log_reconfigure(lg, &o, NULL));
    ck_assert_int_eq(stat("/dev/null", &st), 0);
    ck_assert_uint_eq(st.st_uid, 0);
    gn_log_close(lg);
}
END_TEST

START_TEST(write_errors_are_swallowed)
{
    struct gn_log_options o = {.error_path = "/dev/full",
                               .access_path = "/dev/full",
                               .level = GN_INFO,
                               .owner = geteuid(),
                               .group = getegid()};
    struct gn_log *lg = must_open(&o);

    errno = 0;
    gn_log(lg, GN_INFO, "lost");
    gn_log_access_write(lg, GN_SLICE("lost"));
    ck_assert_int_eq(errno, 0);
    gn_log_close(lg);
}
END_TEST

/* A pipe that nobody empties does not block the server: what fits is written. */
START_TEST(full_pipes)
{
    struct gn_log_options o = both_files();
    static char big[300000];
    size_t got = 0;
    struct gn_log *lg;
    char part[4096];
    int fds[2];
    ssize_t n;

    ck_assert_int_eq(gn_fd_pipe(fds), 0);
    memset(big, 'x', sizeof(big));
    lg = must_open(&o);
    ck_assert_int_eq(dup2(fds[1], gn_log_error_fd(lg)), gn_log_error_fd(lg));
    gn_log_raw(lg, gn_slice(big, sizeof(big)));
    while ((n = gn_fd_read(fds[0], part, sizeof(part))) > 0)
        got += (size_t)n;
    ck_assert_uint_gt(got, 0);
    ck_assert_uint_lt(got, sizeof(big));
    gn_fd_close(&fds[0]);
    signal(SIGPIPE, SIG_IGN);
    gn_log_raw(lg, GN_SLICE("nobody reads"));
    gn_fd_close(&fds[1]);
    gn_log_close(lg);
}
END_TEST

/* Many processes, one file: no line is torn. */
START_TEST(lines_stay_whole)
{
    struct gn_log_options o = both_files();
    struct gn_log *lg = must_open(&o);
    size_t seen = 0;
    char *text, *line, *save = NULL;

    for (int i = 0; i < 4; i++) {
        if (fork() == 0) {
            gn_log_after_fork(lg);
            for (int k = 0; k < 500; k++)
                gn_log(lg, GN_INFO, "start %0200d end", k);
            _exit(0);
        }
    }
    while (wait(NULL) > 0)
        continue;
    text = contents(error_path);
    for (line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
        ck_assert_ptr_nonnull(strstr(line, "] start 0"));
        ck_assert_str_eq(line + strlen(line) - 4, " end");
        seen++;
    }
    ck_assert_uint_eq(seen, 2000);
    free(text);
    gn_log_close(lg);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("gn_log");
    TCase *tc = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, level_parse, 0, GN_ARRAY_LEN(levels));
    tcase_add_test(tc, lines);
    tcase_add_test(tc, debug_level);
    tcase_add_test(tc, text_of_users);
    tcase_add_test(tc, raw_and_access);
    tcase_add_test(tc, standard_streams);
    tcase_add_test(tc, error_values);
    tcase_add_test(tc, open_failures_name_the_file);
    tcase_add_test(tc, reopen_follows_the_name);
    tcase_add_test(tc, reopen_failure_keeps_the_old_files);
    tcase_add_test(tc, reconfigure);
    tcase_add_test(tc, pid_after_fork);
    tcase_add_test(tc, capture_output);
    tcase_add_test(tc, files_belong_to_the_user);
    tcase_add_test(tc, write_errors_are_swallowed);
    tcase_add_test(tc, full_pipes);
    tcase_add_test(tc, lines_stay_whole);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
