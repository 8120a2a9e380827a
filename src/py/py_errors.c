/* wsgi.errors: text of the application into the error log, without a prefix. */
#include "py/py.h"

#include "log/log.h"

struct errors {
    PyObject_HEAD
    struct gn_py *h;
};

PyDoc_STRVAR(write_doc, "write(text, /)\n--\n\nWrites text to the error log.");

static PyObject *
errors_write(PyObject *self, PyObject *text)
{
    struct gn_py *h = ((struct errors *)self)->h;
    PyObject *bytes;

    if (!PyUnicode_Check(text)) {
        PyErr_Format(PyExc_TypeError, "write() argument must be str, not %.200s",
                     Py_TYPE(text)->tp_name);
        return NULL;
    }
    bytes = PyUnicode_AsEncodedString(text, "utf-8", "backslashreplace");
    if (bytes == NULL)
        return NULL;
    if (h->log != NULL)
        gn_log_raw(h->log, gn_slice(PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes)));
    Py_DECREF(bytes);
    return PyLong_FromSsize_t(PyUnicode_GET_LENGTH(text));
}

PyDoc_STRVAR(writelines_doc, "writelines(lines, /)\n--\n\nWrites every text of an iterable.");

static PyObject *
errors_writelines(PyObject *self, PyObject *lines)
{
    PyObject *it = PyObject_GetIter(lines);
    PyObject *line;

    if (it == NULL)
        return NULL;
    while ((line = PyIter_Next(it)) != NULL) {
        PyObject *result = errors_write(self, line);

        Py_DECREF(line);
        if (result == NULL)
            break;
        Py_DECREF(result);
    }
    Py_DECREF(it);
    if (PyErr_Occurred())
        return NULL;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(flush_doc, "flush()\n--\n\nDoes nothing: every write goes out at once.");

static PyObject *
errors_flush(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    Py_RETURN_NONE;
}

static void
errors_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_Free(self);
    Py_DECREF(type);
}

static PyMethodDef errors_methods[] = {
    {"write", errors_write, METH_O, write_doc},
    {"writelines", errors_writelines, METH_O, writelines_doc},
    {"flush", errors_flush, METH_NOARGS, flush_doc},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot errors_slots[] = {
    {Py_tp_dealloc, errors_dealloc},
    {Py_tp_methods, errors_methods},
    {Py_tp_doc, (void *)"wsgi.errors (PEP 3333): writes go to the error log."},
    {0, NULL},
};

PyType_Spec gn_py_errors_spec = {
    .name = "_gunicorn.ErrorStream",
    .basicsize = sizeof(struct errors),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = errors_slots,
};

PyObject *
gn_py_errors_new_gil(struct gn_py *h)
{
    struct errors *self = PyObject_New(struct errors, h->errors_type);

    if (self != NULL)
        self->h = h;
    return (PyObject *)self;
}
