/* request_timeout: an exception in the thread that runs a request for too long. */
#include "py/py.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "log/log.h"
#include "worker/conn.h"

/* The main thread is told by a signal, which ends its system calls as well; its handler raises. Not
 * one of those that applications use. */
#define WAKE_SIGNAL SIGRTMAX

void
gn_py_app_begin_gil(struct gn_conn *c)
{
    struct gn_scratch *t = c->scratch;

    t->thread_id = PyThread_get_thread_ident();
    t->is_interrupted = false;
    t->in_app = c;
}

void
gn_py_app_end_gil(struct gn_conn *c)
{
    struct gn_scratch *t = c->scratch;

    if (t->in_app == NULL)
        return;
    t->in_app = NULL;
    /* What was not raised yet must not hit the next request. */
    if (t->is_interrupted && t->thread != NULL)
        PyThreadState_SetAsyncExc(t->thread_id, NULL);
}

static void
log_timeout(const struct gn_worker *w, const struct gn_conn *c, int64_t since_ns)
{
    const struct gn_http_head *h = &c->parser.head;
    const char *peer = gn_conn_remote_text(c);

    gn_log(w->log, GN_LERROR,
           "REQUEST TIMEOUT (pid:%d) of worker %d in %.*s %.*s %.*s%s%s, for %.1f seconds",
           (int)w->pid, w->id, GN_SLICE_ARG(h->method), GN_SLICE_ARG(h->target),
           GN_SLICE_ARG(h->version), peer[0] != '\0' ? " from " : "", peer,
           (double)(gn_clock_mono_ns() - since_ns) / (double)GN_NS_PER_S);
}

bool
gn_py_interrupt(struct gn_host *host, struct gn_worker *w, void *thread, struct gn_scratch *t,
                int64_t since_ns)
{
    struct gn_py *h = gn_py_of(host);
    bool is_there;

    PyEval_RestoreThread(thread);
    /* Both change under the GIL, so that it is this request and no later one. */
    is_there = t->in_app != NULL && atomic_load(&t->since_ns) == since_ns;
    if (is_there) {
        log_timeout(w, t->in_app, since_ns);
        t->is_interrupted = true;
        if (t->thread != NULL)
            PyThreadState_SetAsyncExc(t->thread_id, h->request_timeout);
        else
            pthread_kill(t->in_app->service->loop_thread, WAKE_SIGNAL);
    }
    PyEval_SaveThread();
    return is_there;
}

/* Runs on the main thread, between two lines of Python or in a system call. */
static PyObject *
on_wake(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    struct gn_py *h = PyCapsule_GetPointer(self, NULL);
    struct gn_scratch *t = h != NULL ? h->main_scratch : NULL;

    (void)args;
    (void)nargs;
    if (h == NULL)
        return NULL;
    if (t == NULL || t->in_app == NULL || !t->is_interrupted)
        Py_RETURN_NONE;
    PyErr_SetNone(h->request_timeout);
    return NULL;
}

static PyMethodDef on_wake_def = {"handle_request_timeout", (PyCFunction)(void (*)(void))on_wake,
                                  METH_FASTCALL, "Raises RequestTimeout in a late request."};

bool
gn_py_timeout_signal_gil(struct gn_py *h, PyObject *signal_module)
{
    PyObject *capsule = PyCapsule_New(h, NULL, NULL);
    PyObject *handler = capsule != NULL ? PyCFunction_New(&on_wake_def, capsule) : NULL;
    PyObject *done = handler != NULL
                         ? PyObject_CallMethod(signal_module, "signal", "iO", WAKE_SIGNAL, handler)
                         : NULL;

    Py_XDECREF(capsule);
    Py_XDECREF(handler);
    Py_XDECREF(done);
    return done != NULL;
}
