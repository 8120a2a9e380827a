#include "worker/engine.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
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
#include "worker/guard.h"
#include "worker/slot.h"
#include "worker/wire.h"

enum {
    EVENTS_PER_TURN = 64,
    ACCEPTS_PER_TURN = 16, /* then the other connections are looked at */
    MAX_IDLE_MS = 1000, /* a signal outside the wait may have no wake-up descriptor: the application
                           may have taken it */
    MAX_LINGERING = 1024, /* then the oldest goes */
    UNIX_QUEUE_GUESS = 4096,
    LATE_COMERS = 1024, /* taken as well while the listen queue is drained */
    AFTER_THE_END_MS =
        100, /* a deputy waits for the loop's thread, which alone can end the worker */
    LOOKS_WITHOUT_ROOM = 8,
    FIRST_BYTES_MS = 1, /* how long a fresh connection is waited for before it joins the others */
};

#define ACCEPT_PAUSE_NS (GN_NS_PER_S / 2)
#define SILENT_DRAIN_NS GN_NS_PER_S
#define OTHERS_TURN_NS (5 * GN_NS_PER_MS)
#define NEXT_LOOK_NS (2 * GN_NS_PER_MS)

/* Markers for epoll data: a connection's address is never one of these. */
static char signal_mark, listener_mark, policy_mark;

/* ---- the poll set ---- */

static void
poll_remove(struct gn_engine *e, struct gn_conn *c)
{
    /* Explicit, since a copy of the descriptor (in a child of the application) would keep it in the
     * set. */
    if (c->is_in_poll)
        epoll_ctl(e->ep, EPOLL_CTL_DEL, c->fd, NULL);
    c->is_in_poll = false;
}

/* Edge-triggered: a connection is registered once; what comes while it is not the loop's is
 * remembered. */
static bool
poll_add(struct gn_engine *e, struct gn_conn *c)
{
    struct epoll_event ev = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.ptr = c};

    if (c->is_in_poll)
        return true;
    c->is_in_poll = epoll_ctl(e->ep, EPOLL_CTL_ADD, c->fd, &ev) == 0;
    return c->is_in_poll;
}

/* A handshake or a response may have to wait for room in the socket. A change asks for the state of
 * now, so that no edge is lost; what it brings too often later does no harm. */
static bool
poll_writable(struct gn_engine *e, struct gn_conn *c)
{
    struct epoll_event ev = {.events = EPOLLIN | EPOLLRDHUP | EPOLLOUT | EPOLLET, .data.ptr = c};

    return epoll_ctl(e->ep, EPOLL_CTL_MOD, c->fd, &ev) == 0;
}

static void
poll_readable(struct gn_engine *e, struct gn_conn *c)
{
    struct epoll_event ev = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.ptr = c};

    epoll_ctl(e->ep, EPOLL_CTL_MOD, c->fd, &ev);
}

static void
set_listening(struct gn_engine *e, bool on)
{
    if (e->is_listening == on)
        return;
    e->is_listening = on;
    for (size_t i = 0; i < e->w->n_listeners; i++) {
        struct epoll_event ev = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.ptr = &listener_mark};

        epoll_ctl(e->ep, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, e->w->listeners[i].fd, &ev);
    }
}

/* ---- the end of a connection ---- */

/* While a batch of events is being handled, a later event of it may still name the connection: its
 * memory stays until the batch is through. */
static void
free_conn(struct gn_engine *e, struct gn_conn *c)
{
    poll_remove(e, c);
    if (!e->is_in_batch) {
        gn_conn_free(c);
        return;
    }
    gn_conn_close(c);
    c->state = GN_CONN_DEAD;
    TAILQ_INSERT_TAIL(&e->dead, c, link);
}

static void
close_now(struct gn_engine *e, struct gn_conn *c)
{
    e->n_connections--;
    free_conn(e, c);
}

static void
end_lingering(struct gn_engine *e, struct gn_conn *c)
{
    TAILQ_REMOVE(&e->lingering, c, link);
    e->n_lingering--;
    free_conn(e, c);
}

/* The response is out, or kept by the kernel for the FIN. With unread bytes of the client close(2)
 * would reset the connection, which eats the response: so the half-close comes first, always, and
 * then bytes are looked for. Where there are any, the client's end is waited for in the loop. */
static void
finish(struct gn_engine *e, struct gn_conn *c, bool is_refused)
{
    bool clean = !is_refused && !c->was_taken && gn_conn_request_is_consumed(c);

    if (c->resp.is_broken || !gn_wire_half_close(c) || (clean && !gn_conn_has_input(c)) ||
        !poll_add(e, c) || gn_conn_linger_read(c)) {
        close_now(e, c);
        return;
    }
    e->n_connections--;
    c->state = GN_CONN_LINGER;
    c->deadline_ns = gn_clock_mono_ns() + GN_CONN_LINGER_NS;
    TAILQ_INSERT_TAIL(&e->lingering, c, link);
    if (++e->n_lingering > MAX_LINGERING)
        end_lingering(e, TAILQ_FIRST(&e->lingering));
}

static void
refuse(struct gn_engine *e, struct gn_conn *c)
{
    gn_conn_send_some(c);
    /* Only a request whose head was understood has a line of its own. */
    if (c->started_ns != 0)
        gn_service_log_access(&e->service, c, NULL, NULL);
    finish(e, c, true);
}

/* ---- requests ---- */

/* Its replacement is on the way: persistent clients may go there from now on. */
static bool
wants_to_leave(const struct gn_worker *w)
{
    return atomic_load_explicit(&w->slot->leaves, memory_order_relaxed) != GN_LEAVE_NOT;
}

/* Whether what comes behind the request is another one. After CONNECT and Upgrade it may be of a
 * protocol that only the client, or a proxy before us, believes to be in force: nobody's words for
 * this server (RFC 9110 7.8, 9.3.6). */
static bool
may_follow(const struct gn_http_head *h)
{
    return !h->wants_close && !h->wants_upgrade && h->form != GN_FORM_AUTHORITY;
}

static void
run_request(struct gn_engine *e, struct gn_conn *c)
{
    struct gn_worker *w = e->w;

    c->state = GN_CONN_RUN;
    c->n_requests++;
    w->requests++;
    if (w->requests >= w->max_requests && gn_worker_ask_to_leave(w, GN_LEAVE_REQUESTS))
        gn_log(w->log, GN_INFO, "Autorestarting worker after current request.");
    c->may_keep_alive = e->policy->has_keepalive && w->is_alive && !wants_to_leave(w) &&
                        may_follow(&c->parser.head) && w->frozen->cfg.keepalive > 0;
    atomic_store_explicit(&w->slot->state, GN_SLOT_BUSY, memory_order_relaxed);
    e->n_running++;
    e->policy->ready(e, c);
}

static void
park(struct gn_engine *e, struct gn_conn *c)
{
    bool has_head = c->state == GN_CONN_BODY;
    int64_t limit = has_head ? e->service.body_timeout_ns : e->service.head_timeout_ns;

    if (!poll_add(e, c) ||
        (c->tls != NULL && gn_wire_recv_events(c) == POLLOUT && !poll_writable(e, c))) {
        close_now(e, c);
        return;
    }
    c->deadline_ns = limit > 0 ? gn_clock_mono_ns() + limit : INT64_MAX;
    c->list = has_head ? &e->collecting : &e->waiting;
    TAILQ_INSERT_TAIL(c->list, c, link);
    e->n_waiting++;
}

static void
unpark(struct gn_engine *e, struct gn_conn *c)
{
    TAILQ_REMOVE(c->list, c, link);
    if (c->list != &e->idle)
        e->n_waiting--;
    c->list = NULL;
}

/* What to do after gn_conn_read or gn_conn_parse for a connection that is in no list. */
static void
dispatch(struct gn_engine *e, struct gn_conn *c, enum gn_conn_event event)
{
    switch (event) {
    case GN_CONN_WAIT:
        park(e, c);
        break;
    case GN_CONN_READY:
        run_request(e, c);
        break;
    case GN_CONN_BAD:
        refuse(e, c);
        break;
    case GN_CONN_EOF:
        close_now(e, c);
        break;
    }
}

static void conclude(struct gn_engine *e, struct gn_conn *c);

/* The client has not taken its response yet. Each time that it takes something it has more time. */
static void
keep_writing(struct gn_engine *e, struct gn_conn *c)
{
    int64_t limit = e->service.io_timeout_ns;

    c->write_since_ns = gn_clock_mono_ns();
    c->deadline_ns = limit > 0 ? c->write_since_ns + limit : INT64_MAX;
    TAILQ_INSERT_TAIL(&e->writing, c, link);
}

static void
end_writing(struct gn_engine *e, struct gn_conn *c)
{
    c->scratch = &e->service.scratch;
    gn_service_let_go(&e->service, &c->resp);
    gn_resp_drop_rest(&c->resp);
    poll_readable(e, c);
    gn_service_log_access(&e->service, c, NULL, NULL);
    conclude(e, c);
}

static void
start_writing(struct gn_engine *e, struct gn_conn *c)
{
    c->state = GN_CONN_WRITE;
    if (!poll_add(e, c) || !poll_writable(e, c)) {
        c->resp.is_broken = true;
        end_writing(e, c);
        return;
    }
    keep_writing(e, c);
}

/* The socket may take more: what TLS waits for may as well be bytes of the client. */
static void
on_writable(struct gn_engine *e, struct gn_conn *c)
{
    struct gn_resp *r = &c->resp;
    uint64_t before = c->io_bytes;
    enum gn_resp_step step = gn_resp_step(r);

    if (step == GN_RESP_WAIT && c->io_bytes == before)
        return;
    TAILQ_REMOVE(&e->writing, c, link);
    if (step != GN_RESP_OUT && !gn_conn_waited(c, gn_clock_mono_ns() - c->write_since_ns))
        r->is_broken = r->lost_client = true;
    else if (step == GN_RESP_MORE && !poll_writable(e, c))
        r->is_broken = true;
    if (step == GN_RESP_OUT || r->is_broken)
        end_writing(e, c);
    else
        keep_writing(e, c);
}

static void
on_readable(struct gn_engine *e, struct gn_conn *c, bool has_ended)
{
    enum gn_conn_state before = c->state;
    enum gn_conn_event event;

    if (c->state == GN_CONN_DEAD)
        return;
    if (c->state == GN_CONN_RUN) {
        c->has_edge = true; /* looked at when the request has ended */
        return;
    }
    if (c->state == GN_CONN_WRITE) {
        c->has_edge = true;
        on_writable(e, c);
        return;
    }
    if (c->state == GN_CONN_LINGER) {
        if (gn_conn_linger_read(c))
            end_lingering(e, c);
        return;
    }
    event = gn_conn_read(c);
    /* Data and the client's end may have come with one edge: the end is seen by the next read. */
    if (event == GN_CONN_WAIT && has_ended)
        event = gn_conn_read(c);
    c->has_edge = has_ended;
    /* The deadline for the head is absolute, so that trickling bytes do not prolong it; that for a
     * small body starts with it. */
    if (event == GN_CONN_WAIT && c->state == before &&
        (c->list != &e->idle || gn_buf_len(&c->in) == 0))
        return;
    unpark(e, c);
    dispatch(e, c, event);
}

static void
keep_alive(struct gn_engine *e, struct gn_conn *c)
{
    enum gn_conn_event event;

    if (!gn_conn_next(c)) {
        close_now(e, c);
        return;
    }
    event = gn_buf_len(&c->in) > 0 ? gn_conn_parse(c) : GN_CONN_WAIT;
    if (event == GN_CONN_WAIT && (c->has_edge || c->has_more || !c->is_in_poll)) {
        c->has_edge = false;
        if (!poll_add(e, c)) {
            close_now(e, c);
            return;
        }
        event = gn_conn_read(c);
    }
    if (event != GN_CONN_WAIT || gn_buf_len(&c->in) > 0) {
        dispatch(e, c, event);
        return;
    }
    c->deadline_ns = gn_clock_mono_ns() + gn_clock_ns_of_s(e->w->frozen->cfg.keepalive);
    c->list = &e->idle;
    TAILQ_INSERT_TAIL(&e->idle, c, link);
}

/* The response is out, or given up. */
static void
conclude(struct gn_engine *e, struct gn_conn *c)
{
    if (c->resp.lost_client)
        gn_log(e->w->log, GN_DEBUG, "The client left, or was too slow, before it had the response");
    if (c->resp.keeps_alive && !c->resp.is_broken && gn_conn_drain_body(c))
        keep_alive(e, c);
    else
        finish(e, c, false);
}

void
gn_engine_done(struct gn_engine *e, struct gn_conn *c)
{
    e->n_running--;
    gn_slot_count(e->w, c);
    if (e->n_running == 0)
        atomic_store_explicit(&e->w->slot->state, GN_SLOT_IDLE, memory_order_relaxed);
    if (gn_resp_has_rest(&c->resp))
        start_writing(e, c);
    else
        conclude(e, c);
}

static bool
has_pending(struct gn_engine *e)
{
    return e->policy->has_pending != NULL && e->policy->has_pending(e);
}

/* ---- accepting ---- */

/* A fresh connection: most clients have sent their request already, or do so within the next
 * moment. */
static void
welcome(struct gn_engine *e, struct gn_conn *c)
{
    enum gn_conn_event event = gn_conn_read(c);

    e->n_connections++;
    if (event == GN_CONN_WAIT && e->n_waiting == 0 && gn_buf_len(&c->in) == 0 && !has_pending(e)) {
        struct pollfd p = {.fd = c->fd, .events = POLLIN};

        if (poll(&p, 1, FIRST_BYTES_MS) > 0)
            event = gn_conn_read(c);
    }
    dispatch(e, c, event);
}

/* An accept error that is not "nothing there": descriptors or memory are short. Waiting helps,
 * spinning does not. */
static void
accept_failed(struct gn_engine *e, int error)
{
    if (!e->is_accept_failing)
        gn_log(e->w->log, GN_LERROR, "Connections can't be accepted for the moment: %s",
               strerror(error));
    e->is_accept_failing = true;
    e->accept_again_ns = gn_clock_mono_ns() + ACCEPT_PAUSE_NS;
}

/* A connection that can't run at once is left to the other workers for a moment. When none of them
 * has taken it, it joins our queue: it must not starve behind busy keep-alive connections. */
static bool
may_accept(const struct gn_engine *e, int64_t now)
{
    return e->accept_again_ns == 0 && e->n_connections < e->max_connections &&
           (e->policy->has_room((struct gn_engine *)e) ||
            (e->turn_of_others_ns != 0 && now >= e->turn_of_others_ns));
}

/* One connection from the next listener that has one. False when no listener has any. */
static bool
accept_one(struct gn_engine *e)
{
    struct gn_worker *w = e->w;

    for (size_t i = 0; i < w->n_listeners; i++) {
        const struct gn_listener *l = &w->listeners[e->next_listener];
        struct gn_conn *c = gn_conn_accept(&e->service, l);

        e->next_listener = (e->next_listener + 1) % w->n_listeners;
        if (c != NULL) {
            e->is_accept_failing = false;
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
first_deadline(const struct gn_conn_list *list, int64_t t)
{
    const struct gn_conn *c = TAILQ_FIRST(list);

    return c != NULL && c->deadline_ns < t ? c->deadline_ns : t;
}

static int
wait_ms(const struct gn_engine *e, int64_t now)
{
    int64_t beat_ms = gn_clock_ns_of_s(e->w->frozen->cfg.timeout) / GN_NS_PER_MS / 2;
    int64_t ms = beat_ms > 0 && beat_ms < MAX_IDLE_MS ? beat_ms : MAX_IDLE_MS;
    int64_t t = INT64_MAX;

    t = first_deadline(&e->waiting, t);
    t = first_deadline(&e->collecting, t);
    t = first_deadline(&e->idle, t);
    t = first_deadline(&e->writing, t);
    t = first_deadline(&e->lingering, t);
    if (e->accept_again_ns != 0 && e->accept_again_ns < t)
        t = e->accept_again_ns;
    /* When it is over and nothing was accepted, something else stands in the way. */
    if (e->turn_of_others_ns > now && e->turn_of_others_ns < t)
        t = e->turn_of_others_ns;
    if (e->leave_ns != 0 && e->leave_ns < t)
        t = e->leave_ns;
    if (e->silent_until_ns != 0 && e->silent_until_ns < t)
        t = e->silent_until_ns;
    if (t != INT64_MAX) {
        int64_t left = t > now ? (t - now) / GN_NS_PER_MS + 1 : 0;

        if (left < ms)
            ms = left;
    }
    return (int)ms;
}

/* Its time is up. The loop may be late, so what has come until now counts. */
static void
expire_one(struct gn_engine *e, struct gn_conn *c)
{
    enum gn_conn_event event = GN_CONN_WAIT;
    enum gn_conn_state before = c->state;
    bool was_idle = c->list == &e->idle;

    unpark(e, c);
    if (gn_conn_has_input(c))
        event = gn_conn_read(c);
    if (event == GN_CONN_WAIT && c->state == before && (!was_idle || gn_buf_len(&c->in) == 0))
        event = gn_conn_expire(c);
    dispatch(e, c, event);
}

static void
expire_list(struct gn_engine *e, struct gn_conn_list *list, int64_t now)
{
    struct gn_conn *c;

    while ((c = TAILQ_FIRST(list)) != NULL && c->deadline_ns <= now) {
        expire_one(e, c);
    }
}

/* The same for a response: when its client takes something now, it goes on. */
static void
expire_writing(struct gn_engine *e, struct gn_conn *c)
{
    uint64_t before = c->io_bytes;
    enum gn_resp_step step = gn_resp_step(&c->resp);

    TAILQ_REMOVE(&e->writing, c, link);
    if (step != GN_RESP_OUT && c->io_bytes > before) {
        keep_writing(e, c);
        return;
    }
    if (step != GN_RESP_OUT)
        c->resp.is_broken = c->resp.lost_client = true;
    end_writing(e, c);
}

static void
expire(struct gn_engine *e, int64_t now)
{
    struct gn_conn *c;

    expire_list(e, &e->waiting, now);
    expire_list(e, &e->collecting, now);
    expire_list(e, &e->idle, now);
    while ((c = TAILQ_FIRST(&e->writing)) != NULL && c->deadline_ns <= now)
        expire_writing(e, c);
    while ((c = TAILQ_FIRST(&e->lingering)) != NULL && c->deadline_ns <= now) {
        end_lingering(e, c);
    }
    if (e->accept_again_ns != 0 && e->accept_again_ns <= now)
        e->accept_again_ns = 0;
}

static void
on_signal(struct gn_engine *e)
{
    gn_fd_drain(e->w->wake_fd[0]);
    e->has_signals = e->is_led_by_deputy;
    if (e->is_led_by_deputy)
        return;
    e->w->host->ops->check_signals(e->w->host);
    if (getppid() != e->w->ppid && e->w->is_alive) {
        gn_log(e->w->log, GN_INFO, "Parent changed, shutting down: <Worker %d>", (int)e->w->pid);
        e->w->is_alive = false;
    }
}

/* One epoll_wait and what it brings. Returns true when a listener is readable. */
static bool
turn(struct gn_engine *e, int timeout_ms)
{
    struct epoll_event events[EVENTS_PER_TURN];
    bool can_accept = false;
    int n = epoll_wait(e->ep, events, EVENTS_PER_TURN, timeout_ms);
    struct gn_conn *c;
    int64_t now;

    gn_worker_beat(e->w);
    /* An application may have taken the wake-up descriptor for itself: a signal then only
     * interrupts the wait. */
    if (n <= 0 && timeout_ms > 0)
        on_signal(e);
    e->is_in_batch = true;
    for (int i = 0; i < n; i++) {
        void *p = events[i].data.ptr;

        if (p == &signal_mark)
            on_signal(e);
        else if (p == &listener_mark)
            can_accept = true;
        else if (p == &policy_mark)
            e->policy->on_wake(e);
        else if (!e->w->quits_now)
            on_readable(e, p, (events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0);
    }
    e->is_in_batch = false;
    while ((c = TAILQ_FIRST(&e->dead)) != NULL) {
        TAILQ_REMOVE(&e->dead, c, link);
        gn_conn_free(c);
    }
    now = gn_clock_mono_ns();
    expire(e, now);
    gn_slot_measure(e->w, now);
    return can_accept;
}

static bool
has_queue(const struct gn_engine *e)
{
    for (size_t i = 0; i < e->w->n_listeners; i++) {
        struct pollfd p = {.fd = e->w->listeners[i].fd, .events = POLLIN};

        if (poll(&p, 1, 0) > 0)
            return true;
    }
    return false;
}

/* Without room, connections are taken when some have waited at every one of several looks: what is
 * there at a few may just be on its way to workers that have room. */
static void
look_at_queue(struct gn_engine *e, int64_t now)
{
    if (e->turn_of_others_ns == 0 || now < e->turn_of_others_ns || e->policy->has_room(e))
        return;
    e->n_looks = has_queue(e) ? e->n_looks + 1 : 0;
    if (e->n_looks < LOOKS_WITHOUT_ROOM)
        e->turn_of_others_ns = now + (e->n_looks > 0 ? NEXT_LOOK_NS : OTHERS_TURN_NS);
}

/* Takes fresh connections. False when more can't be served now. */
static bool
accept_some(struct gn_engine *e, int64_t now)
{
    int left = ACCEPTS_PER_TURN;
    bool may;

    look_at_queue(e, now);
    while (e->can_accept && left > 0 && e->w->is_alive && may_accept(e, now)) {
        e->can_accept = accept_one(e);
        left--;
    }
    if (left < ACCEPTS_PER_TURN || !e->can_accept)
        e->turn_of_others_ns = 0;
    may = e->w->is_alive && may_accept(e, now);
    if (!may && e->turn_of_others_ns == 0) {
        e->turn_of_others_ns = now + OTHERS_TURN_NS;
        e->n_looks = 0;
    }
    return may;
}

static void
serve_turn(struct gn_engine *e)
{
    int64_t now = gn_clock_mono_ns();
    bool may = accept_some(e, now);
    bool at_once;

    if (!e->w->is_alive)
        return;
    /* Who can't serve now must not listen: a connection wakes one worker only, and it has to be one
     * with room. The others look from time to time. */
    set_listening(e, may);
    at_once = (e->can_accept && may) || has_pending(e);
    if (turn(e, at_once ? 0 : wait_ms(e, now)) || !e->is_listening)
        e->can_accept = true;
}

/* Nothing is lost with a connection that has not sent a byte. What waits in the socket may be a
 * request for which there was no time yet. */
static void
drop_if_silent(struct gn_engine *e, struct gn_conn *c, int64_t now)
{
    if (gn_buf_len(&c->in) > 0)
        return;
    if (gn_conn_has_input(c)) {
        e->silent_until_ns = now + SILENT_DRAIN_NS;
        return;
    }
    unpark(e, c);
    close_now(e, c);
}

/* Connections that have not sent a byte get a last moment, then they are closed. */
static void
drop_silent(struct gn_engine *e, int64_t now)
{
    struct gn_conn *c, *next;

    if (e->silent_until_ns == 0 || now < e->silent_until_ns)
        return;
    e->silent_until_ns = 0;
    for (c = TAILQ_FIRST(&e->waiting); c != NULL; c = next) {
        next = TAILQ_NEXT(c, link);
        drop_if_silent(e, c, now);
    }
    for (c = TAILQ_FIRST(&e->idle); c != NULL; c = next) {
        next = TAILQ_NEXT(c, link);
        drop_if_silent(e, c, now);
    }
}

static bool
has_work(const struct gn_engine *e)
{
    return e->n_connections > 0 || !TAILQ_EMPTY(&e->lingering);
}

/* How many connections wait in the listen queue. A Unix socket does not tell: then a bound. */
static unsigned
queue_length(const struct gn_listener *l)
{
    struct tcp_info info;
    socklen_t size = sizeof(info);

    if (getsockopt(l->fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0)
        return info.tcpi_unacked;
    return UNIX_QUEUE_GUESS;
}

/* Takes one connection out of a queue without looking at it: the loop answers it later. */
static bool
accept_unseen(struct gn_engine *e)
{
    for (size_t i = 0; i < e->w->n_listeners; i++) {
        struct gn_conn *c = gn_conn_accept(&e->service, &e->w->listeners[i]);

        if (c != NULL) {
            atomic_fetch_add_explicit(&e->w->slot->accepted, 1, memory_order_relaxed);
            e->n_connections++;
            park(e, c);
            return true;
        }
        /* Short of descriptors: some become free when waiting requests are answered. */
        if (errno != EAGAIN && errno != EWOULDBLOCK) {
            turn(e, 1);
            return true;
        }
    }
    return false;
}

/* The server stops: takes everybody who waits in the listen queue, then closes its end of it at
 * once, so that who comes later is refused and not reset when the process is gone. Bounded, since
 * others may go on connecting. */
static void
drain_queue(struct gn_engine *e)
{
    struct gn_worker *w = e->w;
    unsigned n = LATE_COMERS;

    for (size_t i = 0; i < w->n_listeners; i++)
        n += queue_length(&w->listeners[i]);
    while (n-- > 0 && !w->quits_now && gn_clock_mono_ns() < e->leave_ns && accept_unseen(e))
        continue;
    for (size_t i = 0; i < w->n_listeners; i++)
        gn_listener_close(&w->listeners[i], false);
    w->n_listeners = 0;
}

static void
begin_drain(struct gn_engine *e)
{
    e->is_draining = true;
    set_listening(e, false);
    e->leave_ns = gn_clock_mono_ns() + gn_clock_ns_of_s(e->w->frozen->cfg.graceful_timeout);
    if (atomic_load(&e->w->slot->drain) != 0)
        drain_queue(e);
    e->silent_until_ns = gn_clock_mono_ns() + SILENT_DRAIN_NS;
}

static bool
is_drained(const struct gn_engine *e)
{
    return e->is_draining && (e->w->quits_now || !has_work(e) || gn_clock_mono_ns() >= e->leave_ns);
}

/* Answers everything that was accepted. */
static void
drain_turn(struct gn_engine *e)
{
    int64_t now;

    if (!e->is_draining)
        begin_drain(e);
    now = gn_clock_mono_ns();
    drop_silent(e, now);
    if (!is_drained(e))
        turn(e, has_pending(e) ? 0 : wait_ms(e, now));
    else if (e->is_led_by_deputy)
        turn(e, AFTER_THE_END_MS);
}

void
gn_engine_turn(struct gn_engine *e)
{
    if (e->w->is_alive)
        serve_turn(e);
    else
        drain_turn(e);
}

static void
run_until_drained(struct gn_engine *e)
{
    e->can_accept = true;
    while (!is_drained(e)) {
        gn_engine_turn(e);
        if (e->policy->run != NULL)
            e->policy->run(e);
        if (e->has_signals)
            on_signal(e);
    }
}

/* ---- start and end ---- */

static bool
watch(struct gn_engine *e, int fd, void *mark)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = mark};

    return fd < 0 || epoll_ctl(e->ep, EPOLL_CTL_ADD, fd, &ev) == 0;
}

static bool
engine_init(struct gn_engine *e, struct gn_worker *w, struct gn_err *err)
{
    TAILQ_INIT(&e->waiting);
    TAILQ_INIT(&e->collecting);
    TAILQ_INIT(&e->idle);
    TAILQ_INIT(&e->writing);
    TAILQ_INIT(&e->lingering);
    TAILQ_INIT(&e->dead);
    e->w = w;
    /* Policies without keep-alive hold few connections; the setting is documented for the others.
     */
    e->max_connections = e->policy->has_keepalive && w->frozen->cfg.worker_connections > 0
                             ? (size_t)w->frozen->cfg.worker_connections
                             : 4096;
    e->ep = epoll_create1(EPOLL_CLOEXEC);
    if (e->ep < 0 || !watch(e, w->wake_fd[0], &signal_mark))
        return gn_err_set(err, GN_E_IO, errno, "no epoll set");
    return gn_service_init(&e->service, w, err);
}

static void
free_list(struct gn_engine *e, struct gn_conn_list *list)
{
    struct gn_conn *c;

    while ((c = TAILQ_FIRST(list)) != NULL) {
        TAILQ_REMOVE(list, c, link);
        free_conn(e, c);
    }
}

static void
engine_fini(struct gn_engine *e)
{
    free_list(e, &e->waiting);
    free_list(e, &e->collecting);
    free_list(e, &e->idle);
    free_list(e, &e->writing);
    free_list(e, &e->lingering);
    gn_fd_close(&e->ep);
    if (e->n_running == 0)
        gn_service_fini(
            &e->service); /* else a pool thread still works with it until the process ends */
}

int
gn_engine_run(struct gn_worker *w, const struct gn_engine_policy *policy, void *policy_data,
              bool (*start)(struct gn_engine *, struct gn_err *), void (*stop)(struct gn_engine *))
{
    struct gn_engine *e = calloc(1, sizeof(*e));
    struct gn_guard *guard = NULL;
    struct gn_err err = {0};
    int status = GN_EXIT_OK;

    if (e == NULL)
        return GN_EXIT_WORKER_BOOT;
    e->policy = policy;
    e->policy_data = policy_data;
    e->ep = -1;
    if (!engine_init(e, w, &err) || (start != NULL && !start(e, &err)) ||
        (policy->wake_fd != NULL && !watch(e, policy->wake_fd(e), &policy_mark)) ||
        ((guard = gn_guard_start(e, &err)) == NULL && err.code != GN_E_NONE)) {
        gn_log_err(w->log, GN_LERROR, "Exception in worker process", &err);
        status = GN_EXIT_WORKER_BOOT;
    } else {
        w->engine = e;
        w->host->ops->wait_enter(w->host);
        run_until_drained(e);
        gn_guard_stop(guard);
        if (stop != NULL)
            stop(e);
        w->host->ops->wait_leave(w->host);
        w->engine = NULL;
    }
    gn_err_clear(&err);
    engine_fini(e);
    if (e->n_running == 0)
        free(e);
    return status;
}
