/* The module `gunicorn`, for code that asks for the version or names the server.
 *
 * It is provided by the last finder of sys.meta_path: a package of that name which is installed
 * goes first. Whichever was imported, what is written to its SERVER and SERVER_SOFTWARE counts.
 */
#include "py/py.h"

#include "base/arena.h"
#include "http/response.h"

#define SOFTWARE "gunicorn/" GN_COMPAT_VERSION

/* ---- the finder, which is the loader too ---- */

/* find_spec(name, path=None, target=None) */
static PyObject *
finder_find_spec(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    PyObject *module, *spec = NULL, *type, *kwargs, *pair;

    if (n < 1 || !PyUnicode_Check(args[0]) ||
        PyUnicode_CompareWithASCIIString(args[0], "gunicorn") != 0)
        Py_RETURN_NONE;
    module = PyImport_ImportModule("_frozen_importlib");
    type = module != NULL ? PyObject_GetAttrString(module, "ModuleSpec") : NULL;
    kwargs = Py_BuildValue("{s:s,s:O}", "origin", "built-in", "is_package", Py_True);
    pair = PyTuple_Pack(2, args[0], self);
    if (type != NULL && kwargs != NULL && pair != NULL)
        spec = PyObject_Call(type, pair, kwargs);
    Py_XDECREF(module);
    Py_XDECREF(type);
    Py_XDECREF(kwargs);
    Py_XDECREF(pair);
    return spec;
}

static PyObject *
finder_create_module(PyObject *self, PyObject *spec)
{
    (void)self;
    (void)spec;
    Py_RETURN_NONE; /* an ordinary one */
}

static bool
set_text(PyObject *module, const char *name, const char *text)
{
    return PyModule_AddStringConstant(module, name, text) == 0;
}

static PyObject *
finder_exec_module(PyObject *self, PyObject *module)
{
    int major = 0, minor = 0, micro = 0;
    PyObject *version;
    bool ok;

    (void)self;
    sscanf(GN_COMPAT_VERSION, "%d.%d.%d", &major, &minor, &micro);
    version = Py_BuildValue("(iii)", major, minor, micro);
    ok = version != NULL && PyModule_AddObjectRef(module, "version_info", version) == 0 &&
         set_text(module, "__version__", GN_COMPAT_VERSION) &&
         set_text(module, "SERVER", "gunicorn") && set_text(module, "SERVER_SOFTWARE", SOFTWARE);
    Py_XDECREF(version);
    if (!ok)
        return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef finder_methods[] = {
    {"find_spec", (PyCFunction)(void (*)(void))finder_find_spec, METH_FASTCALL,
     "Finds the module gunicorn."},
    {"create_module", finder_create_module, METH_O, "Leaves that to the importer."},
    {"exec_module", finder_exec_module, METH_O, "Fills it."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot finder_slots[] = {
    {Py_tp_methods, finder_methods},
    {Py_tp_doc, (void *)"Finds and loads the module gunicorn when nobody else does."},
    {0, NULL},
};

PyType_Spec gn_py_finder_spec = {
    .name = "_gunicorn.Finder",
    .basicsize = sizeof(PyObject),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = finder_slots,
};

bool
gn_py_package_init_gil(struct gn_py *h)
{
    PyObject *finders = PySys_GetObject("meta_path"); /* borrowed */
    PyObject *finder = PyObject_CallNoArgs((PyObject *)h->finder_type);
    bool ok = finder != NULL && finders != NULL && PyList_Check(finders) &&
              PyList_Append(finders, finder) == 0;

    Py_XDECREF(finder);
    return ok;
}

/* ---- what was written to it ---- */

/* A text attribute of the module, when it was imported; else NULL, without an exception. */
static PyObject *
attribute(const char *name)
{
    PyObject *module = PyDict_GetItemString(PyImport_GetModuleDict(), "gunicorn"); /* borrowed */
    PyObject *value = module != NULL ? PyObject_GetAttrString(module, name) : NULL;

    PyErr_Clear();
    if (value != NULL && !PyUnicode_Check(value))
        Py_CLEAR(value);
    return value;
}

bool
gn_py_server_text(struct gn_host *host, struct gn_arena *a, struct gn_slice *text)
{
    PyObject *value = gn_py_of(host)->is_started ? attribute("SERVER") : NULL;
    PyObject *bytes = value != NULL ? PyUnicode_AsLatin1String(value) : NULL;
    bool ok = true;

    PyErr_Clear();
    if (bytes != NULL) {
        struct gn_slice s = gn_slice(PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
        const char *why;

        ok = gn_http_field_check(GN_SLICE("Server"), s, &why);
        if (ok)
            *text = gn_arena_slice(a, s);
    } else if (value != NULL) {
        ok = false;
    }
    Py_XDECREF(value);
    Py_XDECREF(bytes);
    return ok;
}

/* An installed package of another version names that, until somebody sets it. */
PyObject *
gn_py_server_software_gil(void)
{
    PyObject *value = attribute("SERVER_SOFTWARE"), *version = attribute("__version__");
    PyObject *usual = version != NULL ? PyUnicode_FromFormat("gunicorn/%U", version) : NULL;

    if (value != NULL && usual != NULL && PyUnicode_Compare(value, usual) == 0)
        Py_CLEAR(value);
    PyErr_Clear();
    Py_XDECREF(version);
    Py_XDECREF(usual);
    return value != NULL ? value : PyUnicode_FromString(SOFTWARE);
}
