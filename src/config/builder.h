/* The builder: every source adds candidates, one pass validates all and freezes the result.
 *
 * Lifetime: init, sources add (gn_from_*), gn_builder_freeze, fini. The frozen configuration does
 * not refer to the builder. Nothing here changes the process (no chdir, no user switch, no socket).
 */
#ifndef GN_CONFIG_BUILDER_H
#define GN_CONFIG_BUILDER_H

#include "base/arena.h"
#include "config/diag.h"
#include "config/setting.h"

struct gn_host;
struct gn_frozen;

struct gn_candidate {
    const struct gn_setting *setting;
    const struct gn_value *raw;
    const struct gn_value *value; /* canonical form; NULL until validated, and when refused */
    struct gn_origin origin;
    const char *base_dir; /* directory that a relative `chdir` is resolved against */
    struct gn_candidate
        *next; /* older candidates of the same setting: `chain` order, newest first */
};

struct gn_builder {
    struct gn_arena arena;
    struct gn_candidate *latest[GN_SETTING_COUNT];
    struct gn_diags *diags; /* borrowed */
    struct gn_host *host; /* borrowed; may be NULL: then nothing of the language inside is usable */
    const char *start_dir; /* current directory at start, spelled as PWD when that is the same */
    const char *app_uri;   /* positional argument, or NULL */
    bool (*knows_worker)(const char *name); /* from gn_inputs; may be NULL */
    bool sendfile_default;   /* what the setting's None stands for (variable SENDFILE) */
    bool checks_values_only; /* nothing outside of this process is looked at: files, users */
    bool checks_facts;       /* the other way round: whether the server could start here */
    int64_t check_timeout_s; /* for each thing that the check imports */
};

enum gn_print_form { GN_PRINT_PLAIN, GN_PRINT_ORIGIN, GN_PRINT_JSON, GN_PRINT_YAML, GN_PRINT_DIFF };

enum gn_check_form { GN_CHECK_TEXT, GN_CHECK_JSON, GN_CHECK_SARIF, GN_CHECK_GITHUB };

/* What was asked for on the command line (or in GUNICORN_CMD_ARGS) that is no setting: forms of the
 * outputs. In the compiled result all strings are names of settings. */
struct gn_cli_options {
    enum gn_print_form print_form; /* --print-config=FORM */
    enum gn_check_form check_form; /* --check-config=FORM */
    bool checks_values_only; /* --check-config=values: no files, users, classes, application */
    bool is_strict;          /* --strict: warnings become errors */
    bool reveals_secrets;    /* --reveal-secrets */
    bool prints_all;         /* --all: also what was not set */
    int64_t check_timeout_s; /* --check-timeout, default 60 */
    const char *describe;    /* --describe SETTING, or NULL */
    const char *const
        *names; /* settings named after --print-config=FORM; NULL-terminated, or NULL: all */
};

/* What the process was given. Borrowed; main.c fills it once. */
struct gn_inputs {
    int argc;
    char **argv;       /* argv[0] is the program */
    char *const *envp; /* environment at start */
    const char *start_dir;
    bool (*knows_worker)(
        const char *name); /* is there such a worker class; NULL: not checked here */
    /* Called when the options are known and no user code has run yet; may be NULL. */
    void (*on_options)(void *ctx, const struct gn_cli_options *options);
    void *ctx;
};

bool gn_builder_init(struct gn_builder *b, const struct gn_inputs *in, struct gn_diags *diags,
                     struct gn_host *host) GN_MUST_CHECK;
void gn_builder_fini(struct gn_builder *b);

/* Adds a candidate. `raw` lives in the builder's arena or is static. `origin` is copied, its
 * strings must live as long as the builder. */
bool gn_builder_add(struct gn_builder *b, const struct gn_setting *s, const struct gn_value *raw,
                    const struct gn_origin *origin);

/* Sources. Each adds candidates and diagnostics; false means that later sources make no sense
 * (file missing, usage error). */
bool gn_from_defaults(struct gn_builder *b);
bool gn_from_env(struct gn_builder *b, char *const *envp);
bool gn_from_ini(struct gn_builder *b, const char *path, const char *section);

/* argv after the program name, or the words of GUNICORN_CMD_ARGS (layer tells). -h, --version,
 * options that are no settings and the positional argument are reported in `out`. */
struct gn_argv_result {
    bool wants_help;
    bool wants_version;
    const char *app_uri; /* ARGV layer only; NULL when none was given */
    struct gn_cli_options options;
    bool has_option[GN_OPTION_COUNT]; /* which of them were given */
    struct gn_origin described;       /* where --describe stands */
    bool is_named[GN_SETTING_COUNT];  /* settings named beside --print-config=FORM */
    size_t n_names;
    enum gn_setting_id names[GN_SETTING_COUNT]; /* in the order of the words */
};
bool gn_from_argv(struct gn_builder *b, int n, char *const *words, enum gn_layer layer,
                  struct gn_argv_result *out);

/* Newest candidate's text of a STR setting in one layer, or NULL (used for `config` and `paste`).
 */
const char *gn_builder_peek(const struct gn_builder *b, enum gn_setting_id id, enum gn_layer layer);

/* Validates every candidate of every source (also overridden ones), then copies the winners into
 * read-only pages. NULL when there was an error. */
const struct gn_frozen *gn_builder_freeze(struct gn_builder *b);

#endif
