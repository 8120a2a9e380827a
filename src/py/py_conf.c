/* Configuration files: run by Python, their names handed to the settings compiler. */
#include "py/py_places.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "config/value.h"

enum {
    MAX_FILE_BYTES = 16 << 20,
    STREAM_S = 60,  /* for a pipe in the place of the file */
    MAX_DEPTH = 32, /* of nested lists and dicts; what is deeper stays an object */
};

static const struct gn_value *to_value(struct gn_py *h, struct gn_arena *a, PyObject *o, int depth);

/* ---- Python objects to values ---- */

/* UTF-8 of a str; lone surrogates (undecodable file names) become the bytes they stand for. */
static bool
text_of(struct gn_arena *a, PyObject *o, struct gn_slice *out)
{
    Py_ssize_t n;
    const char *p = PyUnicode_AsUTF8AndSize(o, &n);
    PyObject *bytes = NULL;

    if (p == NULL) {
        PyErr_Clear();
        bytes = PyUnicode_AsEncodedString(o, "utf-8", "surrogateescape");
        if (bytes == NULL) {
            PyErr_Clear();
            bytes = PyUnicode_AsEncodedString(o, "utf-8", "backslashreplace");
        }
        if (bytes == NULL)
            return false;
        p = PyBytes_AS_STRING(bytes);
        n = PyBytes_GET_SIZE(bytes);
    }
    *out = gn_arena_slice(a, gn_slice(p, (size_t)n));
    Py_XDECREF(bytes);
    return out->p != NULL;
}

/* str(o), never failing. */
static const char *
str_of(struct gn_arena *a, PyObject *o)
{
    PyObject *text = PyObject_Str(o);
    struct gn_slice s = GN_SLICE("<object>");

    if (text == NULL || !text_of(a, text, &s))
        PyErr_Clear();
    Py_XDECREF(text);
    return s.p;
}

static const char *
attr_text(struct gn_arena *a, PyObject *o, const char *attr)
{
    PyObject *text = PyObject_GetAttrString(o, attr);
    struct gn_slice s = {NULL, 0};

    if (text == NULL || !PyUnicode_Check(text) || !text_of(a, text, &s)) {
        PyErr_Clear();
        s.p = NULL;
    }
    Py_XDECREF(text);
    return s.p;
}

/* Positional parameters as inspect.signature tells them: defaults count, *args and keyword-only
 * ones do not. */
static int
count_by_inspect(PyObject *o)
{
    PyObject *inspect = PyImport_ImportModule("inspect");
    PyObject *signature = NULL, *parameters = NULL, *values = NULL;
    int count = -1;

    if (inspect != NULL)
        signature = PyObject_CallMethod(inspect, "signature", "O", o);
    if (signature != NULL)
        parameters = PyObject_GetAttrString(signature, "parameters");
    if (parameters != NULL)
        values = PyMapping_Values(parameters);
    for (Py_ssize_t i = 0; values != NULL && i < PyList_GET_SIZE(values); i++) {
        PyObject *kind = PyObject_GetAttrString(PyList_GET_ITEM(values, i), "kind");
        long k = kind != NULL ? PyLong_AsLong(kind) : -1;

        count = count < 0 ? 0 : count;
        if (k == 0 || k == 1) /* POSITIONAL_ONLY, POSITIONAL_OR_KEYWORD */
            count++;
        Py_XDECREF(kind);
    }
    if (values != NULL && count < 0)
        count = 0;
    PyErr_Clear();
    Py_XDECREF(inspect);
    Py_XDECREF(signature);
    Py_XDECREF(parameters);
    Py_XDECREF(values);
    return count;
}

/* The same without importing inspect for what nearly every hook is: a plain function. */
static int
count_positional(PyObject *o)
{
    PyObject *code, *count;
    int n = -1;

    if (!PyFunction_Check(o) || PyObject_HasAttrString(o, "__wrapped__") ||
        PyObject_HasAttrString(o, "__signature__"))
        return count_by_inspect(o);
    code = PyFunction_GET_CODE(o); /* borrowed */
    count = PyObject_GetAttrString(code, "co_argcount");
    if (count != NULL)
        n = (int)PyLong_AsLong(count);
    Py_XDECREF(count);
    PyErr_Clear();
    return n;
}

static const struct gn_value *
object_value(struct gn_py *h, struct gn_arena *a, PyObject *o)
{
    struct gn_value *v = gn_arena_alloc(a, sizeof(*v));
    struct gn_value_object *obj = gn_arena_alloc(a, sizeof(*obj));

    if (v == NULL || obj == NULL || PyList_Append(h->handles, o) < 0)
        return NULL;
    obj->handle = o;
    obj->type_name = attr_text(a, (PyObject *)Py_TYPE(o), "__name__");
    obj->text = str_of(a, o);
    obj->qualname = attr_text(a, o, "__qualname__");
    obj->module = attr_text(a, o, "__module__");
    obj->is_class = PyType_Check(o);
    obj->is_callable = PyCallable_Check(o);
    obj->is_iterable = Py_TYPE(o)->tp_iter != NULL;
    obj->positional = obj->is_callable ? count_positional(o) : -1;
    v->tag = GN_V_OBJECT;
    v->obj = obj;
    return v;
}

static const struct gn_value *
int_value(struct gn_arena *a, PyObject *o)
{
    struct gn_value *v;
    int overflow;
    long long i = PyLong_AsLongLongAndOverflow(o, &overflow);

    if (overflow == 0)
        return gn_value_int(a, i);
    v = gn_arena_alloc(a, sizeof(*v));
    if (v == NULL)
        return NULL;
    v->tag = GN_V_BIGINT;
    v->str = gn_slice_str(str_of(a, o));
    return v;
}

static const struct gn_value *
sequence_value(struct gn_py *h, struct gn_arena *a, PyObject *o, int depth)
{
    struct gn_value *v = gn_arena_alloc(a, sizeof(*v));
    PyObject *fast = PySequence_Fast(o, "not iterable");
    const struct gn_value **items;
    Py_ssize_t n;

    if (v == NULL || fast == NULL)
        goto fail;
    n = PySequence_Fast_GET_SIZE(fast);
    items = gn_arena_alloc(a, ((size_t)n + 1) * sizeof(items[0]));
    if (items == NULL)
        goto fail;
    for (Py_ssize_t i = 0; i < n; i++) {
        items[i] = to_value(h, a, PySequence_Fast_GET_ITEM(fast, i), depth + 1);
        if (items[i] == NULL)
            goto fail;
    }
    v->tag = PyTuple_Check(o) ? GN_V_TUPLE : GN_V_LIST;
    v->list.items = items;
    v->list.n = (size_t)n;
    Py_DECREF(fast);
    return v;
fail:
    Py_XDECREF(fast);
    return NULL;
}

static const struct gn_value *
dict_value(struct gn_py *h, struct gn_arena *a, PyObject *o, int depth)
{
    struct gn_value *v = gn_arena_alloc(a, sizeof(*v));
    struct gn_value_pair *pairs =
        gn_arena_alloc(a, ((size_t)PyDict_GET_SIZE(o) + 1) * sizeof(*pairs));
    PyObject *key, *value;
    Py_ssize_t pos = 0;
    size_t n = 0;

    if (v == NULL || pairs == NULL)
        return NULL;
    while (PyDict_Next(o, &pos, &key, &value)) {
        pairs[n].key = to_value(h, a, key, depth + 1);
        pairs[n].value = to_value(h, a, value, depth + 1);
        if (pairs[n].key == NULL || pairs[n].value == NULL)
            return NULL;
        n++;
    }
    v->tag = GN_V_DICT;
    v->dict.pairs = pairs;
    v->dict.n = n;
    return v;
}

static const struct gn_value *
text_value(struct gn_arena *a, PyObject *o, enum gn_value_tag tag)
{
    struct gn_value *v = gn_arena_alloc(a, sizeof(*v));

    if (v == NULL)
        return NULL;
    v->tag = tag;
    if (tag == GN_V_STR)
        return text_of(a, o, &v->str) ? v : NULL;
    v->str = gn_arena_slice(a, gn_slice(PyBytes_AS_STRING(o), (size_t)PyBytes_GET_SIZE(o)));
    return v->str.p != NULL ? v : NULL;
}

static const struct gn_value *
to_value(struct gn_py *h, struct gn_arena *a, PyObject *o, int depth)
{
    struct gn_value *v;

    if (o == Py_None)
        return &gn_value_none;
    if (PyBool_Check(o))
        return gn_value_bool(o == Py_True);
    if (PyLong_Check(o))
        return int_value(a, o);
    if (PyUnicode_Check(o))
        return text_value(a, o, GN_V_STR);
    if (PyBytes_Check(o))
        return text_value(a, o, GN_V_BYTES);
    if (PyFloat_Check(o)) {
        v = gn_arena_alloc(a, sizeof(*v));
        if (v != NULL) {
            v->tag = GN_V_FLOAT;
            v->f = PyFloat_AS_DOUBLE(o);
        }
        return v;
    }
    if (depth < MAX_DEPTH && PyDict_Check(o))
        return dict_value(h, a, o, depth);
    if (depth < MAX_DEPTH && Py_TYPE(o)->tp_iter != NULL && !PyCallable_Check(o))
        return sequence_value(h, a, o, depth);
    return object_value(h, a, o);
}

const struct gn_value *
gn_py_to_value_gil(struct gn_py *h, struct gn_arena *a, PyObject *o)
{
    return to_value(h, a, o, 0);
}

/* ---- the file ---- */

/* One run of a configuration file or module. */
struct run {
    struct gn_py *h;
    struct gn_cfg_sink *sink;
    const char *location;
    PyObject *module;
    bool is_file; /* else it was imported */
    struct gn_py_places places;
};

/* Hands one name over; no value: it is annotated and not bound. */
static bool
hand_over(struct run *r, PyObject *name, const char *text, PyObject *value,
          const struct gn_value *v)
{
    struct gn_py_place place;

    if (r->is_file)
        gn_py_places_find_gil(&r->places, r->h, name, value, &place);
    else
        gn_py_places_find_in_module_gil(&r->places, r->h, r->module, name, value, &place);
    return r->sink->add(r->sink, text, v, place.file[0] != '\0' ? place.file : r->location,
                        place.line, place.column);
}

static bool
emit(struct run *r, PyObject *name, PyObject *value, struct gn_err *err)
{
    const struct gn_value *v;
    struct gn_slice text;

    if (!PyUnicode_Check(name) || !text_of(r->sink->arena, name, &text))
        return true;
    if (!r->sink->wants(r->sink, text))
        return true;
    v = gn_py_to_value_gil(r->h, r->sink->arena, value);
    if (v == NULL) {
        if (PyErr_Occurred())
            return gn_py_err_take_gil(err, text.p);
        return gn_err_set(err, GN_E_MEMORY, 0, "no memory");
    }
    return hand_over(r, name, text.p, value, v);
}

/* Names that are annotated and not bound. */
static bool
emit_annotations(struct run *r, PyObject *dict)
{
    PyObject *annotations = PyDict_GetItemString(dict, "__annotations__"); /* borrowed */
    PyObject *name, *type;
    Py_ssize_t pos = 0;
    bool ok = true;

    while (ok && annotations != NULL && PyDict_Check(annotations) &&
           PyDict_Next(annotations, &pos, &name, &type)) {
        struct gn_slice text;

        if (!PyUnicode_Check(name) || PyDict_Contains(dict, name) != 0 ||
            !text_of(r->sink->arena, name, &text) || !r->sink->wants(r->sink, text))
            continue;
        ok = hand_over(r, name, text.p, NULL, NULL);
    }
    return ok;
}

static bool
emit_all(struct run *r, struct gn_err *err)
{
    /* A copy: converting a value may run code of its class. */
    PyObject *dict = PyDict_Copy(PyModule_GetDict(r->module));
    PyObject *name, *value;
    Py_ssize_t pos = 0;
    bool ok = dict != NULL;

    while (ok && PyDict_Next(dict, &pos, &name, &value))
        ok = emit(r, name, value, err);
    ok = ok && emit_annotations(r, dict);
    Py_XDECREF(dict);
    return ok;
}

/* Line of the current exception inside `path`: of a syntax error, or of the innermost frame of that
 * file. */
static int
error_line(const char *path)
{
    PyObject *type, *value, *tb, *item = NULL;
    int line = 0;

    PyErr_Fetch(&type, &value, &tb);
    PyErr_NormalizeException(&type, &value, &tb);
    if (value != NULL && PyErr_GivenExceptionMatches(type, PyExc_SyntaxError)) {
        item = PyObject_GetAttrString(value, "lineno");
        line = item != NULL && PyLong_Check(item) ? (int)PyLong_AsLong(item) : 0;
        Py_CLEAR(item);
    }
    for (PyObject *t = tb; line >= 0 && t != NULL && t != Py_None;) {
        PyObject *frame = PyObject_GetAttrString(t, "tb_frame");
        PyObject *code = frame != NULL ? PyObject_GetAttrString(frame, "f_code") : NULL;
        PyObject *name = code != NULL ? PyObject_GetAttrString(code, "co_filename") : NULL;
        PyObject *number = PyObject_GetAttrString(t, "tb_lineno");
        PyObject *next = PyObject_GetAttrString(t, "tb_next");

        if (name != NULL && number != NULL && PyUnicode_CompareWithASCIIString(name, path) == 0)
            line = (int)PyLong_AsLong(number);
        Py_XDECREF(frame);
        Py_XDECREF(code);
        Py_XDECREF(name);
        Py_XDECREF(number);
        Py_XDECREF(item);
        item = next;
        t = next;
    }
    Py_XDECREF(item);
    PyErr_Clear();
    PyErr_Restore(type, value, tb);
    return line;
}

static bool
file_error(const char *path, struct gn_err *err)
{
    int line = error_line(path);

    gn_py_err_take_gil(err, NULL);
    if (err != NULL)
        err->line = line;
    return false;
}

/* A fresh module `__config__`, in sys.modules while it runs and after (functions of it may look
 * there). */
static PyObject *
new_module(PyObject *filename)
{
    PyObject *module = PyModule_New("__config__");
    PyObject *modules = PyImport_GetModuleDict();                      /* borrowed */
    PyObject *dict = module != NULL ? PyModule_GetDict(module) : NULL; /* borrowed */

    if (dict == NULL || PyDict_SetItemString(dict, "__file__", filename) < 0 ||
        PyDict_SetItemString(dict, "__builtins__", PyEval_GetBuiltins()) < 0 ||
        PyDict_SetItemString(modules, "__config__", module) < 0)
        Py_CLEAR(module);
    return module;
}

static PyObject *
read_source(const struct gn_py *h, const char *path, struct gn_err *err)
{
    int64_t timeout_ns = gn_clock_ns_of_s(h->limit_s > 0 ? h->limit_s : STREAM_S);
    PyObject *source = NULL;
    size_t n;
    char *text = gn_fd_read_stream(path, MAX_FILE_BYTES, timeout_ns, &n);

    if (text == NULL) {
        gn_err_set(err, GN_E_IO, errno, "the file can't be read");
        return NULL;
    }
    source = PyBytes_FromStringAndSize(text, (Py_ssize_t)n);
    free(text);
    if (source == NULL)
        gn_py_err_take_gil(err, NULL);
    return source;
}

static bool
run_source(struct run *r, PyObject *source, const char *path, struct gn_err *err)
{
    PyObject *filename = PyUnicode_DecodeFSDefault(path);
    PyObject *code = NULL, *result = NULL, *dict;
    bool ok = false;

    if (filename != NULL)
        code = gn_py_places_compile_gil(&r->places, r->sink, source, filename);
    if (code != NULL)
        r->module = new_module(filename);
    if (r->module != NULL) {
        dict = PyModule_GetDict(r->module); /* borrowed */
        gn_py_places_watch_gil(&r->places, dict);
        result = PyEval_EvalCode(code, dict, dict);
    }
    if (result == NULL) {
        file_error(path, err);
    } else {
        gn_py_places_read_stars_gil(&r->places, r->h);
        ok = emit_all(r, err);
        Py_XSETREF(r->h->conf_module, Py_NewRef(r->module));
    }
    Py_XDECREF(filename);
    Py_XDECREF(code);
    Py_XDECREF(result);
    return ok;
}

static bool
run_file(struct gn_py *h, const char *location, struct gn_cfg_sink *sink, struct gn_err *err)
{
    struct run r = {.h = h, .sink = sink, .location = location, .is_file = true};
    char path[PATH_MAX];
    PyObject *source;
    bool ok;

    if (snprintf(path, sizeof(path), "%s%s%s", location[0] == '/' ? "" : h->start_dir,
                 location[0] == '/' ? "" : "/", location) >= (int)sizeof(path))
        return gn_err_set(err, GN_E_VALUE, 0, "the path is too long");
    source = read_source(h, path, err);
    if (source == NULL)
        return false;
    ok = run_source(&r, source, path, err);
    gn_py_places_fini_gil(&r.places);
    Py_DECREF(source);
    Py_XDECREF(r.module);
    return ok;
}

/* True for `other` when it is part of the package at the top of `name`, and neither a package
 * around it nor one that the configuration did not bring in. Packages around it stay: others hold
 * them, and submodules that stay are their attributes. */
static bool
is_read_anew(struct gn_py *h, const char *name, PyObject *other)
{
    const char *text = PyUnicode_Check(other) ? PyUnicode_AsUTF8(other) : NULL;
    size_t top = strcspn(name, "."), n;

    if (text == NULL) {
        PyErr_Clear();
        return false;
    }
    if (strcmp(text, name) == 0)
        return true;
    n = strlen(text);
    if (strncmp(text, name, n) == 0 && name[n] == '.')
        return false;
    return strncmp(text, name, top) == 0 && text[top] == '.' && h->conf_brought != NULL &&
           PySet_Contains(h->conf_brought, other) == 1;
}

/* Takes the module and what it brought in out of sys.modules; a new dict with them, or NULL with an
 * exception. */
static PyObject *
forget_modules(struct gn_py *h, PyObject *modules, const char *name)
{
    PyObject *names = PyDict_Keys(modules), *old = PyDict_New();
    bool ok = names != NULL && old != NULL;

    for (Py_ssize_t i = 0; ok && i < PyList_GET_SIZE(names); i++) {
        PyObject *other = PyList_GET_ITEM(names, i);                /* borrowed */
        PyObject *module = PyDict_GetItemWithError(modules, other); /* borrowed */

        if (module != NULL && is_read_anew(h, name, other))
            ok = PyDict_SetItem(old, other, module) == 0 && PyDict_DelItem(modules, other) == 0;
    }
    Py_XDECREF(names);
    if (ok)
        return old;
    Py_XDECREF(old);
    return NULL;
}

/* Without this, a file that came into a directory since it was last listed may stay unseen. */
static bool
forget_directories(void)
{
    PyObject *importlib = PyImport_ImportModule("importlib");
    PyObject *result = NULL;

    if (importlib != NULL)
        result = PyObject_CallMethod(importlib, "invalidate_caches", NULL);
    Py_XDECREF(importlib);
    Py_XDECREF(result);
    return result != NULL;
}

/* Names of all modules there are, as a set. */
static PyObject *
module_names(PyObject *modules)
{
    PyObject *names = PyDict_Keys(modules);
    PyObject *set = names != NULL ? PySet_New(names) : NULL;

    Py_XDECREF(names);
    return set;
}

/* Notes which modules came since `before`. Those that are read anew at every time stay noted. */
static bool
note_brought(struct gn_py *h, PyObject *modules, PyObject *before)
{
    PyObject *now = module_names(modules);
    PyObject *brought = now != NULL ? PyNumber_Subtract(now, before) : NULL;

    Py_XDECREF(now);
    if (brought == NULL)
        return false;
    Py_XSETREF(h->conf_brought, brought);
    return true;
}

static PyObject *
import_anew(struct gn_py *h, const char *name)
{
    PyObject *modules = PyImport_GetModuleDict(); /* borrowed */
    PyObject *old = forget_modules(h, modules, name);
    PyObject *before = NULL, *module = NULL;

    if (old != NULL && (PyDict_GET_SIZE(old) == 0 || forget_directories()))
        before = module_names(modules);
    if (before != NULL)
        module = PyImport_ImportModule(name);
    if (module != NULL && !note_brought(h, modules, before))
        Py_CLEAR(module);
    /* The hooks in force belong to the old modules. */
    if (module == NULL && old != NULL) {
        PyObject *type, *value, *tb;

        PyErr_Fetch(&type, &value, &tb);
        if (PyDict_Update(modules, old) < 0)
            PyErr_Clear();
        PyErr_Restore(type, value, tb);
    }
    Py_XDECREF(old);
    Py_XDECREF(before);
    return module;
}

/* python:MODULE. The module is imported anew with the parts of its package that it imports, so that
 * a reload sees their changes. */
static bool
run_module(struct gn_py *h, const char *location, const char *name, struct gn_cfg_sink *sink,
           struct gn_err *err)
{
    struct run r = {.h = h, .sink = sink, .location = location};
    bool ok = false;

    r.module = import_anew(h, name);
    if (r.module == NULL) {
        gn_py_err_take_gil(err, NULL);
    } else if (!PyModule_Check(r.module)) {
        gn_err_set(err, GN_E_VALUE, 0, "'%s' is no module", name);
    } else {
        gn_py_places_read_module_gil(h, r.module);
        ok = emit_all(&r, err);
    }
    gn_py_places_fini_gil(&r.places);
    Py_XDECREF(r.module);
    return ok;
}

bool
gn_py_load_config(struct gn_host *host, const char *location, struct gn_cfg_sink *sink,
                  struct gn_err *err)
{
    struct gn_py *h = gn_py_of(host);
    bool ok;

    gn_py_limit_begin_gil(h);
    if (strncmp(location, "python:", 7) == 0)
        ok = run_module(h, location, location + 7, sink, err);
    else
        ok = run_file(h, strncmp(location, "file:", 5) == 0 ? location + 5 : location, sink, err);
    gn_py_limit_end_gil(h);
    return ok;
}

const struct gn_value *
gn_py_call_callable(struct gn_host *host, struct gn_arena *a, const struct gn_value *callable,
                    struct gn_err *err)
{
    struct gn_py *h = gn_py_of(host);
    const struct gn_value *value = NULL;
    PyObject *result;

    gn_py_limit_begin_gil(h);
    result = PyObject_CallNoArgs(callable->obj->handle);
    if (result != NULL)
        value = gn_py_to_value_gil(h, a, result);
    if (value == NULL)
        gn_py_err_take_gil(err, NULL);
    Py_XDECREF(result);
    gn_py_limit_end_gil(h);
    return value;
}

const struct gn_value *
gn_py_import_callable(struct gn_host *host, struct gn_arena *a, const char *dotted,
                      struct gn_err *err)
{
    struct gn_py *h = gn_py_of(host);
    const char *dot = strrchr(dotted, '.');
    const struct gn_value *value = NULL;
    PyObject *module = NULL, *object = NULL;
    char name[512];

    if (dot == NULL || dot == dotted || (size_t)(dot - dotted) >= sizeof(name)) {
        gn_err_set(err, GN_E_VALUE, 0,
                   "Value '%s' is not import string. Format: module[.submodules...].object",
                   dotted);
        return NULL;
    }
    memcpy(name, dotted, (size_t)(dot - dotted));
    name[dot - dotted] = '\0';
    gn_py_limit_begin_gil(h);
    module = PyImport_ImportModule(name);
    if (module != NULL)
        object = PyObject_GetAttrString(module, dot + 1);
    if (module != NULL && object == NULL && PyErr_ExceptionMatches(PyExc_AttributeError)) {
        PyErr_Clear();
        gn_err_set(err, GN_E_VALUE, 0, "Can not load '%s' from '%s'", dot + 1, name);
    } else if (object == NULL) {
        gn_py_err_take_gil(err, NULL);
    } else if (!PyCallable_Check(object)) {
        gn_err_set(err, GN_E_VALUE, 0, "Value is not callable: %s", dotted);
    } else {
        value = gn_py_to_value_gil(h, a, object);
    }
    Py_XDECREF(module);
    Py_XDECREF(object);
    gn_py_limit_end_gil(h);
    return value;
}
