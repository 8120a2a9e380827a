/* What a worker derives once from the frozen table to serve requests.
 *
 * Made after the fork, immutable afterwards except for the scratch of the loop's thread.
 */
#ifndef GN_WORKER_SERVICE_H
#define GN_WORKER_SERVICE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "http/head.h"
#include "http/policy.h"
#include "http/proxyproto.h"
#include "log/log_access.h"
#include "net/netmatch.h"
#include "worker/worker.h"

struct gn_conn;
struct gn_resp;

/* Bounds of what waits for slow clients in a worker; one response may always wait. */
enum { GN_SERVICE_HELD_BYTES = 256 << 20, GN_SERVICE_HELD = 1024 };

enum { GN_SERVICE_SPARE = 16, GN_SERVICE_DROPPED = 32 };

/* What one thread that runs requests keeps for itself. */
struct gn_scratch {
    size_t number;  /* of its entry in the slot's `runs`; the loop's thread has 0 */
    time_t date_at; /* second of `date` */
    char date[GN_HTTP_DATE_BYTES];
    struct gn_buf line;       /* the access line being written */
    _Atomic int64_t since_ns; /* when its request began, 0: it runs none */
    int64_t ended_ns;         /* since_ns of the request that was told to end; the guard's */
    /* Guarded by the lock of the language. */
    unsigned long thread_id; /* the language's number for the thread */
    struct gn_conn *in_app;  /* the request is with the application and may be interrupted */
    bool is_interrupted;     /* it was */
    void *thread;            /* the language's view of a pool thread; NULL on the loop's thread */
};

struct gn_service {
    pthread_t loop_thread;
    struct gn_worker *worker; /* borrowed */
    struct gn_arena arena;    /* owns the policy's strings */
    struct gn_http_limits limits;
    struct gn_http_policy policy;
    struct gn_netlist *forwarded_allow;     /* forwarded_allow_ips */
    enum gn_proxy_versions proxy_versions;  /* PROXY headers that are looked for */
    struct gn_netlist *proxy_allow;         /* proxy_allow_ips; NULL when none is looked for */
    struct gn_access_format *access_format; /* NULL: no access log */
    struct gn_slice server;                 /* value of Server */
    bool use_sendfile;
    uint64_t body_max_bytes;                     /* limit_request_body; UINT64_MAX: none */
    int64_t io_timeout_ns;                       /* silence allowed to a client; 0: for ever */
    int64_t head_timeout_ns;                     /* for a head from its start on; 0: for ever */
    int64_t body_timeout_ns;                     /* silence allowed within a body; 0: for ever */
    struct gn_slice dropped[GN_SERVICE_DROPPED]; /* names of header_map's victims that were told;
                                                    in the arena, loop's thread */
    size_t n_dropped;
    _Atomic size_t held_bytes, n_held;       /* responses that wait for slow clients */
    struct gn_scratch scratch;               /* of the loop's thread */
    struct gn_conn *spare[GN_SERVICE_SPARE]; /* closed connections whose buffers are used again;
                                                loop's thread */
    size_t n_spare;
};

bool gn_service_init(struct gn_service *s, struct gn_worker *w, struct gn_err *err) GN_MUST_CHECK;
void gn_service_fini(struct gn_service *s);

/* Tells once per name, and not of more than GN_SERVICE_DROPPED names, that header_map keeps a field
 * from the application. */
void gn_service_log_dropped(struct gn_service *s, struct gn_slice name);

/* The rest of a response is going to wait for its client in memory: counts it. False when too much
 * waits already. Any thread. */
bool gn_service_hold(struct gn_service *s, struct gn_resp *r) GN_MUST_CHECK;

/* It is out, or given up. */
void gn_service_let_go(struct gn_service *s, struct gn_resp *r);

/* The Date field's text, rebuilt when the second has changed. */
const char *gn_scratch_date(struct gn_scratch *t);

/* Writes the access line of a finished request; does nothing without an access log, or when it was
 * written already. `environ_value` may be NULL. */
void gn_service_log_access(struct gn_service *s, struct gn_conn *c,
                           struct gn_slice (*environ_value)(const void *ctx, struct gn_slice name),
                           const void *environ_ctx);

#endif
