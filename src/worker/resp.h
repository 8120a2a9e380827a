/* The response to one request: status and fields as the application gave them, framing, bytes out.
 *
 * States: nothing -> started (status and fields known) -> head sent -> done. The head leaves with
 * the first body bytes. `append` functions only fill the buffer; `flush` sends, may block, and is
 * called without the lock of the language inside. What a slow client has not taken when the
 * application is done is left to the loop (`step`), so that it holds no thread.
 */
#ifndef GN_WORKER_RESP_H
#define GN_WORKER_RESP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/slice.h"

struct gn_conn;

struct gn_resp {
    struct gn_conn *conn;
    int code;                     /* 0 before the start */
    struct gn_buf status;         /* "200 OK" */
    struct gn_buf fields;         /* "Name: value\r\n" of the application, in order */
    struct gn_buf out;            /* bytes to send */
    int64_t content_length;       /* -1: none given */
    size_t length_at, length_end; /* where the Content-Length field stands in `fields` */
    uint64_t body_bytes;          /* of the body, without framing */
    /* What follows `out` when it is not copied there: pieces that `owner`, an object of the
     * language, keeps, or a part of a file, and the framing behind them. */
    struct gn_slice *pieces;
    size_t n_pieces, piece_at;
    void *owner;
    int file_fd;
    bool owns_file;
    off_t file_at;
    uint64_t file_left;
    char after[8];
    unsigned char n_after, after_at;
    size_t held_bytes; /* counted as waiting for a slow client in the service */
    bool is_started;
    bool is_head_queued; /* the head is in `out` or was sent */
    bool is_chunked;
    bool wants_upgrade; /* Connection: upgrade and Upgrade: websocket */
    bool has_no_body;   /* HEAD, 1xx, 204, 304 */
    bool keeps_alive;   /* the head said so, and the framing allows it */
    bool was_cut;       /* the application gave more than its Content-Length */
    bool is_broken;     /* the client is gone, or framing can't be kept: close */
    bool is_sent;       /* bytes have left: nothing can be taken back */
    bool is_short;      /* ended before its Content-Length, or a file before its size */
    bool was_dropped;   /* the application gave a body where none may be */
    bool lost_client;   /* is_broken, since the client left or was too slow */
    bool is_done;
};

/* Ready for the next request on `c`. */
void gn_resp_reset(struct gn_resp *r, struct gn_conn *c);
void gn_resp_fini(struct gn_resp *r);

/* Starts (again, while the head is not out). False and `*why` (static text) when the status is
 * unusable. */
bool gn_resp_start(struct gn_resp *r, struct gn_slice status, const char **why);

/* One field of the application. False and `*why` when it can't be sent. */
bool gn_resp_add(struct gn_resp *r, struct gn_slice name, struct gn_slice value, const char **why);

/* One field of a 103 response is added to `hints`; what a final response would drop is left out.
 * False and `*why` when it can't be sent. */
bool gn_resp_hint_add(struct gn_buf *hints, struct gn_slice name, struct gn_slice value,
                      const char **why);

/* Sends 103 with these fields at once; blocks. Nothing happens when it would be of no use: an
 * HTTP/1.0 client doesn't know interim responses, and nothing can precede a head that is out. */
void gn_resp_send_hints(struct gn_resp *r, struct gn_slice hints);

/* Decides the framing and puts the head into `out`; does nothing when that was done. */
bool gn_resp_queue_head(struct gn_resp *r);

/* Body bytes into `out`, framed; nothing is sent. */
bool gn_resp_append(struct gn_resp *r, struct gn_slice data);

/* Body bytes sent at once, together with what waits in `out`; blocks. False when the client is
 * gone. */
bool gn_resp_send(struct gn_resp *r, struct gn_slice data);

/* All of the body that is left: `pieces` are stored in, and kept by, `owner`, which is taken and
 * given back to the host when it is not needed any more, whatever happens. */
void gn_resp_pieces(struct gn_resp *r, struct gn_slice *pieces, size_t n, void *owner);

/* The rest of the body is `count` bytes of a file from `offset` on. The descriptor is borrowed
 * until gn_resp_keep_file. `*unsupported` becomes true (and nothing is queued) when sendfile can't
 * read it. */
bool gn_resp_sendfile(struct gn_resp *r, int fd, off_t offset, uint64_t count, bool *unsupported);

/* The file's owner is about to close it: when something of it is left, the descriptor is copied.
 * False without a descriptor to spare. */
bool gn_resp_keep_file(struct gn_resp *r);

/* End of the body: queues the last chunk. */
void gn_resp_end(struct gn_resp *r);

enum gn_resp_step {
    GN_RESP_OUT,  /* everything was sent, or is_broken */
    GN_RESP_WAIT, /* the client doesn't take more for now */
    GN_RESP_MORE, /* it would: but a good part was sent, and others have their turn */
};

/* Sends what is queued as far as the client takes it at once. */
enum gn_resp_step gn_resp_step(struct gn_resp *r);

/* Sends all that is queued; blocks. False when the client is gone. */
bool gn_resp_flush(struct gn_resp *r);

/* Whether something is queued, and how much memory that holds. */
bool gn_resp_has_rest(const struct gn_resp *r);
size_t gn_resp_rest_bytes(const struct gn_resp *r);

/* Forgets what is queued behind `out`. */
void gn_resp_drop_rest(struct gn_resp *r);

/* Something is queued that follows `out`. */
bool gn_resp_has_tail(const struct gn_resp *r);

/* For resp.c and resp_rest.c: what of `data` may be sent, counted; bytes behind pieces or file. */
struct gn_slice gn_resp_account(struct gn_resp *r, struct gn_slice data);
void gn_resp_after(struct gn_resp *r, struct gn_slice text);

/* Replaces what was queued by an error page (only while nothing was sent). */
void gn_resp_error_page(struct gn_resp *r, int code, const char *reason, const char *message);

/* Value of the application's field with this lower-case name, or {NULL, 0}. */
struct gn_slice gn_resp_field(const struct gn_resp *r, struct gn_slice name);

#endif
