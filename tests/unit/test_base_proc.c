#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/fd.h"
#include "base/proc.h"

extern char **environ;

static const struct {
    int signo;
    const char *name;
} signals[] = {
    {SIGHUP, "SIGHUP"},   {SIGINT, "SIGINT"},   {SIGABRT, "SIGABRT"}, {SIGKILL, "SIGKILL"},
    {SIGSEGV, "SIGSEGV"}, {SIGTERM, "SIGTERM"}, {SIGCHLD, "SIGCHLD"}, {SIGSYS, "SIGSYS"},
    {0, "signal 0"},      {-1, "signal -1"},    {99, "signal 99"},    {40, "signal 40"},
};

START_TEST(signal_name)
{
    ck_assert_str_eq(gn_proc_signal_name(signals[_i].signo), signals[_i].name);
}
END_TEST

/* What ps shows: the arguments, here only the first. */
static void
check_title(const char *want)
{
    char name[32] = "", text[4096] = "";
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_gt(gn_fd_read(fd, text, sizeof(text) - 1), 0);
    gn_fd_close(&fd);
    ck_assert_str_eq(text, want);
    ck_assert_int_eq(prctl(PR_GET_NAME, name), 0);
    ck_assert_str_eq(name, "gunicorn");
}

START_TEST(title)
{
    char *path = strdup(getenv("PATH"));

    gn_proc_set_title("gunicorn: %s [%s]", "master", "app:app");
    check_title("gunicorn: master [app:app]");
    gn_proc_set_title("gunicorn: worker [100%%]");
    check_title("gunicorn: worker [100%]");
    ck_assert_str_eq(getenv("PATH"), path);
    ck_assert_int_eq(setenv("GN_TEST_TITLE", "yes", 1), 0);
    ck_assert_str_eq(getenv("GN_TEST_TITLE"), "yes");
    ck_assert_str_eq(getenv("PATH"), path);
    for (char **e = environ; *e != NULL; e++)
        ck_assert_ptr_nonnull(strchr(*e, '='));
    free(path);
}
END_TEST

static int
status_of(pid_t child)
{
    int status = -1;

    ck_assert_int_gt(child, 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

START_TEST(owner_in_force_is_no_work)
{
    struct gn_err err = {0};

    ck_assert(gn_proc_set_owner(geteuid(), getegid(), false, &err));
    ck_assert(gn_proc_set_owner(geteuid(), getegid(), true, &err));
    ck_assert_int_eq(err.code, GN_E_NONE);
}
END_TEST

enum { NOBODY = 65534 };

static int
become_nobody(bool initgroups)
{
    struct gn_err err = {0};
    gid_t groups[64];
    int n, death = 0;

    prctl(PR_SET_PDEATHSIG, SIGUSR1, 0, 0, 0);
    if (!gn_proc_set_owner(NOBODY, NOBODY, initgroups, &err))
        return 2;
    if (prctl(PR_GET_PDEATHSIG, &death, 0, 0, 0) != 0 || death != SIGUSR1)
        return 6;
    if (getuid() != NOBODY || geteuid() != NOBODY || getgid() != NOBODY || getegid() != NOBODY)
        return 3;
    n = getgroups(GN_ARRAY_LEN(groups), groups);
    if (initgroups ? n != 1 || groups[0] != NOBODY : n != 0)
        return 4;
    return setuid(0) == 0 || setgid(0) == 0 ? 5 : 0;
}

START_TEST(owner_changes_for_good)
{
    gid_t extra[] = {1, 2, 3};
    pid_t child;

    if (geteuid() != 0)
        return;
    child = fork();
    if (child == 0)
        _exit(setgroups(GN_ARRAY_LEN(extra), extra) == 0 ? become_nobody(_i == 1) : 1);
    ck_assert_int_eq(status_of(child), 0);
}
END_TEST

static int
fail_to_become_root(void)
{
    struct gn_err err = {0};

    if (geteuid() == 0 && !gn_proc_set_owner(NOBODY, NOBODY, false, &err))
        return 2;
    if (gn_proc_set_owner(0, 0, false, &err))
        return 3;
    return err.code == GN_E_IO && err.sys == EPERM ? 0 : 4;
}

START_TEST(owner_needs_the_right)
{
    pid_t child = fork();

    if (child == 0)
        _exit(fail_to_become_root());
    ck_assert_int_eq(status_of(child), 0);
}
END_TEST

/* What the daemon finds out about itself. */
struct report {
    pid_t pid, sid;
    mode_t mask;
    dev_t null_rdev;
    dev_t stdio[3];
};

static void
run_daemon(bool keep_stdio, int out)
{
    struct gn_err err = {0};
    struct report r = {0};
    struct stat st;

    if (!gn_proc_daemonize(keep_stdio, &err))
        _exit(1);
    r.pid = getpid();
    r.sid = getsid(0);
    r.mask = umask(0);
    if (stat("/dev/null", &st) == 0)
        r.null_rdev = st.st_rdev;
    for (int fd = 0; fd < 3; fd++)
        r.stdio[fd] = fstat(fd, &st) == 0 ? st.st_rdev : 0;
    _exit(gn_fd_write_all(out, &r, sizeof(r)) == 0 ? 0 : 1);
}

START_TEST(daemonize)
{
    bool keep_stdio = _i == 1;
    struct report r = {0};
    struct stat here[3];
    pid_t child;
    int fds[2];

    ck_assert_int_eq(pipe(fds), 0);
    for (int fd = 0; fd < 3; fd++)
        ck_assert_int_eq(fstat(fd, &here[fd]), 0);
    child = fork();
    if (child == 0)
        run_daemon(keep_stdio, fds[1]);
    gn_fd_close(&fds[1]);
    ck_assert_int_eq(status_of(child), 0);
    ck_assert_int_eq(gn_fd_read(fds[0], &r, sizeof(r)), sizeof(r));
    gn_fd_close(&fds[0]);
    ck_assert_int_ne(r.pid, child);
    ck_assert_int_ne(r.pid, r.sid); /* not the leader of the session */
    ck_assert_int_ne(r.sid, getsid(0));
    ck_assert_uint_eq(r.mask, 022);
    ck_assert_uint_ne(r.null_rdev, 0);
    ck_assert_uint_eq(r.stdio[0], r.null_rdev);
    for (int fd = 1; fd < 3; fd++)
        ck_assert_uint_eq(r.stdio[fd], keep_stdio ? here[fd].st_rdev : r.null_rdev);
}
END_TEST

/* What the job of a child may do, and how its end is told. */
static bool
work_true(void *ctx, struct gn_err *err GN_UNUSED)
{
    *(int *)ctx = 1;
    return true;
}

static bool
work_false(void *ctx GN_UNUSED, struct gn_err *err)
{
    gn_err_set(err, GN_E_PYTHON, 0, "no luck");
    err->line = 7;
    err->detail = strdup("Traceback\n");
    return false;
}

static bool
work_leaves(void *ctx GN_UNUSED, struct gn_err *err GN_UNUSED)
{
    _exit(0);
    return true;
}

static bool
work_dies(void *ctx GN_UNUSED, struct gn_err *err GN_UNUSED)
{
    return kill(getpid(), SIGKILL) != 0;
}

static bool
work_hangs(void *ctx GN_UNUSED, struct gn_err *err GN_UNUSED)
{
    while (pause() < 0)
        continue;
    return false;
}

static void
end_hangs(void *ctx GN_UNUSED)
{
    while (pause() < 0)
        continue;
}

static const struct {
    bool (*work)(void *ctx, struct gn_err *err);
    void (*end)(void *ctx);
    struct gn_proc_outcome want;
} jobs[] = {
    {work_true, NULL, {.how = GN_PROC_RESULT, .result = true}},
    {work_false, NULL, {.how = GN_PROC_RESULT}},
    {work_true, end_hangs, {.how = GN_PROC_RESULT, .result = true}},
    {work_leaves, NULL, {.how = GN_PROC_EXITED, .number = 0}},
    {work_dies, NULL, {.how = GN_PROC_SIGNAL, .number = SIGKILL}},
    {work_hangs, NULL, {.how = GN_PROC_TIMEOUT}},
};

START_TEST(run_child)
{
    int touched = 0;
    struct gn_proc_job job = {.work = jobs[_i].work,
                              .end = jobs[_i].end,
                              .ctx = &touched,
                              .timeout_ns =
                                  jobs[_i].want.how == GN_PROC_TIMEOUT ? 100000000 : 60000000000};
    struct gn_proc_outcome out = {0};
    struct gn_err err = {0};

    ck_assert(gn_proc_run_child(&job, &out, &err));
    ck_assert_int_eq(out.how, jobs[_i].want.how);
    ck_assert_int_eq(out.result, jobs[_i].want.result);
    ck_assert_int_eq(out.number, jobs[_i].want.number);
    ck_assert_int_eq(touched, 0);
    if (jobs[_i].work == work_false) {
        ck_assert_int_eq(err.code, GN_E_PYTHON);
        ck_assert_int_eq(err.line, 7);
        ck_assert_str_eq(err.msg, "no luck");
        ck_assert_str_eq(err.detail, "Traceback\n");
    } else {
        ck_assert_int_eq(err.code, GN_E_NONE);
    }
    gn_err_clear(&err);
}
END_TEST

/* A SIGCHLD that is ignored, as some who start programs leave it. */
/* The number of a grandchild, in memory that everybody sees. */
static bool
work_starts_daemon(void *ctx, struct gn_err *err GN_UNUSED)
{
    pid_t volatile *daemon = ctx;
    pid_t child = fork(), own;

    if (child == 0) {
        setsid();
        own = fork();
        if (own == 0) {
            while (pause() < 0)
                continue;
        }
        *daemon = own;
        _exit(0);
    }
    return waitpid(child, NULL, 0) == child;
}

START_TEST(run_child_leaves_nobody_behind)
{
    pid_t *daemon =
        mmap(NULL, sizeof(*daemon), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct gn_proc_job job = {.work = work_starts_daemon, .ctx = daemon, .timeout_ns = 60000000000};
    struct gn_proc_outcome out = {0};
    int adopts = -1, status;
    pid_t mine = fork();

    if (mine == 0) {
        while (pause() < 0)
            continue;
    }
    ck_assert(daemon != MAP_FAILED && mine > 0);
    ck_assert(gn_proc_run_child(&job, &out, NULL));
    ck_assert(out.how == GN_PROC_RESULT && out.result);
    ck_assert_int_gt(*daemon, 0);
    ck_assert(kill(*daemon, 0) != 0 && errno == ESRCH);
    /* A child of before is none of the job's. */
    ck_assert_int_eq(waitpid(mine, &status, WNOHANG), 0);
    ck_assert(kill(mine, SIGKILL) == 0 && waitpid(mine, &status, 0) == mine);
    ck_assert(prctl(PR_GET_CHILD_SUBREAPER, &adopts, 0, 0, 0) == 0 && adopts == 0);
    munmap(daemon, sizeof(*daemon));
}
END_TEST

static const struct {
    struct gn_proc_outcome outcome;
    const char *want; /* NULL: true */
} tells[] = {
    {{.how = GN_PROC_RESULT, .result = true}, NULL},
    {{.how = GN_PROC_RESULT}, "kept"},
    {{.how = GN_PROC_EXITED, .number = 7},
     "it ended the process with status 7 while it was loaded"},
    {{.how = GN_PROC_SIGNAL, .number = SIGKILL},
     "the process was ended by SIGKILL while it was loaded"},
    {{.how = GN_PROC_TIMEOUT}, "it was not loaded within 9 s (see --check-timeout)"},
};

START_TEST(tell)
{
    struct gn_err err = {0};

    gn_err_set(&err, GN_E_VALUE, 0, "kept");
    ck_assert_int_eq(gn_proc_tell(&tells[_i].outcome, "it", 9, &err), tells[_i].want == NULL);
    if (tells[_i].want != NULL)
        ck_assert_str_eq(err.msg, tells[_i].want);
    gn_err_clear(&err);
}
END_TEST

START_TEST(run_child_ignored)
{
    struct gn_proc_job job = {.work = work_true, .ctx = &(int){0}, .timeout_ns = 60000000000};
    struct gn_proc_outcome out = {0};

    ck_assert(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
    ck_assert(gn_proc_run_child(&job, &out, NULL));
    ck_assert(out.how == GN_PROC_RESULT && out.result);
    ck_assert(signal(SIGCHLD, SIG_DFL) == SIG_IGN);
}
END_TEST

int
main(int argc, char **argv)
{
    Suite *suite = suite_create("gn_proc");
    TCase *tc = tcase_create("all");
    SRunner *runner;
    int failed;

    gn_proc_title_init(argc, argv, environ);
    tcase_add_loop_test(tc, signal_name, 0, GN_ARRAY_LEN(signals));
    tcase_add_test(tc, title);
    tcase_add_test(tc, owner_in_force_is_no_work);
    tcase_add_loop_test(tc, owner_changes_for_good, 0, 2);
    tcase_add_test(tc, owner_needs_the_right);
    tcase_add_loop_test(tc, daemonize, 0, 2);
    tcase_add_loop_test(tc, run_child, 0, GN_ARRAY_LEN(jobs));
    tcase_add_test(tc, run_child_ignored);
    tcase_add_test(tc, run_child_leaves_nobody_behind);
    tcase_add_loop_test(tc, tell, 0, GN_ARRAY_LEN(tells));
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
