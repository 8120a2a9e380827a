/* What the statements of a source text bind, from its syntax tree.
 *
 * Only node objects of `_ast` are used (built into the interpreter); the module `ast` stays
 * unimported. Places are (line, offset), as the tree has them: offsets are 0-based and count bytes
 * of UTF-8.
 */
#include "py/py_places.h"

/* PyCF_ONLY_AST, as the builtin compile() takes it. */
#define ONLY_AST 0x400

/* The fields of a compound statement that hold statements, in the order of the text; two of them
 * hold clauses with a body of their own. */
static const struct block_field {
    const char *name;
    bool has_clauses;
} block_fields[] = {
    {"body", false},   {"handlers", true},   {"cases", true},
    {"orelse", false}, {"finalbody", false}, {NULL, false},
};

struct visit {
    PyObject *statement;
    /* Called with every node of the statement, but those in functions and comprehension targets. */
    bool (*fn)(struct visit *v, PyObject *node);
    PyObject *names; /* dict: name -> place */
    PyObject *name;  /* what is looked for */
    PyObject *place; /* of the only mention */
    int mentions;
};

bool
gn_py_node_is(PyObject *node, const char *name)
{
    const char *type = Py_TYPE(node)->tp_name;
    const char *dot = strrchr(type, '.');

    return strcmp(dot != NULL ? dot + 1 : type, name) == 0;
}

bool
gn_py_node_is_function(PyObject *node)
{
    return gn_py_node_is(node, "FunctionDef") || gn_py_node_is(node, "AsyncFunctionDef") ||
           gn_py_node_is(node, "ClassDef");
}

PyObject *
gn_py_tree_gil(PyObject *source, PyObject *filename)
{
    PyObject *compile = PyDict_GetItemString(PyEval_GetBuiltins(), "compile"); /* borrowed */

    if (compile == NULL)
        return NULL;
    return PyObject_CallFunction(compile, "OOsiO", source, filename, "exec", ONLY_AST, Py_True);
}

PyObject *
gn_py_node_place_gil(PyObject *node)
{
    PyObject *line = PyObject_GetAttrString(node, "lineno");
    PyObject *offset = PyObject_GetAttrString(node, "col_offset");
    PyObject *place = NULL;

    if (line != NULL && offset != NULL)
        place = PyTuple_Pack(2, line, offset);
    Py_XDECREF(line);
    Py_XDECREF(offset);
    return place;
}

/* ---- walking through the expressions of one statement ---- */

static bool visit_node(struct visit *v, PyObject *node);

static bool
is_block(const char *field, PyObject *value)
{
    if (!PyList_Check(value))
        return false;
    for (const struct block_field *f = block_fields; f->name != NULL; f++) {
        if (strcmp(field, f->name) == 0)
            return true;
    }
    return false;
}

static bool
visit_value(struct visit *v, PyObject *value)
{
    if (!PyList_Check(value))
        return visit_node(v, value);
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(value); i++) {
        if (!visit_node(v, PyList_GET_ITEM(value, i)))
            return false;
    }
    return true;
}

static bool
visit_fields(struct visit *v, PyObject *node, PyObject *fields)
{
    /* Names in a comprehension are its own. */
    bool is_comprehension = gn_py_node_is(node, "comprehension");

    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(fields); i++) {
        PyObject *field = PyTuple_GET_ITEM(fields, i); /* borrowed */
        const char *name = PyUnicode_AsUTF8(field);
        PyObject *value = name != NULL ? PyObject_GetAttr(node, field) : NULL;
        bool ok;

        if (value == NULL)
            return false;
        ok = is_block(name, value) || (is_comprehension && strcmp(name, "target") == 0) ||
             visit_value(v, value);
        Py_DECREF(value);
        if (!ok)
            return false;
    }
    return true;
}

static bool
visit_node(struct visit *v, PyObject *node)
{
    PyObject *fields;
    bool ok;

    if (node == Py_None || PyUnicode_Check(node) || gn_py_node_is(node, "Lambda"))
        return true;
    fields = PyObject_GetAttrString((PyObject *)Py_TYPE(node), "_fields");
    if (fields == NULL) {
        PyErr_Clear();
        return true; /* a value of a constant */
    }
    ok = v->fn(v, node) && (!PyTuple_Check(fields) || visit_fields(v, node, fields));
    Py_DECREF(fields);
    return ok;
}

/* ---- names that are bound ---- */

static bool
bind(struct visit *v, PyObject *name, PyObject *node)
{
    PyObject *place = gn_py_node_place_gil(node);
    bool ok = place != NULL && PyDict_SetItem(v->names, name, place) == 0;

    Py_XDECREF(place);
    return ok;
}

/* The attribute, when it is a name, is bound at `node`. */
static bool
bind_attr(struct visit *v, PyObject *owner, const char *attr, PyObject *node)
{
    PyObject *name = PyObject_GetAttrString(owner, attr);
    bool ok = name != NULL && (!PyUnicode_Check(name) || bind(v, name, node));

    Py_XDECREF(name);
    return ok;
}

/* import a.b as c; from m import x as y: binds c, or a; y, or x. The place is the statement. */
static bool
bind_alias(struct visit *v, PyObject *alias)
{
    PyObject *as = PyObject_GetAttrString(alias, "asname");
    PyObject *name = PyObject_GetAttrString(alias, "name");
    PyObject *first = NULL;
    bool ok = as != NULL && name != NULL;
    Py_ssize_t dot;

    if (ok && as != Py_None) {
        ok = bind(v, as, v->statement);
    } else if (ok && PyUnicode_CompareWithASCIIString(name, "*") != 0) {
        dot = PyUnicode_FindChar(name, '.', 0, PyUnicode_GET_LENGTH(name), 1);
        first = PyUnicode_Substring(name, 0, dot >= 0 ? dot : PyUnicode_GET_LENGTH(name));
        ok = first != NULL && bind(v, first, v->statement);
    }
    Py_XDECREF(as);
    Py_XDECREF(name);
    Py_XDECREF(first);
    return ok;
}

/* Names that are deleted count as bound: what was known of them is no longer true. */
static bool
bind_name(struct visit *v, PyObject *node)
{
    PyObject *context = PyObject_GetAttrString(node, "ctx");
    bool ok = context != NULL && (gn_py_node_is(context, "Load") || bind_attr(v, node, "id", node));

    Py_XDECREF(context);
    return ok;
}

static bool
bind_in(struct visit *v, PyObject *node)
{
    if (gn_py_node_is(node, "Name"))
        return bind_name(v, node);
    if (gn_py_node_is(node, "alias"))
        return bind_alias(v, node);
    if (gn_py_node_is_function(node) || gn_py_node_is(node, "MatchAs") ||
        gn_py_node_is(node, "MatchStar"))
        return bind_attr(v, node, "name", node);
    if (gn_py_node_is(node, "MatchMapping"))
        return bind_attr(v, node, "rest", node);
    return true;
}

bool
gn_py_bound_gil(PyObject *statement, PyObject *part, PyObject *names)
{
    struct visit v = {.statement = statement, .fn = bind_in, .names = names};
    PyObject *value;
    bool has_value;

    /* `name: type` without a value binds nothing. */
    if (gn_py_node_is(part, "AnnAssign")) {
        value = PyObject_GetAttrString(part, "value");
        has_value = value != Py_None;
        Py_XDECREF(value);
        if (!has_value)
            return true;
    }
    return visit_node(&v, part);
}

/* ---- names that are mentioned ---- */

static bool
mention_in(struct visit *v, PyObject *node)
{
    const char *attr = gn_py_node_is(node, "keyword")    ? "arg"
                       : gn_py_node_is(node, "Constant") ? "value"
                                                         : NULL;
    PyObject *text = attr != NULL ? PyObject_GetAttrString(node, attr) : NULL;
    bool ok = attr == NULL || text != NULL;

    if (text != NULL && PyUnicode_Check(text) && PyUnicode_Compare(text, v->name) == 0) {
        v->mentions++;
        Py_XSETREF(v->place, gn_py_node_place_gil(node));
        ok = v->place != NULL;
    }
    Py_XDECREF(text);
    return ok;
}

PyObject *
gn_py_mention_gil(PyObject *statement, PyObject *name)
{
    struct visit v = {.statement = statement, .fn = mention_in, .name = name};

    if (!visit_node(&v, statement))
        PyErr_Clear();
    if (v.mentions == 1)
        return v.place;
    Py_XDECREF(v.place);
    return gn_py_node_place_gil(statement);
}

/* ---- all candidates of a module, in the order of the text ---- */

static bool collect_block(PyObject *found, PyObject *body, bool is_conditional);

static bool
append(PyObject *found, PyObject *name, PyObject *row)
{
    PyObject *rows = PyDict_GetItemWithError(found, name); /* borrowed */
    PyObject *fresh = NULL;
    bool ok;

    if (rows == NULL) {
        rows = fresh = PyList_New(0);
        if (fresh == NULL || PyDict_SetItem(found, name, fresh) < 0) {
            Py_XDECREF(fresh);
            return false;
        }
    }
    ok = row != NULL && PyList_Append(rows, row) == 0;
    Py_XDECREF(fresh);
    return ok;
}

/* The constant of `name = constant`, as a tuple of one; else None. New reference. */
static PyObject *
constant_of(PyObject *statement)
{
    PyObject *value = NULL, *constant = NULL;

    if (gn_py_node_is(statement, "Assign") || gn_py_node_is(statement, "AnnAssign"))
        value = PyObject_GetAttrString(statement, "value");
    if (value != NULL && gn_py_node_is(value, "Constant"))
        constant = PyObject_GetAttrString(value, "value");
    Py_XDECREF(value);
    PyErr_Clear();
    return constant != NULL ? Py_BuildValue("(N)", constant) : Py_NewRef(Py_None);
}

static bool
collect_bound(PyObject *found, PyObject *statement, PyObject *part, bool is_conditional)
{
    PyObject *names = PyDict_New(), *constant = constant_of(statement);
    PyObject *name, *place;
    Py_ssize_t pos = 0;
    bool ok = names != NULL && constant != NULL && gn_py_bound_gil(statement, part, names);

    while (ok && PyDict_Next(names, &pos, &name, &place)) {
        PyObject *row = PyTuple_Pack(3, place, is_conditional ? Py_True : Py_False, constant);

        ok = append(found, name, row);
        Py_XDECREF(row);
    }
    Py_XDECREF(names);
    Py_XDECREF(constant);
    return ok;
}

PyObject *
gn_py_star_gil(PyObject *statement)
{
    PyObject *names, *name = NULL, *module = NULL, *level = NULL, *result = NULL;

    if (!gn_py_node_is(statement, "ImportFrom"))
        return NULL;
    names = PyObject_GetAttrString(statement, "names");
    if (names != NULL && PyList_Check(names) && PyList_GET_SIZE(names) == 1)
        name = PyObject_GetAttrString(PyList_GET_ITEM(names, 0), "name");
    if (name != NULL && PyUnicode_CompareWithASCIIString(name, "*") == 0) {
        module = PyObject_GetAttrString(statement, "module");
        level = PyObject_GetAttrString(statement, "level");
    }
    if (module != NULL && level != NULL)
        result = PyTuple_Pack(2, module, level);
    Py_XDECREF(names);
    Py_XDECREF(name);
    Py_XDECREF(module);
    Py_XDECREF(level);
    PyErr_Clear();
    return result;
}

static bool
collect_star(PyObject *found, PyObject *statement, PyObject *star, bool is_conditional)
{
    PyObject *place = gn_py_node_place_gil(statement), *key = PyUnicode_FromString("*");
    PyObject *row =
        place != NULL ? PyTuple_Pack(3, place, is_conditional ? Py_True : Py_False, star) : NULL;
    bool ok = key != NULL && append(found, key, row);

    Py_XDECREF(place);
    Py_XDECREF(key);
    Py_XDECREF(row);
    return ok;
}

static bool collect_blocks(PyObject *found, PyObject *statement, PyObject *node);

static bool
collect_clauses(PyObject *found, PyObject *statement, PyObject *clauses)
{
    bool ok = true;

    for (Py_ssize_t i = 0; ok && i < PyList_GET_SIZE(clauses); i++) {
        PyObject *clause = PyList_GET_ITEM(clauses, i); /* borrowed */

        ok = collect_bound(found, statement, clause, true) &&
             collect_blocks(found, statement, clause);
    }
    return ok;
}

static bool
collect_blocks(PyObject *found, PyObject *statement, PyObject *node)
{
    bool ok = true;

    for (const struct block_field *f = block_fields; ok && f->name != NULL; f++) {
        PyObject *block = PyObject_GetAttrString(node, f->name);

        if (block == NULL)
            PyErr_Clear();
        else if (PyList_Check(block))
            ok = f->has_clauses ? collect_clauses(found, statement, block)
                                : collect_block(found, block, true);
        Py_XDECREF(block);
    }
    return ok;
}

static bool
collect_block(PyObject *found, PyObject *body, bool is_conditional)
{
    bool ok = true;

    for (Py_ssize_t i = 0; ok && i < PyList_GET_SIZE(body); i++) {
        PyObject *statement = PyList_GET_ITEM(body, i); /* borrowed */
        PyObject *star = gn_py_star_gil(statement);
        /* A loop without a round binds nothing. */
        bool may_skip = gn_py_node_is(statement, "For") || gn_py_node_is(statement, "While");

        ok = star != NULL ? collect_star(found, statement, star, is_conditional)
                          : collect_bound(found, statement, statement, is_conditional || may_skip);
        if (ok && !gn_py_node_is_function(statement))
            ok = collect_blocks(found, statement, statement);
        Py_XDECREF(star);
    }
    return ok;
}

PyObject *
gn_py_candidates_gil(PyObject *tree)
{
    PyObject *body = PyObject_GetAttrString(tree, "body");
    PyObject *found = PyDict_New();

    if (body == NULL || found == NULL || !collect_block(found, body, false))
        Py_CLEAR(found);
    Py_XDECREF(body);
    return found;
}

/* ---- names that are only annotated ---- */

PyObject *
gn_py_annotations_gil(PyObject *tree)
{
    PyObject *body = PyObject_GetAttrString(tree, "body");
    PyObject *names = PyDict_New();
    struct visit v = {.names = names};
    bool ok = body != NULL && names != NULL;

    for (Py_ssize_t i = 0; ok && i < PyList_GET_SIZE(body); i++) {
        PyObject *statement = PyList_GET_ITEM(body, i); /* borrowed */
        PyObject *target;

        if (!gn_py_node_is(statement, "AnnAssign"))
            continue;
        target = PyObject_GetAttrString(statement, "target");
        ok = target != NULL &&
             (!gn_py_node_is(target, "Name") || bind_attr(&v, target, "id", target));
        Py_XDECREF(target);
    }
    Py_XDECREF(body);
    if (!ok)
        Py_CLEAR(names);
    return names;
}
