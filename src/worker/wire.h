/* The bytes of a connection: straight to the socket, or through TLS.
 *
 * A plain connection takes one test of a pointer and then the system call. All functions return as
 * the system calls do; with EAGAIN the `events` functions say what to wait for. Not blocking, and
 * for the connection's owner; reading and writing may be two threads.
 */
#ifndef GN_WORKER_WIRE_H
#define GN_WORKER_WIRE_H

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "worker/conn.h"

ssize_t gn_wire_tls_recv(struct gn_conn *c, void *p, size_t n);
ssize_t gn_wire_tls_sendv(struct gn_conn *c, const struct iovec *iov, int n, bool has_more);
ssize_t gn_wire_tls_send_now(struct gn_conn *c, struct gn_slice data, bool has_more);

/* Sets `has_more` of the connection: bytes may be left behind. */
static inline ssize_t
gn_wire_recv(struct gn_conn *c, void *p, size_t n, int flags)
{
    ssize_t got;

    if (GN_UNLIKELY(c->tls != NULL))
        return gn_wire_tls_recv(c, p, n);
    got = recv(c->fd, p, n, flags);
    c->has_more = got == (ssize_t)n;
    return got;
}

/* `has_more`: other bytes follow at once. */
static inline ssize_t
gn_wire_sendv(struct gn_conn *c, struct iovec *iov, int n, bool has_more)
{
    int flags = MSG_NOSIGNAL | (has_more ? MSG_MORE : 0);
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = (size_t)n};

    if (GN_UNLIKELY(c->tls != NULL))
        return gn_wire_tls_sendv(c, iov, n, has_more);
    return n == 1 ? send(c->fd, iov[0].iov_base, iov[0].iov_len, flags)
                  : sendmsg(c->fd, &msg, flags);
}

/* What the socket takes at once, also when somebody has made it blocking; 0 only for no data. */
static inline ssize_t
gn_wire_send_now(struct gn_conn *c, struct gn_slice data, bool has_more)
{
    if (GN_UNLIKELY(c->tls != NULL))
        return gn_wire_tls_send_now(c, data, has_more);
    return send(c->fd, data.p, data.n, MSG_NOSIGNAL | MSG_DONTWAIT | (has_more ? MSG_MORE : 0));
}

static inline short
gn_wire_recv_events(const struct gn_conn *c)
{
    return GN_UNLIKELY(c->tls != NULL) ? c->recv_events : POLLIN;
}

static inline short
gn_wire_send_events(const struct gn_conn *c)
{
    return GN_UNLIKELY(c->tls != NULL) ? c->send_events : POLLOUT;
}

/* As sendfile(2). Without encryption by the kernel a piece is read and sent. */
ssize_t gn_wire_sendfile(struct gn_conn *c, int file_fd, off_t *offset, size_t n);

/* One step of the handshake. READY: it is done, and the connection waits for a head. BAD:
 * half-close and linger, so that the client gets what was said. */
enum gn_conn_event gn_wire_handshake(struct gn_conn *c);

/* Says the end to the client and closes our direction. False when it is gone. */
bool gn_wire_half_close(struct gn_conn *c);

#endif
