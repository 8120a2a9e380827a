#include "arbiter/arbiter_int.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"

/* Delay before a worker is started again, when none has come up in between: 0, 0.1, 0.2, 0.4 ...
 * s. */
#define SPAWN_DELAY_NS (GN_NS_PER_S / 10)
#define SPAWN_DELAY_MAX_NS (5 * GN_NS_PER_S)

int64_t
gn_arb_grace_ns(const struct gn_frozen *f)
{
    return gn_clock_ns_of_s(f->cfg.graceful_timeout);
}

/* The smallest number that no living worker has; 0 when all are taken. */
static int
free_id(const struct gn_arbiter *arb)
{
    const struct gn_arb_worker *e;
    unsigned char used[GN_ARB_SLOTS] = {0};

    TAILQ_FOREACH(e, &arb->workers, link) {
        used[e->w.id - 1] = 1;
    }
    for (int i = 0; i < GN_ARB_SLOTS; i++)
        if (used[i] == 0)
            return i + 1;
    return 0;
}

static uint64_t
request_limit(const struct gn_cfg *c)
{
    uint64_t jitter = 0, r = 0;

    if (c->max_requests <= 0)
        return UINT64_MAX;
    if (c->max_requests_jitter > 0) {
        /* Only there to keep workers from ending together; without randomness they just do. */
        if (getrandom(&r, sizeof(r), GRND_NONBLOCK) != (ssize_t)sizeof(r))
            r = (uint64_t)gn_clock_mono_ns();
        jitter = r % ((uint64_t)c->max_requests_jitter + 1);
    }
    return (uint64_t)c->max_requests + jitter;
}

static void
reset_slot(struct gn_slot *slot, const struct gn_arb_worker *e)
{
    memset(slot, 0, sizeof(*slot));
    slot->id = e->w.id;
    slot->age = e->w.age;
    slot->generation = e->gen;
    slot->born_ns = gn_clock_mono_ns();
    atomic_store(&slot->state, GN_SLOT_BOOTING);
}

static struct gn_arb_worker *
new_worker(struct gn_arbiter *arb, const struct gn_arb_gen *gen)
{
    int id = free_id(arb);
    struct gn_arb_worker *e = id != 0 ? calloc(1, sizeof(*e)) : NULL;

    if (e == NULL)
        return NULL;
    e->gen = gen->number;
    e->w = (struct gn_worker){
        .age = ++arb->last_age,
        .id = id,
        .ppid = arb->pid,
        .slot = &arb->slots[id - 1],
        .frozen = gn_frozen_ref(gen->frozen),
        .log = arb->log,
        .host = arb->host,
        .listeners = gen->listeners,
        .n_listeners = gen->n_listeners,
        .tls = gen->tls,
        .ops = gen->ops,
        .is_alive = true,
        .wake_fd = {-1, -1},
        .notify_fd = arb->wake_fd[1],
        .max_requests = request_limit(&gen->frozen->cfg),
    };
    reset_slot(e->w.slot, e);
    TAILQ_INSERT_TAIL(&arb->workers, e, link);
    return e;
}

void
gn_arb_worker_free(struct gn_arb_worker *e)
{
    atomic_store(&e->w.slot->state, GN_SLOT_FREE);
    gn_frozen_unref(e->w.frozen);
    free(e);
}

static void
forget(struct gn_arbiter *arb, struct gn_arb_worker *e)
{
    TAILQ_REMOVE(&arb->workers, e, link);
    gn_arb_worker_free(e);
}

/* What a child must not keep of the master. */
static void
become_worker(struct gn_arbiter *arb, struct gn_arb_worker *e, const sigset_t *mask)
{
    gn_arb_sigpipe_child(arb);
    sigprocmask(SIG_SETMASK, mask, NULL);
    arb->host->ops->after_fork(arb->host, true);
    gn_log_after_fork(arb->log);
    gn_arb_gen_leave(arb->cur->number == e->gen ? arb->cur : arb->next, arb->cur);
    gn_arb_gen_leave(arb->cur->number == e->gen ? arb->cur : arb->next, arb->next);
    /* The siblings are the master's: nothing here may signal or watch them. */
    TAILQ_INIT(&arb->workers);
    e->w.pid = getpid();
    gn_arb_set_title(e->w.frozen, "worker");
}

static void GN_NORETURN
run_worker(struct gn_arbiter *arb, struct gn_arb_worker *e, const sigset_t *mask)
{
    int status;

    become_worker(arb, e, mask);
    gn_log(arb->log, GN_INFO, "Booting worker with pid: %d", (int)e->w.pid);
    status = gn_worker_main(&e->w);
    arb->host->ops->stop(arb->host);
    fflush(NULL);
    _exit(status);
}

/* The only fork of the server. Signals wait meanwhile: the child would take those for it with
 * the master's handlers, and count them where nobody looks. */
static pid_t
fork_worker(struct gn_arbiter *arb, struct gn_arb_worker *e)
{
    sigset_t all, mask;
    pid_t pid;
    int saved;

    fflush(NULL);
    arb->host->ops->before_fork(arb->host);
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &mask);
    pid = fork();
    if (pid == 0)
        run_worker(arb, e, &mask);
    saved = errno;
    sigprocmask(SIG_SETMASK, &mask, NULL);
    arb->host->ops->after_fork(arb->host, false);
    errno = saved;
    return pid;
}

/* False when nothing more can be started in this turn. */
static bool
gn_spawn(struct gn_arbiter *arb, const struct gn_arb_gen *gen, int64_t now)
{
    struct gn_arb_worker *e = new_worker(arb, gen);
    pid_t pid;

    if (e == NULL) {
        gn_log(arb->log, GN_LERROR, "Can't start a worker: no memory, or too many of them");
        gn_arb_spawn_later(arb, now);
        return false;
    }
    if (!gn_arb_hook(arb, gen->frozen, GN_HOOK_PRE_FORK,
                     &(struct gn_hook_args){.arbiter = arb, .worker = &e->w})) {
        forget(arb, e);
        gn_arb_crash(arb);
        return false;
    }
    pid = fork_worker(arb, e);
    if (pid < 0) {
        gn_log(arb->log, GN_LERROR, "Can't fork a worker: %s", strerror(errno));
        forget(arb, e);
        gn_arb_spawn_later(arb, now);
        return false;
    }
    e->w.pid = pid;
    /* The generation, and with it these, may go before the worker does. */
    e->w.listeners = NULL;
    e->w.n_listeners = 0;
    e->w.tls = NULL;
    return true;
}

void
gn_arb_spawn_later(struct gn_arbiter *arb, int64_t now)
{
    int64_t delay = 0;

    if (arb->boot_failures > 0) {
        unsigned doublings = arb->boot_failures - 1;

        delay = doublings < 16 ? SPAWN_DELAY_NS << doublings : SPAWN_DELAY_MAX_NS;
        if (delay > SPAWN_DELAY_MAX_NS)
            delay = SPAWN_DELAY_MAX_NS;
    }
    arb->boot_failures++;
    if (arb->spawn_at_ns < now + delay)
        arb->spawn_at_ns = now + delay;
}

void
gn_arb_kill(const struct gn_arb_worker *e, int signo)
{
    /* Before the fork its number is 0, which kill(2) reads as our own process group. */
    if (e->w.pid > 0)
        kill(e->w.pid, signo);
}

void
gn_arb_tell(struct gn_arbiter *arb, struct gn_arb_worker *e, int signo, bool drain,
            int64_t grace_ns)
{
    int64_t kill_at = gn_clock_mono_ns() + grace_ns;

    e->is_stopping = true;
    if (e->kill_at_ns == 0 || kill_at < e->kill_at_ns)
        e->kill_at_ns = kill_at;
    if (drain)
        atomic_store(&e->w.slot->drain, 1);
    gn_arb_kill(e, signo);
    gn_arb_wake_at(arb, e->kill_at_ns);
}

static int
count_workers(const struct gn_arbiter *arb, uint64_t gen, struct gn_arb_worker **oldest)
{
    struct gn_arb_worker *e;
    int n = 0;

    *oldest = NULL;
    TAILQ_FOREACH(e, &arb->workers, link) {
        if (e->gen != gen || !gn_arb_stays(e))
            continue;
        if (n++ == 0)
            *oldest = e;
    }
    return n;
}

void
gn_arb_manage(struct gn_arbiter *arb, struct gn_arb_gen *gen, int64_t now)
{
    struct gn_arb_worker *oldest;
    int n = count_workers(arb, gen->number, &oldest);

    while (n < gen->num_workers && !gn_arb_sigpipe_pending()) {
        if (now < arb->spawn_at_ns) {
            gn_arb_wake_at(arb, arb->spawn_at_ns);
            return;
        }
        if (!gn_spawn(arb, gen, now)) {
            gn_arb_wake_at(arb, arb->spawn_at_ns);
            return;
        }
        n++;
    }
    for (; n > gen->num_workers; n = count_workers(arb, gen->number, &oldest))
        gn_arb_tell(arb, oldest, SIGTERM, false, gn_arb_grace_ns(gen->frozen));
}

static void
change_number(struct gn_arbiter *arb, int step)
{
    /* During a reload the count that matters is that of the generation to come. */
    struct gn_arb_gen *gen = arb->next != NULL ? arb->next : arb->cur;
    int old = gen->num_workers;
    struct gn_hook_args args = {.arbiter = arb, .new_value = old + step, .old_value = old};

    if (arb->stop.is_active || args.new_value < 1)
        return;
    if (args.new_value > GN_ARB_MAX_WORKERS) {
        gn_log(arb->log, GN_WARN, "More than %d workers are not supported", GN_ARB_MAX_WORKERS);
        return;
    }
    gen->num_workers = args.new_value;
    if (!gn_arb_hook(arb, gen->frozen, GN_HOOK_NWORKERS_CHANGED, &args))
        gn_arb_crash(arb);
}

void
gn_arb_on_ttin(struct gn_arbiter *arb)
{
    change_number(arb, 1);
}

void
gn_arb_on_ttou(struct gn_arbiter *arb)
{
    change_number(arb, -1);
}
