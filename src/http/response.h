/* Response heads: validation and formatting; nothing is sent here. */
#ifndef GN_HTTP_RESPONSE_H
#define GN_HTTP_RESPONSE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/slice.h"

/* "200 OK": three digits from 100 on (what is above 599 has no meaning, and is in use), SP, reason
 * of HTAB, SP, VCHAR, obs-text. "200" alone passes: gn_http_resp_begin adds the space. On failure
 * `*why` is a static text. */
bool gn_http_status_check(struct gn_slice status, int *code, const char **why);

/* A field of the application: the name is a token, the value has no CR, LF, NUL or other control
 * but HTAB. */
bool gn_http_field_check(struct gn_slice name, struct gn_slice value, const char **why);

/* Value of an application's Content-Length: digits only, blanks around them, at most INT64_MAX. */
bool gn_http_content_length(struct gn_slice value, int64_t *length);

/* What the server does with a field of the application. `name` has passed gn_http_field_check. */
enum gn_http_resp_field {
    GN_RESP_KEEP,
    GN_RESP_CONTENT_LENGTH,
    GN_RESP_DROP,       /* hop-by-hop, Server, Date: ours */
    GN_RESP_CONNECTION, /* dropped, but "close" and "upgrade" are looked at */
    GN_RESP_UPGRADE,    /* kept for websocket, else dropped */
};
enum gn_http_resp_field gn_http_resp_field_kind(struct gn_slice name);

/* True for 1xx, 204 and 304: never a body. */
bool gn_http_status_has_no_body(int code);

struct gn_http_resp_start {
    int minor;                  /* of the request's version: echoed */
    struct gn_slice status;     /* "200 OK" */
    struct gn_slice server;     /* value of Server */
    const char *date;           /* GN_HTTP_DATE_BYTES text */
    struct gn_slice connection; /* "close", "keep-alive", "Upgrade" */
    bool is_chunked;
};

/* Status line, Server, Date, Connection, Transfer-Encoding in this order; an empty or NULL value
 * leaves its field out. The caller appends the application's fields with gn_http_resp_field and
 * ends with gn_http_resp_end. */
bool gn_http_resp_begin(struct gn_buf *out, const struct gn_http_resp_start *s);
bool gn_http_resp_field_append(struct gn_buf *out, struct gn_slice name, struct gn_slice value);
bool gn_http_resp_end(struct gn_buf *out);

/* "1a3\r\n" into `out`; returns its length. The data and "\r\n" follow; "0\r\n\r\n" ends. */
enum { GN_CHUNK_HEAD_BYTES = 20 };
size_t gn_http_chunk_head(char out[GN_CHUNK_HEAD_BYTES], size_t n);

/* %XX decoding of a path into `out` (at least s.n bytes; may be s.p itself); broken escapes stay
 * as they are; returns the length. */
size_t gn_http_unquote(struct gn_slice s, char *out);

#endif
