/* Region memory: many small allocations, freed together.
 *
 * An arena is a list of blocks. Nothing in it is freed alone. `gn_arena_reset` keeps the first
 * block for the next round (requests), `gn_arena_fini` returns everything. Not thread-safe: an
 * arena has one owner. Alignment is that of max_align_t.
 */
#ifndef GN_BASE_ARENA_H
#define GN_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/slice.h"

struct gn_arena_block;

struct gn_arena {
    struct gn_arena_block *head; /* newest block, or NULL */
    size_t block_bytes;          /* size of the next ordinary block; 0 means 4096 */
};

/* Zeroed memory of `size` bytes, or NULL when there is no memory. */
void *gn_arena_alloc(struct gn_arena *a, size_t size) GN_MUST_CHECK;

/* A NUL-terminated copy of `s`; NULL when there is no memory. */
char *gn_arena_strndup(struct gn_arena *a, const char *p, size_t n) GN_MUST_CHECK;
char *gn_arena_strdup(struct gn_arena *a, const char *z) GN_MUST_CHECK;

/* A copy of the bytes (NUL-terminated as well); {NULL, 0} when there is no memory. */
struct gn_slice gn_arena_slice(struct gn_arena *a, struct gn_slice s) GN_MUST_CHECK;

/* printf into the arena. */
char *gn_arena_printf(struct gn_arena *a, const char *fmt, ...) GN_PRINTF(2, 3) GN_MUST_CHECK;
char *gn_arena_vprintf(struct gn_arena *a, const char *fmt, va_list ap)
    GN_PRINTF(2, 0) GN_MUST_CHECK;

void gn_arena_reset(struct gn_arena *a);
void gn_arena_fini(struct gn_arena *a);

#endif
