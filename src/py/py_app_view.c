/* The application as hooks see it: server.app and worker.app. */
#include "py/py_view.h"

#include "arbiter/view.h"
#include "config/frozen.h"
#include "worker/worker.h"

static struct gn_py *
host_of(PyObject *self)
{
    return ((struct gn_py_view *)self)->h;
}

static const struct gn_frozen *
frozen_of(PyObject *self)
{
    struct gn_py *h = host_of(self);

    if (h->worker != NULL)
        return h->worker->frozen;
    if (h->host.arbiter != NULL)
        return gn_arb_view_frozen(h->host.arbiter);
    PyErr_SetString(PyExc_RuntimeError, "the server has ended");
    return NULL;
}

static PyObject *
get_callable(PyObject *self, void *closure)
{
    PyObject *app = host_of(self)->app;

    (void)closure;
    if (app == NULL)
        app = Py_None;
    Py_INCREF(app);
    return app;
}

static int
set_callable(PyObject *self, PyObject *value, void *closure)
{
    (void)closure;
    if (value == NULL || !PyCallable_Check(value)) {
        PyErr_SetString(PyExc_TypeError, "Application object must be callable.");
        return -1;
    }
    Py_INCREF(value);
    Py_XSETREF(host_of(self)->app, value);
    return 0;
}

static PyObject *
get_cfg(PyObject *self, void *closure)
{
    const struct gn_frozen *f = frozen_of(self);

    (void)closure;
    return f != NULL ? gn_py_config_gil(host_of(self), f) : NULL;
}

static PyObject *
get_app_uri(PyObject *self, void *closure)
{
    const struct gn_frozen *f = frozen_of(self);

    (void)closure;
    if (f == NULL)
        return NULL;
    if (f->app_uri == NULL)
        Py_RETURN_NONE;
    return PyUnicode_DecodeFSDefault(f->app_uri);
}

static PyObject *
get_logger(PyObject *self, void *closure)
{
    (void)closure;
    return gn_py_logger_gil(host_of(self));
}

/* Loads the application when that has not been done. */
static PyObject *
app_wsgi(PyObject *self, PyObject *unused)
{
    struct gn_py *h = host_of(self);
    const struct gn_frozen *f = frozen_of(self);
    struct gn_err err = {0};

    (void)unused;
    if (f == NULL)
        return NULL;
    if (!gn_py_load_app(&h->host, f, NULL, &err)) {
        PyErr_SetString(PyExc_RuntimeError, err.msg);
        gn_err_clear(&err);
        return NULL;
    }
    return get_callable(self, NULL);
}

static PyMethodDef app_methods[] = {
    {"wsgi", app_wsgi, METH_NOARGS, "The callable; loads it at the first call."},
    {"load", app_wsgi, METH_NOARGS, "The same."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef app_attributes[] = {
    {"callable", get_callable, set_callable, "What requests are given to, or None.", NULL},
    {"app_uri", get_app_uri, NULL, "MODULE:NAME as it was given, or None.", NULL},
    {"cfg", get_cfg, NULL, "The settings.", NULL},
    {"logger", get_logger, NULL, "The error log.", NULL},
    GN_PY_VIEW_DICT,
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot app_slots[] = {
    {Py_tp_dealloc, gn_py_view_dealloc},
    {Py_tp_traverse, gn_py_view_traverse},
    {Py_tp_clear, gn_py_view_clear},
    {Py_tp_members, gn_py_view_members},
    {Py_tp_getset, app_attributes},
    {Py_tp_methods, app_methods},
    {Py_tp_doc, (void *)"The application and how it is loaded."},
    {0, NULL},
};

PyType_Spec gn_py_app_spec = {
    .name = "gunicorn.app.wsgiapp.WSGIApplication",
    .basicsize = sizeof(struct gn_py_view),
    .flags = GN_PY_VIEW_FLAGS,
    .slots = app_slots,
};

PyObject *
gn_py_app_gil(struct gn_py *h)
{
    return gn_py_view_once_gil(h, &h->app_view, h->app_type);
}
