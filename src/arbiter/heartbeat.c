#include "arbiter/arbiter_int.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

/* Between ABRT and KILL, so that the worker's hook and traceback have their time. */
enum { ABORT_GRACE_S = 1 };

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

/* Copies the line that the worker may be writing. False when it has no quiet moment. */
static bool
copy_line(const struct gn_slot *slot, char out[GN_SLOT_LINE_BYTES])
{
    for (int tries = 0; tries < 1000; tries++) {
        unsigned before = atomic_load_explicit(&slot->seq, memory_order_acquire);

        if (before % 2 != 0)
            continue;
        memcpy(out, slot->line, GN_SLOT_LINE_BYTES);
        atomic_thread_fence(memory_order_acquire);
        if (atomic_load_explicit(&slot->seq, memory_order_relaxed) == before) {
            out[GN_SLOT_LINE_BYTES - 1] = '\0';
            return true;
        }
    }
    return false;
}

static void
log_timeout(struct gn_arbiter *arb, const struct gn_arb_worker *e, int64_t now)
{
    char line[GN_SLOT_LINE_BYTES];
    int64_t since = atomic_load(&e->w.slot->busy_since_ns);

    if (atomic_load(&e->w.slot->state) == GN_SLOT_BUSY && copy_line(e->w.slot, line) &&
        line[0] != '\0') {
        gn_log(arb->log, GN_CRITICAL, "WORKER TIMEOUT (pid:%d) in %s, for %.1f seconds",
               (int)e->w.pid, line, (double)(now - since) / (double)GN_NS_PER_S);
        return;
    }
    gn_log(arb->log, GN_CRITICAL, "WORKER TIMEOUT (pid:%d)", (int)e->w.pid);
}

static void
watch_beat(struct gn_arbiter *arb, struct gn_arb_worker *e, int64_t now)
{
    int64_t timeout_s = e->w.frozen->cfg.timeout;
    int64_t beat = atomic_load(&e->w.slot->beat_ns);
    int64_t due;

    /* Before the first beat it is loading the application, and that may take its time. */
    if (timeout_s <= 0 || timeout_s > TIMEOUT_MAX_S || beat == 0 || e->abort_ns != 0)
        return;
    due = beat + timeout_s * GN_NS_PER_S;
    if (now <= due) {
        gn_arb_wake_at(arb, due + 1);
        return;
    }
    log_timeout(arb, e, now);
    e->abort_ns = now;
    gn_arb_tell(arb, e, SIGABRT, false, ABORT_GRACE_S * GN_NS_PER_S);
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
        watch_deadline(arb, e, now);
    }
}
