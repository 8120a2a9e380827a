/* gunicorn.socket: stands for the client's socket and becomes a socket.socket when it is touched.
 *
 * Making a real socket object for every request would cost more than the rest of the environ. The
 * real one works on a duplicate of the descriptor, so that closing it is the application's business
 * only. When the application has taken the socket, the server sends nothing that was not asked for
 * by start_response.
 */
#include "py/py.h"

#include <fcntl.h>
#include <unistd.h>

struct stand_in {
    PyObject_HEAD
    PyObject *real;
    int fd; /* of the connection; -1 when the request has ended */
};

/* The real socket, made at first need. Borrowed. */
static PyObject *
real_socket(struct stand_in *s)
{
    PyObject *module, *type = NULL, *args = NULL, *kwargs = NULL;
    int fd;

    if (s->real != NULL)
        return s->real;
    if (s->fd < 0) {
        PyErr_SetString(PyExc_OSError, "the request of this socket has ended");
        return NULL;
    }
    fd = fcntl(s->fd, F_DUPFD_CLOEXEC, 3);
    if (fd < 0)
        return PyErr_SetFromErrno(PyExc_OSError);
    module = PyImport_ImportModule("socket");
    if (module != NULL)
        type = PyObject_GetAttrString(module, "socket");
    args = PyTuple_New(0);
    kwargs = Py_BuildValue("{s:i}", "fileno", fd);
    if (type != NULL && args != NULL && kwargs != NULL)
        s->real = PyObject_Call(type, args, kwargs);
    if (s->real == NULL) {
        close(fd);
    } else {
        PyObject *none = PyObject_CallMethod(s->real, "settimeout", "O", Py_None);

        if (none == NULL)
            PyErr_Clear();
        Py_XDECREF(none);
    }
    Py_XDECREF(module);
    Py_XDECREF(type);
    Py_XDECREF(args);
    Py_XDECREF(kwargs);
    return s->real;
}

/* socket.socket once the application has imported it: isinstance() looks here. */
static PyObject *
apparent_class(PyObject *self, PyObject *name)
{
    PyObject *module = PyDict_GetItemString(PyImport_GetModuleDict(), "socket"); /* borrowed */

    return module != NULL ? PyObject_GetAttrString(module, "socket")
                          : PyObject_GenericGetAttr(self, name);
}

static PyObject *
stand_in_getattro(PyObject *self, PyObject *name)
{
    PyObject *real;

    /* Looking at the type is no use of the socket (wsgiref.validate and debuggers do it). */
    if (PyUnicode_CompareWithASCIIString(name, "__class__") == 0)
        return apparent_class(self, name);
    if (PyUnicode_CompareWithASCIIString(name, "__dict__") == 0 ||
        PyUnicode_CompareWithASCIIString(name, "__doc__") == 0)
        return PyObject_GenericGetAttr(self, name);
    real = real_socket((struct stand_in *)self);
    return real != NULL ? PyObject_GetAttr(real, name) : NULL;
}

static int
stand_in_setattro(PyObject *self, PyObject *name, PyObject *value)
{
    PyObject *real = real_socket((struct stand_in *)self);

    return real != NULL ? PyObject_SetAttr(real, name, value) : -1;
}

static PyObject *
stand_in_repr(PyObject *self)
{
    struct stand_in *s = (struct stand_in *)self;

    return s->real != NULL ? PyObject_Repr(s->real)
                           : PyUnicode_FromFormat("<gunicorn.socket fd=%d>", s->fd);
}

static int
stand_in_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(((struct stand_in *)self)->real);
    Py_VISIT(Py_TYPE(self));
    return 0;
}

static int
stand_in_clear(PyObject *self)
{
    Py_CLEAR(((struct stand_in *)self)->real);
    return 0;
}

static void
stand_in_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    stand_in_clear(self);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

static PyType_Slot stand_in_slots[] = {
    {Py_tp_dealloc, stand_in_dealloc},
    {Py_tp_traverse, stand_in_traverse},
    {Py_tp_clear, stand_in_clear},
    {Py_tp_getattro, stand_in_getattro},
    {Py_tp_setattro, stand_in_setattro},
    {Py_tp_repr, stand_in_repr},
    {Py_tp_doc, (void *)"The client's socket; every attribute is that of a socket.socket."},
    {0, NULL},
};

PyType_Spec gn_py_socket_spec = {
    .name = "_gunicorn.Socket",
    .basicsize = sizeof(struct stand_in),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = stand_in_slots,
};

PyObject *
gn_py_socket_new_gil(struct gn_py *h, int fd)
{
    struct stand_in *s = PyObject_GC_New(struct stand_in, h->socket_type);

    if (s == NULL)
        return NULL;
    s->real = NULL;
    s->fd = fd;
    PyObject_GC_Track(s);
    return (PyObject *)s;
}

void
gn_py_socket_detach_gil(PyObject *sock)
{
    ((struct stand_in *)sock)->fd = -1;
}

bool
gn_py_socket_was_taken(PyObject *sock)
{
    return ((struct stand_in *)sock)->real != NULL;
}
