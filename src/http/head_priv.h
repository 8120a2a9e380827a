/* Between the files of the head parser: head.c drives, reqline.c and headers.c know the lines. */
#ifndef GN_HTTP_HEAD_PRIV_H
#define GN_HTTP_HEAD_PRIV_H

#include "base/compiler.h"
#include "http/head.h"

/* Fills `e`; request bytes quoted behind the text become printable ASCII. Returns false. */
bool gn_http_fail(struct gn_http_error *e, enum gn_http_error_id id, const char *text);
bool gn_http_fail_quote(struct gn_http_error *e, enum gn_http_error_id id, const char *text,
                        struct gn_slice quoted);

/* The bytes of a complete request line, without CRLF; no control byte but HTAB is in them. */
bool gn_http_request_line(struct gn_http_head *h, struct gn_http_error *e,
                          const struct gn_http_limits *limits, char *line, size_t n);

/* uri-host [":" port] (RFC 9112 3.2); `needs_port` for the authority form. An empty value is for
 * the caller to judge. */
bool gn_http_host_check(struct gn_slice host, bool needs_port);

/* A complete field line without CRLF, as above; appends to h->fields, which has room. */
bool gn_http_field_line(struct gn_http_head *h, struct gn_http_error *e, bool strip_spaces,
                        struct gn_slice line);

/* A continuation line of the last field: joins it by one space, in place. */
void gn_http_fold_line(struct gn_http_head *h, char *line, size_t n);

/* All fields are known: framing, persistence, expectation. */
bool gn_http_head_finish(struct gn_http_head *h, struct gn_http_error *e,
                         const struct gn_http_limits *limits);

#endif
