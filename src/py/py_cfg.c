/* The settings as hooks see them: server.cfg, worker.cfg.
 *
 * The object belongs to its table: it is one of the handles that the table owns, and borrows the
 * table. When the table ends and somebody still holds the object, it keeps the values.
 */
#include "py/py_view.h"

#include <string.h>

#include "arbiter/view.h"
#include "base/addr.h"
#include "config/frozen.h"

struct config {
    struct gn_py_view view;
    const struct gn_frozen *f; /* NULL when it has ended */
    PyObject *values[GN_SETTING_COUNT];
    PyObject *settings; /* what `settings` gives, or NULL */
};

struct setting {
    struct gn_py_view view;
    PyObject *config;
    const struct gn_setting *s;
};

/* ---- values ---- */

/* In place of a hook that isn't set. */
static PyObject *
nothing(PyObject *self, PyObject *args, PyObject *kwargs)
{
    (void)self;
    (void)args;
    (void)kwargs;
    Py_RETURN_NONE;
}

static PyMethodDef nothing_def = {"no_hook", (PyCFunction)(void (*)(void))nothing,
                                  METH_VARARGS | METH_KEYWORDS, "Stands for a hook not set."};

static PyObject *
class_value(const struct config *c, enum gn_setting_id id)
{
    struct gn_py *h = c->view.h;
    const struct gn_cfg *cfg = &c->f->cfg;
    const struct gn_ref *ref = id == GN_S_WORKER_CLASS ? &cfg->worker_class : &cfg->logger_class;
    PyObject *type = ref->handle;

    if (type == NULL && id == GN_S_LOGGER_CLASS)
        type = (PyObject *)h->logger_type;
    if (type == NULL)
        type = (PyObject *)(cfg->threads > 1 || (ref->name != NULL && strstr(ref->name, "thread"))
                                ? h->thread_worker_type
                                : h->sync_worker_type);
    Py_INCREF(type);
    return type;
}

/* What the original gives for the attribute; for most that is the value. */
static PyObject *
make_value(const struct config *c, enum gn_setting_id id)
{
    const struct gn_value *v = c->f->values[id] != NULL ? c->f->values[id] : &gn_value_none;

    if (gn_settings[id].kind == GN_KIND_HOOK && (v->tag != GN_V_OBJECT || v->obj->handle == NULL))
        return PyCFunction_New(&nothing_def, NULL);
    switch (id) {
    case GN_S_WORKER_CLASS:
    case GN_S_LOGGER_CLASS:
        return class_value(c, id);
    case GN_S_PROC_NAME:
        return gn_py_from_value_gil(v->tag != GN_V_NONE ? v : c->f->values[GN_S_DEFAULT_PROC_NAME]);
    case GN_S_SENDFILE:
        return PyBool_FromLong(gn_cfg_sendfile(c->f));
    default:
        return gn_py_from_value_gil(v);
    }
}

/* Made once, so that it is the same object each time. New reference. */
static PyObject *
value_of(struct config *c, enum gn_setting_id id)
{
    if (c->values[id] == NULL) {
        PyObject *value;

        if (c->f == NULL) {
            PyErr_SetString(PyExc_RuntimeError, "these settings are no longer in force");
            return NULL;
        }
        value = make_value(c, id);
        if (value == NULL || c->values[id] != NULL)
            Py_XDECREF(value);
        else
            c->values[id] = value;
    }
    Py_XINCREF(c->values[id]);
    return c->values[id];
}

/* ---- one setting ---- */

static PyObject *
setting_get(PyObject *self, PyObject *unused)
{
    struct setting *o = (struct setting *)self;
    struct config *c = (struct config *)o->config;
    const struct gn_value *v;

    (void)unused;
    /* The value itself: attributes of the settings object may show more than that. */
    v = c->f != NULL ? c->f->values[o->s->id] : NULL;
    if (v != NULL && o->s->kind != GN_KIND_HOOK)
        return gn_py_from_value_gil(v);
    return value_of(c, o->s->id);
}

static PyObject *
get_value(PyObject *self, void *closure)
{
    (void)closure;
    return setting_get(self, NULL);
}

static PyObject *
get_default(PyObject *self, void *closure)
{
    const struct gn_setting *s = ((struct setting *)self)->s;

    (void)closure;
    if (s->kind == GN_KIND_HOOK)
        return PyCFunction_New(&nothing_def, NULL);
    return gn_py_from_value_gil(s->def != NULL ? s->def : &gn_value_none);
}

/* Closure: which text of the row. */
static PyObject *
get_text(PyObject *self, void *closure)
{
    const struct gn_setting *s = ((struct setting *)self)->s;
    const char *text = *(const char *const *)((const char *)s + (size_t)closure);

    if (text == NULL)
        Py_RETURN_NONE;
    return PyUnicode_FromString(text);
}

static PyObject *
get_cli(PyObject *self, void *closure)
{
    const struct gn_setting *s = ((struct setting *)self)->s;
    PyObject *list = PyList_New(0);

    (void)closure;
    for (size_t i = 0; list != NULL && s->cli[i] != NULL; i++) {
        PyObject *flag = PyUnicode_FromString(s->cli[i]);

        if (flag == NULL || PyList_Append(list, flag) < 0)
            Py_CLEAR(list);
        Py_XDECREF(flag);
    }
    return list;
}

static PyObject *
get_order(PyObject *self, void *closure)
{
    (void)closure;
    return PyLong_FromLong(((struct setting *)self)->s->id);
}

static PyObject *
setting_repr(PyObject *self)
{
    PyObject *value = setting_get(self, NULL);
    PyObject *text = NULL;

    if (value != NULL)
        text = PyUnicode_FromFormat("<gunicorn.config.Setting %s value=%R>",
                                    ((struct setting *)self)->s->name, value);
    Py_XDECREF(value);
    return text;
}

static int
setting_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(((struct setting *)self)->config);
    return gn_py_view_traverse(self, visit, arg);
}

static int
setting_clear(PyObject *self)
{
    Py_CLEAR(((struct setting *)self)->config);
    return gn_py_view_clear(self);
}

static PyMethodDef setting_methods[] = {
    {"get", setting_get, METH_NOARGS, "The value in force."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef setting_attributes[] = {
    {"name", get_text, NULL, "Its name.", (void *)offsetof(struct gn_setting, name)},
    {"section", get_text, NULL, "Its section.", (void *)offsetof(struct gn_setting, section)},
    {"short", get_text, NULL, "In one sentence.", (void *)offsetof(struct gn_setting, brief)},
    {"desc", get_text, NULL, "Its documentation.", (void *)offsetof(struct gn_setting, desc)},
    {"meta", get_text, NULL, "Of its flag.", (void *)offsetof(struct gn_setting, meta)},
    {"cli", get_cli, NULL, "Its flags.", NULL},
    {"order", get_order, NULL, "Its place in the documentation.", NULL},
    {"value", get_value, NULL, "The value in force.", NULL},
    {"default", get_default, NULL, "The built-in default.", NULL},
    GN_PY_VIEW_DICT,
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot setting_slots[] = {
    {Py_tp_dealloc, gn_py_view_dealloc},
    {Py_tp_traverse, setting_traverse},
    {Py_tp_clear, setting_clear},
    {Py_tp_members, gn_py_view_members},
    {Py_tp_getset, setting_attributes},
    {Py_tp_methods, setting_methods},
    {Py_tp_repr, setting_repr},
    {Py_tp_doc, (void *)"One setting and its value."},
    {0, NULL},
};

PyType_Spec gn_py_setting_spec = {
    .name = "gunicorn.config.Setting",
    .basicsize = sizeof(struct setting),
    .flags = GN_PY_VIEW_FLAGS,
    .slots = setting_slots,
};

/* ---- attributes that are no settings ---- */

static struct config *
config_in_force(PyObject *self)
{
    struct config *c = (struct config *)self;

    if (c->f != NULL)
        return c;
    PyErr_SetString(PyExc_RuntimeError, "these settings are no longer in force");
    return NULL;
}

static PyObject *
make_settings(struct config *c)
{
    PyObject *dict = PyDict_New();

    for (size_t i = 0; dict != NULL && i < GN_SETTING_COUNT; i++) {
        struct setting *o = gn_py_view_new_gil(c->view.h, c->view.h->setting_type);

        if (o != NULL) {
            o->s = &gn_settings[i];
            Py_INCREF(c);
            o->config = (PyObject *)c;
        }
        if (o == NULL || PyDict_SetItemString(dict, o->s->name, (PyObject *)o) < 0)
            Py_CLEAR(dict);
        Py_XDECREF((PyObject *)o);
    }
    return dict;
}

static PyObject *
get_settings(PyObject *self, void *closure)
{
    struct config *c = (struct config *)self;

    (void)closure;
    if (c->settings == NULL)
        c->settings = make_settings(c);
    Py_XINCREF(c->settings);
    return c->settings;
}

static PyObject *
get_address(PyObject *self, void *closure)
{
    struct config *c = config_in_force(self);
    PyObject *list = c != NULL ? PyList_New(0) : NULL;

    (void)closure;
    for (size_t i = 0; list != NULL && i < c->f->cfg.bind.n; i++) {
        struct gn_addr a;
        struct gn_err err = {0};
        PyObject *item = NULL;

        if (gn_addr_parse(c->f->cfg.bind.v[i], &a, &err))
            item = gn_py_address_gil(&a);
        else
            PyErr_SetString(PyExc_ValueError, err.msg);
        if (item == NULL || PyList_Append(list, item) < 0)
            Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}

/* {"NAME": "value"} of raw_env. */
static PyObject *
get_env(PyObject *self, void *closure)
{
    struct config *c = config_in_force(self);
    PyObject *dict = c != NULL ? PyDict_New() : NULL;

    (void)closure;
    for (size_t i = 0; dict != NULL && i < c->f->cfg.raw_env.n; i++) {
        const char *pair = c->f->cfg.raw_env.v[i], *equals = strchr(pair, '=');
        PyObject *key, *value;

        if (equals == NULL)
            continue;
        key = PyUnicode_DecodeFSDefaultAndSize(pair, equals - pair);
        value = PyUnicode_DecodeFSDefault(equals + 1);
        if (key == NULL || value == NULL || PyDict_SetItem(dict, key, value) < 0)
            Py_CLEAR(dict);
        Py_XDECREF(key);
        Py_XDECREF(value);
    }
    return dict;
}

static PyObject *
get_worker_class_str(PyObject *self, void *closure)
{
    struct config *c = config_in_force(self);
    const struct gn_ref *ref;

    (void)closure;
    if (c == NULL)
        return NULL;
    ref = &c->f->cfg.worker_class;
    if (c->f->cfg.threads > 1 && (ref->name == NULL || strcmp(ref->name, "sync") == 0))
        return PyUnicode_FromString("gthread");
    return PyUnicode_FromString(ref->name != NULL ? ref->name : "sync");
}

/* The text of a setting, as the original gives it: true when TLS is on. */
static PyObject *
get_is_ssl(PyObject *self, void *closure)
{
    struct config *c = (struct config *)self;
    PyObject *cert = value_of(c, GN_S_CERTFILE);
    int has_cert = cert != NULL ? PyObject_IsTrue(cert) : -1;

    (void)closure;
    if (has_cert != 0)
        return cert;
    Py_DECREF(cert);
    return value_of(c, GN_S_KEYFILE);
}

static PyObject *
get_ssl_options(PyObject *self, void *closure)
{
    PyObject *dict = PyDict_New();

    (void)closure;
    for (size_t i = 0; dict != NULL && i < GN_SETTING_COUNT; i++) {
        PyObject *value;

        if (strcmp(gn_settings[i].section, "SSL") != 0)
            continue;
        value = value_of((struct config *)self, gn_settings[i].id);
        if (value == NULL || PyDict_SetItemString(dict, gn_settings[i].name, value) < 0)
            Py_CLEAR(dict);
        Py_XDECREF(value);
    }
    return dict;
}

static PyObject *
get_alias(PyObject *self, void *closure)
{
    return PyObject_GetAttrString(self, closure);
}

/* ---- changing ---- */

/* The object goes over to the table that has the new value. */
static bool
move_to(struct config *c, const struct gn_frozen *f)
{
    struct gn_py *h = c->view.h;
    PyObject *older = gn_frozen_handles(c->f), *newer = gn_frozen_handles(f);
    Py_ssize_t at;

    if (newer == NULL) {
        newer = PyList_New(0);
        if (newer == NULL)
            return false;
        gn_frozen_own(f, &h->host, newer);
    }
    /* Values that have not changed refer to what the older table owns. */
    if (PyList_Append(newer, older) < 0 || PyList_Append(newer, (PyObject *)c) < 0)
        return false;
    at = PySequence_Index(older, (PyObject *)c);
    if (at >= 0)
        PySequence_DelItem(older, at);
    PyErr_Clear();
    c->f = f;
    for (size_t i = 0; i < GN_SETTING_COUNT; i++)
        Py_CLEAR(c->values[i]);
    return true;
}

static PyObject *
config_set(PyObject *self, PyObject *args)
{
    struct config *c = config_in_force(self);
    struct gn_arbiter *arb;
    struct gn_arena arena = {.block_bytes = 4096};
    const struct gn_setting *s;
    const struct gn_value *raw;
    const struct gn_frozen *f = NULL, *older;
    struct gn_err err = {0};
    const char *name;
    PyObject *value;
    bool ok;

    if (c == NULL || !PyArg_ParseTuple(args, "sO:set", &name, &value))
        return NULL;
    s = gn_setting_find(gn_slice_str(name));
    if (s == NULL)
        return PyErr_Format(PyExc_AttributeError, "No configuration setting for: %s", name);
    arb = c->view.h->host.arbiter;
    /* The arbiter gives it up for the new one, to which the object has to go over first. */
    older = gn_frozen_ref(c->f);
    raw = arb != NULL ? gn_py_to_value_gil(c->view.h, &arena, value) : NULL;
    if (raw != NULL)
        f = gn_arb_view_set(arb, s, raw, &err);
    ok = f != NULL && move_to(c, f);
    if (!ok && !PyErr_Occurred())
        PyErr_SetString(arb == NULL || err.code == GN_E_MEMORY ? PyExc_RuntimeError
                                                               : PyExc_ValueError,
                        err.code != GN_E_NONE ? err.msg : "the server has ended");
    gn_err_clear(&err);
    gn_arena_fini(&arena);
    gn_frozen_unref(older);
    if (!ok)
        return NULL;
    Py_RETURN_NONE;
}

/* ---- the type ---- */

static const struct gn_setting *
setting_named(PyObject *name)
{
    Py_ssize_t n;
    const char *p = PyUnicode_AsUTF8AndSize(name, &n);

    if (p == NULL) {
        PyErr_Clear();
        return NULL;
    }
    return gn_setting_find(gn_slice(p, (size_t)n));
}

static PyObject *
config_getattro(PyObject *self, PyObject *name)
{
    const struct gn_setting *s = setting_named(name);
    PyObject *value;

    if (s != NULL)
        return value_of((struct config *)self, s->id);
    value = PyObject_GenericGetAttr(self, name);
    if (value == NULL && PyErr_ExceptionMatches(PyExc_AttributeError))
        PyErr_Format(PyExc_AttributeError, "No configuration setting for: %U", name);
    return value;
}

static int
config_setattro(PyObject *self, PyObject *name, PyObject *value)
{
    if (setting_named(name) != NULL) {
        PyErr_Format(PyExc_AttributeError, "Invalid access! (use cfg.set(%R, value))", name);
        return -1;
    }
    return PyObject_GenericSetAttr(self, name, value);
}

static int
config_traverse(PyObject *self, visitproc visit, void *arg)
{
    struct config *c = (struct config *)self;

    for (size_t i = 0; i < GN_SETTING_COUNT; i++)
        Py_VISIT(c->values[i]);
    Py_VISIT(c->settings);
    return gn_py_view_traverse(self, visit, arg);
}

static int
config_clear(PyObject *self)
{
    struct config *c = (struct config *)self;

    for (size_t i = 0; i < GN_SETTING_COUNT; i++)
        Py_CLEAR(c->values[i]);
    Py_CLEAR(c->settings);
    return gn_py_view_clear(self);
}

static PyMethodDef config_methods[] = {
    {"set", config_set, METH_VARARGS, "set(name, value): changes a setting, in on_starting."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef config_attributes[] = {
    {"settings", get_settings, NULL, "Name to setting.", NULL},
    {"address", get_address, NULL, "What `bind` asks for, parsed.", NULL},
    {"env", get_env, NULL, "The pairs of raw_env.", NULL},
    {"worker_class_str", get_worker_class_str, NULL, "Name of the class of workers.", NULL},
    {"is_ssl", get_is_ssl, NULL, "True when connections are encrypted.", NULL},
    {"ssl_options", get_ssl_options, NULL, "The settings of the section SSL.", NULL},
    {"uid", get_alias, NULL, "The user of workers.", (void *)"user"},
    {"gid", get_alias, NULL, "The group of workers.", (void *)"group"},
    GN_PY_VIEW_DICT,
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot config_slots[] = {
    {Py_tp_dealloc, gn_py_view_dealloc},
    {Py_tp_traverse, config_traverse},
    {Py_tp_clear, config_clear},
    {Py_tp_members, gn_py_view_members},
    {Py_tp_getset, config_attributes},
    {Py_tp_methods, config_methods},
    {Py_tp_getattro, config_getattro},
    {Py_tp_setattro, config_setattro},
    {Py_tp_doc, (void *)"The settings; each is an attribute."},
    {0, NULL},
};

PyType_Spec gn_py_config_spec = {
    .name = "gunicorn.config.Config",
    .basicsize = sizeof(struct config),
    .flags = GN_PY_VIEW_FLAGS,
    .slots = config_slots,
};

/* ---- from and to C ---- */

/* The settings object among what a table owns, as a new reference; or NULL. */
static PyObject *
find_config(const struct gn_py *h, PyObject *handles)
{
    for (Py_ssize_t i = PyList_GET_SIZE(handles) - 1; i >= 0; i--) {
        PyObject *item = PyList_GET_ITEM(handles, i); /* borrowed */

        if (Py_IS_TYPE(item, h->config_type))
            return Py_NewRef(item);
    }
    return NULL;
}

PyObject *
gn_py_config_gil(struct gn_py *h, const struct gn_frozen *f)
{
    PyObject *handles = gn_frozen_handles(f), *found;
    struct config *c;

    if (handles == NULL) {
        handles = PyList_New(0);
        if (handles == NULL)
            return NULL;
        gn_frozen_own(f, &h->host, handles);
    }
    found = find_config(h, handles);
    if (found != NULL)
        return found;
    c = gn_py_view_new_gil(h, h->config_type);
    found = c != NULL ? find_config(h, handles) : NULL; /* another thread was faster */
    if (c == NULL || found != NULL) {
        Py_XDECREF((PyObject *)c);
        return found;
    }
    c->f = f;
    if (PyList_Append(handles, (PyObject *)c) < 0) {
        c->f = NULL;
        Py_CLEAR(c);
    }
    return (PyObject *)c;
}

void
gn_py_config_leave_gil(struct gn_py *h, PyObject *handles)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(handles); i++) {
        struct config *c = (struct config *)PyList_GET_ITEM(handles, i); /* borrowed */

        if (!Py_IS_TYPE((PyObject *)c, h->config_type))
            continue;
        for (size_t k = 0; Py_REFCNT(c) > 1 && k < GN_SETTING_COUNT; k++)
            Py_XDECREF(value_of(c, gn_settings[k].id));
        PyErr_Clear();
        c->f = NULL;
    }
}
