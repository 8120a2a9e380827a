/* Compiler attributes and small macros that every module uses.
 *
 * Nothing here has state. All names start with GN_.
 */
#ifndef GN_BASE_COMPILER_H
#define GN_BASE_COMPILER_H

#include <stddef.h>

/* The version of the original whose behaviour and texts we promise. */
#define GN_COMPAT_VERSION "23.0.0"

#define GN_MUST_CHECK __attribute__((warn_unused_result))
#define GN_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define GN_UNUSED __attribute__((unused))
#define GN_NORETURN __attribute__((noreturn))
#define GN_LIKELY(x) __builtin_expect(!!(x), 1)
#define GN_UNLIKELY(x) __builtin_expect(!!(x), 0)

#define GN_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* The struct that contains `member` at address `ptr`. */
#define GN_CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
