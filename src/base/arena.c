#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { DEFAULT_BLOCK_BYTES = 4096 };

struct gn_arena_block {
    struct gn_arena_block *next;
    size_t used;
    size_t size;
    alignas(max_align_t) char data[];
};

static size_t
round_up(size_t n)
{
    return (n + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
}

static struct gn_arena_block *
block_new(struct gn_arena *a, size_t need)
{
    size_t size = a->block_bytes != 0 ? a->block_bytes : DEFAULT_BLOCK_BYTES;
    struct gn_arena_block *b;

    if (size < need)
        size = need;
    b = malloc(sizeof(*b) + size);
    if (b == NULL)
        return NULL;
    b->used = 0;
    b->size = size;
    b->next = a->head;
    a->head = b;
    return b;
}

void *
gn_arena_alloc(struct gn_arena *a, size_t size)
{
    struct gn_arena_block *b = a->head;
    void *p;

    if (size > SIZE_MAX / 2)
        return NULL;
    size = round_up(size != 0 ? size : 1);
    if (b == NULL || b->size - b->used < size) {
        b = block_new(a, size);
        if (b == NULL)
            return NULL;
    }
    p = b->data + b->used;
    b->used += size;
    memset(p, 0, size);
    return p;
}

char *
gn_arena_strndup(struct gn_arena *a, const char *p, size_t n)
{
    char *copy = gn_arena_alloc(a, n + 1);

    if (copy != NULL && n > 0)
        memcpy(copy, p, n);
    return copy;
}

char *
gn_arena_strdup(struct gn_arena *a, const char *z)
{
    return gn_arena_strndup(a, z, strlen(z));
}

struct gn_slice
gn_arena_slice(struct gn_arena *a, struct gn_slice s)
{
    char *copy = gn_arena_strndup(a, s.p, s.n);

    return copy != NULL ? gn_slice(copy, s.n) : gn_slice(NULL, 0);
}

char *
gn_arena_vprintf(struct gn_arena *a, const char *fmt, va_list ap)
{
    va_list again;
    char *text;
    int n;

    va_copy(again, ap);
    n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (n < 0)
        return NULL;
    text = gn_arena_alloc(a, (size_t)n + 1);
    if (text != NULL)
        vsnprintf(text, (size_t)n + 1, fmt, ap);
    return text;
}

char *
gn_arena_printf(struct gn_arena *a, const char *fmt, ...)
{
    va_list ap;
    char *text;

    va_start(ap, fmt);
    text = gn_arena_vprintf(a, fmt, ap);
    va_end(ap);
    return text;
}

void
gn_arena_reset(struct gn_arena *a)
{
    struct gn_arena_block *b = a->head;

    if (b == NULL)
        return;
    while (b->next != NULL) {
        struct gn_arena_block *next = b->next;

        free(b);
        b = next;
    }
    b->used = 0;
    a->head = b;
}

void
gn_arena_fini(struct gn_arena *a)
{
    struct gn_arena_block *b = a->head;

    while (b != NULL) {
        struct gn_arena_block *next = b->next;

        free(b);
        b = next;
    }
    a->head = NULL;
}
