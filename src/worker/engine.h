/* The engine: one epoll loop that accepts, reads, parses and times out without the lock of the
 * language inside.
 *
 * A policy decides where a complete request runs: in the loop's own thread (sync.c) or in a pool
 * (thread.c). Connections belong to the loop, except between `ready` and gn_engine_done, when they
 * belong to whoever runs the request. Everything here is called by whoever leads the loop: its own
 * thread, or for a while a deputy (deputy.h).
 */
#ifndef GN_WORKER_ENGINE_H
#define GN_WORKER_ENGINE_H

#include <stdbool.h>
#include <sys/queue.h>

#include "worker/conn.h"
#include "worker/service.h"
#include "worker/worker.h"

TAILQ_HEAD(gn_conn_list, gn_conn);

struct gn_engine;

struct gn_engine_policy {
    bool has_keepalive; /* the `keepalive` setting is in force */
    bool has_threads;   /* requests run beside the loop */
    /* A request is complete in `c` (state RUN). The policy runs it now or later and then calls
     * gn_engine_done. */
    void (*ready)(struct gn_engine *e, struct gn_conn *c);
    /* Runs requests that the policy has kept for the loop's thread, and whether there are any; both
     * may be NULL. */
    void (*run)(struct gn_engine *e);
    bool (*has_pending)(struct gn_engine *e);
    /* True when a request that came now could run soon. */
    bool (*has_room)(struct gn_engine *e);
    /* What the i-th of the threads that run requests keeps; NULL behind the last. */
    struct gn_scratch *(*scratch)(struct gn_engine *e, size_t i);
    /* A descriptor of the policy (or -1) and what to do when it is readable. */
    int (*wake_fd)(struct gn_engine *e);
    void (*on_wake)(struct gn_engine *e);
};

struct gn_engine {
    struct gn_worker *w;
    const struct gn_engine_policy *policy;
    void *policy_data;
    struct gn_service service;
    int ep;
    struct gn_conn_list waiting;    /* for (the rest of) a head; sorted by deadline */
    struct gn_conn_list collecting; /* the rest of a small body; sorted by deadline */
    struct gn_conn_list idle; /* keep-alive, nothing of the next request yet; sorted by deadline */
    struct gn_conn_list writing;   /* for a client that takes the response; sorted by deadline */
    struct gn_conn_list lingering; /* response sent, for the client's end; sorted by deadline */
    struct gn_conn_list dead;      /* closed while a batch of events is handled */
    size_t n_lingering;
    bool is_in_batch;
    bool is_accept_failing; /* said once until it works again */
    size_t n_waiting;       /* for heads and small bodies */
    size_t n_running;       /* handed to the policy */
    size_t n_connections;   /* all but the lingering ones */
    size_t max_connections;
    bool is_listening;         /* the listeners are in the poll set */
    int64_t accept_again_ns;   /* 0, or when accepting may go on after an error */
    int64_t turn_of_others_ns; /* 0, or until when waiting connections are left to other workers */
    unsigned n_looks; /* without room: that have found connections waiting, one after the other */
    int64_t leave_ns; /* 0, or when draining ends at the latest */
    int64_t silent_until_ns; /* draining: how long connections without a byte are kept */
    size_t next_listener;
    bool is_draining;      /* told to leave: answers what was accepted */
    bool can_accept;       /* connections may wait in a listen queue */
    bool is_led_by_deputy; /* it has no business with the language inside */
    bool has_signals;      /* seen by a deputy, for the loop's thread */
};

/* Runs until the worker is told to leave, then drains. Returns an exit status. */
int gn_engine_run(struct gn_worker *w, const struct gn_engine_policy *policy, void *policy_data,
                  bool (*start)(struct gn_engine *, struct gn_err *),
                  void (*stop)(struct gn_engine *));

/* One turn of the loop: accepts, waits for events and handles them. Runs no request. */
void gn_engine_turn(struct gn_engine *e);

/* The request of `c` was answered: the next one is waited for, or the connection ends. */
void gn_engine_done(struct gn_engine *e, struct gn_conn *c);

#endif
