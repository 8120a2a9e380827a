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

/* How long a handshake that has begun may take to put its connection into the queue. */
#define STEER_NS GN_NS_PER_S

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

/* The first seat of the generation that no worker has who stays. */
static int
free_seat(const struct gn_arbiter *arb, uint64_t gen)
{
    const struct gn_arb_worker *e;
    unsigned char used[GN_ARB_MAX_WORKERS + 1] = {0};
    int seat = 0;

    TAILQ_FOREACH(e, &arb->workers, link) {
        if (e->gen == gen && gn_arb_stays(e) && e->seat < GN_ARB_MAX_WORKERS)
            used[e->seat] = 1;
    }
    while (seat < GN_ARB_MAX_WORKERS && used[seat] != 0)
        seat++;
    return seat;
}

/* With reuse_port every seat has sockets of its own; without new ones it shares those of the first.
 */
static int
take_seat(struct gn_arbiter *arb, struct gn_arb_gen *gen)
{
    int seat = free_seat(arb, gen->number);
    struct gn_err err = {0};

    if (arb->reuse_port && (size_t)seat >= gen->n_rows && !gn_arb_gen_grow(arb, gen, NULL, &err))
        gn_log_err(arb->log, GN_LERROR, "No sockets for another worker", &err);
    gn_err_clear(&err);
    return seat;
}

static struct gn_arb_worker *
new_worker(struct gn_arbiter *arb, struct gn_arb_gen *gen)
{
    int id = free_id(arb);
    struct gn_arb_worker *e = id != 0 ? calloc(1, sizeof(*e)) : NULL;

    if (e == NULL)
        return NULL;
    e->gen = gen->number;
    e->seat = take_seat(arb, gen);
    e->w = (struct gn_worker){
        .age = ++arb->last_age,
        .id = id,
        .ppid = arb->pid,
        .slot = &arb->slots[id - 1],
        .frozen = gn_frozen_ref(gen->frozen),
        .log = arb->log,
        .host = arb->host,
        .listeners = gn_arb_gen_row(gen, e->seat),
        .n_listeners = gen->n_asked,
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
    if (e->w.peer != NULL)
        e->w.host->ops->forget_worker(e->w.host, &e->w);
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

pid_t
gn_arb_fork(struct gn_arbiter *arb)
{
    sigset_t all, mask;
    pid_t pid;
    int saved;

    fflush(NULL);
    arb->host->ops->before_fork(arb->host);
    /* Signals wait meanwhile: the child would take those for it with the master's handlers, and
     * count them where nobody looks. */
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &mask);
    pid = fork();
    saved = errno;
    if (pid == 0)
        gn_arb_sigpipe_child(arb);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    arb->host->ops->after_fork(arb->host, pid == 0);
    if (pid == 0)
        gn_log_after_fork(arb->log);
    errno = saved;
    return pid;
}

/* During a reload the master lives in the surroundings of the next generation. A worker of the one
 * in force goes back to its own. */
static void
enter_own(struct gn_arbiter *arb, struct gn_arb_worker *e)
{
    const struct gn_host_ops *ops = arb->host->ops;
    struct gn_log_options log;
    struct gn_err err = {0};

    if (arb->next == NULL || e->gen == arb->next->number)
        return;
    gn_arb_log_options(e->w.frozen, &log);
    if (!gn_arb_chdir(e->w.frozen, &err) || !gn_log_reconfigure(arb->log, &log, &err) ||
        !ops->apply_env(arb->host, e->w.frozen, &err) ||
        !ops->apply_paths(arb->host, e->w.frozen, &err)) {
        gn_log_err(arb->log, GN_LERROR, "Can't start a worker with the old configuration", &err);
        gn_err_clear(&err);
        _exit(GN_EXIT_ERROR);
    }
}

/* What a child must not keep of the master. */
static void
become_worker(struct gn_arbiter *arb, struct gn_arb_worker *e)
{
    gn_arb_gen_leave(e->w.listeners, e->w.n_listeners, arb->cur);
    gn_arb_gen_leave(e->w.listeners, e->w.n_listeners, arb->next);
    enter_own(arb, e);
    /* The siblings are the master's: nothing here may signal or watch them. */
    TAILQ_CONCAT(&arb->siblings, &arb->workers, link);
    e->w.pid = getpid();
    gn_arb_set_title(e->w.frozen, "worker", "");
}

static void GN_NORETURN
run_worker(struct gn_arbiter *arb, struct gn_arb_worker *e)
{
    int status;

    become_worker(arb, e);
    gn_log(arb->log, GN_INFO, "Booting worker with pid: %d", (int)e->w.pid);
    status = gn_worker_main(&e->w);
    arb->host->ops->stop(arb->host);
    fflush(NULL);
    _exit(status);
}

/* False when nothing more can be started in this turn. */
static bool
gn_spawn(struct gn_arbiter *arb, struct gn_arb_gen *gen, int64_t now)
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
    pid = gn_arb_fork(arb);
    if (pid == 0)
        run_worker(arb, e);
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
count_workers(const struct gn_arbiter *arb, uint64_t gen)
{
    const struct gn_arb_worker *e;
    int n = 0;

    TAILQ_FOREACH(e, &arb->workers, link) {
        n += e->gen == gen && gn_arb_stays(e);
    }
    return n;
}

/* The oldest; where every seat has sockets of its own, the one with the last seat. */
static struct gn_arb_worker *
next_to_go(const struct gn_arbiter *arb, const struct gn_arb_gen *gen)
{
    struct gn_arb_worker *e, *found = NULL;

    TAILQ_FOREACH(e, &arb->workers, link) {
        if (e->gen == gen->number && gn_arb_stays(e) &&
            (found == NULL || (gen->n_rows > 1 && e->seat > found->seat)))
            found = e;
    }
    return found;
}

/* A row of sockets that is needed no more is closed in two steps: first no new connection may reach
 * it, then its worker answers what waits there. True when nothing more is to be done now. */
static bool
give_up_row(struct gn_arbiter *arb, struct gn_arb_gen *gen, struct gn_arb_worker *last, int64_t now)
{
    size_t rest = gen->n_rows - 1;

    if (gen->steer_ns == 0) {
        gen->steer_ns = now;
        gn_arb_gen_steer(gen, rest);
    }
    if (now < gen->steer_ns + STEER_NS) {
        gn_arb_wake_at(arb, gen->steer_ns + STEER_NS);
        return true;
    }
    gen->steer_ns = 0;
    if (last != NULL && (size_t)last->seat >= rest)
        gn_arb_tell(arb, last, SIGTERM, true, gn_arb_grace_ns(gen->frozen));
    gn_arb_gen_shrink(arb, gen);
    gn_arb_gen_steer(gen, 0);
    return false;
}

/* Ends the workers that are too many. */
static void
reduce(struct gn_arbiter *arb, struct gn_arb_gen *gen, int wanted, int64_t now)
{
    struct gn_arb_worker *e = next_to_go(arb, gen);

    while (wanted > 0 && gen->n_rows > (size_t)wanted) {
        if (give_up_row(arb, gen, e, now))
            return;
        e = next_to_go(arb, gen);
    }
    for (int n = count_workers(arb, gen->number); n > wanted; n--) {
        gn_arb_tell(arb, e, SIGTERM, false, gn_arb_grace_ns(gen->frozen));
        e = next_to_go(arb, gen);
    }
}

void
gn_arb_manage(struct gn_arbiter *arb, struct gn_arb_gen *gen, int64_t now)
{
    int wanted = gen->num_workers + gen->surplus;

    for (int n = count_workers(arb, gen->number); n < wanted && !gn_arb_sigpipe_pending(); n++) {
        if (now < arb->spawn_at_ns || !gn_spawn(arb, gen, now)) {
            gn_arb_wake_at(arb, arb->spawn_at_ns);
            return;
        }
    }
    reduce(arb, gen, wanted, now);
}

bool
gn_arb_set_number(struct gn_arbiter *arb, int n, struct gn_err *err)
{
    /* During a reload the count that matters is that of the generation to come. */
    struct gn_arb_gen *gen = arb->next != NULL ? arb->next : arb->cur;
    struct gn_hook_args args = {.arbiter = arb, .new_value = n, .old_value = gen->num_workers};

    gen->num_workers = n;
    gn_arb_wake_at(arb, 0);
    return gen->frozen->cfg.nworkers_changed.handle == NULL ||
           arb->host->ops->run_hook(arb->host, gen->frozen, GN_HOOK_NWORKERS_CHANGED, &args, err);
}

static void
change_number(struct gn_arbiter *arb, int step)
{
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
