/* A thread beside the loop that looks after the threads that run requests.
 *
 * It ends requests that run longer than `request_timeout`, and takes the lock of the language now
 * and then: while that can't be had the worker doesn't beat (gn_worker_beat), although its loop
 * turns. The thread sleeps most of the time and exists only where one of both is wanted. Start and
 * stop it on the loop's thread, without the lock of the language.
 */
#ifndef GN_WORKER_GUARD_H
#define GN_WORKER_GUARD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct gn_engine;
struct gn_guard;

/* NULL without `err` filled when there is nothing to guard. */
struct gn_guard *gn_guard_start(struct gn_engine *e, struct gn_err *err);

/* Accepts NULL. */
void gn_guard_stop(struct gn_guard *g);

#endif
