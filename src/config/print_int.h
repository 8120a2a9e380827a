/* What the print forms share; only print*.c, digest.c and effective.c include it. */
#ifndef GN_CONFIG_PRINT_INT_H
#define GN_CONFIG_PRINT_INT_H

#include "config/print.h"

struct gn_printer {
    const struct gn_frozen *f;
    const struct gn_cli_options *options;
    struct gn_arena arena;
    struct gn_buf *out;
};

/* The forms. */
bool gn_print_origin(struct gn_printer *p);
bool gn_print_json(struct gn_printer *p);
bool gn_print_yaml(struct gn_printer *p);
bool gn_print_diff(struct gn_printer *p);

/* Settings that say where to read and what to do, and not how to serve. */
bool gn_print_is_request(enum gn_setting_id id);

/* True for a setting named after the form, and for every one when none was. */
bool gn_print_is_asked(const struct gn_printer *p, const struct gn_setting *s);
bool gn_print_is_named(const struct gn_printer *p, const struct gn_setting *s);

/* The built-in default in canonical form. */
const struct gn_value *gn_print_default(const struct gn_frozen *f, enum gn_setting_id id);

/* Without its secrets, unless they are to be shown. NULL and false without memory. */
const struct gn_value *gn_print_shown(struct gn_printer *p, const struct gn_setting *s,
                                      const struct gn_value *v);
bool gn_print_shown_origin(struct gn_printer *p, const struct gn_setting *s,
                           const struct gn_origin *from, struct gn_origin *to);

/* One line for a reader: texts in quotes, callables by their names. */
bool gn_print_side(const struct gn_value *v, struct gn_buf *out);

/* In double quotes, as JSON and YAML read it. Bytes that are no UTF-8 become lone surrogates, which
 * JSON readers such as Python's know and YAML has no place for: see gn_print_is_utf8. */
bool gn_print_quoted(struct gn_slice s, struct gn_buf *out);
bool gn_print_is_utf8(struct gn_slice s);

/* effective.c: what the setting comes to, taking the others and the system into account. NULL when
 * that is the value itself, and without memory. */
const struct gn_value *gn_print_effective(struct gn_printer *p, enum gn_setting_id id);

#endif
