/* A worker as hooks see it: in the master from pre_fork to child_exit, in its own process from
 * post_fork to worker_exit. It is one object, made before the fork.
 */
#include "py/py_view.h"

#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "config/frozen.h"
#include "worker/worker.h"

struct worker {
    struct gn_py_view view;
    struct gn_worker *w;   /* &last when the worker has ended */
    struct gn_worker last; /* what it was then; without what it pointed to */
    bool was_booted;
    int64_t last_beat_ns;
    PyObject *cfg; /* at the end */
    PyObject *tmp; /* or NULL */
};

static struct gn_worker *
worker_of(PyObject *self)
{
    return ((struct worker *)self)->w;
}

static bool
has_ended(const struct worker *v)
{
    return v->w == &v->last;
}

/* ---- worker.tmp ---- */

struct tmp {
    struct gn_py_view view;
    PyObject *worker;
    int fd; /* a file in memory, made when somebody asks for it; else -1 */
};

static int64_t
last_beat(const struct tmp *t)
{
    const struct worker *v = (const struct worker *)t->worker;

    return has_ended(v) ? v->last_beat_ns : atomic_load(&v->w->slot->beat_ns);
}

static PyObject *
tmp_last_update(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyFloat_FromDouble((double)last_beat((struct tmp *)self) / (double)GN_NS_PER_S);
}

static PyObject *
tmp_notify(PyObject *self, PyObject *unused)
{
    const struct worker *v = (const struct worker *)((struct tmp *)self)->worker;

    (void)unused;
    if (!has_ended(v))
        gn_worker_beat(v->w);
    Py_RETURN_NONE;
}

/* Its time stamps are those of the last sign of life. */
static PyObject *
tmp_fileno(PyObject *self, PyObject *unused)
{
    struct tmp *t = (struct tmp *)self;
    int64_t ns = last_beat(t);
    struct timespec times[2] = {{.tv_sec = ns / GN_NS_PER_S, .tv_nsec = ns % GN_NS_PER_S}};

    (void)unused;
    times[1] = times[0];
    if (t->fd < 0)
        t->fd = memfd_create("wgunicorn", MFD_CLOEXEC);
    if (t->fd < 0 || futimens(t->fd, times) != 0)
        return PyErr_SetFromErrno(PyExc_OSError);
    return PyLong_FromLong(t->fd);
}

static PyObject *
tmp_close(PyObject *self, PyObject *unused)
{
    struct tmp *t = (struct tmp *)self;

    (void)unused;
    if (t->fd >= 0)
        close(t->fd);
    t->fd = -1;
    Py_RETURN_NONE;
}

static int
tmp_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(((struct tmp *)self)->worker);
    return gn_py_view_traverse(self, visit, arg);
}

static int
tmp_clear(PyObject *self)
{
    Py_XDECREF(tmp_close(self, NULL));
    Py_CLEAR(((struct tmp *)self)->worker);
    return gn_py_view_clear(self);
}

static PyMethodDef tmp_methods[] = {
    {"last_update", tmp_last_update, METH_NOARGS,
     "Seconds of the monotonic clock at the last sign of life; 0 before the first."},
    {"notify", tmp_notify, METH_NOARGS, "Gives a sign of life."},
    {"fileno", tmp_fileno, METH_NOARGS, "A file with the time of the last sign of life."},
    {"close", tmp_close, METH_NOARGS, "Closes that file."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef tmp_attributes[] = {
    GN_PY_VIEW_DICT,
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot tmp_slots[] = {
    {Py_tp_dealloc, gn_py_view_dealloc},
    {Py_tp_traverse, tmp_traverse},
    {Py_tp_clear, tmp_clear},
    {Py_tp_members, gn_py_view_members},
    {Py_tp_getset, tmp_attributes},
    {Py_tp_methods, tmp_methods},
    {Py_tp_doc, (void *)"A worker's signs of life."},
    {0, NULL},
};

PyType_Spec gn_py_tmp_spec = {
    .name = "gunicorn.workers.workertmp.WorkerTmp",
    .basicsize = sizeof(struct tmp),
    .flags = GN_PY_VIEW_FLAGS,
    .slots = tmp_slots,
};

/* ---- attributes ---- */

static PyObject *
get_age(PyObject *self, void *closure)
{
    (void)closure;
    return PyLong_FromUnsignedLongLong(worker_of(self)->age);
}

static PyObject *
get_id(PyObject *self, void *closure)
{
    (void)closure;
    return PyLong_FromLong(worker_of(self)->id);
}

static PyObject *
get_pid(PyObject *self, void *closure)
{
    pid_t pid = worker_of(self)->pid;

    (void)closure;
    return pid > 0 ? PyLong_FromLong(pid) : PyUnicode_FromString("[booting]");
}

static PyObject *
get_ppid(PyObject *self, void *closure)
{
    (void)closure;
    return PyLong_FromLong(worker_of(self)->ppid);
}

static PyObject *
get_cfg(PyObject *self, void *closure)
{
    struct worker *v = (struct worker *)self;

    (void)closure;
    if (!has_ended(v))
        return gn_py_config_gil(v->view.h, v->w->frozen);
    Py_XINCREF(v->cfg);
    if (v->cfg == NULL)
        PyErr_SetString(PyExc_RuntimeError, "the worker has ended");
    return v->cfg;
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
get_sockets(PyObject *self, void *closure)
{
    const struct gn_worker *w = worker_of(self);

    (void)closure;
    return gn_py_listeners_gil(((struct gn_py_view *)self)->h, w->listeners, w->n_listeners);
}

/* Half of the setting, as the original counts. */
static PyObject *
get_timeout(PyObject *self, void *closure)
{
    PyObject *cfg = get_cfg(self, closure);
    PyObject *whole = cfg != NULL ? PyObject_GetAttrString(cfg, "timeout") : NULL;
    PyObject *two = PyLong_FromLong(2);
    PyObject *half = whole != NULL && two != NULL ? PyNumber_TrueDivide(whole, two) : NULL;

    Py_XDECREF(cfg);
    Py_XDECREF(whole);
    Py_XDECREF(two);
    return half;
}

static PyObject *
get_nr(PyObject *self, void *closure)
{
    (void)closure;
    return PyLong_FromUnsignedLongLong(worker_of(self)->requests);
}

static PyObject *
get_max_requests(PyObject *self, void *closure)
{
    uint64_t n = worker_of(self)->max_requests;

    (void)closure;
    return n >= (uint64_t)PY_SSIZE_T_MAX ? PyLong_FromSsize_t(PY_SSIZE_T_MAX)
                                         : PyLong_FromUnsignedLongLong(n);
}

static PyObject *
get_alive(PyObject *self, void *closure)
{
    (void)closure;
    return PyBool_FromLong(worker_of(self)->is_alive);
}

/* False makes the worker leave when it has answered what it has accepted. */
static int
set_alive(PyObject *self, PyObject *value, void *closure)
{
    int is_true = value != NULL ? PyObject_IsTrue(value) : -1;

    (void)closure;
    if (value == NULL)
        PyErr_SetString(PyExc_AttributeError, "alive can't be deleted");
    if (is_true < 0)
        return -1;
    worker_of(self)->is_alive = is_true;
    return 0;
}

static PyObject *
get_aborted(PyObject *self, void *closure)
{
    (void)closure;
    return PyBool_FromLong(worker_of(self)->is_aborted);
}

static bool
is_booted(const struct worker *v)
{
    int state;

    if (has_ended(v))
        return v->was_booted;
    state = atomic_load(&v->w->slot->state);
    return v->w->pid > 0 && state != GN_SLOT_BOOTING && state != GN_SLOT_FREE;
}

static PyObject *
get_booted(PyObject *self, void *closure)
{
    (void)closure;
    return PyBool_FromLong(is_booted((struct worker *)self));
}

/* The callable that requests are given to. */
static PyObject *
get_wsgi(PyObject *self, void *closure)
{
    struct gn_py *h = ((struct gn_py_view *)self)->h;

    (void)closure;
    if (h->app == NULL)
        PyErr_SetString(PyExc_AttributeError, "the application is not loaded yet");
    Py_XINCREF(h->app);
    return h->app;
}

static int
set_wsgi(PyObject *self, PyObject *value, void *closure)
{
    struct gn_py *h = ((struct gn_py_view *)self)->h;

    (void)closure;
    if (value == NULL || !PyCallable_Check(value)) {
        PyErr_SetString(PyExc_TypeError, "Application object must be callable.");
        return -1;
    }
    Py_INCREF(value);
    Py_XSETREF(h->app, value);
    return 0;
}

static PyObject *
get_reloader(PyObject *self, void *closure)
{
    (void)self;
    (void)closure;
    Py_RETURN_NONE;
}

static PyObject *
get_tmp(PyObject *self, void *closure)
{
    struct worker *v = (struct worker *)self;

    (void)closure;
    if (v->tmp == NULL) {
        struct tmp *t = gn_py_view_new_gil(v->view.h, v->view.h->tmp_type);

        if (t == NULL)
            return NULL;
        t->fd = -1;
        Py_INCREF(self);
        t->worker = self;
        v->tmp = (PyObject *)t;
    }
    Py_INCREF(v->tmp);
    return v->tmp;
}

static PyObject *
worker_notify(PyObject *self, PyObject *unused)
{
    (void)unused;
    if (!has_ended((struct worker *)self))
        gn_worker_beat(worker_of(self));
    Py_RETURN_NONE;
}

/* What the handler of a signal does, for hooks and applications that take its place. */
static PyObject *
handle(PyObject *self, int signo)
{
    const struct gn_py *h = ((struct gn_py_view *)self)->h;

    if (h->worker == NULL || h->worker != worker_of(self))
        return PyErr_Format(PyExc_RuntimeError, "signals are handled in the worker's process only");
    return gn_py_signal_gil(worker_of(self), signo);
}

#define HANDLER(name, signo)                                                                       \
    static PyObject *name(PyObject *self, PyObject *args)                                          \
    {                                                                                              \
        (void)args;                                                                                \
        return handle(self, signo);                                                                \
    }

HANDLER(handle_exit, SIGTERM)
HANDLER(handle_quit, SIGQUIT)
HANDLER(handle_abort, SIGABRT)
HANDLER(handle_usr1, SIGUSR1)
HANDLER(handle_winch, SIGWINCH)

static PyObject *
worker_str(PyObject *self)
{
    PyObject *pid = get_pid(self, NULL);
    PyObject *text = pid != NULL ? PyUnicode_FromFormat("<Worker %S>", pid) : NULL;

    Py_XDECREF(pid);
    return text;
}

static int
worker_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(((struct worker *)self)->cfg);
    Py_VISIT(((struct worker *)self)->tmp);
    return gn_py_view_traverse(self, visit, arg);
}

static int
worker_clear(PyObject *self)
{
    Py_CLEAR(((struct worker *)self)->cfg);
    Py_CLEAR(((struct worker *)self)->tmp);
    return gn_py_view_clear(self);
}

static PyMethodDef worker_methods[] = {
    {"notify", worker_notify, METH_NOARGS, "Gives a sign of life."},
    {"handle_exit", handle_exit, METH_VARARGS, "handle_exit(sig, frame): leaves, as after TERM."},
    {"handle_quit", handle_quit, METH_VARARGS, "handle_quit(sig, frame): leaves at once."},
    {"handle_abort", handle_abort, METH_VARARGS, "handle_abort(sig, frame): as after ABRT."},
    {"handle_usr1", handle_usr1, METH_VARARGS, "handle_usr1(sig, frame): opens the logs again."},
    {"handle_winch", handle_winch, METH_VARARGS, "handle_winch(sig, frame): says it is ignored."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef worker_attributes[] = {
    {"age", get_age, NULL, "Counts from 1 over the life of the master.", NULL},
    {"id", get_id, NULL, "The smallest number that was free: GUNICORN_WORKER_ID.", NULL},
    {"pid", get_pid, NULL, "Number of the process; the text [booting] before the fork.", NULL},
    {"ppid", get_ppid, NULL, "Number of the master.", NULL},
    {"cfg", get_cfg, NULL, "The settings.", NULL},
    {"log", get_log, NULL, "The error log.", NULL},
    {"app", get_app, NULL, "The application and how it is loaded.", NULL},
    {"wsgi", get_wsgi, set_wsgi, "The callable that requests are given to.", NULL},
    {"sockets", get_sockets, NULL, "Its listening sockets; none in the master.", NULL},
    {"timeout", get_timeout, NULL, "Half of the setting.", NULL},
    {"nr", get_nr, NULL, "Requests that have begun.", NULL},
    {"max_requests", get_max_requests, NULL, "Requests after which it is replaced.", NULL},
    {"alive", get_alive, set_alive, "False: it leaves, or has been told to.", NULL},
    {"aborted", get_aborted, NULL, "ABRT has ended it.", NULL},
    {"booted", get_booted, NULL, "It serves: post_worker_init has been called.", NULL},
    {"reloader", get_reloader, NULL, "None: the reloader is no object.", NULL},
    {"tmp", get_tmp, NULL, "Its signs of life.", NULL},
    GN_PY_VIEW_DICT,
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot worker_slots[] = {
    {Py_tp_dealloc, gn_py_view_dealloc},
    {Py_tp_traverse, worker_traverse},
    {Py_tp_clear, worker_clear},
    {Py_tp_members, gn_py_view_members},
    {Py_tp_getset, worker_attributes},
    {Py_tp_methods, worker_methods},
    {Py_tp_str, worker_str},
    {Py_tp_repr, worker_str},
    {Py_tp_doc, (void *)"A worker process."},
    {0, NULL},
};

PyType_Spec gn_py_sync_worker_spec = {
    .name = "gunicorn.workers.sync.SyncWorker",
    .basicsize = sizeof(struct worker),
    .flags = GN_PY_VIEW_FLAGS,
    .slots = worker_slots,
};

PyType_Spec gn_py_thread_worker_spec = {
    .name = "gunicorn.workers.gthread.ThreadWorker",
    .basicsize = sizeof(struct worker),
    .flags = GN_PY_VIEW_FLAGS,
    .slots = worker_slots,
};

/* ---- from and to C ---- */

PyObject *
gn_py_worker_gil(struct gn_py *h, struct gn_worker *w)
{
    PyTypeObject *type = w->ops->has_threads ? h->thread_worker_type : h->sync_worker_type;
    PyObject *peer = w->peer; /* owned by the worker */
    PyObject *v = gn_py_view_once_gil(h, &peer, type);

    if (v != NULL && w->peer == NULL) {
        ((struct worker *)v)->w = w;
        w->peer = peer;
    } else if (v != NULL && v != w->peer) {
        /* Another thread was faster. */
        ((struct worker *)v)->w = w;
        Py_DECREF(peer);
        Py_SETREF(v, Py_NewRef(w->peer));
    }
    return v;
}

void
gn_py_forget_worker(struct gn_host *host, struct gn_worker *w)
{
    struct gn_py *h = gn_py_of(host);
    struct worker *v = w->peer;

    if (v == NULL || !h->is_started || h->is_stopped)
        return;
    if (Py_REFCNT(v) > 1) {
        v->cfg = get_cfg((PyObject *)v, NULL);
        PyErr_Clear();
    }
    v->was_booted = is_booted(v);
    v->last_beat_ns = atomic_load(&w->slot->beat_ns);
    memcpy(&v->last, w, sizeof(v->last));
    v->last.slot = NULL;
    v->last.frozen = NULL;
    v->last.log = NULL;
    v->last.listeners = NULL;
    v->last.n_listeners = 0;
    v->last.tls = NULL;
    v->last.peer = NULL;
    v->last.is_alive = false;
    v->w = &v->last;
    w->peer = NULL;
    /* tmp holds the worker. */
    if (Py_REFCNT(v) == 2 && v->tmp != NULL && Py_REFCNT(v->tmp) == 1)
        Py_CLEAR(v->tmp);
    Py_DECREF(v);
}
