/* Worker signals: Python's signal module owns the handlers, so that applications see and chain
 * them. */
#include "py/py.h"

#include <signal.h>

#include "base/compiler.h"
#include "config/frozen.h"
#include "worker/worker.h"

static const int worker_signals[] = {SIGTERM, SIGINT, SIGQUIT, SIGABRT, SIGUSR1, SIGWINCH};

PyObject *
gn_py_signal_gil(struct gn_worker *w, int signo)
{
    int status = GN_EXIT_OK;
    PyObject *number;

    switch (gn_worker_on_signal(w, signo)) {
    case GN_SIG_CONTINUE:
        Py_RETURN_NONE;
    case GN_SIG_EXIT_0:
        break;
    case GN_SIG_EXIT_1:
        status = GN_EXIT_ERROR;
        break;
    case GN_SIG_EXIT_CRASH:
        status = GN_EXIT_CRASH;
        break;
    }
    number = PyLong_FromLong(status);
    if (number != NULL) {
        PyErr_SetObject(PyExc_SystemExit, number);
        Py_DECREF(number);
    }
    return NULL;
}

static PyObject *
on_signal(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    struct gn_worker *w = PyCapsule_GetPointer(self, NULL);
    long signo;

    if (w == NULL)
        return NULL;
    signo = nargs > 0 ? PyLong_AsLong(args[0]) : 0;
    if (signo == -1 && PyErr_Occurred())
        return NULL;
    return gn_py_signal_gil(w, (int)signo);
}

static PyMethodDef on_signal_def = {"handle_signal", (PyCFunction)(void (*)(void))on_signal,
                                    METH_FASTCALL,
                                    "The worker's handler: handle_signal(signum, frame)."};

static bool
install(PyObject *module, PyObject *handler, int wake_fd)
{
    PyObject *set_wakeup = PyObject_GetAttrString(module, "set_wakeup_fd");
    PyObject *args = Py_BuildValue("(i)", wake_fd);
    PyObject *kwargs = Py_BuildValue("{s:O}", "warn_on_full_buffer", Py_False);
    PyObject *result = NULL;
    bool ok = false;

    if (set_wakeup == NULL || args == NULL || kwargs == NULL)
        goto out;
    result = PyObject_Call(set_wakeup, args, kwargs);
    ok = result != NULL;
    for (size_t i = 0; ok && i < GN_ARRAY_LEN(worker_signals); i++) {
        Py_XDECREF(result);
        result = PyObject_CallMethod(module, "signal", "iO", worker_signals[i], handler);
        ok = result != NULL;
    }
out:
    Py_XDECREF(set_wakeup);
    Py_XDECREF(args);
    Py_XDECREF(kwargs);
    Py_XDECREF(result);
    return ok;
}

bool
gn_py_worker_signals(struct gn_host *host, struct gn_worker *w, int wake_write_fd,
                     struct gn_err *err)
{
    struct gn_py *h = gn_py_of(host);
    PyObject *module = PyImport_ImportModule("_signal");
    PyObject *capsule = PyCapsule_New(w, NULL, NULL);
    PyObject *handler = NULL;
    bool ok = false;

    h->worker = w;
    h->log = w->log;
    if (module != NULL && capsule != NULL)
        handler = PyCFunction_New(&on_signal_def, capsule);
    if (handler != NULL)
        ok = install(module, handler, wake_write_fd) &&
             (w->frozen->cfg.request_timeout <= 0 || gn_py_timeout_signal_gil(h, module));
    if (!ok)
        gn_py_err_take_gil(err, "signals");
    Py_XDECREF(module);
    Py_XDECREF(capsule);
    Py_XDECREF(handler);
    return ok;
}

bool
gn_py_dump_on_signal(struct gn_host *host, int signo, int fd)
{
    PyObject *module = PyImport_ImportModule("faulthandler");
    PyObject *done = NULL;

    (void)host;
    if (module != NULL && fd >= 0)
        done = PyObject_CallMethod(module, "register", "iiO", signo, fd, Py_True);
    PyErr_Clear();
    Py_XDECREF(module);
    Py_XDECREF(done);
    return done != NULL;
}

void
gn_py_ignore_late_signals_gil(void)
{
    static const int late[] = {SIGTERM, SIGUSR1};
    PyObject *module = PyImport_ImportModule("_signal");
    PyObject *ignore = module != NULL ? PyObject_GetAttrString(module, "SIG_IGN") : NULL;

    for (size_t i = 0; ignore != NULL && i < GN_ARRAY_LEN(late); i++)
        Py_XDECREF(PyObject_CallMethod(module, "signal", "iO", late[i], ignore));
    Py_XDECREF(module);
    Py_XDECREF(ignore);
    PyErr_Clear();
}

bool
gn_py_check_signals(struct gn_host *host)
{
    struct gn_py *h = gn_py_of(host);
    bool ok;

    PyEval_RestoreThread(h->ts);
    gn_py_drop_late_gil(h);
    ok = PyErr_CheckSignals() == 0;
    /* SystemExit is how a handler asks for the end; anything else comes from a handler of the
     * application. */
    if (!ok && PyErr_ExceptionMatches(h->request_timeout))
        PyErr_Clear(); /* while the response waits for its client: that ends here */
    else if (!ok && !PyErr_ExceptionMatches(PyExc_SystemExit))
        PyErr_WriteUnraisable(NULL);
    else if (!ok && h->worker != NULL)
        h->worker->is_alive = false;
    PyErr_Clear();
    h->ts = PyEval_SaveThread();
    return ok;
}
