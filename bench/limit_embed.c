/* The lower limit of the Python part of a request: the hello application called from C in a loop.
 *
 *     limit_embed [CALLS [DIRECTORY]]
 *
 * No sockets, no HTTP: imports hello.app from DIRECTORY (bench/apps) and calls it as WSGI asks for.
 * Prints nanoseconds per call twice: with one environ for all calls, and with a fresh copy of it
 * for each call, which is the least that a server has to do.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { DEFAULT_CALLS = 1000000, WARM_UP_DIVISOR = 10 };

/* What a small GET brings along; the values' types are those of the real thing. */
static const char *const ENVIRON[][2] = {
    {"REQUEST_METHOD", "GET"},
    {"SCRIPT_NAME", ""},
    {"PATH_INFO", "/"},
    {"QUERY_STRING", ""},
    {"RAW_URI", "/"},
    {"SERVER_PROTOCOL", "HTTP/1.1"},
    {"SERVER_NAME", "127.0.0.1"},
    {"SERVER_PORT", "8000"},
    {"SERVER_SOFTWARE", "gunicorn"},
    {"REMOTE_ADDR", "127.0.0.1"},
    {"REMOTE_PORT", "50000"},
    {"HTTP_HOST", "127.0.0.1:8000"},
    {"HTTP_CONNECTION", "close"},
    {"HTTP_USER_AGENT", "curl"},
    {"HTTP_ACCEPT", "*/*"},
    {"wsgi.url_scheme", "http"},
    {"wsgi.input", ""},
    {"wsgi.errors", ""},
    {"wsgi.multithread", ""},
    {"wsgi.multiprocess", ""},
    {"wsgi.run_once", ""},
    {"wsgi.version", "1.0"},
    {"wsgi.file_wrapper", ""},
    {"wsgi.input_terminated", ""},
};

static size_t body_bytes;

static void
die_python(const char *what)
{
    fprintf(stderr, "limit_embed: %s\n", what);
    PyErr_Print();
    exit(1);
}

static PyObject *
start_response(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    (void)self;
    if (n < 2 || !PyUnicode_Check(args[0]) || !PyList_Check(args[1])) {
        PyErr_SetString(PyExc_TypeError, "start_response(status, headers)");
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyMethodDef start_response_def = {
    "start_response", (PyCFunction)(void (*)(void))start_response, METH_FASTCALL, NULL};

static PyObject *
make_environ(void)
{
    PyObject *env = PyDict_New();

    for (size_t i = 0; env && i < sizeof ENVIRON / sizeof ENVIRON[0]; i++) {
        PyObject *value = PyUnicode_FromString(ENVIRON[i][1]);
        if (!value || PyDict_SetItemString(env, ENVIRON[i][0], value) < 0) {
            die_python("cannot make the environ");
        }
        Py_DECREF(value);
    }
    return env;
}

static bool
call_once(PyObject *app, PyObject *environ, PyObject *start)
{
    PyObject *args[] = {environ, start};
    PyObject *result = PyObject_Vectorcall(app, args, 2, NULL);
    PyObject *iter = result ? PyObject_GetIter(result) : NULL;
    PyObject *part;

    while (iter && (part = PyIter_Next(iter))) {
        body_bytes += (size_t)PyBytes_Size(part);
        Py_DECREF(part);
    }
    Py_XDECREF(iter);
    Py_XDECREF(result);
    return !PyErr_Occurred();
}

/* Nanoseconds per call. */
static double
measure(PyObject *app, PyObject *environ, PyObject *start, long calls, bool copies)
{
    struct timespec from, to;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    for (long i = 0; i < calls; i++) {
        PyObject *env = copies ? PyDict_Copy(environ) : Py_NewRef(environ);
        if (!env || !call_once(app, env, start)) {
            die_python("the application failed");
        }
        Py_DECREF(env);
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    double ns = (double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec);
    return ns / (double)calls;
}

static PyObject *
import_app(const char *directory)
{
    PyObject *path = PySys_GetObject("path");
    PyObject *entry = PyUnicode_DecodeFSDefault(directory);

    if (!path || !entry || PyList_Insert(path, 0, entry) < 0) {
        die_python("cannot extend sys.path");
    }
    Py_DECREF(entry);
    PyObject *module = PyImport_ImportModule("hello");
    PyObject *app = module ? PyObject_GetAttrString(module, "app") : NULL;
    if (!app) {
        die_python("cannot import hello.app");
    }
    Py_DECREF(module);
    return app;
}

static void
start_python(void)
{
    PyConfig config;

    PyConfig_InitPythonConfig(&config);
    config.install_signal_handlers = 0;
    config.write_bytecode = 0;
    PyStatus status = Py_InitializeFromConfig(&config);
    PyConfig_Clear(&config);
    if (PyStatus_Exception(status)) {
        Py_ExitStatusException(status);
    }
}

int
main(int argc, char **argv)
{
    long calls = argc > 1 ? strtol(argv[1], NULL, 10) : DEFAULT_CALLS;

    if (argc > 3 || calls <= 0) {
        fprintf(stderr, "usage: limit_embed [CALLS [DIRECTORY]]\n");
        return 2;
    }
    start_python();
    PyObject *app = import_app(argc > 2 ? argv[2] : "bench/apps");
    PyObject *start = PyCFunction_New(&start_response_def, NULL);
    PyObject *environ = make_environ();
    if (!start || !environ) {
        die_python("cannot start");
    }
    measure(app, environ, start, calls / WARM_UP_DIVISOR + 1, true);
    printf("same environ:  %.0f ns per call\n", measure(app, environ, start, calls, false));
    printf("fresh environ: %.0f ns per call\n", measure(app, environ, start, calls, true));
    Py_DECREF(environ);
    Py_DECREF(start);
    Py_DECREF(app);
    return Py_FinalizeEx() < 0 || body_bytes == 0;
}
