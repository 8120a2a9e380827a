/* What others may see and change of a running master.
 *
 * For the language's view of the server. All functions are called in the master's only thread or,
 * to read, in a worker that was forked from it: there everything is as it was at the fork.
 */
#ifndef GN_ARBITER_VIEW_H
#define GN_ARBITER_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct gn_arbiter;
struct gn_frozen;
struct gn_listener;
struct gn_log;
struct gn_setting;
struct gn_value;
struct gn_worker;

/* The table in force; during a reload the one that is to come. */
const struct gn_frozen *gn_arb_view_frozen(const struct gn_arbiter *arb);
struct gn_log *gn_arb_view_log(const struct gn_arbiter *arb);
pid_t gn_arb_view_pid(const struct gn_arbiter *arb);

/* The master before and the one after this, while they live; else 0. */
pid_t gn_arb_view_parent(const struct gn_arbiter *arb);
pid_t gn_arb_view_heir(const struct gn_arbiter *arb);

/* How many workers have been forked so far. */
uint64_t gn_arb_view_last_age(const struct gn_arbiter *arb);

/* The absolute path of the pid file, or NULL. */
const char *gn_arb_view_pidfile(const struct gn_arbiter *arb);

/* True when systemd has opened the sockets. */
bool gn_arb_view_is_activated(const struct gn_arbiter *arb);

/* The listening sockets that a worker gets; none before they are open and when they are closed. */
const struct gn_listener *gn_arb_view_listeners(const struct gn_arbiter *arb, size_t *n);

/* Every worker that has a process, oldest first. False when `each` has said so. */
bool gn_arb_view_workers(const struct gn_arbiter *arb, bool (*each)(void *ctx, struct gn_worker *w),
                         void *ctx);

int gn_arb_view_num_workers(const struct gn_arbiter *arb);
/* Sets how many workers there shall be, and calls the hook nworkers_changed. False with `err` for a
 * number that can't be had, and in a worker. */
bool gn_arb_view_set_num_workers(struct gn_arbiter *arb, long n, struct gn_err *err) GN_MUST_CHECK;

/* Replaces a value of the table in force by `raw`, with the authority of the program's own code.
 * Possible while the hook on_starting runs; what follows from the new table is done when it has
 * returned. NULL with `err` otherwise, and for a value that is refused. */
const struct gn_frozen *gn_arb_view_set(struct gn_arbiter *arb, const struct gn_setting *s,
                                        const struct gn_value *raw, struct gn_err *err);

#endif
