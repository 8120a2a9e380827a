#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"

static char dir[64];

static void
setup(void)
{
    snprintf(dir, sizeof(dir), "%s", "/tmp/gn-fd-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void
teardown(void)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/f", dir);
    unlink(path);
    rmdir(dir);
}

static const char *
make_file(const void *data, size_t n)
{
    static char path[128];
    FILE *f;

    snprintf(path, sizeof(path), "%s/f", dir);
    f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(data, 1, n, f), n);
    ck_assert_int_eq(fclose(f), 0);
    return path;
}

START_TEST(flags)
{
    int fds[2];

    ck_assert_int_eq(gn_fd_pipe(fds), 0);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_ne(fcntl(fds[i], F_GETFL) & O_NONBLOCK, 0);
        ck_assert_int_ne(fcntl(fds[i], F_GETFD) & FD_CLOEXEC, 0);
    }
    ck_assert_int_eq(gn_fd_set_nonblock(fds[0], false), 0);
    ck_assert_int_eq(gn_fd_set_cloexec(fds[0], false), 0);
    ck_assert_int_eq(fcntl(fds[0], F_GETFL) & O_NONBLOCK, 0);
    ck_assert_int_eq(fcntl(fds[0], F_GETFD) & FD_CLOEXEC, 0);
    gn_fd_close(&fds[0]);
    ck_assert_int_eq(fds[0], -1);
    gn_fd_close(&fds[0]);
    gn_fd_close(&fds[1]);
    ck_assert_int_eq(gn_fd_set_nonblock(-1, true), -1);
    ck_assert_int_eq(errno, EBADF);
    ck_assert_int_eq(gn_fd_set_cloexec(-1, true), -1);
}
END_TEST

START_TEST(close_keeps_errno)
{
    int bad = 1 << 20;

    errno = ENOENT;
    gn_fd_close(&bad);
    ck_assert_int_eq(errno, ENOENT);
}
END_TEST

START_TEST(drain)
{
    char big[4000] = {0};
    char c;
    int fds[2];

    ck_assert_int_eq(gn_fd_pipe(fds), 0);
    ck_assert_int_eq(gn_fd_write_all(fds[1], big, sizeof(big)), 0);
    gn_fd_drain(fds[0]);
    ck_assert_int_eq(gn_fd_read(fds[0], &c, 1), -1);
    ck_assert_int_eq(errno, EAGAIN);
    gn_fd_close(&fds[0]);
    gn_fd_close(&fds[1]);
}
END_TEST

static volatile sig_atomic_t ticks;

static void
on_alarm(int signo)
{
    (void)signo;
    ticks++;
}

/* A timer interrupts the calls all the time; more than a pipe holds must arrive all the same. */
START_TEST(interrupted_calls_go_on)
{
    struct sigaction sa = {.sa_handler = on_alarm}, old;
    struct itimerval often = {{0, 500}, {0, 500}}, never = {{0, 0}, {0, 0}};
    static char big[1 << 20];
    size_t got = 0;
    int fds[2], status;
    pid_t child;

    ck_assert_int_eq(pipe(fds), 0);
    ticks = 0;
    ck_assert_int_eq(sigaction(SIGALRM, &sa, &old), 0);
    child = fork();
    if (child == 0) {
        ck_assert_int_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
        _exit(gn_fd_write_all(fds[1], big, sizeof(big)) == 0 ? 0 : 1);
    }
    gn_fd_close(&fds[1]);
    ck_assert_int_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
    while (got < sizeof(big) || ticks == 0) {
        char part[1000];
        ssize_t n = gn_fd_read(fds[0], part, sizeof(part));

        ck_assert_int_ge(n, 0);
        got += (size_t)n;
    }
    ck_assert_int_eq(setitimer(ITIMER_REAL, &never, NULL), 0);
    ck_assert_int_eq(sigaction(SIGALRM, &old, NULL), 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_uint_eq(got, sizeof(big));
    gn_fd_close(&fds[0]);
}
END_TEST

START_TEST(write_all_reports_errors)
{
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

    ck_assert_int_ge(full, 0);
    ck_assert_int_eq(gn_fd_write_all(full, "x", 1), -1);
    ck_assert_int_eq(errno, ENOSPC);
    ck_assert_int_eq(gn_fd_write_all(full, "", 0), 0);
    gn_fd_close(&full);
}
END_TEST

START_TEST(read_file)
{
    static const size_t sizes[] = {0, 1, 4095, 4096, 100000};
    static char data[100000];
    size_t n, size = sizes[_i];
    char *got;

    for (size_t i = 0; i < size; i++)
        data[i] = (char)(i % 253);
    got = gn_fd_read_file(make_file(data, size), size, &n);
    ck_assert_ptr_nonnull(got);
    ck_assert_uint_eq(n, size);
    ck_assert_mem_eq(got, data, size);
    ck_assert_int_eq(got[n], '\0');
    free(got);
    if (size > 0) {
        ck_assert_ptr_null(gn_fd_read_file(make_file(data, size), size - 1, &n));
        ck_assert_int_eq(errno, EFBIG);
    }
}
END_TEST

START_TEST(read_file_without_a_size)
{
    size_t n = 0;
    char *got = gn_fd_read_file("/proc/self/status", 1 << 20, &n);

    ck_assert_ptr_nonnull(got);
    ck_assert_uint_gt(n, 0);
    ck_assert_ptr_nonnull(strstr(got, "Pid:"));
    free(got);
    ck_assert_ptr_null(gn_fd_read_file("/proc/self/status", 10, &n));
    ck_assert_int_eq(errno, EFBIG);
}
END_TEST

START_TEST(read_file_refuses_other_things)
{
    char path[128];
    size_t n;

    ck_assert_ptr_null(gn_fd_read_file("/nonexistent/file", 10, &n));
    ck_assert_int_eq(errno, ENOENT);
    ck_assert_ptr_null(gn_fd_read_file(dir, 10, &n));
    ck_assert_int_eq(errno, EISDIR);
    snprintf(path, sizeof(path), "%s/f", dir);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_ptr_null(gn_fd_read_file(path, 10, &n));
    ck_assert_int_eq(errno, EINVAL);
}
END_TEST

START_TEST(read_stream)
{
    int64_t second = INT64_C(1000000000);
    char path[128], *got;
    int ends[2];
    size_t n = 9;

    ck_assert_int_eq(pipe(ends), 0);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[0]);
    ck_assert_int_eq(write(ends[1], "abc", 3), 3);
    /* The writer lives and says no more. */
    ck_assert_ptr_null(gn_fd_read_stream(path, 10, second / 100, &n));
    ck_assert_int_eq(errno, ETIMEDOUT);
    ck_assert_int_eq(write(ends[1], "defg", 4), 4);
    close(ends[1]);
    got = gn_fd_read_stream(path, 10, 30 * second, &n);
    ck_assert_ptr_nonnull(got);
    ck_assert_uint_eq(n, 4);
    ck_assert_str_eq(got, "defg");
    free(got);
    ck_assert_ptr_null(gn_fd_read_stream(path, 10, 30 * second, &n));
    ck_assert_int_eq(errno, ENODATA);
    close(ends[0]);
}
END_TEST

START_TEST(read_stream_of_other_things)
{
    char path[128], *got = gn_fd_read_stream("/dev/null", 10, 1, &(size_t){0});
    size_t n = 9;

    ck_assert_ptr_nonnull(got);
    ck_assert_str_eq(got, "");
    free(got);
    ck_assert_ptr_null(gn_fd_read_stream("/dev/zero", 100000, 1, &n));
    ck_assert_int_eq(errno, EFBIG);
    ck_assert_ptr_null(gn_fd_read_stream(dir, 10, 1, &n));
    ck_assert_int_eq(errno, EISDIR);
    got = gn_fd_read_stream(make_file("xy", 2), 10, 1, &n);
    ck_assert_ptr_nonnull(got);
    ck_assert_uint_eq(n, 2);
    free(got);
    snprintf(path, sizeof(path), "%s/f", dir);
    (void)unlink(path);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_ptr_null(gn_fd_read_stream(path, 10, INT64_C(1) << 40, &n));
    ck_assert_int_eq(errno, ENODATA);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("gn_fd");
    TCase *tc = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, flags);
    tcase_add_test(tc, close_keeps_errno);
    tcase_add_test(tc, drain);
    tcase_add_test(tc, interrupted_calls_go_on);
    tcase_add_test(tc, write_all_reports_errors);
    tcase_add_loop_test(tc, read_file, 0, 5);
    tcase_add_test(tc, read_file_without_a_size);
    tcase_add_test(tc, read_file_refuses_other_things);
    tcase_add_test(tc, read_stream);
    tcase_add_test(tc, read_stream_of_other_things);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
