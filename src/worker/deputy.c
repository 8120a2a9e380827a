#include "worker/deputy.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "base/clock.h"

enum { IDLE_TICKS = 20 }; /* without a request: then the deputy sleeps */

#define TICK_NS GN_NS_PER_MS

/* ---- the deputy's side ---- */

/* Waits for one tick. False when the thread has to end. */
static bool
tick(struct gn_deputy *d)
{
    struct timespec t;
    bool goes_on;

    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += TICK_NS;
    if (t.tv_nsec >= GN_NS_PER_S) {
        t.tv_nsec -= GN_NS_PER_S;
        t.tv_sec++;
    }
    pthread_mutex_lock(&d->lock);
    while (!d->is_stopping && pthread_cond_timedwait(&d->wake, &d->lock, &t) == 0)
        continue;
    goes_on = !d->is_stopping;
    pthread_mutex_unlock(&d->lock);
    return goes_on;
}

/* Sleeps until the owner begins a request. False when the thread has to end. */
static bool
sleep_until_needed(struct gn_deputy *d)
{
    bool goes_on;

    pthread_mutex_lock(&d->lock);
    atomic_store(&d->is_asleep, true);
    /* Either the owner sees that we sleep, or we see that it has begun. */
    while (!d->is_stopping && atomic_load(&d->is_asleep) && !atomic_load(&d->is_owner_away))
        pthread_cond_wait(&d->wake, &d->lock);
    atomic_store(&d->is_asleep, false);
    goes_on = !d->is_stopping;
    pthread_mutex_unlock(&d->lock);
    return goes_on;
}

static void
lead(struct gn_deputy *d)
{
    if (pthread_mutex_trylock(&d->loop) != 0)
        return;
    if (atomic_load(&d->is_owner_away)) {
        d->ops->lead(d->ctx);
        while (!atomic_load(&d->is_owner_waiting))
            d->ops->turn(d->ctx);
        d->ops->end(d->ctx);
    }
    pthread_mutex_unlock(&d->loop);
}

static void *
deputy_main(void *arg)
{
    struct gn_deputy *d = arg;
    unsigned seen = atomic_load(&d->serial);
    unsigned idle = 0;

    while (tick(d)) {
        unsigned now = atomic_load(&d->serial);

        if (now != seen)
            idle = 0;
        else if (atomic_load(&d->is_owner_away))
            lead(d);
        else
            idle++;
        seen = now;
        if (idle < IDLE_TICKS)
            continue;
        idle = 0;
        if (!sleep_until_needed(d))
            break;
        seen = atomic_load(&d->serial);
    }
    return NULL;
}

/* ---- the owner's side ---- */

void
gn_deputy_leave(struct gn_deputy *d)
{
    atomic_store(&d->is_owner_away, true);
    pthread_mutex_unlock(&d->loop);
    if (atomic_load(&d->is_asleep)) {
        pthread_mutex_lock(&d->lock);
        atomic_store(&d->is_asleep, false);
        pthread_cond_signal(&d->wake);
        pthread_mutex_unlock(&d->lock);
    }
}

void
gn_deputy_next(struct gn_deputy *d)
{
    atomic_fetch_add_explicit(&d->serial, 1, memory_order_relaxed);
}

void
gn_deputy_return(struct gn_deputy *d)
{
    if (pthread_mutex_trylock(&d->loop) != 0) {
        atomic_store(&d->is_owner_waiting, true);
        d->ops->wake(d->ctx);
        pthread_mutex_lock(&d->loop);
        atomic_store(&d->is_owner_waiting, false);
    }
    atomic_store(&d->is_owner_away, false);
}

/* ---- start and end ---- */

bool
gn_deputy_start(struct gn_deputy *d, const struct gn_deputy_ops *ops, void *ctx, struct gn_err *err)
{
    pthread_condattr_t attr;
    sigset_t all, before;
    int error;

    d->ops = ops;
    d->ctx = ctx;
    pthread_mutex_init(&d->loop, NULL);
    pthread_mutex_init(&d->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&d->wake, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_lock(&d->loop);
    /* Signals are for the owner. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&d->id, NULL, deputy_main, d);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    d->is_running = error == 0;
    return d->is_running || gn_err_set(err, GN_E_IO, error, "a thread can't be started");
}

void
gn_deputy_stop(struct gn_deputy *d)
{
    if (!d->is_running)
        return;
    pthread_mutex_lock(&d->lock);
    d->is_stopping = true;
    pthread_cond_signal(&d->wake);
    pthread_mutex_unlock(&d->lock);
    pthread_join(d->id, NULL);
    d->is_running = false;
    pthread_mutex_unlock(&d->loop);
    pthread_mutex_destroy(&d->loop);
    pthread_mutex_destroy(&d->lock);
    pthread_cond_destroy(&d->wake);
}
