#include "worker/thread.h"

#include <stdlib.h>

#include "base/fd.h"
#include "config/frozen.h"
#include "host/host.h"
#include "log/log.h"
#include "worker/deputy.h"
#include "worker/engine.h"
#include "worker/pool.h"
#include "worker/request.h"

enum { ACCEPT_AHEAD = 16 }; /* fresh connections taken at once while requests are quick */

struct threads {
    struct gn_pool pool;
    struct gn_deputy deputy;
    struct gn_engine *engine;
    struct gn_scratch scratch; /* of the loop's thread while it runs requests */
};

/* ---- requests ---- */

static void
ready(struct gn_engine *e, struct gn_conn *c)
{
    struct threads *t = e->policy_data;

    gn_pool_push(&t->pool, c, !e->is_led_by_deputy);
}

static void
finish_answered(struct gn_engine *e, struct threads *t)
{
    struct gn_conn *c;

    while ((c = gn_pool_take_done(&t->pool)) != NULL)
        gn_engine_done(e, c);
}

/* Quick requests run here, on the loop's thread, under one hold of the language's lock: with other
 * threads of the application at work every new hold may cost a switch interval (5 ms). The lock is
 * also held while responses are sent, which do not wait for the client. */
static void
run(struct gn_engine *e)
{
    struct threads *t = e->policy_data;
    struct gn_worker *w = e->w;
    struct gn_conn *c;

    if (e->is_led_by_deputy || !gn_pool_begin_here(&t->pool))
        return;
    gn_deputy_leave(&t->deputy);
    w->host->ops->enter(w->host, NULL);
    while ((c = gn_pool_take_here(&t->pool)) != NULL) {
        int64_t ns;

        gn_deputy_next(&t->deputy);
        c->scratch = &t->scratch;
        ns = gn_request_run_entered(w, c);
        gn_pool_done(&t->pool, c, ns, true);
    }
    w->host->ops->leave(w->host, NULL);
    gn_deputy_return(&t->deputy);
    gn_pool_end_here(&t->pool);
    finish_answered(e, t);
}

static bool
has_pending(struct gn_engine *e)
{
    struct threads *t = e->policy_data;

    return !e->is_led_by_deputy && gn_pool_has_here(&t->pool);
}

/* A fresh connection is only taken when a thread is free for it: else another worker may have one.
 */
static bool
has_room(struct gn_engine *e)
{
    const struct threads *t = e->policy_data;
    size_t room = t->pool.n;

    if (!e->is_led_by_deputy && gn_pool_is_quick(&t->pool) && room < ACCEPT_AHEAD)
        room = ACCEPT_AHEAD;
    return e->n_running < room;
}

static int
wake_fd(struct gn_engine *e)
{
    const struct threads *t = e->policy_data;

    return t->pool.done_fd;
}

static void
on_wake(struct gn_engine *e)
{
    struct threads *t = e->policy_data;

    gn_fd_drain(t->pool.done_fd);
    finish_answered(e, t);
}

/* ---- the deputy ---- */

static void
deputy_lead(void *ctx)
{
    struct threads *t = ctx;

    t->engine->is_led_by_deputy = true;
    gn_pool_rescue(&t->pool);
    finish_answered(t->engine, t);
}

static void
deputy_turn(void *ctx)
{
    struct threads *t = ctx;

    gn_engine_turn(t->engine);
}

static void
deputy_end(void *ctx)
{
    struct threads *t = ctx;

    t->engine->is_led_by_deputy = false;
}

static void
deputy_wake(void *ctx)
{
    struct threads *t = ctx;

    gn_pool_wake_loop(&t->pool);
}

static const struct gn_deputy_ops deputy_ops = {
    .lead = deputy_lead,
    .turn = deputy_turn,
    .end = deputy_end,
    .wake = deputy_wake,
};

/* ---- start and end ---- */

static bool
start(struct gn_engine *e, struct gn_err *err)
{
    struct threads *t = e->policy_data;

    t->engine = e;
    return gn_pool_start(&t->pool, err) && gn_deputy_start(&t->deputy, &deputy_ops, t, err);
}

/* Threads that still work when draining has run out of time are left alone: the process ends now.
 */
static void
stop(struct gn_engine *e)
{
    struct threads *t = e->policy_data;

    gn_deputy_stop(&t->deputy);
    if (e->n_running == 0)
        gn_pool_stop(&t->pool);
}

static struct gn_scratch *
scratch(struct gn_engine *e, size_t i)
{
    struct threads *t = e->policy_data;

    return i == 0 ? &t->scratch : gn_pool_scratch(&t->pool, i - 1);
}

static const struct gn_engine_policy policy = {
    .has_keepalive = true,
    .has_threads = true,
    .scratch = scratch,
    .ready = ready,
    .run = run,
    .has_pending = has_pending,
    .has_room = has_room,
    .wake_fd = wake_fd,
    .on_wake = on_wake,
};

int
gn_thread_run(struct gn_worker *w)
{
    struct threads *t = calloc(1, sizeof(*t));
    int64_t n = w->frozen->cfg.threads;
    struct gn_err err = {0};
    int status = GN_EXIT_WORKER_BOOT;

    if (t == NULL)
        return GN_EXIT_WORKER_BOOT;
    if (!gn_pool_init(&t->pool, w, n > 0 ? (size_t)n : 1, &err))
        gn_log_err(w->log, GN_LERROR, "Exception in worker process", &err);
    else
        status = gn_engine_run(w, &policy, t, start, stop);
    gn_err_clear(&err);
    if (t->pool.n_threads > 0)
        return status;
    gn_buf_fini(&t->scratch.line);
    gn_pool_fini(&t->pool);
    free(t);
    return status;
}
