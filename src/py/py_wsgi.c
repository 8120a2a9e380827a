/* One request through the application (PEP 3333): environ, start_response, write, iteration, close,
 * errors.
 *
 * The caller has taken the GIL; it is dropped around everything that may block. When the whole body
 * is at hand after the call (a list or tuple of small pieces), it is copied behind the head and the
 * caller sends it. From other iterables every piece is sent before the next
 * one is asked for, as PEP 3333 demands.
 */
#include "py/py.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <structmember.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config/frozen.h"
#include "http/response.h"
#include "log/log.h"
#include "py/py_view.h"
#include "worker/conn.h"

enum {
    COPY_BYTES = 65536, /* bodies up to this size are copied behind the head */
    SMALL_BYTES = 4096, /* pieces of larger ones that are smaller on average are joined */
};

struct call {
    struct gn_py *h;
    struct gn_conn *c;
    struct gn_resp *r;
    PyObject *environ; /* owned; NULL when it could not be made */
    PyObject *sock;    /* owned: the gunicorn.socket of the environ */
    PyObject *input;   /* owned */
    PyObject *start;   /* owned: start_response */
    PyObject *hints;   /* owned: wsgi.early_hints */
    PyObject *writer;  /* owned: what start_response returned, or NULL */
    PyObject *req;     /* owned: what hooks see of the request; NULL when there is none */
};

/* start_response, write and early_hints: callables that point to the running call, NULL after it.
 */
struct callable {
    PyObject_HEAD
    vectorcallfunc vectorcall;
    struct call *call;
};

/* ---- write ---- */

static bool
send_bytes(struct call *call, PyObject *data)
{
    struct gn_slice s = gn_slice(PyBytes_AS_STRING(data), (size_t)PyBytes_GET_SIZE(data));
    bool ok;

    /* One thread at a time: the response has one buffer and one order. */
    if (call->c->is_writing)
        return false;
    call->c->is_writing = true;
    Py_BEGIN_ALLOW_THREADS
    ok = gn_resp_send(call->r, s);
    Py_END_ALLOW_THREADS
    call->c->is_writing = false;
    return ok;
}

static bool
is_bytes(PyObject *data)
{
    if (PyBytes_Check(data))
        return true;
    PyErr_Format(PyExc_TypeError, "%.100R is not a byte string, but of type %s", data,
                 Py_TYPE(data)->tp_name);
    return false;
}

static PyObject *
write_vectorcall(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    struct call *call = ((struct callable *)self)->call;

    if (PyVectorcall_NARGS(nargsf) != 1 || kwnames != NULL) {
        PyErr_SetString(PyExc_TypeError, "write() takes exactly one argument");
        return NULL;
    }
    if (call == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "write() called after the end of the request");
        return NULL;
    }
    if (!is_bytes(args[0]))
        return NULL;
    if (call->c->is_writing) {
        PyErr_SetString(PyExc_RuntimeError, "another thread is in write()");
        return NULL;
    }
    if (!call->r->is_started) {
        PyErr_SetString(PyExc_AssertionError, "write() called before start_response()");
        return NULL;
    }
    if (!send_bytes(call, args[0])) {
        PyErr_SetString(PyExc_BrokenPipeError, "the client has closed the connection");
        return NULL;
    }
    Py_RETURN_NONE;
}

/* ---- start_response ---- */

/* Latin-1 bytes of a str, without a copy: they are how CPython keeps it. */
static bool
latin1_slice(PyObject *text, const char *what, struct gn_slice *out)
{
    if (!PyUnicode_Check(text)) {
        PyErr_Format(PyExc_TypeError, "%s %R is not a string", what, text);
        return false;
    }
    if (PyUnicode_READY(text) < 0)
        return false;
    if (PyUnicode_KIND(text) != PyUnicode_1BYTE_KIND) {
        PyErr_Format(PyExc_ValueError, "%s %R can't be sent as latin-1", what, text);
        return false;
    }
    *out = gn_slice((const char *)PyUnicode_1BYTE_DATA(text), (size_t)PyUnicode_GET_LENGTH(text));
    return true;
}

/* Takes a field, or says why it can't be sent. */
typedef bool field_sink(void *ctx, struct gn_slice name, struct gn_slice value, const char **why);

/* PEP 3333 wants tuples; lists of two are taken as well, as the original does. */
static bool
add_header(PyObject *pair, field_sink *add, void *ctx)
{
    struct gn_slice name, value;
    const char *why;

    if ((!PyTuple_Check(pair) && !PyList_Check(pair)) || PySequence_Fast_GET_SIZE(pair) != 2) {
        PyErr_Format(PyExc_TypeError, "response header %R is not a (name, value) tuple", pair);
        return false;
    }
    if (!latin1_slice(PySequence_Fast_GET_ITEM(pair, 0), "header name", &name) ||
        !latin1_slice(PySequence_Fast_GET_ITEM(pair, 1), "header value", &value))
        return false;
    if (!add(ctx, name, value, &why)) {
        PyErr_Format(PyExc_ValueError, "invalid response header %R: %s", pair, why);
        return false;
    }
    return true;
}

static bool
add_headers(PyObject *headers, field_sink *add, void *ctx)
{
    PyObject *fast = PySequence_Fast(headers, "response headers are not a list");
    bool ok = fast != NULL;

    for (Py_ssize_t i = 0; ok && i < PySequence_Fast_GET_SIZE(fast); i++)
        ok = add_header(PySequence_Fast_GET_ITEM(fast, i), add, ctx);
    Py_XDECREF(fast);
    return ok;
}

static bool
add_to_response(void *ctx, struct gn_slice name, struct gn_slice value, const char **why)
{
    return gn_resp_add(ctx, name, value, why);
}

static bool
add_to_hints(void *ctx, struct gn_slice name, struct gn_slice value, const char **why)
{
    return gn_resp_hint_add(ctx, name, value, why);
}

/* exc_info when the head is already out: the exception goes on its way. */
static void
reraise(PyObject *exc_info)
{
    PyObject *type, *value, *tb;

    if (!PyTuple_Check(exc_info) || PyTuple_GET_SIZE(exc_info) != 3) {
        PyErr_SetString(PyExc_TypeError, "exc_info is not a tuple of three");
        return;
    }
    type = PyTuple_GET_ITEM(exc_info, 0);
    value = PyTuple_GET_ITEM(exc_info, 1);
    tb = PyTuple_GET_ITEM(exc_info, 2);
    Py_INCREF(type);
    Py_INCREF(value);
    if (tb == Py_None)
        tb = NULL;
    Py_XINCREF(tb);
    PyErr_Restore(type, value, tb);
}

static PyObject *
callable_new(struct call *call, PyTypeObject *type, PyObject **kept, vectorcallfunc function)
{
    struct callable *self;

    if (*kept != NULL && Py_REFCNT(*kept) == 1) {
        self = (struct callable *)*kept;
    } else {
        self = PyObject_New(struct callable, type);
        if (self == NULL)
            return NULL;
        Py_XSETREF(*kept, (PyObject *)self);
    }
    self->vectorcall = function;
    self->call = call;
    Py_INCREF(self);
    return (PyObject *)self;
}

/* The object that start_response returns. */
static PyObject *
writer(struct call *call)
{
    if (call->writer == NULL)
        call->writer = callable_new(call, call->h->writer_type, &call->h->writer, write_vectorcall);
    Py_XINCREF(call->writer);
    return call->writer;
}

static PyObject *
start(struct call *call, PyObject *status, PyObject *headers, PyObject *exc_info)
{
    struct gn_resp *r = call->r;
    struct gn_slice text;
    const char *why;

    int has_exc_info = exc_info != NULL && exc_info != Py_None ? PyObject_IsTrue(exc_info) : 0;

    if (has_exc_info < 0)
        return NULL;
    if (has_exc_info == 1) {
        if (r->is_head_queued) {
            reraise(exc_info);
            return NULL;
        }
    } else if (r->is_started) {
        PyErr_SetString(PyExc_AssertionError, "Response headers already set!");
        return NULL;
    }
    if (!latin1_slice(status, "status", &text))
        return NULL;
    if (!gn_resp_start(r, text, &why)) {
        PyErr_Format(PyExc_ValueError, "invalid response status %R: %s", status, why);
        return NULL;
    }
    if (!add_headers(headers, add_to_response, r)) {
        gn_buf_clear(&r->fields);
        r->is_started = false;
        return NULL;
    }
    return writer(call);
}

/* Puts keyword arguments to their places in argv[3]. */
static bool
keywords(PyObject *kwnames, PyObject *const *values, PyObject **argv)
{
    static const char *const names[] = {"status", "headers", "exc_info"};

    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(kwnames); i++) {
        PyObject *name = PyTuple_GET_ITEM(kwnames, i);
        size_t at = 0;

        while (at < 3 && PyUnicode_CompareWithASCIIString(name, names[at]) != 0 &&
               !(at == 1 && PyUnicode_CompareWithASCIIString(name, "response_headers") == 0))
            at++;
        if (at == 3 || argv[at] != NULL) {
            PyErr_Format(PyExc_TypeError, "start_response() got an unexpected argument %R", name);
            return false;
        }
        argv[at] = values[i];
    }
    return true;
}

static PyObject *
start_vectorcall(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    struct call *call = ((struct callable *)self)->call;
    Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
    PyObject *argv[3] = {NULL, NULL, NULL};

    for (Py_ssize_t i = 0; i < nargs && i < 3; i++)
        argv[i] = args[i];
    if (kwnames != NULL && !keywords(kwnames, args + nargs, argv))
        return NULL;
    if (nargs > 3 || argv[0] == NULL || argv[1] == NULL) {
        PyErr_SetString(PyExc_TypeError, "start_response() takes (status, headers[, exc_info])");
        return NULL;
    }
    if (call == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "start_response() called after the end of the request");
        return NULL;
    }
    return start(call, argv[0], argv[1], argv[2]);
}

/* ---- wsgi.early_hints ---- */

static PyObject *
hints_vectorcall(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    struct call *call = ((struct callable *)self)->call;
    struct gn_buf hints = {0};
    bool ok;

    if (PyVectorcall_NARGS(nargsf) != 1 || kwnames != NULL) {
        PyErr_SetString(PyExc_TypeError, "early_hints() takes exactly one argument");
        return NULL;
    }
    ok = add_headers(args[0], add_to_hints, &hints);
    /* Hints are advice: too late, or from a second thread in the middle of a piece, they are
     * dropped. */
    if (ok && call != NULL && !call->c->is_writing) {
        call->c->is_writing = true;
        Py_BEGIN_ALLOW_THREADS
        gn_resp_send_hints(call->r, gn_buf_slice(&hints));
        Py_END_ALLOW_THREADS
        call->c->is_writing = false;
    }
    gn_buf_fini(&hints);
    if (!ok)
        return NULL;
    Py_RETURN_NONE;
}

static void
callable_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_Free(self);
    Py_DECREF(type);
}

static PyMemberDef callable_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(struct callable, vectorcall), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot start_response_slots[] = {
    {Py_tp_dealloc, callable_dealloc},
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_members, callable_members},
    {Py_tp_doc,
     (void *)"start_response(status, headers[, exc_info]) of PEP 3333; returns write()."},
    {0, NULL},
};

static PyType_Slot writer_slots[] = {
    {Py_tp_dealloc, callable_dealloc},
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_members, callable_members},
    {Py_tp_doc, (void *)"write(data) of PEP 3333: sends bytes of the response body at once."},
    {0, NULL},
};

static PyType_Slot early_hints_slots[] = {
    {Py_tp_dealloc, callable_dealloc},
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_members, callable_members},
    {Py_tp_doc, (void *)"early_hints(headers): sends a 103 response with these fields at once."},
    {0, NULL},
};

PyType_Spec gn_py_early_hints_spec = {
    .name = "_gunicorn.EarlyHints",
    .basicsize = sizeof(struct callable),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = early_hints_slots,
};

PyType_Spec gn_py_start_response_spec = {
    .name = "_gunicorn.StartResponse",
    .basicsize = sizeof(struct callable),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = start_response_slots,
};

PyType_Spec gn_py_writer_spec = {
    .name = "_gunicorn.Writer",
    .basicsize = sizeof(struct callable),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = writer_slots,
};

/* ---- errors ---- */

static void
log_failure(struct call *call, bool head_was_sent)
{
    const struct gn_http_head *h = &call->c->parser.head;
    struct gn_err err = {.code = GN_E_PYTHON};
    char what[1024];

    if (head_was_sent)
        snprintf(what, sizeof(what), "Error handling request");
    else
        snprintf(what, sizeof(what), "Error handling request %.*s %.*s", GN_SLICE_ARG(h->method),
                 GN_SLICE_ARG(h->target));
    err.detail = gn_py_traceback_gil(err.msg, sizeof(err.msg));
    gn_log_err(call->h->log, GN_LERROR, what, &err);
    gn_err_clear(&err);
}

/* What the client has to hear when its own body was the fault. */
static bool
answer_client_fault(struct call *call)
{
    static const struct gn_http_error too_slow = {
        GN_HTTP_E_REQUEST_TIMEOUT, "Request Timeout: the request body was not complete in time"};
    struct gn_conn *c = call->c;

    switch (c->body_state) {
    case GN_BODY_BAD:
        if (!call->r->is_sent)
            gn_conn_refuse(c, &c->body.error);
        return true;
    case GN_BODY_TIMEOUT:
        if (!call->r->is_sent)
            gn_conn_refuse(c, &too_slow);
        return true;
    case GN_BODY_GONE:
        call->r->is_broken = true;
        return true;
    default:
        return false;
    }
}

/* The application raised: the current exception is logged and answered. */
static void
failed(struct call *call)
{
    struct gn_resp *r = call->r;
    bool is_late = call->c->scratch->is_interrupted;

    gn_py_app_end_gil(call->c);
    if (r->is_broken || answer_client_fault(call)) {
        char message[256];

        free(gn_py_traceback_gil(message, sizeof(message)));
        gn_log(call->h->log, GN_DEBUG, "Ignored after the client had left: %s", message);
        if (r->is_sent)
            r->is_broken = true;
        return;
    }
    log_failure(call, r->is_sent);
    if (r->is_sent)
        r->is_broken = true; /* nothing but closing tells the client */
    else if (is_late || call->c->service->worker->is_aborted)
        gn_resp_error_page(r, 504, "Gateway Timeout", "");
    else
        gn_resp_error_page(r, 500, "Internal Server Error", "");
}

/* ---- the body ---- */

static bool
require_start(struct call *call)
{
    if (call->r->is_started)
        return true;
    PyErr_SetString(PyExc_AssertionError, "start_response() was not called before the body");
    return false;
}

/* The pieces of a large body, kept until they are sent. */
struct kept {
    struct kept *next; /* among those that nobody needs any more */
    PyObject *seq;     /* a tuple of bytes, owned */
    struct gn_slice pieces[];
};

void
gn_py_release(struct gn_host *host, void *owner)
{
    struct gn_py *h = gn_py_of(host);
    struct kept *kept = owner;
    void *first = atomic_load(&h->late);

    do
        kept->next = first;
    while (!atomic_compare_exchange_weak(&h->late, &first, kept));
}

void
gn_py_drop_late_gil(struct gn_py *h)
{
    struct kept *kept, *next;

    if (atomic_load_explicit(&h->late, memory_order_relaxed) == NULL)
        return;
    for (kept = atomic_exchange(&h->late, NULL); kept != NULL; kept = next) {
        next = kept->next;
        Py_DECREF(kept->seq);
        free(kept);
    }
}

/* Many small pieces are joined; otherwise nothing is copied. */
static PyObject *
pieces_of(PyObject *seq, size_t total)
{
    Py_ssize_t n = PySequence_Fast_GET_SIZE(seq);
    PyObject *empty, *whole, *tuple;

    if (total / (size_t)n >= SMALL_BYTES)
        return PySequence_Tuple(seq);
    empty = PyBytes_FromStringAndSize(NULL, 0);
    whole = empty != NULL ? PyObject_CallMethod(empty, "join", "(O)", seq) : NULL;
    tuple = whole != NULL ? PyTuple_Pack(1, whole) : NULL;
    Py_XDECREF(empty);
    Py_XDECREF(whole);
    return tuple;
}

/* The client may take its time: the pieces stay where they are, and no thread waits. */
static bool
queue_pieces(struct call *call, PyObject *seq, size_t total)
{
    PyObject *tuple = pieces_of(seq, total);
    Py_ssize_t n = tuple != NULL ? PyTuple_GET_SIZE(tuple) : 0;
    struct kept *kept = n > 0 ? malloc(sizeof(*kept) + (size_t)n * sizeof(kept->pieces[0])) : NULL;

    if (tuple == NULL)
        return false;
    if (kept == NULL) {
        Py_DECREF(tuple);
        PyErr_NoMemory();
        return false;
    }
    kept->seq = tuple;
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *item = PyTuple_GET_ITEM(tuple, i); /* borrowed */

        kept->pieces[i] = gn_slice(PyBytes_AS_STRING(item), (size_t)PyBytes_GET_SIZE(item));
    }
    gn_resp_pieces(call->r, kept->pieces, (size_t)n, kept);
    return true;
}

/* A list or tuple: all pieces are at hand. False with an exception. */
static bool
send_sequence(struct call *call, PyObject *seq)
{
    Py_ssize_t n = PySequence_Fast_GET_SIZE(seq);
    size_t total = 0;

    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *item = PySequence_Fast_GET_ITEM(seq, i); /* borrowed */

        if (!is_bytes(item))
            return false;
        total += (size_t)PyBytes_GET_SIZE(item);
    }
    if (total > 0 && !require_start(call))
        return false;
    if (total > COPY_BYTES)
        return queue_pieces(call, seq, total);
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *item = PySequence_Fast_GET_ITEM(seq, i); /* borrowed */

        if (PyBytes_GET_SIZE(item) > 0)
            gn_resp_append(call->r,
                           gn_slice(PyBytes_AS_STRING(item), (size_t)PyBytes_GET_SIZE(item)));
    }
    return true;
}

/* Any other iterable. False with an exception; a client that left ends the loop without one. */
static bool
send_iterable(struct call *call, PyObject *iterable)
{
    PyObject *it = PyObject_GetIter(iterable);
    PyObject *item;
    bool ok = it != NULL;

    while (ok && !call->r->is_broken && (item = PyIter_Next(it)) != NULL) {
        ok = is_bytes(item);
        if (ok && PyBytes_GET_SIZE(item) > 0) {
            ok = require_start(call);
            if (ok)
                send_bytes(call, item);
        }
        Py_DECREF(item);
    }
    Py_XDECREF(it);
    return ok && !PyErr_Occurred();
}

/* Position of a real file that sendfile(2) can read: its descriptor, or -1. Exceptions are cleared:
 * then it is iterated. */
static int
real_file(PyObject *filelike, off_t *offset)
{
    PyObject *fileno = PyObject_CallMethod(filelike, "fileno", NULL);
    PyObject *tell = fileno != NULL ? PyObject_CallMethod(filelike, "tell", NULL) : NULL;
    int fd = -1;

    if (tell != NULL && PyLong_Check(fileno) && PyLong_Check(tell)) {
        fd = (int)PyLong_AsLong(fileno);
        *offset = (off_t)PyLong_AsLongLong(tell);
    }
    if (PyErr_Occurred() || *offset < 0)
        fd = -1;
    PyErr_Clear();
    Py_XDECREF(fileno);
    Py_XDECREF(tell);
    return fd;
}

static bool
is_of_type(PyObject *o, const char *name)
{
    return strcmp(Py_TYPE(o)->tp_name, name) == 0;
}

/* Only the classes of io whose bytes are the file's: what decodes or decompresses has a descriptor
 * too, and may hide behind a buffer. */
static bool
is_plain_file(PyObject *filelike)
{
    bool is_random = is_of_type(filelike, "_io.BufferedRandom");
    PyObject *raw, *flushed;
    bool is_plain;

    if (is_of_type(filelike, "_io.FileIO"))
        return true;
    if (!is_random && !is_of_type(filelike, "_io.BufferedReader"))
        return false;
    raw = PyObject_GetAttrString(filelike, "raw");
    /* What was written and not flushed is seen by read(), and has to be by sendfile. */
    flushed = raw != NULL && is_random ? PyObject_CallMethod(filelike, "flush", NULL) : NULL;
    is_plain = raw != NULL && is_of_type(raw, "_io.FileIO") && (!is_random || flushed != NULL);
    PyErr_Clear();
    Py_XDECREF(raw);
    Py_XDECREF(flushed);
    return is_plain;
}

static bool
send_file(struct call *call, PyObject *wrapper)
{
    PyObject *filelike = gn_py_file_object(wrapper); /* borrowed */
    off_t offset = 0;
    bool unsupported = true;
    int fd = -1;

    if (call->c->service->use_sendfile && filelike != NULL && is_plain_file(filelike))
        fd = real_file(filelike, &offset);
    if (fd >= 0 && gn_conn_can_sendfile(fd)) {
        if (!require_start(call))
            return false;
        Py_BEGIN_ALLOW_THREADS
        uint64_t size = gn_conn_file_size(fd);

        /* Files of /proc have bytes, but no size. */
        unsupported = size == 0;
        if (size > (uint64_t)offset)
            gn_resp_sendfile(call->r, fd, offset, size - (uint64_t)offset, &unsupported);
        /* The file may be closed as soon as we are back. */
        if (gn_resp_step(call->r) != GN_RESP_OUT && !gn_resp_keep_file(call->r))
            gn_resp_flush(call->r);
        Py_END_ALLOW_THREADS
    }
    return !unsupported || send_iterable(call, wrapper);
}

static bool
send_body(struct call *call, PyObject *result)
{
    /* Iterating them would give numbers, or pieces of one character. */
    if (PyBytes_Check(result) || PyUnicode_Check(result)) {
        PyErr_Format(PyExc_TypeError,
                     "the application returned %s itself, not an iterable of byte strings",
                     Py_TYPE(result)->tp_name);
        return false;
    }
    if (PyList_CheckExact(result) || PyTuple_CheckExact(result))
        return send_sequence(call, result);
    if (Py_IS_TYPE(result, call->h->file_type))
        return send_file(call, result);
    return send_iterable(call, result);
}

/* result.close(), exactly once, if there is one. */
static void
close_result(struct call *call, PyObject *result)
{
    PyObject *close, *done;

    if (PyList_CheckExact(result) || PyTuple_CheckExact(result))
        return;
    close = PyObject_GetAttr(result, gn_py_str(call->h, CLOSE));
    if (close == NULL && PyErr_ExceptionMatches(PyExc_AttributeError)) {
        PyErr_Clear();
        return;
    }
    /* A client that reads has its whole response before the application tidies up. */
    if (close != NULL && gn_resp_has_rest(call->r) && !call->c->is_writing) {
        Py_BEGIN_ALLOW_THREADS
        gn_resp_step(call->r);
        Py_END_ALLOW_THREADS
    }
    done = close != NULL ? PyObject_CallNoArgs(close) : NULL;
    if (done == NULL)
        log_failure(call, true);
    Py_XDECREF(done);
    Py_XDECREF(close);
}

/* ---- one request ---- */

/* Once per worker and kind: many applications answer HEAD as they answer GET. */
static void
warn_of_dropped_body(struct call *call)
{
    const struct gn_resp *r = call->r;
    bool is_head = !gn_http_status_has_no_body(r->code);
    bool *warned = is_head ? &call->h->warned_of_head : &call->h->warned_of_status;
    const struct gn_http_head *h = &call->c->parser.head;

    if (!r->was_dropped || *warned)
        return;
    *warned = true;
    gn_log(call->h->log, GN_WARN,
           "The application gave a body for %.*s %.*s with status %d: not sent (said once)",
           GN_SLICE_ARG(h->method), GN_SLICE_ARG(h->target), r->code);
}

/* The application has used gunicorn.socket. */
static bool
socket_was_taken(const struct call *call)
{
    return call->c->tls != NULL ? gn_py_tls_socket_was_used(call->sock)
                                : gn_py_socket_was_taken(call->sock);
}

/* The application has returned and its body is sent or queued. */
static void
complete(struct call *call)
{
    struct gn_resp *r = call->r;

    if (!r->is_started) {
        if (socket_was_taken(call)) {
            r->is_broken = true; /* the application has spoken for itself */
            return;
        }
        PyErr_SetString(PyExc_AssertionError, "start_response() was not called");
        failed(call);
        return;
    }
    gn_resp_end(r);
    warn_of_dropped_body(call);
    if (r->was_cut)
        gn_log(call->h->log, GN_WARN,
               "The application gave more bytes than its Content-Length of %lld: cut",
               (long long)r->content_length);
    if (r->is_short && !r->is_broken)
        gn_log(call->h->log, GN_WARN,
               "The application gave %llu bytes, fewer than its Content-Length of %lld",
               (unsigned long long)r->body_bytes, (long long)r->content_length);
    else if (r->is_short)
        gn_log(call->h->log, GN_WARN, "A file became shorter while it was sent, after %llu bytes",
               (unsigned long long)r->body_bytes);
}

static void
run(struct call *call)
{
    PyObject *args[3] = {NULL, call->environ, call->start};
    PyObject *result =
        PyObject_Vectorcall(call->h->app, args + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    bool ok;

    if (result == NULL) {
        failed(call);
        return;
    }
    ok = send_body(call, result);
    if (!ok)
        failed(call);
    else if (!call->r->is_done)
        complete(call);
    close_result(call, result);
    Py_DECREF(result);
}

static bool
prepare(struct call *call)
{
    struct gn_py *h = call->h;
    struct gn_http_error error = {.id = GN_HTTP_ERROR_COUNT};

    call->input = gn_py_input_new_gil(h, call->c);
    call->sock = call->c->tls != NULL ? gn_py_tls_socket_new_gil(h, call->c)
                                      : gn_py_socket_new_gil(h, call->c->fd);
    call->start = callable_new(call, h->start_response_type, &h->start_response, start_vectorcall);
    call->hints = callable_new(call, h->early_hints_type, &h->early_hints, hints_vectorcall);
    if (call->input != NULL && call->sock != NULL && call->start != NULL && call->hints != NULL)
        call->environ = gn_py_environ_gil(h, call->c, call->input, call->sock, &error);
    if (call->environ != NULL &&
        PyDict_SetItem(call->environ, gn_py_str(h, WSGI_EARLY_HINTS), call->hints) == 0 &&
        (call->req == NULL || gn_py_request_apply_gil(call->req, call->environ)))
        return true;
    if (error.id != GN_HTTP_ERROR_COUNT) {
        PyErr_Clear();
        gn_conn_refuse(call->c, &error);
    } else {
        failed(call);
    }
    return false;
}

/* Threads of the application that still read or write: they are woken and waited for, since the
 * connection is somebody else's afterwards. */
static void
wait_for_users(struct gn_conn *c)
{
    while (c->is_reading || c->is_writing) {
        c->resp.keeps_alive = false;
        if (c->is_writing)
            c->resp.is_broken = true;
        shutdown(c->fd, c->is_writing ? SHUT_RDWR : SHUT_RD);
        Py_BEGIN_ALLOW_THREADS
        poll(NULL, 0, 1);
        Py_END_ALLOW_THREADS
    }
}

/* What the application may have kept points nowhere from here on. */
static void
detach(struct call *call)
{
    if (call->input != NULL)
        gn_py_input_detach_gil(call->input);
    if (call->sock != NULL && call->c->tls != NULL)
        gn_py_tls_socket_detach_gil(call->sock);
    else if (call->sock != NULL)
        gn_py_socket_detach_gil(call->sock);
    if (call->start != NULL)
        ((struct callable *)call->start)->call = NULL;
    if (call->hints != NULL)
        ((struct callable *)call->hints)->call = NULL;
    if (call->writer != NULL)
        ((struct callable *)call->writer)->call = NULL;
    call->c->was_taken = call->sock != NULL && socket_was_taken(call);
    wait_for_users(call->c);
}

static void
release(struct call *call)
{
    Py_CLEAR(call->environ);
    Py_CLEAR(call->sock);
    Py_CLEAR(call->input);
    Py_CLEAR(call->start);
    Py_CLEAR(call->hints);
    Py_CLEAR(call->writer);
    Py_CLEAR(call->req);
}

/* ---- hooks ---- */

/* Makes what hooks will see, and calls pre_request. False when that was answered with an error. */
static bool
before(struct call *call, struct gn_worker *w)
{
    const struct gn_cfg *cfg = &w->frozen->cfg;

    if (cfg->pre_request.handle == NULL && cfg->post_request.handle == NULL)
        return true;
    call->req = gn_py_request_new_gil(call->h, call->c);
    if (call->req != NULL &&
        (cfg->pre_request.handle == NULL || gn_py_pre_request_gil(call->h, w, call->req)))
        return true;
    failed(call);
    return false;
}

/* The client has what it takes at once of the response before post_request is called, and the log
 * its line; what a slow one leaves is sent afterwards, as without the hook. Without an environ
 * there was no response of the application: the hook gets an empty dict and None. */
static void
after(struct call *call, struct gn_worker *w)
{
    PyObject *resp, *environ;

    if (w->frozen->cfg.post_request.handle == NULL || call->req == NULL)
        return;
    Py_BEGIN_ALLOW_THREADS
    gn_resp_step(call->r);
    Py_END_ALLOW_THREADS
    if (!gn_resp_has_rest(call->r))
        gn_service_log_access(call->c->service, call->c, NULL, NULL);
    environ = call->environ != NULL ? Py_NewRef(call->environ) : PyDict_New();
    resp = call->environ != NULL ? gn_py_response_new_gil(call->h, call->c, call->req)
                                 : Py_NewRef(Py_None);
    if (environ != NULL && resp != NULL)
        gn_py_post_request_gil(call->h, w, call->req, environ, resp);
    PyErr_Clear();
    if (resp != NULL && resp != Py_None)
        gn_py_response_leave_gil(resp);
    Py_XDECREF(environ);
    Py_XDECREF(resp);
}

/* {name}e of the access log: an environ value by its lower-case key. */
static struct gn_slice
environ_text(const void *ctx, struct gn_slice name)
{
    PyObject *dict = (PyObject *)ctx;
    PyObject *key, *value;
    Py_ssize_t pos = 0, n;

    while (PyDict_Next(dict, &pos, &key, &value)) {
        const char *p = PyUnicode_Check(key) ? PyUnicode_AsUTF8AndSize(key, &n) : NULL;

        if (p == NULL || !gn_slice_eq_nocase(gn_slice(p, (size_t)n), name))
            continue;
        p = PyUnicode_Check(value) ? PyUnicode_AsUTF8AndSize(value, &n) : NULL;
        PyErr_Clear();
        return p != NULL ? gn_slice(p, (size_t)n) : gn_slice(NULL, 0);
    }
    PyErr_Clear();
    return gn_slice(NULL, 0);
}

void
gn_py_handle_request(struct gn_host *host, struct gn_worker *w, struct gn_conn *c)
{
    struct gn_py *h = gn_py_of(host);
    struct gn_service *s = c->service;
    const struct gn_http_head *head = &c->parser.head;
    struct call call = {.h = h, .c = c, .r = &c->resp};
    bool is_limited = w->frozen->cfg.request_timeout > 0;
    bool log_with_environ =
        s->access_format != NULL && gn_access_format_needs_environ(s->access_format);

    gn_py_drop_late_gil(h);
    /* What the default of pre_request does. */
    if (w->frozen->cfg.pre_request.handle == NULL)
        gn_log(w->log, GN_DEBUG, "%.*s %.*s", GN_SLICE_ARG(head->method), GN_SLICE_ARG(head->path));
    if (is_limited) {
        if (c->scratch->thread == NULL)
            h->main_scratch = c->scratch;
        gn_py_app_begin_gil(c);
    }
    if (before(&call, w) && prepare(&call))
        run(&call);
    gn_py_app_end_gil(c);
    detach(&call);
    if (log_with_environ && call.environ != NULL) {
        Py_BEGIN_ALLOW_THREADS
        gn_resp_flush(&c->resp);
        Py_END_ALLOW_THREADS
        gn_service_log_access(s, c, environ_text, call.environ);
    }
    after(&call, w);
    if (call.req != NULL)
        gn_py_request_leave_gil(call.req);
    release(&call);
}
