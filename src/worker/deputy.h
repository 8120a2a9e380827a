/* A thread that turns the loop while the loop's own thread is stuck in a request.
 *
 * Requests that take microseconds are run by the loop's thread itself: handing them over would cost
 * more than they do. Should one take longer after all, the deputy leads the loop until its owner is
 * back, so that nobody waits behind it. While requests come, the deputy looks once in a
 * millisecond; without any it sleeps.
 *
 * Lock: `loop` is held by whoever may touch the engine: its owner, but for the time between
 * gn_deputy_leave and gn_deputy_return; else the deputy while it leads.
 */
#ifndef GN_WORKER_DEPUTY_H
#define GN_WORKER_DEPUTY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/err.h"

struct gn_deputy_ops {
    void (*lead)(void *ctx); /* the deputy takes over */
    void (*turn)(void *ctx); /* one turn of the loop */
    void (*end)(void *ctx);  /* the owner is back */
    void (*wake)(void *ctx); /* ends a wait inside `turn`; called by the owner */
};

struct gn_deputy {
    const struct gn_deputy_ops *ops;
    void *ctx;
    pthread_t id;
    pthread_mutex_t loop;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool is_running;               /* the thread was started */
    bool is_stopping;              /* guarded by lock */
    _Atomic bool is_asleep;        /* written with lock held */
    _Atomic bool is_owner_away;    /* in a request */
    _Atomic bool is_owner_waiting; /* wants the loop back */
    _Atomic unsigned serial;       /* grows with every request that the owner begins */
};

/* The caller is the loop's owner from here on. */
bool gn_deputy_start(struct gn_deputy *d, const struct gn_deputy_ops *ops, void *ctx,
                     struct gn_err *err) GN_MUST_CHECK;
void gn_deputy_stop(struct gn_deputy *d);

/* The owner begins with requests, and with each of them; it is back. */
void gn_deputy_leave(struct gn_deputy *d);
void gn_deputy_next(struct gn_deputy *d);
void gn_deputy_return(struct gn_deputy *d);

#endif
