/* The only header that includes Python.h; what the files of this folder share.
 *
 * Functions whose name ends in _gil are called with the GIL held. The others of this folder take
 * it themselves. There is one interpreter and one struct gn_py per process; the Python objects in
 * it live as long as the interpreter.
 */
#ifndef GN_PY_PY_H
#define GN_PY_PY_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>

#include <stdatomic.h>

#include "base/err.h"
#include "base/slice.h"
#include "host/host.h"
#include "http/head.h"

#if PY_VERSION_HEX < 0x030a0000
#error "Python 3.10 or newer is needed"
#endif

/* Byte code tells the columns of what it was compiled from. */
#define GN_PY_HAS_POSITIONS (PY_VERSION_HEX >= 0x030b0000)

/* Constant strings, created once: gn_py_str(h, REQUEST_METHOD). */
enum gn_py_intern {
#define S(id, text) GN_PY_S_##id,
#include "py/py_intern.def"
#undef S
    GN_PY_INTERN_COUNT
};

/* Environ keys of header names that were seen, as received. Direct-mapped: a collision replaces. */
enum { GN_PY_NAME_CACHE = 256, GN_PY_NAME_BYTES = 48 };

struct gn_py_name {
    PyObject *key; /* "HTTP_X_FORWARDED_FOR", or NULL */
    uint8_t n;
    char name[GN_PY_NAME_BYTES];
};

/* What is prepared for one listener. */
struct gn_py_base {
    const struct gn_listener *listener;
    PyObject *environ; /* dict with everything that does not depend on the request */
};

struct gn_py {
    struct gn_host host; /* first */
    int argc;
    char **argv;
    char *start_dir;
    bool is_started;
    bool is_stopped;
    PyInterpreterState *interp;
    PyThreadState *ts; /* of the main thread while it is outside Python */
    struct gn_log *log;
    struct gn_worker *worker;        /* in a worker process */
    struct gn_scratch *main_scratch; /* of the request that the main thread runs, or NULL */

    PyObject *intern[GN_PY_INTERN_COUNT];
    bool traces_lines;
    PyObject *app;          /* the application, or NULL */
    PyObject *handles;      /* list: keeps what the settings table refers to */
    PyObject *env_undo;     /* dict: name -> value before raw_env, or None */
    PyObject *path_undo;    /* list: entries of sys.path that are ours */
    PyObject *conf_module;  /* the configuration module: its globals keep the hooks alive */
    PyObject *conf_brought; /* set: names of the modules that python:MODULE has brought in */
    PyObject *conf_texts;   /* dict: file name -> what is known of a module's text (py_places.c) */

    int64_t limit_s;        /* for user code that makes settings; 0: none */
    PyObject *limit_before; /* while one runs: the handler of SIGALRM before, else NULL */

    PyObject *request_timeout; /* the exception _gunicorn.RequestTimeout */

    /* Types of the module _gunicorn. */
    PyTypeObject *start_response_type, *writer_type, *input_type, *errors_type, *file_type,
        *socket_type, *early_hints_type, *tls_socket_type, *finder_type;
    /* Those of views (py_view.h). */
    PyTypeObject *server_type, *listener_type, *sync_worker_type, *thread_worker_type, *tmp_type,
        *app_type, *config_type, *setting_type, *logger_type, *request_type, *response_type;

    PyObject *server, *app_view, *logger; /* the only views of their kind, or NULL */

    /* Request machinery, guarded by the GIL. */
    /* Kept for reuse while nobody else holds them. */
    PyObject *start_response, *writer, *input, *early_hints;
    bool warned_of_head, warned_of_status; /* a body was given where none may be */
    _Atomic(void *) late;                  /* pieces of sent responses, to be released */
    struct gn_py_base *bases;
    size_t n_bases;
    PyObject *peer_object; /* REMOTE_ADDR of the last request, as object and text */
    char peer_text[64];
    struct gn_py_name names[GN_PY_NAME_CACHE];
};

#define gn_py_str(h, id) ((h)->intern[GN_PY_S_##id]) /* borrowed */

static inline struct gn_py *
gn_py_of(struct gn_host *host)
{
    return (struct gn_py *)host;
}

/* py_intern.c */
bool gn_py_intern_init_gil(struct gn_py *h);

/* py_err.c: the current exception becomes `err` and is cleared. Always returns false. `what` goes
 * before the message. The traceback has no frames of the machinery that imports modules. */
bool gn_py_err_take_gil(struct gn_err *err, const char *what);

/* Traceback text of the current exception (cleared), heap, lines ending in LF; NULL without memory.
 * `message` receives "Type: text", may be NULL. */
char *gn_py_traceback_gil(char *message, size_t size);

/* py_home.c: fills PyConfig's executable and program_name. False when the environment that was
 * asked for can't be used. */
bool gn_py_home_apply(PyConfig *config, const char *argv0, const char *start_dir,
                      struct gn_err *err);

/* py_module.c */
PyMODINIT_FUNC PyInit__gunicorn(void);
bool gn_py_module_bind_gil(struct gn_py *h, struct gn_err *err);

/* py_conf.c */
/* Around user code that must end within limit_s. */
void gn_py_limit_begin_gil(struct gn_py *h);
void gn_py_limit_end_gil(struct gn_py *h);
void gn_py_limit(struct gn_host *, int64_t seconds);

bool gn_py_load_config(struct gn_host *, const char *location, struct gn_cfg_sink *,
                       struct gn_err *);
const struct gn_value *gn_py_import_callable(struct gn_host *, struct gn_arena *,
                                             const char *dotted, struct gn_err *);
const struct gn_value *gn_py_call_callable(struct gn_host *, struct gn_arena *,
                                           const struct gn_value *callable, struct gn_err *);
const struct gn_value *gn_py_to_value_gil(struct gn_py *, struct gn_arena *, PyObject *);

/* py_value.c: what a setting's value is in Python; new reference. */
PyObject *gn_py_from_value_gil(const struct gn_value *v);

/* py_package.c: the module gunicorn, and what was written to it. */
extern PyType_Spec gn_py_finder_spec;
bool gn_py_package_init_gil(struct gn_py *h);
bool gn_py_server_text(struct gn_host *, struct gn_arena *, struct gn_slice *text);
PyObject *gn_py_server_software_gil(void); /* new reference */

/* py_hooks.c */
bool gn_py_run_hook(struct gn_host *, const struct gn_frozen *, enum gn_hook_id,
                    const struct gn_hook_args *, struct gn_err *);
/* Those around a request, which are set. False with an exception; what post_request raises is
 * logged. */
bool gn_py_pre_request_gil(struct gn_py *h, struct gn_worker *w, PyObject *req);
void gn_py_post_request_gil(struct gn_py *h, struct gn_worker *w, PyObject *req, PyObject *environ,
                            PyObject *resp);

/* py_app.c */
bool gn_py_load_app(struct gn_host *, const struct gn_frozen *, struct gn_log *, struct gn_err *);

/* py_check.c */
void gn_py_stream_output(struct gn_host *);
void gn_py_explain_paths(struct gn_host *, struct gn_err *);
bool gn_py_check_value(struct gn_host *, enum gn_host_check, const struct gn_value *,
                       struct gn_err *);

/* py_paths.c */
bool gn_py_apply_paths(struct gn_host *, const struct gn_frozen *, struct gn_err *);
bool gn_py_apply_env(struct gn_host *, const struct gn_frozen *, struct gn_err *);
void gn_py_restore(struct gn_host *);
bool gn_py_set_env(struct gn_host *, const char *name, const char *value, struct gn_err *);
bool gn_py_path_insert_gil(struct gn_py *, const char *dir);

/* py_signals.c */
bool gn_py_worker_signals(struct gn_host *, struct gn_worker *, int wake_write_fd, struct gn_err *);
bool gn_py_check_signals(struct gn_host *);
/* What the worker's handler does for the signal: None, or NULL with SystemExit. */
PyObject *gn_py_signal_gil(struct gn_worker *w, int signo);

/* faulthandler's dump, which works in the signal handler and needs no GIL. */
bool gn_py_dump_on_signal(struct gn_host *, int signo, int fd);

/* A worker that is ending is not killed by a second TERM: the interpreter gives handlers back to
 * the system's default when it ends, but keeps what is ignored. */
void gn_py_ignore_late_signals_gil(void);

/* py_tls.c */
struct gn_tls_ctx *gn_py_tls_context(struct gn_host *, const struct gn_frozen *, struct gn_err *);

/* py_tls_hook.c: what the hook ssl_context returns; NULL with an exception. */
PyObject *gn_py_tls_call_hook_gil(const struct gn_frozen *f);

/* py_timeout.c: request_timeout. A request may be interrupted between begin and end; `end` is
 * called before its exceptions are looked at, too, and counts once. */
void gn_py_app_begin_gil(struct gn_conn *c);
void gn_py_app_end_gil(struct gn_conn *c);
bool gn_py_interrupt(struct gn_host *, struct gn_worker *, void *thread, struct gn_scratch *,
                     int64_t since_ns);
/* Handles the signal by which the main thread is woken from system calls. */
bool gn_py_timeout_signal_gil(struct gn_py *h, PyObject *signal_module);

/* py_reload.c */
void gn_py_list_files(struct gn_host *, void *thread, void (*add)(void *ctx, const char *path),
                      void *ctx);
bool gn_py_stand_in(struct gn_host *, const char *text);
void gn_py_trace_lines(struct gn_host *);
void gn_py_trace_gil(void); /* the calling thread */

/* py_wsgi.c */
void gn_py_handle_request(struct gn_host *, struct gn_worker *, struct gn_conn *);

/* What gn_resp_pieces was given is not needed any more. The first needs no GIL: it only remembers.
 */
void gn_py_release(struct gn_host *, void *owner);
void gn_py_drop_late_gil(struct gn_py *h);
extern PyType_Spec gn_py_start_response_spec, gn_py_writer_spec, gn_py_early_hints_spec;

/* py_environ.c: a new dict, or NULL with an exception or with `error` filled (then no exception is
 * set). */
PyObject *gn_py_environ_gil(struct gn_py *h, struct gn_conn *c, PyObject *input, PyObject *sock,
                            struct gn_http_error *error);

/* py_input.c */
extern PyType_Spec gn_py_input_spec;
PyObject *gn_py_input_new_gil(struct gn_py *h, struct gn_conn *c); /* new reference */
void gn_py_input_detach_gil(PyObject *input);

/* py_errors.c */
extern PyType_Spec gn_py_errors_spec;
PyObject *gn_py_errors_new_gil(struct gn_py *h);

/* py_file.c: wsgi.file_wrapper */
extern PyType_Spec gn_py_file_spec;
PyObject *gn_py_file_object(PyObject *wrapper); /* borrowed: what was wrapped */

/* py_sock.c: gunicorn.socket, a stand-in that becomes a socket.socket when it is touched */
extern PyType_Spec gn_py_socket_spec;
PyObject *gn_py_socket_new_gil(struct gn_py *h, int fd);
void gn_py_socket_detach_gil(PyObject *sock);
bool gn_py_socket_was_taken(PyObject *sock);

/* py_tls_sock.c: the same for a connection with TLS */
extern PyType_Spec gn_py_tls_socket_spec;
PyObject *gn_py_tls_socket_new_gil(struct gn_py *h, struct gn_conn *c);
void gn_py_tls_socket_detach_gil(PyObject *sock);
bool gn_py_tls_socket_was_used(PyObject *sock);

#endif
