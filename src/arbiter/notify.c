/* What the service manager is told: when we are ready, reload, stop, and that we are alive.
 *
 * A master whose predecessor lives keeps silent: the service is still the other one.
 */
#include "arbiter/arbiter_int.h"

#include <unistd.h>

#include "base/clock.h"

/* Workers tell by shared memory that they are up, which wakes nobody. */
#define READY_POLL_NS (50 * GN_NS_PER_MS)

/* While the application is being loaded more time is asked for, again and again, but not for ever:
 * a server whose workers never come up shall be noticed. */
#define EXTEND_EVERY_NS (5 * GN_NS_PER_S)
#define EXTEND_LIMIT_NS (600 * GN_NS_PER_S)
enum { EXTEND_S = 15, PRELOAD_S = 600 };

void
gn_arb_notify_open(struct gn_arbiter *arb)
{
    struct gn_arb_notify *n = &arb->notify;

    gn_sd_open(&n->sd, arb->inputs->envp, getpid());
    n->since_ns = gn_clock_mono_ns();
    n->told_up = -1;
}

void
gn_arb_notify_close(struct gn_arbiter *arb)
{
    gn_sd_close(&arb->notify.sd);
}

static bool
is_silent(const struct gn_arbiter *arb)
{
    return arb->notify.sd.fd < 0 || arb->reexec.parent != 0;
}

void
gn_arb_notify_preload(struct gn_arbiter *arb)
{
    if (!is_silent(arb))
        gn_sd_notify(&arb->notify.sd, "EXTEND_TIMEOUT_USEC=%lld\nSTATUS=Loading the application",
                     (long long)PRELOAD_S * 1000000);
}

static void
count(const struct gn_arbiter *arb, int *alive, int *up)
{
    const struct gn_arb_worker *e;

    *alive = *up = 0;
    TAILQ_FOREACH(e, &arb->workers, link) {
        *alive += !e->is_stopping;
        *up += e->is_booted && !e->is_stopping && e->gen == arb->cur->number;
    }
}

static void
tell_ready(struct gn_arbiter *arb, int up)
{
    struct gn_arb_notify *n = &arb->notify;
    bool has_failed = n->state == GN_ARB_RELOADING && n->reloading_gen == arb->cur->number;

    gn_sd_notify(&n->sd, "READY=1\nMAINPID=%d\nSTATUS=%s with %d of %d workers", (int)arb->pid,
                 has_failed ? "Reload failed, the old configuration serves" : "Serving", up,
                 arb->cur->num_workers);
    n->state = GN_ARB_READY;
    n->told_up = up;
}

/* READY=1 belongs to an application that a worker has loaded; without workers there is none. */
static void
boot_step(struct gn_arbiter *arb, int up, int64_t now)
{
    struct gn_arb_notify *n = &arb->notify;

    if (up > 0 || arb->cur->num_workers == 0) {
        tell_ready(arb, up);
        return;
    }
    if (now >= n->extend_ns && now - n->since_ns < EXTEND_LIMIT_NS) {
        n->extend_ns = now + EXTEND_EVERY_NS;
        gn_sd_notify(&n->sd, "EXTEND_TIMEOUT_USEC=%lld\nSTATUS=Workers load the application",
                     (long long)EXTEND_S * 1000000);
    }
    gn_arb_wake_at(arb, now + READY_POLL_NS);
}

/* The loop turns, or we were not here. Workers that all died make a server that looks alive, and is
 * not. */
static void
watchdog_step(struct gn_arbiter *arb, int alive, int64_t now)
{
    struct gn_arb_notify *n = &arb->notify;

    if (n->sd.watchdog_ns == 0 || (alive == 0 && arb->cur->num_workers > 0))
        return;
    if (now >= n->watchdog_at_ns) {
        n->watchdog_at_ns = now + n->sd.watchdog_ns / 2;
        gn_sd_notify(&n->sd, "WATCHDOG=1");
    }
    gn_arb_wake_at(arb, n->watchdog_at_ns);
}

void
gn_arb_notify_step(struct gn_arbiter *arb, int64_t now)
{
    struct gn_arb_notify *n = &arb->notify;
    int alive, up;

    if (is_silent(arb))
        return;
    count(arb, &alive, &up);
    watchdog_step(arb, alive, now);
    if (arb->stop.is_active || n->state == GN_ARB_STOPPING)
        return;
    if (n->state == GN_ARB_STARTING)
        boot_step(arb, up, now);
    else if (n->state == GN_ARB_RELOADING && arb->next == NULL)
        tell_ready(arb, up);
    else if (n->state == GN_ARB_READY && up != n->told_up)
        gn_sd_notify(&n->sd, "STATUS=Serving with %d of %d workers", up, arb->cur->num_workers);
    n->told_up = up;
}

void
gn_arb_notify_reload(struct gn_arbiter *arb)
{
    struct gn_arb_notify *n = &arb->notify;

    if (is_silent(arb) || n->state == GN_ARB_STARTING)
        return;
    n->state = GN_ARB_RELOADING;
    n->reloading_gen = arb->cur->number;
    gn_sd_notify(&n->sd, "RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=Reloading",
                 (long long)(gn_clock_mono_ns() / 1000));
}

void
gn_arb_notify_stop(struct gn_arbiter *arb)
{
    struct gn_arb_notify *n = &arb->notify;

    if (is_silent(arb) || n->state == GN_ARB_STOPPING)
        return;
    n->state = GN_ARB_STOPPING;
    /* With another master that goes on, the service doesn't end: it is that one from now on. */
    if (arb->reexec.heir != 0)
        gn_sd_notify(&n->sd, "MAINPID=%d", (int)arb->reexec.heir);
    else
        gn_sd_notify(&n->sd, "STOPPING=1\nSTATUS=Shutting down");
}
