/* The one place where Python exceptions become error values. */
#include "py/py.h"

#include <stdlib.h>
#include <string.h>

/* str(type(exc).__name__) + ": " + str(exc) */
static void
exception_text(PyObject *type, PyObject *value, char *out, size_t size)
{
    const char *name = PyType_Check(type) ? ((PyTypeObject *)type)->tp_name : "exception";
    const char *dot = strrchr(name, '.');
    PyObject *text = value != NULL ? PyObject_Str(value) : NULL;
    const char *utf8 = text != NULL ? PyUnicode_AsUTF8(text) : NULL;

    PyErr_Clear();
    if (utf8 == NULL || utf8[0] == '\0')
        snprintf(out, size, "%s", dot != NULL ? dot + 1 : name);
    else
        snprintf(out, size, "%s: %s", dot != NULL ? dot + 1 : name, utf8);
    Py_XDECREF(text);
}

static char *
copy_text(PyObject *text)
{
    Py_ssize_t n;
    PyObject *bytes = PyUnicode_AsEncodedString(text, "utf-8", "backslashreplace");
    char *copy = NULL;

    if (bytes == NULL)
        return NULL;
    n = PyBytes_GET_SIZE(bytes);
    copy = malloc((size_t)n + 1);
    if (copy != NULL)
        memcpy(copy, PyBytes_AS_STRING(bytes), (size_t)n + 1);
    Py_DECREF(bytes);
    return copy;
}

/* "".join(traceback.format_exception(type, value, tb)), or NULL. */
static char *
format_traceback(PyObject *type, PyObject *value, PyObject *tb)
{
    PyObject *module = PyImport_ImportModule("traceback");
    PyObject *lines = NULL, *empty = NULL, *text = NULL;
    char *copy = NULL;

    if (module == NULL)
        goto out;
    lines = PyObject_CallMethod(module, "format_exception", "OOO", type,
                                value != NULL ? value : Py_None, tb != NULL ? tb : Py_None);
    empty = PyUnicode_FromString("");
    if (lines == NULL || empty == NULL)
        goto out;
    text = PyUnicode_Join(empty, lines);
    if (text != NULL)
        copy = copy_text(text);
out:
    PyErr_Clear();
    Py_XDECREF(module);
    Py_XDECREF(lines);
    Py_XDECREF(empty);
    Py_XDECREF(text);
    return copy;
}

/* ---- frames that are none of the user's ---- */

enum { MAX_CHAINED = 1000 };

/* True for frames of the machinery that imports and runs modules. */
static bool
is_machinery(PyObject *tb)
{
    static const char *const names[] = {"importlib", "_frozen_importlib",
                                        "_frozen_importlib_external", "runpy", "zipimport"};
    PyObject *frame = PyObject_GetAttrString(tb, "tb_frame");
    PyObject *globals = frame != NULL ? PyObject_GetAttrString(frame, "f_globals") : NULL;
    PyObject *module = globals != NULL && PyDict_Check(globals)
                           ? PyDict_GetItemString(globals, "__name__")
                           : NULL; /* borrowed */
    const char *name = module != NULL && PyUnicode_Check(module) ? PyUnicode_AsUTF8(module) : NULL;
    bool result = name != NULL && strncmp(name, "importlib.", 10) == 0;

    for (size_t i = 0; name != NULL && !result && i < sizeof(names) / sizeof(names[0]); i++)
        result = strcmp(name, names[i]) == 0;
    PyErr_Clear();
    Py_XDECREF(frame);
    Py_XDECREF(globals);
    return result;
}

/* The next entry of the traceback that is the user's, as a new reference, or NULL. Takes over `tb`.
 */
static PyObject *
skip_machinery(PyObject *tb)
{
    while (tb != NULL && tb != Py_None && is_machinery(tb))
        Py_SETREF(tb, PyObject_GetAttrString(tb, "tb_next"));
    if (tb == Py_None)
        Py_CLEAR(tb);
    PyErr_Clear();
    return tb;
}

static void
strip_traceback(PyObject *exception)
{
    PyObject *tb = skip_machinery(PyException_GetTraceback(exception));
    PyObject *next;

    PyException_SetTraceback(exception, tb != NULL ? tb : Py_None);
    while (tb != NULL) {
        next = skip_machinery(PyObject_GetAttrString(tb, "tb_next"));
        if (PyObject_SetAttrString(tb, "tb_next", next != NULL ? next : Py_None) < 0)
            PyErr_Clear();
        Py_SETREF(tb, next);
    }
}

static void
append_new(PyObject *list, PyObject *exception)
{
    if (exception == NULL || !PyExceptionInstance_Check(exception) ||
        PyList_GET_SIZE(list) >= MAX_CHAINED)
        return;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++) {
        if (PyList_GET_ITEM(list, i) == exception)
            return;
    }
    PyList_Append(list, exception);
}

/* The exceptions of a group, when it is one. */
static void
append_members(PyObject *list, PyObject *exception)
{
    PyObject *members = PyObject_GetAttrString(exception, "exceptions");

    for (Py_ssize_t i = 0;
         members != NULL && PyTuple_Check(members) && i < PyTuple_GET_SIZE(members); i++)
        append_new(list, PyTuple_GET_ITEM(members, i));
    Py_XDECREF(members);
    PyErr_Clear();
}

/* Takes the frames of imports out of the current exception and of those that it was raised from. */
static void
strip_current(void)
{
    PyObject *type, *value, *tb, *list = PyList_New(0);

    PyErr_Fetch(&type, &value, &tb);
    PyErr_NormalizeException(&type, &value, &tb);
    if (tb != NULL)
        PyException_SetTraceback(value, tb);
    if (list != NULL)
        append_new(list, value);
    for (Py_ssize_t i = 0; list != NULL && i < PyList_GET_SIZE(list); i++) {
        PyObject *one = PyList_GET_ITEM(list, i); /* borrowed, the list keeps it */
        PyObject *cause = PyException_GetCause(one), *context = PyException_GetContext(one);

        strip_traceback(one);
        append_new(list, cause);
        append_new(list, context);
        append_members(list, one);
        Py_XDECREF(cause);
        Py_XDECREF(context);
    }
    PyErr_Clear();
    Py_XDECREF(list);
    Py_XDECREF(tb);
    tb = value != NULL ? PyException_GetTraceback(value) : NULL;
    PyErr_Restore(type, value, tb);
}

char *
gn_py_traceback_gil(char *message, size_t size)
{
    PyObject *type, *value, *tb;
    char *text;

    PyErr_Fetch(&type, &value, &tb);
    PyErr_NormalizeException(&type, &value, &tb);
    if (type == NULL)
        return NULL;
    if (tb != NULL)
        PyException_SetTraceback(value, tb);
    if (message != NULL)
        exception_text(type, value, message, size);
    text = format_traceback(type, value, tb);
    Py_DECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(tb);
    return text;
}

/* The status that SystemExit asks for, as the interpreter itself takes it. */
static int
exit_status(PyObject *value)
{
    PyObject *code = value != NULL ? PyObject_GetAttrString(value, "code") : NULL;
    int status = 1;

    if (code == NULL || code == Py_None)
        status = 0;
    else if (PyLong_Check(code))
        status = (int)PyLong_AsLong(code) & 0xff;
    PyErr_Clear();
    Py_XDECREF(code);
    return status;
}

bool
gn_py_err_take_gil(struct gn_err *err, const char *what)
{
    char message[384];
    char *detail = NULL;
    enum gn_err_code code = GN_E_PYTHON;
    int status = 0;

    if (!PyErr_Occurred())
        return gn_err_set(err, GN_E_PYTHON, 0, "%s: unknown error", what);
    if (PyErr_ExceptionMatches(PyExc_SystemExit)) {
        PyObject *type, *value, *tb;

        PyErr_Fetch(&type, &value, &tb);
        PyErr_NormalizeException(&type, &value, &tb);
        status = exit_status(value);
        PyErr_Restore(type, value, tb);
        code = GN_E_PYTHON_EXIT;
    } else if (PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)) {
        code = GN_E_INTERRUPT;
    }
    message[0] = '\0';
    strip_current();
    detail = gn_py_traceback_gil(message, sizeof(message));
    if (what != NULL)
        gn_err_set(err, code, 0, "%s: %s", what, message);
    else
        gn_err_set(err, code, 0, "%s", message);
    if (err != NULL) {
        err->status = status;
        err->detail = detail;
    } else {
        free(detail);
    }
    return false;
}
