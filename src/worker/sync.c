#include "worker/sync.h"

#include "worker/engine.h"
#include "worker/request.h"

/* The request runs here and now: while it does, the loop stands still and other workers take the
 * new connections. */
static void
ready(struct gn_engine *e, struct gn_conn *c)
{
    c->scratch = &e->service.scratch;
    gn_request_run(e->w, c);
    gn_engine_done(e, c);
}

static bool
has_room(struct gn_engine *e)
{
    (void)e;
    return true;
}

static struct gn_scratch *
scratch(struct gn_engine *e, size_t i)
{
    return i == 0 ? &e->service.scratch : NULL;
}

static const struct gn_engine_policy policy = {
    .has_keepalive = false,
    .has_threads = false,
    .scratch = scratch,
    .ready = ready,
    .has_room = has_room,
};

int
gn_sync_run(struct gn_worker *w)
{
    return gn_engine_run(w, &policy, NULL, NULL, NULL);
}
