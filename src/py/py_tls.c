/* TLS as the user's hook `ssl_context` wants it: sessions of Python's own ssl module.
 *
 * A session is an ssl.SSLObject between two ssl.MemoryBIO; the bytes of the socket are moved here.
 * Callers do not hold the GIL while they are in a session (but for its facts); a mutex, taken
 * before the GIL, keeps a reading and a writing thread apart. What a write has encrypted leaves
 * before the write is said to be done: a caller that is told EAGAIN comes again with the same
 * bytes.
 */
#include "py/py.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config/frozen.h"
#include "net/tls.h"

enum { WIRE_BYTES = 17408 }; /* a record and what surrounds it */

struct context {
    struct gn_tls_ctx front; /* first */
    PyObject *ssl_context;
    PyObject *memory_bio;                         /* ssl.MemoryBIO */
    PyObject *want_read, *want_write, *eof_error; /* exceptions of ssl */
    bool asks_for_cert;
    bool suppresses_ragged_eofs;
};

struct session {
    struct gn_tls front; /* first */
    const struct context *ctx;
    PyObject *object;   /* ssl.SSLObject */
    PyObject *in, *out; /* ssl.MemoryBIO: what came, what is to go */
    PyObject *unsent;   /* bytes taken out of `out`, or NULL */
    Py_ssize_t unsent_at;
    size_t accepted; /* bytes of the write that is still leaving */
    pthread_mutex_t lock;
    int fd;
    bool is_broken, is_at_end, is_drained;
};

/* ---- locks ---- */

static PyGILState_STATE
enter(struct session *s)
{
    if (pthread_mutex_trylock(&s->lock) != 0) {
        PyThreadState *ts = PyGILState_Check() ? PyEval_SaveThread() : NULL;

        pthread_mutex_lock(&s->lock);
        if (ts != NULL)
            PyEval_RestoreThread(ts);
    }
    return PyGILState_Ensure();
}

/* Keeps errno. */
static void
leave(struct session *s, PyGILState_STATE state)
{
    int saved = errno;

    PyGILState_Release(state);
    pthread_mutex_unlock(&s->lock);
    errno = saved;
}

/* ---- the socket's side ---- */

/* Moves what is there into `in`. 1: something came, or the end; -1 with errno. */
static int
pull_gil(struct session *s)
{
    char bytes[WIRE_BYTES];
    ssize_t n;
    PyObject *done;

    do
        n = recv(s->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    s->is_drained = n < (ssize_t)sizeof(bytes);
    if (n < 0)
        return -1;
    if (n == 0)
        s->is_at_end = true;
    done = n > 0 ? PyObject_CallMethod(s->in, "write", "y#", bytes, (Py_ssize_t)n)
                 : PyObject_CallMethod(s->in, "write_eof", NULL);
    if (done == NULL) {
        PyErr_Clear();
        errno = ENOMEM;
        return -1;
    }
    Py_DECREF(done);
    return 1;
}

/* Sends what is in `out`. 0, or -1 with errno. */
static int
push_gil(struct session *s)
{
    for (;;) {
        Py_ssize_t left;
        ssize_t n;

        if (s->unsent == NULL) {
            s->unsent = PyObject_CallMethod(s->out, "read", NULL);
            s->unsent_at = 0;
        }
        if (s->unsent == NULL) {
            PyErr_Clear();
            errno = ENOMEM;
            return -1;
        }
        left = PyBytes_GET_SIZE(s->unsent) - s->unsent_at;
        if (left == 0) {
            Py_CLEAR(s->unsent);
            return 0;
        }
        n = send(s->fd, PyBytes_AS_STRING(s->unsent) + s->unsent_at, (size_t)left,
                 MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        s->unsent_at += n;
        if (n == left)
            Py_CLEAR(s->unsent);
    }
}

/* ---- what ssl's exceptions mean ---- */

enum verdict { AGAIN, WAITS, GONE, ENDED };

/* After a method of the SSLObject has raised: AGAIN when something was moved and the method may be
 * called anew, WAITS with `*events`, ENDED at the client's end, GONE when nothing can be done any
 * more. The exception stays set with GONE. */
static enum verdict
judge_gil(struct session *s, short *events)
{
    bool wants_read = PyErr_ExceptionMatches(s->ctx->want_read) != 0;
    bool wants_write = PyErr_ExceptionMatches(s->ctx->want_write) != 0;

    if (!wants_read && !wants_write) {
        if (PyErr_ExceptionMatches(s->ctx->eof_error) && s->ctx->suppresses_ragged_eofs &&
            s->is_at_end) {
            PyErr_Clear();
            return ENDED;
        }
        s->is_broken = true;
        return GONE;
    }
    PyErr_Clear();
    if (push_gil(s) < 0) {
        *events = POLLOUT;
        return errno == EAGAIN ? WAITS : GONE;
    }
    if (!wants_read || pull_gil(s) > 0)
        return AGAIN;
    *events = POLLIN;
    return errno == EAGAIN ? WAITS : GONE;
}

static void
explain_gil(struct session *s)
{
    PyObject *type, *value, *tb, *text = NULL;
    const char *utf8 = NULL;

    PyErr_Fetch(&type, &value, &tb);
    if (value != NULL)
        text = PyObject_Str(value);
    if (text != NULL)
        utf8 = PyUnicode_AsUTF8(text);
    snprintf(s->front.why, sizeof(s->front.why), "%s", utf8 != NULL ? utf8 : "unknown reason");
    PyErr_Clear();
    Py_XDECREF(text);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(tb);
}

/* -1 with errno for what judge_gil has said; 0 at the end. */
static ssize_t
result_of(struct session *s, enum verdict verdict)
{
    PyErr_Clear();
    if (verdict == ENDED)
        return 0;
    if (verdict == GONE)
        s->is_broken = true;
    errno = verdict == WAITS ? EAGAIN : ECONNRESET;
    return -1;
}

/* ---- life ---- */

static void
drop(struct gn_tls_ctx *front)
{
    struct context *ctx = (struct context *)front;
    PyGILState_STATE state = PyGILState_Ensure();

    Py_XDECREF(ctx->ssl_context);
    Py_XDECREF(ctx->memory_bio);
    Py_XDECREF(ctx->want_read);
    Py_XDECREF(ctx->want_write);
    Py_XDECREF(ctx->eof_error);
    PyGILState_Release(state);
    free(ctx);
}

static void
session_free(struct gn_tls *front)
{
    struct session *s = (struct session *)front;
    PyGILState_STATE state = PyGILState_Ensure();

    Py_XDECREF(s->object);
    Py_XDECREF(s->in);
    Py_XDECREF(s->out);
    Py_XDECREF(s->unsent);
    PyGILState_Release(state);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static bool
wrap_gil(struct session *s)
{
    s->in = PyObject_CallNoArgs(s->ctx->memory_bio);
    s->out = PyObject_CallNoArgs(s->ctx->memory_bio);
    if (s->in != NULL && s->out != NULL)
        s->object =
            PyObject_CallMethod(s->ctx->ssl_context, "wrap_bio", "OOO", s->in, s->out, Py_True);
    return s->object != NULL;
}

static struct gn_tls *
session_open(struct gn_tls_ctx *front, int fd)
{
    struct session *s = calloc(1, sizeof(*s));
    PyGILState_STATE state;
    bool ok;

    if (s == NULL)
        return NULL;
    s->ctx = (const struct context *)front;
    s->front.ops = front->ops;
    s->fd = fd;
    pthread_mutex_init(&s->lock, NULL);
    state = PyGILState_Ensure();
    ok = wrap_gil(s);
    if (!ok)
        PyErr_Print();
    PyGILState_Release(state);
    if (ok)
        return &s->front;
    session_free(&s->front);
    return NULL;
}

/* ---- handshake ---- */

static enum gn_tls_step
shake_gil(struct session *s, short *events)
{
    for (;;) {
        PyObject *done = PyObject_CallMethod(s->object, "do_handshake", NULL);
        enum verdict verdict;

        Py_XDECREF(done);
        if (done != NULL) {
            /* Tickets, and the last message of the handshake: a small socket may not take them. */
            if (push_gil(s) < 0 && errno != EAGAIN)
                return GN_TLS_LEFT;
            s->front.is_up = true;
            return GN_TLS_DONE;
        }
        verdict = judge_gil(s, events);
        if (verdict == WAITS)
            return GN_TLS_WAIT;
        if (verdict == AGAIN)
            continue;
        if (s->is_at_end || !PyErr_Occurred()) {
            PyErr_Clear();
            return GN_TLS_LEFT;
        }
        explain_gil(s);
        (void)push_gil(s); /* the alert */
        return GN_TLS_FAILED;
    }
}

static enum gn_tls_step
session_handshake(struct gn_tls *front, short *events)
{
    struct session *s = (struct session *)front;
    enum gn_tls_step step;
    PyGILState_STATE state;

    state = enter(s);
    step = shake_gil(s, events);
    leave(s, state);
    return step;
}

/* ---- bytes ---- */

static bool
has_pending_gil(struct session *s)
{
    PyObject *raw = PyObject_GetAttrString(s->in, "pending");
    PyObject *plain = PyObject_CallMethod(s->object, "pending", NULL);
    bool has =
        raw == NULL || plain == NULL || PyObject_IsTrue(raw) != 0 || PyObject_IsTrue(plain) != 0;

    Py_XDECREF(raw);
    Py_XDECREF(plain);
    PyErr_Clear();
    return has;
}

static ssize_t
recv_gil(struct session *s, char *p, size_t n, short *events)
{
    PyObject *view = PyMemoryView_FromMemory(p, (Py_ssize_t)n, PyBUF_WRITE);
    ssize_t result = -1;

    while (view != NULL) {
        PyObject *got = PyObject_CallMethod(s->object, "read", "nO", (Py_ssize_t)n, view);
        enum verdict verdict;

        if (got != NULL) {
            result = (ssize_t)PyLong_AsSsize_t(got);
            Py_DECREF(got);
            break;
        }
        verdict = judge_gil(s, events);
        if (verdict == AGAIN)
            continue;
        result = result_of(s, verdict);
        break;
    }
    if (view == NULL) {
        PyErr_Clear();
        errno = ENOMEM;
    }
    Py_XDECREF(view);
    s->front.has_more = result > 0 && (!s->is_drained || has_pending_gil(s));
    return result;
}

static ssize_t
session_recv(struct gn_tls *front, void *p, size_t n, short *events)
{
    struct session *s = (struct session *)front;
    PyGILState_STATE state;
    ssize_t result;

    state = enter(s);
    result = recv_gil(s, p, n, events);
    leave(s, state);
    return result;
}

/* Encrypts one record's worth; false with errno. */
static bool
encrypt_gil(struct session *s, const char *p, size_t n, short *events)
{
    if (n > GN_TLS_RECORD_BYTES)
        n = GN_TLS_RECORD_BYTES;
    for (;;) {
        PyObject *put = PyObject_CallMethod(s->object, "write", "y#", p, (Py_ssize_t)n);
        enum verdict verdict;

        if (put != NULL) {
            s->accepted = (size_t)PyLong_AsSsize_t(put);
            Py_DECREF(put);
            return true;
        }
        verdict = judge_gil(s, events);
        if (verdict == AGAIN)
            continue;
        (void)result_of(s, verdict == ENDED ? GONE : verdict);
        return false;
    }
}

static ssize_t
send_gil(struct session *s, const char *p, size_t n, short *events)
{
    size_t accepted;

    if (s->accepted == 0 && !encrypt_gil(s, p, n, events))
        return -1;
    if (push_gil(s) < 0) {
        *events = POLLOUT;
        if (errno != EAGAIN)
            s->is_broken = true;
        return -1;
    }
    accepted = s->accepted;
    s->accepted = 0;
    return (ssize_t)accepted;
}

static ssize_t
session_send(struct gn_tls *front, const void *p, size_t n, bool has_more, short *events)
{
    struct session *s = (struct session *)front;
    PyGILState_STATE state;
    ssize_t result;

    (void)has_more;
    state = enter(s);
    result = send_gil(s, p, n, events);
    leave(s, state);
    return result;
}

static void
session_end(struct gn_tls *front)
{
    struct session *s = (struct session *)front;
    PyGILState_STATE state;
    PyObject *done;

    state = enter(s);
    if (s->front.is_up && !s->is_broken) {
        /* Nobody waits for the client's answer. */
        done = PyObject_CallMethod(s->object, "unwrap", NULL);
        Py_XDECREF(done);
        PyErr_Clear();
        (void)push_gil(s);
        s->is_broken = true;
    }
    leave(s, state);
}

/* ---- facts; with the GIL ---- */

static bool
emit_text_gil(gn_tls_fact_fn *emit, void *ctx, const char *name, PyObject *text)
{
    const char *utf8 = text != NULL && PyUnicode_Check(text) ? PyUnicode_AsUTF8(text) : NULL;
    bool ok = utf8 == NULL || emit(ctx, name, gn_slice_str(utf8));

    Py_XDECREF(text);
    return ok;
}

static PyObject *
cipher_name_gil(struct session *s)
{
    PyObject *cipher = PyObject_CallMethod(s->object, "cipher", NULL);
    PyObject *name = NULL;

    if (cipher != NULL && PyTuple_Check(cipher) && PyTuple_GET_SIZE(cipher) > 0) {
        name = PyTuple_GET_ITEM(cipher, 0);
        Py_INCREF(name);
    }
    Py_XDECREF(cipher);
    return name;
}

static unsigned char *
session_peer_der(struct gn_tls *front, size_t *n)
{
    struct session *s = (struct session *)front;
    PyObject *der = PyObject_CallMethod(s->object, "getpeercert", "O", Py_True);
    unsigned char *copy = NULL;

    if (der != NULL && PyBytes_Check(der))
        copy = malloc((size_t)PyBytes_GET_SIZE(der) + 1);
    if (copy != NULL) {
        *n = (size_t)PyBytes_GET_SIZE(der);
        memcpy(copy, PyBytes_AS_STRING(der), *n);
    }
    Py_XDECREF(der);
    PyErr_Clear();
    return copy;
}

static bool
session_facts(struct gn_tls *front, gn_tls_fact_fn *emit, void *ctx)
{
    struct session *s = (struct session *)front;
    PyObject *reused = PyObject_GetAttrString(s->object, "session_reused");
    const char *resumed = reused == Py_True ? "Resumed" : "Initial";
    unsigned char *der = NULL;
    size_t n = 0;
    bool ok;

    Py_XDECREF(reused);
    ok =
        emit_text_gil(emit, ctx, "SSL_PROTOCOL", PyObject_CallMethod(s->object, "version", NULL)) &&
        emit_text_gil(emit, ctx, "SSL_CIPHER", cipher_name_gil(s)) &&
        emit(ctx, "SSL_SESSION_RESUMED", gn_slice_str(resumed));
    PyErr_Clear();
    if (!ok || !s->ctx->asks_for_cert)
        return ok;
    der = session_peer_der(front, &n);
    ok = emit(ctx, "SSL_CLIENT_VERIFY", gn_slice_str(der != NULL ? "SUCCESS" : "NONE")) &&
         (der == NULL || gn_tls_cert_facts(der, n, emit, ctx));
    free(der);
    return ok;
}

static const struct gn_tls_ops tls_ops = {
    .open = session_open,
    .drop = drop,
    .handshake = session_handshake,
    .recv = session_recv,
    .send = session_send,
    .end = session_end,
    .free = session_free,
    .facts = session_facts,
    .peer_der = session_peer_der,
};

/* ---- the context that the hook returns ---- */

static bool
take_context_gil(struct context *ctx, PyObject *ssl, PyObject *result, struct gn_err *err)
{
    PyObject *type = PyObject_GetAttrString(ssl, "SSLContext");
    int is_context = type != NULL ? PyObject_IsInstance(result, type) : -1;
    PyObject *mode;

    Py_XDECREF(type);
    if (is_context == 0)
        return gn_err_set(err, GN_E_VALUE, 0, "the hook returned a %s, not an ssl.SSLContext",
                          Py_TYPE(result)->tp_name);
    ctx->memory_bio = PyObject_GetAttrString(ssl, "MemoryBIO");
    ctx->want_read = PyObject_GetAttrString(ssl, "SSLWantReadError");
    ctx->want_write = PyObject_GetAttrString(ssl, "SSLWantWriteError");
    ctx->eof_error = PyObject_GetAttrString(ssl, "SSLEOFError");
    mode = PyObject_GetAttrString(result, "verify_mode");
    if (is_context < 0 || ctx->memory_bio == NULL || ctx->want_read == NULL ||
        ctx->want_write == NULL || ctx->eof_error == NULL || mode == NULL) {
        Py_XDECREF(mode);
        return gn_py_err_take_gil(err, NULL);
    }
    ctx->asks_for_cert = PyObject_IsTrue(mode) == 1;
    Py_DECREF(mode);
    Py_INCREF(result);
    ctx->ssl_context = result;
    return true;
}

struct gn_tls_ctx *
gn_py_tls_context(struct gn_host *host, const struct gn_frozen *f, struct gn_err *err)
{
    struct context *ctx = calloc(1, sizeof(*ctx));
    PyObject *ssl = PyImport_ImportModule("ssl");
    PyObject *result = ssl != NULL ? gn_py_tls_call_hook_gil(f) : NULL;
    bool ok = false;

    (void)host;
    if (ctx == NULL)
        gn_err_set(err, GN_E_MEMORY, 0, "no memory");
    else if (result == NULL)
        gn_py_err_take_gil(err, NULL);
    else
        ok = take_context_gil(ctx, ssl, result, err);
    PyErr_Clear();
    Py_XDECREF(ssl);
    Py_XDECREF(result);
    if (ctx != NULL) {
        ctx->front.ops = &tls_ops;
        ctx->suppresses_ragged_eofs = f->cfg.suppress_ragged_eofs;
    }
    if (ok)
        return &ctx->front;
    gn_tls_ctx_free(ctx != NULL ? &ctx->front : NULL);
    return NULL;
}
