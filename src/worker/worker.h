/* A worker process, and what the arbiter knows of it.
 *
 * The arbiter fills struct gn_worker before the fork and keeps its copy; the child runs
 * gn_worker_main. The slot lies in memory shared by master and workers: the worker writes, the
 * master reads; all fields are atomics or are guarded by `seq`.
 */
#ifndef GN_WORKER_WORKER_H
#define GN_WORKER_WORKER_H

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct gn_frozen;
struct gn_host;
struct gn_listener;
struct gn_log;
struct gn_tls_ctx;

enum gn_slot_state { GN_SLOT_FREE, GN_SLOT_BOOTING, GN_SLOT_IDLE, GN_SLOT_BUSY, GN_SLOT_EXITING };

enum gn_leave { GN_LEAVE_NOT, GN_LEAVE_REQUESTS, GN_LEAVE_MEMORY, GN_LEAVE_STUCK };

enum {
    GN_SLOT_RUNS = 16, /* requests of a worker that are shown; more threads run unseen */
    GN_SLOT_LINE_BYTES = 240,
    GN_SLOT_PEER_BYTES = 64,
};

/* What one thread of a worker runs. */
struct gn_slot_run {
    _Atomic unsigned seq;          /* odd while the texts are being written */
    _Atomic int64_t since_ns;      /* monotonic; 0: nothing runs here */
    char line[GN_SLOT_LINE_BYTES]; /* "GET /path HTTP/1.1"; the target is cut to fit */
    char peer[GN_SLOT_PEER_BYTES]; /* whom the request comes from; "" behind a Unix socket */
};

/* The scoreboard: one cache-line-aligned slot per worker in an anonymous shared mapping made by
 * the arbiter. It is the only source of what the master knows about a running worker. */
struct gn_slot {
    _Atomic int state; /* enum gn_slot_state */
    /* Written by the master. */
    _Atomic int drain; /* 1 = answer what waits in the listen queue before leaving */
    int id;            /* 1..N */
    uint64_t age, generation;
    int64_t born_ns;
    /* Written by the worker. */
    _Atomic int leaves;   /* enum gn_leave: why it wants to be replaced; it serves on until TERM */
    _Atomic int can_dump; /* GN_SIGNAL_DUMP writes the stacks of all threads */
    _Atomic int64_t beat_ns;   /* monotonic; 0 until the worker beats for the first time (booting
                                  is not timed out) */
    _Atomic uint64_t accepted; /* connections */
    _Atomic uint64_t requests; /* answered */
    _Atomic uint64_t errors;   /* of these, with a status of 500 or above */
    _Atomic uint64_t memory_bytes; /* resident, at the last look; 0 before */
    struct gn_slot_run runs[GN_SLOT_RUNS];
} __attribute__((aligned(64)));

/* Ignored by default, so that it does no harm where nobody handles it. */
#define GN_SIGNAL_DUMP SIGURG

/* Exit statuses with a meaning for the master. */
enum gn_exit {
    GN_EXIT_OK = 0,
    GN_EXIT_ERROR = 1,
    GN_EXIT_USAGE = 2,
    GN_EXIT_WORKER_BOOT = 3, /* WORKER_BOOT_ERROR: "Worker failed to boot." */
    GN_EXIT_APP_LOAD = 4,    /* APP_LOAD_ERROR: "App failed to load." */
    GN_EXIT_CRASH = 255,     /* an exception after booting */
};

struct gn_watch;
struct gn_worker_ops;

struct gn_worker {
    uint64_t age; /* counts from 1 over the life of the master */
    int id;       /* stable number 1..N, reused after death */
    pid_t pid;    /* 0 while booting, in the master before the fork */
    pid_t ppid;   /* pid of the master */
    struct gn_slot *slot;
    const struct gn_frozen *frozen;
    struct gn_log *log;
    struct gn_host *host;
    struct gn_listener *listeners; /* borrowed from the arbiter */
    size_t n_listeners;
    struct gn_tls_ctx *tls; /* borrowed; NULL: the listeners speak in the clear */
    const struct gn_worker_ops *ops;
    /* In the child only: */
    _Atomic bool is_alive; /* false: leave the loop after the current request */
    _Atomic bool is_aborted;
    _Atomic bool is_reloading; /* leaves because code has changed */
    _Atomic bool quits_now;    /* INT, QUIT: leave at once */
    int exit_status; /* what a hook or signal wants it to end with when nothing else is wrong */
    int wake_fd[2];  /* becomes readable at every signal */
    int notify_fd;   /* a byte in it makes the master look at the slots; or -1 */
    uint64_t requests;
    uint64_t max_requests;          /* UINT64_MAX when unlimited; jitter included */
    _Atomic int64_t lock_wanted_ns; /* since when the guard waits for the language; 0: it doesn't */
    int64_t measured_ns;            /* when its memory was looked at */
    uint64_t measured_at;           /* after how many requests, plus 1 */
    struct gn_watch *watch;         /* the reloader, or NULL */
    void *engine;                   /* the running engine's state */
    void *peer;                     /* the language's view of this worker */
};

struct gn_worker_ops {
    const char *name;               /* "sync" */
    const char *py_path;            /* "gunicorn.workers.sync.SyncWorker" */
    bool has_threads;               /* wsgi.multithread */
    int (*run)(struct gn_worker *); /* the loop; returns an exit status */
};

/* Worker classes by setting: "sync", "gthread" and their dotted paths; NULL with `err` for an
 * unknown one. `*log_name` is what "Using worker: ..." prints. sync with threads > 1 becomes
 * gthread. */
const struct gn_worker_ops *gn_worker_find(const struct gn_frozen *f, const char **log_name,
                                           struct gn_err *err);

/* The life of a worker process from right after the fork (gn_spawn has done the common steps:
 * after_fork, title, log) to its exit status: hook post_fork, owner, signals, application, loop,
 * end. The caller ends the process by host->ops->stop and _exit. */
int gn_worker_main(struct gn_worker *w);

/* True for a name that gn_worker_find accepts. */
bool gn_worker_is_known(const char *name);

/* Marks the worker as alive now. */
void gn_worker_beat(struct gn_worker *w);

/* Asks the master for a replacement; the worker serves on until it is told to end. Any thread may
 * call it; only the first reason counts. False when there was one already. */
bool gn_worker_ask_to_leave(struct gn_worker *w, enum gn_leave why);

/* Called by the host on the main thread for TERM, INT, QUIT, ABRT, USR1, WINCH. */
enum gn_signal_verdict { GN_SIG_CONTINUE, GN_SIG_EXIT_0, GN_SIG_EXIT_1, GN_SIG_EXIT_CRASH };
enum gn_signal_verdict gn_worker_on_signal(struct gn_worker *w, int signo);

#endif
