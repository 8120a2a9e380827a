#include "worker/conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/fd.h"
#include "config/frozen.h"
#include "host/host.h"
#include "log/log.h"
#include "net/tls.h"
#include "worker/wire.h"

enum {
    WAIT_STEP_MS = 1000,
    CHUNKED_READ_BYTES = 4096, /* of a body whose size isn't known */
};

/* ---- life ---- */

/* A zeroed connection, with the buffers of an earlier one when there is one. */
static struct gn_conn *
conn_new(struct gn_service *s)
{
    struct gn_conn *c, old;

    if (s->n_spare == 0)
        return calloc(1, sizeof(*c));
    c = s->spare[--s->n_spare];
    old = *c;
    memset(c, 0, sizeof(*c));
    c->in = old.in;
    c->parser = old.parser;
    c->resp = old.resp;
    gn_buf_clear(&c->in);
    gn_http_parser_reset(&c->parser);
    return c;
}

static bool
begin_tls(struct gn_conn *c)
{
    c->tls = gn_tls_open(c->service->worker->tls, c->fd);
    c->state = GN_CONN_HANDSHAKE;
    return c->tls != NULL;
}

struct gn_conn *
gn_conn_accept(struct gn_service *s, const struct gn_listener *l)
{
    struct sockaddr_storage peer;
    socklen_t len = sizeof(peer);
    struct gn_conn *c;
    int fd;

    do {
        fd = accept4(l->fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    } while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
    if (fd < 0)
        return NULL;
    c = conn_new(s);
    if (c == NULL) {
        close(fd);
        errno = ENOMEM;
        return NULL;
    }
    c->fd = fd;
    c->service = s;
    c->listener = l;
    if (s->worker->tls != NULL && !begin_tls(c)) {
        gn_conn_free(c);
        errno = ENOMEM;
        return NULL;
    }
    c->peer = peer;
    if (len == 0 || l->addr.kind == GN_ADDR_UNIX)
        c->peer.ss_family = AF_UNIX;
    gn_peer_text(&c->peer, c->peer_text, &c->peer_port);
    c->is_trusted = gn_netlist_match(s->forwarded_allow, &c->peer);
    c->awaits_proxy = s->proxy_versions != GN_PROXY_OFF;
    c->scratch = &s->scratch;
    gn_resp_reset(&c->resp, c);
    return c;
}

void
gn_conn_close(struct gn_conn *c)
{
    gn_resp_drop_rest(&c->resp);
    if (c->tls != NULL) {
        /* An end without close_notify tells the client that the response is not whole. */
        if (!c->resp.is_broken || c->was_taken)
            gn_tls_end(c->tls);
        gn_tls_free(c->tls);
        c->tls = NULL;
    }
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
}

void
gn_conn_free(struct gn_conn *c)
{
    struct gn_service *s = c->service;

    gn_conn_close(c);
    gn_buf_fini(&c->body_in);
    if (s->n_spare < GN_SERVICE_SPARE && c->in.size <= GN_CONN_KEEP_BYTES &&
        c->resp.out.size <= GN_CONN_KEEP_BYTES)
        s->spare[s->n_spare++] = c;
    else
        gn_conn_destroy(c);
}

void
gn_conn_destroy(struct gn_conn *c)
{
    gn_http_parser_fini(&c->parser);
    gn_buf_fini(&c->in);
    gn_buf_fini(&c->body_in);
    gn_resp_fini(&c->resp);
    free(c);
}

/* ---- reading ---- */

void
gn_conn_refuse(struct gn_conn *c, const struct gn_http_error *error)
{
    const struct gn_http_error_row *row = &gn_http_errors[error->id];

    gn_log(c->service->worker->log, GN_WARN, "Invalid request from ip=%s: %s", c->peer_text,
           error->message);
    gn_resp_error_page(&c->resp, row->status, row->reason, error->message);
}

static void
log_dropped_field(void *ctx, struct gn_slice name)
{
    struct gn_conn *c = ctx;

    gn_service_log_dropped(c->service, name);
}

/* Walks the framing of what came of a small body; the application's own decoder starts again from
 * its beginning. */
static enum gn_conn_event
probe_body(struct gn_conn *c, struct gn_slice raw)
{
    while (raw.n > 0 && !c->probe.is_done) {
        struct gn_slice run;
        size_t used;

        if (gn_http_body_feed(&c->probe, raw.p, raw.n, &used, &run) == GN_HTTP_BAD) {
            gn_conn_refuse(c, &c->probe.error);
            return GN_CONN_BAD;
        }
        raw.p += used;
        raw.n -= used;
    }
    return c->probe.is_done ? GN_CONN_READY : GN_CONN_WAIT;
}

/* The head is complete: trust, framing, and whether the application can have it now. */
static enum gn_conn_event
head_done(struct gn_conn *c)
{
    struct gn_http_head *h = &c->parser.head;
    struct gn_http_error error;
    enum gn_conn_event event;

    c->started_ns = gn_clock_mono_ns();
    if (!gn_http_policy_apply(&c->service->policy, h, c->is_trusted, c->tls != NULL, &c->trust,
                              &error, log_dropped_field, c)) {
        gn_conn_refuse(c, &error);
        return GN_CONN_BAD;
    }
    gn_http_body_init(&c->body, h);
    c->body_at = c->in.start + h->head_bytes;
    if (!gn_http_body_limit(&c->body, c->service->body_max_bytes)) {
        gn_conn_refuse(c, &c->body.error);
        return GN_CONN_BAD;
    }
    if (c->body.is_done || h->expects_continue)
        return GN_CONN_READY;
    c->probe = c->body;
    event = probe_body(c, gn_slice(c->in.data + c->body_at, c->in.end - c->body_at));
    if (event == GN_CONN_WAIT)
        c->state = GN_CONN_BODY;
    return event;
}

/* The client has ended its side within a small body. It may still read; most have just gone, which
 * is no reason for a warning. */
static enum gn_conn_event
body_cut_off(struct gn_conn *c)
{
    const struct gn_http_error_row *row = &gn_http_errors[GN_HTTP_E_NO_MORE_DATA];
    static const char reason[] = "The request body ends before its length";

    gn_log(c->service->worker->log, GN_DEBUG,
           "Ignored premature client disconnection from ip=%s: %s", c->peer_text, reason);
    gn_resp_error_page(&c->resp, row->status, row->reason, reason);
    return GN_CONN_BAD;
}

/* Received by the kernel and not read yet. */
static uint64_t
bytes_in_socket(const struct gn_conn *c)
{
    int waiting = 0;

    return ioctl(c->fd, FIONREAD, &waiting) == 0 && waiting > 0 ? (uint64_t)waiting : 0;
}

bool
gn_conn_has_input(const struct gn_conn *c)
{
    return bytes_in_socket(c) > 0;
}

/* How much of a body is still wanted before the application is called: the rest of a small one, the
 * first 64 KiB of a large one. */
static size_t
body_wanted(const struct gn_conn *c)
{
    size_t room = GN_CONN_PREFETCH_BYTES - gn_buf_len(&c->body_in);

    return !c->probe.is_chunked && c->probe.left < room ? (size_t)c->probe.left : room;
}

/* True when the socket holds what is wanted of a body: then the application reads it straight to
 * where it wants it. Not worth asking for a few bytes. */
static bool
body_waits_in_socket(const struct gn_conn *c)
{
    size_t wanted = body_wanted(c);

    return c->tls == NULL && wanted >= GN_CONN_DIRECT_BYTES && bytes_in_socket(c) >= wanted;
}

/* Small bodies are complete before the application is called, and a good part of large ones is
 * there, so that a slow client costs a buffer and not the worker. They go into `body_in`: the
 * head's slices must not move any more. The rest of a large one is left to the application. */
static enum gn_conn_event
collect_body(struct gn_conn *c)
{
    if (gn_buf_len(&c->body_in) == 0 && body_waits_in_socket(c)) {
        c->has_more = true;
        return GN_CONN_READY;
    }
    while (gn_buf_len(&c->body_in) < GN_CONN_PREFETCH_BYTES) {
        enum gn_conn_event event;
        size_t want = body_wanted(c);
        ssize_t n;

        /* Most chunked bodies are short: room grows with what comes. */
        if (c->probe.is_chunked && want > gn_buf_len(&c->body_in) + CHUNKED_READ_BYTES)
            want = gn_buf_len(&c->body_in) + CHUNKED_READ_BYTES;
        if (!gn_buf_reserve(&c->body_in, want))
            return GN_CONN_EOF;
        n = gn_wire_recv(c, c->body_in.data + c->body_in.end, want, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? GN_CONN_WAIT : GN_CONN_EOF;
        if (n == 0)
            return body_cut_off(c);
        event = probe_body(c, gn_slice(c->body_in.data + c->body_in.end, (size_t)n));
        c->body_in.end += (size_t)n;
        if (event != GN_CONN_WAIT)
            return event;
    }
    return GN_CONN_READY;
}

/* A stranger's header is refused at its signature. */
enum gn_conn_event
gn_conn_parse_proxy(struct gn_conn *c)
{
    struct gn_service *s = c->service;
    struct gn_slice in = gn_buf_slice(&c->in);
    struct gn_http_error error;
    enum gn_proxy_result result = gn_proxy_parse(s->proxy_versions, in.p, in.n, &c->proxy, &error);

    if (c->proxy.version != 0 && !gn_netlist_match(s->proxy_allow, &c->peer)) {
        error.id = GN_HTTP_E_FORBIDDEN_PROXY_REQUEST;
        snprintf(error.message, sizeof(error.message), "Proxy request from '%.64s' not allowed",
                 c->peer_text);
        gn_conn_refuse(c, &error);
        return GN_CONN_BAD;
    }
    switch (result) {
    case GN_PROXY_MORE:
        return GN_CONN_WAIT;
    case GN_PROXY_BAD:
        gn_conn_refuse(c, &error);
        return GN_CONN_BAD;
    case GN_PROXY_DONE:
        gn_buf_consume(&c->in, c->proxy.bytes);
        break;
    case GN_PROXY_NONE:
        break;
    }
    c->awaits_proxy = false;
    return GN_CONN_READY;
}

enum gn_conn_event
gn_conn_parse(struct gn_conn *c)
{
    if (c->awaits_proxy) {
        enum gn_conn_event event = gn_conn_parse_proxy(c);

        if (event != GN_CONN_READY)
            return event;
    }
    switch (gn_http_head_feed(&c->parser, &c->service->limits, c->in.data + c->in.start,
                              gn_buf_len(&c->in))) {
    case GN_HTTP_MORE:
        return GN_CONN_WAIT;
    case GN_HTTP_BAD:
        gn_conn_refuse(c, &c->parser.error);
        return GN_CONN_BAD;
    case GN_HTTP_DONE:
        break;
    }
    return head_done(c);
}

/* The buffer has moved and nothing came that would have made the parser look at it again: its
 * slices must follow. */
static void
rebase(struct gn_conn *c)
{
    if (!c->awaits_proxy && gn_buf_len(&c->in) > 0)
        (void)gn_http_head_feed(&c->parser, &c->service->limits, c->in.data + c->in.start,
                                gn_buf_len(&c->in));
}

enum gn_conn_event
gn_conn_read(struct gn_conn *c)
{
    enum gn_conn_event event;

    if (c->state == GN_CONN_BODY)
        return collect_body(c);
    if (c->state == GN_CONN_HANDSHAKE) {
        event = gn_wire_handshake(c);
        if (event != GN_CONN_READY)
            return event;
    }
    for (;;) {
        const char *before = c->in.data + c->in.start;
        size_t room;
        ssize_t n;

        if (!gn_buf_reserve(&c->in, c->in.end == 0 ? GN_CONN_FIRST_READ_BYTES : 1024))
            return GN_CONN_EOF;
        room = c->in.size - c->in.end;
        n = gn_wire_recv(c, c->in.data + c->in.end, room, 0);
        if (n < 0 && errno == EINTR)
            n = gn_wire_recv(c, c->in.data + c->in.end, room, 0);
        if (n <= 0) {
            if (c->in.data + c->in.start != before)
                rebase(c);
            c->has_more = false;
            return n < 0 && (errno == EAGAIN || errno == EINTR) ? GN_CONN_WAIT : GN_CONN_EOF;
        }
        c->in.end += (size_t)n;
        event = gn_conn_parse(c);
        if (event == GN_CONN_WAIT && c->state == GN_CONN_BODY)
            return collect_body(c);
        if (event != GN_CONN_WAIT || !c->has_more)
            return event;
    }
}

enum gn_conn_event
gn_conn_expire(struct gn_conn *c)
{
    struct gn_http_error error = {.id = GN_HTTP_E_REQUEST_TIMEOUT,
                                  .message =
                                      "Request Timeout: the request was not complete in time"};

    if (gn_buf_len(&c->in) == 0)
        return GN_CONN_EOF;
    /* A body that is slow, but on its way: as it would be read by the application. */
    if (c->state == GN_CONN_BODY &&
        gn_buf_len(&c->body_in) >=
            (uint64_t)(c->service->io_timeout_ns / GN_NS_PER_S) * GN_CONN_MIN_BYTES_PER_S)
        return GN_CONN_READY;
    gn_conn_refuse(c, &error);
    return GN_CONN_BAD;
}

/* ---- waiting ---- */

enum wait_result { WAIT_READY, WAIT_TIMEOUT, WAIT_STOP };

/* Signals and the heartbeat are the business of the loop's thread; an application may read in
 * threads of its own. */
static bool
is_loop_thread(const struct gn_conn *c)
{
    return c->scratch->thread == NULL &&
           pthread_equal(pthread_self(), c->service->loop_thread) != 0;
}

/* True when the client has used up its time: silent for `waited_ns` now, or over all waits of the
 * request slower than anybody with an interest in it. A byte now and then must not hold a thread.
 */
static bool
is_too_slow(const struct gn_conn *c, int64_t limit, int64_t waited_ns)
{
    int64_t total = c->io_wait_ns + waited_ns;

    if (limit <= 0)
        return false;
    return waited_ns > limit || (total > limit && c->io_bytes < (uint64_t)(total / GN_NS_PER_S) *
                                                                    GN_CONN_MIN_BYTES_PER_S);
}

/* Blocks until the socket is ready, the client was too slow, or the worker has to leave. Signals
 * are handled meanwhile. */
static enum wait_result
wait_for(struct gn_conn *c, short events)
{
    struct gn_worker *w = c->service->worker;
    bool is_loop = is_loop_thread(c);
    int64_t limit = events == POLLIN ? c->service->body_timeout_ns : c->service->io_timeout_ns;
    int64_t start = gn_clock_mono_ns();

    for (;;) {
        struct pollfd p[2] = {{.fd = c->fd, .events = events},
                              {.fd = is_loop ? w->wake_fd[0] : -1, .events = POLLIN}};
        int n = poll(p, 2, WAIT_STEP_MS);
        int64_t waited;

        if (n < 0 && errno != EINTR)
            return WAIT_STOP;
        /* Also after a wait for nothing: a deputy may have drained the descriptor first. */
        if (is_loop && (n <= 0 || p[1].revents != 0)) {
            gn_fd_drain(w->wake_fd[0]);
            if (!w->host->ops->check_signals(w->host))
                return WAIT_STOP;
        }
        if (w->quits_now)
            return WAIT_STOP;
        waited = gn_clock_mono_ns() - start;
        if (is_too_slow(c, limit, waited))
            return WAIT_TIMEOUT;
        /* The client has time left, and the worker is healthy: this is not a hung request. */
        if (is_loop)
            gn_worker_beat(w);
        if (n > 0 && p[0].revents != 0) {
            c->io_wait_ns += waited;
            return WAIT_READY;
        }
    }
}

bool
gn_conn_wait_writable(struct gn_conn *c)
{
    return wait_for(c, gn_wire_send_events(c)) == WAIT_READY;
}

bool
gn_conn_waited(struct gn_conn *c, int64_t ns)
{
    bool is_too_late = is_too_slow(c, c->service->io_timeout_ns, ns);

    c->io_wait_ns += ns;
    return !is_too_late;
}

void
gn_conn_beat(const struct gn_conn *c)
{
    if (is_loop_thread(c))
        gn_worker_beat(c->service->worker);
}

/* ---- body ---- */

static bool
send_continue(struct gn_conn *c)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct iovec iov = {(void *)text, sizeof(text) - 1};

    if (c->continue_sent || !c->parser.head.expects_continue || c->resp.is_sent)
        return true;
    c->continue_sent = true;
    return gn_conn_send(c, &iov, 1, false);
}

/* Undecoded bytes at hand: first those behind the head, then later ones. */
static struct gn_slice
pending_input(const struct gn_conn *c)
{
    if (c->body_at < c->in.end)
        return gn_slice(c->in.data + c->body_at, c->in.end - c->body_at);
    return gn_buf_slice(&c->body_in);
}

static void
pending_consume(struct gn_conn *c, size_t n)
{
    if (c->body_at < c->in.end)
        c->body_at += n;
    else
        gn_buf_consume(&c->body_in, n);
}

/* Receives into `dst`; waits for at least one byte. */
static enum gn_body_result
receive(struct gn_conn *c, char *dst, size_t n, size_t *got)
{
    *got = 0;
    if (!send_continue(c))
        return GN_BODY_GONE;
    for (;;) {
        ssize_t r = gn_wire_recv(c, dst, n, 0);

        if (r > 0) {
            *got = (size_t)r;
            c->io_bytes += (size_t)r;
            return GN_BODY_DATA;
        }
        if (r == 0)
            return GN_BODY_GONE;
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN)
            return GN_BODY_GONE;
        switch (wait_for(c, gn_wire_recv_events(c))) {
        case WAIT_READY:
            break;
        case WAIT_TIMEOUT:
            return GN_BODY_TIMEOUT;
        case WAIT_STOP:
            return GN_BODY_STOP;
        }
    }
}

/* Decodes what is at hand until there is data; END, BAD, or DATA with an empty run when more has to
 * be received. */
static enum gn_body_result
decode_pending(struct gn_conn *c)
{
    for (;;) {
        struct gn_slice in;
        size_t used;

        if (c->body.is_done)
            return GN_BODY_END;
        in = pending_input(c);
        if (in.n == 0)
            return GN_BODY_DATA;
        if (gn_http_body_feed(&c->body, in.p, in.n, &used, &c->body_run) == GN_HTTP_BAD)
            return GN_BODY_BAD;
        pending_consume(c, used);
        if (c->body_run.n > 0)
            return GN_BODY_DATA;
    }
}

enum gn_body_result
gn_conn_body_next(struct gn_conn *c, struct gn_slice *run)
{
    size_t got;

    while (c->body_run.n == 0 && c->body_state == GN_BODY_DATA) {
        c->body_state = decode_pending(c);
        if (c->body_state != GN_BODY_DATA || c->body_run.n > 0)
            break;
        gn_buf_clear(&c->body_in);
        if (!gn_buf_reserve(&c->body_in, GN_CONN_BODY_BUFFER_BYTES)) {
            c->body_state = GN_BODY_GONE;
            break;
        }
        c->body_state = receive(c, c->body_in.data, GN_CONN_BODY_BUFFER_BYTES, &got);
        c->body_in.end = got;
    }
    *run = c->body_run;
    return c->body_run.n > 0 ? GN_BODY_DATA : c->body_state;
}

void
gn_conn_body_take(struct gn_conn *c, size_t n)
{
    c->body_run.p += n;
    c->body_run.n -= n;
}

enum gn_body_result
gn_conn_body_read(struct gn_conn *c, char *dst, size_t n, size_t *got)
{
    enum gn_body_result result;
    struct gn_slice run, decoded;
    uint64_t left = gn_http_body_run_left(&c->body);
    size_t used;

    *got = 0;
    /* A large read of a body with a length, or within a large chunk, goes straight to where the
     * application wants it. */
    if (c->body_run.n == 0 && c->body_state == GN_BODY_DATA && n >= GN_CONN_DIRECT_BYTES &&
        left > 0 && (!c->body.is_chunked || left >= GN_CONN_DIRECT_BYTES) &&
        pending_input(c).n == 0) {
        if (n > left)
            n = (size_t)left;
        c->body_state = receive(c, dst, n, got);
        if (c->body_state != GN_BODY_DATA)
            return c->body_state;
        (void)gn_http_body_feed(&c->body, dst, *got, &used, &decoded);
        return GN_BODY_DATA;
    }
    result = gn_conn_body_next(c, &run);
    if (result != GN_BODY_DATA)
        return result;
    *got = run.n < n ? run.n : n;
    memcpy(dst, run.p, *got);
    gn_conn_body_take(c, *got);
    return GN_BODY_DATA;
}

bool
gn_conn_request_is_consumed(const struct gn_conn *c)
{
    size_t rest = c->in.end - c->body_at + gn_buf_len(&c->body_in);

    if (c->body.is_done)
        return rest == 0;
    return !c->body.is_chunked && rest == c->body.left;
}

bool
gn_conn_drain_body(struct gn_conn *c)
{
    size_t drained = 0;

    while (c->body_state == GN_BODY_DATA) {
        ssize_t n;

        c->body_run.n = 0;
        c->body_state = decode_pending(c);
        if (c->body_state != GN_BODY_DATA || c->body_run.n > 0)
            continue;
        /* A client that waits for 100 Continue may send its body or the next request: nobody can
         * tell. */
        if ((c->parser.head.expects_continue && !c->continue_sent) ||
            drained > GN_CONN_LINGER_BYTES)
            return false;
        gn_buf_clear(&c->body_in);
        if (!gn_buf_reserve(&c->body_in, GN_CONN_BODY_BUFFER_BYTES))
            return false;
        n = gn_wire_recv(c, c->body_in.data, GN_CONN_BODY_BUFFER_BYTES, MSG_DONTWAIT);
        if (n <= 0)
            return false;
        c->body_in.end = (size_t)n;
        drained += (size_t)n;
    }
    return c->body_state == GN_BODY_END;
}

bool
gn_conn_next(struct gn_conn *c)
{
    struct gn_slice later = gn_buf_slice(&c->body_in);

    if (c->body_at < c->in.end) {
        gn_buf_consume(&c->in, c->body_at - c->in.start);
    } else {
        gn_buf_clear(&c->in);
        if (!gn_buf_append(&c->in, later.p, later.n))
            return false;
        gn_buf_clear(&c->body_in);
    }
    gn_http_parser_reset(&c->parser);
    memset(&c->trust, 0, sizeof(c->trust));
    memset(&c->body, 0, sizeof(c->body));
    c->body_at = 0;
    c->body_run = gn_slice(NULL, 0);
    c->body_state = GN_BODY_DATA;
    c->continue_sent = false;
    c->is_logged = false;
    c->io_bytes = 0;
    c->io_wait_ns = 0;
    c->started_ns = 0;
    c->state = GN_CONN_HEAD;
    c->scratch = &c->service->scratch;
    gn_resp_reset(&c->resp, c);
    return true;
}

bool
gn_conn_linger_read(struct gn_conn *c)
{
    char sink[16384];

    for (;;) {
        ssize_t n = recv(c->fd, sink, sizeof(sink), 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno != EAGAIN;
        if (n == 0)
            return true;
        c->linger_bytes += (size_t)n;
        if (c->linger_bytes > GN_CONN_LINGER_BYTES)
            return true;
    }
}

/* ---- sending ---- */

/* Drops `n` sent bytes from the front of iov; returns how many entries are left, moved to the
 * front. */
static int
iov_advance(struct iovec *iov, int count, size_t n)
{
    int first = 0;

    while (first < count && n >= iov[first].iov_len) {
        n -= iov[first].iov_len;
        first++;
    }
    if (first < count) {
        iov[first].iov_base = (char *)iov[first].iov_base + n;
        iov[first].iov_len -= n;
    }
    memmove(iov, iov + first, (size_t)(count - first) * sizeof(*iov));
    return count - first;
}

bool
gn_conn_send(struct gn_conn *c, struct iovec *iov, int n, bool has_more)
{
    while (n > 0) {
        ssize_t sent = gn_wire_sendv(c, iov, n, has_more);

        if (sent >= 0) {
            c->io_bytes += (size_t)sent;
            n = iov_advance(iov, n, (size_t)sent);
            continue;
        }
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN || wait_for(c, gn_wire_send_events(c)) != WAIT_READY)
            return false;
    }
    return true;
}

void
gn_conn_send_some(struct gn_conn *c)
{
    struct gn_slice out = gn_buf_slice(&c->resp.out);

    if (out.n > 0 && gn_wire_send_now(c, out, false) < (ssize_t)out.n)
        c->resp.is_broken = true;
    gn_buf_clear(&c->resp.out);
}

bool
gn_conn_can_sendfile(int file_fd)
{
    struct stat st;

    return fstat(file_fd, &st) == 0 && S_ISREG(st.st_mode);
}

uint64_t
gn_conn_file_size(int file_fd)
{
    struct stat st;

    return fstat(file_fd, &st) == 0 && st.st_size > 0 ? (uint64_t)st.st_size : 0;
}
