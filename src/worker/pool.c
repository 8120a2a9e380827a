#include "worker/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "host/host.h"
#include "worker/request.h"

/* A request is slow when handing it to another thread and back (some 20 us) hardly adds to it. Two
 * marks, so that the choice does not flicker. */
enum { SHARE_ONE = 65536, SLOW_ABOVE = SHARE_ONE / 8, QUICK_BELOW = SHARE_ONE / 32, WEIGHT = 16 };
#define SLOW_NS (300 * GN_NS_PER_US)

struct gn_pool_thread {
    struct gn_pool *pool;
    pthread_t id;
    struct gn_scratch scratch;
};

/* ---- the threads' side ---- */

static struct gn_conn *
take_request(struct gn_pool *p)
{
    struct gn_conn *c;

    pthread_mutex_lock(&p->lock);
    while (((c = TAILQ_FIRST(&p->queue)) == NULL || p->n_running >= p->n) && !p->is_stopping)
        pthread_cond_wait(&p->has_work, &p->lock);
    if (p->is_stopping)
        c = NULL;
    if (c != NULL) {
        TAILQ_REMOVE(&p->queue, c, link);
        p->n_running++;
    }
    pthread_mutex_unlock(&p->lock);
    return c;
}

static void *
thread_main(void *arg)
{
    struct gn_pool_thread *t = arg;
    struct gn_pool *p = t->pool;
    struct gn_host *host = p->w->host;
    struct gn_conn *c;

    t->scratch.thread = host->ops->thread_begin(host);
    while ((c = take_request(p)) != NULL) {
        int64_t ns;

        c->scratch = &t->scratch;
        ns = gn_request_run(p->w, c);
        gn_pool_done(p, c, ns, false);
    }
    host->ops->thread_end(host, t->scratch.thread);
    gn_buf_fini(&t->scratch.line);
    return NULL;
}

/* ---- requests ---- */

void
gn_pool_push(struct gn_pool *p, struct gn_conn *c, bool may_stay)
{
    pthread_mutex_lock(&p->lock);
    if (may_stay && p->is_quick) {
        TAILQ_INSERT_TAIL(&p->here, c, link);
    } else {
        TAILQ_INSERT_TAIL(&p->queue, c, link);
        pthread_cond_signal(&p->has_work);
    }
    pthread_mutex_unlock(&p->lock);
}

bool
gn_pool_has_here(struct gn_pool *p)
{
    bool has;

    pthread_mutex_lock(&p->lock);
    has = !TAILQ_EMPTY(&p->here);
    pthread_mutex_unlock(&p->lock);
    return has;
}

bool
gn_pool_is_quick(const struct gn_pool *p)
{
    return atomic_load_explicit(&p->is_quick, memory_order_relaxed);
}

/* Gives what waits in `here` to the threads. */
static void
move_here(struct gn_pool *p)
{
    if (TAILQ_EMPTY(&p->here))
        return;
    TAILQ_CONCAT(&p->queue, &p->here, link);
    pthread_cond_broadcast(&p->has_work);
}

bool
gn_pool_begin_here(struct gn_pool *p)
{
    bool begins;

    pthread_mutex_lock(&p->lock);
    begins = !TAILQ_EMPTY(&p->here);
    if (begins && p->n_running >= p->n) {
        move_here(p);
        begins = false;
    }
    if (begins) {
        p->n_running++;
        p->loop_is_at_work = true;
    }
    pthread_mutex_unlock(&p->lock);
    return begins;
}

struct gn_conn *
gn_pool_take_here(struct gn_pool *p)
{
    struct gn_conn *c;

    pthread_mutex_lock(&p->lock);
    if (!p->is_quick && p->n_running < p->n)
        move_here(p);
    c = TAILQ_FIRST(&p->here);
    if (c != NULL)
        TAILQ_REMOVE(&p->here, c, link);
    pthread_mutex_unlock(&p->lock);
    return c;
}

void
gn_pool_end_here(struct gn_pool *p)
{
    pthread_mutex_lock(&p->lock);
    p->n_running--;
    p->loop_is_at_work = false;
    /* A thread may have waited for the place. */
    if (!TAILQ_EMPTY(&p->queue))
        pthread_cond_signal(&p->has_work);
    pthread_mutex_unlock(&p->lock);
}

void
gn_pool_rescue(struct gn_pool *p)
{
    pthread_mutex_lock(&p->lock);
    p->loop_is_at_work = false;
    move_here(p);
    pthread_mutex_unlock(&p->lock);
}

static void
note_time(struct gn_pool *p, int64_t ns)
{
    unsigned now = ns > SLOW_NS ? SHARE_ONE : 0;

    p->slow_share = p->slow_share - p->slow_share / WEIGHT + now / WEIGHT;
    if (p->slow_share > SLOW_ABOVE)
        p->is_quick = false;
    else if (p->slow_share < QUICK_BELOW)
        p->is_quick = true;
}

/* ---- answers ---- */

void
gn_pool_done(struct gn_pool *p, struct gn_conn *c, int64_t ns, bool is_here)
{
    bool must_wake;

    pthread_mutex_lock(&p->lock);
    if (!is_here)
        p->n_running--;
    /* The loop empties the list whole: one wake-up for all that joined meanwhile. */
    must_wake = TAILQ_EMPTY(&p->done) && !(is_here && p->loop_is_at_work);
    TAILQ_INSERT_TAIL(&p->done, c, link);
    note_time(p, ns);
    pthread_mutex_unlock(&p->lock);
    if (must_wake)
        gn_pool_wake_loop(p);
}

struct gn_conn *
gn_pool_take_done(struct gn_pool *p)
{
    struct gn_conn *c;

    pthread_mutex_lock(&p->lock);
    c = TAILQ_FIRST(&p->done);
    if (c != NULL)
        TAILQ_REMOVE(&p->done, c, link);
    pthread_mutex_unlock(&p->lock);
    return c;
}

void
gn_pool_wake_loop(struct gn_pool *p)
{
    uint64_t one = 1;

    (void)gn_fd_write(p->done_fd, &one, sizeof(one));
}

/* ---- start and end ---- */

bool
gn_pool_init(struct gn_pool *p, struct gn_worker *w, size_t n, struct gn_err *err)
{
    p->w = w;
    p->n = n;
    p->is_quick = true;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->has_work, NULL);
    TAILQ_INIT(&p->queue);
    TAILQ_INIT(&p->here);
    TAILQ_INIT(&p->done);
    p->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (p->done_fd < 0)
        return gn_err_set(err, GN_E_IO, errno, "no event descriptor");
    p->threads = calloc(n, sizeof(*p->threads));
    return p->threads != NULL || gn_err_set(err, GN_E_MEMORY, 0, "no memory");
}

bool
gn_pool_start(struct gn_pool *p, struct gn_err *err)
{
    for (; p->n_threads < p->n; p->n_threads++) {
        struct gn_pool_thread *t = &p->threads[p->n_threads];
        int error;

        t->pool = p;
        t->scratch.number = p->n_threads + 1;
        error = pthread_create(&t->id, NULL, thread_main, t);
        if (error != 0)
            return gn_err_set(err, GN_E_IO, error, "thread %zu of %zu can't be started",
                              p->n_threads + 1, p->n);
    }
    return true;
}

struct gn_scratch *
gn_pool_scratch(struct gn_pool *p, size_t i)
{
    return i < p->n_threads ? &p->threads[i].scratch : NULL;
}

void
gn_pool_stop(struct gn_pool *p)
{
    pthread_mutex_lock(&p->lock);
    p->is_stopping = true;
    pthread_cond_broadcast(&p->has_work);
    pthread_mutex_unlock(&p->lock);
    while (p->n_threads > 0)
        pthread_join(p->threads[--p->n_threads].id, NULL);
}

void
gn_pool_fini(struct gn_pool *p)
{
    gn_fd_close(&p->done_fd);
    free(p->threads);
    pthread_cond_destroy(&p->has_work);
    pthread_mutex_destroy(&p->lock);
}
