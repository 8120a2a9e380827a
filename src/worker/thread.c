#include "worker/thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fd.h"
#include "config/frozen.h"
#include "host/host.h"
#include "worker/engine.h"

struct pool;

struct pool_thread {
    struct pool *pool;
    pthread_t id;
    struct gn_scratch scratch;
};

struct pool {
    struct gn_worker *w;
    pthread_mutex_t lock;
    pthread_cond_t has_work;
    struct gn_conn_list queue; /* requests for the threads; guarded by lock */
    struct gn_conn_list done;  /* answered, for the loop; guarded by lock */
    bool is_stopping;          /* guarded by lock */
    int done_fd;               /* eventfd: `done` is not empty */
    size_t n;
    struct pool_thread *threads;
};

/* ---- the threads' side ---- */

static struct gn_conn *
take_request(struct pool *p)
{
    struct gn_conn *c;

    pthread_mutex_lock(&p->lock);
    while ((c = TAILQ_FIRST(&p->queue)) == NULL && !p->is_stopping)
        pthread_cond_wait(&p->has_work, &p->lock);
    if (c != NULL)
        TAILQ_REMOVE(&p->queue, c, link);
    pthread_mutex_unlock(&p->lock);
    return c;
}

static void
give_back(struct pool *p, struct gn_conn *c)
{
    uint64_t one = 1;
    bool was_empty;

    pthread_mutex_lock(&p->lock);
    was_empty = TAILQ_EMPTY(&p->done);
    TAILQ_INSERT_TAIL(&p->done, c, link);
    pthread_mutex_unlock(&p->lock);
    /* The loop empties the list whole: one wake-up for all that joined meanwhile. */
    if (was_empty)
        (void)gn_fd_write(p->done_fd, &one, sizeof(one));
}

static void *
thread_main(void *arg)
{
    struct pool_thread *t = arg;
    struct pool *p = t->pool;
    struct gn_host *host = p->w->host;
    struct gn_conn *c;

    t->scratch.thread = host->ops->thread_begin(host);
    while ((c = take_request(p)) != NULL) {
        c->scratch = &t->scratch;
        host->ops->handle_request(host, p->w, c);
        give_back(p, c);
    }
    host->ops->thread_end(host, t->scratch.thread);
    gn_buf_fini(&t->scratch.line);
    return NULL;
}

/* ---- the loop's side ---- */

static void
ready(struct gn_engine *e, struct gn_conn *c)
{
    struct pool *p = e->policy_data;

    pthread_mutex_lock(&p->lock);
    TAILQ_INSERT_TAIL(&p->queue, c, link);
    pthread_cond_signal(&p->has_work);
    pthread_mutex_unlock(&p->lock);
}

/* A fresh connection is only taken when a thread is free for it: else another worker may have one.
 */
static bool
has_room(struct gn_engine *e)
{
    const struct pool *p = e->policy_data;

    return e->n_running < p->n;
}

static int
wake_fd(struct gn_engine *e)
{
    const struct pool *p = e->policy_data;

    return p->done_fd;
}

static void
on_wake(struct gn_engine *e)
{
    struct pool *p = e->policy_data;
    struct gn_conn_list done = TAILQ_HEAD_INITIALIZER(done);
    struct gn_conn *c;

    gn_fd_drain(p->done_fd);
    pthread_mutex_lock(&p->lock);
    TAILQ_CONCAT(&done, &p->done, link);
    pthread_mutex_unlock(&p->lock);
    while ((c = TAILQ_FIRST(&done)) != NULL) {
        TAILQ_REMOVE(&done, c, link);
        gn_engine_done(e, c);
    }
}

static bool
start(struct gn_engine *e, struct gn_err *err)
{
    struct pool *p = e->policy_data;

    for (size_t i = 0; i < p->n; i++) {
        int error;

        p->threads[i].pool = p;
        error = pthread_create(&p->threads[i].id, NULL, thread_main, &p->threads[i]);
        if (error != 0)
            return gn_err_set(err, GN_E_IO, error, "thread %zu of %zu can't be started", i + 1,
                              p->n);
    }
    return true;
}

/* Threads that still work when draining has run out of time are left alone: the process ends now.
 */
static void
stop(struct gn_engine *e)
{
    struct pool *p = e->policy_data;

    pthread_mutex_lock(&p->lock);
    p->is_stopping = true;
    pthread_cond_broadcast(&p->has_work);
    pthread_mutex_unlock(&p->lock);
    if (e->n_running > 0)
        return;
    for (size_t i = 0; i < p->n; i++)
        pthread_join(p->threads[i].id, NULL);
    p->n = 0;
}

static const struct gn_engine_policy policy = {
    .has_keepalive = true,
    .ready = ready,
    .has_room = has_room,
    .wake_fd = wake_fd,
    .on_wake = on_wake,
};

int
gn_thread_run(struct gn_worker *w)
{
    struct pool *p = calloc(1, sizeof(*p));
    int64_t n = w->frozen->cfg.threads;
    int status;

    if (p == NULL)
        return GN_EXIT_WORKER_BOOT;
    p->w = w;
    p->n = n > 0 ? (size_t)n : 1;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->has_work, NULL);
    TAILQ_INIT(&p->queue);
    TAILQ_INIT(&p->done);
    p->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    p->threads = calloc(p->n, sizeof(*p->threads));
    if (p->done_fd < 0 || p->threads == NULL)
        return GN_EXIT_WORKER_BOOT;
    status = gn_engine_run(w, &policy, p, start, stop);
    if (p->n == 0) {
        gn_fd_close(&p->done_fd);
        free(p->threads);
        free(p);
    }
    return status;
}
