/* The interface to "the language inside": hooks, fork steps, loading and calling the application.
 *
 * Everything outside src/py talks to Python through this table; arbiter and worker also run with
 * host_null. Functions that run user code return false and fill `err` (with the traceback in
 * err->detail). All are called from the main thread of the process unless said otherwise.
 */
#ifndef GN_HOST_HOST_H
#define GN_HOST_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

struct gn_host;
struct gn_frozen;
struct gn_conn;
struct gn_worker;
struct gn_scratch;
struct gn_value;
struct gn_arena;
struct gn_log;
struct gn_tls_ctx;

/* Hooks in the order of the documentation; arguments in struct gn_hook_args. pre_request and
 * post_request belong to handle_request, ssl_context to tls_context: run_hook knows the others. */
enum gn_hook_id {
    GN_HOOK_ON_STARTING,
    GN_HOOK_ON_RELOAD,
    GN_HOOK_WHEN_READY,
    GN_HOOK_PRE_FORK,
    GN_HOOK_POST_FORK,
    GN_HOOK_POST_WORKER_INIT,
    GN_HOOK_WORKER_INT,
    GN_HOOK_WORKER_ABORT,
    GN_HOOK_PRE_EXEC,
    GN_HOOK_PRE_REQUEST,
    GN_HOOK_POST_REQUEST,
    GN_HOOK_CHILD_EXIT,
    GN_HOOK_WORKER_EXIT,
    GN_HOOK_NWORKERS_CHANGED,
    GN_HOOK_ON_EXIT,
    GN_HOOK_SSL_CONTEXT,
    GN_HOOK_COUNT
};

/* What a value is, for check_value. */
enum gn_host_check {
    GN_CHECK_WORKER_CLASS, /* a class, or the name of one */
    GN_CHECK_LOGGER_CLASS,
    GN_CHECK_LOG_FILE, /* path of an INI file */
    GN_CHECK_LOG_JSON, /* path of a JSON file */
    GN_CHECK_LOG_DICT,
};

struct gn_arbiter;

struct gn_hook_args {
    struct gn_arbiter *arbiter; /* or NULL */
    struct gn_worker *worker;   /* the worker's description, or NULL */
    int new_value, old_value;   /* nworkers_changed; old_value -1 stands for None */
};

/* Receives the names of a configuration file. The strings and values must live as long as `arena`.
 */
struct gn_cfg_sink {
    struct gn_arena *arena;
    /* `name` is any module-level name (unknown ones as well); line and column are 0 when unknown. A
     * NULL value: the file annotates the name (`workers: 4`) and binds nothing to it. */
    bool (*add)(struct gn_cfg_sink *sink, const char *name, const struct gn_value *value,
                const char *file, int line, int column);
    /* True for names that are worth converting; others are skipped by the host. */
    bool (*wants)(struct gn_cfg_sink *sink, struct gn_slice name);
    void *ctx;
};

struct gn_host_ops {
    /* Starts the language; idempotent. argv is what sys.argv shall be. */
    bool (*start)(struct gn_host *, struct gn_err *);
    /* Ends it: runs atexit functions. Once per process; a host that was not started does nothing.
     */
    void (*stop)(struct gn_host *);
    /* The same for a process that ends next and has served nothing: atexit functions run and output
     * is written, but objects are not taken apart one by one. */
    void (*finish)(struct gn_host *);

    /* Writes out what user code has printed and the language still buffers. */
    void (*flush)(struct gn_host *);

    /* From now on load_config, import_callable and call_callable may take this long each; 0: as
     * long as they like. May be NULL. */
    void (*limit)(struct gn_host *, int64_t seconds);

    /* Runs a configuration file; `location` is a path (or `python:MODULE`). */
    bool (*load_config)(struct gn_host *, const char *location, struct gn_cfg_sink *,
                        struct gn_err *);
    /* The callable behind "module.attribute"; NULL with `err` filled. */
    const struct gn_value *(*import_callable)(struct gn_host *, struct gn_arena *,
                                              const char *dotted, struct gn_err *);

    /* Calls a callable without arguments and converts its result; NULL with `err` filled. May be
     * NULL: then functions are refused where a class or a name is wanted. */
    const struct gn_value *(*call_callable)(struct gn_host *, struct gn_arena *,
                                            const struct gn_value *callable, struct gn_err *err);

    /* The objects that load_config, import_callable and call_callable have handed out since the
     * last call, as one owner: they live until it is released. Both may be NULL. */
    void *(*take_handles)(struct gn_host *);
    void (*release_handles)(struct gn_host *, void *handles);

    /* chdir is done by the caller. Inserts chdir and pythonpath into sys.path and the raw_env pairs
     * into os.environ; both undo what the previous table had inserted. */
    bool (*apply_paths)(struct gn_host *, const struct gn_frozen *, struct gn_err *);
    bool (*apply_env)(struct gn_host *, const struct gn_frozen *, struct gn_err *);

    /* Undoes what both have done. */
    void (*restore)(struct gn_host *);

    /* Imports the application. GN_E_APP_LOAD stands for exit status 4. A second call is free. */
    bool (*load_app)(struct gn_host *, const struct gn_frozen *, struct gn_log *, struct gn_err *);

    /* The three are for checks, in a process that ends next. What user code prints leaves line by
     * line from then on, so that it is seen whatever ends the process. */
    void (*stream_output)(struct gn_host *);
    /* Adds to `err` which place of modules can't be read by this user. Without an error in it those
     * are left out that settings or the start have given. */
    void (*explain_paths)(struct gn_host *, struct gn_err *);
    /* Loads what `value` means as the server would. No log file is opened or made. */
    bool (*check_value)(struct gn_host *, enum gn_host_check, const struct gn_value *value,
                        struct gn_err *);

    /* What was loaded until now will be shared by forked processes: objects are kept out of the way
     * of whatever would write to their memory. */
    void (*freeze)(struct gn_host *);

    bool (*run_hook)(struct gn_host *, const struct gn_frozen *, enum gn_hook_id,
                     const struct gn_hook_args *, struct gn_err *);

    /* A worker's description, which has a peer, is about to be freed. */
    void (*forget_worker)(struct gn_host *, struct gn_worker *);

    /* What the language wants the field Server to say, copied into the arena; `text` stays as it is
     * when it has no opinion. False for a text that can't be sent. May be NULL. */
    bool (*server_text)(struct gn_host *, struct gn_arena *, struct gn_slice *text);

    /* Calls the hook ssl_context, which is set, and makes a TLS context (net/tls.h) of what it
     * returns. NULL with `err` filled. May be NULL: then the settings alone count. */
    struct gn_tls_ctx *(*tls_context)(struct gn_host *, const struct gn_frozen *, struct gn_err *);

    /* Around fork(2); before_fork and after_fork(false) in the parent. */
    void (*before_fork)(struct gn_host *);
    void (*after_fork)(struct gn_host *, bool in_child);

    /* The caller is about to block, or has come back: other threads of the language may run
     * between. */
    void (*wait_enter)(struct gn_host *);
    void (*wait_leave)(struct gn_host *);

    /* Worker: install signal handlers such that `on_signal(signo)` runs on the main thread, also
     * while the application runs; `wake_fd` becomes readable at every signal (non-blocking, owned
     * by the worker). With host_null plain sigaction does. */
    bool (*worker_signals)(struct gn_host *, struct gn_worker *, int wake_write_fd,
                           struct gn_err *);
    /* Runs what is pending. Returns false when a handler asked the worker to end at once. */
    bool (*check_signals)(struct gn_host *);

    /* Takes and drops the lock of the language inside for a thread that runs requests: what
     * thread_begin has returned, or NULL for the loop's thread. `enter` may wait for others that
     * hold it. */
    void (*enter)(struct gn_host *, void *thread);
    void (*leave)(struct gn_host *, void *thread);

    /* One request: the head is in the connection. Calls the application, with the lock held by the
     * caller, and sends the response through the connection (worker/conn.h) but for its last bytes,
     * which wait in the response's buffer: who sends them, and who holds the lock meanwhile, is the
     * caller's choice. Never fails: what goes wrong is answered and logged. */
    void (*handle_request)(struct gn_host *, struct gn_worker *, struct gn_conn *);

    /* Gives back the owner of a response's pieces (gn_resp_pieces). Any thread, without the lock.
     */
    void (*release)(struct gn_host *, void *owner);

    /* A thread of a pool that is going to run handle_request: what the language knows of it goes
     * into the connection's scratch. Any thread may call it; it does not take the lock. */
    void *(*thread_begin)(struct gn_host *);
    void (*thread_end)(struct gn_host *, void *thread);

    /* Called by a thread of the worker beside those that run requests; `thread` is what
     * thread_begin has returned for it. Raises in the thread of `scratch`, if that still runs the
     * request that has begun at `since_ns`: true then. What is raised is answered with status 504.
     */
    bool (*interrupt)(struct gn_host *, struct gn_worker *, void *thread,
                      struct gn_scratch *scratch, int64_t since_ns);

    /* Tells the source files of everything that is loaded. Called by a thread beside those that run
     * requests; `thread` is what thread_begin has returned for it. */
    void (*list_files)(struct gn_host *, void *thread, void (*add)(void *ctx, const char *path),
                       void *ctx);
    /* In place of an application that can't be loaded: every request is answered with the text. */
    bool (*stand_in)(struct gn_host *, const char *text);
    /* Prints every line of code that is run from now on. */
    void (*trace_lines)(struct gn_host *);

    /* From now on the signal writes the stacks of all threads to `fd`, also while the language
     * can't run. False when that can't be had. */
    bool (*dump_on_signal)(struct gn_host *, int signo, int fd);

    /* Sets a variable of the environment, for this process and for what the language shows of it.
     */
    bool (*set_env)(struct gn_host *, const char *name, const char *value, struct gn_err *);
};

struct gn_host {
    const struct gn_host_ops *ops;
    struct gn_arbiter *arbiter; /* while it runs; set by it */
};

/* The test double: no language. load_config fails, load_app succeeds, handle_request does nothing
 * unless scripted.
 */
struct gn_host *gn_host_null(void);

#endif
