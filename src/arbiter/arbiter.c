#include "arbiter/arbiter_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/proc.h"
#include "config/print.h"

/* What a turn of the loop costs is little; what it notices late is little too. */
#define TURN_NS GN_NS_PER_S

/* The master's hooks. `failure` is what is logged when one raises, `status` what the process
 * then ends with. */
static const struct {
    size_t offset; /* of its struct gn_ref in struct gn_cfg */
    const char *failure;
    int status;
} hooks[GN_HOOK_COUNT] = {
#define HOOK(id, field, failure, status)                                                           \
    [GN_HOOK_##id] = {offsetof(struct gn_cfg, field), failure, status}
    HOOK(ON_STARTING, on_starting, "Exception in on_starting hook", GN_EXIT_ERROR),
    HOOK(WHEN_READY, when_ready, "Exception in when_ready hook", GN_EXIT_ERROR),
    HOOK(NWORKERS_CHANGED, nworkers_changed, "Exception in nworkers_changed hook", GN_EXIT_ERROR),
    HOOK(ON_EXIT, on_exit, "Exception in on_exit hook", GN_EXIT_ERROR),
    HOOK(ON_RELOAD, on_reload, "Unhandled exception in main loop", GN_EXIT_CRASH),
    HOOK(PRE_FORK, pre_fork, "Unhandled exception in main loop", GN_EXIT_CRASH),
    HOOK(PRE_EXEC, pre_exec, "Exception in pre_exec hook", GN_EXIT_ERROR),
    HOOK(CHILD_EXIT, child_exit, "Unhandled exception in main loop", GN_EXIT_CRASH),
#undef HOOK
};

bool
gn_arb_hook(struct gn_arbiter *arb, const struct gn_frozen *f, enum gn_hook_id id,
            const struct gn_hook_args *args)
{
    const struct gn_ref *ref = (const void *)((const char *)&f->cfg + hooks[id].offset);
    struct gn_err err = {0};

    if (ref->handle == NULL || arb->host->ops->run_hook(arb->host, f, id, args, &err))
        return true;
    arb->hook_status = hooks[id].status;
    if (err.code == GN_E_PYTHON_EXIT)
        arb->hook_status = err.status;
    else
        gn_log_err(arb->log, GN_LERROR, hooks[id].failure, &err);
    gn_err_clear(&err);
    return false;
}

void
gn_arb_crash(struct gn_arbiter *arb)
{
    arb->stop.is_crash = true;
    gn_arb_stop_begin(arb, false, arb->hook_status, NULL);
    arb->stop.status = arb->hook_status;
}

void
gn_arb_wake_at(struct gn_arbiter *arb, int64_t ns)
{
    if (ns < arb->wake_ns)
        arb->wake_ns = ns;
}

void
gn_arb_set_title(const struct gn_frozen *f, const char *role, const char *suffix)
{
    const struct gn_frozen_candidate *given = f->chosen[GN_S_DEFAULT_PROC_NAME];
    const char *name = f->cfg.proc_name;

    /* The default is a fixed word unless somebody set it; what is served tells more. */
    if (name == NULL && (given == NULL || given->origin.layer == GN_LAYER_DEFAULT))
        name = f->app_uri;
    if (name == NULL)
        name = f->cfg.default_proc_name;
    gn_proc_set_title("gunicorn: %s [%s%s]", role, name != NULL ? name : "gunicorn", suffix);
}

void
gn_arb_set_master_title(const struct gn_arbiter *arb)
{
    gn_arb_set_title(arb->cur->frozen, "master", arb->reexec.parent != 0 ? ".2" : "");
}

void
gn_arb_log_digest(struct gn_arbiter *arb, const struct gn_frozen *f, enum gn_level level)
{
    char digest[GN_DIGEST_BYTES];

    if (gn_log_wants(arb->log, level) && gn_frozen_digest(f, digest))
        gn_log(arb->log, level, "Configuration digest: %s", digest);
}

void
gn_arb_log_options(const struct gn_frozen *f, struct gn_log_options *out)
{
    *out = (struct gn_log_options){
        .error_path = f->cfg.errorlog,
        .access_path = f->cfg.accesslog,
        .level = gn_level_parse(f->cfg.loglevel),
        .capture_output = f->cfg.capture_output,
        .owner = (uid_t)f->cfg.user,
        .group = (gid_t)f->cfg.group,
    };
}

bool
gn_arb_chdir(const struct gn_frozen *f, struct gn_err *err)
{
    if (f->cfg.chdir != NULL && chdir(f->cfg.chdir) != 0)
        return gn_err_set(err, GN_E_IO, errno, "can't chdir to '%s'", f->cfg.chdir);
    return true;
}

bool
gn_arb_enter(struct gn_arbiter *arb, const struct gn_frozen *f, struct gn_err *err)
{
    struct gn_log_options log;

    if (!gn_arb_chdir(f, err))
        return false;
    gn_arb_log_options(f, &log);
    return gn_log_reconfigure(arb->log, &log, err) &&
           arb->host->ops->apply_env(arb->host, f, err) &&
           arb->host->ops->apply_paths(arb->host, f, err);
}

void
gn_arb_on_usr1(struct gn_arbiter *arb)
{
    struct gn_arb_worker *e;
    struct gn_err err = {0};

    if (!gn_log_reopen(arb->log, &err))
        gn_log_err(arb->log, GN_LERROR, "Can't reopen the log files", &err);
    gn_err_clear(&err);
    TAILQ_FOREACH(e, &arb->workers, link) {
        /* Before it has its handlers, the signal would kill it. */
        if (gn_arb_has_booted(e))
            gn_arb_kill(e, SIGUSR1);
        else
            e->owes_usr1 = true;
    }
}

void
gn_arb_on_winch(struct gn_arbiter *arb)
{
    if (arb->stop.is_active)
        return;
    if (!arb->is_daemon) {
        gn_log(arb->log, GN_DEBUG, "SIGWINCH ignored. Not daemonized");
        return;
    }
    gn_log(arb->log, GN_INFO, "graceful stop of workers");
    gn_arb_reload_drop(arb, true);
    arb->cur->num_workers = 0;
}

/* Ends the start with a status alone: the reason is in the log already. */
static bool
halt_start(int status, struct gn_err *err)
{
    gn_err_clear(err);
    gn_err_set(err, GN_E_HALT, 0, "logged");
    err->status = status;
    return false;
}

static bool
start_hook(struct gn_arbiter *arb, enum gn_hook_id id, struct gn_err *err)
{
    struct gn_hook_args args = {
        .arbiter = arb,
        .new_value = arb->cur->num_workers,
        .old_value = -1,
    };

    return gn_arb_hook(arb, arb->cur->frozen, id, &args) || halt_start(arb->hook_status, err);
}

/* The table that on_starting has made of the one in force takes its place. A number of workers that
 * the hook has given by itself stays. */
static bool
adopt(struct gn_arbiter *arb, struct gn_err *err)
{
    struct gn_arb_gen *old = arb->cur, *g = gn_arb_gen_new(arb, arb->given, err);

    gn_frozen_unref(arb->given);
    arb->given = NULL;
    if (g == NULL)
        return false;
    if (old->num_workers != old->frozen->cfg.workers)
        g->num_workers = old->num_workers;
    arb->cur = g;
    gn_arb_gen_free(old);
    arb->reuse_port = g->frozen->cfg.reuse_port;
    gn_arb_set_master_title(arb);
    return gn_arb_enter(arb, g->frozen, err) && gn_arb_gen_secure(arb, g, err) &&
           gn_arb_pidfile_update(arb, err);
}

static bool
run_on_starting(struct gn_arbiter *arb, struct gn_err *err)
{
    bool ok;

    arb->is_open_for_settings = true;
    ok = start_hook(arb, GN_HOOK_ON_STARTING, err);
    arb->is_open_for_settings = false;
    return ok && (arb->given == NULL || adopt(arb, err));
}

/* The tries before were logged as well: the last word belongs to them. */
static bool
start_listening(struct gn_arbiter *arb, struct gn_err *err)
{
    char text[sizeof(err->msg) + 128];

    if (gn_arb_gen_listen(arb, arb->cur, NULL, err))
        return true;
    if (gn_arb_sigpipe_wants_stop())
        return halt_start(GN_EXIT_OK, err);
    gn_log(arb->log, GN_LERROR, "%s", gn_err_text(err, text, sizeof(text)));
    return halt_start(GN_EXIT_ERROR, err);
}

/* With the language up already, its own steps around fork are due: what counts is that another
 * process goes on. */
static bool
daemonize(struct gn_arbiter *arb, const struct gn_cfg *c, struct gn_err *err)
{
    bool ok;

    /* An upgrade on the fly is in the background already, and who started it knows its number. */
    arb->is_daemon = c->daemon;
    if (!c->daemon || arb->reexec.is_heir)
        return true;
    arb->host->ops->before_fork(arb->host);
    ok = gn_proc_daemonize(c->enable_stdio_inheritance, err);
    arb->host->ops->after_fork(arb->host, ok);
    gn_log_after_fork(arb->log);
    return ok;
}

/* All that can fail for reasons that the caller should read comes before the terminal is lost. */
static bool
set_up(struct gn_arbiter *arb, const struct gn_frozen *f, struct gn_err *err)
{
    const struct gn_host_ops *ops = arb->host->ops;
    struct gn_log_options log;

    if (!ops->start(arb->host, err) || !gn_arb_chdir(f, err))
        return false;
    gn_arb_log_options(f, &log);
    arb->log = gn_log_open(&log, err);
    if (arb->log == NULL || !gn_arb_reexec_init(arb, err))
        return false;
    arb->reuse_port = f->cfg.reuse_port;
    arb->cur = gn_arb_gen_new(arb, f, err);
    if (arb->cur == NULL || !ops->apply_env(arb->host, f, err) ||
        !ops->apply_paths(arb->host, f, err) || !gn_arb_gen_secure(arb, arb->cur, err) ||
        !daemonize(arb, &f->cfg, err))
        return false;
    arb->pid = getpid();
    gn_arb_notify_open(arb);
    return true;
}

static bool
preload(struct gn_arbiter *arb, struct gn_err *err)
{
    const struct gn_frozen *f = arb->cur->frozen;

    arb->is_preloaded = f->cfg.preload_app;
    if (!arb->is_preloaded)
        return true;
    gn_arb_notify_preload(arb);
    if (!arb->host->ops->load_app(arb->host, f, arb->log, err))
        return false;
    arb->host->ops->freeze(arb->host);
    return true;
}

static bool
map_slots(struct gn_arbiter *arb, struct gn_err *err)
{
    void *p = mmap(NULL, GN_ARB_SLOTS * sizeof(struct gn_slot), PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED)
        return gn_err_set(err, GN_E_IO, errno, "can't map the memory shared with workers");
    arb->slots = p;
    gn_arb_watch_oom(arb);
    return true;
}

/* What somebody has set and what is not used is said. */
static void
say_activation(struct gn_arbiter *arb)
{
    const struct gn_frozen_candidate *bind = arb->cur->frozen->chosen[GN_S_BIND];
    const char *names = gn_sd_env(arb->inputs->envp, "LISTEN_FDNAMES");

    if (arb->n_activated > 0 && bind != NULL && bind->origin.layer != GN_LAYER_DEFAULT)
        gn_log(arb->log, GN_INFO, "Sockets of systemd are used instead of bind: %d (%s)",
               arb->n_activated, names != NULL ? names : "without names");
}

/* From "Starting" to "ready", with the hooks at their documented moments. */
static bool
open_for_business(struct gn_arbiter *arb, struct gn_err *err)
{
    struct gn_arb_gen *g;

    gn_arb_set_master_title(arb);
    gn_log(arb->log, GN_INFO, "Starting gunicorn %s", GN_COMPAT_VERSION);
    if (!gn_arb_pidfile_update(arb, err) || !run_on_starting(arb, err) ||
        !gn_arb_sigpipe_open(arb, err) || !start_listening(arb, err))
        return false;
    g = arb->cur;
    gn_arb_reexec_fini(arb);
    gn_log(arb->log, GN_DEBUG, "Arbiter booted");
    say_activation(arb);
    gn_arb_gen_announce(g, arb->log, arb->pid);
    gn_log(arb->log, GN_INFO, "Using worker: %s", g->worker_name);
    /* The lines at the level info are the documented ones. */
    gn_arb_log_digest(arb, g->frozen, GN_DEBUG);
    return start_hook(arb, GN_HOOK_WHEN_READY, err);
}

static void
log_count(struct gn_arbiter *arb)
{
    const struct gn_arb_worker *e;
    int n = 0;

    TAILQ_FOREACH(e, &arb->workers, link) {
        n++;
    }
    if (n != arb->logged_workers)
        gn_log(arb->log, GN_DEBUG, "%d workers", n);
    arb->logged_workers = n;
}

static void
loop(struct gn_arbiter *arb)
{
    for (;;) {
        int64_t now = gn_clock_mono_ns();

        arb->wake_ns = now + TURN_NS;
        gn_arb_sigpipe_dispatch(arb);
        gn_arb_reap(arb);
        gn_arb_reexec_step(arb);
        gn_arb_watch(arb, now);
        gn_arb_stop_delayed(arb, now);
        if (!arb->stop.is_active)
            gn_arb_reload_step(arb);
        if (!arb->stop.is_active)
            gn_arb_recycle(arb);
        if (!arb->stop.is_active)
            gn_arb_manage(arb, arb->cur, now);
        if (!arb->stop.is_active && arb->next != NULL)
            gn_arb_manage(arb, arb->next, now);
        if (arb->stop.is_active)
            gn_arb_stop_step(arb, now);
        gn_arb_notify_step(arb, now);
        if (arb->is_done)
            return;
        log_count(arb);
        gn_arb_sigpipe_wait(arb);
    }
}

/* The last words and acts of a server that has served. */
static int
finish(struct gn_arbiter *arb)
{
    enum gn_level level = arb->stop.status == GN_EXIT_OK ? GN_INFO : GN_LERROR;

    if (!arb->stop.is_crash) {
        gn_log(arb->log, level, "Shutting down: Master");
        if (arb->stop.reason != NULL)
            gn_log(arb->log, level, "Reason: %s", arb->stop.reason);
    }
    gn_arb_pidfile_remove(&arb->pidfile, arb->pid);
    if (!arb->stop.is_crash && !gn_arb_hook(arb, arb->cur->frozen, GN_HOOK_ON_EXIT,
                                            &(struct gn_hook_args){.arbiter = arb}))
        return arb->hook_status;
    return arb->stop.status;
}

/* Says why the server could not start. Returns the exit status. */
static int
report(struct gn_arbiter *arb, const struct gn_frozen *f, const struct gn_err *err)
{
    char text[sizeof(err->msg) + 128];

    if (err->code == GN_E_HALT)
        return err->status;
    if (err->code == GN_E_PYTHON_EXIT) {
        fprintf(stderr, "%s\n", err->msg);
        return err->status;
    }
    if (err->detail != NULL)
        fputs(err->detail, stderr);
    fprintf(stderr, "Error: %s\n", gn_err_text(err, text, sizeof(text)));
    /* A daemon's standard error is nowhere. */
    if (arb->log != NULL && f->cfg.errorlog != NULL && strcmp(f->cfg.errorlog, "-") != 0)
        gn_log_err(arb->log, GN_LERROR, "Can't start", err);
    return GN_EXIT_ERROR;
}

static void
release(struct gn_arbiter *arb)
{
    struct gn_arb_worker *e;

    /* Objects of the language may outlive what they show. */
    arb->host->arbiter = NULL;
    if (arb->cur != NULL)
        gn_arb_gen_close(arb, arb->cur, NULL);
    gn_arb_gen_free(arb->cur);
    arb->cur = NULL;
    gn_frozen_unref(arb->given);
    gn_arb_reexec_fini(arb);
    gn_arb_notify_close(arb);
    gn_arb_pidfile_remove(&arb->pidfile, arb->pid);
    while ((e = TAILQ_FIRST(&arb->workers)) != NULL) {
        TAILQ_REMOVE(&arb->workers, e, link);
        gn_arb_worker_free(e);
    }
    gn_arb_sigpipe_close(arb);
    if (arb->slots != NULL)
        munmap(arb->slots, GN_ARB_SLOTS * sizeof(struct gn_slot));
    if (arb->log != NULL)
        gn_log_close(arb->log);
}

int
gn_arbiter_run(const struct gn_arbiter_start *start)
{
    struct gn_arbiter arb = {
        .inputs = start->inputs,
        .host = start->host,
        .wake_fd = {-1, -1},
        .notify = {.sd = {.fd = -1}},
    };
    struct gn_err err = {0};
    int status;

    TAILQ_INIT(&arb.workers);
    TAILQ_INIT(&arb.siblings);
    arb.host->arbiter = &arb;
    if (set_up(&arb, start->frozen, &err) && map_slots(&arb, &err) &&
        start_hook(&arb, GN_HOOK_NWORKERS_CHANGED, &err) && preload(&arb, &err) &&
        open_for_business(&arb, &err)) {
        loop(&arb);
        status = finish(&arb);
    } else {
        status = report(&arb, start->frozen, &err);
    }
    gn_err_clear(&err);
    release(&arb);
    return status;
}
