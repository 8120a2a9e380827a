/* HTTP errors: one row each in errors.def; wire answer, log line and exception come from the row.
 */
#ifndef GN_HTTP_ERRORS_H
#define GN_HTTP_ERRORS_H

#include "base/buf.h"
#include "base/slice.h"

/* errors.def: E(id, python class name, status, reason shown in the page) */
enum gn_http_error_id {
#define E(id, py_class, status, reason) GN_HTTP_E_##id,
#include "http/errors.def"
#undef E
    GN_HTTP_ERROR_COUNT
};

struct gn_http_error_row {
    const char *name;     /* "INVALID_HEADER" */
    const char *py_class; /* gunicorn.http.errors class name, e.g. "InvalidHeader" */
    int status;
    const char *reason; /* "Bad Request" */
};

extern const struct gn_http_error_row gn_http_errors[GN_HTTP_ERROR_COUNT];

/* Standard reason phrase ("Not Found"), or "Unknown". status.def. */
const char *gn_http_reason(int status);

/* Appends a whole error response: HTTP/1.1 status line, Connection: close, Content-Type:
 * text/html, Content-Length and the small page of the original (reason in <h1><p>, `message`
 * escaped). Without body for HEAD. */
bool gn_http_error_response(struct gn_buf *out, int status, const char *reason, const char *message,
                            bool is_head);

#endif
