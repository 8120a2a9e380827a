/* JSON files. cJSON gives the values and decodes texts; it knows no places and takes more than JSON
 * (any control character as a blank, numbers such as 01), so a walk through the text follows its
 * tree, notes the places and refuses the rest. */
#include <math.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/num.h"
#include "config/decl.h"

struct reader {
    struct gn_decl *d;
    const char *p, *end;
    struct gn_place at; /* of `p` */
};

static bool read_value(struct reader *r, const cJSON *item, int depth, struct gn_decl_node *out);

static void
step(struct reader *r)
{
    unsigned char c = (unsigned char)*r->p++;

    if (c == '\n')
        r->at = (struct gn_place){r->at.line + 1, 1};
    else if ((c & 0xc0) != 0x80)
        r->at.column++;
}

static void
skip_blanks(struct reader *r)
{
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r'))
        step(r);
}

static bool
refuse(struct reader *r, const char *what)
{
    gn_decl_report(r->d, GN_D_NOT_JSON, r->at, NULL, "not JSON: %s", what);
    return false;
}

static bool
is_next(struct reader *r, char c)
{
    skip_blanks(r);
    return r->p < r->end && *r->p == c;
}

static bool
take(struct reader *r, char c)
{
    if (!is_next(r, c))
        return refuse(r, "a character that has no place here");
    step(r);
    return true;
}

/* Walks over a text. cJSON ends what it decodes at a NUL, so that one can't be let through. */
static bool
skip_string(struct reader *r)
{
    if (!take(r, '"'))
        return false;
    while (r->p < r->end && *r->p != '"') {
        if ((unsigned char)*r->p < ' ')
            return refuse(r, "a control character in a text must be written as an escape");
        if (*r->p == '\\' && r->end - r->p >= 6 && memcmp(r->p, "\\u0000", 6) == 0) {
            gn_decl_report(r->d, GN_D_NUL_BYTE, r->at, NULL, "a text must not hold a NUL");
            return false;
        }
        if (*r->p == '\\')
            step(r);
        if (r->p < r->end)
            step(r);
    }
    return take(r, '"');
}

static bool
skip_digits(struct gn_slice *s)
{
    size_t before = s->n;

    while (s->n > 0 && s->p[0] >= '0' && s->p[0] <= '9')
        *s = gn_slice(s->p + 1, s->n - 1);
    return s->n < before;
}

/* RFC 8259, section 6. */
static bool
is_number(struct gn_slice s, bool *is_whole)
{
    if (s.n > 0 && s.p[0] == '-')
        s = gn_slice(s.p + 1, s.n - 1);
    if (s.n > 1 && s.p[0] == '0' && s.p[1] >= '0' && s.p[1] <= '9')
        return false;
    if (!skip_digits(&s))
        return false;
    *is_whole = s.n == 0;
    if (s.n > 0 && s.p[0] == '.') {
        s = gn_slice(s.p + 1, s.n - 1);
        if (!skip_digits(&s))
            return false;
    }
    if (s.n > 0 && (s.p[0] == 'e' || s.p[0] == 'E')) {
        s = gn_slice(s.p + 1, s.n - 1);
        if (s.n > 0 && (s.p[0] == '-' || s.p[0] == '+'))
            s = gn_slice(s.p + 1, s.n - 1);
        if (!skip_digits(&s))
            return false;
    }
    return s.n == 0;
}

static const struct gn_value *
new_number(struct reader *r, struct gn_slice s, bool is_whole, double f)
{
    struct gn_value *v;
    int64_t n;

    if (is_whole && gn_num_python_int(s, 10, &n) == GN_NUM_OK)
        return gn_value_int(&r->d->b->arena, n);
    v = gn_arena_alloc(&r->d->b->arena, sizeof(*v));
    if (v == NULL)
        return NULL;
    v->tag = is_whole ? GN_V_BIGINT : GN_V_FLOAT;
    if (is_whole)
        v->str = gn_arena_slice(&r->d->b->arena, s);
    else
        v->f = f;
    return v;
}

static bool
read_number(struct reader *r, const cJSON *item, struct gn_decl_node *out)
{
    struct gn_slice s = {r->p, 0};
    struct reader before = *r;
    bool is_whole;

    while (r->p < r->end && strchr("+-.0123456789Ee", *r->p) != NULL) {
        step(r);
        s.n++;
    }
    if (!is_number(s, &is_whole))
        return refuse(&before, "a number is written -12, 0.5 or 1e6, without leading zero");
    if (!is_whole && isinf(item->valuedouble))
        gn_decl_report(r->d, GN_D_TOO_LARGE, out->place, NULL, "the number is too large");
    else
        out->value = new_number(r, s, is_whole, item->valuedouble);
    return true;
}

static bool
read_list(struct reader *r, const cJSON *list, int depth, struct gn_decl_node *out)
{
    struct gn_decl_parts parts = {0};
    struct gn_decl_node item;
    bool ok = take(r, '[');

    for (const cJSON *i = list->child; ok && i != NULL; i = i->next)
        ok = read_value(r, i, depth + 1, &item) && gn_decl_add_item(r->d, &parts, &item) &&
             (i->next == NULL || take(r, ','));
    gn_decl_end_list(r->d, &parts, out);
    return ok && take(r, ']');
}

static bool
read_key(struct reader *r, const cJSON *item, struct gn_decl_key *key)
{
    skip_blanks(r);
    key->place = r->at;
    key->text = gn_slice_str(item->string);
    return gn_decl_count(r->d, r->at, 1, 0) && skip_string(r) && take(r, ':');
}

static bool
read_mapping(struct reader *r, const cJSON *mapping, int depth, struct gn_decl_node *out)
{
    struct gn_decl_parts parts = {0};
    struct gn_decl_node value;
    struct gn_decl_key key;
    bool ok = take(r, '{');

    for (const cJSON *i = mapping->child; ok && i != NULL; i = i->next)
        ok = read_key(r, i, &key) && read_value(r, i, depth + 1, &value) &&
             gn_decl_add_pair(r->d, &parts, &key, &value) && (i->next == NULL || take(r, ','));
    gn_decl_end_mapping(r->d, &parts, out);
    return ok && take(r, '}');
}

/* true, false, null: the tree tells which. */
static bool
skip_word(struct reader *r, const char *word)
{
    for (; *word != '\0'; word++) {
        if (r->p == r->end || *r->p != *word)
            return refuse(r, "a character that has no place here");
        step(r);
    }
    return true;
}

static bool
read_value(struct reader *r, const cJSON *item, int depth, struct gn_decl_node *out)
{
    skip_blanks(r);
    *out = (struct gn_decl_node){.place = r->at, .nodes = 1};
    if (!gn_decl_count(r->d, r->at, 1, depth))
        return false;
    if (cJSON_IsObject(item))
        return read_mapping(r, item, depth, out);
    if (cJSON_IsArray(item))
        return read_list(r, item, depth, out);
    if (cJSON_IsNumber(item))
        return read_number(r, item, out);
    if (cJSON_IsString(item)) {
        out->value = gn_value_str(&r->d->b->arena, gn_slice_str(item->valuestring));
        return skip_string(r);
    }
    out->value = cJSON_IsNull(item) ? &gn_value_none : gn_value_bool(cJSON_IsTrue(item));
    return skip_word(r, cJSON_IsNull(item) ? "null" : cJSON_IsTrue(item) ? "true" : "false");
}

static void
read_settings(struct reader *r, const cJSON *root)
{
    struct gn_decl_node value;
    struct gn_decl_key key;
    bool ok = take(r, '{');

    for (const cJSON *i = root->child; ok && i != NULL; i = i->next) {
        ok = read_key(r, i, &key) && read_value(r, i, 1, &value);
        if (ok)
            gn_decl_set(r->d, &key, &value);
        ok = ok && (i->next == NULL || take(r, ','));
    }
    if (!ok || !take(r, '}'))
        return;
    skip_blanks(r);
    if (r->p < r->end)
        refuse(r, "something stands behind the last '}'");
}

/* What is wrong at `c`, which stands behind `before`; '\0' is the end. */
static const char *
blame(char c, char before)
{
    switch (c) {
    case '\0':
        return "the file ends too early";
    case '/':
    case '#':
        return "there are no comments in JSON";
    case '\'':
        return "texts stand in double quotes";
    case '}':
    case ']':
        return before == ',' ? "no comma may stand behind the last entry"
                             : "a closing bracket that has no place here";
    case '"':
        return before == ',' || before == ':' || before == '[' || before == '{'
                   ? "a text that is not closed, or holds an escape that JSON doesn't know"
                   : "a comma or colon is missing";
    default:
        return "neither a value nor what may follow one";
    }
}

/* Where texts begin, and whether one is open. */
struct context {
    size_t depth;            /* brackets that are open, that of the settings among them */
    struct gn_place deep_at; /* the first that is deeper than gn_decl_count allows */
    char last, before;       /* the two latest characters outside texts, blanks apart */
    struct gn_place last_at;
    bool in_text;
};

static void
note_character(struct reader *r, struct context *c)
{
    if (!c->in_text && strchr(" \t\r\n", *r->p) == NULL) {
        c->before = c->last;
        c->last = *r->p;
        c->last_at = r->at;
        if (*r->p == '[' || *r->p == '{') {
            if (c->depth++ == GN_DECL_MAX_DEPTH + 1 && c->deep_at.line == 0)
                c->deep_at = r->at;
        } else if ((*r->p == ']' || *r->p == '}') && c->depth > 0) {
            c->depth--;
        }
    }
    if (*r->p == '"')
        c->in_text = !c->in_text;
    else if (c->in_text && *r->p == '\\' && r->p + 1 < r->end)
        step(r);
    step(r);
}

/* cJSON stops at what it could not read, at the blanks before it or, in names and texts, somewhere
 * behind its beginning. */
static void
report_syntax(struct reader *r, const char *where)
{
    struct context c = {0};

    if (where == NULL || where > r->end)
        where = r->end;
    while (r->p < where)
        note_character(r, &c);
    /* cJSON goes no deeper. What is allowed ends long before. */
    if (c.depth >= CJSON_NESTING_LIMIT) {
        (void)gn_decl_count(r->d, c.deep_at, 0, GN_DECL_MAX_DEPTH + 1);
        return;
    }
    if (!c.in_text)
        skip_blanks(r);
    if (c.in_text || (c.last != '\0' && strchr("'/#", c.last) != NULL) ||
        (c.before == ',' && (c.last == '}' || c.last == ']'))) {
        r->at = c.last_at;
        refuse(r, blame(c.last, c.before));
    } else {
        refuse(r, blame(r->p < r->end ? *r->p : '\0', c.last));
    }
}

void
gn_decl_read_json(struct gn_decl *d, struct gn_slice text)
{
    struct reader r = {.d = d, .p = text.p, .end = text.p + text.n, .at = {1, 1}};
    const char *where = NULL;
    cJSON *root = cJSON_ParseWithLengthOpts(text.p, text.n + 1, &where, true);

    if (root == NULL) {
        report_syntax(&r, where);
        return;
    }
    skip_blanks(&r);
    if (cJSON_IsObject(root))
        read_settings(&r, root);
    else
        gn_decl_report(d, GN_D_NOT_SETTINGS, r.at, NULL, "not an object of settings and values");
    cJSON_Delete(root);
}
