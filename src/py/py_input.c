/* wsgi.input: the request body as PEP 3333 wants it; read, readline, readlines and iteration.
 *
 * The stream borrows the connection until the request has ended; later reads give b"". Waiting for
 * the client happens without the GIL.
 */
#include "py/py.h"

#include <string.h>

#include "worker/conn.h"

enum { FIRST_READ_BYTES = 65536, MAX_STEP_BYTES = 1 << 24 };

struct input {
    PyObject_HEAD
    struct gn_conn *conn; /* NULL when the request has ended */
};

static struct gn_conn *
conn_of(PyObject *self)
{
    return ((struct input *)self)->conn;
}

/* The exception for a body that can't be read to its end. */
static PyObject *
raise_result(struct gn_conn *c, enum gn_body_result result)
{
    switch (result) {
    case GN_BODY_TIMEOUT:
        PyErr_SetString(PyExc_TimeoutError, "the client sent no more of the request body in time");
        break;
    case GN_BODY_BAD:
        PyErr_Format(PyExc_OSError, "invalid request body: %s", c->body.error.message);
        break;
    case GN_BODY_STOP:
        PyErr_SetString(PyExc_SystemExit, "the worker stops");
        break;
    default:
        PyErr_SetString(PyExc_ConnectionResetError,
                        "the client closed the connection before the request body was complete");
        break;
    }
    return NULL;
}

/* One thread at a time may be in a read: two would tear the body apart. False with an exception. */
static bool
begin_read(struct gn_conn *c)
{
    if (!c->is_reading) {
        c->is_reading = true;
        return true;
    }
    PyErr_SetString(PyExc_RuntimeError, "the request body is being read by another thread");
    return false;
}

static PyObject *
empty_bytes(void)
{
    return PyBytes_FromStringAndSize(NULL, 0);
}

/* `n` bytes at the most, fewer only at the end of the body. */
static PyObject *
read_exactly(PyObject *self, size_t n)
{
    struct gn_conn *c = conn_of(self);
    size_t room = n < FIRST_READ_BYTES ? n : FIRST_READ_BYTES;
    PyObject *bytes;
    size_t used = 0;

    /* What the client has announced is a hint for the first allocation only. */
    if (!c->body.is_chunked && c->body.left < n)
        room = c->body.left + c->body_run.n < MAX_STEP_BYTES ? (size_t)c->body.left + c->body_run.n
                                                             : MAX_STEP_BYTES;
    if (room > n)
        room = n;
    bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(room > 0 ? room : 1));
    while (bytes != NULL && used < n) {
        enum gn_body_result result;
        size_t got;

        if (used == room) {
            /* Pages that nothing is written to cost nothing; moving what was read does. */
            size_t step = room < MAX_STEP_BYTES ? 4 : 2;

            room = room > n / step ? n : room * step;
            if (_PyBytes_Resize(&bytes, (Py_ssize_t)room) < 0)
                return NULL;
        }
        char *dst = PyBytes_AS_STRING(bytes) + used;
        if (!begin_read(c)) {
            Py_DECREF(bytes);
            return NULL;
        }
        Py_BEGIN_ALLOW_THREADS
        result = gn_conn_body_read(c, dst, room - used, &got);
        Py_END_ALLOW_THREADS
        c->is_reading = false;
        used += got;
        /* The request may have ended meanwhile: then the connection is somebody else's soon. */
        if (result == GN_BODY_END || conn_of(self) == NULL)
            break;
        if (result != GN_BODY_DATA) {
            Py_DECREF(bytes);
            return raise_result(c, result);
        }
        if (used == room && c->body.is_done && c->body_run.n == 0)
            break;
    }
    if (bytes != NULL && (size_t)PyBytes_GET_SIZE(bytes) != used &&
        _PyBytes_Resize(&bytes, (Py_ssize_t)used) < 0)
        return NULL;
    return bytes;
}

/* One optional argument: None, absent or negative means no limit. */
static bool
size_argument(PyObject *const *args, Py_ssize_t nargs, const char *name, size_t *out)
{
    Py_ssize_t n;

    *out = (size_t)PY_SSIZE_T_MAX;
    if (nargs > 1) {
        PyErr_Format(PyExc_TypeError, "%s() takes at most 1 argument (%zd given)", name, nargs);
        return false;
    }
    if (nargs == 0 || args[0] == Py_None)
        return true;
    n = PyNumber_AsSsize_t(args[0], PyExc_OverflowError);
    if (n == -1 && PyErr_Occurred())
        return false;
    if (n >= 0)
        *out = (size_t)n;
    return true;
}

PyDoc_STRVAR(read_doc,
             "read(size=-1, /)\n--\n\nBytes of the request body: `size` of them, fewer only at its "
             "end; all that is left without a size.");

static PyObject *
input_read(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    struct gn_conn *c = conn_of(self);
    size_t n;

    if (!size_argument(args, nargs, "read", &n))
        return NULL;
    return c != NULL && n > 0 ? read_exactly(self, n) : empty_bytes();
}

/* Up to and with the next LF, at most `max` bytes. */
static PyObject *
read_line(PyObject *self, size_t max)
{
    struct gn_conn *c = conn_of(self);
    struct gn_buf line = {0};
    PyObject *bytes = NULL;

    while (gn_buf_len(&line) < max) {
        enum gn_body_result result;
        struct gn_slice run;
        size_t n;

        if (!begin_read(c))
            goto out;
        Py_BEGIN_ALLOW_THREADS
        result = gn_conn_body_next(c, &run);
        Py_END_ALLOW_THREADS
        c->is_reading = false;
        if (result == GN_BODY_END || conn_of(self) == NULL)
            break;
        if (result != GN_BODY_DATA) {
            raise_result(c, result);
            goto out;
        }
        n = gn_slice_find(run, '\n');
        n = n < run.n ? n + 1 : run.n;
        if (n > max - gn_buf_len(&line))
            n = max - gn_buf_len(&line);
        if (!gn_buf_append(&line, run.p, n)) {
            PyErr_NoMemory();
            goto out;
        }
        gn_conn_body_take(c, n);
        if (line.data[line.end - 1] == '\n')
            break;
    }
    bytes = PyBytes_FromStringAndSize(gn_buf_slice(&line).p, (Py_ssize_t)gn_buf_len(&line));
out:
    gn_buf_fini(&line);
    return bytes;
}

PyDoc_STRVAR(readline_doc,
             "readline(size=-1, /)\n--\n\nThe next line with its LF, at most `size` bytes; b\"\" "
             "at the end of the body.");

static PyObject *
input_readline(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    struct gn_conn *c = conn_of(self);
    size_t max;

    if (!size_argument(args, nargs, "readline", &max))
        return NULL;
    return c != NULL && max > 0 ? read_line(self, max) : empty_bytes();
}

PyDoc_STRVAR(readlines_doc,
             "readlines(hint=-1, /)\n--\n\nA list of lines; stops after `hint` bytes when it is "
             "above 0.");

static PyObject *
input_readlines(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    PyObject *lines;
    size_t hint, total = 0;

    if (!size_argument(args, nargs, "readlines", &hint))
        return NULL;
    lines = PyList_New(0);
    while (lines != NULL && conn_of(self) != NULL && (hint == 0 || total < hint)) {
        PyObject *line = read_line(self, (size_t)PY_SSIZE_T_MAX);
        Py_ssize_t n = line != NULL ? PyBytes_GET_SIZE(line) : -1;

        if (n < 0 || (n > 0 && PyList_Append(lines, line) < 0))
            Py_CLEAR(lines);
        Py_XDECREF(line);
        if (n <= 0)
            break;
        total += (size_t)n;
    }
    return lines;
}

static PyObject *
input_next(PyObject *self)
{
    PyObject *line = conn_of(self) != NULL ? read_line(self, (size_t)PY_SSIZE_T_MAX) : NULL;

    if (line != NULL && PyBytes_GET_SIZE(line) == 0)
        Py_CLEAR(line);
    return line;
}

static void
input_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_Free(self);
    Py_DECREF(type);
}

static PyMethodDef input_methods[] = {
    {"read", (PyCFunction)(void (*)(void))input_read, METH_FASTCALL, read_doc},
    {"readline", (PyCFunction)(void (*)(void))input_readline, METH_FASTCALL, readline_doc},
    {"readlines", (PyCFunction)(void (*)(void))input_readlines, METH_FASTCALL, readlines_doc},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot input_slots[] = {
    {Py_tp_dealloc, input_dealloc},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, input_next},
    {Py_tp_methods, input_methods},
    {Py_tp_doc, (void *)"wsgi.input of a request (PEP 3333)."},
    {0, NULL},
};

PyType_Spec gn_py_input_spec = {
    .name = "_gunicorn.Body",
    .basicsize = sizeof(struct input),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = input_slots,
};

PyObject *
gn_py_input_new_gil(struct gn_py *h, struct gn_conn *c)
{
    struct input *self;

    if (h->input != NULL && Py_REFCNT(h->input) == 1) {
        self = (struct input *)h->input;
        Py_INCREF(self);
    } else {
        self = PyObject_New(struct input, h->input_type);
        if (self == NULL)
            return NULL;
        Py_INCREF(self);
        Py_XSETREF(h->input, (PyObject *)self);
    }
    self->conn = c;
    return (PyObject *)self;
}

void
gn_py_input_detach_gil(PyObject *input)
{
    ((struct input *)input)->conn = NULL;
}
