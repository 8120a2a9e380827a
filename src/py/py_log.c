/* The error log as hooks see it: server.log, worker.log.
 *
 * Texts are formatted as Python's logging does and written as they are, with all their lines.
 */
#include "py/py_view.h"

#include <stdlib.h>
#include <string.h>

#include "arbiter/view.h"
#include "log/log.h"
#include "worker/conn.h"

/* NULL when the server has ended: then nothing is written. */
static struct gn_log *
log_of(PyObject *self)
{
    struct gn_arbiter *arb = ((struct gn_py_view *)self)->h->host.arbiter;

    return arb != NULL ? gn_arb_view_log(arb) : NULL;
}

/* ---- formatting ---- */

/* str(message) % args; without args, or with one that is a mapping, as logging has it. */
static PyObject *
format_text(PyObject *const *args, Py_ssize_t n)
{
    PyObject *message = PyObject_Str(args[0]), *rest = NULL, *text = NULL;

    if (message == NULL || n == 1)
        return message;
    if (n == 2 && PyDict_Check(args[1]) && PyDict_GET_SIZE(args[1]) > 0) {
        rest = args[1];
        Py_INCREF(rest);
    } else {
        rest = PyTuple_New(n - 1);
        for (Py_ssize_t i = 1; rest != NULL && i < n; i++) {
            Py_INCREF(args[i]);
            PyTuple_SET_ITEM(rest, i - 1, args[i]);
        }
    }
    if (rest != NULL)
        text = PyUnicode_Format(message, rest);
    Py_DECREF(message);
    Py_XDECREF(rest);
    return text;
}

/* The traceback that exc_info asks for (True, an exception, or a tuple of three), heap; or NULL. */
static char *
traceback_of(PyObject *exc_info)
{
    PyObject *type, *value, *tb;

    if (exc_info == NULL || PyObject_IsTrue(exc_info) != 1) {
        PyErr_Clear();
        return NULL;
    }
    if (PyExceptionInstance_Check(exc_info)) {
        type = (PyObject *)Py_TYPE(exc_info);
        Py_INCREF(type);
        Py_INCREF(exc_info);
        value = exc_info;
        tb = PyException_GetTraceback(exc_info);
    } else if (PyTuple_Check(exc_info) && PyTuple_GET_SIZE(exc_info) == 3) {
        type = PyTuple_GET_ITEM(exc_info, 0);
        value = PyTuple_GET_ITEM(exc_info, 1);
        tb = PyTuple_GET_ITEM(exc_info, 2);
        Py_INCREF(type);
        Py_INCREF(value);
        Py_INCREF(tb);
        if (tb == Py_None)
            Py_CLEAR(tb);
    } else {
        PyErr_GetExcInfo(&type, &value, &tb);
        if (tb == Py_None)
            Py_CLEAR(tb);
    }
    if (type == NULL || type == Py_None || value == NULL) {
        Py_XDECREF(type);
        Py_XDECREF(value);
        Py_XDECREF(tb);
        return NULL;
    }
    PyErr_Restore(type, value, tb);
    return gn_py_traceback_gil(NULL, 0);
}

static void
append(struct gn_buf *out, struct gn_slice s)
{
    /* Without memory a part is written. */
    if (!gn_buf_append(out, s.p, s.n))
        return;
}

static bool
append_text(struct gn_buf *out, PyObject *text)
{
    PyObject *bytes = PyUnicode_AsEncodedString(text, "utf-8", "backslashreplace");

    if (bytes == NULL)
        return false;
    append(out, gn_slice(PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes)));
    Py_DECREF(bytes);
    return true;
}

static void
append_traceback(struct gn_buf *out, PyObject *exc_info)
{
    char *text = traceback_of(exc_info);

    if (text != NULL) {
        append(out, GN_SLICE("\n"));
        append(out, gn_slice_trim(gn_slice_str(text), "\n"));
    }
    free(text);
}

/* A text that can't be formatted is the hook's mistake, but logging never raises. */
static PyObject *
write_text(PyObject *self, enum gn_level level, PyObject *const *args, Py_ssize_t n,
           PyObject *exc_info)
{
    struct gn_log *lg = log_of(self);
    struct gn_buf out = {0};
    PyObject *text;

    if (n < 1) {
        PyErr_SetString(PyExc_TypeError, "a message is missing");
        return NULL;
    }
    if (!gn_log_wants(lg, level))
        Py_RETURN_NONE;
    text = format_text(args, n);
    if (text != NULL && append_text(&out, text)) {
        append_traceback(&out, exc_info);
        gn_log_text(lg, level, gn_buf_slice(&out));
    } else {
        PyErr_WriteUnraisable(args[0]);
    }
    gn_buf_fini(&out);
    Py_XDECREF(text);
    Py_RETURN_NONE;
}

/* The value of a keyword argument, borrowed; NULL when it was not given. */
static PyObject *
keyword(PyObject *kwnames, PyObject *const *values, const char *name)
{
    for (Py_ssize_t i = 0; kwnames != NULL && i < PyTuple_GET_SIZE(kwnames); i++) {
        if (PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(kwnames, i), name) == 0)
            return values[i];
    }
    return NULL;
}

/* ---- methods ---- */

#define METHOD(name, level)                                                                        \
    static PyObject *name(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)  \
    {                                                                                              \
        return write_text(self, level, args, n, keyword(kwnames, args + n, "exc_info"));           \
    }

METHOD(log_debug, GN_DEBUG)
METHOD(log_info, GN_INFO)
METHOD(log_warning, GN_WARN)
METHOD(log_error, GN_LERROR)
METHOD(log_critical, GN_CRITICAL)

static PyObject *
log_exception(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
{
    PyObject *exc_info = keyword(kwnames, args + n, "exc_info");

    return write_text(self, GN_LERROR, args, n, exc_info != NULL ? exc_info : Py_True);
}

static enum gn_level
level_of_number(long n)
{
    return n >= GN_CRITICAL ? GN_CRITICAL
           : n >= GN_LERROR ? GN_LERROR
           : n >= GN_WARN   ? GN_WARN
           : n >= GN_INFO   ? GN_INFO
                            : GN_DEBUG;
}

static PyObject *
log_log(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
{
    PyObject *exc_info = keyword(kwnames, args + n, "exc_info");
    const char *name = n > 0 && PyUnicode_Check(args[0]) ? PyUnicode_AsUTF8(args[0]) : NULL;
    long number;

    if (n < 1) {
        PyErr_SetString(PyExc_TypeError, "a level is missing");
        return NULL;
    }
    if (name != NULL)
        return write_text(self, gn_level_parse(name), args + 1, n - 1, exc_info);
    number = PyLong_AsLong(args[0]);
    if (number == -1 && PyErr_Occurred())
        return NULL;
    return write_text(self, level_of_number(number), args + 1, n - 1, exc_info);
}

/* access(resp, req, environ, request_time): writes the line of a request that is being answered. */
static PyObject *
log_access(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    struct gn_conn *c =
        n == 4 ? gn_py_request_conn_gil(((struct gn_py_view *)self)->h, args[1]) : NULL;

    if (c == NULL) {
        PyErr_SetString(PyExc_TypeError,
                        "access() takes (resp, req, environ, request_time) of a running request");
        return NULL;
    }
    gn_service_log_access(c->service, c, NULL, NULL);
    Py_RETURN_NONE;
}

static PyObject *
log_reopen(PyObject *self, PyObject *unused)
{
    struct gn_log *lg = log_of(self);
    struct gn_err err = {0};
    char text[sizeof(err.msg) + 128];

    (void)unused;
    if (lg == NULL || gn_log_reopen(lg, &err))
        Py_RETURN_NONE;
    PyErr_SetString(PyExc_OSError, gn_err_text(&err, text, sizeof(text)));
    gn_err_clear(&err);
    return NULL;
}

/* They are from the start. */
static PyObject *
log_close_on_exec(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    Py_RETURN_NONE;
}

/* ---- attributes ---- */

/* The logger of Python's logging; closure: its name. */
static PyObject *
get_logger(PyObject *self, void *closure)
{
    PyObject *logging = PyImport_ImportModule("logging");
    PyObject *logger =
        logging != NULL ? PyObject_CallMethod(logging, "getLogger", "s", closure) : NULL;

    (void)self;
    Py_XDECREF(logging);
    return logger;
}

static PyObject *
get_level(PyObject *self, void *closure)
{
    struct gn_log *lg = log_of(self);

    (void)closure;
    return PyLong_FromLong(lg != NULL ? gn_log_level(lg) : GN_CRITICAL);
}

static PyObject *
get_cfg(PyObject *self, void *closure)
{
    struct gn_py *h = ((struct gn_py_view *)self)->h;
    PyObject *server = gn_py_server_gil(h);
    PyObject *cfg = server != NULL ? PyObject_GetAttrString(server, "cfg") : NULL;

    (void)closure;
    Py_XDECREF(server);
    return cfg;
}

#define FAST(f) ((PyCFunction)(void (*)(void))(f)), METH_FASTCALL

static PyMethodDef log_methods[] = {
    {"debug", FAST(log_debug) | METH_KEYWORDS, "debug(message, *args)"},
    {"info", FAST(log_info) | METH_KEYWORDS, "info(message, *args)"},
    {"warning", FAST(log_warning) | METH_KEYWORDS, "warning(message, *args)"},
    {"error", FAST(log_error) | METH_KEYWORDS, "error(message, *args)"},
    {"critical", FAST(log_critical) | METH_KEYWORDS, "critical(message, *args)"},
    {"exception", FAST(log_exception) | METH_KEYWORDS, "error() with the traceback"},
    {"log", FAST(log_log) | METH_KEYWORDS, "log(level, message, *args)"},
    {"access", FAST(log_access), "access(resp, req, environ, request_time)"},
    {"reopen_files", log_reopen, METH_NOARGS, "Opens the log files again."},
    {"close_on_exec", log_close_on_exec, METH_NOARGS, "Log files are never inherited."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef log_attributes[] = {
    {"error_log", get_logger, NULL, "Python's logger gunicorn.error.", (void *)"gunicorn.error"},
    {"access_log", get_logger, NULL, "Python's logger gunicorn.access.", (void *)"gunicorn.access"},
    {"loglevel", get_level, NULL, "The lowest level that is written, as a number.", NULL},
    {"cfg", get_cfg, NULL, "The settings.", NULL},
    GN_PY_VIEW_DICT,
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot log_slots[] = {
    {Py_tp_dealloc, gn_py_view_dealloc},   {Py_tp_traverse, gn_py_view_traverse},
    {Py_tp_clear, gn_py_view_clear},       {Py_tp_members, gn_py_view_members},
    {Py_tp_getset, log_attributes},        {Py_tp_methods, log_methods},
    {Py_tp_doc, (void *)"The error log."}, {0, NULL},
};

PyType_Spec gn_py_logger_spec = {
    .name = "gunicorn.glogging.Logger",
    .basicsize = sizeof(struct gn_py_view),
    .flags = GN_PY_VIEW_FLAGS,
    .slots = log_slots,
};

PyObject *
gn_py_logger_gil(struct gn_py *h)
{
    return gn_py_view_once_gil(h, &h->logger, h->logger_type);
}
