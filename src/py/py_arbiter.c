/* The server as hooks see it: `server`, the arbiter. */
#include "py/py_view.h"

#include "arbiter/view.h"
#include "config/frozen.h"
#include "worker/worker.h"

/* The master that `self` shows; NULL with an exception when it has ended. */
static struct gn_arbiter *
arbiter_of(PyObject *self)
{
    struct gn_arbiter *arb = ((struct gn_py_view *)self)->h->host.arbiter;

    if (arb == NULL)
        PyErr_SetString(PyExc_RuntimeError, "the server has ended");
    return arb;
}

/* In a worker its own table: a reload may be under way in the master. */
static const struct gn_frozen *
frozen_of(PyObject *self)
{
    struct gn_py *h = ((struct gn_py_view *)self)->h;
    struct gn_arbiter *arb = arbiter_of(self);

    if (arb == NULL)
        return NULL;
    return h->worker != NULL ? h->worker->frozen : gn_arb_view_frozen(arb);
}

static PyObject *
get_cfg(PyObject *self, void *closure)
{
    const struct gn_frozen *f = frozen_of(self);

    (void)closure;
    return f != NULL ? gn_py_config_gil(((struct gn_py_view *)self)->h, f) : NULL;
}

/* An attribute of the same name that the settings have; closure: the name there. */
static PyObject *
get_setting(PyObject *self, void *closure)
{
    PyObject *cfg = get_cfg(self, NULL);
    PyObject *value = cfg != NULL ? PyObject_GetAttrString(cfg, closure) : NULL;

    Py_XDECREF(cfg);
    return value;
}

static PyObject *
get_log(PyObject *self, void *closure)
{
    (void)closure;
    return gn_py_logger_gil(((struct gn_py_view *)self)->h);
}

static PyObject *
get_app(PyObject *self, void *closure)
{
    (void)closure;
    return gn_py_app_gil(((struct gn_py_view *)self)->h);
}

static PyObject *
get_pid(PyObject *self, void *closure)
{
    struct gn_arbiter *arb = arbiter_of(self);

    (void)closure;
    return arb != NULL ? PyLong_FromLong(gn_arb_view_pid(arb)) : NULL;
}

static PyObject *
get_master_pid(PyObject *self, void *closure)
{
    struct gn_arbiter *arb = arbiter_of(self);

    (void)closure;
    return arb != NULL ? PyLong_FromLong(gn_arb_view_parent(arb)) : NULL;
}

static PyObject *
get_reexec_pid(PyObject *self, void *closure)
{
    struct gn_arbiter *arb = arbiter_of(self);

    (void)closure;
    return arb != NULL ? PyLong_FromLong(gn_arb_view_heir(arb)) : NULL;
}

static PyObject *
get_master_name(PyObject *self, void *closure)
{
    struct gn_arbiter *arb = arbiter_of(self);

    (void)closure;
    if (arb == NULL)
        return NULL;
    return PyUnicode_FromString(gn_arb_view_parent(arb) != 0 ? "Master.2" : "Master");
}

static PyObject *
get_worker_age(PyObject *self, void *closure)
{
    struct gn_arbiter *arb = arbiter_of(self);

    (void)closure;
    return arb != NULL ? PyLong_FromUnsignedLongLong(gn_arb_view_last_age(arb)) : NULL;
}

static PyObject *
get_systemd(PyObject *self, void *closure)
{
    struct gn_arbiter *arb = arbiter_of(self);

    (void)closure;
    return arb != NULL ? PyBool_FromLong(gn_arb_view_is_activated(arb)) : NULL;
}

static PyObject *
get_listeners(PyObject *self, void *closure)
{
    struct gn_arbiter *arb = arbiter_of(self);
    const struct gn_listener *l;
    size_t n;

    (void)closure;
    if (arb == NULL)
        return NULL;
    l = gn_arb_view_listeners(arb, &n);
    return gn_py_listeners_gil(((struct gn_py_view *)self)->h, l, n);
}

struct collection {
    struct gn_py *h;
    PyObject *dict;
};

static bool
collect(void *ctx, struct gn_worker *w)
{
    struct collection *c = ctx;
    PyObject *pid = PyLong_FromLong(w->pid);
    PyObject *worker = pid != NULL ? gn_py_worker_gil(c->h, w) : NULL;
    bool ok = worker != NULL && PyDict_SetItem(c->dict, pid, worker) == 0;

    Py_XDECREF(pid);
    Py_XDECREF(worker);
    return ok;
}

static PyObject *
get_workers(PyObject *self, void *closure)
{
    struct gn_arbiter *arb = arbiter_of(self);
    struct collection c = {.h = ((struct gn_py_view *)self)->h};

    (void)closure;
    if (arb == NULL)
        return NULL;
    c.dict = PyDict_New();
    if (c.dict != NULL && !gn_arb_view_workers(arb, collect, &c))
        Py_CLEAR(c.dict);
    return c.dict;
}

static PyObject *
get_num_workers(PyObject *self, void *closure)
{
    struct gn_arbiter *arb = arbiter_of(self);

    (void)closure;
    return arb != NULL ? PyLong_FromLong(gn_arb_view_num_workers(arb)) : NULL;
}

static int
set_num_workers(PyObject *self, PyObject *value, void *closure)
{
    struct gn_arbiter *arb = arbiter_of(self);
    struct gn_err err = {0};
    long n;

    (void)closure;
    if (arb == NULL)
        return -1;
    if (value == NULL) {
        PyErr_SetString(PyExc_AttributeError, "num_workers can't be deleted");
        return -1;
    }
    n = PyLong_AsLong(value);
    if (n == -1 && PyErr_Occurred())
        return -1;
    if (gn_arb_view_set_num_workers(arb, n, &err))
        return 0;
    PyErr_SetString(err.code == GN_E_VALUE ? PyExc_ValueError : PyExc_RuntimeError, err.msg);
    gn_err_clear(&err);
    return -1;
}

static PyObject *
get_constant(PyObject *self, void *closure)
{
    (void)self;
    return PyLong_FromLong(*(const int *)closure);
}

static const int worker_boot_error = GN_EXIT_WORKER_BOOT, app_load_error = GN_EXIT_APP_LOAD;

static PyGetSetDef server_attributes[] = {
    {"pid", get_pid, NULL, "Number of the master process.", NULL},
    {"cfg", get_cfg, NULL, "The settings.", NULL},
    {"log", get_log, NULL, "The error log.", NULL},
    {"app", get_app, NULL, "The application and how it is loaded.", NULL},
    {"address", get_setting, NULL, "What `bind` asks for.", (void *)"address"},
    {"proc_name", get_setting, NULL, "The setting, or the application's name.",
     (void *)"proc_name"},
    {"timeout", get_setting, NULL, "The setting.", (void *)"timeout"},
    {"worker_class", get_setting, NULL, "The class of workers.", (void *)"worker_class"},
    {"pidfile", get_setting, NULL, "The setting.", (void *)"pidfile"},
    {"LISTENERS", get_listeners, NULL, "The listening sockets, while there are any.", NULL},
    {"WORKERS", get_workers, NULL, "Workers by number of process: a new dict each time.", NULL},
    {"num_workers", get_num_workers, set_num_workers, "How many workers there shall be.", NULL},
    {"worker_age", get_worker_age, NULL, "How many workers have been forked.", NULL},
    {"reexec_pid", get_reexec_pid, NULL, "The master that USR2 has started, or 0.", NULL},
    {"master_pid", get_master_pid, NULL, "The master that has started this one, or 0.", NULL},
    {"master_name", get_master_name, NULL, "Master, or Master.2 while that lives.", NULL},
    {"systemd", get_systemd, NULL, "systemd has opened the sockets.", NULL},
    {"WORKER_BOOT_ERROR", get_constant, NULL, "Exit status.", (void *)&worker_boot_error},
    {"APP_LOAD_ERROR", get_constant, NULL, "Exit status.", (void *)&app_load_error},
    GN_PY_VIEW_DICT,
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot server_slots[] = {
    {Py_tp_dealloc, gn_py_view_dealloc},
    {Py_tp_traverse, gn_py_view_traverse},
    {Py_tp_clear, gn_py_view_clear},
    {Py_tp_members, gn_py_view_members},
    {Py_tp_getset, server_attributes},
    {Py_tp_doc, (void *)"The master process."},
    {0, NULL},
};

PyType_Spec gn_py_server_spec = {
    .name = "gunicorn.arbiter.Arbiter",
    .basicsize = sizeof(struct gn_py_view),
    .flags = GN_PY_VIEW_FLAGS,
    .slots = server_slots,
};

PyObject *
gn_py_server_gil(struct gn_py *h)
{
    return gn_py_view_once_gil(h, &h->server, h->server_type);
}
