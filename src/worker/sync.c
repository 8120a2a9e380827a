#include "worker/sync.h"

#include "host/host.h"
#include "worker/engine.h"

/* The request runs here and now: while it does, the loop stands still and other workers take the
 * new connections. */
static void
ready(struct gn_engine *e, struct gn_conn *c)
{
    c->scratch = &e->service.scratch;
    e->w->host->ops->handle_request(e->w->host, e->w, c);
    gn_engine_done(e, c);
}

static bool
has_room(struct gn_engine *e)
{
    (void)e;
    return true;
}

static const struct gn_engine_policy policy = {
    .has_keepalive = false,
    .ready = ready,
    .has_room = has_room,
};

int
gn_sync_run(struct gn_worker *w)
{
    return gn_engine_run(w, &policy, NULL, NULL, NULL);
}
