/* The life of a worker that all engines share. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/proc.h"
#include "config/frozen.h"
#include "host/host.h"
#include "log/log.h"
#include "worker/sync.h"
#include "worker/thread.h"
#include "worker/watch.h"
#include "worker/worker.h"

static const struct gn_worker_ops worker_types[] = {
#define WORKER(name, py_path, has_threads, run) {name, py_path, has_threads, run},
#include "worker/types.def"
#undef WORKER
};

static const struct gn_worker_ops *
find_type(const char *name)
{
    for (size_t i = 0; i < GN_ARRAY_LEN(worker_types); i++) {
        if (strcmp(name, worker_types[i].name) == 0 || strcmp(name, worker_types[i].py_path) == 0)
            return &worker_types[i];
    }
    return NULL;
}

bool
gn_worker_is_known(const char *name)
{
    const struct gn_worker_ops *ops = find_type(name);

    return ops != NULL && ops->run != NULL;
}

const struct gn_worker_ops *
gn_worker_find(const struct gn_frozen *f, const char **log_name, struct gn_err *err)
{
    const struct gn_ref *ref = &f->cfg.worker_class;
    const char *name = ref->name != NULL ? ref->name : "sync";
    const struct gn_worker_ops *ops = ref->handle == NULL ? find_type(name) : NULL;

    if (ops != NULL && strcmp(ops->name, "sync") == 0 && f->cfg.threads > 1)
        ops = find_type(name = "gthread");
    if (ops == NULL || ops->run == NULL) {
        gn_err_set(err, GN_E_VALUE, 0,
                   "worker_class: '%s' is not a worker class of this version; use sync or gthread",
                   name);
        return NULL;
    }
    *log_name = name;
    return ops;
}

void
gn_worker_beat(struct gn_worker *w)
{
    /* Alive means that the language can be had as well. */
    int64_t wanted = atomic_load_explicit(&w->lock_wanted_ns, memory_order_relaxed);

    atomic_store_explicit(&w->slot->beat_ns, wanted != 0 ? wanted : gn_clock_mono_ns(),
                          memory_order_relaxed);
}

/* Makes the master look at once instead of at its next turn. */
static void
notify(const struct gn_worker *w)
{
    /* A full pipe wakes just as well, and a master that is gone needs nothing. */
    if (w->notify_fd >= 0)
        (void)gn_fd_write(w->notify_fd, "", 1);
}

bool
gn_worker_ask_to_leave(struct gn_worker *w, enum gn_leave why)
{
    int none = GN_LEAVE_NOT;

    if (!w->is_alive || !atomic_compare_exchange_strong(&w->slot->leaves, &none, why))
        return false;
    notify(w);
    return true;
}

static bool
run_hook(struct gn_worker *w, enum gn_hook_id id, const struct gn_ref *ref, struct gn_err *err)
{
    struct gn_hook_args args = {.worker = w, .old_value = -1};

    if (ref->handle == NULL)
        return true;
    return w->host->ops->run_hook(w->host, w->frozen, id, &args, err);
}

/* A hook that a signal calls. What it raises ends the worker. */
static enum gn_signal_verdict
signal_hook(struct gn_worker *w, enum gn_hook_id id, const struct gn_ref *ref,
            enum gn_signal_verdict verdict)
{
    struct gn_err err = {0};

    if (run_hook(w, id, ref, &err))
        return verdict;
    if (err.code == GN_E_PYTHON_EXIT) {
        w->exit_status = err.status;
    } else {
        gn_log_err(w->log, GN_LERROR, "Exception in worker process", &err);
        w->exit_status = GN_EXIT_CRASH;
        verdict = GN_SIG_EXIT_CRASH;
    }
    gn_err_clear(&err);
    return verdict;
}

enum gn_signal_verdict
gn_worker_on_signal(struct gn_worker *w, int signo)
{
    struct gn_err err = {0};
    bool is_orphan;

    switch (signo) {
    case SIGTERM:
        /* Also what the kernel sends when the master is gone (PR_SET_PDEATHSIG). */
        is_orphan = getppid() != w->ppid;
        if (w->is_alive && is_orphan)
            gn_log(w->log, GN_INFO, "Parent changed, shutting down: <Worker %d>", (int)w->pid);
        w->is_alive = false;
        /* What it loads is for nobody. */
        if (!is_orphan || atomic_load(&w->slot->state) != GN_SLOT_BOOTING)
            return GN_SIG_CONTINUE;
        w->quits_now = true;
        return GN_SIG_EXIT_0;
    case SIGINT:
    case SIGQUIT:
        w->is_alive = false;
        w->quits_now = true;
        return signal_hook(w, GN_HOOK_WORKER_INT, &w->frozen->cfg.worker_int, GN_SIG_EXIT_0);
    case SIGABRT:
        w->is_alive = false;
        w->is_aborted = true;
        w->quits_now = true;
        return signal_hook(w, GN_HOOK_WORKER_ABORT, &w->frozen->cfg.worker_abort, GN_SIG_EXIT_1);
    case SIGUSR1:
        if (!gn_log_reopen(w->log, &err))
            gn_log_err(w->log, GN_LERROR, "Log files can't be reopened", &err);
        gn_err_clear(&err);
        return GN_SIG_CONTINUE;
    case SIGWINCH:
        gn_log(w->log, GN_DEBUG, "worker: SIGWINCH ignored.");
        return GN_SIG_CONTINUE;
    default:
        return GN_SIG_CONTINUE;
    }
}

/* So that applications can tell workers apart, for files or metrics of their own. */
static bool
set_number(struct gn_worker *w, struct gn_err *err)
{
    char text[16];

    snprintf(text, sizeof(text), "%d", w->id);
    return w->host->ops->set_env(w->host, "GUNICORN_WORKER_ID", text, err);
}

/* Who edits code gets to see what is wrong with it, and the worker waits for the next edit. */
static bool
load_app(struct gn_worker *w, struct gn_err *err)
{
    const struct gn_host_ops *ops = w->host->ops;
    const char *failure = NULL;
    int64_t since_ns = gn_clock_file_ns();
    struct gn_err why = {0};
    bool ok = ops->load_app(w->host, w->frozen, w->log, &why);

    if (!ok && w->frozen->cfg.reload && (why.code == GN_E_PYTHON || why.code == GN_E_APP_LOAD)) {
        failure = why.detail != NULL ? why.detail : why.msg;
        ok = ops->stand_in(w->host, failure);
        if (ok)
            gn_log_err(w->log, GN_LERROR, "Exception in worker process", &why);
    }
    if (ok) {
        w->watch = gn_watch_start(w, since_ns, failure, err);
        gn_err_clear(&why);
        return w->watch != NULL || err->code == GN_E_NONE;
    }
    *err = why;
    return false;
}

/* Everything between the fork and the loop. */
static bool
boot(struct gn_worker *w, struct gn_err *err)
{
    const struct gn_cfg *cfg = &w->frozen->cfg;

    w->is_alive = true;
    w->wake_fd[0] = w->wake_fd[1] = -1;
    if (!set_number(w, err) || !run_hook(w, GN_HOOK_POST_FORK, &cfg->post_fork, err))
        return false;
    if (!gn_proc_set_owner((uid_t)cfg->user, (gid_t)cfg->group, cfg->initgroups, err))
        return false;
    /* When the master dies without a word the worker leaves as after TERM. */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (gn_fd_pipe(w->wake_fd) < 0)
        return gn_err_set(err, GN_E_IO, errno, "no pipe for signals");
    if (!w->host->ops->worker_signals(w->host, w, w->wake_fd[1], err))
        return false;
    /* The master may have ended before prctl. */
    if (getppid() != w->ppid)
        raise(SIGTERM);
    atomic_store(&w->slot->can_dump,
                 w->host->ops->dump_on_signal(w->host, GN_SIGNAL_DUMP, gn_log_error_fd(w->log)));
    if (cfg->reload)
        gn_log(w->log, GN_WARN, "Reloader is on. Use in development only!");
    if (cfg->spew)
        w->host->ops->trace_lines(w->host);
    if (!load_app(w, err))
        return false;
    return run_hook(w, GN_HOOK_POST_WORKER_INIT, &cfg->post_worker_init, err);
}

static int
boot_status(const struct gn_err *err)
{
    if (err->code == GN_E_APP_LOAD)
        return GN_EXIT_APP_LOAD;
    if (err->code == GN_E_PYTHON_EXIT)
        return err->status;
    return GN_EXIT_WORKER_BOOT;
}

static void
log_boot_error(struct gn_worker *w, const struct gn_err *err)
{
    if (err->code == GN_E_PYTHON_EXIT) {
        if (!w->quits_now) /* else a signal asked for it */
            gn_log(w->log, GN_LERROR, "The application ended the worker while it was loaded: %s",
                   err->msg);
        return;
    }
    if (err->code == GN_E_APP_LOAD)
        gn_log(w->log, GN_LERROR, "%s", err->msg);
    else
        gn_log_err(w->log, GN_LERROR, "Exception in worker process", err);
}

/* Its thread may be waiting for the language. */
static void
stop_watch(struct gn_worker *w)
{
    struct gn_err err = {0};

    w->host->ops->wait_enter(w->host);
    gn_watch_stop(w->watch);
    w->host->ops->wait_leave(w->host);
    w->watch = NULL;
    if (w->is_reloading && !run_hook(w, GN_HOOK_WORKER_INT, &w->frozen->cfg.worker_int, &err))
        gn_log_err(w->log, GN_LERROR, "Exception in worker process", &err);
    gn_err_clear(&err);
}

int
gn_worker_main(struct gn_worker *w)
{
    struct gn_err err = {0};
    int status;

    atomic_store(&w->slot->state, GN_SLOT_BOOTING);
    if (!boot(w, &err)) {
        status = w->quits_now && !w->is_aborted ? GN_EXIT_OK : boot_status(&err);
        log_boot_error(w, &err);
    } else {
        gn_worker_beat(w);
        atomic_store(&w->slot->state, GN_SLOT_IDLE);
        notify(w);
        status = w->ops->run(w);
        stop_watch(w);
    }
    atomic_store(&w->slot->state, GN_SLOT_EXITING);
    gn_err_clear(&err);
    if (w->is_aborted && status == GN_EXIT_OK)
        status = GN_EXIT_ERROR;
    if (w->exit_status != GN_EXIT_OK && (status == GN_EXIT_OK || status == GN_EXIT_ERROR))
        status = w->exit_status;
    gn_log(w->log, GN_INFO, "Worker exiting (pid: %d)", (int)w->pid);
    if (!run_hook(w, GN_HOOK_WORKER_EXIT, &w->frozen->cfg.worker_exit, &err))
        gn_log_err(w->log, GN_WARN, "Exception during worker exit:", &err);
    gn_err_clear(&err);
    return status;
}
