#include "worker/request.h"

#include "base/clock.h"
#include "host/host.h"
#include "worker/conn.h"
#include "worker/slot.h"

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
    gn_resp_flush_last(&c->resp);
    gn_service_log_access(c->service, c, NULL, NULL);
    gn_slot_end(w, c);
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
    if (!gn_resp_flush_some(&c->resp)) {
        w->host->ops->leave(w->host, thread);
        gn_resp_flush_last(&c->resp);
        w->host->ops->enter(w->host, thread);
    }
    gn_service_log_access(c->service, c, NULL, NULL);
    gn_slot_end(w, c);
    return ns;
}
