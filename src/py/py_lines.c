/* Where a configuration file assigns its names: the last binding at module level, from the syntax
 * tree.
 *
 * Only `_ast` node objects are used (built into the interpreter); the module `ast` stays
 * unimported. The walk follows the statements that run at module level (if, try, with, for, while,
 * match) but enters no function or class body.
 */
#include "py/py.h"

/* PyCF_ONLY_AST, as the builtin compile() takes it. */
#define ONLY_AST 0x400

static bool walk_block(PyObject *lines, PyObject *body);

static bool
node_is(PyObject *node, const char *name)
{
    const char *type = Py_TYPE(node)->tp_name;
    const char *dot = strrchr(type, '.');

    return strcmp(dot != NULL ? dot + 1 : type, name) == 0;
}

static bool
record(PyObject *lines, PyObject *name, PyObject *node)
{
    PyObject *line = PyObject_GetAttrString(node, "lineno");
    PyObject *column = PyObject_GetAttrString(node, "col_offset");
    PyObject *place = NULL;
    bool ok = false;

    if (line != NULL && column != NULL)
        place = PyTuple_Pack(2, line, column);
    if (place != NULL)
        ok = PyDict_SetItem(lines, name, place) == 0;
    Py_XDECREF(line);
    Py_XDECREF(column);
    Py_XDECREF(place);
    return ok;
}

/* An attribute that is a name (str), recorded at `node`. */
static bool
record_attr(PyObject *lines, PyObject *node, const char *attr)
{
    PyObject *name = PyObject_GetAttrString(node, attr);
    bool ok = name != NULL && (name == Py_None || record(lines, name, node));

    Py_XDECREF(name);
    return ok;
}

static bool
walk_target(PyObject *lines, PyObject *target)
{
    PyObject *items;
    bool ok = true;

    if (node_is(target, "Name"))
        return record_attr(lines, target, "id");
    if (node_is(target, "Starred")) {
        items = PyObject_GetAttrString(target, "value");
        ok = items != NULL && walk_target(lines, items);
        Py_XDECREF(items);
        return ok;
    }
    if (!node_is(target, "Tuple") && !node_is(target, "List"))
        return true;
    items = PyObject_GetAttrString(target, "elts");
    for (Py_ssize_t i = 0; items != NULL && ok && i < PyList_GET_SIZE(items); i++)
        ok = walk_target(lines, PyList_GET_ITEM(items, i));
    Py_XDECREF(items);
    return items != NULL && ok;
}

/* import a.b as c; from m import x as y: binds c, or a; y, or x. */
static bool
walk_import(PyObject *lines, PyObject *node)
{
    PyObject *names = PyObject_GetAttrString(node, "names");
    bool ok = names != NULL;

    for (Py_ssize_t i = 0; ok && i < PyList_GET_SIZE(names); i++) {
        PyObject *alias = PyList_GET_ITEM(names, i);
        PyObject *as = PyObject_GetAttrString(alias, "asname");

        ok = as != NULL &&
             (as != Py_None ? record(lines, as, node) : record_attr(lines, alias, "name"));
        Py_XDECREF(as);
    }
    Py_XDECREF(names);
    return ok;
}

/* A list attribute of statements, when the node has it. */
static bool
walk_body(PyObject *lines, PyObject *node, const char *attr)
{
    PyObject *body;
    bool ok;

    if (!PyObject_HasAttrString(node, attr))
        return true;
    body = PyObject_GetAttrString(node, attr);
    ok = body != NULL && (!PyList_Check(body) || walk_block(lines, body));
    Py_XDECREF(body);
    return ok;
}

static bool
walk_attr_target(PyObject *lines, PyObject *node, const char *attr)
{
    PyObject *target = PyObject_GetAttrString(node, attr);
    bool ok = target != NULL && walk_target(lines, target);

    Py_XDECREF(target);
    return ok;
}

static bool
walk_targets(PyObject *lines, PyObject *node)
{
    PyObject *targets = PyObject_GetAttrString(node, "targets");
    bool ok = targets != NULL;

    for (Py_ssize_t i = 0; ok && i < PyList_GET_SIZE(targets); i++)
        ok = walk_target(lines, PyList_GET_ITEM(targets, i));
    Py_XDECREF(targets);
    return ok;
}

/* `name: type` without a value binds nothing; its place counts as long as no other is known. */
static bool
walk_annotation(PyObject *lines, PyObject *node)
{
    PyObject *value = PyObject_GetAttrString(node, "value");
    PyObject *target = PyObject_GetAttrString(node, "target");
    PyObject *name = NULL;
    bool ok = value != NULL && target != NULL;

    if (ok && value == Py_None && node_is(target, "Name")) {
        name = PyObject_GetAttrString(target, "id");
        ok = name != NULL && (PyDict_Contains(lines, name) == 1 || record(lines, name, target));
    } else if (ok && value != Py_None) {
        ok = walk_target(lines, target);
    }
    Py_XDECREF(target);
    Py_XDECREF(name);

    Py_XDECREF(value);
    return ok;
}

static bool
walk_statement(PyObject *lines, PyObject *node)
{
    if (node_is(node, "Assign"))
        return walk_targets(lines, node);
    if (node_is(node, "AnnAssign"))
        return walk_annotation(lines, node);
    if (node_is(node, "AugAssign"))
        return walk_attr_target(lines, node, "target");
    if (node_is(node, "FunctionDef") || node_is(node, "AsyncFunctionDef") ||
        node_is(node, "ClassDef"))
        return record_attr(lines, node, "name");
    if (node_is(node, "Import") || node_is(node, "ImportFrom"))
        return walk_import(lines, node);
    if (node_is(node, "For") && !walk_attr_target(lines, node, "target"))
        return false;
    return walk_body(lines, node, "body") && walk_body(lines, node, "handlers") &&
           walk_body(lines, node, "cases") && walk_body(lines, node, "orelse") &&
           walk_body(lines, node, "finalbody");
}

static bool
walk_block(PyObject *lines, PyObject *body)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(body); i++) {
        if (!walk_statement(lines, PyList_GET_ITEM(body, i)))
            return false;
    }
    return true;
}

PyObject *
gn_py_lines_gil(PyObject *source, const char *filename)
{
    PyObject *builtins = PyEval_GetBuiltins(); /* borrowed */
    PyObject *compile = builtins != NULL ? PyDict_GetItemString(builtins, "compile") : NULL;
    PyObject *tree = NULL, *body = NULL, *lines = PyDict_New();
    bool ok = false;

    if (compile != NULL && lines != NULL)
        tree = PyObject_CallFunction(compile, "OssiO", source, filename, "exec", ONLY_AST, Py_True);
    if (tree != NULL)
        body = PyObject_GetAttrString(tree, "body");
    if (body != NULL)
        ok = walk_block(lines, body);
    Py_XDECREF(tree);
    Py_XDECREF(body);
    if (!ok)
        Py_CLEAR(lines);
    return lines;
}
