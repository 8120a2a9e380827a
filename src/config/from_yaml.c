/* YAML files, by libyaml's events: they carry places, which its documents lose for scalars' styles.
 * Plain scalars are resolved by the core schema of YAML 1.2, so `yes` and `on` are texts. */
#include <string.h>

#include <yaml.h>

#include "base/num.h"
#include "config/decl.h"

/* A value with a name, for aliases. */
struct anchor {
    const char *name;
    struct gn_decl_node node;
    struct anchor *next;
};

struct reader {
    struct gn_decl *d;
    struct gn_slice text;
    yaml_parser_t parser;
    struct anchor *anchors; /* newest first: a name may be used again */
    bool stopped;           /* what follows can't be read */
};

static struct gn_place
place_of(yaml_mark_t mark)
{
    return (struct gn_place){(int)mark.line + 1, (int)mark.column + 1};
}

static bool
stop(struct reader *r)
{
    r->stopped = true;
    r->d->is_bad = true;
    return false;
}

static bool
no_memory(struct reader *r, struct gn_place place)
{
    gn_decl_report(r->d, GN_D_NO_MEMORY, place, NULL, "no memory");
    return stop(r);
}

/* Whether a tab is among the blanks before the text of a line (from 0): libyaml only says "found
 * character that cannot start any token" then. */
static bool
is_indented_by_tab(const struct reader *r, size_t line)
{
    struct gn_slice rest = r->text, text = gn_slice_cut(&rest, '\n');

    for (; line > 0 && rest.p != NULL; line--)
        text = gn_slice_cut(&rest, '\n');
    text.n -= gn_slice_trim(text, " \t").n;
    return line == 0 && text.n > 0 && memchr(text.p, '\t', text.n) != NULL;
}

static bool
report_syntax(struct reader *r)
{
    yaml_parser_t *p = &r->parser;
    struct gn_place place = place_of(p->problem_mark);
    struct gn_diag *diag;

    if (p->error == YAML_MEMORY_ERROR)
        return no_memory(r, place);
    if (p->error == YAML_READER_ERROR)
        place = place_of(p->mark);
    diag = gn_decl_report(r->d, GN_D_NOT_YAML, place, NULL, "not YAML: %s%s%s",
                          p->problem != NULL ? p->problem : "unreadable",
                          p->context != NULL ? ", " : "", p->context != NULL ? p->context : "");
    if (is_indented_by_tab(r, p->problem_mark.line))
        gn_diag_hint(r->d->b->diags, diag, "indent with spaces, not with tabs");
    return stop(r);
}

static bool
next_event(struct reader *r, yaml_event_t *event)
{
    if (r->stopped)
        return false;
    return yaml_parser_parse(&r->parser, event) != 0 || report_syntax(r);
}

/* Scalars. */

static bool
is_one_of(struct gn_slice s, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (gn_slice_eq_str(s, *words))
            return true;
    }
    return false;
}

static struct gn_slice
skip_digits(struct gn_slice s)
{
    while (s.n > 0 && s.p[0] >= '0' && s.p[0] <= '9')
        s = gn_slice(s.p + 1, s.n - 1);
    return s;
}

static struct gn_slice
skip_sign(struct gn_slice s)
{
    return s.n > 0 && (s.p[0] == '-' || s.p[0] == '+') ? gn_slice(s.p + 1, s.n - 1) : s;
}

static bool
is_decimal(struct gn_slice s)
{
    s = skip_sign(s);
    return s.n > 0 && skip_digits(s).n == 0;
}

static bool
is_based(struct gn_slice s)
{
    const char *digits;

    if (s.n < 3 || s.p[0] != '0' || (s.p[1] != 'o' && s.p[1] != 'x'))
        return false;
    digits = s.p[1] == 'o' ? "01234567" : "0123456789abcdefABCDEF";
    return gn_slice_trim(gn_slice(s.p + 2, s.n - 2), digits).n == 0;
}

/* [-+]? ( "." [0-9]+ | [0-9]+ ( "." [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool
is_float(struct gn_slice s)
{
    struct gn_slice rest;
    size_t digits;

    s = skip_sign(s);
    rest = skip_digits(s);
    digits = s.n - rest.n;
    if (rest.n > 0 && rest.p[0] == '.') {
        struct gn_slice fraction = gn_slice(rest.p + 1, rest.n - 1);

        rest = skip_digits(fraction);
        digits += fraction.n - rest.n;
    }
    if (digits == 0)
        return false;
    if (rest.n > 0 && (rest.p[0] == 'e' || rest.p[0] == 'E'))
        return is_decimal(gn_slice(rest.p + 1, rest.n - 1));
    return rest.n == 0;
}

static const struct gn_value *
number(struct reader *r, enum gn_value_tag tag, struct gn_slice digits, double f)
{
    struct gn_value *v = gn_arena_alloc(&r->d->b->arena, sizeof(*v));

    if (v == NULL)
        return NULL;
    v->tag = tag;
    if (tag == GN_V_FLOAT)
        v->f = f;
    else
        v->str = gn_arena_slice(&r->d->b->arena, digits);
    return v;
}

static const struct gn_value *
whole_number(struct reader *r, struct gn_slice s, struct gn_place place)
{
    struct gn_slice digits = skip_sign(s);
    struct gn_diag *diag;
    int64_t n;

    if (is_decimal(s) && digits.n > 1 && digits.p[0] == '0') {
        diag = gn_decl_report(r->d, GN_D_YAML_OCTAL, place, NULL,
                              "%.*s is octal in YAML 1.1 and decimal in YAML 1.2",
                              (int)(s.n < 40 ? s.n : 40), s.p);
        gn_diag_hint(r->d->b->diags, diag,
                     "write 0o%.*s or a number without leading zero, or put a text in quotes",
                     (int)(digits.n < 40 ? digits.n - 1 : 40), digits.p + 1);
        return NULL;
    }
    if (gn_num_python_int(s, is_decimal(s) ? 10 : 0, &n) == GN_NUM_OK)
        return gn_value_int(&r->d->b->arena, n);
    if (is_decimal(s))
        return number(r, GN_V_BIGINT, s.p[0] == '+' ? digits : s, 0);
    gn_decl_report(r->d, GN_D_TOO_LARGE, place, NULL, "the number is too large");
    return NULL;
}

/* A plain scalar by the core schema. */
static const struct gn_value *
resolve(struct reader *r, struct gn_slice s, struct gn_place place)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const trues[] = {"true", "True", "TRUE", NULL};
    static const char *const falses[] = {"false", "False", "FALSE", NULL};
    static const char *const infinities[] = {".inf", ".Inf", ".INF", NULL};
    static const char *const nans[] = {".nan", ".NaN", ".NAN", NULL};
    double f;

    if (is_one_of(s, nulls))
        return &gn_value_none;
    if (is_one_of(s, trues) || is_one_of(s, falses))
        return gn_value_bool(is_one_of(s, trues));
    if (is_decimal(s) || is_based(s))
        return whole_number(r, s, place);
    if (is_one_of(s, nans))
        return number(r, GN_V_FLOAT, s, __builtin_nan(""));
    if (is_one_of(skip_sign(s), infinities))
        return number(r, GN_V_FLOAT, s, s.p[0] == '-' ? -__builtin_inf() : __builtin_inf());
    if (is_float(s) && gn_num_float(s, &f))
        return number(r, GN_V_FLOAT, s, f);
    return gn_value_str(&r->d->b->arena, s);
}

static bool
has_tag(const struct gn_value *v, const char *tag)
{
    static const struct {
        const char *tag;
        int tags;
    } rows[] = {
        {YAML_NULL_TAG, 1 << GN_V_NONE},
        {YAML_BOOL_TAG, 1 << GN_V_BOOL},
        {YAML_INT_TAG, 1 << GN_V_INT | 1 << GN_V_BIGINT},
        {YAML_FLOAT_TAG, 1 << GN_V_FLOAT | 1 << GN_V_INT},
    };

    for (size_t i = 0; i < GN_ARRAY_LEN(rows); i++) {
        if (strcmp(rows[i].tag, tag) == 0)
            return (rows[i].tags & 1 << v->tag) != 0;
    }
    return false;
}

/* NULL: refused, or without memory (which the validation of the setting finds). */
static const struct gn_value *
scalar(struct reader *r, const yaml_event_t *event, struct gn_place place)
{
    struct gn_slice s = gn_slice((const char *)event->data.scalar.value, event->data.scalar.length);
    const char *tag = (const char *)event->data.scalar.tag;
    const struct gn_value *v;

    if (tag == NULL && event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
        return resolve(r, s, place);
    if (tag == NULL || strcmp(tag, "!") == 0 || strcmp(tag, YAML_STR_TAG) == 0)
        return gn_value_str(&r->d->b->arena, s);
    v = resolve(r, s, place);
    if (v == NULL || has_tag(v, tag))
        return v;
    gn_decl_report(r->d, GN_D_YAML_TAG, place, NULL,
                   "the tag '%.60s' doesn't fit this value or is not known", tag);
    return NULL;
}

/* Anchors and aliases. */

static bool
keep_anchor(struct reader *r, const char *name, const struct gn_decl_node *node)
{
    struct anchor *a;

    if (name == NULL)
        return true;
    a = gn_arena_alloc(&r->d->b->arena, sizeof(*a));
    if (a == NULL)
        return no_memory(r, node->place);
    a->name = name;
    a->node = *node;
    a->next = r->anchors;
    r->anchors = a;
    return true;
}

/* The value is shared, not copied; that it is used again counts as if it were. */
static bool
read_alias(struct reader *r, const char *name, struct gn_place place, int depth,
           struct gn_decl_node *out)
{
    const struct anchor *a = r->anchors;

    while (a != NULL && strcmp(a->name, name) != 0)
        a = a->next;
    *out = (struct gn_decl_node){.place = place};
    if (a == NULL) {
        gn_decl_report(r->d, GN_D_YAML_TAG, place, NULL,
                       "there is no value with the anchor &%.60s before", name);
        return true;
    }
    *out = a->node;
    out->place = place;
    return gn_decl_count(r->d, place, a->node.nodes, depth + a->node.height) || stop(r);
}

/* Nodes. */

static bool read_node(struct reader *r, yaml_event_t *event, int depth, struct gn_decl_node *out);

/* Only a tag of its own kind may stand before a list or mapping. */
static void
check_tag(struct reader *r, const yaml_char_t *tag, const char *own, struct gn_decl_node *out)
{
    if (tag == NULL || strcmp((const char *)tag, own) == 0 || strcmp((const char *)tag, "!") == 0)
        return;
    gn_decl_report(r->d, GN_D_YAML_TAG, out->place, NULL, "the tag '%.60s' is not known",
                   (const char *)tag);
    out->value = NULL;
}

static bool
read_list(struct reader *r, int depth, struct gn_decl_node *out)
{
    struct gn_decl_parts parts = {0};
    struct gn_decl_node item;
    yaml_event_t event;

    for (;;) {
        if (!next_event(r, &event))
            return false;
        if (event.type == YAML_SEQUENCE_END_EVENT)
            break;
        if (!read_node(r, &event, depth + 1, &item))
            return false;
        if (!gn_decl_add_item(r->d, &parts, &item))
            return stop(r);
    }
    yaml_event_delete(&event);
    gn_decl_end_list(r->d, &parts, out);
    return true;
}

/* False at the end of the mapping, and when reading stopped. A key that is no text is refused: the
 * text is then empty with p NULL, and the value is still read. */
static bool
read_key(struct reader *r, int depth, struct gn_decl_key *key)
{
    struct gn_decl_node node;
    yaml_event_t event;
    struct gn_diag *diag;

    if (!next_event(r, &event))
        return false;
    if (event.type == YAML_MAPPING_END_EVENT) {
        yaml_event_delete(&event);
        return false;
    }
    if (!read_node(r, &event, depth + 1, &node))
        return false;
    *key = (struct gn_decl_key){.place = node.place};
    if (node.value == NULL)
        return true;
    if (node.value->tag != GN_V_STR) {
        diag = gn_decl_report(r->d, GN_D_YAML_KEY, node.place, NULL,
                              "the name of an entry must be a text");
        if (node.value->tag != GN_V_LIST && node.value->tag != GN_V_DICT)
            gn_diag_hint(r->d->b->diags, diag, "write it in quotes");
        return true;
    }
    key->text = node.value->str;
    if (gn_slice_eq(key->text, GN_SLICE("<<"))) {
        gn_decl_report(r->d, GN_D_YAML_TAG, node.place, NULL,
                       "merge keys (<<) belong to YAML 1.1 and are not read");
        key->text = gn_slice(NULL, 0);
    }
    return true;
}

static bool
read_value(struct reader *r, int depth, struct gn_decl_node *out)
{
    yaml_event_t event;

    return next_event(r, &event) && read_node(r, &event, depth + 1, out);
}

static bool
read_mapping(struct reader *r, int depth, struct gn_decl_node *out)
{
    struct gn_decl_parts parts = {0};
    struct gn_decl_node value;
    struct gn_decl_key key;

    while (read_key(r, depth, &key)) {
        if (!read_value(r, depth, &value))
            return false;
        if (key.text.p == NULL)
            parts.has_refused = true;
        else if (!gn_decl_add_pair(r->d, &parts, &key, &value))
            return stop(r);
    }
    gn_decl_end_mapping(r->d, &parts, out);
    return !r->stopped;
}

/* Consumes the event. False when reading stopped. */
static bool
read_node(struct reader *r, yaml_event_t *event, int depth, struct gn_decl_node *out)
{
    struct gn_arena *arena = &r->d->b->arena;
    const yaml_char_t *anchor = NULL;
    const char *name = NULL;
    bool ok = true;

    *out = (struct gn_decl_node){.place = place_of(event->start_mark), .nodes = 1};
    if (event->type == YAML_SCALAR_EVENT)
        anchor = event->data.scalar.anchor;
    else if (event->type == YAML_SEQUENCE_START_EVENT)
        anchor = event->data.sequence_start.anchor;
    else if (event->type == YAML_MAPPING_START_EVENT)
        anchor = event->data.mapping_start.anchor;
    if (anchor != NULL) {
        name = gn_arena_strdup(arena, (const char *)anchor);
        ok = name != NULL || no_memory(r, out->place);
    }
    if (event->type == YAML_ALIAS_EVENT)
        ok = read_alias(r, (const char *)event->data.alias.anchor, out->place, depth, out);
    else
        ok = ok && (gn_decl_count(r->d, out->place, 1, depth) || stop(r));
    if (ok && event->type == YAML_SCALAR_EVENT) {
        out->value = scalar(r, event, out->place);
    } else if (ok && event->type == YAML_SEQUENCE_START_EVENT) {
        ok = read_list(r, depth, out);
        check_tag(r, event->data.sequence_start.tag, YAML_SEQ_TAG, out);
    } else if (ok && event->type == YAML_MAPPING_START_EVENT) {
        ok = read_mapping(r, depth, out);
        check_tag(r, event->data.mapping_start.tag, YAML_MAP_TAG, out);
    }
    yaml_event_delete(event);
    return ok && keep_anchor(r, name, out);
}

/* The document. */

static void
read_settings(struct reader *r)
{
    struct gn_decl_node value;
    struct gn_decl_key key;

    while (read_key(r, 0, &key)) {
        if (!read_value(r, 0, &value))
            return;
        if (key.text.p != NULL)
            gn_decl_set(r->d, &key, &value);
    }
}

/* A document with nothing in it sets nothing. */
static void
read_root(struct reader *r, yaml_event_t *event)
{
    struct gn_place place = place_of(event->start_mark);
    bool is_empty = event->type == YAML_SCALAR_EVENT && event->data.scalar.length == 0 &&
                    event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    bool is_mapping = event->type == YAML_MAPPING_START_EVENT;

    yaml_event_delete(event);
    if (is_mapping) {
        read_settings(r);
    } else if (!is_empty) {
        gn_decl_report(r->d, GN_D_NOT_SETTINGS, place, NULL, "not a mapping of settings to values");
        stop(r);
    }
}

static void
read_stream(struct reader *r)
{
    bool has_document = false;
    yaml_event_t event;

    while (next_event(r, &event)) {
        yaml_event_type_t type = event.type;
        struct gn_place place = place_of(event.start_mark);

        if (type == YAML_STREAM_START_EVENT || type == YAML_DOCUMENT_END_EVENT ||
            type == YAML_STREAM_END_EVENT || type == YAML_DOCUMENT_START_EVENT)
            yaml_event_delete(&event);
        else
            read_root(r, &event);
        if (type == YAML_STREAM_END_EVENT)
            return;
        if (type == YAML_DOCUMENT_START_EVENT && has_document) {
            gn_decl_report(r->d, GN_D_NOT_SETTINGS, place, NULL,
                           "a second document: the file may hold only one");
            return;
        }
        has_document = has_document || type == YAML_DOCUMENT_START_EVENT;
    }
}

void
gn_decl_read_yaml(struct gn_decl *d, struct gn_slice text)
{
    struct reader r = {.d = d, .text = text};

    if (!yaml_parser_initialize(&r.parser)) {
        no_memory(&r, (struct gn_place){0});
        return;
    }
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text.p, text.n);
    read_stream(&r);
    yaml_parser_delete(&r.parser);
}
