/* Slices: a borrowed range of bytes, possibly with NUL inside, never terminated.
 *
 * A slice owns nothing. Who owns the bytes and how long they live is said where the
 * slice is stored. All comparisons are on octets; the case-insensitive ones fold ASCII
 * letters only (the locale must never matter for protocol data).
 */
#ifndef GN_BASE_SLICE_H
#define GN_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct gn_slice {
    const char *p;
    size_t n;
};

/* A slice of a string literal. */
#define GN_SLICE(lit) ((struct gn_slice){(lit), sizeof(lit) - 1})

/* printf arguments for "%.*s"; lengths above INT_MAX are the caller's mistake. */
#define GN_SLICE_ARG(s) (int)(s).n, (s).p

static inline struct gn_slice
gn_slice(const char *p, size_t n)
{
    return (struct gn_slice){p, n};
}

static inline struct gn_slice
gn_slice_str(const char *z)
{
    return (struct gn_slice){z, z ? strlen(z) : 0};
}

static inline bool
gn_slice_eq(struct gn_slice a, struct gn_slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool
gn_slice_eq_str(struct gn_slice a, const char *z)
{
    return gn_slice_eq(a, gn_slice_str(z));
}

static inline unsigned char
gn_ascii_lower(unsigned char c)
{
    return (unsigned char)(c - 'A') < 26 ? (unsigned char)(c | 0x20) : c;
}

static inline unsigned char
gn_ascii_upper(unsigned char c)
{
    return (unsigned char)(c - 'a') < 26 ? (unsigned char)(c & 0xdf) : c;
}

/* True when equal after folding ASCII letters. */
bool gn_slice_eq_nocase(struct gn_slice a, struct gn_slice b);

bool gn_slice_starts(struct gn_slice s, struct gn_slice prefix);

/* Without the bytes of `set` (a NUL-terminated list) at both ends. */
struct gn_slice gn_slice_trim(struct gn_slice s, const char *set);

/* Position of the first `c`, or `s.n` when there is none. */
size_t gn_slice_find(struct gn_slice s, char c);

/* Cuts off and returns everything before the first `sep`; `*rest` becomes what follows it.
 * Without `sep` the whole slice is returned and `*rest` becomes {NULL, 0}. Loop while
 * rest->p is not NULL. */
struct gn_slice gn_slice_cut(struct gn_slice *rest, char sep);

#endif
