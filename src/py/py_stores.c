/* Which names a module's code stores, and where: read from the byte code, without a syntax tree. */
#include "py/py_places.h"

#include <opcode.h>

/* Names by which a module can be changed otherwise than by a statement that binds. */
static const char *const other_ways[] = {
    "globals",  "vars",    "locals",      "exec",      "eval",     "setattr",
    "__dict__", "modules", "__setattr__", "f_globals", "f_locals",
};

struct scan {
    PyObject *stores;
    PyObject *code; /* borrowed */
    PyObject *names, *consts;
    bool is_module;
    struct gn_py_ways *ways;
};

static bool scan_code(PyObject *stores, PyObject *code, bool is_module, struct gn_py_ways *ways);

static bool
is_other_way(PyObject *name)
{
    for (size_t i = 0; i < sizeof(other_ways) / sizeof(other_ways[0]); i++) {
        if (PyUnicode_CompareWithASCIIString(name, other_ways[i]) == 0)
            return true;
    }
    return false;
}

/* Blocks of `finally` are compiled several times: equal places are one. */
static bool
add_row(PyObject *stores, PyObject *name, PyObject *row)
{
    PyObject *rows = PyDict_GetItemWithError(stores, name); /* borrowed */
    PyObject *fresh = NULL;
    bool ok;

    if (rows == NULL) {
        rows = fresh = PyList_New(0);
        if (fresh == NULL || PyDict_SetItem(stores, name, fresh) < 0) {
            Py_XDECREF(fresh);
            return false;
        }
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(rows); i++) {
        if (PyObject_RichCompareBool(PyList_GET_ITEM(rows, i), row, Py_EQ) == 1)
            return true;
    }
    ok = PyList_Append(rows, row) == 0;
    Py_XDECREF(fresh);
    return ok;
}

#if GN_PY_HAS_POSITIONS
static bool
add_store(struct scan *s, Py_ssize_t unit, int arg)
{
    int line = 0, end_line, offset = -1, end_offset;
    PyObject *row;
    bool ok;

    if (arg >= PyTuple_GET_SIZE(s->names) ||
        !PyCode_Addr2Location((PyCodeObject *)s->code, (int)(unit * 2), &line, &offset, &end_line,
                              &end_offset))
        return true;
    row = Py_BuildValue("(ii)", line, offset);
    ok = row != NULL && add_row(s->stores, PyTuple_GET_ITEM(s->names, arg), row);
    Py_XDECREF(row);
    return ok;
}
#else
static bool
add_store(struct scan *s, Py_ssize_t unit, int arg)
{
    (void)unit;
    (void)arg;
    (void)add_row;
    s->ways->are_stores_known = false;
    return true;
}
#endif

static bool
scan_units(struct scan *s, const unsigned char *units, Py_ssize_t n)
{
    int arg = 0;
    bool ok = true;

    for (Py_ssize_t i = 0; ok && i < n; i++) {
        int op = units[2 * i];

        arg = (arg << 8) | units[2 * i + 1];
        if (op == EXTENDED_ARG)
            continue;
        if (op == STORE_GLOBAL || op == DELETE_GLOBAL)
            s->ways->has_other = true;
        if (op == STORE_NAME && s->is_module)
            ok = add_store(s, i, arg);
        arg = 0;
    }
    return ok;
}

/* Functions can bind names of the module, and star imports have their names from elsewhere. */
static bool
scan_consts(struct scan *s)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(s->consts); i++) {
        PyObject *one = PyTuple_GET_ITEM(s->consts, i); /* borrowed */

        if (PyCode_Check(one) && !scan_code(s->stores, one, false, s->ways))
            return false;
        if (PyTuple_Check(one) && PyTuple_GET_SIZE(one) == 1 &&
            PyUnicode_Check(PyTuple_GET_ITEM(one, 0)) &&
            PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(one, 0), "*") == 0)
            s->ways->has_star = true;
    }
    return true;
}

static bool
scan_code(PyObject *stores, PyObject *code, bool is_module, struct gn_py_ways *ways)
{
    struct scan s = {.stores = stores, .code = code, .is_module = is_module, .ways = ways};
    PyObject *units = PyObject_GetAttrString(code, "co_code");
    bool ok = false;

    s.names = PyObject_GetAttrString(code, "co_names");
    s.consts = PyObject_GetAttrString(code, "co_consts");
    if (units != NULL && s.names != NULL && s.consts != NULL) {
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(s.names); i++)
            ways->has_other = ways->has_other || is_other_way(PyTuple_GET_ITEM(s.names, i));
        ok = scan_units(&s, (const unsigned char *)PyBytes_AS_STRING(units),
                        PyBytes_GET_SIZE(units) / 2) &&
             scan_consts(&s);
    }
    Py_XDECREF(units);
    Py_XDECREF(s.names);
    Py_XDECREF(s.consts);
    return ok;
}

PyObject *
gn_py_stores_gil(PyObject *code, struct gn_py_ways *ways)
{
    PyObject *stores = PyDict_New();

    *ways = (struct gn_py_ways){.are_stores_known = true};
    if (stores != NULL && !scan_code(stores, code, true, ways))
        Py_CLEAR(stores);
    return stores;
}
