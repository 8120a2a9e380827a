/* Diagnostics of the settings compiler: all problems of a run, with their places.
 *
 * A list owns copies of everything it shows. Not thread-safe.
 */
#ifndef GN_CONFIG_DIAG_H
#define GN_CONFIG_DIAG_H

#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "config/origin.h"

struct gn_setting;

enum gn_severity {
    GN_NOTE, /* worth knowing and right for some: never an error, silent outside of a check */
    GN_WARNING,
    GN_ERROR,
    GN_USAGE, /* exit 2 */
};

enum gn_diag_code {
#define DIAG(id, code, severity, title) GN_D_##id,
#include "config/diag_codes.def"
#undef DIAG
    GN_DIAG_CODE_COUNT
};

struct gn_diag_kind {
    const char *code; /* "GC104" */
    enum gn_severity severity;
    const char *title; /* what the code is about, whatever the message says */
};
extern const struct gn_diag_kind gn_diag_kinds[GN_DIAG_CODE_COUNT];

enum gn_severity gn_diag_severity(enum gn_diag_code code);

/* "note", "warning" or "error". */
const char *gn_severity_name(enum gn_severity severity);

struct gn_diag {
    enum gn_diag_code code;
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
    struct gn_diag *first, *last; /* in the order of their places */
    bool is_strict;               /* warnings are added as errors */
    bool is_coloured;             /* for a terminal */
    bool shows_notes;             /* in gn_diags_print */
    unsigned errors;              /* of severity ERROR or USAGE */
    unsigned usage;               /* of severity USAGE */
    unsigned warnings;
    unsigned notes;
};

void gn_diags_init(struct gn_diags *d);
void gn_diags_fini(struct gn_diags *d);

/* Adds one; never fails (without memory a fixed text is counted and shown). `origin` may be NULL.
 */
struct gn_diag *gn_diag_add(struct gn_diags *d, enum gn_diag_code code,
                            const struct gn_origin *origin, const struct gn_setting *setting,
                            const char *fmt, ...) GN_PRINTF(5, 6);
/* Says the same thing better: another code of the same severity, and another message. */
void gn_diag_replace(struct gn_diags *d, struct gn_diag *diag, enum gn_diag_code code,
                     const char *message);
void gn_diag_hint(struct gn_diags *d, struct gn_diag *diag, const char *fmt, ...) GN_PRINTF(3, 4);
void gn_diag_detail(struct gn_diags *d, struct gn_diag *diag, const char *text);

/* Prints all, in the order of their places, as a C compiler does:
 *   gunicorn.conf.py:12:11: error: workers: not a whole number: 'four' [GC104]
 *       workers = 'four'
 *                 ^
 *     hint: ...
 * The line is read again from the file; one that may hold a secret is not shown. Usage errors print
 * the usage block and `PROG: error: MESSAGE`, as argparse does. */
void gn_diags_print(const struct gn_diags *d, const char *prog, FILE *out);

/* The same for programs: a JSON array, SARIF 2.1.0, workflow commands of GitHub. False without
 * memory. */
bool gn_diags_json(const struct gn_diags *d, struct gn_buf *out) GN_MUST_CHECK;
bool gn_diags_sarif(const struct gn_diags *d, struct gn_buf *out) GN_MUST_CHECK;
bool gn_diags_github(const struct gn_diags *d, struct gn_buf *out) GN_MUST_CHECK;

/* 0, 1 (errors) or 2 (only usage errors decide). */
int gn_diags_exit_status(const struct gn_diags *d);

#endif
