/* What a check asks of Python beside the application: classes and log configurations. */
#include "py/py.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/value.h"

static const char file_name[] = "<check>";

/* py_check.py */
static const char source[] =
#include "py/py_check.inc"
    ;

void
gn_py_stream_output(struct gn_host *host)
{
    PyObject *file = gn_py_of(host)->is_started ? PySys_GetObject("stdout") : NULL; /* borrowed */
    PyObject *method = NULL, *args = NULL, *kwargs = NULL, *result = NULL;

    if (file != NULL && file != Py_None)
        method = PyObject_GetAttrString(file, "reconfigure");
    if (method != NULL) {
        args = PyTuple_New(0);
        kwargs = Py_BuildValue("{s:O}", "line_buffering", Py_True);
    }
    if (args != NULL && kwargs != NULL)
        result = PyObject_Call(method, args, kwargs);
    /* A replacement by user code may have no such method. */
    PyErr_Clear();
    Py_XDECREF(result);
    Py_XDECREF(kwargs);
    Py_XDECREF(args);
    Py_XDECREF(method);
}

/* "Note: ..." behind the traceback, and the same for the forms that have no tracebacks. */
static void
add_note(struct gn_err *err, const char *path)
{
    const char *why = strerror(EACCES);
    unsigned user = (unsigned)geteuid();
    char *longer = NULL;

    if (err->code == GN_E_NONE) {
        gn_err_set(err, GN_E_IO, EACCES, "user %u can't read %s, where modules are searched", user,
                   path);
        return;
    }
    if (err->detail != NULL &&
        asprintf(&longer, "%sNote: user %u can't read %s, where modules are searched: %s\n",
                 err->detail, user, path, why) >= 0) {
        free(err->detail);
        err->detail = longer;
    }
    gn_err_prefix(err, "user %u can't read %.200s, where modules are searched", user, path);
}

/* Is it the directory of the start, or an entry by chdir or pythonpath? */
static bool
is_given(struct gn_py *h, PyObject *entry, const char *text)
{
    bool is = strcmp(text, h->start_dir) == 0 || PySequence_Contains(h->path_undo, entry) == 1;

    PyErr_Clear();
    return is;
}

void
gn_py_explain_paths(struct gn_host *host, struct gn_err *err)
{
    struct gn_py *h = gn_py_of(host);
    PyObject *path = h->is_started ? PySys_GetObject("path") : NULL; /* borrowed */
    bool is_remark = err->code == GN_E_NONE, found = false;

    for (Py_ssize_t i = 0; path != NULL && !found && i < PySequence_Size(path); i++) {
        PyObject *entry = PySequence_GetItem(path, i), *bytes = NULL;

        /* Python takes what it can't read for empty. */
        if (entry != NULL && PyUnicode_FSConverter(entry, &bytes)) {
            const char *text = PyBytes_AS_STRING(bytes);

            found = text[0] != '\0' && access(text, R_OK) != 0 && errno == EACCES &&
                    !(is_remark && is_given(h, entry, text));
            if (found)
                add_note(err, text);
        }
        PyErr_Clear();
        Py_XDECREF(bytes);
        Py_XDECREF(entry);
    }
    PyErr_Clear();
}

static PyObject *to_object(const struct gn_value *v);

static PyObject *
to_list(const struct gn_value *v)
{
    PyObject *list = PyList_New((Py_ssize_t)v->list.n), *tuple;

    for (size_t i = 0; list != NULL && i < v->list.n; i++) {
        PyObject *item = to_object(v->list.items[i]);

        if (item == NULL)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, (Py_ssize_t)i, item);
    }
    if (list == NULL || v->tag == GN_V_LIST)
        return list;
    tuple = PyList_AsTuple(list);
    Py_DECREF(list);
    return tuple;
}

static PyObject *
to_dict(const struct gn_value *v)
{
    PyObject *dict = PyDict_New();

    for (size_t i = 0; dict != NULL && i < v->dict.n; i++) {
        PyObject *key = to_object(v->dict.pairs[i].key);
        PyObject *value = key != NULL ? to_object(v->dict.pairs[i].value) : NULL;

        if (value == NULL || PyDict_SetItem(dict, key, value) < 0)
            Py_CLEAR(dict);
        Py_XDECREF(key);
        Py_XDECREF(value);
    }
    return dict;
}

/* A new object like the one that the value was made from. */
static PyObject *
to_object(const struct gn_value *v)
{
    PyObject *digits, *number;

    switch (v->tag) {
    case GN_V_NONE:
        Py_RETURN_NONE;
    case GN_V_BOOL:
        return PyBool_FromLong(v->b);
    case GN_V_INT:
        return PyLong_FromLongLong(v->i);
    case GN_V_BIGINT:
        digits = PyUnicode_FromStringAndSize(v->str.p, (Py_ssize_t)v->str.n);
        number = digits != NULL ? PyLong_FromUnicodeObject(digits, 10) : NULL;
        Py_XDECREF(digits);
        return number;
    case GN_V_FLOAT:
        return PyFloat_FromDouble(v->f);
    case GN_V_STR:
        return PyUnicode_DecodeUTF8(v->str.p, (Py_ssize_t)v->str.n, "surrogateescape");
    case GN_V_BYTES:
        return PyBytes_FromStringAndSize(v->str.p, (Py_ssize_t)v->str.n);
    case GN_V_LIST:
    case GN_V_TUPLE:
        return to_list(v);
    case GN_V_DICT:
        return to_dict(v);
    case GN_V_OBJECT:
        return Py_NewRef(v->obj->handle);
    }
    Py_RETURN_NONE;
}

/* The function `check` of py_check.py; a new reference. */
static PyObject *
check_function(void)
{
    PyObject *code = Py_CompileString(source, file_name, Py_file_input);
    PyObject *module =
        code != NULL ? PyImport_ExecCodeModuleEx("_gunicorn_check", code, file_name) : NULL;
    PyObject *function = module != NULL ? PyObject_GetAttrString(module, "check") : NULL;

    Py_XDECREF(code);
    Py_XDECREF(module);
    return function;
}

bool
gn_py_check_value(struct gn_host *host, enum gn_host_check what, const struct gn_value *value,
                  struct gn_err *err)
{
    PyObject *function = check_function();
    PyObject *object = function != NULL ? to_object(value) : NULL;
    PyObject *message =
        object != NULL ? PyObject_CallFunction(function, "iO", (int)what, object) : NULL;
    const char *text;
    bool ok = message == Py_None;

    (void)host;
    if (message != NULL && PyExceptionInstance_Check(message)) {
        PyErr_Restore(Py_NewRef(PyExceptionInstance_Class(message)), Py_NewRef(message),
                      PyException_GetTraceback(message));
        gn_py_err_take_gil(err, NULL);
    } else if (message == NULL) {
        gn_py_err_take_gil(err, NULL);
    } else if (!ok) {
        text = PyUnicode_AsUTF8(message);
        gn_err_set(err, GN_E_VALUE, 0, "%s", text != NULL ? text : "not understood");
        PyErr_Clear();
    }
    Py_XDECREF(message);
    Py_XDECREF(object);
    Py_XDECREF(function);
    return ok;
}
