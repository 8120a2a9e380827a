#include "config/decl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/num.h"

struct gn_diag *
gn_decl_report(struct gn_decl *d, enum gn_diag_code code, struct gn_place place,
               const struct gn_setting *s, const char *fmt, ...)
{
    struct gn_origin origin = {
        .layer = GN_LAYER_CONF, .file = d->shown, .line = place.line, .column = place.column};
    va_list ap;
    char *text;

    va_start(ap, fmt);
    text = gn_arena_vprintf(&d->b->arena, fmt, ap);
    va_end(ap);
    d->is_bad = true;
    return gn_diag_add(d->b->diags, code, &origin, s, "%s", text != NULL ? text : "no memory");
}

/* Length of the UTF-8 sequence at `p`, 0 when it is none (RFC 3629: no surrogates, nothing
 * overlong). */
static size_t
sequence_length(const unsigned char *p, size_t n)
{
    size_t length = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

    if (length == 0 || p[0] > 0xf4 || n < length)
        return 0;
    for (size_t i = 1; i < length; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return length;
}

bool
gn_decl_check_text(struct gn_decl *d, struct gn_slice *text)
{
    struct gn_place at = {1, 1};

    if (gn_slice_starts(*text, GN_SLICE("\xef\xbb\xbf")))
        *text = gn_slice(text->p + 3, text->n - 3);
    for (size_t i = 0; i < text->n;) {
        size_t n = sequence_length((const unsigned char *)text->p + i, text->n - i);

        if (n == 0) {
            gn_decl_report(d, GN_D_ENCODING, at, NULL, "the byte 0x%02x is no UTF-8",
                           (unsigned)(unsigned char)text->p[i]);
            return false;
        }
        if (text->p[i] == '\0') {
            gn_decl_report(d, GN_D_ENCODING, at, NULL,
                           "a NUL byte has no place in a configuration file");
            return false;
        }
        at.column++;
        if (text->p[i] == '\n')
            at = (struct gn_place){at.line + 1, 1};
        i += n;
    }
    return true;
}

bool
gn_decl_count(struct gn_decl *d, struct gn_place place, size_t nodes, int depth)
{
    if (depth > GN_DECL_MAX_DEPTH) {
        gn_decl_report(d, GN_D_TOO_BIG, place, NULL,
                       "lists and mappings are nested deeper than %d levels", GN_DECL_MAX_DEPTH);
        return false;
    }
    d->nodes += nodes;
    if (d->nodes > GN_DECL_MAX_NODES) {
        gn_decl_report(d, GN_D_TOO_BIG, place, NULL,
                       "more than %d values, counting what aliases stand for", GN_DECL_MAX_NODES);
        return false;
    }
    return true;
}

/* Lists and mappings. */

static void *
grown(struct gn_decl *d, const void *old, size_t n, size_t room, size_t size)
{
    void *more = gn_arena_alloc(&d->b->arena, room * size);

    if (more != NULL && n > 0)
        memcpy(more, old, n * size);
    return more;
}

static bool
make_room(struct gn_decl *d, struct gn_decl_parts *parts, bool is_mapping)
{
    size_t room = parts->room * 2 + 8, n = parts->n;

    if (n < parts->room)
        return true;
    if (is_mapping) {
        parts->pairs = grown(d, parts->pairs, n, room, sizeof(*parts->pairs));
        parts->lines = grown(d, parts->lines, n, room, sizeof(*parts->lines));
    } else {
        parts->items = grown(d, parts->items, n, room, sizeof(const struct gn_value *));
    }
    parts->room = room;
    if (is_mapping ? parts->pairs != NULL && parts->lines != NULL : parts->items != NULL)
        return true;
    gn_decl_report(d, GN_D_NO_MEMORY, (struct gn_place){0}, NULL, "no memory");
    return false;
}

static void
note_size(struct gn_decl_parts *parts, const struct gn_decl_node *part)
{
    parts->nodes += part->nodes;
    if (parts->height < part->height + 1)
        parts->height = part->height + 1;
}

bool
gn_decl_add_item(struct gn_decl *d, struct gn_decl_parts *parts, const struct gn_decl_node *item)
{
    note_size(parts, item);
    if (item->value == NULL) {
        parts->has_refused = true;
        return true;
    }
    if (item->value->tag != GN_V_STR && parts->odd.line == 0)
        parts->odd = item->place;
    if (!make_room(d, parts, false))
        return false;
    parts->items[parts->n++] = item->value;
    return true;
}

bool
gn_decl_add_pair(struct gn_decl *d, struct gn_decl_parts *parts, const struct gn_decl_key *key,
                 const struct gn_decl_node *value)
{
    parts->nodes++;
    note_size(parts, value);
    for (size_t i = 0; i < parts->n; i++) {
        if (gn_slice_eq(parts->pairs[i].key->str, key->text)) {
            gn_decl_report(d, GN_D_KEY_TWICE, key->place, NULL,
                           "'%.*s' stands twice, first in line %d", GN_SLICE_ARG(key->text),
                           parts->lines[i]);
            parts->has_refused = true;
            return true;
        }
    }
    if (value->value == NULL) {
        parts->has_refused = true;
        return true;
    }
    if (!make_room(d, parts, true))
        return false;
    parts->pairs[parts->n].key = gn_value_str(&d->b->arena, key->text);
    parts->pairs[parts->n].value = value->value;
    parts->lines[parts->n] = key->place.line;
    if (parts->pairs[parts->n++].key != NULL)
        return true;
    gn_decl_report(d, GN_D_NO_MEMORY, key->place, NULL, "no memory");
    return false;
}

void
gn_decl_end_list(struct gn_decl *d, const struct gn_decl_parts *parts, struct gn_decl_node *out)
{
    struct gn_value *v = gn_arena_alloc(&d->b->arena, sizeof(*v));

    if (v != NULL) {
        v->tag = GN_V_LIST;
        v->list.items = parts->items;
        v->list.n = parts->n;
    }
    out->value = parts->has_refused ? NULL : v;
    out->odd = parts->odd;
    out->nodes = parts->nodes + 1;
    out->height = parts->height;
}

void
gn_decl_end_mapping(struct gn_decl *d, const struct gn_decl_parts *parts, struct gn_decl_node *out)
{
    struct gn_value *v = gn_arena_alloc(&d->b->arena, sizeof(*v));

    if (v != NULL) {
        v->tag = GN_V_DICT;
        v->dict.pairs = parts->pairs;
        v->dict.n = parts->n;
    }
    out->value = parts->has_refused ? NULL : v;
    out->odd = (struct gn_place){0};
    out->nodes = parts->nodes + 1;
    out->height = parts->height;
}

/* Settings. */

enum {
    IS_NULL = 1 << GN_V_NONE,
    IS_BOOL = 1 << GN_V_BOOL,
    IS_INT = 1 << GN_V_INT | 1 << GN_V_BIGINT,
    IS_TEXT = 1 << GN_V_STR,
    IS_LIST = 1 << GN_V_LIST,
    IS_MAPPING = 1 << GN_V_DICT,
    IS_ANY = ~0,
};

/* Stricter than the validators, which also know what Python converts: here `workers: "4"` and
 * `workers: true` are mistakes. */
static const struct {
    int tags;
    const char *what;
} kinds[] = {
    [GN_KIND_STRING] = {IS_TEXT | IS_NULL, "a text"},
    [GN_KIND_STRING_LIST] = {IS_TEXT | IS_LIST | IS_NULL, "a text or a list of texts"},
    [GN_KIND_NONNEG_INT] = {IS_INT, "a whole number"},
    [GN_KIND_UMASK] = {IS_INT | IS_TEXT, "a whole number, or octal digits as a text"},
    [GN_KIND_BYTE_SIZE] = {IS_INT | IS_TEXT, "a whole number, or a text as 64M"},
    [GN_KIND_BOOL] = {IS_BOOL | IS_NULL, "true or false"},
    [GN_KIND_TRIBOOL] = {IS_BOOL | IS_NULL, "true, false or null"},
    [GN_KIND_CLASS] = {IS_TEXT | IS_NULL, "a text"},
    [GN_KIND_CHOICE] = {IS_TEXT | IS_NULL, "a text"},
    [GN_KIND_FILE_LIST] = {IS_TEXT | IS_LIST | IS_NULL, "a text or a list of texts"},
    [GN_KIND_DIRECTORY] = {IS_TEXT, "a text"},
    [GN_KIND_USER] = {IS_INT | IS_TEXT | IS_NULL, "the name or number of a user"},
    [GN_KIND_GROUP] = {IS_INT | IS_TEXT | IS_NULL, "the name or number of a group"},
    [GN_KIND_DICT] = {IS_MAPPING, "a mapping"},
    [GN_KIND_IP_LIST] = {IS_TEXT | IS_LIST | IS_NULL, "a text or a list of texts"},
    [GN_KIND_COMMA_LIST] = {IS_TEXT | IS_LIST | IS_NULL, "a text or a list of texts"},
    [GN_KIND_STATSD] = {IS_TEXT | IS_NULL, "a text"},
    [GN_KIND_ANY] = {IS_ANY, "anything"},
    [GN_KIND_HOOK] = {IS_TEXT, "a text such as module:function"},
    [GN_KIND_BOOL_CHOICE] = {IS_BOOL | IS_TEXT | IS_NULL, "true, false or a text"},
};

/* How a value is called in a message, in the words of the file. */
static const char *
describe(struct gn_decl *d, const struct gn_value *v)
{
    const char *text;

    switch (v->tag) {
    case GN_V_NONE:
        return "null";
    case GN_V_BOOL:
        return v->b ? "true" : "false";
    case GN_V_LIST:
        return "a list";
    case GN_V_DICT:
        return "a mapping";
    default:
        break;
    }
    text = gn_arena_printf(&d->b->arena, "the %s %s", v->tag == GN_V_STR ? "text" : "number",
                           gn_value_text(&d->b->arena, v, true));
    return text != NULL ? text : "?";
}

static bool
looks_like_number(const struct gn_value *v)
{
    int64_t n;

    return v->tag == GN_V_STR && gn_num_python_int(v->str, 10, &n) == GN_NUM_OK;
}

static bool
refuse_type(struct gn_decl *d, const struct gn_setting *s, const struct gn_decl_node *node)
{
    const struct gn_value *v = node->value;
    struct gn_diag *diag = gn_decl_report(d, GN_D_WRONG_TYPE, node->place, s, "must be %s, not %s",
                                          kinds[s->kind].what, describe(d, v));
    bool is_bool_text = v->tag == GN_V_STR && (gn_slice_eq_nocase(v->str, GN_SLICE("true")) ||
                                               gn_slice_eq_nocase(v->str, GN_SLICE("false")));

    if ((kinds[s->kind].tags & IS_INT && looks_like_number(v)) ||
        (kinds[s->kind].tags & IS_BOOL && is_bool_text))
        gn_diag_hint(d->b->diags, diag, "write it without quotes");
    else if (kinds[s->kind].tags == (IS_TEXT | IS_NULL) && v->tag != GN_V_LIST &&
             v->tag != GN_V_DICT)
        gn_diag_hint(d->b->diags, diag, "write it in quotes");
    return false;
}

static bool
check_type(struct gn_decl *d, const struct gn_setting *s, const struct gn_decl_node *node)
{
    if ((kinds[s->kind].tags & 1 << node->value->tag) == 0)
        return refuse_type(d, s, node);
    if (s->kind == GN_KIND_ANY || node->value->tag != GN_V_LIST || node->odd.line == 0)
        return true;
    gn_decl_report(d, GN_D_NOT_TEXT, node->odd, s, "the items of the list must be texts");
    return false;
}

/* The validators of lists with commas take them as one text. */
static const struct gn_value *
joined(struct gn_decl *d, const struct gn_value *list)
{
    const struct gn_value *v = NULL;
    struct gn_buf text = {0};
    bool ok = true;

    for (size_t i = 0; ok && i < list->list.n; i++) {
        struct gn_slice item = list->list.items[i]->str;

        ok = (i == 0 || gn_buf_append(&text, ",", 1)) && gn_buf_append(&text, item.p, item.n);
    }
    if (ok)
        v = gn_value_str(&d->b->arena, gn_buf_slice(&text));
    gn_buf_fini(&text);
    return v;
}

static bool
is_dotted_name(struct gn_slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c < 0x80 && c != '_' && c != '.' && !(c >= '0' && c <= '9') &&
            !(gn_ascii_lower(c) >= 'a' && gn_ascii_lower(c) <= 'z'))
            return false;
    }
    return s.n > 0;
}

/* "module:object" as "module.object", the form that the rest of the program reads. */
static const struct gn_value *
dotted(struct gn_decl *d, const struct gn_value *v)
{
    size_t colon = gn_slice_find(v->str, ':');
    char *text;

    if (colon == v->str.n || !is_dotted_name(gn_slice(v->str.p, colon)) ||
        !is_dotted_name(gn_slice(v->str.p + colon + 1, v->str.n - colon - 1)))
        return v;
    text = gn_arena_strndup(&d->b->arena, v->str.p, v->str.n);
    if (text == NULL)
        return NULL;
    text[colon] = '.';
    return gn_value_str(&d->b->arena, gn_slice(text, v->str.n));
}

static const struct gn_value *
adapted(struct gn_decl *d, const struct gn_setting *s, const struct gn_value *v)
{
    if (v->tag == GN_V_LIST && (s->kind == GN_KIND_IP_LIST || s->kind == GN_KIND_COMMA_LIST))
        return joined(d, v);
    if (v->tag == GN_V_STR && (s->kind == GN_KIND_HOOK || s->kind == GN_KIND_CLASS))
        return dotted(d, v);
    return v;
}

static void
report_unknown(struct gn_decl *d, const struct gn_decl_key *key)
{
    const struct gn_value name = {.tag = GN_V_STR, .str = key->text};
    struct gn_diag *diag =
        gn_decl_report(d, GN_D_UNKNOWN_NAME, key->place, NULL, "no setting has the name %s",
                       gn_value_text(&d->b->arena, &name, true));

    gn_near_hint(d->b->diags, diag, key->text);
}

void
gn_decl_set(struct gn_decl *d, const struct gn_decl_key *key, const struct gn_decl_node *node)
{
    const struct gn_setting *s = gn_setting_find(key->text);
    struct gn_origin origin = {.layer = GN_LAYER_CONF,
                               .file = d->shown,
                               .line = node->place.line,
                               .column = node->place.column};

    if (s == NULL) {
        report_unknown(d, key);
        return;
    }
    if (d->first_line[s->id] != 0) {
        gn_decl_report(d, GN_D_KEY_TWICE, key->place, NULL, "'%s' stands twice, first in line %d",
                       s->name, d->first_line[s->id]);
        return;
    }
    d->first_line[s->id] = key->place.line;
    if (node->value == NULL || !check_type(d, s, node))
        return;
    if (!gn_builder_add(d->b, s, adapted(d, s, node->value), &origin))
        d->is_bad = true;
}

/* Files. */

static const char *
extension(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *dot = strrchr(slash != NULL ? slash : path, '.');

    return dot != NULL ? dot : "";
}

static bool
is_json_name(const char *path)
{
    return gn_slice_eq_nocase(gn_slice_str(extension(path)), GN_SLICE(".json"));
}

bool
gn_decl_is_name(const char *path)
{
    struct gn_slice s = gn_slice_str(extension(path));

    return is_json_name(path) || gn_slice_eq_nocase(s, GN_SLICE(".yaml")) ||
           gn_slice_eq_nocase(s, GN_SLICE(".yml"));
}

bool
gn_from_decl_text(struct gn_builder *b, struct gn_slice text, bool is_json, const char *shown)
{
    struct gn_decl d = {.b = b, .shown = shown};

    if (!gn_decl_check_text(&d, &text))
        return false;
    if (is_json)
        gn_decl_read_json(&d, text);
    else
        gn_decl_read_yaml(&d, text);
    return !d.is_bad;
}

bool
gn_from_decl(struct gn_builder *b, const char *whole, const char *shown,
             const struct gn_origin *asked)
{
    size_t n = 0;
    char *text =
        gn_fd_read_stream(whole, GN_DECL_MAX_BYTES, gn_clock_ns_of_s(b->check_timeout_s), &n);
    bool ok;

    if (text == NULL) {
        gn_diag_add(b->diags, GN_D_CONF_FILE, asked, &gn_settings[GN_S_CONFIG],
                    "'%s' can't be read: %s", shown,
                    errno == EFBIG ? "it is larger than 1 MiB" : strerror(errno));
        return false;
    }
    ok = gn_from_decl_text(b, gn_slice(text, n), is_json_name(shown), shown);
    free(text);
    return ok;
}
