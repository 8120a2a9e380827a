/* sys.path and os.environ as the settings ask for. */
#include "py/py.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/frozen.h"

/* Puts `dir` first in sys.path unless it is there; remembers it for undoing. */
static bool
insert(struct gn_py *h, const char *dir, bool remember)
{
    PyObject *path = PySys_GetObject("path"); /* borrowed */
    PyObject *text;
    int has;
    bool ok = false;

    if (path == NULL || !PyList_Check(path))
        return true; /* user code replaced it: leave it alone */
    text = PyUnicode_DecodeFSDefault(dir);
    if (text == NULL)
        return false;
    has = PySequence_Contains(path, text);
    if (has == 0)
        ok = PyList_Insert(path, 0, text) == 0 &&
             (!remember || PyList_Append(h->path_undo, text) == 0);
    else
        ok = has > 0;
    Py_DECREF(text);
    return ok;
}

bool
gn_py_path_insert_gil(struct gn_py *h, const char *dir)
{
    return insert(h, dir, false);
}

static bool
undo_paths(struct gn_py *h)
{
    PyObject *path = PySys_GetObject("path"); /* borrowed */
    Py_ssize_t n = PyList_GET_SIZE(h->path_undo);

    for (Py_ssize_t i = 0; path != NULL && i < n; i++) {
        PyObject *item = PyList_GET_ITEM(h->path_undo, i); /* borrowed */
        Py_ssize_t at = PySequence_Index(path, item);

        if (at >= 0)
            PySequence_DelItem(path, at);
        PyErr_Clear();
    }
    return PyList_SetSlice(h->path_undo, 0, n, NULL) == 0;
}

/* A relative entry counts from the current directory, which is the chdir setting by now. */
static bool
insert_entry(struct gn_py *h, struct gn_slice entry)
{
    char text[PATH_MAX], cwd[PATH_MAX];
    int n;

    if (entry.n == 0)
        return true;
    if (entry.p[0] == '/')
        n = snprintf(text, sizeof(text), "%.*s", GN_SLICE_ARG(entry));
    else if (getcwd(cwd, sizeof(cwd)) != NULL)
        n = snprintf(text, sizeof(text), "%s/%.*s", cwd, GN_SLICE_ARG(entry));
    else
        return true;
    while (n > 1 && n < (int)sizeof(text) && text[n - 1] == '/')
        text[--n] = '\0';
    return n >= (int)sizeof(text) || insert(h, text, true);
}

bool
gn_py_apply_paths(struct gn_host *host, const struct gn_frozen *f, struct gn_err *err)
{
    struct gn_py *h = gn_py_of(host);
    struct gn_slice rest = gn_slice_str(f->cfg.pythonpath);

    if (!undo_paths(h) || !insert(h, f->cfg.chdir, true))
        return gn_py_err_take_gil(err, "sys.path");
    while (rest.p != NULL) {
        struct gn_slice entry = gn_slice_trim(gn_slice_cut(&rest, ','), " \t");

        if (!insert_entry(h, entry))
            return gn_py_err_take_gil(err, "pythonpath");
    }
    return true;
}

static PyObject *
os_environ(void)
{
    PyObject *os = PyImport_ImportModule("os");
    PyObject *os_env = os != NULL ? PyObject_GetAttrString(os, "environ") : NULL;

    Py_XDECREF(os);
    return os_env;
}

static bool
undo_env(struct gn_py *h, PyObject *os_env)
{
    PyObject *name, *old;
    Py_ssize_t pos = 0;

    while (PyDict_Next(h->env_undo, &pos, &name, &old)) {
        if (old != Py_None ? PyObject_SetItem(os_env, name, old) < 0
                           : PyObject_DelItem(os_env, name) < 0)
            PyErr_Clear();
    }
    PyDict_Clear(h->env_undo);
    return true;
}

static bool
set_env(struct gn_py *h, PyObject *os_env, PyObject *name, PyObject *value)
{
    PyObject *old;

    if (PyDict_Contains(h->env_undo, name) == 0) {
        old = PyObject_GetItem(os_env, name);
        if (old == NULL)
            PyErr_Clear();
        if (PyDict_SetItem(h->env_undo, name, old != NULL ? old : Py_None) < 0) {
            Py_XDECREF(old);
            return false;
        }
        Py_XDECREF(old);
    }
    return PyObject_SetItem(os_env, name, value) == 0;
}

static bool
set_pair(struct gn_py *h, PyObject *os_env, const char *pair)
{
    const char *equals = strchr(pair, '=');
    PyObject *name, *value;
    bool ok;

    if (equals == NULL)
        return true; /* the settings compiler has refused it */
    name = PyUnicode_DecodeFSDefaultAndSize(pair, equals - pair);
    value = PyUnicode_DecodeFSDefault(equals + 1);
    ok = name != NULL && value != NULL && set_env(h, os_env, name, value);
    Py_XDECREF(name);
    Py_XDECREF(value);
    return ok;
}

bool
gn_py_set_env(struct gn_host *host, const char *name, const char *value, struct gn_err *err)
{
    PyObject *os_env = os_environ();
    PyObject *key = PyUnicode_DecodeFSDefault(name);
    PyObject *text = PyUnicode_DecodeFSDefault(value);
    bool ok =
        os_env != NULL && key != NULL && text != NULL && PyObject_SetItem(os_env, key, text) == 0;

    (void)host;
    if (!ok)
        gn_py_err_take_gil(err, "os.environ");
    Py_XDECREF(os_env);
    Py_XDECREF(key);
    Py_XDECREF(text);
    return ok;
}

bool
gn_py_apply_env(struct gn_host *host, const struct gn_frozen *f, struct gn_err *err)
{
    struct gn_py *h = gn_py_of(host);
    PyObject *os_env = os_environ();
    bool ok = os_env != NULL && undo_env(h, os_env) &&
              set_pair(h, os_env, "SERVER_SOFTWARE=gunicorn/" GN_COMPAT_VERSION);

    for (size_t i = 0; ok && i < f->cfg.raw_env.n; i++)
        ok = set_pair(h, os_env, f->cfg.raw_env.v[i]);
    Py_XDECREF(os_env);
    return ok || gn_py_err_take_gil(err, "raw_env");
}

void
gn_py_restore(struct gn_host *host)
{
    struct gn_py *h = gn_py_of(host);
    PyObject *os_env;

    if (!h->is_started)
        return;
    os_env = os_environ();
    if (os_env != NULL)
        undo_env(h, os_env);
    undo_paths(h);
    PyErr_Clear();
    Py_XDECREF(os_env);
}
