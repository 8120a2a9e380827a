/* Octet classes of HTTP (RFC 9110 5.6, RFC 3986): one table look-up each, no locale.
 *
 * The tables are constant; any thread may use them.
 */
#ifndef GN_HTTP_CHARS_H
#define GN_HTTP_CHARS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum gn_http_class {
    GN_CH_TOKEN = 1,    /* tchar: RFC 9110 5.6.2 */
    GN_CH_PATH = 2,     /* a byte of a target before '?' and '#': VCHAR and obs-text */
    GN_CH_QUERY = 4,    /* the same before '#' */
    GN_CH_FRAGMENT = 8, /* the same to the end */
    GN_CH_TEXT = 16,    /* field value: HTAB, SP, VCHAR, obs-text (RFC 9110 5.5) */
    GN_CH_NAME = 32, /* host name: unreserved and sub-delims without ',' (a list must not pass) */
    GN_CH_UNUSUAL = 64, /* tchar that a conventional method does not have: a-z and '#' */
    GN_CH_UNDERSCORE = 128,
};

enum { GN_HEX_NONE = 255 };

extern const uint8_t gn_http_chars[256]; /* bits of enum gn_http_class */
extern const uint8_t gn_http_hex[256];   /* value of a hexadecimal digit, or GN_HEX_NONE */

static inline bool
gn_http_is(char c, enum gn_http_class set)
{
    return (gn_http_chars[(unsigned char)c] & set) != 0;
}

/* SP or HTAB: all the white space that HTTP knows (OWS, RFC 9110 5.6.3). */
static inline bool
gn_http_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static inline bool
gn_http_is_digit(char c)
{
    return (unsigned char)(c - '0') < 10;
}

/* First byte of p..end that no field value may have (a control other than HTAB, or DEL), or `end`.
 */
const char *gn_http_scan_text(const char *p, const char *end);

/* At least one byte, all of the class. */
bool gn_http_all(struct gn_slice s, enum gn_http_class set);

/* Without SP and HTAB at both ends. */
struct gn_slice gn_http_trim(struct gn_slice s);

/* Cuts the next element off a comma-separated list and trims it; false when none is left. The
 * first call of a list is made with a non-NULL `rest->p`, as gn_slice_cut wants it. Elements may
 * be empty. */
bool gn_http_next_element(struct gn_slice *rest, struct gn_slice *element);

/* True when `s`, in any case, is `lower`, a text of a-z, 0-9 and '-'. `s` must hold nothing but
 * token bytes. */
bool gn_http_token_is(struct gn_slice s, struct gn_slice lower);

#endif
