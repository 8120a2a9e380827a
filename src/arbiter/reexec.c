/* The signal USR2: a second master, started as this one was, takes the listening sockets over.
 *
 * What it needs is in its environment, in the form that the original uses too, so that one can
 * follow the other: GUNICORN_PID is the number of the master before, GUNICORN_FD the descriptors
 * of the listening sockets. Sockets that systemd has opened keep their numbers and are announced by
 * LISTEN_FDS once more. These are the only descriptors that survive.
 */
#include "arbiter/arbiter_int.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/proc.h"
#include "net/sd.h"

/* Variables that describe one process and are void for the next. */
static const char *const personal[] = {
    "GUNICORN_PID=", "GUNICORN_FD=", "LISTEN_PID=", "WATCHDOG_PID="};

/* ---- the younger side ---- */

static pid_t
number_of(const char *text)
{
    uint64_t n;

    return text != NULL && gn_num_digits(gn_slice_str(text), INT32_MAX, &n) ? (pid_t)n : 0;
}

/* "5,6,7"; what is no listening socket is left out. */
static bool
read_fds(struct gn_arb_reexec *r, const char *text, struct gn_err *err)
{
    struct gn_slice rest = gn_slice_str(text);
    uint64_t fd;

    r->fds = calloc(rest.n + 1, sizeof(*r->fds));
    if (r->fds == NULL)
        return gn_err_set(err, GN_E_MEMORY, 0, "no memory");
    while (rest.n > 0) {
        size_t end = gn_slice_find(rest, ',');

        if (gn_num_digits(gn_slice(rest.p, end), INT32_MAX, &fd) &&
            gn_listener_is_listening((int)fd)) {
            r->fds[r->n_fds++] = (int)fd;
            gn_fd_set_cloexec((int)fd, true);
        }
        rest = end < rest.n ? gn_slice(rest.p + end + 1, rest.n - end - 1) : gn_slice(NULL, 0);
    }
    return true;
}

bool
gn_arb_reexec_init(struct gn_arbiter *arb, struct gn_err *err)
{
    struct gn_arb_reexec *r = &arb->reexec;
    const char *fds = gn_sd_env(arb->inputs->envp, "GUNICORN_FD");
    pid_t parent = number_of(gn_sd_env(arb->inputs->envp, "GUNICORN_PID"));

    arb->n_activated = gn_sd_listen_fds(arb->inputs->envp, getpid());
    if (parent == 0)
        return true;
    if (!read_fds(r, fds != NULL ? fds : "", err))
        return false;
    /* It may have ended already. Without it and without sockets the variables are leftovers that
     * some program has passed on. */
    if (getppid() == parent)
        r->parent = parent;
    else
        r->former = parent;
    r->is_heir = r->parent != 0 || r->n_fds > 0;
    return true;
}

int
gn_arb_reexec_take(struct gn_arbiter *arb, const struct gn_addr *addr)
{
    struct gn_arb_reexec *r = &arb->reexec;

    for (size_t i = 0; i < r->n_fds; i++) {
        int fd = r->fds[i];

        if (fd < 0 || !gn_listener_is_at(fd, addr))
            continue;
        r->fds[i] = -1;
        return fd;
    }
    return -1;
}

void
gn_arb_reexec_fini(struct gn_arbiter *arb)
{
    struct gn_arb_reexec *r = &arb->reexec;

    for (size_t i = 0; i < r->n_fds; i++)
        gn_fd_close(&r->fds[i]);
    free(r->fds);
    r->fds = NULL;
    r->n_fds = 0;
}

void
gn_arb_reexec_step(struct gn_arbiter *arb)
{
    struct gn_err err = {0};

    if (arb->reexec.parent == 0 || getppid() == arb->reexec.parent)
        return;
    arb->reexec.former = arb->reexec.parent;
    arb->reexec.parent = 0;
    gn_log(arb->log, GN_INFO, "Master has been promoted.");
    gn_arb_set_master_title(arb);
    if (!gn_arb_pidfile_update(arb, &err))
        gn_log_err(arb->log, GN_LERROR, "The pid file keeps its name", &err);
    gn_err_clear(&err);
}

/* ---- the older side ---- */

bool
gn_arb_reexec_is_alone(const struct gn_arbiter *arb)
{
    return arb->reexec.heir == 0 && (arb->reexec.parent == 0 || getppid() != arb->reexec.parent);
}

/* Lets the descriptors of a generation's listeners survive the exec, and lists those that are found
 * by their address. */
static bool
hand_over(const struct gn_arb_gen *g, const struct gn_arb_gen *listed, struct gn_buf *list)
{
    for (size_t i = 0; g != NULL && i < g->n_listeners; i++) {
        const struct gn_listener *l = &g->listeners[i];
        bool is_known = false;

        if (l->is_inherited) {
            gn_fd_set_cloexec(l->addr.fd, false);
            continue;
        }
        for (size_t k = 0; listed != NULL && k < listed->n_listeners; k++)
            is_known = is_known || listed->listeners[k].fd == l->fd;
        for (size_t k = 0; k < i; k++)
            is_known = is_known || g->listeners[k].fd == l->fd;
        if (is_known)
            continue;
        gn_fd_set_cloexec(l->fd, false);
        if (!gn_buf_printf(list, "%s%d", gn_buf_len(list) > 0 ? "," : "", l->fd))
            return false;
    }
    return true;
}

static bool
is_personal(const char *entry)
{
    for (size_t i = 0; i < GN_ARRAY_LEN(personal); i++)
        if (strncmp(entry, personal[i], strlen(personal[i])) == 0)
            return true;
    return false;
}

/* The environment that this process was started with, and what the next one has to know. NULL
 * without memory; never freed, since an exec or exit follows. */
static char **
next_environment(const struct gn_arbiter *arb, struct gn_slice fds)
{
    char *const *from = arb->inputs->envp;
    size_t n = 0, k = 0;
    char **env;
    bool ok;

    while (from[n] != NULL)
        n++;
    env = calloc(n + GN_ARRAY_LEN(personal) + 1, sizeof(*env));
    if (env == NULL)
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (!is_personal(from[i]))
            env[k++] = from[i];
    ok = asprintf(&env[k++], "GUNICORN_PID=%d", (int)arb->pid) > 0 &&
         asprintf(&env[k++], "GUNICORN_FD=%.*s", GN_SLICE_ARG(fds)) > 0;
    if (ok && arb->n_activated > 0)
        ok = asprintf(&env[k++], "LISTEN_PID=%d", (int)getpid()) > 0;
    if (ok && gn_sd_env(from, "WATCHDOG_PID") != NULL)
        ok = asprintf(&env[k++], "WATCHDOG_PID=%d", (int)getpid()) > 0;
    return ok ? env : NULL;
}

/* As the shell or service manager found it at the start, so that a new version is taken where there
 * is one. A name that never was a file (`exec -a`) leads to the program that runs here. */
static void
exec_program(const struct gn_arbiter *arb, char **env)
{
    static const char deleted[] = " (deleted)";
    char **argv = arb->inputs->argv;
    char path[PATH_MAX];
    ssize_t n;

    /* The search path is that of the start, too. */
    environ = env;
    execvp(argv[0], argv);
    if (errno != ENOENT)
        return;
    n = readlink("/proc/self/exe", path, sizeof(path) - 1);
    if (n <= 0)
        return;
    path[n] = '\0';
    /* The kernel's mark for a file that was replaced: its successor is what is wanted. */
    if ((size_t)n > strlen(deleted) && strcmp(path + n - strlen(deleted), deleted) == 0)
        path[(size_t)n - strlen(deleted)] = '\0';
    execve(path, argv, env);
}

static void GN_NORETURN
become_heir(struct gn_arbiter *arb)
{
    struct gn_hook_args args = {.arbiter = arb};
    struct gn_buf fds = {0};
    char **env = NULL;

    if (!gn_arb_hook(arb, arb->cur->frozen, GN_HOOK_PRE_EXEC, &args))
        _exit(arb->hook_status);
    if (hand_over(arb->cur, NULL, &fds) && hand_over(arb->next, arb->cur, &fds))
        env = next_environment(arb, gn_buf_slice(&fds));
    errno = ENOMEM;
    if (env != NULL && chdir(arb->inputs->start_dir) == 0)
        exec_program(arb, env);
    gn_log(arb->log, GN_LERROR, "Can't start a new master: %s: %s", arb->inputs->argv[0],
           strerror(errno));
    _exit(GN_EXIT_ERROR);
}

void
gn_arb_on_usr2(struct gn_arbiter *arb)
{
    struct gn_arb_reexec *r = &arb->reexec;
    pid_t pid;

    if (arb->stop.is_active || arb->stop.delayed_until_ns != 0)
        return;
    gn_arb_reexec_step(arb);
    gn_arb_reexec_reap(arb);
    if (r->heir != 0 || r->parent != 0) {
        gn_log(arb->log, GN_WARN, "USR2 signal ignored. %s exists.",
               r->heir != 0 ? "Child" : "Parent");
        return;
    }
    pid = gn_arb_fork(arb);
    if (pid == 0)
        become_heir(arb);
    if (pid < 0)
        gn_log(arb->log, GN_LERROR, "Can't start a new master: %s", strerror(errno));
    else
        r->heir = pid;
}

void
gn_arb_reexec_reap(struct gn_arbiter *arb)
{
    pid_t pid = arb->reexec.heir;
    int status;

    if (pid == 0 || waitpid(pid, &status, WNOHANG) != pid)
        return;
    arb->reexec.heir = 0;
    if (WIFSIGNALED(status))
        gn_log(arb->log, GN_WARN, "The new master (pid:%d) was ended by %s", (int)pid,
               gn_proc_signal_name(WTERMSIG(status)));
    else
        gn_log(arb->log, status == 0 ? GN_INFO : GN_WARN,
               "The new master (pid:%d) ended with status %d", (int)pid, WEXITSTATUS(status));
}
