/* Running one complete request, and sending the last bytes of its response.
 *
 * The threads of a pool and the loop's own thread use these functions; each works with one
 * connection at a time and owns it meanwhile.
 */
#ifndef GN_WORKER_REQUEST_H
#define GN_WORKER_REQUEST_H

#include <stdint.h>

struct gn_conn;
struct gn_worker;

/* Takes the lock of the language inside, runs the application, drops the lock, and sends what the
 * client takes at once. The rest stays queued for the loop; only when too much waits there already,
 * the client is waited for. Writes the access log when the response is out. Returns the nanoseconds
 * that the application took. */
int64_t gn_request_run(struct gn_worker *w, struct gn_conn *c);

/* The same for a caller that holds the lock and goes on to hold it: it is dropped only to wait for
 * a client. */
int64_t gn_request_run_entered(struct gn_worker *w, struct gn_conn *c);

#endif
