/* Loading the application: MODULE, MODULE:NAME, MODULE:FACTORY(ARGS), or a Paste file. */
#include "py/py.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/frozen.h"

#define ONLY_AST 0x400 /* PyCF_ONLY_AST, as the builtin compile() takes it */

static bool
is_identifier(const char *text)
{
    PyObject *s = PyUnicode_FromString(text);
    bool ok = s != NULL && PyUnicode_IsIdentifier(s);

    Py_XDECREF(s);
    PyErr_Clear();
    return ok;
}

static PyObject *
get_object(PyObject *module, const char *module_name, PyObject *name, struct gn_err *err)
{
    PyObject *object = PyObject_GetAttr(module, name);

    if (object == NULL && PyErr_ExceptionMatches(PyExc_AttributeError)) {
        PyErr_Clear();
        gn_err_set(err, GN_E_APP_LOAD, 0, "Failed to find attribute '%s' in '%s'.",
                   PyUnicode_AsUTF8(name), module_name);
    } else if (object == NULL) {
        gn_py_err_take_gil(err, NULL);
    }
    return object;
}

/* ast.literal_eval of every argument of a call node; false when one is no literal. */
static bool
literal_arguments(PyObject *call, PyObject **args, PyObject **kwargs)
{
    PyObject *ast = PyImport_ImportModule("ast");
    PyObject *nodes = PyObject_GetAttrString(call, "args");
    PyObject *keywords = PyObject_GetAttrString(call, "keywords");
    Py_ssize_t n = nodes != NULL ? PyList_GET_SIZE(nodes) : 0;
    bool ok = ast != NULL && nodes != NULL && keywords != NULL;

    *args = PyTuple_New(n);
    *kwargs = PyDict_New();
    ok = ok && *args != NULL && *kwargs != NULL;
    for (Py_ssize_t i = 0; ok && i < n; i++) {
        PyObject *v = PyObject_CallMethod(ast, "literal_eval", "O", PyList_GET_ITEM(nodes, i));

        ok = v != NULL && PyTuple_SetItem(*args, i, v) == 0;
    }
    for (Py_ssize_t i = 0; ok && i < PyList_GET_SIZE(keywords); i++) {
        PyObject *node = PyList_GET_ITEM(keywords, i);
        PyObject *name = PyObject_GetAttrString(node, "arg");
        PyObject *expr = PyObject_GetAttrString(node, "value");
        PyObject *v = NULL;

        if (name != NULL && name != Py_None && expr != NULL)
            v = PyObject_CallMethod(ast, "literal_eval", "O", expr);
        ok = v != NULL && PyDict_SetItem(*kwargs, name, v) == 0;
        Py_XDECREF(name);
        Py_XDECREF(expr);
        Py_XDECREF(v);
    }
    PyErr_Clear();
    Py_XDECREF(ast);
    Py_XDECREF(nodes);
    Py_XDECREF(keywords);
    return ok;
}

/* The name of a Name node, or NULL without an exception. New reference. */
static PyObject *
name_of(PyObject *node)
{
    PyObject *id = node != NULL ? PyObject_GetAttrString(node, "id") : NULL;

    PyErr_Clear();
    return id;
}

static bool
parse_error(struct gn_err *err, const char *expression)
{
    PyErr_Clear();
    return gn_err_set(err, GN_E_APP_LOAD, 0,
                      "Failed to parse '%s' as an attribute name or function call.", expression);
}

static PyObject *
call_factory(PyObject *module, const char *module_name, PyObject *call, const char *expression,
             struct gn_err *err)
{
    PyObject *func = PyObject_GetAttrString(call, "func");
    PyObject *name = name_of(func);
    PyObject *args = NULL, *kwargs = NULL, *factory = NULL, *app = NULL;

    if (name == NULL) {
        gn_err_set(err, GN_E_APP_LOAD, 0, "Function reference must be a simple name: '%s'",
                   expression);
        goto out;
    }
    if (!literal_arguments(call, &args, &kwargs)) {
        gn_err_set(err, GN_E_APP_LOAD, 0, "Failed to parse arguments as literal values: '%s'",
                   expression);
        goto out;
    }
    factory = get_object(module, module_name, name, err);
    if (factory == NULL)
        goto out;
    app = PyObject_Call(factory, args, kwargs);
    if (app == NULL) {
        /* A call that does not fit the signature has no frame of the factory: it is the expression
         * that is wrong. */
        bool is_signature = PyErr_ExceptionMatches(PyExc_TypeError);
        PyObject *type, *value, *tb;

        PyErr_Fetch(&type, &value, &tb);
        is_signature = is_signature && tb == NULL;
        PyErr_Restore(type, value, tb);
        gn_py_err_take_gil(err, NULL);
        if (is_signature && err != NULL) {
            free(err->detail);
            err->detail = NULL;
            err->code = GN_E_APP_LOAD;
        }
    } else if (app == Py_None) {
        gn_err_set(err, GN_E_APP_LOAD, 0, "Failed to find application object: '%s'", expression);
        Py_CLEAR(app);
    }
out:
    Py_XDECREF(func);
    Py_XDECREF(name);
    Py_XDECREF(args);
    Py_XDECREF(kwargs);
    Py_XDECREF(factory);
    return app;
}

/* An expression that is more than an identifier: NAME(...) with literal arguments. */
static PyObject *
eval_expression(PyObject *module, const char *module_name, const char *expression,
                struct gn_err *err)
{
    PyObject *compile = PyDict_GetItemString(PyEval_GetBuiltins(), "compile"); /* borrowed */
    PyObject *tree = NULL, *body = NULL, *app = NULL;
    const char *type;

    if (compile != NULL)
        tree = PyObject_CallFunction(compile, "sssiO", expression, "<application>", "eval",
                                     ONLY_AST, Py_True);
    if (tree != NULL)
        body = PyObject_GetAttrString(tree, "body");
    type = body != NULL ? strrchr(Py_TYPE(body)->tp_name, '.') : NULL;
    type = type != NULL ? type + 1 : body != NULL ? Py_TYPE(body)->tp_name : "";
    if (strcmp(type, "Call") == 0)
        app = call_factory(module, module_name, body, expression, err);
    else
        parse_error(err, expression);
    Py_XDECREF(tree);
    Py_XDECREF(body);
    return app;
}

static bool
import_error(const char *name, const char *expression, struct gn_err *err)
{
    size_t n = strlen(name);
    bool is_file = n > 3 && strcmp(name + n - 3, ".py") == 0 && access(name, F_OK) == 0;

    gn_py_err_take_gil(err, NULL);
    if (is_file)
        gn_err_prefix(err, "Failed to find application, did you mean '%.*s:%s'?", (int)n - 3, name,
                      expression);
    return false;
}

static PyObject *
import_app(const char *uri, struct gn_err *err)
{
    const char *colon = strchr(uri, ':');
    const char *expression = colon != NULL ? colon + 1 : "application";
    char name[512];
    PyObject *module, *attr, *app = NULL;

    if (colon == NULL ? strlen(uri) >= sizeof(name) : (size_t)(colon - uri) >= sizeof(name)) {
        gn_err_set(err, GN_E_APP_LOAD, 0, "Failed to find application object: '%.100s'", uri);
        return NULL;
    }
    snprintf(name, sizeof(name), "%.*s", (int)(colon != NULL ? (size_t)(colon - uri) : strlen(uri)),
             uri);
    module = PyImport_ImportModule(name);
    if (module == NULL) {
        import_error(name, expression, err);
        return NULL;
    }
    if (is_identifier(expression)) {
        attr = PyUnicode_FromString(expression);
        app = attr != NULL ? get_object(module, name, attr, err) : NULL;
        Py_XDECREF(attr);
    } else {
        app = eval_expression(module, name, expression, err);
    }
    Py_DECREF(module);
    return app;
}

/* {"key": "value"} of the --paste-global pairs. */
static PyObject *
paste_globals(const struct gn_strlist *pairs)
{
    PyObject *dict = PyDict_New();

    for (size_t i = 0; dict != NULL && i < pairs->n; i++) {
        const char *equals = strchr(pairs->v[i], '=');
        size_t n = equals != NULL ? (size_t)(equals - pairs->v[i]) : strlen(pairs->v[i]);
        PyObject *key = PyUnicode_FromStringAndSize(pairs->v[i], (Py_ssize_t)n);
        PyObject *value = PyUnicode_FromString(equals != NULL ? equals + 1 : "");

        if (key == NULL || value == NULL || PyDict_SetItem(dict, key, value) < 0)
            Py_CLEAR(dict);
        Py_XDECREF(key);
        Py_XDECREF(value);
    }
    return dict;
}

/* paste.deploy.loadapp("config:/abs/file.ini#name", global_conf=...) */
static PyObject *
paste_app(const struct gn_cfg *cfg, struct gn_err *err)
{
    PyObject *deploy = PyImport_ImportModule("paste.deploy");
    PyObject *load = NULL, *args = NULL, *kwargs = NULL, *globals = NULL, *app = NULL;
    char cwd[PATH_MAX];

    if (deploy != NULL && getcwd(cwd, sizeof(cwd)) != NULL) {
        load = PyObject_GetAttrString(deploy, "loadapp");
        globals = paste_globals(&cfg->raw_paste_global_conf);
        args = Py_BuildValue("(N)", PyUnicode_FromFormat("config:%s", cfg->paste));
        kwargs = globals != NULL
                     ? Py_BuildValue("{s:s,s:O}", "relative_to", cwd, "global_conf", globals)
                     : NULL;
    }
    if (load != NULL && args != NULL && kwargs != NULL)
        app = PyObject_Call(load, args, kwargs);
    if (app == NULL)
        gn_py_err_take_gil(err, NULL);
    Py_XDECREF(deploy);
    Py_XDECREF(load);
    Py_XDECREF(args);
    Py_XDECREF(kwargs);
    Py_XDECREF(globals);
    return app;
}

bool
gn_py_load_app(struct gn_host *host, const struct gn_frozen *f, struct gn_log *log,
               struct gn_err *err)
{
    struct gn_py *h = gn_py_of(host);
    PyObject *app;

    if (h->app != NULL)
        return true;
    if (log != NULL)
        h->log = log;
    if (f->cfg.paste != NULL)
        app = paste_app(&f->cfg, err);
    else if (f->app_uri != NULL)
        app = import_app(f->app_uri, err);
    else
        return gn_err_set(err, GN_E_VALUE, 0, "No application module specified.");
    if (app == NULL)
        return false;
    if (!PyCallable_Check(app)) {
        Py_DECREF(app);
        return gn_err_set(err, GN_E_APP_LOAD, 0, "Application object must be callable.");
    }
    h->app = app;
    return true;
}
