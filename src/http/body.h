/* Request bodies: Content-Length and chunked framing (RFC 9112 6, 7.1), incremental, without
 * copying. */
#ifndef GN_HTTP_BODY_H
#define GN_HTTP_BODY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "http/head.h"

/* After gn_http_body_init; all but is_chunked, is_done, error, and `left` without chunks is
 * private. */
struct gn_http_body {
    int state;
    uint64_t left;       /* bytes left of the length or of the current chunk */
    uint64_t line_bytes; /* of the line being read: a size line or a trailer */
    uint64_t room;       /* data bytes that may still be announced */
    uint64_t credit;     /* bytes that chunk extensions may still take, all together */
    uint64_t trailer_bytes;
    size_t trailer_count;
    bool is_chunked;
    bool is_done; /* the last byte of the message was consumed */
    struct gn_http_error error;
};

/* Limits on what is not data. */
enum {
    GN_BODY_MAX_CHUNK_DIGITS = 16,    /* leading zeros included */
    GN_BODY_MAX_CHUNK_LINE = 8190,    /* size and extensions of one chunk; also one trailer */
    GN_BODY_EXTENSION_CREDIT = 65536, /* extensions of a message may outweigh its data by so much */
    GN_BODY_MAX_TRAILERS = 100,
    GN_BODY_MAX_TRAILER_BYTES = 65536,
};

void gn_http_body_init(struct gn_http_body *b, const struct gn_http_head *h);

/* Right after the init: more than `max_bytes` of data are an error, which is met as soon as a
 * length or the size of a chunk announces them. False when the head has done so: then `error` is
 * filled. */
bool gn_http_body_limit(struct gn_http_body *b, uint64_t max_bytes);

/* Consumes from data[0..n). `*used` tells how many bytes were consumed, `*out` the decoded data
 * among them (one run, may be empty). DONE: the message is complete (is_done); bytes behind it are
 * not consumed. MORE: call again with what follows, which may be bytes of this call when `*used` <
 * n. BAD: b->error. Both last for ever. The decoded data and the result do not depend on how the
 * bytes were split. */
enum gn_http_result gn_http_body_feed(struct gn_http_body *b, const char *data, size_t n,
                                      size_t *used, struct gn_slice *out);

/* Bytes that will come without framing between them: what is left of the length or of the chunk. 0
 * between chunks. */
uint64_t gn_http_body_run_left(const struct gn_http_body *b);

#endif
