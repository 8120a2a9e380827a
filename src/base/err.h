/* The error value: filled by the function that knows most, printed in one place.
 *
 * A function that can fail takes `struct gn_err *` as its last parameter and returns false or
 * NULL after filling it. It never logs the same error as well. Errors of the settings compiler
 * are diagnostics (config/diag.h); this one is for everything else.
 */
#ifndef GN_BASE_ERR_H
#define GN_BASE_ERR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"

enum gn_err_code {
    GN_E_NONE = 0,
    GN_E_VALUE,       /* input that cannot be accepted */
    GN_E_IO,          /* a system call failed; `sys` says how */
    GN_E_MEMORY,      /* no memory */
    GN_E_PYTHON,      /* an exception of user code; its traceback is in `detail` */
    GN_E_PYTHON_EXIT, /* SystemExit; `status` is what was asked for */
    GN_E_INTERRUPT,   /* KeyboardInterrupt */
    GN_E_APP_LOAD,    /* the object part of module:object is unusable: exit status 4 */
    GN_E_HALT,        /* stop the server with `status`, reason in `msg` */
};

struct gn_err {
    enum gn_err_code code;
    int sys;    /* errno or 0 */
    int status; /* exit status asked for, with GN_E_PYTHON_EXIT and GN_E_HALT */
    int line;   /* of the user's file that was run, when it is known; else 0 */
    char msg[512];
    char *detail; /* heap, or NULL: a traceback, lines ending in LF; freed by gn_err_clear */
};

/* Fills `err`; `sys` is an errno or 0 (its text is appended when printing). Returns false, so that
 * `return gn_err_set(...)` reads well. A NULL `err` is allowed. */
bool gn_err_set(struct gn_err *err, enum gn_err_code code, int sys, const char *fmt, ...)
    GN_PRINTF(4, 5);

/* Puts "text: " before the message. */
void gn_err_prefix(struct gn_err *err, const char *fmt, ...) GN_PRINTF(2, 3);

/* Frees `detail` and zeroes the rest; accepts a zeroed value. */
void gn_err_clear(struct gn_err *err);

/* The message with ": strerror" appended when `sys` is set; the text is in `buf`. */
const char *gn_err_text(const struct gn_err *err, char *buf, size_t size);

#endif
