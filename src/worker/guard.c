#include "worker/guard.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "config/frozen.h"
#include "host/host.h"
#include "log/log.h"
#include "worker/engine.h"

struct gn_guard {
    struct gn_engine *e;
    pthread_t id;
    pthread_mutex_t lock;
    pthread_cond_t wake; /* by the monotonic clock */
    bool is_stopping;    /* guarded by lock */
    int64_t limit_ns;    /* request_timeout; 0: none */
    bool watches_lock;
    void *thread; /* the language's view of this thread */
};

/* While the language is held by somebody, the beat stands still since now. */
static void
enter(struct gn_worker *w)
{
    atomic_store(&w->lock_wanted_ns, gn_clock_mono_ns());
}

static void
leave(struct gn_worker *w)
{
    atomic_store(&w->lock_wanted_ns, 0);
}

static void
end_request(struct gn_guard *g, struct gn_scratch *t, int64_t since)
{
    struct gn_worker *w = g->e->w;
    bool was_told;

    enter(w);
    was_told = w->host->ops->interrupt(w->host, w, g->thread, t, since);
    leave(w);
    if (was_told)
        gn_worker_ask_to_leave(w, GN_LEAVE_STUCK);
}

/* Returns when the next request will have used up its time. */
static int64_t
end_requests(struct gn_guard *g, int64_t now)
{
    int64_t next = INT64_MAX;
    struct gn_scratch *t;

    for (size_t i = 0; g->limit_ns > 0 && (t = g->e->policy->scratch(g->e, i)) != NULL; i++) {
        int64_t since = atomic_load(&t->since_ns);

        if (since == 0 || since == t->ended_ns)
            continue;
        if (now - since >= g->limit_ns) {
            t->ended_ns = since;
            end_request(g, t, since);
        } else if (since + g->limit_ns < next) {
            next = since + g->limit_ns;
        }
    }
    return next;
}

static void
touch_lock(struct gn_guard *g)
{
    struct gn_worker *w = g->e->w;

    if (!g->watches_lock || atomic_load(&w->slot->state) != GN_SLOT_BUSY)
        return;
    enter(w);
    w->host->ops->enter(w->host, g->thread);
    w->host->ops->leave(w->host, g->thread);
    leave(w);
}

static bool
nap_until(struct gn_guard *g, int64_t ns)
{
    struct timespec t = {.tv_sec = ns / GN_NS_PER_S, .tv_nsec = ns % GN_NS_PER_S};
    bool goes_on;

    pthread_mutex_lock(&g->lock);
    while (!g->is_stopping && pthread_cond_timedwait(&g->wake, &g->lock, &t) == 0)
        continue;
    goes_on = !g->is_stopping;
    pthread_mutex_unlock(&g->lock);
    return goes_on;
}

static void *
guard_main(void *arg)
{
    struct gn_guard *g = arg;
    struct gn_host *host = g->e->w->host;
    int64_t next;

    g->thread = host->ops->thread_begin(host);
    do {
        int64_t now = gn_clock_mono_ns();

        next = end_requests(g, now);
        touch_lock(g);
        if (next > now + GN_NS_PER_S)
            next = now + GN_NS_PER_S;
    } while (nap_until(g, next));
    host->ops->thread_end(host, g->thread);
    return NULL;
}

struct gn_guard *
gn_guard_start(struct gn_engine *e, struct gn_err *err)
{
    const struct gn_cfg *cfg = &e->w->frozen->cfg;
    bool watches_lock = e->policy->has_threads && cfg->timeout > 0;
    pthread_condattr_t attr;
    struct gn_guard *g;
    int error;

    if (cfg->request_timeout <= 0 && !watches_lock)
        return NULL;
    g = calloc(1, sizeof(*g));
    if (g == NULL) {
        gn_err_set(err, GN_E_MEMORY, 0, "no memory");
        return NULL;
    }
    g->e = e;
    g->limit_ns = gn_clock_ns_of_s(cfg->request_timeout);
    g->watches_lock = watches_lock;
    pthread_mutex_init(&g->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&g->wake, &attr);
    pthread_condattr_destroy(&attr);
    error = pthread_create(&g->id, NULL, guard_main, g);
    if (error == 0)
        return g;
    gn_err_set(err, GN_E_IO, error, "the thread that looks after requests can't be started");
    free(g);
    return NULL;
}

void
gn_guard_stop(struct gn_guard *g)
{
    if (g == NULL)
        return;
    pthread_mutex_lock(&g->lock);
    g->is_stopping = true;
    pthread_cond_signal(&g->wake);
    pthread_mutex_unlock(&g->lock);
    /* One that waits for the language may do so until the process ends: it keeps what it has. */
    if (atomic_load(&g->e->w->lock_wanted_ns) != 0 && g->e->n_running > 0) {
        pthread_detach(g->id);
        return;
    }
    pthread_join(g->id, NULL);
    pthread_cond_destroy(&g->wake);
    pthread_mutex_destroy(&g->lock);
    free(g);
}
