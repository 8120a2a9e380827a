/* One client connection: its socket, its bytes, the request in it and the response to it.
 *
 * A connection has exactly one owner at a time: the engine's loop, or the thread that runs the
 * application for it; hence no locks. Functions that may block (body, flush) are called without
 * the lock of the language inside.
 */
#ifndef GN_WORKER_CONN_H
#define GN_WORKER_CONN_H

#include <sys/queue.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "http/body.h"
#include "http/head.h"
#include "http/policy.h"
#include "net/addr.h"
#include "net/listener.h"
#include "worker/resp.h"
#include "worker/service.h"

struct gn_conn_list;
struct gn_tls;

enum gn_conn_state {
    GN_CONN_HEAD,      /* waiting for the head of a request */
    GN_CONN_BODY,      /* head complete, waiting for a small body */
    GN_CONN_RUN,       /* the application has it */
    GN_CONN_WRITE,     /* the application is done, the client has not taken the response yet */
    GN_CONN_DEAD,      /* closed; its memory goes at the end of the loop's turn */
    GN_CONN_LINGER,    /* response sent and half closed: waits for the client's end */
    GN_CONN_HANDSHAKE, /* of TLS; HEAD follows */
};

enum {
    GN_CONN_FIRST_READ_BYTES = 8192,
    GN_CONN_BODY_BUFFER_BYTES = 65536,
    /* So much of a body is there, or all of it, before the application is called. */
    GN_CONN_PREFETCH_BYTES = 65536,
    GN_CONN_DIRECT_BYTES = 16384,  /* reads of this size go to their place without a buffer */
    GN_CONN_MIN_BYTES_PER_S = 500, /* slower clients are given up after the `timeout` setting */
    GN_CONN_KEEP_BYTES = 16384,   /* buffers larger than this are not kept for another connection */
    GN_CONN_LINGER_BYTES = 65536, /* unread request bytes that are waited for after the response */
};

#define GN_CONN_LINGER_NS (5 * GN_NS_PER_S)

enum gn_body_result {
    GN_BODY_DATA,
    GN_BODY_END,
    GN_BODY_BAD,     /* framing is broken; body.error */
    GN_BODY_GONE,    /* the client went away before the end */
    GN_BODY_TIMEOUT, /* the client was silent for too long */
    GN_BODY_STOP,    /* the worker has to leave at once */
};

struct gn_conn {
    TAILQ_ENTRY(gn_conn) link; /* engine's lists */
    struct gn_service *service;
    const struct gn_listener *listener;
    int fd;
    struct gn_tls *tls;             /* owned; NULL: the connection speaks in the clear */
    short recv_events, send_events; /* with TLS: what the last EAGAIN waits for (of poll) */
    bool was_looked_at;             /* TLS: its first byte is none of HTTP */
    enum gn_conn_state state;
    struct gn_conn_list *list;  /* waiting or idle, when it is in one of them */
    struct gn_scratch *scratch; /* of the thread that works with the connection */
    bool is_in_poll;            /* registered with the engine's poll set */
    bool is_logged;             /* its request is in the access log */
    bool has_edge;              /* became readable, or ended, while a request ran */
    bool has_more;              /* the last read filled its buffer: more may wait in the socket */
    bool was_taken; /* the application holds the socket: only shutdown(2) tells the client of the
                       end */
    /* Guarded by the lock of the language inside: a thread of it is in a read or write of this
     * connection. */
    bool is_reading, is_writing;
    bool may_keep_alive;    /* the engine allows another request after this one */
    int64_t write_since_ns; /* WRITE: since when the client has taken nothing */
    int64_t deadline_ns;    /* when the loop gives up on it */
    int64_t started_ns;     /* head complete */
    size_t linger_bytes;
    unsigned long n_requests; /* that were run, this one included */
    uint64_t io_bytes;        /* moved for this request by reads and writes that may block */
    int64_t io_wait_ns;       /* spent waiting in them */

    struct sockaddr_storage peer;
    char peer_text[GN_ADDR_TEXT_BYTES];
    int peer_port;
    bool is_trusted; /* forwarded_allow_ips matches the peer, whatever a PROXY header announces */

    bool awaits_proxy;     /* the first bytes may be a PROXY header */
    struct gn_proxy proxy; /* what it has announced, for all requests of the connection */

    struct gn_buf in; /* from the first byte of the request; the head's slices point into it */
    struct gn_http_parser parser;
    struct gn_http_trust trust;

    struct gn_http_body body;
    struct gn_http_body probe;      /* walks a small body that is still being collected */
    size_t body_at;                 /* offset in `in` of the first body byte not decoded yet */
    struct gn_buf body_in;          /* later body bytes */
    struct gn_slice body_run;       /* decoded and not handed out yet */
    enum gn_body_result body_state; /* DATA, or why there is no more */
    bool continue_sent;

    struct gn_resp resp;
};

/* Accepts one connection. NULL when none waits (errno EAGAIN) or on an error (errno). */
struct gn_conn *gn_conn_accept(struct gn_service *s, const struct gn_listener *l);

/* Closes the socket alone. */
void gn_conn_close(struct gn_conn *c);

/* Closes the socket; the memory is kept for another connection or freed. */
void gn_conn_free(struct gn_conn *c);

/* Frees the memory of a connection without a socket. */
void gn_conn_destroy(struct gn_conn *c);

/* Whom the requests come from: the source that a PROXY header has announced, else the peer. */
static inline const char *
gn_conn_remote_text(const struct gn_conn *c)
{
    return c->proxy.has_addresses ? c->proxy.source.text : c->peer_text;
}

enum gn_conn_event {
    GN_CONN_WAIT,  /* more bytes are needed */
    GN_CONN_READY, /* a request is ready for the application */
    GN_CONN_BAD,   /* an error response was queued: flush and close */
    GN_CONN_EOF,   /* nothing to do but to close */
};

/* Reads what is there and parses. Never blocks. */
enum gn_conn_event gn_conn_read(struct gn_conn *c);

/* Parses what `in` holds already. */
enum gn_conn_event gn_conn_parse(struct gn_conn *c);

/* After a response: reads the rest of the request's body as far as it is there. False when the next
 * request's start can't be told: then the connection has to be closed. */
bool gn_conn_drain_body(struct gn_conn *c);

/* Makes ready for the next request; bytes of it that came already stay. False without memory. */
bool gn_conn_next(struct gn_conn *c);

/* The start of a connection that may begin with a PROXY header: `in` holds its first bytes. READY:
 * the header, if there was one, was consumed. */
enum gn_conn_event gn_conn_parse_proxy(struct gn_conn *c);

/* Answers for the loop: the client was too slow. Queues 408 when part of a request has come. */
enum gn_conn_event gn_conn_expire(struct gn_conn *c);

/* Queues an error page for a request that can't be served, and logs it. */
void gn_conn_refuse(struct gn_conn *c, const struct gn_http_error *error);

/* The next decoded bytes of the body, borrowed until the next call; blocks. Anything but DATA is
 * final. */
enum gn_body_result gn_conn_body_next(struct gn_conn *c, struct gn_slice *run);

/* Marks `n` bytes of the run as read. */
void gn_conn_body_take(struct gn_conn *c, size_t n);

/* Reads up to `n` bytes straight into `dst`; blocks for at least one. `*got` is 0 unless DATA. */
enum gn_body_result gn_conn_body_read(struct gn_conn *c, char *dst, size_t n, size_t *got);

/* True when every byte of the request was received, and nothing behind it. */
bool gn_conn_request_is_consumed(const struct gn_conn *c);

/* True when bytes of the client wait in the socket: close(2) would reset the connection. */
bool gn_conn_has_input(const struct gn_conn *c);

/* Blocks until the client takes more of the response. False when it was too slow, or the worker has
 * to leave at once. */
bool gn_conn_wait_writable(struct gn_conn *c);

/* Somebody has waited `ns` for the client. False when it has used up its time. */
bool gn_conn_waited(struct gn_conn *c, int64_t ns);

/* A sign of life, when this is the loop's thread. */
void gn_conn_beat(const struct gn_conn *c);

/* Throws away what is in the socket; true when the client has closed or too much came: close now.
 */
bool gn_conn_linger_read(struct gn_conn *c);

/* Sends all of iov, waiting for the client as long as the service allows. False when the client is
 * gone. `has_more`: other bytes follow at once (MSG_MORE). */
struct iovec;
bool gn_conn_send(struct gn_conn *c, struct iovec *iov, int n, bool has_more);

/* Sends what is queued as far as the socket takes it at once; the rest is dropped. For the loop,
 * which must not wait. */
void gn_conn_send_some(struct gn_conn *c);

/* True for regular files: sendfile(2) can read them. */
bool gn_conn_can_sendfile(int file_fd);

/* Size in bytes of a regular file; 0 when it can't be told. */
uint64_t gn_conn_file_size(int file_fd);

#endif
