/* Strict numbers. The only place where text becomes an integer.
 *
 * Every function reads the whole slice or fails; none depends on the locale.
 */
#ifndef GN_BASE_NUM_H
#define GN_BASE_NUM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

/* Decimal digits only, at least one, no sign, no blank; at most `max`. */
bool gn_num_digits(struct gn_slice s, uint64_t max, uint64_t *out);

/* Hexadecimal digits only, at least one; at most `max` (chunk sizes, RFC 9112 7.1). */
bool gn_num_hex(struct gn_slice s, uint64_t max, uint64_t *out);

enum gn_num_result {
    GN_NUM_OK,
    GN_NUM_SYNTAX, /* not a number in this grammar */
    GN_NUM_RANGE,  /* a number, but it does not fit int64_t */
};

/* Python's int(text, base) for base 0 and 10 on ASCII text: blanks around it, a sign, single
 * underscores between digits; with base 0 the prefixes 0x, 0o, 0b in either case, and a
 * leading zero only in zero itself. */
enum gn_num_result gn_num_python_int(struct gn_slice s, int base, int64_t *out);

/* A decimal fraction as C writes it, with a point in every locale; the caller has checked the
 * grammar that it wants. At most 511 bytes. */
bool gn_num_float(struct gn_slice s, double *out);

#endif
