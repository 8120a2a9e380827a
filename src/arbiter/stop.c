#include "arbiter/arbiter_int.h"

#include "base/clock.h"

enum {
    QUICK_GRACE_S = 2, /* after the second INT or QUIT */
    DEATH_GRACE_S = 5, /* after KILL, for a process in an uninterruptible wait */
};

static void
signal_all(struct gn_arbiter *arb, int signo)
{
    struct gn_arb_worker *e;

    TAILQ_FOREACH(e, &arb->workers, link) {
        e->is_stopping = true;
        gn_arb_kill(e, signo);
    }
}

/* Before any signal, so that no worker leaves while clients wait in the queue. */
static void
drain_all(struct gn_arbiter *arb)
{
    struct gn_arb_worker *e;

    TAILQ_FOREACH(e, &arb->workers, link) {
        atomic_store(&e->w.slot->drain, 1);
    }
}

void
gn_arb_stop_begin(struct gn_arbiter *arb, bool graceful, int status, const char *reason)
{
    if (arb->stop.is_active)
        return;
    arb->stop.is_active = true;
    arb->stop.status = status;
    arb->stop.reason = reason;
    arb->stop.deadline_ns = gn_clock_mono_ns() + gn_arb_grace_ns(arb->cur->frozen);
    gn_arb_wake_at(arb, 0);
    gn_arb_reload_drop(arb, false);
    gn_arb_reexec_reap(arb);
    gn_arb_notify_stop(arb);
    /* Another master that goes on answers what waits in the queues that both share. */
    if (graceful && (arb->reuse_port || gn_arb_reexec_is_alone(arb)))
        drain_all(arb);
    gn_arb_gen_close(arb, arb->cur, NULL);
    signal_all(arb, graceful ? SIGTERM : SIGQUIT);
}

static void
log_survivors(struct gn_arbiter *arb)
{
    struct gn_arb_worker *e;

    TAILQ_FOREACH(e, &arb->workers, link) {
        gn_log(arb->log, GN_WARN, "Worker (pid:%d) can't be killed, left behind", (int)e->w.pid);
    }
}

void
gn_arb_stop_step(struct gn_arbiter *arb, int64_t now)
{
    if (TAILQ_EMPTY(&arb->workers)) {
        arb->is_done = true;
        return;
    }
    if (now >= arb->stop.deadline_ns && !arb->stop.is_killing) {
        arb->stop.is_killing = true;
        arb->stop.deadline_ns = now + DEATH_GRACE_S * GN_NS_PER_S;
        signal_all(arb, SIGKILL);
    } else if (now >= arb->stop.deadline_ns) {
        log_survivors(arb);
        arb->is_done = true;
    }
    gn_arb_wake_at(arb, arb->stop.deadline_ns);
}

/* Who spreads requests over machines learns of the end with a delay, and sends some meanwhile. */
void
gn_arb_on_term(struct gn_arbiter *arb)
{
    int64_t delay_s = arb->cur->frozen->cfg.pre_stop_delay;

    if (delay_s == 0) {
        gn_arb_stop_begin(arb, true, GN_EXIT_OK, NULL);
        return;
    }
    if (arb->stop.is_active || arb->stop.delayed_until_ns != 0)
        return;
    gn_log(arb->log, GN_INFO, "Requests are accepted for %lld more seconds (pre_stop_delay)",
           (long long)delay_s);
    gn_arb_notify_stop(arb);
    arb->stop.delayed_until_ns = gn_clock_mono_ns() + gn_clock_ns_of_s(delay_s);
}

void
gn_arb_stop_delayed(struct gn_arbiter *arb, int64_t now)
{
    int64_t due = arb->stop.delayed_until_ns;

    if (due == 0 || arb->stop.is_active)
        return;
    if (now >= due)
        gn_arb_stop_begin(arb, true, GN_EXIT_OK, NULL);
    else
        gn_arb_wake_at(arb, due);
}

void
gn_arb_on_quit(struct gn_arbiter *arb)
{
    int64_t soon = gn_clock_mono_ns() + QUICK_GRACE_S * GN_NS_PER_S;

    if (!arb->stop.is_active) {
        gn_arb_stop_begin(arb, false, GN_EXIT_OK, NULL);
        return;
    }
    if (arb->stop.is_quick_asked || arb->stop.is_killing)
        return;
    arb->stop.is_quick_asked = true;
    gn_log(arb->log, GN_INFO, "Quick shutdown requested");
    if (soon < arb->stop.deadline_ns)
        arb->stop.deadline_ns = soon;
    signal_all(arb, SIGQUIT);
}
