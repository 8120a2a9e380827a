/* Reading what workers write into their slots. */
#include "arbiter/arbiter_int.h"

#include <stdatomic.h>
#include <string.h>

/* Copies the texts that the worker may be writing. False when they have no quiet moment. */
static bool
copy_run(const struct gn_slot_run *run, struct gn_arb_run *out)
{
    for (int tries = 0; tries < 1000; tries++) {
        unsigned before = atomic_load_explicit(&run->seq, memory_order_acquire);

        out->since_ns = atomic_load_explicit(&run->since_ns, memory_order_acquire);
        if (out->since_ns == 0)
            return false;
        if (before % 2 != 0)
            continue;
        memcpy(out->line, run->line, sizeof(out->line));
        memcpy(out->peer, run->peer, sizeof(out->peer));
        atomic_thread_fence(memory_order_acquire);
        if (atomic_load_explicit(&run->seq, memory_order_relaxed) == before) {
            out->line[sizeof(out->line) - 1] = '\0';
            out->peer[sizeof(out->peer) - 1] = '\0';
            return true;
        }
    }
    return false;
}

size_t
gn_arb_runs(const struct gn_slot *slot, struct gn_arb_run out[GN_SLOT_RUNS])
{
    size_t n = 0;

    for (size_t i = 0; i < GN_SLOT_RUNS; i++)
        if (copy_run(&slot->runs[i], &out[n]))
            n++;
    return n;
}

static void
add_counts(struct gn_arb_counts *to, const struct gn_slot *slot)
{
    to->accepted += atomic_load_explicit(&slot->accepted, memory_order_relaxed);
    to->requests += atomic_load_explicit(&slot->requests, memory_order_relaxed);
    to->errors += atomic_load_explicit(&slot->errors, memory_order_relaxed);
}

void
gn_arb_score_keep(struct gn_arbiter *arb, const struct gn_slot *slot)
{
    add_counts(&arb->past, slot);
}

void
gn_arb_score(const struct gn_arbiter *arb, struct gn_arb_score *out)
{
    const struct gn_arb_worker *e;

    *out = (struct gn_arb_score){.counts = arb->past};
    TAILQ_FOREACH(e, &arb->workers, link) {
        const struct gn_slot *slot = e->w.slot;

        switch (atomic_load_explicit(&slot->state, memory_order_relaxed)) {
        case GN_SLOT_BOOTING:
            out->booting++;
            break;
        case GN_SLOT_IDLE:
            out->idle++;
            break;
        case GN_SLOT_BUSY:
            out->busy++;
            break;
        default:
            out->exiting++;
            break;
        }
        add_counts(&out->counts, slot);
        out->memory_bytes += atomic_load_explicit(&slot->memory_bytes, memory_order_relaxed);
    }
}
