#include "worker/sync.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "config/frozen.h"
#include "host/host.h"
#include "log/log.h"
#include "worker/conn.h"

enum {
    MAX_WAITING = 4096,      /* connections without a complete request; then accepting pauses */
    EVENTS_PER_TURN = 64,
    ACCEPTS_PER_TURN = 8,    /* then the waiting ones are looked at */
    MAX_IDLE_MS = 10000,
    FIRST_BYTES_MS = 1,      /* how long a fresh connection is waited for before it joins the others */
};

#define ACCEPT_PAUSE_NS (GN_NS_PER_S / 2)
#define SILENT_DRAIN_NS GN_NS_PER_S

TAILQ_HEAD(conn_list, gn_conn);

struct engine {
    struct gn_worker *w;
    struct gn_service service;
    int ep;
    struct conn_list waiting;    /* for a request; sorted by deadline */
    struct conn_list lingering;  /* for the client's end; sorted by deadline */
    size_t n_waiting;
    bool is_accepting;           /* the listeners are in the poll set */
    int64_t accept_again_ns;     /* 0, or when accepting may go on after an error */
    int64_t leave_ns;            /* 0, or when draining ends at the latest */
    int64_t silent_until_ns;     /* draining: how long connections without a byte are kept */
    size_t next_listener;
};

/* Markers for epoll data: a connection's address is never one of these. */
static char wake_mark, listener_mark;

static void
poll_remove(struct engine *e, struct gn_conn *c)
{
    /* Explicit, since a copy of the descriptor (in a child of the application) would keep it in the set. */
    if (c->is_in_poll)
        epoll_ctl(e->ep, EPOLL_CTL_DEL, c->fd, NULL);
    c->is_in_poll = false;
}

static bool
poll_add(struct engine *e, struct gn_conn *c)
{
    struct epoll_event ev = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = c};

    if (c->is_in_poll)
        return true;
    c->is_in_poll = epoll_ctl(e->ep, EPOLL_CTL_ADD, c->fd, &ev) == 0;
    return c->is_in_poll;
}

static void
set_accepting(struct engine *e, bool on)
{
    if (e->is_accepting == on)
        return;
    e->is_accepting = on;
    for (size_t i = 0; i < e->w->n_listeners; i++) {
        struct epoll_event ev = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.ptr = &listener_mark};

        epoll_ctl(e->ep, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, e->w->listeners[i].fd, &ev);
    }
}

/* ---- the end of a connection ---- */

static void
close_now(struct engine *e, struct gn_conn *c)
{
    poll_remove(e, c);
    gn_conn_free(c);
}

/* The response is out. Unread bytes of the client would turn close(2) into a reset that eats the response: then half-close and
 * wait for the client's end, in the loop. */
static void
finish(struct engine *e, struct gn_conn *c, bool is_refused)
{
    bool clean = !is_refused && gn_conn_request_is_consumed(c);

    if (clean || c->resp.is_broken || shutdown(c->fd, SHUT_WR) < 0 || gn_conn_linger_read(c) ||
        !poll_add(e, c)) {
        close_now(e, c);
        return;
    }
    c->state = GN_CONN_LINGER;
    c->deadline_ns = gn_clock_mono_ns() + GN_CONN_LINGER_NS;
    TAILQ_INSERT_TAIL(&e->lingering, c, link);
}

static void
refuse(struct engine *e, struct gn_conn *c)
{
    gn_resp_flush(&c->resp);
    if (c->parser.head.n_fields > 0 || c->parser.head.method.n > 0) {
        c->started_ns = c->started_ns != 0 ? c->started_ns : gn_clock_mono_ns();
        gn_service_log_access(&e->service, c, NULL, NULL);
    }
    finish(e, c, true);
}

/* ---- a request ---- */

static void
slot_begin(struct gn_worker *w, const struct gn_conn *c)
{
    const struct gn_http_head *h = &c->parser.head;
    struct gn_slot *slot = w->slot;
    size_t room = GN_SLOT_LINE_BYTES - 1;
    size_t n = h->method.n < 32 ? h->method.n : 32;
    unsigned seq = atomic_load_explicit(&slot->seq, memory_order_relaxed);

    atomic_store_explicit(&slot->seq, seq + 1, memory_order_release);
    memcpy(slot->line, h->method.p, n);
    slot->line[n++] = ' ';
    room -= n;
    memcpy(slot->line + n, h->target.p, h->target.n < room ? h->target.n : room);
    n += h->target.n < room ? h->target.n : room;
    slot->line[n] = '\0';
    atomic_store_explicit(&slot->seq, seq + 2, memory_order_release);
    atomic_store_explicit(&slot->busy_since_ns, c->started_ns, memory_order_relaxed);
    atomic_store_explicit(&slot->beat_ns, c->started_ns, memory_order_relaxed);
    atomic_store_explicit(&slot->state, GN_SLOT_BUSY, memory_order_relaxed);
}

static void
serve(struct engine *e, struct gn_conn *c)
{
    struct gn_worker *w = e->w;

    c->state = GN_CONN_RUN;
    slot_begin(w, c);
    w->requests++;
    if (w->requests >= w->max_requests && w->is_alive) {
        gn_log(w->log, GN_INFO, "Autorestarting worker after current request.");
        w->is_alive = false;
    }
    w->host->ops->handle_request(w->host, w, c);
    atomic_store_explicit(&w->slot->requests, w->requests, memory_order_relaxed);
    atomic_store_explicit(&w->slot->state, GN_SLOT_IDLE, memory_order_relaxed);
    finish(e, c, false);
}

/* ---- clients that are not ready ---- */

static void
park(struct engine *e, struct gn_conn *c, int64_t now)
{
    int64_t limit = e->service.io_timeout_ns;

    if (!poll_add(e, c)) {
        close_now(e, c);
        return;
    }
    c->deadline_ns = limit > 0 ? now + limit : INT64_MAX;
    TAILQ_INSERT_TAIL(&e->waiting, c, link);
    e->n_waiting++;
}

static void
unpark(struct engine *e, struct gn_conn *c)
{
    TAILQ_REMOVE(&e->waiting, c, link);
    e->n_waiting--;
}

/* What to do after gn_conn_read for a connection that is in no list. */
static void
dispatch(struct engine *e, struct gn_conn *c, enum gn_conn_event event)
{
    switch (event) {
    case GN_CONN_WAIT:
        park(e, c, gn_clock_mono_ns());
        break;
    case GN_CONN_READY:
        serve(e, c);
        break;
    case GN_CONN_BAD:
        refuse(e, c);
        break;
    case GN_CONN_EOF:
        close_now(e, c);
        break;
    }
}

static void
on_readable(struct engine *e, struct gn_conn *c)
{
    enum gn_conn_state before = c->state;
    enum gn_conn_event event;

    if (c->state == GN_CONN_LINGER) {
        if (gn_conn_linger_read(c)) {
            TAILQ_REMOVE(&e->lingering, c, link);
            close_now(e, c);
        }
        return;
    }
    event = gn_conn_read(c);
    /* The deadline for the head is absolute, so that trickling bytes do not prolong it; that for a small body starts with it. */
    if (event == GN_CONN_WAIT && c->state == before)
        return;
    unpark(e, c);
    dispatch(e, c, event);
}

/* ---- accepting ---- */

/* A fresh connection: most clients have sent their request already, or do so within the next moment. */
static void
welcome(struct engine *e, struct gn_conn *c)
{
    enum gn_conn_event event = gn_conn_read(c);

    if (event == GN_CONN_WAIT && e->n_waiting == 0 && gn_buf_len(&c->in) == 0) {
        struct pollfd p = {.fd = c->fd, .events = POLLIN};

        if (poll(&p, 1, FIRST_BYTES_MS) > 0)
            event = gn_conn_read(c);
    }
    dispatch(e, c, event);
}

/* An accept error that is not "nothing there": descriptors or memory are short. Waiting helps, spinning does not. */
static void
accept_failed(struct engine *e, int error)
{
    gn_log(e->w->log, GN_LERROR, "Connections can't be accepted for the moment: %s",
           strerror(error));
    set_accepting(e, false);
    e->accept_again_ns = gn_clock_mono_ns() + ACCEPT_PAUSE_NS;
}

/* One connection from the next listener that has one. False when no listener has any. */
static bool
accept_one(struct engine *e)
{
    struct gn_worker *w = e->w;

    for (size_t i = 0; i < w->n_listeners; i++) {
        const struct gn_listener *l = &w->listeners[e->next_listener];
        struct gn_conn *c = gn_conn_accept(&e->service, l);

        e->next_listener = (e->next_listener + 1) % w->n_listeners;
        if (c != NULL) {
            atomic_fetch_add_explicit(&w->slot->accepted, 1, memory_order_relaxed);
            welcome(e, c);
            return true;
        }
        if (errno != EAGAIN && errno != EWOULDBLOCK) {
            accept_failed(e, errno);
            return false;
        }
    }
    return false;
}

/* ---- the loop ---- */

static int64_t
earliest(const struct engine *e)
{
    int64_t t = INT64_MAX;
    const struct gn_conn *c;

    if ((c = TAILQ_FIRST(&e->waiting)) != NULL && c->deadline_ns < t)
        t = c->deadline_ns;
    if ((c = TAILQ_FIRST(&e->lingering)) != NULL && c->deadline_ns < t)
        t = c->deadline_ns;
    if (e->accept_again_ns != 0 && e->accept_again_ns < t)
        t = e->accept_again_ns;
    if (e->leave_ns != 0 && e->leave_ns < t)
        t = e->leave_ns;
    if (e->leave_ns != 0 && e->silent_until_ns > 0 && e->silent_until_ns < t)
        t = e->silent_until_ns;
    return t;
}

static int
wait_ms(const struct engine *e, int64_t now)
{
    int64_t beat_ms = e->w->frozen->cfg.timeout * 1000 / 2;
    int64_t t = earliest(e);
    int64_t ms = beat_ms > 0 && beat_ms < MAX_IDLE_MS ? beat_ms : MAX_IDLE_MS;

    if (t != INT64_MAX) {
        int64_t left = t > now ? (t - now) / GN_NS_PER_MS + 1 : 0;

        if (left < ms)
            ms = left;
    }
    return (int)ms;
}

static void
expire(struct engine *e, int64_t now)
{
    struct gn_conn *c;

    while ((c = TAILQ_FIRST(&e->waiting)) != NULL && c->deadline_ns <= now) {
        unpark(e, c);
        dispatch(e, c, gn_conn_expire(c));
    }
    while ((c = TAILQ_FIRST(&e->lingering)) != NULL && c->deadline_ns <= now) {
        TAILQ_REMOVE(&e->lingering, c, link);
        close_now(e, c);
    }
    if (e->accept_again_ns != 0 && e->accept_again_ns <= now)
        e->accept_again_ns = 0;
}

static void
on_wake(struct engine *e)
{
    gn_fd_drain(e->w->wake_fd[0]);
    e->w->host->ops->check_signals(e->w->host);
    if (getppid() != e->w->ppid && e->w->is_alive) {
        gn_log(e->w->log, GN_INFO, "Parent changed, shutting down: <Worker %d>", (int)e->w->pid);
        e->w->is_alive = false;
    }
}

/* One epoll_wait and what it brings. Returns true when a listener is readable. */
static bool
turn(struct engine *e, int timeout_ms)
{
    struct epoll_event events[EVENTS_PER_TURN];
    bool can_accept = false;
    int n = epoll_wait(e->ep, events, EVENTS_PER_TURN, timeout_ms);

    gn_worker_beat(e->w);
    for (int i = 0; i < n; i++) {
        void *p = events[i].data.ptr;

        if (p == &wake_mark)
            on_wake(e);
        else if (p == &listener_mark)
            can_accept = true;
        else if (!e->w->quits_now)
            on_readable(e, p);
    }
    expire(e, gn_clock_mono_ns());
    return can_accept;
}

static void
run_until_told(struct engine *e)
{
    bool can_accept = true;

    while (e->w->is_alive) {
        int left = ACCEPTS_PER_TURN;

        set_accepting(e, e->accept_again_ns == 0 && e->n_waiting < MAX_WAITING);
        while (can_accept && e->is_accepting && left > 0 && e->w->is_alive) {
            can_accept = accept_one(e);
            left--;
        }
        if (!e->w->is_alive)
            break;
        /* A full round of accepts: more may wait, so only look at the others. */
        can_accept = turn(e, can_accept && e->is_accepting ? 0 : wait_ms(e, gn_clock_mono_ns())) ||
                     can_accept;
    }
}

/* Connections that have not sent a byte get a last moment, then they are closed: nothing is lost with them. */
static void
drop_silent(struct engine *e, int64_t now)
{
    struct gn_conn *c, *next;

    if (e->silent_until_ns == 0 || now < e->silent_until_ns)
        return;
    e->silent_until_ns = 0;
    for (c = TAILQ_FIRST(&e->waiting); c != NULL; c = next) {
        next = TAILQ_NEXT(c, link);
        if (gn_buf_len(&c->in) == 0) {
            unpark(e, c);
            close_now(e, c);
        }
    }
}

/* Answers everything that was accepted and, when the whole server stops, what waits in the listen queue. */
static void
drain(struct engine *e)
{
    int64_t now = gn_clock_mono_ns();

    set_accepting(e, false);
    e->leave_ns = now + e->w->frozen->cfg.graceful_timeout * GN_NS_PER_S;
    e->silent_until_ns = now + SILENT_DRAIN_NS;
    while (atomic_load(&e->w->slot->drain) != 0 && !e->w->quits_now && accept_one(e)) {
        if (gn_clock_mono_ns() > e->leave_ns)
            break;
    }
    while (!e->w->quits_now && (e->n_waiting > 0 || !TAILQ_EMPTY(&e->lingering))) {
        now = gn_clock_mono_ns();
        if (now >= e->leave_ns)
            break;
        drop_silent(e, now);
        if (e->n_waiting > 0 || !TAILQ_EMPTY(&e->lingering))
            turn(e, wait_ms(e, now));
    }
}

static bool
engine_init(struct engine *e, struct gn_worker *w, struct gn_err *err)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = &wake_mark};

    memset(e, 0, sizeof(*e));
    e->w = w;
    TAILQ_INIT(&e->waiting);
    TAILQ_INIT(&e->lingering);
    e->ep = epoll_create1(EPOLL_CLOEXEC);
    if (e->ep < 0 || epoll_ctl(e->ep, EPOLL_CTL_ADD, w->wake_fd[0], &ev) < 0)
        return gn_err_set(err, GN_E_IO, errno, "no epoll set");
    return gn_service_init(&e->service, w, err);
}

static void
engine_fini(struct engine *e)
{
    struct gn_conn *c;

    while ((c = TAILQ_FIRST(&e->waiting)) != NULL) {
        unpark(e, c);
        close_now(e, c);
    }
    while ((c = TAILQ_FIRST(&e->lingering)) != NULL) {
        TAILQ_REMOVE(&e->lingering, c, link);
        close_now(e, c);
    }
    gn_fd_close(&e->ep);
    gn_service_fini(&e->service);
}

int
gn_sync_run(struct gn_worker *w)
{
    struct gn_err err = {0};
    struct engine e;
    int status = GN_EXIT_OK;

    if (!engine_init(&e, w, &err)) {
        gn_log_err(w->log, GN_LERROR, "Exception in worker process", &err);
        status = GN_EXIT_WORKER_BOOT;
    } else {
        w->engine = &e;
        w->host->ops->wait_enter(w->host);
        run_until_told(&e);
        drain(&e);
        w->host->ops->wait_leave(w->host);
        w->engine = NULL;
    }
    gn_err_clear(&err);
    engine_fini(&e);
    return status;
}
