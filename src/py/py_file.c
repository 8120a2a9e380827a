/* wsgi.file_wrapper: FileWrapper(filelike, blksize=8192), iterable in blocks.
 *
 * The server recognizes an unmodified wrapper and sends a real file by sendfile(2). `close` exists
 * only when the file-like object has one (PEP 3333, "Optional Platform-Specific File Handling").
 */
#include "py/py.h"

#include <stddef.h>
#include <structmember.h>

struct wrapper {
    PyObject_HEAD
    PyObject *filelike;
    PyObject *close; /* bound method, or NULL */
    Py_ssize_t blksize;
};

static int
wrapper_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {(char *)"filelike", (char *)"blksize", NULL};
    struct wrapper *w = (struct wrapper *)self;
    PyObject *filelike;
    Py_ssize_t blksize = 8192;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|n:FileWrapper", names, &filelike, &blksize))
        return -1;
    Py_INCREF(filelike);
    Py_XSETREF(w->filelike, filelike);
    Py_XSETREF(w->close, PyObject_GetAttrString(filelike, "close"));
    if (w->close == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_AttributeError))
            return -1;
        PyErr_Clear();
    }
    w->blksize = blksize > 0 ? blksize : 8192;
    return 0;
}

static int
wrapper_traverse(PyObject *self, visitproc visit, void *arg)
{
    struct wrapper *w = (struct wrapper *)self;

    Py_VISIT(w->filelike);
    Py_VISIT(w->close);
    Py_VISIT(Py_TYPE(self));
    return 0;
}

static int
wrapper_clear(PyObject *self)
{
    struct wrapper *w = (struct wrapper *)self;

    Py_CLEAR(w->filelike);
    Py_CLEAR(w->close);
    return 0;
}

static void
wrapper_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    wrapper_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *
wrapper_next(PyObject *self)
{
    struct wrapper *w = (struct wrapper *)self;
    PyObject *data;

    if (w->filelike == NULL)
        return NULL;
    data = PyObject_CallMethod(w->filelike, "read", "n", w->blksize);
    if (data != NULL && PyObject_Size(data) <= 0)
        Py_CLEAR(data);
    return data;
}

/* wrapper[i], as the original offers it: the next block, IndexError at the end. */
static PyObject *
wrapper_item(PyObject *self, Py_ssize_t i)
{
    PyObject *data = wrapper_next(self);

    (void)i;
    if (data == NULL && !PyErr_Occurred())
        PyErr_SetString(PyExc_IndexError, "end of file");
    return data;
}

static PyMemberDef wrapper_members[] = {
    {"filelike", T_OBJECT, offsetof(struct wrapper, filelike), READONLY, "what was wrapped"},
    {"blksize", T_PYSSIZET, offsetof(struct wrapper, blksize), 0, "bytes per block"},
    {"close", T_OBJECT_EX, offsetof(struct wrapper, close), READONLY,
     "filelike.close, if it has one"},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot wrapper_slots[] = {
    {Py_tp_init, wrapper_init},
    {Py_tp_new, PyType_GenericNew},
    {Py_tp_dealloc, wrapper_dealloc},
    {Py_tp_traverse, wrapper_traverse},
    {Py_tp_clear, wrapper_clear},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, wrapper_next},
    {Py_sq_item, wrapper_item},
    {Py_tp_members, wrapper_members},
    {Py_tp_doc, (void *)"FileWrapper(filelike, blksize=8192)\n--\n\nwsgi.file_wrapper (PEP 3333): "
                        "a file-like object as "
                        "an iterable of blocks."},
    {0, NULL},
};

PyType_Spec gn_py_file_spec = {
    .name = "_gunicorn.FileWrapper",
    .basicsize = sizeof(struct wrapper),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = wrapper_slots,
};

PyObject *
gn_py_file_object(PyObject *self)
{
    return ((struct wrapper *)self)->filelike;
}
