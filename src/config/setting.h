/* One row of the settings table: everything that is known of a setting.
 *
 * The rows are generated from schema/settings.yaml by tools/gen-settings into
 * settings_gen.h (ids, enums, struct gn_cfg) and settings_table.inc (the rows). Rows are static
 * and immutable.
 */
#ifndef GN_CONFIG_SETTING_H
#define GN_CONFIG_SETTING_H

#include <stdbool.h>
#include <stddef.h>

#include "config/settings_gen.h"
#include "config/value.h"

/* How a value is validated, and the type of its field in struct gn_cfg. */
enum gn_kind {
    GN_KIND_STRING,      /* const char *, NULL for None */
    GN_KIND_STRING_LIST, /* struct gn_strlist */
    GN_KIND_NONNEG_INT,  /* int64_t */
    GN_KIND_UMASK,       /* int64_t */
    GN_KIND_BOOL,        /* bool; None counts as false and still prints None */
    GN_KIND_TRIBOOL,     /* int8_t: -1 None, 0, 1 */
    GN_KIND_CLASS,       /* struct gn_ref: name, or handle of a class */
    GN_KIND_CHOICE,      /* int: index into `choices`, -1 for None; generated enum gn_NAME */
    GN_KIND_FILE_LIST,   /* struct gn_strlist; every entry exists */
    GN_KIND_DIRECTORY,   /* const char *, absolute */
    GN_KIND_USER,        /* int64_t uid */
    GN_KIND_GROUP,       /* int64_t gid */
    GN_KIND_DICT,        /* const struct gn_value * (GN_V_DICT) */
    GN_KIND_IP_LIST,     /* struct gn_strlist */
    GN_KIND_COMMA_LIST,  /* struct gn_strlist */
    GN_KIND_STATSD, /* const struct gn_value *: None, path (STR), (host, port) TUPLE, or INT fd */
    GN_KIND_ANY,    /* const struct gn_value *, kept as given */
    GN_KIND_HOOK,   /* struct gn_ref; handle NULL when not set */
    GN_KIND_BYTE_SIZE,   /* int64_t; 512, '512', '64K', '2M', '1G' */
    GN_KIND_BOOL_CHOICE, /* int: index into `choices`; False and None are the first, True the last
                          */
};

/* What argv does with the flag, in argparse's words. */
enum gn_cli_action {
    GN_CLI_NONE, /* no flag */
    GN_CLI_STORE,
    GN_CLI_APPEND,
    GN_CLI_STORE_TRUE,
    GN_CLI_STORE_FALSE,
    GN_CLI_OPTIONAL, /* --flag or --flag=VALUE (never eats the application): an addition of ours */
};

/* How argv text becomes a value before the validator sees it. */
enum gn_cli_type {
    GN_CLI_STR,
    GN_CLI_INT,   /* Python int(text, 10); a bad one is a usage error, exit 2 */
    GN_CLI_UMASK, /* Python int(text, 0), and a leading zero means octal; else exit 2 */
};

enum gn_apply {
    GN_APPLY_START,  /* needs a restart of the master */
    GN_APPLY_RELOAD, /* taken over by the master at HUP */
    GN_APPLY_WORKER, /* seen by workers that are started after HUP */
};

struct gn_setting {
    enum gn_setting_id id;
    const char *name;
    const char *section;
    const char *const *cli; /* flags, NULL-terminated; empty when there is none */
    const char *const *off; /* flags that undo it ("--no-reload"); empty when there is none */
    const char *meta;       /* NULL: the upper-cased destination as argparse does */
    enum gn_kind kind;
    enum gn_cli_action action;
    enum gn_cli_type cli_type;
    const struct gn_value
        *def;               /* built-in default (GN_V_OBJECT rows of hooks: obj->qualname only) */
    const char *env;        /* variable that gives the default, or NULL */
    const char *env_format; /* e.g. "0.0.0.0:%s": applied to the variable's text; NULL: as is */
    const char *const *choices; /* GN_KIND_CHOICE, GN_KIND_BOOL_CHOICE; NULL-terminated */
    int64_t max;                /* the highest number allowed; 0: none is given */
    int64_t cap;                /* the highest number that counts, used for all above it; 0: none */
    bool choice_ignores_case;
    const int
        *arity; /* GN_KIND_HOOK: allowed counts, 0-terminated; [0] is the documented one first */
    enum gn_apply apply;
    const char *since;      /* version of the original, "" when always; "c" for additions of ours */
    const char *deprecated; /* text, or NULL */
    const char *pending; /* what this build does not do with it yet, or NULL: a value other than the
                          * default is then reported (see pending_is_fatal) */
    bool pending_is_fatal; /* true: refuse to start; false: warn */
    bool is_secret;
    bool is_addition;  /* ours: its flag can't be abbreviated */
    const char *brief; /* first sentence, for --help */
    const char *desc;  /* documentation, Markdown */
    size_t offset;     /* of its field in struct gn_cfg */
};

/* All settings in the order of the documentation; GN_SETTING_COUNT rows, indexed by id. */
extern const struct gn_setting gn_settings[GN_SETTING_COUNT];

/* A flag that belongs to no setting. Those of action OPTIONAL extend the switch of a setting that
 * has the same flag: with a value it is the option, without one the setting alone. */
struct gn_option {
    enum gn_option_id id;
    const char *flag;
    enum gn_cli_action action;
    enum gn_cli_type cli_type;
    const char *const *choices; /* allowed values, NULL-terminated, or NULL */
};

/* Indexed by id; the row behind the last has no flag. */
extern const struct gn_option gn_options[GN_OPTION_COUNT + 1];

/* Ids sorted bytewise by name. */
extern const enum gn_setting_id gn_settings_by_name[GN_SETTING_COUNT];

/* Section titles in order of --help, NULL-terminated. */
extern const char *const gn_setting_sections[];

/* Length of the longest name. */
extern const size_t gn_setting_name_width;

/* By exact name; NULL when there is none. */
const struct gn_setting *gn_setting_find(struct gn_slice name);

#endif
