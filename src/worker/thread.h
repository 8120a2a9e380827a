/* The gthread policy: requests run on a pool of `threads` threads, connections are kept alive.
 *
 * Lock order: the pool has one mutex; nothing else is locked while it is held, and it is never held
 * while waiting for the lock of the language inside.
 */
#ifndef GN_WORKER_THREAD_H
#define GN_WORKER_THREAD_H

struct gn_worker;

/* The loop; called as gn_sync_run. Returns an exit status. */
int gn_thread_run(struct gn_worker *w);

#endif
