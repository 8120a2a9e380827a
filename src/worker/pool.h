/* The threads of a worker: a queue of requests for them, and a list of answered ones for the loop.
 *
 * The loop's own thread may also run requests, those of the list `here`; it counts as one of the
 * `n` threads while it does. One mutex guards everything. A connection in a list belongs to nobody
 * else.
 */
#ifndef GN_WORKER_POOL_H
#define GN_WORKER_POOL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "worker/engine.h"

struct gn_pool_thread;

struct gn_pool {
    struct gn_worker *w;
    pthread_mutex_t lock;
    pthread_cond_t has_work;
    struct gn_conn_list queue; /* requests for the threads */
    struct gn_conn_list here;  /* requests for the loop's thread */
    struct gn_conn_list done;  /* answered, for the loop */
    size_t n;                  /* requests that may run at once */
    size_t n_running;
    /* The loop's thread runs requests itself as long as they are quick. */
    _Atomic bool is_quick;
    unsigned slow_share;  /* of the latest requests, in 1/65536 */
    bool loop_is_at_work; /* the loop's thread runs requests and will look at `done` itself */
    bool is_stopping;
    int done_fd; /* eventfd: `done` is not empty; also ends a wait of the loop */
    size_t n_threads;
    struct gn_pool_thread *threads;
};

bool gn_pool_init(struct gn_pool *p, struct gn_worker *w, size_t n,
                  struct gn_err *err) GN_MUST_CHECK;
bool gn_pool_start(struct gn_pool *p, struct gn_err *err) GN_MUST_CHECK;

/* Ends the threads; they must be idle. */
void gn_pool_stop(struct gn_pool *p);
void gn_pool_fini(struct gn_pool *p);

/* What the i-th thread keeps; NULL behind the last. */
struct gn_scratch *gn_pool_scratch(struct gn_pool *p, size_t i);

/* A request is ready. It goes to a thread, or to the loop's thread when `may_stay` and requests are
 * quick. */
void gn_pool_push(struct gn_pool *p, struct gn_conn *c, bool may_stay);

/* The loop's thread begins to run requests: false when there is none, or all others are at work. */
bool gn_pool_begin_here(struct gn_pool *p);
struct gn_conn *gn_pool_take_here(struct gn_pool *p);
void gn_pool_end_here(struct gn_pool *p);

/* What the loop's thread has not begun goes to the threads: it is stuck in a request. */
void gn_pool_rescue(struct gn_pool *p);

/* A request that took `ns` in the application was answered; `is_here`: by the loop's thread. */
void gn_pool_done(struct gn_pool *p, struct gn_conn *c, int64_t ns, bool is_here);

/* The next answered one, or NULL. */
struct gn_conn *gn_pool_take_done(struct gn_pool *p);

/* Ends a wait of the loop. */
void gn_pool_wake_loop(struct gn_pool *p);

bool gn_pool_has_here(struct gn_pool *p);

/* Requests are so quick that the loop's thread runs them itself. */
bool gn_pool_is_quick(const struct gn_pool *p);

#endif
