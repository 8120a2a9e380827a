#include "gen_schema.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum shape {
    SHAPE_LINE,  /* text of one line */
    SHAPE_BLOCK, /* text of one or more lines */
    SHAPE_BOOL,
    SHAPE_INT,
    SHAPE_TEXTS,
    SHAPE_INTS,
    SHAPE_ANY,
};

static const struct {
    const char *name;
    enum shape shape;
    bool is_required;
    bool is_for_options;
} fields[GN_GEN_FIELD_COUNT] = {
    [GN_GEN_NAME] = {"name", SHAPE_LINE, true, false},
    [GN_GEN_SECTION] = {"section", SHAPE_LINE, true, false},
    [GN_GEN_ORDER] = {"order", SHAPE_INT, false, false},
    [GN_GEN_CLI] = {"cli", SHAPE_TEXTS, false, true},
    [GN_GEN_META] = {"meta", SHAPE_LINE, false, true},
    [GN_GEN_KIND] = {"kind", SHAPE_LINE, true, false},
    [GN_GEN_ACTION] = {"action", SHAPE_LINE, false, true},
    [GN_GEN_TYPE] = {"type", SHAPE_LINE, false, true},
    [GN_GEN_DEFAULT] = {"default", SHAPE_ANY, true, false},
    [GN_GEN_DYNAMIC] = {"dynamic", SHAPE_LINE, false, false},
    [GN_GEN_ENV] = {"env", SHAPE_LINE, false, false},
    [GN_GEN_ENV_FORMAT] = {"env_format", SHAPE_LINE, false, false},
    [GN_GEN_CHOICES] = {"choices", SHAPE_TEXTS, false, true},
    [GN_GEN_MAX] = {"max", SHAPE_INT, false, false},
    [GN_GEN_CAP] = {"cap", SHAPE_INT, false, false},
    [GN_GEN_IGNORE_CASE] = {"ignore_case", SHAPE_BOOL, false, false},
    [GN_GEN_ARITY] = {"arity", SHAPE_INTS, false, false},
    [GN_GEN_APPLY] = {"apply", SHAPE_LINE, true, false},
    [GN_GEN_SINCE] = {"since", SHAPE_LINE, false, false},
    [GN_GEN_DEPRECATED] = {"deprecated", SHAPE_LINE, false, false},
    [GN_GEN_PENDING] = {"pending", SHAPE_LINE, false, false},
    [GN_GEN_PENDING_FATAL] = {"pending_fatal", SHAPE_BOOL, false, false},
    [GN_GEN_SECRET] = {"secret", SHAPE_BOOL, false, false},
    [GN_GEN_ADDITION] = {"addition", SHAPE_BOOL, false, false},
    [GN_GEN_BRIEF] = {"brief", SHAPE_LINE, true, true},
    [GN_GEN_DESC] = {"desc", SHAPE_BLOCK, true, true},
};

void *
gn_gen_alloc(void *old, size_t n, size_t size)
{
    void *p = reallocarray(old, n > 0 ? n : 1, size);
    if (p == NULL) {
        fputs("gen-settings: no memory\n", stderr);
        exit(1);
    }
    return p;
}

static void
note_at(struct gn_gen_schema *s, size_t line, size_t column, const char *fmt, va_list ap)
{
    struct gn_gen_problem p = {.line = line, .column = column};
    if (vasprintf(&p.text, fmt, ap) < 0) {
        fputs("gen-settings: no memory\n", stderr);
        exit(1);
    }
    s->problems = gn_gen_alloc(s->problems, s->n_problems + 1, sizeof *s->problems);
    s->problems[s->n_problems++] = p;
}

void
gn_gen_problem(struct gn_gen_schema *s, const yaml_node_t *node, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    note_at(s, node->start_mark.line + 1, node->start_mark.column + 1, fmt, ap);
    va_end(ap);
}

void
gn_gen_problem_in(struct gn_gen_schema *s, const yaml_node_t *node, size_t offset, const char *fmt,
                  ...)
{
    bool is_quoted = node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    va_list ap;
    va_start(ap, fmt);
    note_at(s, node->start_mark.line + 1, node->start_mark.column + 1 + offset + is_quoted, fmt,
            ap);
    va_end(ap);
}

static void GN_PRINTF(3, 4)
    note_mark(struct gn_gen_schema *s, yaml_mark_t mark, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    note_at(s, mark.line + 1, mark.column + 1, fmt, ap);
    va_end(ap);
}

static int
by_place(const void *a, const void *b)
{
    const struct gn_gen_problem *x = a, *y = b;
    if (x->line != y->line)
        return x->line < y->line ? -1 : 1;
    if (x->column != y->column)
        return x->column < y->column ? -1 : 1;
    return strcmp(x->text, y->text);
}

size_t
gn_gen_report(struct gn_gen_schema *s, FILE *out)
{
    if (s->n_problems > 1)
        qsort(s->problems, s->n_problems, sizeof *s->problems, by_place);
    for (size_t i = 0; i < s->n_problems; i++) {
        const struct gn_gen_problem *p = &s->problems[i];
        fprintf(out, "%s:%zu:%zu: error: %s\n", s->path, p->line, p->column, p->text);
    }
    return s->n_problems;
}

const char *
gn_gen_field_name(enum gn_gen_field f)
{
    return fields[f].name;
}

const char *
gn_gen_scalar(const yaml_node_t *node)
{
    if (node == NULL || node->type != YAML_SCALAR_NODE)
        return "";
    return (const char *)node->data.scalar.value;
}

static bool
is_plain(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static bool
is_one_of(const char *text, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (strcmp(text, *words) == 0)
            return true;
    }
    return false;
}

bool
gn_gen_is_null(const yaml_node_t *node)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL", NULL};
    return is_plain(node) && is_one_of(gn_gen_scalar(node), words);
}

bool
gn_gen_is_bool(const yaml_node_t *node)
{
    static const char *const words[] = {"true", "false", NULL};
    return is_plain(node) && is_one_of(gn_gen_scalar(node), words);
}

/* Decimal digits, not more than long holds on every machine, no needless zero. */
bool
gn_gen_is_int(const yaml_node_t *node)
{
    if (!is_plain(node))
        return false;
    const char *z = gn_gen_scalar(node);
    size_t digits = strspn(z, "0123456789");
    return digits > 0 && digits <= 9 && z[digits] == '\0' && (z[0] != '0' || digits == 1);
}

/* True for a plain scalar that some reader of YAML takes for something else than text. */
static bool
is_ambiguous(const yaml_node_t *node)
{
    static const char *const words[] = {"yes", "no",  "on",   "off",   "y",    "n",     "Yes",
                                        "No",  "On",  "Off",  "Y",     "N",    "YES",   "NO",
                                        "ON",  "OFF", "True", "False", "TRUE", "FALSE", NULL};
    if (!is_plain(node))
        return false;
    const char *z = gn_gen_scalar(node);
    return gn_gen_is_null(node) || gn_gen_is_bool(node) || is_one_of(z, words) ||
           z[strspn(z, "+-.0123456789_:")] == '\0';
}

bool
gn_gen_is_text(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE && !is_ambiguous(node);
}

const char *
gn_gen_text(const struct gn_gen_setting *t, enum gn_gen_field f)
{
    return t->field[f] != NULL ? gn_gen_scalar(t->field[f]) : NULL;
}

bool
gn_gen_flag(const struct gn_gen_setting *t, enum gn_gen_field f)
{
    return t->field[f] != NULL && strcmp(gn_gen_scalar(t->field[f]), "true") == 0;
}

long
gn_gen_int(const struct gn_gen_setting *t, enum gn_gen_field f)
{
    return t->field[f] != NULL ? strtol(gn_gen_scalar(t->field[f]), NULL, 10) : 0;
}

size_t
gn_gen_len(const yaml_node_t *list)
{
    if (list == NULL || list->type != YAML_SEQUENCE_NODE)
        return 0;
    return (size_t)(list->data.sequence.items.top - list->data.sequence.items.start);
}

const yaml_node_t *
gn_gen_node(const struct gn_gen_schema *s, int index)
{
    return s->doc.nodes.start + index - 1; /* libyaml's own getter wants a pointer to non-const */
}

const yaml_node_t *
gn_gen_item(const struct gn_gen_schema *s, const yaml_node_t *list, size_t i)
{
    return gn_gen_node(s, list->data.sequence.items.start[i]);
}

const char *
gn_gen_item_text(const struct gn_gen_schema *s, const yaml_node_t *list, size_t i)
{
    return gn_gen_scalar(gn_gen_item(s, list, i));
}

static const char *
type_word(const yaml_node_t *node)
{
    switch (node->type) {
    case YAML_SEQUENCE_NODE:
        return "a list";
    case YAML_MAPPING_NODE:
        return "a mapping";
    default:
        if (gn_gen_is_null(node))
            return "nothing";
        if (gn_gen_is_bool(node))
            return "a truth value";
        return is_ambiguous(node) ? "a bare word that needs quotes to be text" : "text";
    }
}

static bool
check_text(struct gn_gen_schema *s, const char *what, const yaml_node_t *node)
{
    if (!gn_gen_is_text(node)) {
        gn_gen_problem(s, node, "%s must be text, this is %s", what, type_word(node));
        return false;
    }
    if (strlen(gn_gen_scalar(node)) != node->data.scalar.length) {
        gn_gen_problem(s, node, "%s must not hold a NUL", what);
        return false;
    }
    return true;
}

static bool
check_line(struct gn_gen_schema *s, const char *what, const yaml_node_t *node)
{
    if (!check_text(s, what, node))
        return false;
    const char *z = gn_gen_scalar(node);
    if (*z == '\0') {
        gn_gen_problem(s, node, "%s is empty", what);
        return false;
    }
    for (const char *c = z; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f) {
            gn_gen_problem(s, node, "%s must be one line without control characters", what);
            return false;
        }
    }
    if (*z == ' ' || z[strlen(z) - 1] == ' ') {
        gn_gen_problem(s, node, "%s begins or ends with a blank", what);
        return false;
    }
    return true;
}

static bool
check_block(struct gn_gen_schema *s, const char *what, const yaml_node_t *node)
{
    if (!check_text(s, what, node))
        return false;
    const char *z = gn_gen_scalar(node);
    if (z[strspn(z, " \n")] == '\0') {
        gn_gen_problem(s, node, "%s is empty", what);
        return false;
    }
    if (strpbrk(z, "\t\r") != NULL) {
        gn_gen_problem(s, node, "%s holds a tab or a carriage return", what);
        return false;
    }
    return true;
}

static bool
check_list(struct gn_gen_schema *s, const char *what, const yaml_node_t *node, bool of_ints)
{
    if (node->type != YAML_SEQUENCE_NODE) {
        gn_gen_problem(s, node, "%s must be a list, this is %s", what, type_word(node));
        return false;
    }
    if (gn_gen_len(node) == 0) {
        gn_gen_problem(s, node, "%s is an empty list; leave it out instead", what);
        return false;
    }
    bool is_good = true;
    for (size_t i = 0; i < gn_gen_len(node); i++) {
        const yaml_node_t *item = gn_gen_item(s, node, i);
        if (!of_ints) {
            is_good = check_line(s, what, item) && is_good;
        } else if (!gn_gen_is_int(item)) {
            gn_gen_problem(s, item, "%s must hold whole numbers, this is %s", what,
                           type_word(item));
            is_good = false;
        }
    }
    return is_good;
}

static bool
check_shape(struct gn_gen_schema *s, const char *what, enum shape shape, const yaml_node_t *node)
{
    switch (shape) {
    case SHAPE_LINE:
        return check_line(s, what, node);
    case SHAPE_BLOCK:
        return check_block(s, what, node);
    case SHAPE_TEXTS:
        return check_list(s, what, node, false);
    case SHAPE_INTS:
        return check_list(s, what, node, true);
    case SHAPE_BOOL:
        if (gn_gen_is_bool(node))
            return true;
        gn_gen_problem(s, node, "%s must be true or false", what);
        return false;
    case SHAPE_INT:
        if (gn_gen_is_int(node))
            return true;
        gn_gen_problem(s, node, "%s must be a whole number", what);
        return false;
    case SHAPE_ANY:
        break;
    }
    return true;
}

static enum gn_gen_field
find_field(const char *name)
{
    int f = 0;
    while (f < GN_GEN_FIELD_COUNT && strcmp(fields[f].name, name) != 0)
        f++;
    return (enum gn_gen_field)f;
}

static void
read_field(struct gn_gen_schema *s, struct gn_gen_setting *t, const yaml_node_t *key,
           const yaml_node_t *value)
{
    enum gn_gen_field f = find_field(gn_gen_scalar(key));
    if (f == GN_GEN_FIELD_COUNT) {
        gn_gen_problem(s, key, "unknown field '%s'", gn_gen_scalar(key));
        return;
    }
    if (t->is_given[f])
        gn_gen_problem(s, key, "field '%s' is given twice", fields[f].name);
    else if (check_shape(s, fields[f].name, fields[f].shape, value))
        t->field[f] = value;
    t->is_given[f] = true;
}

static bool
read_fields(struct gn_gen_schema *s, const yaml_node_t *node, const char *what,
            struct gn_gen_setting *t)
{
    if (node->type != YAML_MAPPING_NODE) {
        gn_gen_problem(s, node, "%s must be a mapping, this is %s", what, type_word(node));
        return false;
    }
    *t = (struct gn_gen_setting){.node = node};
    const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
    for (; pair < node->data.mapping.pairs.top; pair++)
        read_field(s, t, gn_gen_node(s, pair->key), gn_gen_node(s, pair->value));
    return true;
}

static void
read_setting(struct gn_gen_schema *s, const yaml_node_t *node)
{
    struct gn_gen_setting t;
    if (!read_fields(s, node, "a setting", &t))
        return;
    for (int f = 0; f < GN_GEN_FIELD_COUNT; f++) {
        if (fields[f].is_required && !t.is_given[f])
            gn_gen_problem(s, node, "field '%s' is missing", fields[f].name);
    }
    s->settings[s->n++] = t;
}

static void
read_option(struct gn_gen_schema *s, const yaml_node_t *node)
{
    struct gn_gen_setting t;
    if (!read_fields(s, node, "an option", &t))
        return;
    for (int f = 0; f < GN_GEN_FIELD_COUNT; f++) {
        bool is_needed =
            f == GN_GEN_CLI || f == GN_GEN_ACTION || f == GN_GEN_BRIEF || f == GN_GEN_DESC;
        if (is_needed && !t.is_given[f])
            gn_gen_problem(s, node, "field '%s' is missing", fields[f].name);
        if (t.field[f] != NULL && !fields[f].is_for_options)
            gn_gen_problem(s, t.field[f], "'%s' is only allowed in a setting", fields[f].name);
    }
    s->options[s->n_options++] = t;
}

static void
read_settings(struct gn_gen_schema *s, const yaml_node_t *list)
{
    if (list->type != YAML_SEQUENCE_NODE || gn_gen_len(list) == 0) {
        gn_gen_problem(s, list, "'settings' must be a list that is not empty");
        return;
    }
    s->settings = gn_gen_alloc(NULL, gn_gen_len(list), sizeof *s->settings);
    for (size_t i = 0; i < gn_gen_len(list); i++)
        read_setting(s, gn_gen_item(s, list, i));
}

static void
read_options(struct gn_gen_schema *s, const yaml_node_t *list)
{
    if (list->type != YAML_SEQUENCE_NODE || gn_gen_len(list) == 0) {
        gn_gen_problem(s, list, "'options' must be a list that is not empty");
        return;
    }
    s->options = gn_gen_alloc(NULL, gn_gen_len(list), sizeof *s->options);
    for (size_t i = 0; i < gn_gen_len(list); i++)
        read_option(s, gn_gen_item(s, list, i));
}

/* A field of the lists of rules and of names. */
struct row_field {
    const char *name;
    enum shape shape;
    bool is_required;
};

static const struct row_field rule_fields[GN_GEN_RULE_FIELD_COUNT + 1] = {
    [GN_GEN_RULE_CODE] = {"code", SHAPE_LINE, true},
    [GN_GEN_RULE_SETTINGS] = {"settings", SHAPE_TEXTS, true},
    [GN_GEN_RULE_WHEN] = {"when", SHAPE_TEXTS, false},
    [GN_GEN_RULE_CHECK] = {"check", SHAPE_LINE, false},
    [GN_GEN_RULE_MESSAGE] = {"message", SHAPE_LINE, true},
    [GN_GEN_RULE_HINT] = {"hint", SHAPE_LINE, false},
};

static const struct row_field name_fields[GN_GEN_RULE_FIELD_COUNT + 1] = {
    [GN_GEN_OTHER_NAME] = {"name", SHAPE_LINE, true},
    [GN_GEN_OTHER_IS] = {"is", SHAPE_LINE, true},
    [GN_GEN_OTHER_USE] = {"use", SHAPE_LINE, false},
    [GN_GEN_OTHER_TEXT] = {"text", SHAPE_LINE, true},
};

static void
read_row_field(struct gn_gen_schema *s, const struct row_field *known, struct gn_gen_rule *r,
               const yaml_node_pair_t *pair)
{
    const yaml_node_t *key = gn_gen_node(s, pair->key), *value = gn_gen_node(s, pair->value);
    size_t f = 0;
    while (known[f].name != NULL && strcmp(known[f].name, gn_gen_scalar(key)) != 0)
        f++;
    if (known[f].name == NULL) {
        gn_gen_problem(s, key, "unknown field '%s'", gn_gen_scalar(key));
        return;
    }
    if (r->is_given[f])
        gn_gen_problem(s, key, "field '%s' is given twice", known[f].name);
    else if (check_shape(s, known[f].name, known[f].shape, value))
        r->field[f] = value;
    r->is_given[f] = true;
}

/* Reads a list of mappings; returns how many there are. */
static size_t
read_rows(struct gn_gen_schema *s, const yaml_node_t *list, const char *what,
          const struct row_field *known, struct gn_gen_rule **rows)
{
    size_t n = 0;
    if (list->type != YAML_SEQUENCE_NODE || gn_gen_len(list) == 0) {
        gn_gen_problem(s, list, "'%s' must be a list that is not empty", what);
        return 0;
    }
    *rows = gn_gen_alloc(NULL, gn_gen_len(list), sizeof **rows);
    for (size_t i = 0; i < gn_gen_len(list); i++) {
        const yaml_node_t *node = gn_gen_item(s, list, i);
        struct gn_gen_rule r = {.node = node};
        if (node->type != YAML_MAPPING_NODE) {
            gn_gen_problem(s, node, "an item of '%s' must be a mapping, this is %s", what,
                           type_word(node));
            continue;
        }
        const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
        for (; pair < node->data.mapping.pairs.top; pair++)
            read_row_field(s, known, &r, pair);
        for (size_t f = 0; known[f].name != NULL; f++) {
            if (known[f].is_required && !r.is_given[f])
                gn_gen_problem(s, node, "field '%s' is missing", known[f].name);
        }
        (*rows)[n++] = r;
    }
    return n;
}

/* The value of a key at the top; a second one is a mistake, and its absence as well unless it may
 * be left out. */
static const yaml_node_t *
find_top(struct gn_gen_schema *s, const yaml_node_t *root, const char *name, bool is_needed)
{
    const yaml_node_t *found = NULL;
    const yaml_node_pair_t *pair = root->data.mapping.pairs.start;
    for (; pair < root->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = gn_gen_node(s, pair->key);
        if (strcmp(gn_gen_scalar(key), name) != 0)
            continue;
        if (found != NULL)
            gn_gen_problem(s, key, "'%s' is given twice", name);
        else
            found = gn_gen_node(s, pair->value);
    }
    if (found == NULL && is_needed)
        gn_gen_problem(s, root, "'%s' is missing", name);
    return found;
}

static void
read_top(struct gn_gen_schema *s, const yaml_node_t *root)
{
    static const char *const keys[] = {"sections", "settings", "options", "rules", "names", NULL};

    if (root->type != YAML_MAPPING_NODE) {
        gn_gen_problem(s, root, "the file must be a mapping of 'sections' and 'settings'");
        return;
    }
    const yaml_node_pair_t *pair = root->data.mapping.pairs.start;
    for (; pair < root->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = gn_gen_node(s, pair->key);
        if (!is_one_of(gn_gen_scalar(key), keys))
            gn_gen_problem(s, key, "unknown key '%s' at the top", gn_gen_scalar(key));
    }
    const yaml_node_t *sections = find_top(s, root, "sections", true);
    if (sections != NULL && check_list(s, "sections", sections, false))
        s->sections = sections;
    const yaml_node_t *settings = find_top(s, root, "settings", true);
    if (settings != NULL)
        read_settings(s, settings);
    const yaml_node_t *options = find_top(s, root, "options", false);
    if (options != NULL)
        read_options(s, options);
    const yaml_node_t *rules = find_top(s, root, "rules", false);
    if (rules != NULL)
        s->n_rules = read_rows(s, rules, "rules", rule_fields, &s->rules);
    const yaml_node_t *names = find_top(s, root, "names", false);
    if (names != NULL)
        s->n_names = read_rows(s, names, "names", name_fields, &s->names);
}

static bool
load(struct gn_gen_schema *s, yaml_parser_t *parser)
{
    if (!yaml_parser_load(parser, &s->doc)) {
        yaml_mark_t mark = parser->problem_mark;
        note_mark(s, mark, "%s", parser->problem != NULL ? parser->problem : "not YAML");
        return false;
    }
    s->has_doc = true;
    const yaml_node_t *root = yaml_document_get_root_node(&s->doc);
    if (root == NULL) {
        note_mark(s, (yaml_mark_t){0, 0, 0}, "the file is empty");
        return false;
    }
    read_top(s, root);

    yaml_document_t next;
    if (!yaml_parser_load(parser, &next)) {
        note_mark(s, parser->problem_mark, "%s", parser->problem);
        return false;
    }
    const yaml_node_t *more = yaml_document_get_root_node(&next);
    if (more != NULL)
        gn_gen_problem(s, more, "the file must hold one YAML document");
    yaml_document_delete(&next);
    return true;
}

bool
gn_gen_read(struct gn_gen_schema *s, const char *path)
{
    *s = (struct gn_gen_schema){.path = path};
    FILE *in = fopen(path, "re");
    if (in == NULL) {
        note_mark(s, (yaml_mark_t){0, 0, 0}, "%s", strerror(errno));
        return false;
    }
    yaml_parser_t parser;
    bool is_read = false;
    if (yaml_parser_initialize(&parser)) {
        yaml_parser_set_input_file(&parser, in);
        is_read = load(s, &parser);
        yaml_parser_delete(&parser);
    } else {
        note_mark(s, (yaml_mark_t){0, 0, 0}, "no memory");
    }
    fclose(in);
    return is_read;
}

void
gn_gen_fini(struct gn_gen_schema *s)
{
    for (size_t i = 0; i < s->n_problems; i++)
        free(s->problems[i].text);
    free(s->problems);
    free(s->settings);
    free(s->options);
    for (size_t i = 0; i < s->n_rules; i++)
        free(s->rules[i].tests);
    free(s->rules);
    free(s->names);
    if (s->has_doc)
        yaml_document_delete(&s->doc);
    *s = (struct gn_gen_schema){0};
}
