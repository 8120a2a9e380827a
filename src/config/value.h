/* Raw configuration values: what a source said, before validation.
 *
 * A value is an immutable tree. Its memory belongs to the arena of the builder that it was added
 * to (or is static, for defaults). Text is UTF-8. Values of the configuration language that have
 * no plain form (functions, classes, objects) are kept as `GN_V_OBJECT`: an opaque handle of the
 * host (host/host.h) beside what the compiler must know of it.
 */
#ifndef GN_CONFIG_VALUE_H
#define GN_CONFIG_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/slice.h"

enum gn_value_tag {
    GN_V_NONE,
    GN_V_BOOL,
    GN_V_INT,
    GN_V_BIGINT, /* an int outside int64_t; `str` holds its decimal text */
    GN_V_FLOAT,
    GN_V_STR,
    GN_V_BYTES,
    GN_V_LIST, /* list, set, generator: anything that was iterated, and is no tuple */
    GN_V_TUPLE,
    GN_V_DICT,
    GN_V_OBJECT,
};

struct gn_value;

struct gn_value_pair {
    const struct gn_value *key;
    const struct gn_value *value;
};

/* A value of the configuration language that stays there. */
struct gn_value_object {
    void *handle;          /* owned by the host; valid as long as the host lives */
    const char *type_name; /* "function", "type", "MyClass", ... */
    const char *text;      /* str(object) */
    const char *qualname;  /* for printing "<qualname()>"; NULL when it has none */
    const char *module;    /* where it was defined; NULL when unknown */
    bool is_callable;
    bool is_class;
    bool is_iterable;
    int positional; /* positional parameters (defaults count, *args and keyword-only do not);
                     * -1 when the signature cannot be told */
};

struct gn_value {
    enum gn_value_tag tag;
    union {
        bool b;
        int64_t i;
        double f;
        struct gn_slice str; /* STR, BYTES, BIGINT */
        struct {
            const struct gn_value *const *items;
            size_t n;
        } list; /* LIST, TUPLE */
        struct {
            const struct gn_value_pair *pairs;
            size_t n;
        } dict;
        const struct gn_value_object *obj;
    };
};

extern const struct gn_value gn_value_none;
extern const struct gn_value gn_value_true;
extern const struct gn_value gn_value_false;

/* Constructors; NULL when there is no memory. Slices are copied into the arena. */
const struct gn_value *gn_value_bool(bool b);
const struct gn_value *gn_value_int(struct gn_arena *a, int64_t i);
const struct gn_value *gn_value_str(struct gn_arena *a, struct gn_slice s);

/* Appends Python's str() of the value: strings bare, lists and dicts as Python literals, callables
 * as
 * "<qualname()>" at the top level. This is the plain --print-config form. */
bool gn_value_print(const struct gn_value *v, struct gn_buf *out);

/* Appends Python's repr() of the value, for messages. */
bool gn_value_repr(const struct gn_value *v, struct gn_buf *out);

/* repr() of text: single quotes unless it holds a single and no double quote, escapes as Python's.
 */
bool gn_repr_str(struct gn_slice s, struct gn_buf *out);

/* One code point of UTF-8 at s.p[*at], which must exist; advances. -1 (and one byte) where the
 * bytes are no UTF-8. */
int32_t gn_utf8_next(struct gn_slice s, size_t *at);

/* True when both print alike and have the same type. */
bool gn_value_equal(const struct gn_value *a, const struct gn_value *b);

#endif
