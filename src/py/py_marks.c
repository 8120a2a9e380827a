/* Marks between the statements of a configuration file: which statement gave a name its value.
 *
 * A mark is the statement `"text".mark`, whose constant is replaced in the code object by an object
 * of ours: reading its attribute tells us that the statement before it is done. It has the place of
 * that statement, so that tracebacks and sources look as without it. Functions of the file are
 * compiled as they are.
 */
#include "py/py_places.h"

#include <stdio.h>
#include <stdlib.h>

/* No text of a user has it: else no mark is set. */
#define MARK_TEXT "\001gunicorn-mark-"

enum { MAX_COMPARISONS = 100000 };

enum mark_kind {
    MARK_BINDS,    /* the statement has bound its names */
    MARK_COMPARES, /* it may have */
    MARK_BREAKS,   /* what has changed can't be told apart from what statements before it did */
};

struct mark {
    PyObject_HEAD
    struct gn_py_marks *owner; /* NULL when nobody watches any more */
    PyObject *statement;
    PyObject *names; /* dict: what it binds -> place */
    enum mark_kind kind;
};

struct gn_py_marks {
    struct gn_cfg_sink *sink;
    PyTypeObject *type;
    PyObject *marks;  /* list */
    PyObject *nodes;  /* module _ast */
    PyObject *dict;   /* namespace of the module, or NULL before it runs */
    PyObject *seen;   /* dict: name -> its last value, or `other` when the name isn't wanted */
    PyObject *other;  /* an object of its own */
    PyObject *places; /* dict: name -> place or None */
    int comparisons;
};

/* ---- while the file runs ---- */

/* True for names of settings; remembers it. */
static bool
is_wanted(struct gn_py_marks *m, PyObject *name)
{
    PyObject *known = PyDict_GetItemWithError(m->seen, name); /* borrowed */
    Py_ssize_t n;
    const char *text;

    if (known != NULL)
        return known != m->other;
    text = PyUnicode_AsUTF8AndSize(name, &n);
    if (text != NULL && m->sink->wants(m->sink, gn_slice(text, (size_t)n)))
        return true;
    PyErr_Clear();
    PyDict_SetItem(m->seen, name, m->other);
    return false;
}

/* Names with another value than before, as a list; NULL without memory. No code of users runs. */
static PyObject *
changed_names(struct gn_py_marks *m)
{
    PyObject *changed = PyList_New(0);
    PyObject *name, *value;
    Py_ssize_t pos = 0;

    while (changed != NULL && PyDict_Next(m->dict, &pos, &name, &value)) {
        if (!PyUnicode_CheckExact(name) || PyDict_GetItemWithError(m->seen, name) == value ||
            !is_wanted(m, name))
            continue;
        if (PyList_Append(changed, name) < 0)
            Py_CLEAR(changed);
    }
    return changed;
}

static PyObject *
place_in(struct mark *mark, PyObject *name)
{
    PyObject *place = PyDict_GetItemWithError(mark->names, name); /* borrowed */
    PyObject *star, *at, *whole = NULL;

    if (mark->kind == MARK_BREAKS)
        return Py_NewRef(Py_None);
    if (place != NULL)
        return Py_NewRef(place);
    star = gn_py_star_gil(mark->statement);
    if (star == NULL)
        return gn_py_mention_gil(mark->statement, name);
    at = gn_py_node_place_gil(mark->statement);
    if (at != NULL)
        whole = PyTuple_Pack(3, PyTuple_GET_ITEM(at, 0), PyTuple_GET_ITEM(at, 1), star);
    Py_XDECREF(at);
    Py_DECREF(star);
    return whole;
}

/* Old values may go, and code of users run with them. */
static void
note(struct mark *mark, PyObject *name)
{
    struct gn_py_marks *m = mark->owner;
    PyObject *value = PyDict_GetItemWithError(m->dict, name); /* borrowed */
    PyObject *place = value != NULL ? place_in(mark, name) : NULL;

    if (place != NULL) {
        PyDict_SetItem(m->places, name, place);
        PyDict_SetItem(m->seen, name, value);
    } else {
        PyErr_Clear();
        PyDict_DelItem(m->places, name);
        PyErr_Clear();
        PyDict_DelItem(m->seen, name);
    }
    PyErr_Clear();
    Py_XDECREF(place);
}

static void
fire(struct mark *mark)
{
    struct gn_py_marks *m = mark->owner;
    PyObject *changed = NULL, *name, *place;
    Py_ssize_t pos = 0;

    if (m->comparisons < MAX_COMPARISONS) {
        m->comparisons++;
        changed = changed_names(m);
    }
    for (Py_ssize_t i = 0; changed != NULL && i < PyList_GET_SIZE(changed); i++)
        note(mark, PyList_GET_ITEM(changed, i));
    while (mark->kind == MARK_BINDS && PyDict_Next(mark->names, &pos, &name, &place)) {
        if (is_wanted(m, name))
            note(mark, name);
    }
    PyErr_Clear();
    Py_XDECREF(changed);
}

static PyObject *
mark_getattro(PyObject *self, PyObject *name)
{
    struct mark *mark = (struct mark *)self;

    if (mark->owner == NULL || mark->owner->dict == NULL)
        return PyObject_GenericGetAttr(self, name);
    fire(mark);
    return Py_NewRef(Py_None);
}

static void
mark_dealloc(PyObject *self)
{
    struct mark *mark = (struct mark *)self;
    PyTypeObject *type = Py_TYPE(self);

    Py_CLEAR(mark->statement);
    Py_CLEAR(mark->names);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyType_Slot mark_slots[] = {
    {Py_tp_dealloc, (void *)mark_dealloc},
    {Py_tp_getattro, (void *)mark_getattro},
    {0, NULL},
};

static PyType_Spec mark_spec = {
    .name = "_gunicorn.Mark",
    .basicsize = sizeof(struct mark),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = mark_slots,
};

/* ---- setting marks ---- */

static bool mark_block(struct gn_py_marks *m, PyObject *body, bool is_module);

/* A new node of type `name` with the fields and the place of `like`. Takes over `fields`. */
static PyObject *
new_node(struct gn_py_marks *m, const char *name, PyObject *fields, PyObject *like)
{
    static const char *const attrs[] = {"lineno", "col_offset", "end_lineno", "end_col_offset"};
    PyObject *type = PyObject_GetAttrString(m->nodes, name);
    PyObject *none = PyTuple_New(0), *node = NULL;
    bool ok = type != NULL && none != NULL && fields != NULL;

    for (size_t i = 0; ok && like != NULL && i < 4; i++) {
        PyObject *value = PyObject_GetAttrString(like, attrs[i]);

        ok = value != NULL && PyDict_SetItemString(fields, attrs[i], value) == 0;
        Py_XDECREF(value);
    }
    if (ok)
        node = PyObject_Call(type, none, fields);
    Py_XDECREF(type);
    Py_XDECREF(none);
    Py_XDECREF(fields);
    return node;
}

/* The statement `"text".mark`. */
static PyObject *
mark_node(struct gn_py_marks *m, PyObject *like)
{
    char text[64];
    PyObject *constant, *load, *attribute = NULL, *node = NULL;

    snprintf(text, sizeof(text), MARK_TEXT "%zd", PyList_GET_SIZE(m->marks));
    constant = new_node(m, "Constant", Py_BuildValue("{s:s}", "value", text), like);
    load = new_node(m, "Load", PyDict_New(), NULL);
    if (constant != NULL && load != NULL)
        attribute = new_node(
            m, "Attribute",
            Py_BuildValue("{s:O,s:s,s:O}", "value", constant, "attr", "mark", "ctx", load), like);
    if (attribute != NULL)
        node = new_node(m, "Expr", Py_BuildValue("{s:O}", "value", attribute), like);
    Py_XDECREF(constant);
    Py_XDECREF(load);
    Py_XDECREF(attribute);
    return node;
}

/* `part` is the statement or a clause of it, whose names count. */
static bool
add_mark(struct gn_py_marks *m, PyObject *body, Py_ssize_t at, PyObject *statement, PyObject *part,
         enum mark_kind kind)
{
    PyObject *node = mark_node(m, statement), *names = PyDict_New();
    struct mark *mark = NULL;
    bool ok;

    if (node != NULL && names != NULL && gn_py_bound_gil(statement, part, names))
        mark = PyObject_New(struct mark, m->type);
    if (mark != NULL) {
        mark->owner = m;
        mark->statement = Py_NewRef(statement);
        mark->names = Py_NewRef(names);
        mark->kind = kind;
    }
    ok = mark != NULL && PyList_Append(m->marks, (PyObject *)mark) == 0 &&
         PyList_Insert(body, at, node) == 0;
    Py_XDECREF(node);
    Py_XDECREF(names);
    Py_XDECREF((PyObject *)mark);
    return ok;
}

/* A block of a compound statement: its head has run when the block begins. */
static bool
mark_inner(struct gn_py_marks *m, PyObject *statement, PyObject *owner, const char *field,
           enum mark_kind kind)
{
    PyObject *body = PyObject_GetAttrString(owner, field);
    bool ok = true;

    if (body == NULL)
        PyErr_Clear();
    else if (PyList_Check(body) && PyList_GET_SIZE(body) > 0)
        ok = mark_block(m, body, false) && add_mark(m, body, 0, statement, owner, kind);
    Py_XDECREF(body);
    return ok;
}

static bool
mark_clauses(struct gn_py_marks *m, PyObject *statement, const char *field, enum mark_kind kind)
{
    PyObject *clauses = PyObject_GetAttrString(statement, field);
    bool ok = true;

    if (clauses == NULL)
        PyErr_Clear();
    for (Py_ssize_t i = 0; ok && clauses != NULL && i < PyList_GET_SIZE(clauses); i++)
        ok = mark_inner(m, statement, PyList_GET_ITEM(clauses, i), "body", kind);
    Py_XDECREF(clauses);
    return ok;
}

/* A statement that was given up halfway may have bound names: `try` and `with` go on there. */
static bool
mark_compound(struct gn_py_marks *m, PyObject *s, enum mark_kind *after)
{
    bool is_try = gn_py_node_is(s, "Try") || gn_py_node_is(s, "TryStar");

    *after = MARK_BINDS;
    if (is_try || gn_py_node_is(s, "With")) {
        *after = MARK_BREAKS;
        return mark_inner(m, s, s, "body", MARK_BINDS) &&
               mark_inner(m, s, s, "orelse", MARK_COMPARES) &&
               mark_inner(m, s, s, "finalbody", MARK_BREAKS) &&
               mark_clauses(m, s, "handlers", MARK_BREAKS);
    }
    if (gn_py_node_is(s, "If") || gn_py_node_is(s, "For") || gn_py_node_is(s, "While") ||
        gn_py_node_is(s, "Match")) {
        *after = MARK_COMPARES;
        return mark_inner(m, s, s, "body", MARK_BINDS) &&
               mark_inner(m, s, s, "orelse", MARK_COMPARES) &&
               mark_clauses(m, s, "cases", MARK_BINDS);
    }
    return true;
}

/* True for what has to stand where it stands, and for what does nothing or goes elsewhere. */
static bool
needs_no_mark(PyObject *s, bool is_first)
{
    static const char *const idle[] = {"Pass", "Break", "Continue", "Raise", "Global", "Nonlocal"};
    PyObject *inner = NULL;
    bool result = false;

    for (size_t i = 0; i < sizeof(idle) / sizeof(idle[0]); i++) {
        if (gn_py_node_is(s, idle[i]))
            return true;
    }
    if (gn_py_node_is(s, "Expr") && is_first) {
        inner = PyObject_GetAttrString(s, "value");
        result = inner != NULL && gn_py_node_is(inner, "Constant");
    } else if (gn_py_node_is(s, "ImportFrom")) {
        inner = PyObject_GetAttrString(s, "module");
        result = inner != NULL && PyUnicode_Check(inner) &&
                 PyUnicode_CompareWithASCIIString(inner, "__future__") == 0;
    }
    PyErr_Clear();
    Py_XDECREF(inner);
    return result;
}

static bool
mark_block(struct gn_py_marks *m, PyObject *body, bool is_module)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(body); i++) {
        PyObject *s = PyList_GET_ITEM(body, i); /* borrowed, the list keeps it */
        enum mark_kind after;

        if (needs_no_mark(s, is_module && i == 0))
            continue;
        if (!mark_compound(m, s, &after) || !add_mark(m, body, i + 1, s, s, after))
            return false;
        i++;
    }
    return true;
}

/* The code with our objects in place of the texts. */
static PyObject *
put_marks(struct gn_py_marks *m, PyObject *code)
{
    PyObject *consts = PyObject_GetAttrString(code, "co_consts"), *changed = NULL;
    PyObject *replace = PyObject_GetAttrString(code, "replace"), *none = PyTuple_New(0);
    PyObject *kwargs = NULL, *result = NULL;
    Py_ssize_t n = consts != NULL ? PyTuple_GET_SIZE(consts) : 0, put = 0;

    if (consts == NULL || replace == NULL || none == NULL || (changed = PyTuple_New(n)) == NULL)
        goto out;
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *one = PyTuple_GET_ITEM(consts, i); /* borrowed */
        const char *text = PyUnicode_Check(one) ? PyUnicode_AsUTF8(one) : NULL;

        PyErr_Clear();
        if (text != NULL && strncmp(text, MARK_TEXT, sizeof(MARK_TEXT) - 1) == 0) {
            one = PyList_GetItem(m->marks, atoi(text + sizeof(MARK_TEXT) - 1)); /* borrowed */
            if (one == NULL)
                goto out;
            put++;
        }
        PyTuple_SET_ITEM(changed, i, Py_NewRef(one));
    }
    kwargs = Py_BuildValue("{s:O}", "co_consts", changed);
    if (kwargs != NULL && put == PyList_GET_SIZE(m->marks))
        result = PyObject_Call(replace, none, kwargs);
out:
    Py_XDECREF(consts);
    Py_XDECREF(changed);
    Py_XDECREF(replace);
    Py_XDECREF(none);
    Py_XDECREF(kwargs);
    return result;
}

/* What the compiler has to say it said when it compiled the source. An item is put before the
 * filters of warnings, or taken away. */
static void
hush(PyObject *item, bool is_on)
{
    PyObject *module = PyImport_ImportModule("_warnings");
    PyObject *filters = module != NULL ? PyObject_GetAttrString(module, "filters") : NULL;

    if (filters != NULL && PyList_Check(filters)) {
        if (is_on)
            PyList_Insert(filters, 0, item);
        else if (PyList_GET_SIZE(filters) > 0 && PyList_GET_ITEM(filters, 0) == item)
            PySequence_DelItem(filters, 0);
    }
    PyErr_Clear();
    Py_XDECREF(module);
    Py_XDECREF(filters);
}

static struct gn_py_marks *
new_marks(struct gn_cfg_sink *sink)
{
    struct gn_py_marks *m = calloc(1, sizeof(*m));

    if (m == NULL)
        return NULL;
    m->sink = sink;
    m->type = (PyTypeObject *)PyType_FromSpec(&mark_spec);
    m->marks = PyList_New(0);
    m->nodes = PyImport_ImportModule("_ast");
    m->seen = PyDict_New();
    m->places = PyDict_New();
    m->other = PyObject_CallNoArgs((PyObject *)&PyBaseObject_Type);
    if (m->type != NULL && m->marks != NULL && m->nodes != NULL && m->seen != NULL &&
        m->places != NULL && m->other != NULL)
        return m;
    gn_py_marks_free_gil(m);
    return NULL;
}

static PyObject *
compile_marked(struct gn_py_marks *m, PyObject *source, PyObject *filename)
{
    PyObject *compile = PyDict_GetItemString(PyEval_GetBuiltins(), "compile"); /* borrowed */
    PyObject *tree = gn_py_tree_gil(source, filename);
    PyObject *body = tree != NULL ? PyObject_GetAttrString(tree, "body") : NULL;
    PyObject *code = NULL, *marked = NULL;

    if (body != NULL && compile != NULL && mark_block(m, body, true))
        code = PyObject_CallFunction(compile, "OOsiO", tree, filename, "exec", 0, Py_True);
    if (code != NULL)
        marked = put_marks(m, code);
    Py_XDECREF(tree);
    Py_XDECREF(body);
    Py_XDECREF(code);
    return marked;
}

PyObject *
gn_py_marks_compile_gil(struct gn_py_marks **out, struct gn_cfg_sink *sink, PyObject *source,
                        PyObject *filename)
{
    struct gn_py_marks *m = new_marks(sink);
    PyObject *item = Py_BuildValue("(sOOOi)", "ignore", Py_None, PyExc_Warning, Py_None, 0);
    PyObject *marked = NULL;

    if (m != NULL && item != NULL) {
        hush(item, true);
        marked = compile_marked(m, source, filename);
        hush(item, false);
    }
    Py_XDECREF(item);
    if (marked != NULL)
        *out = m;
    else
        gn_py_marks_free_gil(m);
    return marked;
}

void
gn_py_marks_watch_gil(struct gn_py_marks *m, PyObject *dict)
{
    m->dict = Py_NewRef(dict);
}

PyObject *
gn_py_marks_stars_gil(struct gn_py_marks *m)
{
    PyObject *stars = PyList_New(0);

    for (Py_ssize_t i = 0; stars != NULL && i < PyList_GET_SIZE(m->marks); i++) {
        struct mark *mark = (struct mark *)PyList_GET_ITEM(m->marks, i); /* borrowed */
        PyObject *star = gn_py_star_gil(mark->statement);

        if (star != NULL && PyList_Append(stars, star) < 0)
            PyErr_Clear();
        Py_XDECREF(star);
    }
    return stars;
}

PyObject *
gn_py_marks_find_gil(struct gn_py_marks *m, PyObject *name, PyObject *value)
{
    PyObject *place = PyDict_GetItemWithError(m->places, name); /* borrowed */

    PyErr_Clear();
    if (place == NULL || place == Py_None || PyDict_GetItemWithError(m->seen, name) != value)
        return NULL;
    return place;
}

void
gn_py_marks_free_gil(struct gn_py_marks *m)
{
    if (m == NULL)
        return;
    /* Frames that live on may hold the code, and it the marks. */
    for (Py_ssize_t i = 0; m->marks != NULL && i < PyList_GET_SIZE(m->marks); i++) {
        struct mark *mark = (struct mark *)PyList_GET_ITEM(m->marks, i); /* borrowed */

        mark->owner = NULL;
        Py_CLEAR(mark->statement);
        Py_CLEAR(mark->names);
    }
    Py_XDECREF((PyObject *)m->type);
    Py_XDECREF(m->marks);
    Py_XDECREF(m->nodes);
    Py_XDECREF(m->dict);
    Py_XDECREF(m->seen);
    Py_XDECREF(m->other);
    Py_XDECREF(m->places);
    free(m);
}
