/* Python objects that show objects of ours to hooks: the server, a worker, settings, the log, a
 * request and its response.
 *
 * The C object is the truth: attributes are read from it each time, and written to it. What hooks
 * set beside the attributes is kept in the view's own dict. There is one view per C object, so that
 * such attributes stay, also over fork(2). When a C object ends, its view is detached: it keeps the
 * values of that moment.
 *
 * Everything is called with the GIL held.
 */
#ifndef GN_PY_PY_VIEW_H
#define GN_PY_PY_VIEW_H

#include "py/py.h"

#include <structmember.h>

struct gn_conn;
struct gn_frozen;
struct gn_listener;
struct gn_worker;

/* Begins every view. */
struct gn_py_view {
    PyObject_HEAD
    struct gn_py *h;
    PyObject *dict; /* attributes set by hooks, or NULL */
    PyObject *weak;
};

/* py_view.c */

/* A zeroed object of the type, tracked. */
void *gn_py_view_new_gil(struct gn_py *h, PyTypeObject *type);
/* The only one of its kind, which `slot` owns; made at the first call. New reference. */
PyObject *gn_py_view_once_gil(struct gn_py *h, PyObject **slot, PyTypeObject *type);
int gn_py_view_traverse(PyObject *self, visitproc visit, void *arg);
int gn_py_view_clear(PyObject *self);
void gn_py_view_dealloc(PyObject *self);

/* __dictoffset__ and __weaklistoffset__, and the getset row of __dict__. */
extern PyMemberDef gn_py_view_members[];
#define GN_PY_VIEW_DICT                                                                            \
    {                                                                                              \
        "__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL                   \
    }

#define GN_PY_VIEW_FLAGS                                                                           \
    (Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION)

/* All return new references unless said otherwise; NULL with an exception. */

/* py_arbiter.c */
PyObject *gn_py_server_gil(struct gn_py *h);

/* py_listener.c */
PyObject *gn_py_listeners_gil(struct gn_py *h, const struct gn_listener *l, size_t n); /* a list */
/* "host", port as a tuple, a path, or the number of a descriptor. */
struct gn_addr;
PyObject *gn_py_address_gil(const struct gn_addr *a);

/* py_worker.c */
PyObject *gn_py_worker_gil(struct gn_py *h, struct gn_worker *w);
void gn_py_forget_worker(struct gn_host *host, struct gn_worker *w);

/* py_app_view.c: server.app, worker.app */
PyObject *gn_py_app_gil(struct gn_py *h);

/* py_cfg.c */
PyObject *gn_py_config_gil(struct gn_py *h, const struct gn_frozen *f);
/* The settings table of that object, which may be among others in `handles`, is about to end. */
void gn_py_config_leave_gil(struct gn_py *h, PyObject *handles);

/* py_log.c */
PyObject *gn_py_logger_gil(struct gn_py *h);

/* py_req.c: a request that runs in `c`, and its response. */
PyObject *gn_py_request_new_gil(struct gn_py *h, struct gn_conn *c);
PyObject *gn_py_response_new_gil(struct gn_py *h, struct gn_conn *c, PyObject *req);
/* Puts what a hook has changed of the request into the environ. False with an exception. */
bool gn_py_request_apply_gil(PyObject *req, PyObject *environ);
/* The request ends; `c` is somebody else's from now on. */
void gn_py_request_leave_gil(PyObject *req);
void gn_py_response_leave_gil(PyObject *resp);
/* Where the request runs; NULL, without an exception, for anything else. */
struct gn_conn *gn_py_request_conn_gil(struct gn_py *h, PyObject *req);

extern PyType_Spec gn_py_server_spec, gn_py_listener_spec, gn_py_sync_worker_spec,
    gn_py_thread_worker_spec, gn_py_tmp_spec, gn_py_app_spec, gn_py_config_spec, gn_py_setting_spec,
    gn_py_logger_spec, gn_py_request_spec, gn_py_response_spec;

#endif
