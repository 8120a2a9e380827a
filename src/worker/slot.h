/* The worker's side of the scoreboard (struct gn_slot): what its threads run, and what it costs.
 *
 * Each entry of `runs` is written by one thread only, the one whose scratch has its number.
 */
#ifndef GN_WORKER_SLOT_H
#define GN_WORKER_SLOT_H

#include "worker/conn.h"
#include "worker/worker.h"

/* The calling thread (c->scratch) runs the request of `c` from `now` on, and has answered it. */
void gn_slot_begin(struct gn_worker *w, const struct gn_conn *c, int64_t now);
void gn_slot_end(struct gn_worker *w, const struct gn_conn *c);

/* Counts a request that was answered. */
void gn_slot_count(struct gn_worker *w, const struct gn_conn *c);

/* Looks at the memory of the process, at most once a second. For the loop's thread. */
void gn_slot_measure(struct gn_worker *w, int64_t now);

#endif
