#include "worker/wire.h"

#include <errno.h>
#include <string.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "log/log.h"
#include "net/tls.h"

enum {
    PEEK_BYTES = 1024,
    PIECE_BYTES = 65536, /* of a file that is read and sent */
};

/* ---- bytes ---- */

ssize_t
gn_wire_tls_recv(struct gn_conn *c, void *p, size_t n)
{
    ssize_t got = gn_tls_recv(c->tls, p, n, &c->recv_events);

    c->has_more = got > 0 && c->tls->has_more;
    return got;
}

/* Small pieces share a record: a head and its body would be two otherwise. After EAGAIN the same
 * iov comes again, so that the record is the same too. */
ssize_t
gn_wire_tls_sendv(struct gn_conn *c, const struct iovec *iov, int n, bool has_more)
{
    char record[GN_TLS_RECORD_BYTES];
    size_t used = 0;
    int i = 0;

    if (n == 1 || iov[0].iov_len >= sizeof(record))
        return gn_tls_send(c->tls, iov[0].iov_base, iov[0].iov_len, has_more || n > 1,
                           &c->send_events);
    while (i < n && used < sizeof(record)) {
        size_t room = sizeof(record) - used;
        size_t take = iov[i].iov_len < room ? iov[i].iov_len : room;

        memcpy(record + used, iov[i].iov_base, take);
        used += take;
        if (take < iov[i].iov_len)
            break;
        i++;
    }
    return gn_tls_send(c->tls, record, used, has_more || i < n, &c->send_events);
}

/* Record by record. An error behind the first record is told by the next call. */
ssize_t
gn_wire_tls_send_now(struct gn_conn *c, struct gn_slice data, bool has_more)
{
    size_t sent = 0;

    while (sent < data.n) {
        bool is_last = data.n - sent <= GN_TLS_RECORD_BYTES;
        ssize_t n = gn_tls_send(c->tls, data.p + sent, data.n - sent, has_more || !is_last,
                                &c->send_events);

        if (n < 0 && sent == 0)
            return -1;
        if (n < 0)
            break;
        sent += (size_t)n;
    }
    return (ssize_t)sent;
}

static ssize_t
send_piece(struct gn_conn *c, int file_fd, off_t *offset, size_t n)
{
    char piece[PIECE_BYTES];
    ssize_t got, put;

    if (n > sizeof(piece))
        n = sizeof(piece);
    do
        got = pread(file_fd, piece, n, *offset);
    while (got < 0 && errno == EINTR);
    if (got <= 0)
        return got;
    put = gn_tls_send(c->tls, piece, (size_t)got, false, &c->send_events);
    if (put > 0)
        *offset += put;
    return put;
}

ssize_t
gn_wire_sendfile(struct gn_conn *c, int file_fd, off_t *offset, size_t n)
{
    ssize_t put;

    if (c->tls == NULL)
        return sendfile(c->fd, file_fd, offset, n);
    if (!c->tls->has_sendfile)
        return send_piece(c, file_fd, offset, n);
    put = c->tls->ops->sendfile(c->tls, file_fd, *offset, n, &c->send_events);
    if (put > 0)
        *offset += put;
    return put;
}

bool
gn_wire_half_close(struct gn_conn *c)
{
    if (c->tls != NULL)
        gn_tls_end(c->tls);
    return shutdown(c->fd, SHUT_WR) == 0;
}

/* ---- the start of a connection that is to speak TLS ---- */

/* Looks at what is there and leaves it in the socket. */
static enum gn_conn_event
peek(struct gn_conn *c, size_t size)
{
    ssize_t n;

    if (!gn_buf_reserve(&c->in, size))
        return GN_CONN_EOF;
    do
        n = recv(c->fd, c->in.data, size, MSG_PEEK);
    while (n < 0 && errno == EINTR);
    c->recv_events = POLLIN;
    if (n > 0) {
        c->in.end = (size_t)n;
        return GN_CONN_READY;
    }
    return n < 0 && errno == EAGAIN ? GN_CONN_WAIT : GN_CONN_EOF;
}

/* The connection goes on in the clear: what has to be said now must be readable. */
static void
leave_tls(struct gn_conn *c)
{
    gn_tls_free(c->tls);
    c->tls = NULL;
    c->state = GN_CONN_HEAD;
}

/* A proxy says whom it speaks for before the handshake. When it says nothing here, a header is
 * looked for inside TLS. */
static enum gn_conn_event
take_proxy(struct gn_conn *c)
{
    enum gn_conn_event event = peek(c, GN_PROXY_V2_MAX_BYTES);
    size_t n = gn_buf_len(&c->in);

    if (event == GN_CONN_READY) {
        event = gn_conn_parse_proxy(c);
        n -= gn_buf_len(&c->in);
        if (event == GN_CONN_READY && n == 0)
            c->awaits_proxy = true;
        else if (event == GN_CONN_READY && recv(c->fd, c->in.data, n, 0) != (ssize_t)n)
            event = GN_CONN_EOF;
        else if (event == GN_CONN_BAD)
            leave_tls(c);
    }
    gn_buf_fini(&c->in);
    return event;
}

/* What the first bytes are tells what the client speaks. */
static enum gn_conn_event
look(struct gn_conn *c)
{
    struct gn_http_error error = {.id = GN_HTTP_E_PLAIN_HTTP,
                                  .message = "The plain HTTP request was sent to HTTPS port"};
    enum gn_conn_event event;
    unsigned char first;

    if (c->awaits_proxy && c->proxy.version == 0) {
        event = take_proxy(c);
        if (event != GN_CONN_READY)
            return event;
    }
    event = peek(c, 1);
    first = event == GN_CONN_READY ? (unsigned char)c->in.data[0] : 0;
    gn_buf_clear(&c->in);
    if (event != GN_CONN_READY || !gn_tls_is_plain_text(first))
        return event;
    leave_tls(c);
    gn_conn_refuse(c, &error);
    return GN_CONN_BAD;
}

enum gn_conn_event
gn_wire_handshake(struct gn_conn *c)
{
    struct gn_log *log = c->service->worker->log;

    if (!c->was_looked_at) {
        enum gn_conn_event event = look(c);

        if (event != GN_CONN_READY)
            return event;
        c->was_looked_at = true;
    }
    switch (gn_tls_handshake(c->tls, &c->recv_events)) {
    case GN_TLS_DONE:
        c->state = GN_CONN_HEAD;
        return GN_CONN_READY;
    case GN_TLS_WAIT:
        return GN_CONN_WAIT;
    case GN_TLS_LEFT:
        gn_log(log, GN_DEBUG, "The client at ip=%s left during the TLS handshake", c->peer_text);
        return GN_CONN_EOF;
    case GN_TLS_FAILED:
        gn_log(log, GN_INFO, "TLS handshake with ip=%s failed: %s", c->peer_text, c->tls->why);
        break;
    }
    return GN_CONN_BAD;
}
