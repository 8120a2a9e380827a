#include "worker/request.h"

#include "base/clock.h"
#include "host/host.h"
#include "worker/conn.h"
#include "worker/slot.h"

/* What a slow client has not taken at once is left to the loop, as long as that does not fill the
 * memory: then the thread waits, and takes no other request meanwhile. */
static bool
leave_to_loop(struct gn_conn *c)
{
    struct gn_resp *r = &c->resp;

    if (!gn_resp_has_rest(r))
        return true;
    return gn_service_hold(c->service, r) && gn_resp_keep_file(r);
}

static void
conclude(struct gn_worker *w, struct gn_conn *c)
{
    if (!gn_resp_has_rest(&c->resp))
        gn_service_log_access(c->service, c, NULL, NULL);
    gn_slot_end(w, c);
}

int64_t
gn_request_run(struct gn_worker *w, struct gn_conn *c)
{
    void *thread = c->scratch->thread;
    int64_t start, ns;

    w->host->ops->enter(w->host, thread);
    start = gn_clock_mono_ns();
    gn_slot_begin(w, c, start);
    w->host->ops->handle_request(w->host, w, c);
    ns = gn_clock_mono_ns() - start;
    w->host->ops->leave(w->host, thread);
    if (gn_resp_step(&c->resp) != GN_RESP_OUT && !leave_to_loop(c))
        gn_resp_flush(&c->resp);
    conclude(w, c);
    return ns;
}

int64_t
gn_request_run_entered(struct gn_worker *w, struct gn_conn *c)
{
    void *thread = c->scratch->thread;
    int64_t start = gn_clock_mono_ns();
    int64_t ns;

    gn_slot_begin(w, c, start);
    w->host->ops->handle_request(w->host, w, c);
    ns = gn_clock_mono_ns() - start;
    if (gn_resp_step(&c->resp) != GN_RESP_OUT && !leave_to_loop(c)) {
        w->host->ops->leave(w->host, thread);
        gn_resp_flush(&c->resp);
        w->host->ops->enter(w->host, thread);
    }
    conclude(w, c);
    return ns;
}
