/* The built-in module `_gunicorn`: the types that the application and hooks meet. */
#include "py/py.h"

#include "base/compiler.h"
#include "py/py_view.h"

PyDoc_STRVAR(module_doc, "The core of gunicorn: objects that applications receive in the environ.");

struct module_state {
    PyTypeObject *types[20];
    PyObject *request_timeout;
};

static PyType_Spec *const specs[] = {
    &gn_py_start_response_spec,
    &gn_py_writer_spec,
    &gn_py_input_spec,
    &gn_py_errors_spec,
    &gn_py_file_spec,
    &gn_py_socket_spec,
    &gn_py_early_hints_spec,
    &gn_py_tls_socket_spec,
    &gn_py_server_spec,
    &gn_py_listener_spec,
    &gn_py_sync_worker_spec,
    &gn_py_thread_worker_spec,
    &gn_py_tmp_spec,
    &gn_py_app_spec,
    &gn_py_config_spec,
    &gn_py_setting_spec,
    &gn_py_logger_spec,
    &gn_py_request_spec,
    &gn_py_response_spec,
    &gn_py_finder_spec,
};

static int
module_exec(PyObject *m)
{
    struct module_state *state = PyModule_GetState(m);

    for (size_t i = 0; i < GN_ARRAY_LEN(specs); i++) {
        state->types[i] = (PyTypeObject *)PyType_FromModuleAndSpec(m, specs[i], NULL);
        if (state->types[i] == NULL || PyModule_AddType(m, state->types[i]) < 0)
            return -1;
    }
    /* No Exception: what frameworks catch to make an error page of their own must not stop it. */
    state->request_timeout = PyErr_NewExceptionWithDoc(
        "_gunicorn.RequestTimeout", "Raised in a request that runs longer than request_timeout.",
        PyExc_BaseException, NULL);
    if (state->request_timeout == NULL)
        return -1;
    return PyModule_AddObjectRef(m, "RequestTimeout", state->request_timeout);
}

static int
module_traverse(PyObject *m, visitproc visit, void *arg)
{
    struct module_state *state = PyModule_GetState(m);

    for (size_t i = 0; i < GN_ARRAY_LEN(specs); i++)
        Py_VISIT(state->types[i]);
    Py_VISIT(state->request_timeout);
    return 0;
}

static int
module_clear(PyObject *m)
{
    struct module_state *state = PyModule_GetState(m);

    for (size_t i = 0; i < GN_ARRAY_LEN(specs); i++)
        Py_CLEAR(state->types[i]);
    Py_CLEAR(state->request_timeout);
    return 0;
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, module_exec},
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,   .m_name = "_gunicorn",
    .m_doc = module_doc,     .m_size = sizeof(struct module_state),
    .m_slots = slots,        .m_traverse = module_traverse,
    .m_clear = module_clear,
};

PyMODINIT_FUNC
PyInit__gunicorn(void)
{
    return PyModuleDef_Init(&definition);
}

bool
gn_py_module_bind_gil(struct gn_py *h, struct gn_err *err)
{
    PyObject *m = PyImport_ImportModule("_gunicorn");
    struct module_state *state;
    PyTypeObject **bound[] = {&h->start_response_type,
                              &h->writer_type,
                              &h->input_type,
                              &h->errors_type,
                              &h->file_type,
                              &h->socket_type,
                              &h->early_hints_type,
                              &h->tls_socket_type,
                              &h->server_type,
                              &h->listener_type,
                              &h->sync_worker_type,
                              &h->thread_worker_type,
                              &h->tmp_type,
                              &h->app_type,
                              &h->config_type,
                              &h->setting_type,
                              &h->logger_type,
                              &h->request_type,
                              &h->response_type,
                              &h->finder_type};

    if (m == NULL)
        return gn_py_err_take_gil(err, "_gunicorn");
    state = PyModule_GetState(m);
    for (size_t i = 0; i < GN_ARRAY_LEN(bound); i++) {
        *bound[i] = state->types[i];
        Py_INCREF(*bound[i]);
    }
    h->request_timeout = state->request_timeout;
    Py_INCREF(h->request_timeout);
    Py_DECREF(m);
    return true;
}
