/* The settings compiler's front: from what the process was given to one frozen table.
 *
 * Order of work: environment defaults, argv, GUNICORN_CMD_ARGS, Paster INI, configuration file;
 * then validation of everything. Authority grows in the order of enum gn_layer.
 */
#ifndef GN_CONFIG_COMPILE_H
#define GN_CONFIG_COMPILE_H

#include "config/builder.h"
#include "config/frozen.h"

enum gn_mode {
    GN_MODE_RUN,
    GN_MODE_CHECK,
    GN_MODE_PRINT,
    GN_MODE_HELP,
    GN_MODE_VERSION,
    GN_MODE_DESCRIBE, /* options.describe is the exact name of a setting */
};

struct gn_compiled {
    enum gn_mode mode;
    struct gn_cli_options options;
    const char *names[GN_SETTING_COUNT + 1]; /* where options.names points to; don't copy */
    const struct gn_frozen *frozen; /* NULL after an error and in the modes that only print texts */
};

/* Compiles. The host is started (host->ops->start) only when a source or value needs it. False when
 * `diags` holds an error. */
bool gn_compile(const struct gn_inputs *in, struct gn_host *host, struct gn_diags *diags,
                struct gn_compiled *out) GN_MUST_CHECK;

/* A table like `base` in which `s` has the value `raw`, given by code that runs in the server. NULL
 * when `diags` holds an error. */
const struct gn_frozen *gn_compile_with(const struct gn_frozen *base, const struct gn_inputs *in,
                                        struct gn_host *host, const struct gn_setting *s,
                                        const struct gn_value *raw, struct gn_diags *diags);

/* usage.c: what -h and --version print. `columns` is the width of the terminal. */
void gn_usage_help(const char *prog, int columns, FILE *out);
void gn_usage_line(const char *prog, FILE *out);
void gn_usage_version(const char *prog, FILE *out);

/* The documentation of one setting, as --describe prints it. */
void gn_usage_describe(const struct gn_setting *s, FILE *out);

/* argv_split.c: POSIX shell words as Python's shlex.split(comments=False). NULL and a message in
 * `err` on unbalanced quotes. The words live in the arena; the array ends with NULL. */
struct gn_err;
char **gn_argv_split(struct gn_arena *a, struct gn_slice text, int *n, struct gn_err *err);

#endif
