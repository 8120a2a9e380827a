/* What stands behind the name in a conversion of Python's %-format: flags, width, precision and a
 * letter.
 *
 * Pure functions; those that append return false when there is no memory. Numbers are never
 * negative. Used by this folder only.
 */
#ifndef GN_LOG_FORMAT_SPEC_H
#define GN_LOG_FORMAT_SPEC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* Neither width nor precision can be larger. */
enum { GN_FORMAT_MOST = 1000 };

struct gn_format_spec {
    char letter; /* s r a | d i u o x X | e E f F g G */
    bool has_left, has_plus, has_blank, has_zero, has_alternate;
    bool has_shape; /* gn_format_shape has something to do */
    int width;      /* characters; 0 when not given */
    int precision;  /* -1 when not given */
};

/* Reads at `*at` and moves it behind the letter (or behind what is wrong). NULL when it is well
 * formed, otherwise the reason, as static text. */
const char *gn_format_spec_parse(const char **at, struct gn_format_spec *out);

/* s, r, a: fit every value; the other letters need a number. */
bool gn_format_is_text(const struct gn_format_spec *spec);

bool gn_format_decimal(struct gn_buf *out, uint64_t value) GN_MUST_CHECK;

/* With a letter that needs a number. */
bool gn_format_number(struct gn_buf *out, const struct gn_format_spec *spec,
                      uint64_t value) GN_MUST_CHECK;

/* Quotes, cuts and pads the text that was appended since the buffer was `mark` bytes long. Counts
 * characters, not bytes. */
bool gn_format_shape(struct gn_buf *out, size_t mark,
                     const struct gn_format_spec *spec) GN_MUST_CHECK;

#endif
