/* Replacing workers that have had enough (max_requests, memory, a request that hung): a few at a
 * time, and never before the replacement serves. */
#include "arbiter/arbiter_int.h"

#include <stdatomic.h>

static bool
is_current(const struct gn_arbiter *arb, const struct gn_arb_worker *e)
{
    return e->gen == arb->cur->number;
}

/* Those that may begin now. Whoever retires counts until it has ended: it still uses memory, and
 * what it has to finish may be heavy. */
static void
admit(struct gn_arbiter *arb)
{
    int64_t room = arb->cur->frozen->cfg.max_unavailable;
    struct gn_arb_worker *e;

    TAILQ_FOREACH(e, &arb->workers, link) {
        room -= e->is_retiring;
    }
    TAILQ_FOREACH(e, &arb->workers, link) {
        if (room <= 0)
            return;
        if (!is_current(arb, e) || !gn_arb_stays(e) ||
            atomic_load(&e->w.slot->leaves) == GN_LEAVE_NOT)
            continue;
        e->is_retiring = true;
        room--;
    }
}

/* How many workers more than needed can serve. */
static int
surplus(const struct gn_arbiter *arb)
{
    const struct gn_arb_worker *e;
    int n = -arb->cur->num_workers;

    TAILQ_FOREACH(e, &arb->workers, link) {
        n += is_current(arb, e) && e->is_booted && !e->is_stopping;
    }
    return n;
}

void
gn_arb_recycle(struct gn_arbiter *arb)
{
    struct gn_arb_worker *e;
    int n;

    /* A reload replaces everybody anyway. */
    if (arb->next != NULL)
        return;
    admit(arb);
    n = surplus(arb);
    TAILQ_FOREACH(e, &arb->workers, link) {
        if (n <= 0)
            return;
        if (!e->is_retiring || e->is_stopping)
            continue;
        gn_arb_tell(arb, e, SIGTERM, false, gn_arb_grace_ns(e->w.frozen));
        n--;
    }
}
