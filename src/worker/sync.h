/* The sync policy: one request at a time, the connection is closed after the response.
 *
 * Clients whose request isn't there yet wait in an epoll set and cost a buffer, not the worker.
 */
#ifndef GN_WORKER_SYNC_H
#define GN_WORKER_SYNC_H

struct gn_worker;

/* The loop; called without the lock of the language inside being dropped: it calls wait_enter
 * itself. Returns an exit status. */
int gn_sync_run(struct gn_worker *w);

#endif
