/* Calls the hook ssl_context(config, default_ssl_context_factory).
 *
 * `config` has every setting as an attribute, with the values in force. The factory makes the
 * context that follows from it; what the hook has changed there before counts.
 */
#include "py/py.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "config/frozen.h"

enum { PASSWORD_FILE_BYTES = 4096 };

/* ---- config ---- */

static bool
set_attribute(PyObject *o, const char *name, PyObject *value)
{
    bool ok = value != NULL && PyObject_SetAttrString(o, name, value) == 0;

    Py_XDECREF(value);
    return ok;
}

/* A types.SimpleNamespace with all settings. */
static PyObject *
make_config(const struct gn_frozen *f)
{
    PyObject *types = PyImport_ImportModule("types");
    PyObject *config = types != NULL ? PyObject_CallMethod(types, "SimpleNamespace", NULL) : NULL;

    Py_XDECREF(types);
    for (size_t i = 0; config != NULL && i < GN_SETTING_COUNT; i++) {
        const struct gn_value *v = f->values[i] != NULL ? f->values[i] : &gn_value_none;

        if (!set_attribute(config, gn_settings[i].name, gn_py_from_value_gil(v)))
            Py_CLEAR(config);
    }
    if (config != NULL && !set_attribute(config, "is_ssl", PyBool_FromLong(1)))
        Py_CLEAR(config);
    return config;
}

/* ---- the factory ---- */

/* None, or the first line of the file. An empty text where there is none: Python would ask on the
 * terminal otherwise. */
static PyObject *
password_of(PyObject *config)
{
    PyObject *path = PyObject_GetAttrString(config, "keyfile_password_file");
    PyObject *encoded = NULL, *password = NULL;
    char *text;
    size_t n;

    if (path == NULL || path == Py_None) {
        Py_XDECREF(path);
        return path == NULL ? NULL : PyUnicode_FromString("");
    }
    if (PyUnicode_FSConverter(path, &encoded) != 0) {
        text = gn_fd_read_file(PyBytes_AS_STRING(encoded), PASSWORD_FILE_BYTES, &n);
        if (text == NULL) {
            PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, path);
        } else {
            password = PyBytes_FromStringAndSize(text, (Py_ssize_t)strcspn(text, "\r\n"));
            explicit_bzero(text, n);
            free(text);
        }
    }
    Py_XDECREF(encoded);
    Py_DECREF(path);
    return password;
}

static bool
load_chain(PyObject *config, PyObject *context)
{
    PyObject *cert = PyObject_GetAttrString(config, "certfile");
    PyObject *key = PyObject_GetAttrString(config, "keyfile");
    PyObject *password = password_of(config);
    PyObject *done = NULL;

    if (cert != NULL && key != NULL && password != NULL)
        done = PyObject_CallMethod(context, "load_cert_chain", "OOO", cert, key, password);
    Py_XDECREF(cert);
    Py_XDECREF(key);
    Py_XDECREF(password);
    Py_XDECREF(done);
    return done != NULL;
}

static bool
adjust(PyObject *config, PyObject *context)
{
    PyObject *ciphers = PyObject_GetAttrString(config, "ciphers");
    PyObject *done = NULL;
    bool ok = ciphers != NULL &&
              set_attribute(context, "verify_mode", PyObject_GetAttrString(config, "cert_reqs"));

    if (ok && PyObject_IsTrue(ciphers) == 1) {
        done = PyObject_CallMethod(context, "set_ciphers", "O", ciphers);
        ok = done != NULL;
        Py_XDECREF(done);
    }
    Py_XDECREF(ciphers);
    if (!ok)
        return false;
    done = PyObject_CallMethod(context, "set_alpn_protocols", "[s]", "http/1.1");
    Py_XDECREF(done);
    return done != NULL;
}

/* ssl.create_default_context(Purpose.CLIENT_AUTH, cafile=...) with certificate, verification and
 * ciphers of the settings. */
static PyObject *
make_default(PyObject *config, PyObject *unused)
{
    PyObject *ssl = PyImport_ImportModule("ssl");
    PyObject *purposes = ssl != NULL ? PyObject_GetAttrString(ssl, "Purpose") : NULL;
    PyObject *purpose = purposes != NULL ? PyObject_GetAttrString(purposes, "CLIENT_AUTH") : NULL;
    PyObject *make = ssl != NULL ? PyObject_GetAttrString(ssl, "create_default_context") : NULL;
    PyObject *authorities = PyObject_GetAttrString(config, "ca_certs");
    PyObject *args = purpose != NULL ? PyTuple_Pack(1, purpose) : NULL;
    PyObject *kwargs = authorities != NULL ? Py_BuildValue("{s:O}", "cafile", authorities) : NULL;
    PyObject *context = NULL;

    (void)unused;
    if (make != NULL && args != NULL && kwargs != NULL)
        context = PyObject_Call(make, args, kwargs);
    if (context != NULL && (!load_chain(config, context) || !adjust(config, context)))
        Py_CLEAR(context);
    Py_XDECREF(ssl);
    Py_XDECREF(purposes);
    Py_XDECREF(purpose);
    Py_XDECREF(make);
    Py_XDECREF(authorities);
    Py_XDECREF(args);
    Py_XDECREF(kwargs);
    return context;
}

static PyMethodDef factory_def = {
    "default_ssl_context_factory", make_default, METH_NOARGS,
    "default_ssl_context_factory()\n--\n\nA new ssl.SSLContext that follows from the settings."};

PyObject *
gn_py_tls_call_hook_gil(const struct gn_frozen *f)
{
    PyObject *config = make_config(f);
    PyObject *factory = config != NULL ? PyCFunction_New(&factory_def, config) : NULL;
    PyObject *result = NULL;

    if (factory != NULL)
        result = PyObject_CallFunctionObjArgs(f->cfg.ssl_context.handle, config, factory, NULL);
    Py_XDECREF(factory);
    Py_XDECREF(config);
    return result;
}
