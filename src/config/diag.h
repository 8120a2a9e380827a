/* Diagnostics of the settings compiler: all problems of a run, with their places.
 *
 * A list owns copies of everything it shows. Not thread-safe.
 */
#ifndef GN_CONFIG_DIAG_H
#define GN_CONFIG_DIAG_H

#include <stdio.h>

#include "base/arena.h"
#include "config/origin.h"

struct gn_setting;

enum gn_severity { GN_WARNING, GN_ERROR, GN_USAGE /* exit 2 */ };

struct gn_diag {
    enum gn_severity severity;
    struct gn_origin origin;          /* layer DEFAULT: no place */
    const struct gn_setting *setting; /* or NULL */
    const char *message;              /* one line, no trailing stop */
    const char *hint;                 /* what to do, or NULL */
    const char *detail;               /* a traceback of user code, lines ending in LF; or NULL */
    struct gn_diag *next;
};

struct gn_diags {
    struct gn_arena arena;
    struct gn_diag *first, *last;
    unsigned errors;   /* of severity ERROR or USAGE */
    unsigned usage;    /* of severity USAGE */
    unsigned warnings;
};

void gn_diags_init(struct gn_diags *d);
void gn_diags_fini(struct gn_diags *d);

/* Adds one; never fails (without memory a fixed text is counted and shown). `origin` may be NULL. */
struct gn_diag *gn_diag_add(struct gn_diags *d, enum gn_severity severity,
                            const struct gn_origin *origin, const struct gn_setting *setting,
                            const char *fmt, ...) GN_PRINTF(5, 6);
void gn_diag_hint(struct gn_diags *d, struct gn_diag *diag, const char *fmt, ...) GN_PRINTF(3, 4);
void gn_diag_detail(struct gn_diags *d, struct gn_diag *diag, const char *text);

/* Prints all, in the order of their places, as a C compiler does:
 *   gunicorn.conf.py:12:11: error: workers: not a whole number: 'four'
 *     hint: ...
 * Usage errors print the usage block and `PROG: error: MESSAGE`, as argparse does. */
void gn_diags_print(const struct gn_diags *d, const char *prog, FILE *out);

/* 0, 1 (errors) or 2 (only usage errors decide). */
int gn_diags_exit_status(const struct gn_diags *d);

#endif
