/* gunicorn.socket of a connection with TLS: the methods of a socket, through the session.
 *
 * A real socket would show ciphertext, and the session belongs to the server. The object borrows
 * the connection until the request has ended; later calls raise OSError. Waiting happens without
 * the GIL, and as with a socket there is no time limit unless settimeout() says so.
 */
#include "py/py.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "net/tls.h"
#include "worker/wire.h"

enum { STEP_MS = 1000 };

struct tls_socket {
    PyObject_HEAD
    struct gn_conn *conn; /* NULL when the request has ended, or after close() */
    bool was_used;
    double timeout_s; /* negative: none */
};

/* NULL with an exception. */
static struct gn_conn *
conn_of(PyObject *self)
{
    struct gn_conn *c = ((struct tls_socket *)self)->conn;

    if (c == NULL) {
        errno = EBADF;
        PyErr_SetFromErrno(PyExc_OSError);
    }
    return c;
}

/* ---- moving bytes ---- */

struct transfer {
    struct gn_conn *c;
    char *p;
    size_t n;
    bool is_send;
    int64_t end_ns; /* 0: no limit */
};

static ssize_t
move(const struct transfer *t)
{
    struct iovec iov = {t->p, t->n};

    return t->is_send ? gn_wire_sendv(t->c, &iov, 1, false) : gn_wire_recv(t->c, t->p, t->n, 0);
}

/* Waits until it is worth to try again; false with errno. */
static bool
wait_a_while(const struct transfer *t)
{
    short events = t->is_send ? gn_wire_send_events(t->c) : gn_wire_recv_events(t->c);
    struct pollfd p = {.fd = t->c->fd, .events = events};
    int ms = STEP_MS;

    if (t->end_ns != 0) {
        int64_t left = (t->end_ns - gn_clock_mono_ns()) / GN_NS_PER_MS;

        if (left <= 0) {
            errno = ETIMEDOUT;
            return false;
        }
        ms = left < STEP_MS ? (int)left + 1 : STEP_MS;
    }
    return poll(&p, 1, ms) >= 0;
}

/* As recv(2) or send(2), without the GIL. */
static ssize_t
try_for_long(const struct transfer *t)
{
    for (;;) {
        ssize_t n = move(t);

        if (n >= 0 || errno != EAGAIN)
            return n;
        if (!wait_a_while(t))
            return -1;
    }
}

static PyObject *
raise_errno(void)
{
    if (errno == ETIMEDOUT) {
        PyErr_SetString(PyExc_TimeoutError, "timed out");
        return NULL;
    }
    return PyErr_SetFromErrno(PyExc_OSError);
}

/* Bytes moved, or -1 with an exception. One thread at a time in each direction. */
static ssize_t
transfer(PyObject *self, char *p, size_t n, bool is_send)
{
    struct tls_socket *s = (struct tls_socket *)self;
    struct transfer t = {.c = conn_of(self), .p = p, .n = n, .is_send = is_send};
    bool *is_busy;
    ssize_t moved;

    if (t.c == NULL || n == 0)
        return t.c == NULL ? -1 : 0;
    is_busy = is_send ? &t.c->is_writing : &t.c->is_reading;
    if (*is_busy) {
        PyErr_SetString(PyExc_RuntimeError, "another thread uses the connection");
        return -1;
    }
    s->was_used = true;
    if (s->timeout_s >= 0)
        t.end_ns = gn_clock_mono_ns() + (int64_t)(s->timeout_s * 1e9) + 1;
    *is_busy = true;
    do {
        Py_BEGIN_ALLOW_THREADS
        moved = try_for_long(&t);
        Py_END_ALLOW_THREADS
    } while (moved < 0 && errno == EINTR && PyErr_CheckSignals() == 0);
    *is_busy = false;
    if (moved < 0 && !PyErr_Occurred())
        raise_errno();
    return moved;
}

PyDoc_STRVAR(recv_doc, "recv(bufsize, flags=0, /)\n--\n\nDecrypted bytes; b\"\" at the end.");

static PyObject *
sock_recv(PyObject *self, PyObject *args)
{
    Py_ssize_t n;
    int flags = 0;
    PyObject *bytes;
    ssize_t got;

    if (!PyArg_ParseTuple(args, "n|i:recv", &n, &flags))
        return NULL;
    if (n < 0 || flags != 0) {
        PyErr_SetString(PyExc_ValueError, "recv() under TLS takes a size, and no flags");
        return NULL;
    }
    bytes = PyBytes_FromStringAndSize(NULL, n);
    if (bytes == NULL)
        return NULL;
    got = transfer(self, PyBytes_AS_STRING(bytes), (size_t)n, false);
    if (got < 0)
        Py_CLEAR(bytes);
    else
        _PyBytes_Resize(&bytes, (Py_ssize_t)got);
    return bytes;
}

PyDoc_STRVAR(recv_into_doc, "recv_into(buffer, nbytes=0, flags=0, /)\n--\n\nThe same into a "
                            "buffer; returns how many bytes came.");

static PyObject *
sock_recv_into(PyObject *self, PyObject *args)
{
    Py_buffer buffer;
    Py_ssize_t n = 0;
    int flags = 0;
    ssize_t got;

    if (!PyArg_ParseTuple(args, "w*|ni:recv_into", &buffer, &n, &flags))
        return NULL;
    if (n <= 0 || n > buffer.len)
        n = buffer.len;
    got = transfer(self, buffer.buf, (size_t)n, false);
    PyBuffer_Release(&buffer);
    return got < 0 ? NULL : PyLong_FromSsize_t((Py_ssize_t)got);
}

PyDoc_STRVAR(send_doc,
             "send(data, flags=0, /)\n--\n\nSends a part of the bytes; returns how many.");

static PyObject *
sock_send(PyObject *self, PyObject *args)
{
    Py_buffer data;
    int flags = 0;
    ssize_t sent;

    if (!PyArg_ParseTuple(args, "y*|i:send", &data, &flags))
        return NULL;
    sent = transfer(self, data.buf, (size_t)data.len, true);
    PyBuffer_Release(&data);
    return sent < 0 ? NULL : PyLong_FromSsize_t((Py_ssize_t)sent);
}

PyDoc_STRVAR(sendall_doc, "sendall(data, flags=0, /)\n--\n\nSends all of the bytes.");

static PyObject *
sock_sendall(PyObject *self, PyObject *args)
{
    Py_buffer data;
    int flags = 0;
    size_t at = 0;
    bool ok = true;

    if (!PyArg_ParseTuple(args, "y*|i:sendall", &data, &flags))
        return NULL;
    while (ok && at < (size_t)data.len) {
        ssize_t sent = transfer(self, (char *)data.buf + at, (size_t)data.len - at, true);

        ok = sent >= 0;
        at += ok ? (size_t)sent : 0;
    }
    PyBuffer_Release(&data);
    if (!ok)
        return NULL;
    Py_RETURN_NONE;
}

/* ---- the end ---- */

PyDoc_STRVAR(shutdown_doc, "shutdown(how, /)\n--\n\nEnds one direction, or both; close_notify is "
                           "said before ours ends.");

static PyObject *
sock_shutdown(PyObject *self, PyObject *args)
{
    struct gn_conn *c;
    int how, result;

    if (!PyArg_ParseTuple(args, "i:shutdown", &how) || (c = conn_of(self)) == NULL)
        return NULL;
    ((struct tls_socket *)self)->was_used = true;
    if (how != SHUT_RD)
        gn_tls_end(c->tls);
    result = shutdown(c->fd, how);
    if (result < 0)
        return PyErr_SetFromErrno(PyExc_OSError);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(close_doc, "close()\n--\n\nThis object is of no use any more; the connection itself "
                        "ends with the request.");

static PyObject *
sock_close(PyObject *self, PyObject *unused)
{
    struct tls_socket *s = (struct tls_socket *)self;

    (void)unused;
    if (s->conn != NULL && (s->conn->is_reading || s->conn->is_writing))
        shutdown(s->conn->fd, SHUT_RDWR);
    s->was_used = true;
    s->conn = NULL;
    Py_RETURN_NONE;
}

/* ---- what it is ---- */

static PyObject *
sock_fileno(PyObject *self, PyObject *unused)
{
    struct gn_conn *c = ((struct tls_socket *)self)->conn;

    (void)unused;
    return PyLong_FromLong(c != NULL ? c->fd : -1);
}

static PyObject *
sock_settimeout(PyObject *self, PyObject *value)
{
    double seconds = value == Py_None ? -1 : PyFloat_AsDouble(value);

    if (PyErr_Occurred())
        return NULL;
    if (value != Py_None && !(seconds >= 0 && seconds < 1e9)) {
        PyErr_SetString(PyExc_ValueError, "Timeout value out of range");
        return NULL;
    }
    ((struct tls_socket *)self)->timeout_s = seconds;
    Py_RETURN_NONE;
}

static PyObject *
sock_gettimeout(PyObject *self, PyObject *unused)
{
    double seconds = ((struct tls_socket *)self)->timeout_s;

    (void)unused;
    if (seconds < 0)
        Py_RETURN_NONE;
    return PyFloat_FromDouble(seconds);
}

static PyObject *
address(const struct gn_conn *c, const char *host, int port)
{
    if (c->peer.ss_family == AF_INET)
        return Py_BuildValue("(si)", host, port);
    if (c->peer.ss_family == AF_INET6)
        return Py_BuildValue("(siii)", host, port, 0, 0);
    return PyUnicode_FromString("");
}

static PyObject *
sock_getpeername(PyObject *self, PyObject *unused)
{
    struct gn_conn *c = conn_of(self);

    (void)unused;
    return c != NULL ? address(c, c->peer_text, c->peer_port) : NULL;
}

static PyObject *
sock_getsockname(PyObject *self, PyObject *unused)
{
    struct gn_conn *c = conn_of(self);

    (void)unused;
    return c != NULL ? address(c, c->listener->server_name, c->listener->addr.port) : NULL;
}

PyDoc_STRVAR(pending_doc, "pending()\n--\n\n1 when bytes may be read without waiting, else 0.");

static PyObject *
sock_pending(PyObject *self, PyObject *unused)
{
    struct gn_conn *c = conn_of(self);

    (void)unused;
    return c != NULL ? PyLong_FromLong(c->has_more) : NULL;
}

static bool
keep_version(void *ctx, const char *name, struct gn_slice value)
{
    PyObject **version = ctx;

    if (strcmp(name, "SSL_PROTOCOL") != 0)
        return true;
    *version = PyUnicode_FromStringAndSize(value.p, (Py_ssize_t)value.n);
    return false;
}

static PyObject *
sock_version(PyObject *self, PyObject *unused)
{
    struct gn_conn *c = conn_of(self);
    PyObject *version = NULL;

    (void)unused;
    if (c == NULL)
        return NULL;
    (void)gn_tls_facts(c->tls, keep_version, &version);
    if (version != NULL || PyErr_Occurred())
        return version;
    Py_RETURN_NONE;
}

/* ---- the client's certificate ---- */

/* Names are tuples of tuples of pairs, alternative names tuples of pairs; here still lists. */
static bool
keep_entry(void *ctx, const char *part, const char *name, struct gn_slice value)
{
    PyObject *dict = ctx, *list, *entry;
    PyObject *text = PyUnicode_DecodeUTF8(value.p, (Py_ssize_t)value.n, "replace");
    bool ok;

    if (text == NULL)
        return false;
    if (name == NULL) {
        ok = PyDict_SetItemString(dict, part, text) == 0;
        Py_DECREF(text);
        return ok;
    }
    list = PyDict_GetItemString(dict, part); /* borrowed */
    if (list == NULL && (list = PyList_New(0)) != NULL) {
        ok = PyDict_SetItemString(dict, part, list) == 0;
        Py_DECREF(list);
        list = ok ? list : NULL;
    }
    entry = strcmp(part, "subjectAltName") == 0 ? Py_BuildValue("(sO)", name, text)
                                                : Py_BuildValue("((sO))", name, text);
    ok = list != NULL && entry != NULL && PyList_Append(list, entry) == 0;
    Py_XDECREF(entry);
    Py_DECREF(text);
    return ok;
}

static bool
lists_to_tuples(PyObject *dict)
{
    static const char *const parts[] = {"subject", "issuer", "subjectAltName"};

    for (size_t i = 0; i < GN_ARRAY_LEN(parts); i++) {
        PyObject *list = PyDict_GetItemString(dict, parts[i]); /* borrowed */
        PyObject *tuple = list != NULL ? PyList_AsTuple(list) : NULL;
        bool ok =
            list == NULL || (tuple != NULL && PyDict_SetItemString(dict, parts[i], tuple) == 0);

        Py_XDECREF(tuple);
        if (!ok)
            return false;
    }
    return true;
}

static PyObject *
cert_dict(const unsigned char *der, size_t n)
{
    PyObject *dict = PyDict_New();
    bool is_cert;

    if (dict != NULL &&
        (!gn_tls_cert_walk(der, n, keep_entry, dict, &is_cert) || !lists_to_tuples(dict)))
        Py_CLEAR(dict);
    return dict;
}

PyDoc_STRVAR(getpeercert_doc,
             "getpeercert(binary_form=False, /)\n--\n\nThe client's certificate as a dict in the "
             "form of ssl.SSLSocket.getpeercert, or as DER; None when there is none.");

static PyObject *
sock_getpeercert(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {(char *)(uintptr_t) "binary_form", NULL};
    struct gn_conn *c = conn_of(self);
    int is_binary = 0;
    unsigned char *der;
    PyObject *result;
    size_t n = 0;

    if (c == NULL ||
        !PyArg_ParseTupleAndKeywords(args, kwargs, "|p:getpeercert", names, &is_binary))
        return NULL;
    der = c->tls->ops->peer_der(c->tls, &n);
    if (der == NULL)
        Py_RETURN_NONE;
    result =
        is_binary ? PyBytes_FromStringAndSize((const char *)der, (Py_ssize_t)n) : cert_dict(der, n);
    free(der);
    return result;
}

/* ---- the type ---- */

static void
sock_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_Free(self);
    Py_DECREF(type);
}

static PyMethodDef sock_methods[] = {
    {"recv", sock_recv, METH_VARARGS, recv_doc},
    {"recv_into", sock_recv_into, METH_VARARGS, recv_into_doc},
    {"send", sock_send, METH_VARARGS, send_doc},
    {"sendall", sock_sendall, METH_VARARGS, sendall_doc},
    {"shutdown", sock_shutdown, METH_VARARGS, shutdown_doc},
    {"close", sock_close, METH_NOARGS, close_doc},
    {"fileno", sock_fileno, METH_NOARGS, NULL},
    {"settimeout", sock_settimeout, METH_O, NULL},
    {"gettimeout", sock_gettimeout, METH_NOARGS, NULL},
    {"getpeername", sock_getpeername, METH_NOARGS, NULL},
    {"getsockname", sock_getsockname, METH_NOARGS, NULL},
    {"pending", sock_pending, METH_NOARGS, pending_doc},
    {"version", sock_version, METH_NOARGS, NULL},
    {"getpeercert", (PyCFunction)(void (*)(void))sock_getpeercert, METH_VARARGS | METH_KEYWORDS,
     getpeercert_doc},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot sock_slots[] = {
    {Py_tp_dealloc, sock_dealloc},
    {Py_tp_methods, sock_methods},
    {Py_tp_doc, (void *)"The client's connection: reads and writes go through TLS."},
    {0, NULL},
};

PyType_Spec gn_py_tls_socket_spec = {
    .name = "_gunicorn.TLSSocket",
    .basicsize = sizeof(struct tls_socket),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = sock_slots,
};

PyObject *
gn_py_tls_socket_new_gil(struct gn_py *h, struct gn_conn *c)
{
    struct tls_socket *s = PyObject_New(struct tls_socket, h->tls_socket_type);

    if (s == NULL)
        return NULL;
    s->conn = c;
    s->was_used = false;
    s->timeout_s = -1;
    return (PyObject *)s;
}

void
gn_py_tls_socket_detach_gil(PyObject *sock)
{
    ((struct tls_socket *)sock)->conn = NULL;
}

bool
gn_py_tls_socket_was_used(PyObject *sock)
{
    return ((struct tls_socket *)sock)->was_used;
}
