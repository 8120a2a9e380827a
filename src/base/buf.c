#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BYTES = 256 };

bool
gn_buf_reserve(struct gn_buf *b, size_t n)
{
    size_t used = b->end - b->start;
    size_t need, size;
    char *data;

    if (b->size - b->end >= n && b->data != NULL)
        return true;
    if (__builtin_add_overflow(used, n, &need))
        return false;
    if (b->data != NULL && need <= b->size) {
        memmove(b->data, b->data + b->start, used);
        b->start = 0;
        b->end = used;
        return true;
    }
    size = b->size != 0 ? b->size : FIRST_BYTES;
    while (size < need) {
        if (__builtin_mul_overflow(size, (size_t)2, &size))
            return false;
    }
    if (b->start == 0) {
        data = realloc(b->data, size);
        if (data == NULL)
            return false;
    } else {
        data = malloc(size);
        if (data == NULL)
            return false;
        memcpy(data, b->data + b->start, used);
        free(b->data);
    }
    b->data = data;
    b->start = 0;
    b->end = used;
    b->size = size;
    return true;
}

bool
gn_buf_append(struct gn_buf *b, const void *p, size_t n)
{
    if (n == 0)
        return true;
    if (!gn_buf_reserve(b, n))
        return false;
    memcpy(b->data + b->end, p, n);
    b->end += n;
    return true;
}

bool
gn_buf_vprintf(struct gn_buf *b, const char *fmt, va_list ap)
{
    va_list again;
    int n;

    va_copy(again, ap);
    n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (n < 0 || !gn_buf_reserve(b, (size_t)n + 1))
        return false;
    vsnprintf(b->data + b->end, (size_t)n + 1, fmt, ap);
    b->end += (size_t)n;
    return true;
}

bool
gn_buf_printf(struct gn_buf *b, const char *fmt, ...)
{
    va_list ap;
    bool ok;

    va_start(ap, fmt);
    ok = gn_buf_vprintf(b, fmt, ap);
    va_end(ap);
    return ok;
}

void
gn_buf_fini(struct gn_buf *b)
{
    free(b->data);
    memset(b, 0, sizeof(*b));
}
