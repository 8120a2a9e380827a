/* struct gn_host_ops for Python: start, stop, fork, waiting. */
#include "py/py.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "py/py_host.h"
#include "py/py_view.h"

static bool
status_error(PyStatus status, struct gn_err *err)
{
    return gn_err_set(err, GN_E_PYTHON, 0, "Python can't be started: %s%s%s",
                      status.func != NULL ? status.func : "", status.func != NULL ? ": " : "",
                      status.err_msg != NULL ? status.err_msg : "unknown error");
}

static bool
start_interpreter(struct gn_py *h, struct gn_err *err)
{
    PyConfig config;
    PyStatus status;

    /* Never an isolated configuration: PYTHONPATH, sitecustomize and site must work. */
    PyConfig_InitPythonConfig(&config);
    config.parse_argv = 0;
    config.install_signal_handlers = 0;
    if (!gn_py_home_apply(&config, h->argv[0], h->start_dir, err)) {
        PyConfig_Clear(&config);
        return false;
    }
    status = PyConfig_SetBytesArgv(&config, h->argc, h->argv);
    if (!PyStatus_Exception(status))
        status = Py_InitializeFromConfig(&config);
    PyConfig_Clear(&config);
    return !PyStatus_Exception(status) || status_error(status, err);
}

static bool
init_objects_gil(struct gn_py *h, struct gn_err *err)
{
    if (!gn_py_intern_init_gil(h))
        return gn_py_err_take_gil(err, "start");
    h->handles = PyList_New(0);
    h->env_undo = PyDict_New();
    h->path_undo = PyList_New(0);
    if (h->handles == NULL || h->env_undo == NULL || h->path_undo == NULL)
        return gn_py_err_take_gil(err, "start");
    if (!gn_py_module_bind_gil(h, err))
        return false;
    if (!gn_py_package_init_gil(h))
        return gn_py_err_take_gil(err, "sys.meta_path");
    /* A configuration file or application finds modules in the directory where the server was
     * started. */
    if (!gn_py_path_insert_gil(h, h->start_dir))
        return gn_py_err_take_gil(err, "sys.path");
    return true;
}

static bool
host_start(struct gn_host *host, struct gn_err *err)
{
    struct gn_py *h = gn_py_of(host);

    if (h->is_started)
        return true;
    if (PyImport_AppendInittab("_gunicorn", PyInit__gunicorn) < 0)
        return gn_err_set(err, GN_E_MEMORY, 0, "no memory");
    if (!start_interpreter(h, err))
        return false;
    h->is_started = true;
    h->interp = PyInterpreterState_Get();
    return init_objects_gil(h, err);
}

static void
host_stop(struct gn_host *host)
{
    struct gn_py *h = gn_py_of(host);

    if (!h->is_started || h->is_stopped)
        return;
    h->is_stopped = true;
    if (h->worker != NULL)
        gn_py_ignore_late_signals_gil();
    /* Runs atexit functions and joins threads. The status tells of flush errors on stdout only. */
    if (Py_FinalizeEx() < 0)
        (void)!write(STDERR_FILENO, "", 0);
}

static void host_flush(struct gn_host *host);

/* module.function(), when the module was imported; what it raises is printed, as at a regular end.
 */
static void
call_if_imported(const char *module, const char *function)
{
    PyObject *m = PyDict_GetItemString(PyImport_GetModuleDict(), module); /* borrowed */
    PyObject *result = m != NULL ? PyObject_CallMethod(m, function, NULL) : NULL;

    if (m != NULL && result == NULL)
        PyErr_Print();
    Py_XDECREF(result);
}

static void
host_finish(struct gn_host *host)
{
    struct gn_py *h = gn_py_of(host);

    if (!h->is_started || h->is_stopped)
        return;
    call_if_imported("threading", "_shutdown");
    call_if_imported("atexit", "_run_exitfuncs");
    host_flush(host);
    h->is_stopped = true;
}

static void
host_flush(struct gn_host *host)
{
    static const char *const names[] = {"stdout", "stderr"};

    if (!gn_py_of(host)->is_started)
        return;
    for (size_t i = 0; i < 2; i++) {
        PyObject *file = PySys_GetObject(names[i]); /* borrowed */
        PyObject *done =
            file != NULL && file != Py_None ? PyObject_CallMethod(file, "flush", NULL) : NULL;

        Py_XDECREF(done);
        PyErr_Clear();
    }
}

static void *
host_take_handles(struct gn_host *host)
{
    struct gn_py *h = gn_py_of(host);
    PyObject *taken = h->handles;

    if (!h->is_started || h->is_stopped)
        return NULL;
    h->handles = PyList_New(0);
    if (h->handles == NULL) {
        /* Without memory they just stay alive. */
        PyErr_Clear();
        h->handles = taken;
        return NULL;
    }
    return taken;
}

static void
host_release_handles(struct gn_host *host, void *handles)
{
    struct gn_py *h = gn_py_of(host);
    bool is_empty;

    if (handles == NULL || !h->is_started || h->is_stopped)
        return;
    is_empty = PyList_GET_SIZE((PyObject *)handles) == 0;
    gn_py_config_leave_gil(h, handles);
    Py_DECREF((PyObject *)handles);
    /* A function and the module that it was defined in hold each other. */
    if (!is_empty)
        PyGC_Collect();
}

static void
host_before_fork(struct gn_host *host)
{
    if (!gn_py_of(host)->is_started)
        return;
    /* What hooks have printed would be written by the child once more. */
    host_flush(host);
    PyOS_BeforeFork();
}

static void
host_after_fork(struct gn_host *host, bool in_child)
{
    if (!gn_py_of(host)->is_started)
        return;
    if (in_child)
        PyOS_AfterFork_Child();
    else
        PyOS_AfterFork_Parent();
}

static void
host_wait_enter(struct gn_host *host)
{
    struct gn_py *h = gn_py_of(host);

    if (h->is_started)
        h->ts = PyEval_SaveThread();
}

static void
host_wait_leave(struct gn_host *host)
{
    struct gn_py *h = gn_py_of(host);

    if (h->is_started)
        PyEval_RestoreThread(h->ts);
    h->ts = NULL;
}

/* The collector writes into every object that it looks at, which would copy the page in each
 * worker. What is garbage goes first: it would stay for ever. */
static void
host_freeze(struct gn_host *host)
{
    PyObject *gc, *result = NULL;

    if (!gn_py_of(host)->is_started)
        return;
    PyGC_Collect();
    gc = PyImport_ImportModule("gc");
    if (gc != NULL)
        result = PyObject_CallMethod(gc, "freeze", NULL);
    Py_XDECREF(gc);
    Py_XDECREF(result);
    PyErr_Clear();
}

static void
host_enter(struct gn_host *host, void *thread)
{
    PyEval_RestoreThread(thread != NULL ? thread : gn_py_of(host)->ts);
}

static void
host_leave(struct gn_host *host, void *thread)
{
    PyThreadState *ts = PyEval_SaveThread();

    if (thread == NULL)
        gn_py_of(host)->ts = ts;
}

static void *
host_thread_begin(struct gn_host *host)
{
    struct gn_py *h = gn_py_of(host);
    PyThreadState *ts = PyThreadState_New(h->interp);

    if (ts != NULL && h->traces_lines) {
        PyEval_RestoreThread(ts);
        gn_py_trace_gil();
        PyEval_SaveThread();
    }
    return ts;
}

static void
host_thread_end(struct gn_host *host, void *thread)
{
    (void)host;
    PyEval_RestoreThread(thread);
    PyThreadState_Clear(thread);
    PyThreadState_DeleteCurrent();
}

static const struct gn_host_ops ops = {
    .start = host_start,
    .stop = host_stop,
    .finish = host_finish,
    .flush = host_flush,
    .limit = gn_py_limit,
    .load_config = gn_py_load_config,
    .import_callable = gn_py_import_callable,
    .call_callable = gn_py_call_callable,
    .take_handles = host_take_handles,
    .release_handles = host_release_handles,
    .apply_paths = gn_py_apply_paths,
    .apply_env = gn_py_apply_env,
    .restore = gn_py_restore,
    .load_app = gn_py_load_app,
    .stream_output = gn_py_stream_output,
    .explain_paths = gn_py_explain_paths,
    .check_value = gn_py_check_value,
    .freeze = host_freeze,
    .run_hook = gn_py_run_hook,
    .server_text = gn_py_server_text,
    .forget_worker = gn_py_forget_worker,
    .tls_context = gn_py_tls_context,
    .before_fork = host_before_fork,
    .after_fork = host_after_fork,
    .wait_enter = host_wait_enter,
    .wait_leave = host_wait_leave,
    .worker_signals = gn_py_worker_signals,
    .check_signals = gn_py_check_signals,
    .enter = host_enter,
    .leave = host_leave,
    .handle_request = gn_py_handle_request,
    .release = gn_py_release,
    .thread_begin = host_thread_begin,
    .thread_end = host_thread_end,
    .list_files = gn_py_list_files,
    .stand_in = gn_py_stand_in,
    .trace_lines = gn_py_trace_lines,
    .interrupt = gn_py_interrupt,
    .dump_on_signal = gn_py_dump_on_signal,
    .set_env = gn_py_set_env,
};

struct gn_host *
gn_host_python(int argc, char **argv, const char *start_dir)
{
    struct gn_py *h = calloc(1, sizeof(*h));

    if (h == NULL)
        return NULL;
    h->host.ops = &ops;
    h->argc = argc;
    h->argv = argv;
    h->start_dir = strdup(start_dir);
    return &h->host;
}
