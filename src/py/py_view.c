#include "py/py_view.h"

#include <stddef.h>

PyMemberDef gn_py_view_members[] = {
    {"__dictoffset__", T_PYSSIZET, offsetof(struct gn_py_view, dict), READONLY, NULL},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(struct gn_py_view, weak), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

void *
gn_py_view_new_gil(struct gn_py *h, PyTypeObject *type)
{
    struct gn_py_view *v = (struct gn_py_view *)type->tp_alloc(type, 0);

    if (v != NULL)
        v->h = h;
    return v;
}

PyObject *
gn_py_view_once_gil(struct gn_py *h, PyObject **slot, PyTypeObject *type)
{
    if (*slot == NULL) {
        PyObject *made = gn_py_view_new_gil(h, type);

        /* Making it may have run the collector, and with it another thread. */
        if (*slot == NULL)
            *slot = made;
        else
            Py_XDECREF(made);
    }
    Py_XINCREF(*slot);
    return *slot;
}

int
gn_py_view_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(((struct gn_py_view *)self)->dict);
    Py_VISIT(Py_TYPE(self));
    return 0;
}

int
gn_py_view_clear(PyObject *self)
{
    Py_CLEAR(((struct gn_py_view *)self)->dict);
    return 0;
}

void
gn_py_view_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    inquiry clear = PyType_GetSlot(type, Py_tp_clear);

    PyObject_GC_UnTrack(self);
    if (((struct gn_py_view *)self)->weak != NULL)
        PyObject_ClearWeakRefs(self);
    clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}
