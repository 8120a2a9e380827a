#include "config/value.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct gn_value gn_value_none = {.tag = GN_V_NONE};
const struct gn_value gn_value_true = {.tag = GN_V_BOOL, .b = true};
const struct gn_value gn_value_false = {.tag = GN_V_BOOL, .b = false};

const struct gn_value *
gn_value_bool(bool b)
{
    return b ? &gn_value_true : &gn_value_false;
}

const struct gn_value *
gn_value_int(struct gn_arena *a, int64_t i)
{
    struct gn_value *v = gn_arena_alloc(a, sizeof(*v));

    if (v == NULL)
        return NULL;
    v->tag = GN_V_INT;
    v->i = i;
    return v;
}

const struct gn_value *
gn_value_str(struct gn_arena *a, struct gn_slice s)
{
    struct gn_value *v = gn_arena_alloc(a, sizeof(*v));

    if (v == NULL)
        return NULL;
    v->tag = GN_V_STR;
    v->str = gn_arena_slice(a, s);
    return v->str.p != NULL ? v : NULL;
}

static bool
put(struct gn_buf *out, const char *z)
{
    return gn_buf_append(out, z, strlen(z));
}

int32_t
gn_utf8_next(struct gn_slice s, size_t *at)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char c = (unsigned char)s.p[(*at)++];
    size_t more = c < 0x80 ? 0 : c >= 0xf0 && c < 0xf5 ? 3 : c >= 0xe0 && c < 0xf0 ? 2 : 1;
    uint32_t cp;

    if (c < 0x80)
        return c;
    if (c < 0xc2 || c > 0xf4 || s.n - *at < more)
        return -1;
    cp = c & (0x3fu >> more);
    for (size_t i = 0; i < more; i++) {
        unsigned char d = (unsigned char)s.p[*at + i];

        if ((d & 0xc0) != 0x80)
            return -1;
        cp = cp << 6 | (d & 0x3f);
    }
    if (cp < least[more + 1] || cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000))
        return -1;
    *at += more;
    return (int32_t)cp;
}

/* Code points that Python's repr() escapes: controls, formats, separators other than the space,
 * private use, non-characters. Unassigned ones inside the scripts are shown as they are. */
static bool
is_printable(int32_t cp)
{
    static const int32_t ranges[][2] = {
        {0x00, 0x1f},       {0x7f, 0xa0},        {0xad, 0xad},       {0x600, 0x605},
        {0x61c, 0x61c},     {0x6dd, 0x6dd},      {0x70f, 0x70f},     {0x890, 0x891},
        {0x8e2, 0x8e2},     {0x1680, 0x1680},    {0x180e, 0x180e},   {0x2000, 0x200f},
        {0x2028, 0x202f},   {0x205f, 0x206f},    {0x3000, 0x3000},   {0xe000, 0xf8ff},
        {0xfeff, 0xfeff},   {0xfff0, 0xfffb},    {0xfffe, 0xffff},   {0x110bd, 0x110bd},
        {0x110cd, 0x110cd}, {0x13430, 0x1343f},  {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a},
        {0xe0000, 0xe00ff}, {0xe01f0, 0x10ffff},
    };

    for (size_t i = 0; i < GN_ARRAY_LEN(ranges); i++) {
        if (cp >= ranges[i][0] && cp <= ranges[i][1])
            return false;
    }
    return true;
}

static bool
put_escape(int32_t cp, struct gn_buf *out)
{
    switch (cp) {
    case '\n':
        return put(out, "\\n");
    case '\r':
        return put(out, "\\r");
    case '\t':
        return put(out, "\\t");
    default:
        break;
    }
    if (cp < 0x100)
        return gn_buf_printf(out, "\\x%02x", (unsigned)cp);
    if (cp < 0x10000)
        return gn_buf_printf(out, "\\u%04x", (unsigned)cp);
    return gn_buf_printf(out, "\\U%08x", (unsigned)cp);
}

static char
choose_quote(struct gn_slice s)
{
    bool single = gn_slice_find(s, '\'') != s.n;

    return single && gn_slice_find(s, '"') == s.n ? '"' : '\'';
}

/* Appends one element of a quoted text: escaped where needed. `cp` is -1 for a stray byte. */
static bool
put_quoted(int32_t cp, struct gn_slice bytes, char quote, struct gn_buf *out)
{
    /* Python reads stray bytes of the command line as lone surrogates (PEP 383). */
    if (cp < 0)
        return gn_buf_printf(out, "\\udc%02x", (unsigned)(unsigned char)bytes.p[0]);
    if (cp == quote || cp == '\\') {
        char text[2] = {'\\', (char)cp};

        return gn_buf_append(out, text, sizeof(text));
    }
    if (!is_printable(cp))
        return put_escape(cp, out);
    return gn_buf_append(out, bytes.p, bytes.n);
}

bool
gn_repr_str(struct gn_slice s, struct gn_buf *out)
{
    char quote = choose_quote(s);
    bool ok = gn_buf_append(out, &quote, 1);

    for (size_t at = 0; ok && at < s.n;) {
        size_t from = at;
        int32_t cp = gn_utf8_next(s, &at);

        ok = put_quoted(cp, gn_slice(s.p + from, at - from), quote, out);
    }
    return ok && gn_buf_append(out, &quote, 1);
}

static bool
repr_bytes(struct gn_slice s, struct gn_buf *out)
{
    char quote = choose_quote(s);
    bool ok = put(out, "b") && gn_buf_append(out, &quote, 1);

    for (size_t i = 0; ok && i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        ok = c < 0x80 ? put_quoted(c, gn_slice(s.p + i, 1), quote, out) : put_escape(c, out);
    }
    return ok && gn_buf_append(out, &quote, 1);
}

/* The shortest digits that read back as `f`, and the decimal exponent of the first one. */
static int
shortest_digits(double f, char digits[32], int *exponent)
{
    char text[40];
    const char *p;
    int n = 0;

    for (int precision = 0; precision < 17; precision++) {
        snprintf(text, sizeof(text), "%.*e", precision, f);
        if (strtod(text, NULL) == f)
            break;
    }
    /* What stands between the digits is the decimal point of the locale. */
    for (p = text; *p != 'e'; p++) {
        if (*p >= '0' && *p <= '9')
            digits[n++] = *p;
    }
    digits[n] = '\0';
    *exponent = 0;
    for (const char *q = p + 2; *q != '\0'; q++)
        *exponent = *exponent * 10 + (*q - '0');
    if (p[1] == '-')
        *exponent = -*exponent;
    return n;
}

static bool
repr_float(double f, struct gn_buf *out)
{
    char digits[32];
    int n, exponent;

    if (isnan(f))
        return put(out, "nan");
    if (signbit(f) && !put(out, "-"))
        return false;
    f = fabs(f);
    if (isinf(f))
        return put(out, "inf");
    n = shortest_digits(f, digits, &exponent);
    if (exponent < -4 || exponent >= 16)
        return gn_buf_printf(out, "%c%s%se%c%02d", digits[0], n > 1 ? "." : "", digits + 1,
                             exponent < 0 ? '-' : '+', abs(exponent));
    if (exponent < 0)
        return gn_buf_printf(out, "0.%.*s%s", -exponent - 1, "000", digits);
    if (n <= exponent + 1)
        return gn_buf_printf(out, "%s%.*s.0", digits, exponent + 1 - n, "0000000000000000");
    return gn_buf_printf(out, "%.*s.%s", exponent + 1, digits, digits + exponent + 1);
}

static bool
repr_items(const struct gn_value *v, struct gn_buf *out)
{
    bool is_tuple = v->tag == GN_V_TUPLE;
    bool ok = put(out, is_tuple ? "(" : "[");

    for (size_t i = 0; ok && i < v->list.n; i++)
        ok = (i == 0 || put(out, ", ")) && gn_value_repr(v->list.items[i], out);
    if (ok && is_tuple && v->list.n == 1)
        ok = put(out, ",");
    return ok && put(out, is_tuple ? ")" : "]");
}

static bool
repr_dict(const struct gn_value *v, struct gn_buf *out)
{
    bool ok = put(out, "{");

    for (size_t i = 0; ok && i < v->dict.n; i++)
        ok = (i == 0 || put(out, ", ")) && gn_value_repr(v->dict.pairs[i].key, out) &&
             put(out, ": ") && gn_value_repr(v->dict.pairs[i].value, out);
    return ok && put(out, "}");
}

static bool
repr_object(const struct gn_value_object *obj, struct gn_buf *out)
{
    if (obj->text != NULL)
        return put(out, obj->text);
    return gn_buf_printf(out, "<%s>", obj->qualname != NULL ? obj->qualname : "object");
}

bool
gn_value_repr(const struct gn_value *v, struct gn_buf *out)
{
    switch (v->tag) {
    case GN_V_NONE:
        return put(out, "None");
    case GN_V_BOOL:
        return put(out, v->b ? "True" : "False");
    case GN_V_INT:
        return gn_buf_printf(out, "%lld", (long long)v->i);
    case GN_V_BIGINT:
        return gn_buf_append(out, v->str.p, v->str.n);
    case GN_V_FLOAT:
        return repr_float(v->f, out);
    case GN_V_STR:
        return gn_repr_str(v->str, out);
    case GN_V_BYTES:
        return repr_bytes(v->str, out);
    case GN_V_LIST:
    case GN_V_TUPLE:
        return repr_items(v, out);
    case GN_V_DICT:
        return repr_dict(v, out);
    case GN_V_OBJECT:
        return repr_object(v->obj, out);
    }
    return false;
}

bool
gn_value_print(const struct gn_value *v, struct gn_buf *out)
{
    if (v->tag == GN_V_STR)
        return gn_buf_append(out, v->str.p, v->str.n);
    if (v->tag == GN_V_OBJECT && v->obj->is_callable && v->obj->qualname != NULL)
        return gn_buf_printf(out, "<%s()>", v->obj->qualname);
    return gn_value_repr(v, out);
}

static bool
equal_items(const struct gn_value *a, const struct gn_value *b)
{
    if (a->list.n != b->list.n)
        return false;
    for (size_t i = 0; i < a->list.n; i++) {
        if (!gn_value_equal(a->list.items[i], b->list.items[i]))
            return false;
    }
    return true;
}

static bool
equal_dicts(const struct gn_value *a, const struct gn_value *b)
{
    if (a->dict.n != b->dict.n)
        return false;
    for (size_t i = 0; i < a->dict.n; i++) {
        if (!gn_value_equal(a->dict.pairs[i].key, b->dict.pairs[i].key) ||
            !gn_value_equal(a->dict.pairs[i].value, b->dict.pairs[i].value))
            return false;
    }
    return true;
}

static bool
equal_text(const char *a, const char *b)
{
    return gn_slice_eq(gn_slice_str(a), gn_slice_str(b)) && (a == NULL) == (b == NULL);
}

bool
gn_value_equal(const struct gn_value *a, const struct gn_value *b)
{
    if (a == b)
        return true;
    if (a == NULL || b == NULL || a->tag != b->tag)
        return false;
    switch (a->tag) {
    case GN_V_NONE:
        return true;
    case GN_V_BOOL:
        return a->b == b->b;
    case GN_V_INT:
        return a->i == b->i;
    case GN_V_FLOAT:
        return isnan(a->f) ? isnan(b->f) : a->f == b->f && signbit(a->f) == signbit(b->f);
    case GN_V_STR:
    case GN_V_BYTES:
    case GN_V_BIGINT:
        return gn_slice_eq(a->str, b->str);
    case GN_V_LIST:
    case GN_V_TUPLE:
        return equal_items(a, b);
    case GN_V_DICT:
        return equal_dicts(a, b);
    case GN_V_OBJECT:
        return equal_text(a->obj->type_name, b->obj->type_name) &&
               equal_text(a->obj->qualname, b->obj->qualname) &&
               equal_text(a->obj->module, b->obj->module) &&
               (a->obj->qualname != NULL || equal_text(a->obj->text, b->obj->text));
    }
    return false;
}
