/* The access log's format language, compiled once into a list of steps.
 *
 * Python's mapping %-format with the atoms of the documentation ("%(h)s", "%({x-forwarded-for}i)s",
 * with flags, width and precision as `%` knows them). Quoting as the original: `"` becomes `\"`;
 * better than the original: control characters become \xNN, so a request cannot forge a line.
 * Texts of the request and response are octets, written as UTF-8 of their Latin-1 reading, as WSGI
 * has them; `user` and the values of the environ are UTF-8.
 */
#ifndef GN_LOG_LOG_ACCESS_H
#define GN_LOG_LOG_ACCESS_H

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

/* What one line is made of. Slices are borrowed; {NULL, 0} prints "-". */
struct gn_access_record {
    struct gn_slice remote_addr; /* may be empty (Unix sockets): prints nothing */
    struct gn_slice user;        /* from Basic authentication, or {NULL, 0} */
    struct gn_slice method, target, path, query, protocol; /* protocol: "HTTP/1.1" */
    int status;
    uint64_t sent_bytes; /* body bytes sent */
    int64_t duration_ns;
    time_t now;
    pid_t pid;
    /* Look-ups for {name}i, {name}o, {name}e; name in lower case; {NULL, 0} when absent. */
    struct gn_slice (*request_header)(const void *ctx, struct gn_slice name);
    struct gn_slice (*response_header)(const void *ctx, struct gn_slice name);
    struct gn_slice (*environ_value)(const void *ctx, struct gn_slice name);
    const void *ctx;
};

struct gn_access_format;

/* NULL with `err` saying what is wrong at which position. */
struct gn_access_format *gn_access_format_new(const char *format, struct gn_err *err);
void gn_access_format_free(struct gn_access_format *f);

/* True when the format uses {name}e: only then must environ_value be able to answer. */
bool gn_access_format_needs_environ(const struct gn_access_format *f);

/* Appends the line without LF. */
bool gn_access_format_write(const struct gn_access_format *f, const struct gn_access_record *r,
                            struct gn_buf *out);

/* User part of "Basic ..." credentials decoded into `buf`; {NULL, 0} when there is none. */
struct gn_slice gn_basic_user(struct gn_slice authorization, char *buf, size_t size);

#endif
