/* What the files of this folder share among themselves; nobody else includes it. */
#ifndef GN_CONFIG_INTERNAL_H
#define GN_CONFIG_INTERNAL_H

#include "base/err.h"
#include "config/builder.h"

/* One value on its way through a validator. Everything lives in `arena`. */
struct gn_check {
    const struct gn_setting *setting;
    const struct gn_value *raw;
    struct gn_arena *arena;
    const char *base_dir;       /* relative paths are looked up from here */
    struct gn_builder *builder; /* reaches the language inside; only the calls below use it */

    const struct gn_value *value; /* result: canonical form */
    enum gn_diag_code code;       /* or what is wrong */
    const char *reason;           /* the same in words */
    const char *hint;             /* or NULL */
    const char *detail;           /* traceback of user code, or NULL */
};

/* False with `reason` filled when the value can't be accepted. */
bool gn_validate(struct gn_check *c) GN_MUST_CHECK;

/* Text of a value for a message: as print or as repr, shortened, always one line; never NULL. */
const char *gn_value_text(struct gn_arena *a, const struct gn_value *v, bool as_repr);

/* Joins `path` to `dir` unless it is absolute, and takes out "." and ".." as Python's normpath
 * does. */
char *gn_path_absolute(struct gn_arena *a, const char *dir, const char *path);
/* Only joins. */
char *gn_path_join(struct gn_arena *a, const char *dir, const char *path);

/* The language inside (beside builder.c only facts_host.c knows its interface). All start it at
 * need.
 */
const struct gn_value *gn_builder_import(struct gn_builder *b, const char *dotted,
                                         struct gn_err *err);
const struct gn_value *gn_builder_call(struct gn_builder *b, const struct gn_value *callable,
                                       struct gn_err *err);

/* User code may take this long each time that it is run; 0: as long as it likes. */
void gn_builder_limit(const struct gn_builder *b, int64_t seconds);

struct gn_names_sink {
    bool (*add)(void *ctx, const char *name, const struct gn_value *value, const char *file,
                int line, int column);
    bool (*wants)(void *ctx, struct gn_slice name);
    void *ctx;
};
bool gn_builder_run_file(struct gn_builder *b, const char *location,
                         const struct gn_names_sink *names, struct gn_err *err);

/* Reports what is wrong with the winners: values that pass their kind and are known to fail or to
 * have no effect. Needs validated candidates. */
void gn_review(struct gn_builder *b);

/* facts.c: whether what the winners name is there: directories, files, descriptors. Needs validated
 * candidates. */
void gn_facts(struct gn_builder *b);

/* frozen.c: copies the winners and their histories into read-only pages; NULL without memory. */
struct gn_frozen;
const struct gn_frozen *gn_seal(const struct gn_builder *b);

/* from_conf.c: runs the configuration file. `given` is the text of -c (with its origin), or NULL
 * for the default file. */
bool gn_from_conf(struct gn_builder *b, const char *given, const struct gn_origin *origin);

/* from_ini.c: the file of "FILE#APPLICATION". */
const char *gn_ini_path(struct gn_arena *a, const char *given);
/* gn_from_ini for a text; `path` is what it is called. */
bool gn_from_ini_text(struct gn_builder *b, struct gn_slice text, const char *path,
                      const char *section);

/* diag_source.c: the line of the file that the diagnostic is about, with a caret; nothing when that
 * isn't known. */
void gn_diag_print_source(const struct gn_diag *diag, FILE *out);

/* A name that only other versions of the original know. */
enum gn_name_class {
    GN_NAME_REMOVED,  /* older versions had it */
    GN_NAME_NEWER,    /* newer versions have it */
    GN_NAME_NEEDLESS, /* newer versions have it, and what it asks for is so anyway */
    GN_NAME_COMMON,   /* a setting of others, and a likely name for a variable of one's own */
};
struct gn_other_name {
    const char *name;
    enum gn_name_class is;
    const struct gn_setting *use; /* what to set instead, or NULL */
    const char *text;             /* about it, in words */
};
extern const struct gn_other_name gn_other_names[]; /* the row behind the last has no name */

/* near.c: the row of a name, of any case and with dashes for underscores, or NULL. */
const struct gn_other_name *gn_other_name_find(struct gn_slice name);

/* Adds what is known of a name that is no setting as a hint: what was meant, or which version has
 * it. */
void gn_near_hint(struct gn_diags *diags, struct gn_diag *diag, struct gn_slice name);

/* The same for a flag, without its dashes. */
void gn_near_flag_hint(struct gn_diags *diags, struct gn_diag *diag, struct gn_slice name);

/* near.c: the setting that a name which is none may mean, or NULL. */
const struct gn_setting *gn_near_setting(struct gn_slice name);

/* usage.c: settings with flags in the order of --help; NULL behind the last. */
const struct gn_setting *gn_usage_option(size_t i);

/* The variable of the environment at start, or NULL. */
const char *gn_env_get(char *const *envp, const char *name);

#endif
