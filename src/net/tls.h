/* TLS: the context that a server is started with, and one session per connection.
 *
 * A context is made once by the master and inherited by the workers, so that the keys of its
 * session tickets are the same in all of them. Both structs are the front of an implementation:
 * OpenSSL's (tls_openssl.c), or one of the host when the user makes the context (src/py).
 *
 * A session borrows the socket, which is non-blocking. Nothing here blocks. A session may be read
 * by one thread while another one writes; everything else happens on one thread at a time.
 */
#ifndef GN_NET_TLS_H
#define GN_NET_TLS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/slice.h"
#include "config/frozen.h"

struct gn_tls;
struct gn_tls_ctx;

enum { GN_TLS_RECORD_BYTES = 16384, GN_TLS_WHY_BYTES = 200 };

enum gn_tls_step {
    GN_TLS_DONE,
    GN_TLS_WAIT,   /* `events` says for what */
    GN_TLS_LEFT,   /* the client has gone */
    GN_TLS_FAILED, /* `why` of the session; the client was told by an alert where that is possible
                    */
};

/* One fact of a session for the environ: SSL_PROTOCOL, SSL_CLIENT_S_DN ... */
typedef bool gn_tls_fact_fn(void *ctx, const char *name, struct gn_slice value);

struct gn_tls_ops {
    struct gn_tls *(*open)(struct gn_tls_ctx *, int fd);
    void (*drop)(struct gn_tls_ctx *);
    enum gn_tls_step (*handshake)(struct gn_tls *, short *events);
    ssize_t (*recv)(struct gn_tls *, void *p, size_t n, short *events);
    ssize_t (*send)(struct gn_tls *, const void *p, size_t n, bool has_more, short *events);
    /* NULL, or sendfile(2) for a session whose `has_sendfile` is set. */
    ssize_t (*sendfile)(struct gn_tls *, int file_fd, off_t offset, size_t n, short *events);
    void (*end)(struct gn_tls *);
    void (*free)(struct gn_tls *);
    bool (*facts)(struct gn_tls *, gn_tls_fact_fn *emit, void *ctx);
    /* The client's certificate as DER, heap; NULL when there is none. */
    unsigned char *(*peer_der)(struct gn_tls *, size_t *n);
};

struct gn_tls_ctx {
    const struct gn_tls_ops *ops;
};

struct gn_tls {
    const struct gn_tls_ops *ops;
    bool is_up;        /* the handshake is done */
    bool has_more;     /* the last recv may have left bytes behind, in the session or the socket */
    bool has_sendfile; /* the kernel encrypts */
    char why[GN_TLS_WHY_BYTES];
};

/* The context that follows from the settings; `may_sendfile` says whether encryption by the kernel
 * is welcome. NULL with `err`; `*at` is the setting to blame. */
struct gn_tls_ctx *gn_tls_ctx_new(const struct gn_cfg *cfg, bool may_sendfile,
                                  enum gn_setting_id *at, struct gn_err *err) GN_MUST_CHECK;

/* An `ssl_context` alone asks for nothing: it says how, when there is a certificate. */
static inline bool
gn_tls_is_wanted(const struct gn_cfg *cfg)
{
    return cfg->certfile != NULL || cfg->keyfile != NULL;
}

/* Accepts NULL. Sessions must have been freed before. */
static inline void
gn_tls_ctx_free(struct gn_tls_ctx *ctx)
{
    if (ctx != NULL)
        ctx->ops->drop(ctx);
}

/* NULL without memory. */
static inline struct gn_tls *
gn_tls_open(struct gn_tls_ctx *ctx, int fd)
{
    return ctx->ops->open(ctx, fd);
}

static inline enum gn_tls_step
gn_tls_handshake(struct gn_tls *t, short *events)
{
    return t->ops->handshake(t, events);
}

/* As recv(2) and send(2): 0 is the client's end, -1 comes with errno. EAGAIN: wait for `*events`
 * (of poll) and call again, send with the same bytes at least. */
static inline ssize_t
gn_tls_recv(struct gn_tls *t, void *p, size_t n, short *events)
{
    return t->ops->recv(t, p, n, events);
}

static inline ssize_t
gn_tls_send(struct gn_tls *t, const void *p, size_t n, bool has_more, short *events)
{
    return t->ops->send(t, p, n, has_more, events);
}

/* Says close_notify, unless the session is broken; the rest is up to the socket. */
static inline void
gn_tls_end(struct gn_tls *t)
{
    t->ops->end(t);
}

/* Accepts NULL. */
static inline void
gn_tls_free(struct gn_tls *t)
{
    if (t != NULL)
        t->ops->free(t);
}

/* What the application may know of the session; false when `emit` said false. */
static inline bool
gn_tls_facts(struct gn_tls *t, gn_tls_fact_fn *emit, void *ctx)
{
    return t->ops->facts(t, emit, ctx);
}

/* The facts of a client's certificate: SSL_CLIENT_S_DN and others. Bytes that are no certificate
 * have none. */
bool gn_tls_cert_facts(const unsigned char *der, size_t n, gn_tls_fact_fn *emit,
                       void *ctx) GN_MUST_CHECK;

/* One entry of a certificate in the words of Python's ssl module: part "subject", "issuer" or
 * "subjectAltName" with the name of the entry; other parts ("notAfter") have none. */
typedef bool gn_tls_entry_fn(void *ctx, const char *part, const char *name, struct gn_slice value);

/* All entries. False when `emit` said so; *is_cert tells whether the bytes are a certificate. */
bool gn_tls_cert_walk(const unsigned char *der, size_t n, gn_tls_entry_fn *emit, void *ctx,
                      bool *is_cert) GN_MUST_CHECK;

/* True for the first byte of a connection that speaks HTTP in the clear, or anything else that
 * begins with a letter: no TLS record, and no hello of SSL 2, does. */
static inline bool
gn_tls_is_plain_text(unsigned char first)
{
    return (first >= 'A' && first <= 'Z') || (first >= 'a' && first <= 'z');
}

#endif
