/* Values of settings as Python objects. */
#include "py/py.h"

#include "config/value.h"

static PyObject *
to_list(const struct gn_value *v)
{
    PyObject *list = PyList_New(0);

    for (size_t i = 0; list != NULL && i < v->list.n; i++) {
        PyObject *item = gn_py_from_value_gil(v->list.items[i]);

        if (item == NULL || PyList_Append(list, item) < 0)
            Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}

static PyObject *
to_dict(const struct gn_value *v)
{
    PyObject *dict = PyDict_New();

    for (size_t i = 0; dict != NULL && i < v->dict.n; i++) {
        PyObject *key = gn_py_from_value_gil(v->dict.pairs[i].key);
        PyObject *value = key != NULL ? gn_py_from_value_gil(v->dict.pairs[i].value) : NULL;

        if (value == NULL || PyDict_SetItem(dict, key, value) < 0)
            Py_CLEAR(dict);
        Py_XDECREF(key);
        Py_XDECREF(value);
    }
    return dict;
}

PyObject *
gn_py_from_value_gil(const struct gn_value *v)
{
    PyObject *o = NULL, *list;

    switch (v->tag) {
    case GN_V_BOOL:
        return PyBool_FromLong(v->b);
    case GN_V_INT:
        return PyLong_FromLongLong(v->i);
    case GN_V_FLOAT:
        return PyFloat_FromDouble(v->f);
    case GN_V_STR:
        return PyUnicode_DecodeUTF8(v->str.p, (Py_ssize_t)v->str.n, "surrogateescape");
    case GN_V_BYTES:
        return PyBytes_FromStringAndSize(v->str.p, (Py_ssize_t)v->str.n);
    case GN_V_BIGINT:
        list = PyUnicode_DecodeUTF8(v->str.p, (Py_ssize_t)v->str.n, NULL);
        o = list != NULL ? PyLong_FromUnicodeObject(list, 10) : NULL;
        Py_XDECREF(list);
        return o;
    case GN_V_LIST:
        return to_list(v);
    case GN_V_TUPLE:
        list = to_list(v);
        o = list != NULL ? PyList_AsTuple(list) : NULL;
        Py_XDECREF(list);
        return o;
    case GN_V_DICT:
        return to_dict(v);
    case GN_V_OBJECT:
        o = v->obj->handle != NULL ? v->obj->handle : Py_None;
        break;
    case GN_V_NONE:
        o = Py_None;
        break;
    }
    Py_XINCREF(o);
    return o;
}
