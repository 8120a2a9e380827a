#include "arbiter/arbiter_int.h"

#include <stdatomic.h>

#include "base/clock.h"

/* Between the signal that writes the stacks and ABRT. */
#define DUMP_NS (50 * GN_NS_PER_MS)

/* Who has lived that long after booting was not started in vain. */
enum { PROBATION_S = 1 };

/* A timeout longer than this is none; keeps the sums below from overflowing. */
enum { TIMEOUT_MAX_S = 1000 * 1000 * 1000 };

bool
gn_arb_has_booted(const struct gn_arb_worker *e)
{
    int state = atomic_load(&e->w.slot->state);

    /* One that has come up and is on its way out again, or dead, shows it by its last beat. */
    return e->is_booted || state == GN_SLOT_IDLE || state == GN_SLOT_BUSY ||
           atomic_load(&e->w.slot->beat_ns) != 0;
}

/* "GET / HTTP/1.1 from 192.0.2.1, for 31.5 seconds" */
static void
log_run(struct gn_arbiter *arb, const char *what, const struct gn_arb_worker *e,
        const struct gn_arb_run *run, int64_t now)
{
    gn_log(arb->log, GN_CRITICAL, "%s (pid:%d) of worker %d in %s%s%s, for %.1f seconds", what,
           (int)e->w.pid, e->w.id, run->line, run->peer[0] != '\0' ? " from " : "", run->peer,
           (double)(now - run->since_ns) / (double)GN_NS_PER_S);
}

/* The oldest request is most likely the one that hangs; what else ran may be what it waits for. */
static void
log_timeout(struct gn_arbiter *arb, const struct gn_arb_worker *e, int64_t now)
{
    struct gn_arb_run runs[GN_SLOT_RUNS];
    size_t n = gn_arb_runs(e->w.slot, runs);
    size_t oldest = 0;

    if (n == 0) {
        gn_log(arb->log, GN_CRITICAL, "WORKER TIMEOUT (pid:%d) of worker %d, without a request",
               (int)e->w.pid, e->w.id);
        return;
    }
    for (size_t i = 1; i < n; i++)
        if (runs[i].since_ns < runs[oldest].since_ns)
            oldest = i;
    log_run(arb, "WORKER TIMEOUT", e, &runs[oldest], now);
    for (size_t i = 0; i < n; i++)
        if (i != oldest)
            log_run(arb, "At the same time", e, &runs[i], now);
}

/* The stacks first, while they still show where it hangs; a handler of ABRT changes them. */
static void
time_out(struct gn_arbiter *arb, struct gn_arb_worker *e, int64_t now)
{
    bool can_dump = atomic_load(&e->w.slot->can_dump) != 0;

    log_timeout(arb, e, now);
    e->is_timed_out = true;
    e->is_stopping = true;
    e->abort_at_ns = now;
    if (can_dump) {
        gn_arb_kill(e, GN_SIGNAL_DUMP);
        e->abort_at_ns += DUMP_NS;
    }
}

static void
watch_beat(struct gn_arbiter *arb, struct gn_arb_worker *e, int64_t now)
{
    int64_t timeout_s = e->w.frozen->cfg.timeout;
    int64_t beat = atomic_load(&e->w.slot->beat_ns);
    int64_t due;

    /* Before the first beat it is loading the application, and that may take its time. */
    if (timeout_s <= 0 || timeout_s > TIMEOUT_MAX_S || beat == 0 || e->is_timed_out)
        return;
    due = beat + timeout_s * GN_NS_PER_S;
    if (now <= due)
        gn_arb_wake_at(arb, due + 1);
    else
        time_out(arb, e, now);
}

/* ABRT, and KILL when the worker's hook has had its time. */
static void
watch_abort(struct gn_arbiter *arb, struct gn_arb_worker *e, int64_t now)
{
    if (e->abort_at_ns == 0)
        return;
    if (now < e->abort_at_ns) {
        gn_arb_wake_at(arb, e->abort_at_ns);
        return;
    }
    e->abort_at_ns = 0;
    gn_arb_tell(arb, e, SIGABRT, false, gn_clock_ns_of_s(e->w.frozen->cfg.abort_timeout));
}

static void
watch_deadline(struct gn_arbiter *arb, struct gn_arb_worker *e, int64_t now)
{
    if (e->kill_at_ns == 0)
        return;
    if (now >= e->kill_at_ns) {
        gn_arb_kill(e, SIGKILL);
        /* It may be in a state where even that takes time. */
        e->kill_at_ns = now + GN_NS_PER_S;
    }
    gn_arb_wake_at(arb, e->kill_at_ns);
}

void
gn_arb_note_booted(struct gn_arbiter *arb, struct gn_arb_worker *e)
{
    if (e->is_booted || !gn_arb_has_booted(e))
        return;
    e->is_booted = true;
    if (e->owes_usr1)
        gn_arb_kill(e, SIGUSR1);
    e->booted_ns = gn_clock_mono_ns();
    if (e->gen == arb->cur->number)
        arb->cur->booted++;
    else if (arb->next != NULL && e->gen == arb->next->number)
        arb->next->booted++;
}

static void
watch_probation(struct gn_arbiter *arb, struct gn_arb_worker *e, int64_t now)
{
    if (!e->is_booted || e->is_proven || now - e->booted_ns < PROBATION_S * GN_NS_PER_S)
        return;
    e->is_proven = true;
    arb->boot_failures = 0;
}

void
gn_arb_watch(struct gn_arbiter *arb, int64_t now)
{
    struct gn_arb_worker *e;

    TAILQ_FOREACH(e, &arb->workers, link) {
        gn_arb_note_booted(arb, e);
        watch_probation(arb, e, now);
        /* While the server stops, graceful_timeout alone decides how long a request may take. */
        if (arb->stop.is_active)
            continue;
        watch_beat(arb, e, now);
        watch_abort(arb, e, now);
        watch_deadline(arb, e, now);
    }
}
