/* The settings schema as gen-settings sees it: the parsed YAML file with every value's place.
 *
 * gen_schema.c reads the file and knows the shape of each field; gen_check.c knows what the values
 * mean and which belong together; the other files write. The schema owns the YAML document,
 * everything else points into it. All mistakes are collected, so that one run shows all of them. A
 * build-time tool: it may use libc and libyaml, nothing of src/config.
 */
#ifndef GN_TOOLS_GEN_SCHEMA_H
#define GN_TOOLS_GEN_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <yaml.h>

#include "base/compiler.h"

/* Longest name allowed: --print-config pads names to the longest one, and its output is compared
 * byte for byte with that of other implementations. */
#define GN_GEN_NAME_MAX 34

enum gn_gen_field {
    GN_GEN_NAME,
    GN_GEN_SECTION,
    GN_GEN_ORDER,
    GN_GEN_CLI,
    GN_GEN_META,
    GN_GEN_KIND,
    GN_GEN_ACTION,
    GN_GEN_TYPE,
    GN_GEN_DEFAULT,
    GN_GEN_DYNAMIC,
    GN_GEN_ENV,
    GN_GEN_ENV_FORMAT,
    GN_GEN_CHOICES,
    GN_GEN_MAX,
    GN_GEN_CAP,
    GN_GEN_IGNORE_CASE,
    GN_GEN_ARITY,
    GN_GEN_APPLY,
    GN_GEN_SINCE,
    GN_GEN_DEPRECATED,
    GN_GEN_PENDING,
    GN_GEN_PENDING_FATAL,
    GN_GEN_SECRET,
    GN_GEN_ADDITION,
    GN_GEN_BRIEF,
    GN_GEN_DESC,
    GN_GEN_FIELD_COUNT,
};

enum gn_gen_action {
    GN_GEN_NO_FLAG,
    GN_GEN_STORE,
    GN_GEN_APPEND,
    GN_GEN_STORE_TRUE,
    GN_GEN_STORE_FALSE,
    GN_GEN_OPTIONAL,
    GN_GEN_ACTION_COUNT,
};

/* What the default of a kind looks like in the schema. */
enum gn_gen_default {
    GN_GEN_DEF_TEXT, /* text, or null */
    GN_GEN_DEF_WORD, /* text */
    GN_GEN_DEF_TEXTS,
    GN_GEN_DEF_UINT,
    GN_GEN_DEF_BOOL,
    GN_GEN_DEF_TRIBOOL,
    GN_GEN_DEF_DYNAMIC, /* null, and `dynamic` says what it is */
    GN_GEN_DEF_DICT,    /* texts by text */
    GN_GEN_DEF_CHOICE,
    GN_GEN_DEF_QUALNAME,
    GN_GEN_DEF_PLAIN, /* null, bool, whole number or text */
};

/* One row of the table of kinds; the order of rows is that of enum gn_kind. */
struct gn_gen_kind {
    const char *name;
    const char *words;      /* for readers */
    const char *json;       /* members of a JSON Schema; NULL: made from `choices` */
    const char *id;         /* GN_KIND_... */
    const char *field_type; /* in struct gn_cfg, with a trailing blank unless it ends in '*' */
    enum gn_gen_default def;
    unsigned actions; /* bit set of enum gn_gen_action, without GN_GEN_NO_FLAG */
};

struct gn_gen_setting {
    const yaml_node_t *node;
    const yaml_node_t *field[GN_GEN_FIELD_COUNT]; /* NULL where absent or of the wrong shape */
    bool is_given[GN_GEN_FIELD_COUNT];
    const struct gn_gen_kind *kind; /* this and the rest is filled by gn_gen_check */
    enum gn_gen_action action;
    size_t section;
};

/* Fields of a rule, and of a name that only other versions know. */
enum gn_gen_rule_field {
    GN_GEN_RULE_CODE,
    GN_GEN_RULE_SETTINGS,
    GN_GEN_RULE_WHEN,
    GN_GEN_RULE_CHECK,
    GN_GEN_RULE_MESSAGE,
    GN_GEN_RULE_HINT,
    GN_GEN_OTHER_NAME = 0,
    GN_GEN_OTHER_IS,
    GN_GEN_OTHER_USE,
    GN_GEN_OTHER_TEXT,
    GN_GEN_RULE_FIELD_COUNT = GN_GEN_RULE_HINT + 1,
};

/* A part of a scalar's text. */
struct gn_gen_word {
    const char *p;
    size_t n;
};

/* One test of a rule's condition. Its subject is a setting, a fact, or the setting that the rule
 * is reported at. */
struct gn_gen_test {
    const struct gn_gen_setting *setting;
    const char *fact;
    bool is_it, is_text_fact;
    bool is_last; /* of the tests with "or" between them */
    size_t op;
    const char *op_id;
    struct gn_gen_word values[16];
    size_t n_values;
};

/* A rule, or a name of another version (which has no tests). */
struct gn_gen_rule {
    const yaml_node_t *node;
    const yaml_node_t *field[GN_GEN_RULE_FIELD_COUNT]; /* NULL where absent or of the wrong shape */
    bool is_given[GN_GEN_RULE_FIELD_COUNT];
    struct gn_gen_test *tests; /* filled by gn_gen_check_rules */
    size_t n_tests;
};

struct gn_gen_problem {
    size_t line, column;
    char *text;
};

struct gn_gen_schema {
    const char *path;
    yaml_document_t doc;
    bool has_doc;
    const yaml_node_t *sections;
    struct gn_gen_setting *settings;
    size_t n;
    struct gn_gen_setting *options; /* flags that are no settings */
    size_t n_options;
    struct gn_gen_rule *rules;
    size_t n_rules;
    struct gn_gen_rule *names; /* of other versions */
    size_t n_names;
    struct gn_gen_problem *problems;
    size_t n_problems;
};

/* gen_schema.c */

/* Reads and checks the shape of everything. False when nothing could be read at all; the problems
 * are in the schema in either case. */
bool gn_gen_read(struct gn_gen_schema *s, const char *path);
void gn_gen_fini(struct gn_gen_schema *s);

/* Notes a mistake at the place of `node`. */
void gn_gen_problem(struct gn_gen_schema *s, const yaml_node_t *node, const char *fmt, ...)
    GN_PRINTF(3, 4);

/* The same at an octet of a scalar's text that is one line. */
void gn_gen_problem_in(struct gn_gen_schema *s, const yaml_node_t *node, size_t offset,
                       const char *fmt, ...) GN_PRINTF(4, 5);

/* Prints all mistakes in the order of their places; returns how many there are. */
size_t gn_gen_report(struct gn_gen_schema *s, FILE *out);

const char *gn_gen_field_name(enum gn_gen_field f);

/* Text of a scalar field, NULL where it is absent. */
const char *gn_gen_text(const struct gn_gen_setting *t, enum gn_gen_field f);
bool gn_gen_flag(const struct gn_gen_setting *t, enum gn_gen_field f);
long gn_gen_int(const struct gn_gen_setting *t, enum gn_gen_field f);

/* A node by its index in the document. */
const yaml_node_t *gn_gen_node(const struct gn_gen_schema *s, int index);

/* Length and items of a list; 0 items for NULL. */
size_t gn_gen_len(const yaml_node_t *list);
const yaml_node_t *gn_gen_item(const struct gn_gen_schema *s, const yaml_node_t *list, size_t i);
const char *gn_gen_item_text(const struct gn_gen_schema *s, const yaml_node_t *list, size_t i);

/* Text of a scalar node, "" for anything else. */
const char *gn_gen_scalar(const yaml_node_t *node);

/* What a scalar says: quoted ones are text always. */
bool gn_gen_is_null(const yaml_node_t *node);
bool gn_gen_is_bool(const yaml_node_t *node);
bool gn_gen_is_int(const yaml_node_t *node);
bool gn_gen_is_text(const yaml_node_t *node);

/* Allocation that ends the tool with a message when there is no memory. */
void *gn_gen_alloc(void *old, size_t n, size_t size);

/* gen_check.c */

void gn_gen_check(struct gn_gen_schema *s);

/* gen_rules.c: rules between settings, and names of other versions */

void gn_gen_check_rules(struct gn_gen_schema *s);
void gn_gen_write_rules(const struct gn_gen_schema *s, FILE *out);

/* A setting by its name, NULL when there is none. */
const struct gn_gen_setting *gn_gen_find_setting(const struct gn_gen_schema *s, const char *name,
                                                 size_t n);

/* Calls `put` for every rule that is reported at the setting. */
void gn_gen_each_rule(const struct gn_gen_schema *s, const struct gn_gen_setting *t,
                      void (*put)(FILE *out, const char *code, const char *message), FILE *out);

/* gen_header.c, gen_table.c, gen_help.c, gen_manual.c, gen_mdoc.c, gen_json.c, gen_complete.c: each
 * writes one file of a schema without mistakes. */
void gn_gen_write_header(const struct gn_gen_schema *s, FILE *out);
void gn_gen_write_table(const struct gn_gen_schema *s, FILE *out);
void gn_gen_write_help(const struct gn_gen_schema *s, FILE *out);
void gn_gen_write_manual(const struct gn_gen_schema *s, FILE *out);
void gn_gen_write_man_options(const struct gn_gen_schema *s, FILE *out);
void gn_gen_write_man_settings(const struct gn_gen_schema *s, FILE *out);
void gn_gen_write_json_schema(const struct gn_gen_schema *s, FILE *out);
void gn_gen_write_bash(const struct gn_gen_schema *s, FILE *out);
void gn_gen_write_zsh(const struct gn_gen_schema *s, FILE *out);
void gn_gen_write_fish(const struct gn_gen_schema *s, FILE *out);

/* gen_words.c: what the documents say about a setting or option */

/* True when the flag is one word alone. */
bool gn_gen_is_switch(const struct gn_gen_setting *t);

/* True when flag `i` of the setting can be undone by "--no-" and the rest of it. */
bool gn_gen_has_no_flag(const struct gn_gen_schema *s, const struct gn_gen_setting *t, size_t i);

/* What stands for the value: "INT". */
void gn_gen_put_meta(FILE *out, const struct gn_gen_setting *t);

/* "-b ADDRESS, --bind ADDRESS"; "--reload, --no-reload"; "--print-config=FORM". */
void gn_gen_put_invocation(const struct gn_gen_schema *s, FILE *out,
                           const struct gn_gen_setting *t);

/* The default as Python's str() shows it, or words for one that depends on the process. Heap. */
char *gn_gen_default_text(const struct gn_gen_schema *s, const struct gn_gen_setting *t);

/* "whole number, 0 or more", "one of drop, refuse, dangerous". */
void gn_gen_put_type(const struct gn_gen_schema *s, FILE *out, const struct gn_gen_setting *t);

/* "after a restart" */
const char *gn_gen_apply_text(const struct gn_gen_setting *t);

/* Settings with flags in the order of their messages; heap, `n` filled. */
const struct gn_gen_setting **gn_gen_by_order(const struct gn_gen_schema *s, size_t *n);

/* Settings with flags by section, and within one in the order of messages. */
const struct gn_gen_setting **gn_gen_by_section(const struct gn_gen_schema *s, size_t *n);

/* gen_mdoc.c: text with the marks of Markdown as mdoc. */
void gn_gen_mdoc_text(FILE *out, const char *text);

/* gen_c.c: pieces of C text */

/* A string literal; with `indent` > 0 texts of several lines get one literal per line, each
 * preceded by so many blanks. */
void gn_gen_c_string(FILE *out, const char *text, int indent);

/* "Config File" becomes "CONFIG_FILE". */
void gn_gen_c_upper(FILE *out, const char *text);

/* The first lines of a generated file. */
void gn_gen_c_banner(FILE *out, const struct gn_gen_schema *s, const char *what);

#endif
