/* A growing byte buffer: bytes are appended at the end and consumed at the front.
 *
 * The owner of the struct owns the memory. Pointers into `data` are valid until the next call
 * that may grow or consume. Growing returns false when there is no memory; the contents stay.
 */
#ifndef GN_BASE_BUF_H
#define GN_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/slice.h"

struct gn_buf {
    char *data;
    size_t start; /* first unconsumed byte */
    size_t end;   /* one after the last byte */
    size_t size;  /* bytes allocated */
};

static inline size_t
gn_buf_len(const struct gn_buf *b)
{
    return b->end - b->start;
}

static inline const char *
gn_buf_head(const struct gn_buf *b)
{
    return b->data + b->start;
}

static inline struct gn_slice
gn_buf_slice(const struct gn_buf *b)
{
    return gn_slice(b->data != NULL ? b->data + b->start : "", b->end - b->start);
}

static inline void
gn_buf_consume(struct gn_buf *b, size_t n)
{
    b->start += n;
    if (b->start == b->end)
        b->start = b->end = 0;
}

static inline void
gn_buf_clear(struct gn_buf *b)
{
    b->start = b->end = 0;
}

/* Room for `n` more bytes at the end (moves unconsumed bytes to the front when that suffices). */
bool gn_buf_reserve(struct gn_buf *b, size_t n) GN_MUST_CHECK;
bool gn_buf_append(struct gn_buf *b, const void *p, size_t n) GN_MUST_CHECK;
bool gn_buf_printf(struct gn_buf *b, const char *fmt, ...) GN_PRINTF(2, 3) GN_MUST_CHECK;
bool gn_buf_vprintf(struct gn_buf *b, const char *fmt, va_list ap) GN_PRINTF(2, 0) GN_MUST_CHECK;

/* Frees the memory and zeroes the struct; accepts a zeroed one. */
void gn_buf_fini(struct gn_buf *b);

#endif
