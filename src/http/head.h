/* Request heads (RFC 9112): bytes in, one parsed head or one error out.
 *
 * Sans I/O: no sockets, no clock, no configuration. The caller keeps the bytes of the request in
 * one contiguous buffer that starts at the first byte of the request and passes the whole of it at
 * every call; the parser remembers how far it looked, so that feeding byte by byte costs O(n). The
 * buffer may move between calls. Nothing is copied: after GN_HTTP_DONE all slices point into that
 * buffer and stay valid while it does not move. Two options write into the buffer:
 * casefold_method, and permit_obsolete_folding (which joins the lines). The result does not depend
 * on how the bytes were split.
 */
#ifndef GN_HTTP_HEAD_H
#define GN_HTTP_HEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "http/errors.h"

enum { GN_HTTP_MAX_FIELDS = 32768 };

/* From the settings of the section "Security" and the permit_* switches. 0 means unlimited where
 * documented. */
struct gn_http_limits {
    size_t request_line; /* bytes without CRLF; 0: unlimited */
    size_t fields;       /* number of fields; 0: GN_HTTP_MAX_FIELDS */
    size_t field_size;   /* one field line with CRLF; 0: unlimited */
    bool permit_obsolete_folding;
    bool strip_header_spaces;
    bool permit_unconventional_method;
    bool permit_unconventional_version;
    bool casefold_method;     /* the parser upper-cases the method in the buffer; lower case is
                               * accepted with permit_unconventional_method only */
    bool permit_missing_host; /* HTTP/1.1 without Host */
};

enum gn_http_field_flag {
    GN_FIELD_DROP = 1,       /* policy: must not reach the application */
    GN_FIELD_UNDERSCORE = 2, /* the name holds '_' */
};

/* Names that the server itself looks at, recognized while parsing. */
enum gn_http_known {
    GN_KNOWN_NONE = 0,
    GN_KNOWN_HOST,
    GN_KNOWN_CONTENT_LENGTH,
    GN_KNOWN_CONTENT_TYPE,
    GN_KNOWN_TRANSFER_ENCODING,
    GN_KNOWN_CONNECTION,
    GN_KNOWN_EXPECT,
    GN_KNOWN_UPGRADE,
    GN_KNOWN_COOKIE,
    GN_KNOWN_AUTHORIZATION,
    GN_KNOWN_USER_AGENT,
    GN_KNOWN_REFERER,
    GN_KNOWN_ACCEPT,
    GN_KNOWN_ACCEPT_ENCODING,
    GN_KNOWN_ACCEPT_LANGUAGE,
    GN_KNOWN_COUNT
};

struct gn_http_field {
    struct gn_slice name;  /* as received */
    struct gn_slice value; /* without SP and HTAB at both ends */
    uint8_t known;         /* enum gn_http_known */
    uint8_t flags;         /* enum gn_http_field_flag */
};

enum gn_http_form { GN_FORM_ORIGIN, GN_FORM_ABSOLUTE, GN_FORM_AUTHORITY, GN_FORM_ASTERISK };

struct gn_http_head {
    struct gn_slice method;
    struct gn_slice target;    /* as received (RAW_URI) */
    struct gn_slice path;      /* percent-encoded; "/" for an absolute form without path; "*" */
    struct gn_slice query;     /* without '?' */
    struct gn_slice fragment;  /* without '#' */
    struct gn_slice authority; /* of an absolute or authority form; overrides Host */
    struct gn_slice version;   /* as received: "HTTP/1.1" */
    enum gn_http_form form;
    uint8_t major, minor;         /* to speak: 1.0, or 1.1 for all above it (RFC 9110 2.5) */
    struct gn_http_field *fields; /* owned by the parser, reused for the next head */
    size_t n_fields;
    size_t head_bytes;      /* including the empty line: where the body starts */
    int64_t content_length; /* -1 when absent */
    bool is_chunked;
    bool has_host;
    bool wants_close;      /* persistence by version and Connection (RFC 9112 9.3) */
    bool expects_continue; /* 100-continue, HTTP/1.1 only, and there is a body to wait for */
    bool wants_upgrade;    /* Upgrade, named in Connection as well, HTTP/1.1 only */
    struct gn_slice host;  /* value of Host, or {NULL, 0} */
};

enum gn_http_result { GN_HTTP_MORE, GN_HTTP_DONE, GN_HTTP_BAD };

struct gn_http_error {
    enum gn_http_error_id id; /* row of errors.def: status, reason */
    char message[160];        /* for log and page; request bytes in it are printable ASCII */
};

/* Zero it before the first use, gn_http_parser_fini at the end; all but `head` and `error` is
 * private. */
struct gn_http_parser {
    struct gn_http_head head;
    size_t line_start; /* first byte of the line that is being read */
    size_t scanned;    /* line_start..scanned was looked at and holds no line end */
    size_t field_capacity;
    const char *base; /* where the buffer lay at the last call: slices are moved with it */
    int state;
    struct gn_http_error error;
};

/* Looks at `data[0..n)`. MORE: call again with more bytes (the same ones first). DONE:
 * parser->head is filled. BAD: parser->error is filled and nothing behind this request may be
 * parsed. */
enum gn_http_result gn_http_head_feed(struct gn_http_parser *p, const struct gn_http_limits *limits,
                                      char *data, size_t n);

/* Ready for the next head; keeps the field array. */
void gn_http_parser_reset(struct gn_http_parser *p);
void gn_http_parser_fini(struct gn_http_parser *p);

/* First field with this name in any case, or NULL. */
const struct gn_http_field *gn_http_find(const struct gn_http_head *h, struct gn_slice name);

#endif
