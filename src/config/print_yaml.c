#include <string.h>

#include "config/print_int.h"

enum { INDENT = 2 };

/* What readers of YAML 1.1 or 1.2 take for something else than text. */
static const char *const reserved_words[] = {"true", "false", "null", "none", "yes", "no",
                                             "on",   "off",   "y",    "n",    "inf", "nan"};

static bool
is_plain(struct gn_slice s)
{
    if (s.n == 0 || (unsigned)(gn_ascii_lower((unsigned char)s.p[0]) - 'a') >= 26)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = gn_ascii_lower((unsigned char)s.p[i]);

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'))
            return false;
    }
    for (size_t i = 0; i < GN_ARRAY_LEN(reserved_words); i++) {
        if (gn_slice_eq_nocase(s, gn_slice_str(reserved_words[i])))
            return false;
    }
    return true;
}

static bool
put_text(struct gn_slice s, struct gn_buf *out)
{
    return is_plain(s) ? gn_buf_append(out, s.p, s.n) : gn_print_quoted(s, out);
}

/* A reader of YAML 1.1 needs a dot in a floating-point number. */
static bool
put_float(const struct gn_value *v, struct gn_buf *out)
{
    struct gn_buf text = {0};
    struct gn_slice s;
    size_t e;
    bool ok;

    if (v->f - v->f != 0)
        return gn_buf_printf(out, "%s", v->f != v->f ? ".nan" : v->f > 0 ? ".inf" : "-.inf");
    ok = gn_value_repr(v, &text);
    s = gn_buf_slice(&text);
    e = gn_slice_find(s, 'e');
    if (ok && gn_slice_find(s, '.') == s.n)
        ok = gn_buf_append(out, s.p, e) && gn_buf_append(out, ".0", 2) &&
             gn_buf_append(out, s.p + e, s.n - e);
    else
        ok = ok && gn_buf_append(out, s.p, s.n);
    gn_buf_fini(&text);
    return ok;
}

/* Why the value has no YAML form; NULL when it has one. */
static const char *
obstacle(const struct gn_value *v)
{
    const char *why = NULL;

    switch (v->tag) {
    case GN_V_OBJECT:
        return "is a Python object";
    case GN_V_BYTES:
        return "holds bytes";
    case GN_V_STR:
        return gn_print_is_utf8(v->str) ? NULL : "holds text that is no UTF-8";
    case GN_V_LIST:
    case GN_V_TUPLE:
        for (size_t i = 0; why == NULL && i < v->list.n; i++)
            why = obstacle(v->list.items[i]);
        return why != NULL && v->list.n > 0 ? why : NULL;
    case GN_V_DICT:
        for (size_t i = 0; why == NULL && i < v->dict.n; i++) {
            why = v->dict.pairs[i].key->tag == GN_V_STR ? obstacle(v->dict.pairs[i].key)
                                                        : "has a key that is no text";
            if (why == NULL)
                why = obstacle(v->dict.pairs[i].value);
        }
        return why;
    case GN_V_NONE:
    case GN_V_BOOL:
    case GN_V_INT:
    case GN_V_BIGINT:
    case GN_V_FLOAT:
        break;
    }
    return NULL;
}

static bool put_value(const struct gn_value *v, int depth, struct gn_buf *out);

static bool
new_line(int depth, struct gn_buf *out)
{
    return gn_buf_printf(out, "\n%*s", depth * INDENT, "");
}

static bool
put_items(const struct gn_value *v, int depth, struct gn_buf *out)
{
    bool ok = v->list.n > 0 || gn_buf_printf(out, " []");

    for (size_t i = 0; ok && i < v->list.n; i++)
        ok = new_line(depth, out) && gn_buf_append(out, "-", 1) &&
             put_value(v->list.items[i], depth + 1, out);
    return ok;
}

static bool
put_pairs(const struct gn_value *v, int depth, struct gn_buf *out)
{
    bool ok = v->dict.n > 0 || gn_buf_printf(out, " {}");

    for (size_t i = 0; ok && i < v->dict.n; i++)
        ok = new_line(depth, out) && put_text(v->dict.pairs[i].key->str, out) &&
             gn_buf_append(out, ":", 1) && put_value(v->dict.pairs[i].value, depth + 1, out);
    return ok;
}

static bool
put_scalar(const struct gn_value *v, struct gn_buf *out)
{
    switch (v->tag) {
    case GN_V_NONE:
        return gn_buf_printf(out, "null");
    case GN_V_BOOL:
        return gn_buf_printf(out, "%s", v->b ? "true" : "false");
    case GN_V_STR:
        return put_text(v->str, out);
    case GN_V_FLOAT:
        return put_float(v, out);
    default:
        return gn_value_repr(v, out);
    }
}

/* Behind "name:" or "-"; collections begin on the next line, at `depth`. */
static bool
put_value(const struct gn_value *v, int depth, struct gn_buf *out)
{
    if (v->tag == GN_V_LIST || v->tag == GN_V_TUPLE)
        return put_items(v, depth, out);
    if (v->tag == GN_V_DICT)
        return put_pairs(v, depth, out);
    return gn_buf_append(out, " ", 1) && put_scalar(v, out);
}

/* Lists that are written as one text with commas. */
static const struct gn_value *
join(struct gn_printer *p, const struct gn_value *v)
{
    struct gn_buf text = {0};
    const struct gn_value *joined = NULL;
    bool ok = true;

    for (size_t i = 0; ok && i < v->list.n; i++)
        ok = (i == 0 || gn_buf_append(&text, ",", 1)) &&
             gn_buf_append(&text, v->list.items[i]->str.p, v->list.items[i]->str.n);
    if (ok)
        joined = gn_value_str(&p->arena, gn_buf_slice(&text));
    gn_buf_fini(&text);
    return joined;
}

/* The form in which a source may say the value. Some canonical forms are none: a callable that was
 * given by its name, an address that was split. */
static const struct gn_value *
writable(struct gn_printer *p, const struct gn_setting *s)
{
    const struct gn_value *v = p->f->values[s->id], *raw = p->f->chosen[s->id]->raw;

    if (raw->tag == GN_V_STR && (v->tag == GN_V_OBJECT || s->kind == GN_KIND_STATSD))
        return raw;
    if ((s->kind == GN_KIND_IP_LIST || s->kind == GN_KIND_COMMA_LIST) && v->tag == GN_V_LIST)
        return join(p, v);
    return v;
}

/* A line that leaves the setting out and says so. */
static bool
print_absence(struct gn_printer *p, const struct gn_setting *s, const struct gn_value *v,
              const char *why)
{
    struct gn_buf text = {0};
    struct gn_origin origin;
    bool ok = gn_print_shown_origin(p, s, &p->f->chosen[s->id]->origin, &origin) &&
              gn_buf_printf(&text, "%s: ", s->name) && gn_print_side(v, &text) &&
              gn_buf_printf(&text, " (") && gn_origin_print(&origin, &text) &&
              gn_buf_printf(&text, ") %s and can't be written here", why);

    /* Names of files may hold anything; a comment ends with its line. */
    for (size_t i = text.start; i < text.end; i++) {
        if ((unsigned char)text.data[i] < ' ' || text.data[i] == 0x7f)
            text.data[i] = '?';
    }
    ok = ok && gn_print_is_utf8(gn_buf_slice(&text))
             ? gn_buf_printf(p->out, "# %.*s\n", (int)gn_buf_len(&text), gn_buf_head(&text))
             : ok && gn_buf_printf(p->out, "# %s: %s and can't be written here\n", s->name, why);
    gn_buf_fini(&text);
    return ok;
}

static bool
print_entry(struct gn_printer *p, const struct gn_setting *s, size_t *entries)
{
    const struct gn_value *v = writable(p, s);
    const struct gn_value *shown = v != NULL ? gn_print_shown(p, s, v) : NULL;
    const char *why = v != NULL ? obstacle(v) : NULL;

    if (shown == NULL)
        return false;
    if (why != NULL)
        return print_absence(p, s, shown, why);
    if (shown != v &&
        !gn_buf_printf(p->out, "# %s: secrets are hidden; --reveal-secrets writes them\n", s->name))
        return false;
    (*entries)++;
    return gn_buf_printf(p->out, "%s:", s->name) && put_value(shown, 1, p->out) &&
           gn_buf_append(p->out, "\n", 1);
}

/* Where a variable gives the default, leaving the setting out would let the variable win. */
static bool
has_variable(const struct gn_frozen_candidate *c)
{
    while (c != NULL && c->origin.layer != GN_LAYER_ENV)
        c = c->shadowed;
    return c != NULL;
}

static bool
is_shown(const struct gn_printer *p, const struct gn_setting *s)
{
    const struct gn_value *v = p->f->values[s->id];

    if (gn_print_is_request(s->id) || !gn_print_is_asked(p, s))
        return false;
    /* A hook that nobody has set is nothing that could be written. */
    if (v->tag == GN_V_OBJECT && v->obj->handle == NULL)
        return false;
    return p->options->prints_all || gn_print_is_named(p, s) ||
           !gn_value_equal(v, gn_print_default(p->f, s->id)) || has_variable(p->f->chosen[s->id]);
}

bool
gn_print_yaml(struct gn_printer *p)
{
    size_t entries = 0;
    bool ok = true;

    for (size_t i = 0; ok && i < GN_SETTING_COUNT; i++) {
        const struct gn_setting *s = &gn_settings[gn_settings_by_name[i]];

        if (is_shown(p, s))
            ok = print_entry(p, s, &entries);
    }
    /* An empty mapping is a configuration, an empty file may be a mistake. */
    return ok && (entries > 0 || gn_buf_printf(p->out, "{}\n"));
}
