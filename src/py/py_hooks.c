/* Calls the hooks. */
#include "py/py.h"

#include <stddef.h>

#include "base/compiler.h"
#include "config/frozen.h"
#include "log/log.h"
#include "py/py_view.h"
#include "worker/worker.h"

/* What each hook is given, in this order. */
enum { SERVER = 1, WORKER = 2, NUMBERS = 4 };

static const struct {
    size_t offset; /* of its struct gn_ref in struct gn_cfg */
    unsigned takes;
} hooks[GN_HOOK_COUNT] = {
#define HOOK(id, field, takes) [GN_HOOK_##id] = {offsetof(struct gn_cfg, field), takes}
    HOOK(ON_STARTING, on_starting, SERVER),
    HOOK(ON_RELOAD, on_reload, SERVER),
    HOOK(WHEN_READY, when_ready, SERVER),
    HOOK(PRE_FORK, pre_fork, SERVER | WORKER),
    HOOK(POST_FORK, post_fork, SERVER | WORKER),
    HOOK(POST_WORKER_INIT, post_worker_init, WORKER),
    HOOK(WORKER_INT, worker_int, WORKER),
    HOOK(WORKER_ABORT, worker_abort, WORKER),
    HOOK(PRE_EXEC, pre_exec, SERVER),
    HOOK(CHILD_EXIT, child_exit, SERVER | WORKER),
    HOOK(WORKER_EXIT, worker_exit, SERVER | WORKER),
    HOOK(NWORKERS_CHANGED, nworkers_changed, SERVER | NUMBERS),
    HOOK(ON_EXIT, on_exit, SERVER),
#undef HOOK
};

enum { MAX_ARGUMENTS = 4 };

/* -1 stands for None. */
static PyObject *
number(int n)
{
    if (n < 0)
        Py_RETURN_NONE;
    return PyLong_FromLong(n);
}

/* How many arguments; the last one is NULL when one can't be made. */
static size_t
collect(struct gn_py *h, unsigned takes, const struct gn_hook_args *args, PyObject **argv)
{
    size_t n = 0;

    if (takes & SERVER)
        argv[n++] = gn_py_server_gil(h);
    if (takes & WORKER)
        argv[n++] = gn_py_worker_gil(h, args->worker);
    if (takes & NUMBERS) {
        argv[n++] = number(args->new_value);
        argv[n++] = number(args->old_value);
    }
    return n;
}

bool
gn_py_run_hook(struct gn_host *host, const struct gn_frozen *f, enum gn_hook_id id,
               const struct gn_hook_args *args, struct gn_err *err)
{
    struct gn_py *h = gn_py_of(host);
    const struct gn_ref *ref = (const void *)((const char *)&f->cfg + hooks[id].offset);
    PyObject *argv[MAX_ARGUMENTS] = {NULL}, *result = NULL;
    bool is_complete = true;
    size_t n;

    if (hooks[id].takes == 0 || ref->handle == NULL)
        return true;
    /* From here on the process is this worker. */
    if (id == GN_HOOK_POST_FORK)
        h->worker = args->worker;
    n = collect(h, hooks[id].takes, args, argv);
    for (size_t i = 0; i < n; i++)
        is_complete = is_complete && argv[i] != NULL;
    if (is_complete)
        result = PyObject_Vectorcall(ref->handle, argv, n, NULL);
    if (result == NULL)
        gn_py_err_take_gil(err, NULL);
    for (size_t i = 0; i < n; i++)
        Py_XDECREF(argv[i]);
    Py_XDECREF(result);
    return result != NULL;
}

/* ---- around requests ---- */

bool
gn_py_pre_request_gil(struct gn_py *h, struct gn_worker *w, PyObject *req)
{
    PyObject *argv[2] = {gn_py_worker_gil(h, w), req};
    PyObject *result = NULL;

    if (argv[0] != NULL)
        result = PyObject_Vectorcall(w->frozen->cfg.pre_request.handle, argv, 2, NULL);
    Py_XDECREF(argv[0]);
    Py_XDECREF(result);
    return result != NULL;
}

void
gn_py_post_request_gil(struct gn_py *h, struct gn_worker *w, PyObject *req, PyObject *environ,
                       PyObject *resp)
{
    const struct gn_ref *ref = &w->frozen->cfg.post_request;
    PyObject *argv[4] = {gn_py_worker_gil(h, w), req, environ, resp};
    size_t n = ref->positional >= 2 && ref->positional <= 4 ? (size_t)ref->positional : 4;
    struct gn_err err = {.code = GN_E_PYTHON};
    PyObject *result = NULL;

    if (argv[0] != NULL)
        result = PyObject_Vectorcall(ref->handle, argv, n, NULL);
    if (result == NULL) {
        err.detail = gn_py_traceback_gil(err.msg, sizeof(err.msg));
        gn_log_err(w->log, GN_LERROR, "Exception in post_request hook", &err);
        gn_err_clear(&err);
    }
    Py_XDECREF(argv[0]);
    Py_XDECREF(result);
}
