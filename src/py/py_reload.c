/* For developers: files of loaded modules, an application that shows an error, and spew. */
#include "py/py.h"

#include <string.h>

#include "base/err.h"

/* ---- files of modules ---- */

/* Without running code: modules may make attributes when they are asked for. */
static void
list_module(PyObject *module, void (*add)(void *ctx, const char *path), void *ctx)
{
    PyObject *dict = PyModule_Check(module) ? PyModule_GetDict(module) : NULL;     /* borrowed */
    PyObject *file = dict != NULL ? PyDict_GetItemString(dict, "__file__") : NULL; /* borrowed */
    PyObject *bytes =
        file != NULL && PyUnicode_Check(file) ? PyUnicode_EncodeFSDefault(file) : NULL;
    char *path = bytes != NULL ? PyBytes_AS_STRING(bytes) : NULL;
    size_t n = path != NULL ? strlen(path) : 0;

    if (n > 4 && (strcmp(path + n - 4, ".pyc") == 0 || strcmp(path + n - 4, ".pyo") == 0))
        path[n - 1] = '\0';
    if (n > 0)
        add(ctx, path);
    Py_XDECREF(bytes);
    PyErr_Clear();
}

void
gn_py_list_files(struct gn_host *host, void *thread, void (*add)(void *ctx, const char *path),
                 void *ctx)
{
    PyObject *modules, *values;

    (void)host;
    PyEval_RestoreThread(thread);
    modules = PyImport_GetModuleDict(); /* borrowed */
    values = PyDict_Check(modules) ? PyDict_Values(modules) : NULL;
    for (Py_ssize_t i = 0; values != NULL && i < PyList_GET_SIZE(values); i++)
        list_module(PyList_GET_ITEM(values, i), add, ctx);
    Py_XDECREF(values);
    PyErr_Clear();
    PyEval_SaveThread();
}

/* ---- an application that shows an error ---- */

static PyObject *
show_error(PyObject *self, PyObject *args)
{
    PyObject *environ, *start_response, *started;

    if (!PyArg_ParseTuple(args, "OO", &environ, &start_response))
        return NULL;
    started = PyObject_CallFunction(start_response, "s[(ss)(sN)]", "500 Internal Server Error",
                                    "Content-Type", "text/plain; charset=utf-8", "Content-Length",
                                    PyUnicode_FromFormat("%zd", PyBytes_GET_SIZE(self)));
    if (started == NULL)
        return NULL;
    Py_DECREF(started);
    return Py_BuildValue("[O]", self);
}

static PyMethodDef show_error_def = {"show_error", show_error, METH_VARARGS,
                                     "Stands in for an application that could not be loaded."};

bool
gn_py_stand_in(struct gn_host *host, const char *text)
{
    struct gn_py *h = gn_py_of(host);
    PyObject *bytes = PyBytes_FromString(text);

    Py_XSETREF(h->app, bytes != NULL ? PyCFunction_New(&show_error_def, bytes) : NULL);
    Py_XDECREF(bytes);
    PyErr_Clear();
    return h->app != NULL;
}

/* ---- spew ---- */

/* "module:12:     line of source", as the original prints it. False with an exception. */
static bool
print_line(PyFrameObject *frame)
{
    PyObject *globals = PyObject_GetAttrString((PyObject *)frame, "f_globals");
    PyCodeObject *code = PyFrame_GetCode(frame);
    PyObject *name = globals != NULL ? PyDict_GetItemString(globals, "__name__") : NULL;
    PyObject *linecache = PyImport_ImportModule("linecache");
    PyObject *line = NULL, *bare = NULL;
    int number = PyFrame_GetLineNumber(frame);

    if (linecache != NULL && globals != NULL)
        line = PyObject_CallMethod(linecache, "getline", "OiO", code->co_filename, number, globals);
    if (line != NULL)
        bare = PyObject_CallMethod(line, "rstrip", NULL);
    if (bare != NULL && name != NULL)
        PySys_FormatStdout("%S:%d: %S\n", name, number, bare);
    else if (bare != NULL)
        PySys_FormatStdout("%S:%d: %S\n", code->co_filename, number, bare);
    Py_XDECREF(globals);
    Py_XDECREF(linecache);
    Py_XDECREF(line);
    Py_XDECREF(bare);
    Py_DECREF(code);
    return bare != NULL;
}

static int
trace(PyObject *self, PyFrameObject *frame, int what, PyObject *arg)
{
    PyObject *type, *value, *tb;

    (void)self;
    (void)arg;
    if (what != PyTrace_LINE)
        return 0;
    PyErr_Fetch(&type, &value, &tb);
    if (!print_line(frame))
        PyErr_Clear();
    PyErr_Restore(type, value, tb);
    return 0;
}

void
gn_py_trace_gil(void)
{
    PyEval_SetTrace(trace, NULL);
}

void
gn_py_trace_lines(struct gn_host *host)
{
    gn_py_of(host)->traces_lines = true;
    gn_py_trace_gil();
}
