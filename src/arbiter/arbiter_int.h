/* The arbiter's own state; private to src/arbiter.
 *
 * One process, one thread. Every step of the main loop (gn_arb_* with `now`) looks at the state,
 * does what is due, never blocks, and says by gn_arb_wake_at when it wants to be asked again.
 *
 * A *generation* is a settings table and what was made from it: listeners, worker class, number of
 * workers. One is in force (`cur`); during a reload a second one (`next`) boots beside it.
 */
#ifndef GN_ARBITER_ARBITER_INT_H
#define GN_ARBITER_ARBITER_INT_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "arbiter/arbiter.h"
#include "config/frozen.h"
#include "host/host.h"
#include "log/log.h"
#include "net/listener.h"
#include "net/sd.h"
#include "worker/worker.h"

enum {
    GN_ARB_MAX_WORKERS = GN_MAX_WORKERS,
    /* Two generations live beside each other during a reload, a third one may still be draining. */
    GN_ARB_SLOTS = 3 * GN_ARB_MAX_WORKERS,
};

struct gn_arb_gen {
    uint64_t number;
    const struct gn_frozen *frozen;
    const struct gn_worker_ops *ops;
    const char *worker_name; /* "sync", static */
    struct gn_addr
        *asked; /* what to listen on: the entries of `bind`, or what systemd hands over */
    size_t n_asked;
    /* Rows of n_asked listeners, in the order of `asked`. One row, which all workers share; with
     * reuse_port one row per seat. What can't be opened more than once is the same in all rows. */
    struct gn_listener *listeners;
    size_t n_listeners;
    struct gn_tls_ctx *tls; /* NULL: no TLS */
    size_t n_rows;
    int num_workers;  /* how many there shall be; TTIN and TTOU change it */
    int surplus;      /* more workers than that, until rows that are not needed have been emptied */
    int64_t steer_ns; /* since when the last row gets no new connections, 0 never */
    unsigned booted;  /* workers of this generation that have come up since its start */
};

/* A worker as the master sees it. `w` is what the child was forked with. */
struct gn_arb_worker {
    struct gn_worker w;
    TAILQ_ENTRY(gn_arb_worker) link;
    uint64_t gen;
    int seat;       /* 0, 1 ...: its row of listeners */
    bool is_booted; /* was seen to have loaded the application */
    bool is_proven; /* has lived for a while since */
    int64_t booted_ns;
    bool is_stopping;    /* was told to end by us: its end is no surprise */
    bool is_retiring;    /* serves until its replacement does */
    bool owes_usr1;      /* log files were opened anew while it booted */
    bool is_timed_out;   /* was silent for too long */
    int64_t abort_at_ns; /* when ABRT is due after that, 0 when it was sent */
    int64_t kill_at_ns;  /* when KILL is due, 0 never */
};

TAILQ_HEAD(gn_arb_workers, gn_arb_worker);

struct gn_arb_stop {
    bool is_active;
    bool is_quick_asked; /* the second INT or QUIT was seen */
    bool is_killing;     /* KILL was sent to what was left */
    bool is_crash;       /* a hook failed: no "Shutting down", no on_exit */
    int status;
    const char *reason; /* logged at the end, or NULL */
    int64_t deadline_ns;
    int64_t delayed_until_ns; /* TERM was taken, and takes effect then; 0 when none is waited for */
};

/* What the scoreboard says of one request. */
struct gn_arb_run {
    int64_t since_ns;
    char line[GN_SLOT_LINE_BYTES];
    char peer[GN_SLOT_PEER_BYTES];
};

struct gn_arb_counts {
    uint64_t accepted, requests, errors;
};

/* The scoreboard in one look. */
struct gn_arb_score {
    int booting, idle, busy, exiting;
    struct gn_arb_counts counts; /* over the life of the master */
    uint64_t memory_bytes;
};

/* An upgrade on the fly: the master before us, and the one after us. */
struct gn_arb_reexec {
    pid_t parent; /* the master that has started us and lives, or 0 */
    pid_t former; /* the same when it has ended, or 0 */
    pid_t heir;   /* the master that we have started and that lives, or 0 */
    bool is_heir; /* we were started that way */
    int *fds;     /* listening sockets that came with it and are not in use yet; -1 when taken */
    size_t n_fds;
};

enum gn_arb_phase { GN_ARB_STARTING, GN_ARB_READY, GN_ARB_RELOADING, GN_ARB_STOPPING };

/* What the service manager was told. */
struct gn_arb_notify {
    struct gn_sd sd;
    enum gn_arb_phase state;
    int64_t since_ns;       /* start of the process */
    int64_t extend_ns;      /* when more time is asked for again */
    int64_t watchdog_at_ns; /* when the next sign of life is due */
    int told_up;            /* workers in the last status */
    uint64_t reloading_gen; /* the generation in force when the last reload began */
};

struct gn_arbiter {
    const struct gn_inputs *inputs;
    struct gn_host *host;
    struct gn_log *log;
    struct gn_arb_gen *cur;
    struct gn_arb_gen *next; /* NULL unless a reload is under way */
    uint64_t last_gen;
    struct gn_arb_workers workers; /* oldest first */
    /* In a worker: the others, as they were when it was forked; only to look at. */
    struct gn_arb_workers siblings;
    bool is_open_for_settings;     /* on_starting runs */
    const struct gn_frozen *given; /* the table with what it has set, or NULL */
    uint64_t last_age;
    struct gn_slot *slots; /* GN_ARB_SLOTS, shared with the workers; a worker's is slots[id - 1] */
    pid_t pid;
    struct gn_arb_reexec reexec;
    struct gn_arb_notify notify;
    int n_activated;        /* sockets that systemd has handed over; `bind` has no effect then */
    bool reuse_port;        /* as at the start: sockets can't change it */
    char *pidfile;          /* absolute path of the one that is ours, or NULL */
    int wake_fd[2];         /* self-pipe */
    int64_t wake_ns;        /* the next turn of the loop is due then */
    int64_t spawn_at_ns;    /* no fork before */
    unsigned boot_failures; /* in a row */
    bool is_daemon;
    bool is_preloaded; /* the application was imported before the first fork */
    bool keeps_old;    /* the last reload failed: what is on disk may be broken */
    bool is_done;
    int hook_status;    /* what the last hook that failed stands for */
    int logged_workers; /* count in the last "N workers" line */
    int64_t oom_kills;  /* processes of our control group that the kernel has killed, -1 unknown */
    struct gn_arb_counts past; /* of workers that have ended */
    struct gn_arb_stop stop;
};

/* arbiter.c */

/* Calls a hook when it is set. What goes wrong is logged; false then, and arb->hook_status is the
 * exit status that it stands for. */
bool gn_arb_hook(struct gn_arbiter *arb, const struct gn_frozen *f, enum gn_hook_id id,
                 const struct gn_hook_args *args);

/* Applies a table to this process: directory, log, environment, paths. After a failure a part of it
 * is in force. */
bool gn_arb_enter(struct gn_arbiter *arb, const struct gn_frozen *f,
                  struct gn_err *err) GN_MUST_CHECK;

/* A hook failed inside the main loop: ends the server quickly. */
void gn_arb_crash(struct gn_arbiter *arb);

void gn_arb_set_title(const struct gn_frozen *f, const char *role, const char *suffix);
/* Says by one line which settings are in force. */
void gn_arb_log_digest(struct gn_arbiter *arb, const struct gn_frozen *f, enum gn_level level);
void gn_arb_log_options(const struct gn_frozen *f, struct gn_log_options *out);

/* Asks for a turn of the loop at `ns` or before. */
void gn_arb_wake_at(struct gn_arbiter *arb, int64_t ns);

/* Moves to the table's directory. */
bool gn_arb_chdir(const struct gn_frozen *f, struct gn_err *err) GN_MUST_CHECK;

/* Makes a generation without listeners; takes a reference to `f`. NULL when the table can't be
 * served. */
struct gn_arb_gen *gn_arb_gen_new(struct gn_arbiter *arb, const struct gn_frozen *f,
                                  struct gn_err *err) GN_MUST_CHECK;
/* Reads certificates and keys when the table asks for TLS; in the table's directory, and before
 * the rights to read them are given up. */
bool gn_arb_gen_secure(struct gn_arbiter *arb, struct gn_arb_gen *g,
                       struct gn_err *err) GN_MUST_CHECK;
/* Frees it, without touching its sockets; accepts NULL. */
void gn_arb_gen_free(struct gn_arb_gen *g);

/* Opens what is asked for; what `older` (or NULL) listens on already is taken over. On failure
 * nothing stays open that wasn't before. */
bool gn_arb_gen_listen(struct gn_arbiter *arb, struct gn_arb_gen *g, const struct gn_arb_gen *older,
                       struct gn_err *err) GN_MUST_CHECK;
/* Adds a row of listeners. On failure it may be there in part, which the next try completes. */
bool gn_arb_gen_grow(struct gn_arbiter *arb, struct gn_arb_gen *g, const struct gn_arb_gen *older,
                     struct gn_err *err) GN_MUST_CHECK;
/* Closes the last row. */
void gn_arb_gen_shrink(struct gn_arbiter *arb, struct gn_arb_gen *g);
/* Lets new connections come to the first `rows` rows only; 0 means all. */
void gn_arb_gen_steer(const struct gn_arb_gen *g, size_t rows);
/* The n_asked listeners of a worker with that seat. */
struct gn_listener *gn_arb_gen_row(struct gn_arb_gen *g, int seat);
/* Applies to the sockets that `older` had too what is asked for now: backlog, owner, mode. */
void gn_arb_gen_adjust(struct gn_arbiter *arb, struct gn_arb_gen *g,
                       const struct gn_arb_gen *older);
/* Closes the listeners of `g` that `kept` (or NULL) doesn't have too. True when there was one. */
bool gn_arb_gen_close(struct gn_arbiter *arb, struct gn_arb_gen *g, const struct gn_arb_gen *kept);

/* In a worker: closes its copies of the listeners of `g` (may be NULL), but for those in `mine`. */
void gn_arb_gen_leave(const struct gn_listener *mine, size_t n, const struct gn_arb_gen *g);
/* Logs "Listening at: A,B"; `pid` 0 leaves it out. */
void gn_arb_gen_announce(const struct gn_arb_gen *g, struct gn_log *log, pid_t pid);

/* The title and the pid file of the master tell a second one from the first by ".2". */
void gn_arb_set_master_title(const struct gn_arbiter *arb);

void gn_arb_on_usr1(struct gn_arbiter *arb);
void gn_arb_on_winch(struct gn_arbiter *arb);

/* sigpipe.c */

/* Installs the handlers of sigtable.def; SIGPIPE is ignored. */
bool gn_arb_sigpipe_open(struct gn_arbiter *arb, struct gn_err *err) GN_MUST_CHECK;
/* Signals are counted no more; they don't end the process either. */
void gn_arb_sigpipe_close(struct gn_arbiter *arb);
/* In a child: default actions, pipe closed. */
void gn_arb_sigpipe_child(struct gn_arbiter *arb);
/* Blocks until a signal comes or arb->wake_ns is reached. */
void gn_arb_sigpipe_wait(struct gn_arbiter *arb);
/* Acts on what has come. */
void gn_arb_sigpipe_dispatch(struct gn_arbiter *arb);
/* True when something waits to be acted on. */
bool gn_arb_sigpipe_pending(void);

/* True when TERM, INT or QUIT waits to be handled. */
bool gn_arb_sigpipe_wants_stop(void);

/* spawn.c */

/* One step towards gen->num_workers workers of that generation. */
void gn_arb_manage(struct gn_arbiter *arb, struct gn_arb_gen *gen, int64_t now);
/* A worker ended before it had booted, or badly right after: the next fork waits a little longer.
 */
void gn_arb_spawn_later(struct gn_arbiter *arb, int64_t now);
/* Tells a worker to end; it is killed `grace_ns` later. */
void gn_arb_tell(struct gn_arbiter *arb, struct gn_arb_worker *e, int signo, bool drain,
                 int64_t grace_ns);
int64_t gn_arb_grace_ns(const struct gn_frozen *f);
/* Sets how many workers there shall be and calls nworkers_changed. False with `err` when the hook
 * has raised. */
bool gn_arb_set_number(struct gn_arbiter *arb, int n, struct gn_err *err) GN_MUST_CHECK;
/* Signals a worker. */
void gn_arb_kill(const struct gn_arb_worker *e, int signo);
/* Frees a worker that has ended, or was never forked, and is in no list. */
void gn_arb_worker_free(struct gn_arb_worker *e);
void gn_arb_on_ttin(struct gn_arbiter *arb);
void gn_arb_on_ttou(struct gn_arbiter *arb);

/* Forks with the language's steps around it. In the child signals have their default actions and
 * 0 is returned; -1 with errno set. */
pid_t gn_arb_fork(struct gn_arbiter *arb);

/* reexec.c */

/* Finds out by the environment whether another master, or systemd, hands sockets over. */
bool gn_arb_reexec_init(struct gn_arbiter *arb, struct gn_err *err) GN_MUST_CHECK;
/* Takes one of those sockets, when there is one at this address; else -1. */
int gn_arb_reexec_take(struct gn_arbiter *arb, const struct gn_addr *addr);
/* Closes those that nobody took. */
void gn_arb_reexec_fini(struct gn_arbiter *arb);
/* True when no other master lives that listens on the same sockets. */
bool gn_arb_reexec_is_alone(const struct gn_arbiter *arb);
/* Notices the end of the master before us. */
void gn_arb_reexec_step(struct gn_arbiter *arb);
/* Notices the end of the master after us. */
void gn_arb_reexec_reap(struct gn_arbiter *arb);
void gn_arb_on_usr2(struct gn_arbiter *arb);

/* reap.c */
void gn_arb_reap(struct gn_arbiter *arb);
void gn_arb_on_chld(struct gn_arbiter *arb);

/* scoreboard.c */

/* The requests that a worker runs, or ran when it died. Returns how many. */
size_t gn_arb_runs(const struct gn_slot *slot, struct gn_arb_run out[GN_SLOT_RUNS]);
void gn_arb_score(const struct gn_arbiter *arb, struct gn_arb_score *out);
/* Adds up what a worker that has ended has done. */
void gn_arb_score_keep(struct gn_arbiter *arb, const struct gn_slot *slot);

/* death.c */

struct rusage;
/* Says why a worker ended, what it was doing, and what it had used. */
void gn_arb_explain(struct gn_arbiter *arb, const struct gn_arb_worker *e, int status,
                    const struct rusage *used);
/* How many processes of a control group the kernel has killed for want of memory. `self` is a file
 * as /proc/self/cgroup, `root` where the groups are mounted. -1 when it can't be told. */
int64_t gn_arb_oom_kills(const char *self, const char *root);
void gn_arb_watch_oom(struct gn_arbiter *arb);

/* heartbeat.c */

/* True when the worker has loaded its application (also when it has ended since). */
bool gn_arb_has_booted(const struct gn_arb_worker *e);
/* Notices that a worker has come up. */
void gn_arb_note_booted(struct gn_arbiter *arb, struct gn_arb_worker *e);
/* Notices workers that have come up, and ends those that hang or stay too long. */
void gn_arb_watch(struct gn_arbiter *arb, int64_t now);

/* recycle.c */

/* True for a worker that shall go on. */
static inline bool
gn_arb_stays(const struct gn_arb_worker *e)
{
    return !e->is_stopping && !e->is_retiring;
}

/* Replaces workers that have asked for it, a few at a time. */
void gn_arb_recycle(struct gn_arbiter *arb);

/* reload.c */
void gn_arb_on_hup(struct gn_arbiter *arb);
/* One step of a reload that is under way. */
void gn_arb_reload_step(struct gn_arbiter *arb);
/* A worker of the next generation did not boot. */
void gn_arb_reload_fail(struct gn_arbiter *arb);
/* Gives the next generation up (nothing to do when there is none). With `restore` the settings in
 * force are applied again; without, the process is about to end. */
void gn_arb_reload_drop(struct gn_arbiter *arb, bool restore);

/* stop.c */

/* Begins to end: listeners closed, workers told. `reason` is static text or NULL. */
void gn_arb_stop_begin(struct gn_arbiter *arb, bool graceful, int status, const char *reason);
/* Begins what a TERM with pre_stop_delay has announced, when it is due. */
void gn_arb_stop_delayed(struct gn_arbiter *arb, int64_t now);
void gn_arb_stop_step(struct gn_arbiter *arb, int64_t now);
void gn_arb_on_term(struct gn_arbiter *arb);
void gn_arb_on_quit(struct gn_arbiter *arb);

/* notify.c */
void gn_arb_notify_open(struct gn_arbiter *arb);
void gn_arb_notify_close(struct gn_arbiter *arb);
/* The application is about to be loaded here, where nothing else can be told meanwhile. */
void gn_arb_notify_preload(struct gn_arbiter *arb);
void gn_arb_notify_step(struct gn_arbiter *arb, int64_t now);
void gn_arb_notify_reload(struct gn_arbiter *arb);
void gn_arb_notify_stop(struct gn_arbiter *arb);

/* pidfile.c */

/* Writes the file that the settings in force ask for, and removes the one that we had. */
bool gn_arb_pidfile_update(struct gn_arbiter *arb, struct gn_err *err) GN_MUST_CHECK;

/* Writes `pid` into `path`. `*out` becomes the absolute path (owned by the caller). Fails when the
 * file names another process that lives. */
bool gn_arb_pidfile_create(const char *path, pid_t pid, char **out,
                           struct gn_err *err) GN_MUST_CHECK;
/* Removes the file if it still holds `pid`, and frees *path; accepts NULL in *path. */
void gn_arb_pidfile_remove(char **path, pid_t pid);

#endif
