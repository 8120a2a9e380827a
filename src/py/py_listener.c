/* Listening sockets as hooks see them: server.LISTENERS and worker.sockets.
 *
 * A view holds no descriptor: a copy of one would keep the socket listening when the server has
 * closed it. Every use of it as a socket works on a copy that lives as long as the use.
 */
#include "py/py_view.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/listener.h"

struct listener {
    struct gn_py_view view;
    int fd;
    struct gn_addr addr;
    char text[512];
};

/* A socket.socket on a copy of the descriptor. */
static PyObject *
get_sock(PyObject *self, void *closure)
{
    struct listener *l = (struct listener *)self;
    PyObject *module, *type = NULL, *args = NULL, *kwargs = NULL, *sock = NULL;
    int fd = fcntl(l->fd, F_DUPFD_CLOEXEC, 3);

    (void)closure;
    if (fd < 0)
        return PyErr_SetFromErrno(PyExc_OSError);
    module = PyImport_ImportModule("socket");
    if (module != NULL)
        type = PyObject_GetAttrString(module, "socket");
    args = PyTuple_New(0);
    kwargs = Py_BuildValue("{s:i}", "fileno", fd);
    if (type != NULL && args != NULL && kwargs != NULL)
        sock = PyObject_Call(type, args, kwargs);
    if (sock == NULL)
        close(fd);
    Py_XDECREF(module);
    Py_XDECREF(type);
    Py_XDECREF(args);
    Py_XDECREF(kwargs);
    return sock;
}

static PyObject *
listener_getattro(PyObject *self, PyObject *name)
{
    PyObject *value = PyObject_GenericGetAttr(self, name), *sock;

    if (value != NULL || !PyErr_ExceptionMatches(PyExc_AttributeError))
        return value;
    PyErr_Clear();
    sock = get_sock(self, NULL);
    value = sock != NULL ? PyObject_GetAttr(sock, name) : NULL;
    Py_XDECREF(sock);
    return value;
}

static PyObject *
listener_fileno(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyLong_FromLong(((struct listener *)self)->fd);
}

static PyObject *
listener_str(PyObject *self)
{
    return PyUnicode_DecodeFSDefault(((struct listener *)self)->text);
}

PyObject *
gn_py_address_gil(const struct gn_addr *a)
{
    switch (a->kind) {
    case GN_ADDR_UNIX:
        return PyUnicode_DecodeFSDefault(a->path);
    case GN_ADDR_FD:
        return PyLong_FromLong(a->fd);
    case GN_ADDR_INET:
    case GN_ADDR_INET6:
        break;
    }
    return Py_BuildValue("(si)", a->host, a->port);
}

static PyObject *
get_cfg_addr(PyObject *self, void *closure)
{
    (void)closure;
    return gn_py_address_gil(&((struct listener *)self)->addr);
}

static PyObject *
get_family(PyObject *self, void *closure)
{
    struct listener *l = (struct listener *)self;
    int family = 0;
    socklen_t n = sizeof(family);

    (void)closure;
    if (getsockopt(l->fd, SOL_SOCKET, SO_DOMAIN, &family, &n) != 0)
        return PyErr_SetFromErrno(PyExc_OSError);
    return PyLong_FromLong(family);
}

static PyMethodDef listener_methods[] = {
    {"fileno", listener_fileno, METH_NOARGS, "The descriptor that the server uses itself."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef listener_attributes[] = {
    {"sock", get_sock, NULL, "A socket.socket on a copy of the descriptor, made each time.", NULL},
    {"cfg_addr", get_cfg_addr, NULL, "What was asked for.", NULL},
    {"FAMILY", get_family, NULL, "Address family.", NULL},
    GN_PY_VIEW_DICT,
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot listener_slots[] = {
    {Py_tp_dealloc, gn_py_view_dealloc},
    {Py_tp_traverse, gn_py_view_traverse},
    {Py_tp_clear, gn_py_view_clear},
    {Py_tp_members, gn_py_view_members},
    {Py_tp_getset, listener_attributes},
    {Py_tp_methods, listener_methods},
    {Py_tp_getattro, listener_getattro},
    {Py_tp_str, listener_str},
    {Py_tp_doc, (void *)"A listening socket; attributes that it lacks are those of `sock`."},
    {0, NULL},
};

PyType_Spec gn_py_listener_spec = {
    .name = "gunicorn.sock.BaseSocket",
    .basicsize = sizeof(struct listener),
    .flags = GN_PY_VIEW_FLAGS,
    .slots = listener_slots,
};

PyObject *
gn_py_listeners_gil(struct gn_py *h, const struct gn_listener *l, size_t n)
{
    PyObject *list = PyList_New(0);

    for (size_t i = 0; list != NULL && i < n; i++) {
        struct listener *view = gn_py_view_new_gil(h, h->listener_type);

        if (view != NULL) {
            view->fd = l[i].fd;
            view->addr = l[i].addr;
            memcpy(view->text, l[i].text, sizeof(view->text));
        }
        if (view == NULL || PyList_Append(list, (PyObject *)view) < 0)
            Py_CLEAR(list);
        Py_XDECREF((PyObject *)view);
    }
    return list;
}
