/* Text that comes from a client, made safe for a log: one line stays one line.
 *
 * Pure functions on a growing buffer; they return false when there is no memory. Control characters
 * (C0, DEL and C1) become \xNN. Used by this folder only.
 */
#ifndef GN_LOG_ESCAPE_H
#define GN_LOG_ESCAPE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/slice.h"

enum gn_escape {
    GN_ESCAPE_QUOTE = 1, /* `"` becomes `\"` */
    GN_ESCAPE_TAB = 2,   /* HTAB is a control character too */
};

/* Length of the well-formed UTF-8 sequence (RFC 3629) that `s` begins with, 0 when it is none. */
size_t gn_utf8_length(struct gn_slice s);

/* `s` is UTF-8; bytes that are not become \xNN. */
bool gn_escape_utf8(struct gn_buf *out, struct gn_slice s, unsigned flags) GN_MUST_CHECK;

/* `s` is octets, to be read as Latin-1 (RFC 9110 5.5, and what WSGI does); written as UTF-8. */
bool gn_escape_latin1(struct gn_buf *out, struct gn_slice s, unsigned flags) GN_MUST_CHECK;

#endif
