/* Rules between settings: combinations that can't work, have no effect, or are unwise; and names
 * that only other versions of the original know.
 *
 * Both are declared in schema/settings.yaml (schema/README.md explains the lists `rules` and
 * `names`), from which tools/gen-settings makes the tables. rules.c evaluates them;
 * rule_facts.c answers what is no plain question about a value, rule_checks.c finds what has
 * several findings. The tables are static. Only the files of this folder include this header.
 */
#ifndef GN_CONFIG_RULES_H
#define GN_CONFIG_RULES_H

#include "config/internal.h"

enum gn_rule_op {
    GN_RULE_SET,     /* some source gave it */
    GN_RULE_UNSET,   /* the built-in default is in force */
    GN_RULE_DEFAULT, /* equals the built-in default */
    GN_RULE_CHANGED,
    GN_RULE_TRUE, /* as Python's bool(): not None, False, 0 or empty */
    GN_RULE_FALSE,
    GN_RULE_IN, /* equals one of `values`; letters in any case */
    GN_RULE_NOT_IN,
    GN_RULE_CONTAINS, /* a text with one of `values` in it */
    GN_RULE_HAS,      /* a list with one of `values` among its items */
    GN_RULE_ABOVE,
    GN_RULE_BELOW,
};

typedef const struct gn_value *gn_rule_fact_fn(struct gn_builder *b);

struct gn_rule_test {
    enum gn_rule_op op;
    enum gn_setting_id id; /* what is tested: a setting */
    gn_rule_fact_fn *fact; /* or, when not NULL, this */
    bool is_it;            /* or the setting that the rule is reported at */
    const struct gn_value *const *values;
    size_t n;
    bool is_last; /* of several of which one must hold */
};

struct gn_rule;
/* Reports each finding by gn_rule_report. */
typedef void gn_rule_check_fn(struct gn_builder *b, const struct gn_rule *rule,
                              const struct gn_candidate *c);

struct gn_rule {
    const char *code;
    const enum gn_setting_id *settings; /* reported at each of them for which it holds */
    size_t n_settings;
    const struct gn_rule_test *tests; /* all must hold, apart from alternatives */
    size_t n_tests;
    gn_rule_check_fn *check; /* or NULL */
    const char *message;     /* "{}" stands for the value, or for the finding of `check` */
    const char *hint;        /* or NULL */
};

extern const struct gn_rule gn_rules[]; /* the row behind the last has no code */
extern const size_t gn_rule_count;

/* Adds the diagnostic of a rule; `finding` is what "{}" stands for. */
void gn_rule_report(struct gn_builder *b, const struct gn_rule *rule, const struct gn_candidate *c,
                    const char *finding);

/* Winner of a setting, or NULL when it was refused. */
const struct gn_candidate *gn_rule_winner(const struct gn_builder *b, enum gn_setting_id id);

/* Truth as Python's bool(). */
bool gn_rule_is_true(const struct gn_builder *b, enum gn_setting_id id);

/* Facts. */
gn_rule_fact_fn gn_rule_fact_worker, gn_rule_fact_public_bind, gn_rule_fact_unix_bind,
    gn_rule_fact_access_log;

/* Checks. */
gn_rule_check_fn gn_rule_check_bad_address, gn_rule_check_same_address, gn_rule_check_same_socket,
    gn_rule_check_unnamed_env, gn_rule_check_bad_owner, gn_rule_check_unknown_worker,
    gn_rule_check_scheme_header;

#endif
