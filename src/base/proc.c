#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"

enum {
    DETAIL_BYTES = 65536, /* of an error that a child hands over */
    LOOK_MS = 50,         /* how often a result without an end is looked for */
    LOOK_OFTEN_MS = 10,   /* where the kernel can't tell of an end */
};

static const int64_t ending_ns = 2000000000; /* from the result to the end of a child */

/* The memory that the kernel shows as the command line: argv and, behind it, the environment. NULL
 * before the initialization: as a module of a foreign program there is no argv to take.
 *
 * libbsd's setproctitle is not used: it marks the end of the old command line with a dot, which
 * ps(1) and /proc show whenever the title is shorter. */
static char *title_area;
static size_t title_bytes;

/* setenv(3) makes a list of its own and forgets this one, which it does not own. Only
 * leak checkers look here, hence volatile. */
static char **volatile moved_environ;

/* The environment's strings move to the heap, so that their memory can be used and getenv(3) goes
 * on working. */
static bool
move_environment(char **envp)
{
    size_t n = 0;
    char **copy;

    while (envp[n] != NULL)
        n++;
    copy = calloc(n + 1, sizeof(*copy));
    if (copy == NULL)
        return false;
    for (size_t i = 0; i < n; i++) {
        copy[i] = strdup(envp[i]);
        if (copy[i] == NULL)
            return false;
    }
    environ = moved_environ = copy;
    return true;
}

void
gn_proc_title_init(int argc, char **argv, char **envp)
{
    char *end;

    if (argc < 1)
        return;
    end = argv[0];
    for (int i = 0; i < argc && argv[i] == end; i++)
        end += strlen(argv[i]) + 1;
    for (char **e = envp; *e != NULL && *e == end; e++)
        end += strlen(*e) + 1;
    if (!move_environment(envp))
        return;
    title_area = argv[0];
    title_bytes = (size_t)(end - argv[0]);
}

void
gn_proc_set_title(const char *fmt, ...)
{
    char title[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(title, sizeof(title), fmt, ap);
    va_end(ap);
    if (title_area != NULL) {
        size_t n = strlen(title);

        if (n > title_bytes - 1)
            n = title_bytes - 1;
        memset(title_area, 0, title_bytes);
        memcpy(title_area, title, n);
    }
    prctl(PR_SET_NAME, "gunicorn", 0, 0, 0);
}

/* The groups of the user plus `gid`. A uid without an account has no groups of its own. */
static bool
set_user_groups(uid_t uid, gid_t gid)
{
    long hint = sysconf(_SC_GETPW_R_SIZE_MAX);
    size_t size = hint > 0 ? (size_t)hint : 1024;
    struct passwd pw, *found = NULL;
    char *text = NULL;
    int rc = ERANGE;
    bool ok;

    while (rc == ERANGE && size <= (1u << 20)) {
        char *bigger = realloc(text, size);

        if (bigger == NULL)
            break;
        text = bigger;
        rc = getpwuid_r(uid, &pw, text, size, &found);
        size *= 2;
    }
    if (found != NULL)
        ok = initgroups(pw.pw_name, gid) == 0;
    else
        ok = setgroups(1, &gid) == 0;
    free(text);
    return ok;
}

bool
gn_proc_set_owner(uid_t uid, gid_t gid, bool initgroups, struct gn_err *err)
{
    bool is_root = geteuid() == 0;
    int death = 0;

    if (geteuid() == uid && getuid() == uid && getegid() == gid && getgid() == gid)
        return true;
    prctl(PR_GET_PDEATHSIG, &death, 0, 0, 0);
    if (is_root) {
        bool ok = initgroups ? set_user_groups(uid, gid) : setgroups(0, NULL) == 0;

        if (!ok)
            return gn_err_set(err, GN_E_IO, errno, "can't set the supplementary groups");
    }
    if (setresgid(gid, gid, gid) != 0)
        return gn_err_set(err, GN_E_IO, errno, "can't change to group %u", (unsigned)gid);
    if (setresuid(uid, uid, uid) != 0)
        return gn_err_set(err, GN_E_IO, errno, "can't change to user %u", (unsigned)uid);
    /* A security module may let the call succeed and leave a way back: then we must not go on. */
    if (is_root && uid != 0 && setuid(0) == 0)
        return gn_err_set(err, GN_E_IO, 0, "user %u could become root again", (unsigned)uid);
    /* The kernel forgets it when the owner changes. */
    prctl(PR_SET_PDEATHSIG, death, 0, 0, 0);
    return true;
}

/* The parent ends here without atexit functions: they belong to the process that goes on. */
static bool
fork_and_leave(struct gn_err *err)
{
    pid_t pid = fork();

    if (pid < 0)
        return gn_err_set(err, GN_E_IO, errno, "can't fork");
    if (pid > 0)
        _exit(0);
    return true;
}

static bool
redirect(int null_fd, int last, struct gn_err *err)
{
    for (int fd = 0; fd <= last; fd++) {
        /* dup2 onto itself would leave close-on-exec set: 0 to 2 must survive an exec. */
        int rc = fd == null_fd ? gn_fd_set_cloexec(fd, false) : dup2(null_fd, fd);

        if (rc < 0)
            return gn_err_set(err, GN_E_IO, errno, "can't redirect descriptor %d", fd);
    }
    return true;
}

bool
gn_proc_daemonize(bool keep_stdio, struct gn_err *err)
{
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    bool ok;

    /* Opened first: after the forks nobody would read the message. */
    if (null_fd < 0)
        return gn_err_set(err, GN_E_IO, errno, "can't open /dev/null");
    fflush(NULL);
    ok = fork_and_leave(err);
    if (ok && setsid() < 0)
        ok = gn_err_set(err, GN_E_IO, errno, "can't start a new session");
    /* The second fork: not a session leader, so it can never get a controlling terminal again. */
    ok = ok && fork_and_leave(err);
    if (ok) {
        umask(S_IWGRP | S_IWOTH);
        ok = redirect(null_fd, keep_stdio ? 0 : 2, err);
    }
    if (null_fd > 2 || !ok)
        gn_fd_close(&null_fd);
    return ok;
}

void
gn_proc_end_now(int status)
{
    _exit(status);
}

enum verdict { VERDICT_NONE, VERDICT_FALSE, VERDICT_TRUE };

/* Memory that both processes see: user code may close descriptors, but does not find this. */
struct shared {
    atomic_int verdict;
    struct gn_err err; /* of the child; its pointers mean nothing to the parent */
    bool has_detail;
    char detail[DETAIL_BYTES];
};

static void
run_job(const struct gn_proc_job *job, pid_t parent, struct shared *shared)
{
    struct gn_err err = {0};
    bool result;

    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != parent)
        _exit(1);
    result = job->work(job->ctx, &err);
    fflush(NULL);
    shared->err = err;
    shared->has_detail = err.detail != NULL;
    if (err.detail != NULL)
        snprintf(shared->detail, sizeof(shared->detail), "%s", err.detail);
    gn_err_clear(&err);
    atomic_store(&shared->verdict, result ? VERDICT_TRUE : VERDICT_FALSE);
    if (job->end != NULL)
        job->end(job->ctx);
    fflush(NULL);
    _exit(result ? 0 : 1);
}

static void
take_error(const struct shared *shared, struct gn_err *err)
{
    if (err == NULL)
        return;
    gn_err_set(err, shared->err.code, shared->err.sys, "%s", shared->err.msg);
    err->status = shared->err.status;
    err->line = shared->err.line;
    err->detail = shared->has_detail ? strdup(shared->detail) : NULL;
}

/* Waits for the end of the child, and makes one when it takes too long: then *was_killed. */
static bool
wait_for_end(pid_t pid, atomic_int *verdict, int64_t timeout_ns, int *status, bool *was_killed)
{
    struct pollfd p = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
    int64_t deadline = gn_clock_mono_ns() + timeout_ns;
    bool has_verdict = false;
    pid_t ended;

    *was_killed = false;
    while ((ended = waitpid(pid, status, WNOHANG)) == 0) {
        int64_t now = gn_clock_mono_ns();

        if (!has_verdict && atomic_load(verdict) != VERDICT_NONE) {
            has_verdict = true;
            deadline = now + ending_ns;
        }
        if (now >= deadline) {
            *was_killed = true;
            kill(pid, SIGKILL);
            do {
                ended = waitpid(pid, status, 0);
            } while (ended < 0 && errno == EINTR);
            break;
        }
        (void)poll(&p, p.fd >= 0 ? 1 : 0, p.fd >= 0 ? LOOK_MS : LOOK_OFTEN_MS);
    }
    gn_fd_close(&p.fd);
    return ended == pid;
}

static void
tell_outcome(int status, int verdict, bool was_killed, struct gn_proc_outcome *out)
{
    *out = (struct gn_proc_outcome){.how = GN_PROC_RESULT, .result = verdict == VERDICT_TRUE};
    if (!was_killed && WIFSIGNALED(status)) {
        out->how = GN_PROC_SIGNAL;
        out->number = WTERMSIG(status);
    } else if (verdict == VERDICT_NONE && was_killed) {
        out->how = GN_PROC_TIMEOUT;
    } else if (verdict == VERDICT_NONE) {
        out->how = GN_PROC_EXITED;
        out->number = WEXITSTATUS(status);
    }
}

/* Numbers of our children as the kernel lists them, 0 behind the last; heap, or NULL. */
static pid_t *
list_children(void)
{
    char path[64];
    FILE *file;
    pid_t *list = calloc(1, sizeof(*list)), *bigger;
    size_t n = 0;
    int pid;

    snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
    file = fopen(path, "re");
    while (list != NULL && file != NULL && fscanf(file, "%d", &pid) == 1) {
        bigger = realloc(list, (n + 2) * sizeof(*list));
        if (bigger == NULL)
            break;
        list = bigger;
        list[n++] = pid;
        list[n] = 0;
    }
    if (file != NULL)
        fclose(file);
    return list;
}

static bool
is_listed(const pid_t *list, pid_t pid)
{
    for (size_t i = 0; list != NULL && list[i] != 0; i++) {
        if (list[i] == pid)
            return true;
    }
    return false;
}

/* What the job has left behind is ours since it ended. Each round brings children of the last. */
static void
end_orphans(const pid_t *before)
{
    bool any = before != NULL;

    while (any) {
        pid_t *now = list_children();

        any = false;
        for (size_t i = 0; now != NULL && now[i] != 0; i++) {
            pid_t ended;

            if (is_listed(before, now[i]))
                continue;
            kill(now[i], SIGKILL);
            do {
                ended = waitpid(now[i], NULL, __WALL);
            } while (ended < 0 && errno == EINTR);
            any = any || ended == now[i];
        }
        free(now);
    }
}

bool
gn_proc_run_child(const struct gn_proc_job *job, struct gn_proc_outcome *out, struct gn_err *err)
{
    struct sigaction plain = {.sa_handler = SIG_DFL}, before;
    struct shared *shared =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t parent = getpid(), pid;
    bool was_killed = false, ok;
    int status = 0, saved, adopts = 0;
    pid_t *others;

    if (shared == MAP_FAILED)
        return gn_err_set(err, GN_E_MEMORY, errno, "no memory for a child process");
    atomic_init(&shared->verdict, VERDICT_NONE);
    /* Who started us may have SIGCHLD ignored: then there would be no status to wait for. */
    sigaction(SIGCHLD, &plain, &before);
    others = list_children();
    prctl(PR_GET_CHILD_SUBREAPER, &adopts, 0, 0, 0);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    fflush(NULL);
    pid = fork();
    if (pid == 0)
        run_job(job, parent, shared);
    ok = pid > 0 && wait_for_end(pid, &shared->verdict, job->timeout_ns, &status, &was_killed);
    saved = errno;
    end_orphans(others);
    free(others);
    prctl(PR_SET_CHILD_SUBREAPER, adopts, 0, 0, 0);
    sigaction(SIGCHLD, &before, NULL);
    if (ok)
        tell_outcome(status, atomic_load(&shared->verdict), was_killed, out);
    if (ok && out->how == GN_PROC_RESULT && shared->err.code != GN_E_NONE)
        take_error(shared, err);
    munmap(shared, sizeof(*shared));
    return ok || gn_err_set(err, GN_E_IO, saved, "can't run a child process");
}

bool
gn_proc_tell(const struct gn_proc_outcome *outcome, const char *what, int64_t timeout_s,
             struct gn_err *err)
{
    switch (outcome->how) {
    case GN_PROC_EXITED:
        return gn_err_set(err, GN_E_VALUE, 0,
                          "%s ended the process with status %d while it was loaded", what,
                          outcome->number);
    case GN_PROC_SIGNAL:
        return gn_err_set(err, GN_E_VALUE, 0, "the process was ended by %s while %s was loaded",
                          gn_proc_signal_name(outcome->number), what);
    case GN_PROC_TIMEOUT:
        return gn_err_set(err, GN_E_VALUE, 0,
                          "%s was not loaded within %lld s (see --check-timeout)", what,
                          (long long)timeout_s);
    case GN_PROC_RESULT:
        break;
    }
    return outcome->result;
}

const char *
gn_proc_signal_name(int signo)
{
#define SIG(name) [name] = #name
    static const char *const names[NSIG] = {
        SIG(SIGHUP),  SIG(SIGINT),    SIG(SIGQUIT), SIG(SIGILL),    SIG(SIGTRAP), SIG(SIGABRT),
        SIG(SIGBUS),  SIG(SIGFPE),    SIG(SIGKILL), SIG(SIGUSR1),   SIG(SIGSEGV), SIG(SIGUSR2),
        SIG(SIGPIPE), SIG(SIGALRM),   SIG(SIGTERM), SIG(SIGSTKFLT), SIG(SIGCHLD), SIG(SIGCONT),
        SIG(SIGSTOP), SIG(SIGTSTP),   SIG(SIGTTIN), SIG(SIGTTOU),   SIG(SIGURG),  SIG(SIGXCPU),
        SIG(SIGXFSZ), SIG(SIGVTALRM), SIG(SIGPROF), SIG(SIGWINCH),  SIG(SIGIO),   SIG(SIGPWR),
        SIG(SIGSYS),
    };
#undef SIG
    static _Thread_local char other[32];

    if (signo > 0 && signo < NSIG && names[signo] != NULL)
        return names[signo];
    snprintf(other, sizeof(other), "signal %d", signo);
    return other;
}
