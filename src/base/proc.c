#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

/* The memory that the kernel shows as the command line: argv and, behind it, the environment. NULL
 * before the initialization: as a module of a foreign program there is no argv to take.
 *
 * libbsd's setproctitle is not used: it marks the end of the old command line with a dot, which
 * ps(1) and /proc show whenever the title is shorter. */
static char *title_area;
static size_t title_bytes;

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
    environ = copy;
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

    if (geteuid() == uid && getuid() == uid && getegid() == gid && getgid() == gid)
        return true;
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
