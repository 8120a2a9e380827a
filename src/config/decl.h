/* Declarative configuration files: what the readers of YAML and of JSON share.
 *
 * A reader turns the text into values with places and hands each top-level entry to gn_decl_set,
 * which knows the settings: unknown and repeated names, types, hooks as `module:function`. All
 * problems become diagnostics at their places; reading goes on after those that allow it. Only
 * from_yaml.c, from_json.c and from_conf.c include this.
 */
#ifndef GN_CONFIG_DECL_H
#define GN_CONFIG_DECL_H

#include "config/internal.h"

enum {
    GN_DECL_MAX_BYTES = 1 << 20,
    GN_DECL_MAX_DEPTH = 32,
    GN_DECL_MAX_NODES = 10000, /* values of a file; what an alias stands for counts each time */
};

/* 1-based; columns count code points. */
struct gn_place {
    int line, column;
};

struct gn_decl {
    struct gn_builder *b;
    const char *shown;                /* how the file is called in messages */
    size_t nodes;                     /* values so far */
    int first_line[GN_SETTING_COUNT]; /* where a setting was given, or 0 */
    bool is_bad;
};

/* A value of the file; `value` is NULL when it was refused and the refusal reported. */
struct gn_decl_node {
    const struct gn_value *value;
    struct gn_place place;
    struct gn_place odd; /* of the first item of a list that is no text; line 0: there is none */
    size_t nodes;        /* it and all below */
    int height;          /* levels below */
};

/* A key of a mapping, for finding repeated ones. */
struct gn_decl_key {
    struct gn_slice text;
    struct gn_place place;
};

/* A list or mapping on its way; zeroed at the start. */
struct gn_decl_parts {
    const struct gn_value **items;
    struct gn_value_pair *pairs;
    int *lines; /* of the keys */
    size_t n, room;
    struct gn_place odd;
    size_t nodes;
    int height;
    bool has_refused; /* one of the parts was */
};

struct gn_diag *gn_decl_report(struct gn_decl *d, enum gn_diag_code code, struct gn_place place,
                               const struct gn_setting *s, const char *fmt, ...) GN_PRINTF(5, 6);

/* The text without a byte order mark; false when it holds a NUL or is no UTF-8. */
bool gn_decl_check_text(struct gn_decl *d, struct gn_slice *text);

/* One more value; false (and reported) when that are too many or they are too deep. */
bool gn_decl_count(struct gn_decl *d, struct gn_place place, size_t nodes, int depth);

/* False (and reported) without memory. */
bool gn_decl_add_item(struct gn_decl *d, struct gn_decl_parts *parts,
                      const struct gn_decl_node *item);
bool gn_decl_add_pair(struct gn_decl *d, struct gn_decl_parts *parts, const struct gn_decl_key *key,
                      const struct gn_decl_node *value);
/* Fills `out`; its place is set by the caller. */
void gn_decl_end_list(struct gn_decl *d, const struct gn_decl_parts *parts,
                      struct gn_decl_node *out);
void gn_decl_end_mapping(struct gn_decl *d, const struct gn_decl_parts *parts,
                         struct gn_decl_node *out);

/* A top-level entry. */
void gn_decl_set(struct gn_decl *d, const struct gn_decl_key *key, const struct gn_decl_node *node);

/* The readers. `text` went through gn_decl_check_text and has a NUL behind it. */
void gn_decl_read_yaml(struct gn_decl *d, struct gn_slice text);
void gn_decl_read_json(struct gn_decl *d, struct gn_slice text);

/* Whether the name of a file says that it is a declarative one. */
bool gn_decl_is_name(const char *path);

/* Reads the file `whole`, called `shown`; `asked` is where it was asked for. */
bool gn_from_decl(struct gn_builder *b, const char *whole, const char *shown,
                  const struct gn_origin *asked);

/* The same for a text: `is_json` tells which form. A NUL is behind it. */
bool gn_from_decl_text(struct gn_builder *b, struct gn_slice text, bool is_json, const char *shown);

#endif
