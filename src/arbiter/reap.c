#include "arbiter/arbiter_int.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

static bool
serves_somebody(const struct gn_arbiter *arb)
{
    const struct gn_arb_worker *e;

    TAILQ_FOREACH(e, &arb->workers, link) {
        if (e->is_booted && !e->is_stopping)
            return true;
    }
    return false;
}

static bool
retires_somebody(const struct gn_arbiter *arb)
{
    const struct gn_arb_worker *e;

    TAILQ_FOREACH(e, &arb->workers, link) {
        if (e->is_retiring)
            return true;
    }
    return false;
}

/* A worker ended, untold, before it could serve. True when that ends the server. */
static bool
boot_failed(struct gn_arbiter *arb, const struct gn_arb_worker *e, int status, int64_t now)
{
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;

    if (arb->next != NULL && e->gen == arb->next->number) {
        gn_arb_reload_fail(arb);
        return false;
    }
    /* After a failed reload the broken code may still lie there, and the old workers hold the
     * fort: one of them that ends must not take the others with it. */
    if (code != GN_EXIT_WORKER_BOOT && code != GN_EXIT_APP_LOAD)
        gn_arb_spawn_later(arb, now);
    else if ((arb->keeps_old || retires_somebody(arb)) && serves_somebody(arb)) {
        gn_log(arb->log, GN_LERROR, "A new worker did not boot; those that serve stay");
        gn_arb_spawn_later(arb, now);
    } else {
        gn_arb_stop_begin(arb, true, code,
                          code == GN_EXIT_APP_LOAD ? "App failed to load."
                                                   : "Worker failed to boot.");
        return true;
    }
    return false;
}

static void
reaped(struct gn_arbiter *arb, struct gn_arb_worker *e, int status, const struct rusage *used)
{
    int64_t now = gn_clock_mono_ns();
    bool failed, halts = false;

    e->owes_usr1 = false;
    gn_arb_note_booted(arb, e);
    failed = !e->is_booted && !e->is_stopping;
    gn_arb_explain(arb, e, status, used);
    gn_arb_score_keep(arb, e->w.slot);
    /* Out of the list first: its number may be somebody else's from now on. */
    TAILQ_REMOVE(&arb->workers, e, link);
    if (failed && !arb->stop.is_active)
        halts = boot_failed(arb, e, status, now);
    else if (status != 0 && !e->is_proven && !e->is_stopping)
        gn_arb_spawn_later(arb, now);
    if (!halts && !gn_arb_hook(arb, e->w.frozen, GN_HOOK_CHILD_EXIT,
                               &(struct gn_hook_args){.arbiter = arb, .worker = &e->w}))
        gn_arb_crash(arb);
    gn_arb_worker_free(e);
}

/* Something has ended that can be waited for. */
static bool
anybody_ended(void)
{
    siginfo_t info = {.si_pid = 0};

    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0;
}

/* As the first process of a container we inherit the orphans of everybody, and nobody else will
 * wait for them. This takes their status from a hook's subprocess as well when both end in the
 * same moment; there is no way to tell them apart. */
static void
reap_strangers(struct gn_arbiter *arb)
{
    pid_t pid;
    int status;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        gn_log(arb->log, GN_DEBUG, "Unknown child (pid:%d) ended", (int)pid);
}

void
gn_arb_reap(struct gn_arbiter *arb)
{
    struct gn_arb_worker *e, *following;
    struct rusage used;
    int status;

    if (!anybody_ended())
        return;
    /* Worker by worker: a child that a hook has started belongs to the hook, which wants its
     * status. */
    for (e = TAILQ_FIRST(&arb->workers); e != NULL; e = following) {
        following = TAILQ_NEXT(e, link);
        if (wait4(e->w.pid, &status, WNOHANG, &used) == e->w.pid)
            reaped(arb, e, status, &used);
    }
    gn_arb_reexec_reap(arb);
    if (arb->pid == 1)
        reap_strangers(arb);
}

void
gn_arb_on_chld(struct gn_arbiter *arb)
{
    /* Every turn of the loop reaps; the signal only ends the wait. */
    (void)arb;
}
