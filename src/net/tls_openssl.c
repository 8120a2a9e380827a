/* Sessions of TLS by OpenSSL on a non-blocking socket. */
#include "net/tls_int.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509.h>

struct session {
    struct gn_tls front; /* first */
    SSL *ssl;
    const struct gn_tls_openssl_ctx *ctx;
    pthread_mutex_t lock; /* OpenSSL's session is for one thread at a time */
    int fd;
    bool is_broken;  /* the protocol is out of step: nothing more may be said */
    bool is_at_end;  /* the socket has told its end */
    bool is_drained; /* the last recv(2) took less than it was offered */
    bool has_more;   /* other bytes follow at once: MSG_MORE */
};

/* ---- the wire: a BIO on the socket ---- */

static int
wire_read(BIO *bio, char *p, size_t n, size_t *got)
{
    struct session *s = BIO_get_data(bio);
    ssize_t r;

    BIO_clear_retry_flags(bio);
    do
        r = recv(s->fd, p, n, 0);
    while (r < 0 && errno == EINTR);
    s->is_drained = r < (ssize_t)n;
    *got = r > 0 ? (size_t)r : 0;
    if (r == 0)
        s->is_at_end = true;
    if (r < 0 && errno == EAGAIN)
        BIO_set_retry_read(bio);
    return r > 0;
}

static int
wire_write(BIO *bio, const char *p, size_t n, size_t *put)
{
    struct session *s = BIO_get_data(bio);
    ssize_t r;

    BIO_clear_retry_flags(bio);
    do
        r = send(s->fd, p, n, MSG_NOSIGNAL | (s->has_more ? MSG_MORE : 0));
    while (r < 0 && errno == EINTR);
    *put = r > 0 ? (size_t)r : 0;
    if (r < 0 && errno == EAGAIN)
        BIO_set_retry_write(bio);
    return r > 0;
}

static long
wire_ctrl(BIO *bio, int command, long number, void *p)
{
    const struct session *s = BIO_get_data(bio);

    (void)number;
    (void)p;
    switch (command) {
    case BIO_CTRL_EOF:
        return s->is_at_end ? 1 : 0;
    case BIO_CTRL_FLUSH:
        return 1;
    default:
        return 0;
    }
}

BIO_METHOD *
gn_tls_wire_new(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");

    if (m == NULL || BIO_meth_set_read_ex(m, wire_read) != 1 ||
        BIO_meth_set_write_ex(m, wire_write) != 1 || BIO_meth_set_ctrl(m, wire_ctrl) != 1) {
        BIO_meth_free(m);
        return NULL;
    }
    return m;
}

/* The kernel's encryption works behind OpenSSL's own BIO only, so writing goes there when it may be
 * had. */
static bool
connect_wire(struct session *s)
{
    BIO *in = BIO_new(s->ctx->wire);
    BIO *out = in != NULL && s->ctx->has_ktls ? BIO_new_socket(s->fd, BIO_NOCLOSE) : in;

    if (in == NULL || out == NULL) {
        BIO_free(in);
        return false;
    }
    BIO_set_data(in, s);
    BIO_set_init(in, 1);
    SSL_set_bio(s->ssl, in, out);
    return true;
}

/* ---- life ---- */

static void
drop(struct gn_tls_ctx *front)
{
    struct gn_tls_openssl_ctx *ctx = (struct gn_tls_openssl_ctx *)front;

    SSL_CTX_free(ctx->ssl);
    BIO_meth_free(ctx->wire);
    free(ctx);
}

static void
session_free(struct gn_tls *front)
{
    struct session *s = (struct session *)front;

    SSL_free(s->ssl);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static struct gn_tls *
session_open(struct gn_tls_ctx *front, int fd)
{
    struct gn_tls_openssl_ctx *ctx = (struct gn_tls_openssl_ctx *)front;
    struct session *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return NULL;
    s->front.ops = &gn_tls_openssl_ops;
    s->ctx = ctx;
    s->fd = fd;
    pthread_mutex_init(&s->lock, NULL);
    s->ssl = SSL_new(ctx->ssl);
    if (s->ssl == NULL || !connect_wire(s)) {
        session_free(&s->front);
        ERR_clear_error();
        return NULL;
    }
    SSL_set_accept_state(s->ssl);
    return &s->front;
}

/* ---- what OpenSSL's answers mean ---- */

/* After a call that returned `r` <= 0: 0 at the client's end, -1 with errno. */
static ssize_t
failure(struct session *s, int r, int saved_errno, short *events)
{
    int what = SSL_get_error(s->ssl, r);

    ERR_clear_error();
    switch (what) {
    case SSL_ERROR_WANT_READ:
        *events = POLLIN;
        errno = EAGAIN;
        return -1;
    case SSL_ERROR_WANT_WRITE:
        *events = POLLOUT;
        errno = EAGAIN;
        return -1;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    case SSL_ERROR_SYSCALL:
        s->is_broken = true;
        errno = saved_errno != 0 && saved_errno != EAGAIN ? saved_errno : ECONNRESET;
        return -1;
    default:
        s->is_broken = true;
        errno = ECONNRESET;
        return -1;
    }
}

static void
explain(struct session *s)
{
    long verdict = SSL_get_verify_result(s->ssl);
    unsigned long code = ERR_peek_error();

    if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED)
        snprintf(s->front.why, sizeof(s->front.why), "the client's certificate was refused: %s",
                 X509_verify_cert_error_string(verdict));
    else
        snprintf(s->front.why, sizeof(s->front.why), "%s", gn_tls_reason("unknown reason"));
}

static enum gn_tls_step
session_handshake(struct gn_tls *front, short *events)
{
    struct session *s = (struct session *)front;
    int r, what;

    ERR_clear_error();
    r = SSL_do_handshake(s->ssl);
    s->front.has_more = !s->is_drained || SSL_has_pending(s->ssl) == 1;
    if (r == 1) {
        s->front.is_up = true;
        s->front.has_sendfile = s->ctx->has_ktls && BIO_get_ktls_send(SSL_get_wbio(s->ssl));
        return GN_TLS_DONE;
    }
    what = SSL_get_error(s->ssl, r);
    if (what == SSL_ERROR_WANT_READ || what == SSL_ERROR_WANT_WRITE) {
        *events = what == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
        return GN_TLS_WAIT;
    }
    s->is_broken = true;
    /* The end of the socket, also when OpenSSL makes a protocol error of it. */
    if (what == SSL_ERROR_SYSCALL || what == SSL_ERROR_ZERO_RETURN || s->is_at_end) {
        ERR_clear_error();
        return GN_TLS_LEFT;
    }
    explain(s);
    ERR_clear_error();
    return GN_TLS_FAILED;
}

/* ---- bytes ---- */

static ssize_t
session_recv(struct gn_tls *front, void *p, size_t n, short *events)
{
    struct session *s = (struct session *)front;
    size_t got;
    ssize_t result;
    int r;

    pthread_mutex_lock(&s->lock);
    ERR_clear_error();
    errno = 0;
    r = SSL_read_ex(s->ssl, p, n, &got);
    result = r == 1 ? (ssize_t)got : failure(s, r, errno, events);
    /* The socket's edge is used up only when it had less than was asked for. */
    s->front.has_more = result > 0 && (!s->is_drained || SSL_has_pending(s->ssl) == 1);
    pthread_mutex_unlock(&s->lock);
    return result;
}

static ssize_t
session_send(struct gn_tls *front, const void *p, size_t n, bool has_more, short *events)
{
    struct session *s = (struct session *)front;
    size_t put;
    ssize_t result;
    int r;

    pthread_mutex_lock(&s->lock);
    ERR_clear_error();
    errno = 0;
    s->has_more = has_more;
    r = SSL_write_ex(s->ssl, p, n, &put);
    s->has_more = false;
    result = r == 1 ? (ssize_t)put : failure(s, r, errno, events);
    pthread_mutex_unlock(&s->lock);
    if (result == 0) {
        errno = EPIPE;
        return -1;
    }
    return result;
}

static ssize_t
session_sendfile(struct gn_tls *front, int file_fd, off_t offset, size_t n, short *events)
{
    struct session *s = (struct session *)front;
    ssize_t result;

    pthread_mutex_lock(&s->lock);
    ERR_clear_error();
    errno = 0;
    result = SSL_sendfile(s->ssl, file_fd, offset, n, 0);
    if (result < 0)
        result = failure(s, (int)result, errno, events);
    pthread_mutex_unlock(&s->lock);
    return result;
}

static void
session_end(struct gn_tls *front)
{
    struct session *s = (struct session *)front;

    pthread_mutex_lock(&s->lock);
    if (s->front.is_up && !s->is_broken && (SSL_get_shutdown(s->ssl) & SSL_SENT_SHUTDOWN) == 0) {
        ERR_clear_error();
        /* The end of the socket follows at once and takes it along. */
        s->has_more = true;
        if (SSL_shutdown(s->ssl) < 0)
            s->is_broken = true;
        s->has_more = false;
        ERR_clear_error();
    }
    pthread_mutex_unlock(&s->lock);
}

/* ---- facts ---- */

static unsigned char *
peer_der(struct gn_tls *front, size_t *n)
{
    struct session *s = (struct session *)front;
    X509 *cert = SSL_get0_peer_certificate(s->ssl);
    unsigned char *der = NULL, *copy = NULL;
    int size = cert != NULL ? i2d_X509(cert, &der) : -1;

    if (size > 0)
        copy = malloc((size_t)size);
    if (copy != NULL) {
        memcpy(copy, der, (size_t)size);
        *n = (size_t)size;
    }
    OPENSSL_free(der);
    return copy;
}

static bool
emit_text(gn_tls_fact_fn *emit, void *ctx, const char *name, const char *text)
{
    return text == NULL || emit(ctx, name, gn_slice_str(text));
}

static bool
session_facts(struct gn_tls *front, gn_tls_fact_fn *emit, void *ctx)
{
    struct session *s = (struct session *)front;
    unsigned char *der = NULL;
    size_t n = 0;
    bool ok;

    ok = emit_text(emit, ctx, "SSL_PROTOCOL", SSL_get_version(s->ssl)) &&
         emit_text(emit, ctx, "SSL_CIPHER", SSL_get_cipher_name(s->ssl)) &&
         emit_text(emit, ctx, "SSL_SESSION_RESUMED",
                   SSL_session_reused(s->ssl) == 1 ? "Resumed" : "Initial") &&
         emit_text(emit, ctx, "SSL_TLS_SNI", SSL_get_servername(s->ssl, TLSEXT_NAMETYPE_host_name));
    if (!ok || !s->ctx->asks_for_cert)
        return ok;
    der = peer_der(front, &n);
    ok = emit_text(emit, ctx, "SSL_CLIENT_VERIFY", der != NULL ? "SUCCESS" : "NONE") &&
         (der == NULL || gn_tls_cert_facts(der, n, emit, ctx));
    free(der);
    return ok;
}

const struct gn_tls_ops gn_tls_openssl_ops = {
    .open = session_open,
    .drop = drop,
    .handshake = session_handshake,
    .recv = session_recv,
    .send = session_send,
    .sendfile = session_sendfile,
    .end = session_end,
    .free = session_free,
    .facts = session_facts,
    .peer_der = peer_der,
};
