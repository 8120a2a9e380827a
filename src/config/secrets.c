#include "config/secrets.h"

#include <string.h>

static const char mask[] = "********";

/* Anywhere in a name, in upper case. */
static const char *const telling_parts[] = {
    "PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "TOKEN", "CREDENTIAL", "PRIVATE", "SIGNATURE",
};

/* Only at the end of a name: API_KEY and apikey, but not KEYBOARD. */
static const char *const telling_ends[] = {"KEY", "KEYS", "DSN", "PASS", "PWD", "AUTH", "SALT"};

static bool
matches_at(struct gn_slice name, size_t at, const char *upper)
{
    for (size_t i = 0; upper[i] != '\0'; i++) {
        if (at + i >= name.n || (char)gn_ascii_upper((unsigned char)name.p[at + i]) != upper[i])
            return false;
    }
    return true;
}

static bool
contains(struct gn_slice name, const char *upper)
{
    for (size_t at = 0; at < name.n; at++) {
        if (matches_at(name, at, upper))
            return true;
    }
    return false;
}

static bool
ends_with(struct gn_slice name, const char *upper)
{
    size_t n = strlen(upper);

    return name.n >= n && matches_at(name, name.n - n, upper);
}

bool
gn_secret_is_name(struct gn_slice name)
{
    /* The variable that shells keep the directory in. */
    if (gn_slice_eq_str(name, "PWD") || gn_slice_eq_str(name, "OLDPWD"))
        return false;
    for (size_t i = 0; i < GN_ARRAY_LEN(telling_parts); i++) {
        if (contains(name, telling_parts[i]))
            return true;
    }
    for (size_t i = 0; i < GN_ARRAY_LEN(telling_ends); i++) {
        if (ends_with(name, telling_ends[i]))
            return true;
    }
    return false;
}

static bool
is_name_char(char c)
{
    unsigned char lower = gn_ascii_lower((unsigned char)c);

    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.';
}

/* Where the value of the first telling NAME= begins; s.n when there is none. Everything behind it
 * is hidden: a password may hold any character. */
static size_t
find_assignment(struct gn_slice s)
{
    for (size_t at = 0; at < s.n; at++) {
        size_t from = at;

        if (s.p[at] != '=')
            continue;
        while (from > 0 && is_name_char(s.p[from - 1]))
            from--;
        if (gn_secret_is_name(gn_slice(s.p + from, at - from)))
            return at + 1;
    }
    return s.n;
}

/* Finds the password of the first SCHEME://USER:PASSWORD@HOST at or behind `at`. An unescaped slash
 * or @ in it belongs to it: hiding too much is better than too little. */
static bool
find_url_password(struct gn_slice s, size_t at, size_t *from, size_t *to)
{
    for (; at + 3 <= s.n; at++) {
        size_t colon = 0, sign = 0;

        if (memcmp(s.p + at, "://", 3) != 0)
            continue;
        for (size_t i = at + 3; i < s.n && strchr(" \t\r\n\"'<>", s.p[i]) == NULL; i++) {
            if (s.p[i] == ':' && colon == 0 && sign == 0)
                colon = i;
            if (s.p[i] == '@' && colon != 0)
                sign = i;
        }
        if (sign > colon + 1) {
            *from = colon + 1;
            *to = sign;
            return true;
        }
    }
    return false;
}

static bool
hide_urls(struct gn_slice s, struct gn_buf *out)
{
    size_t at = 0, from, to;
    bool ok = true;

    while (ok && find_url_password(s, at, &from, &to)) {
        ok = gn_buf_append(out, s.p + at, from - at) && gn_buf_append(out, mask, sizeof(mask) - 1);
        at = to;
    }
    return ok && gn_buf_append(out, s.p + at, s.n - at);
}

/* `has_names`: the text is a NAME=VALUE, or a command line word that holds one. */
static bool
hide_text(struct gn_slice s, bool has_names, struct gn_buf *out)
{
    size_t value = has_names ? find_assignment(s) : s.n;

    if (value == s.n)
        return hide_urls(s, out);
    return gn_buf_append(out, s.p, value) && gn_buf_append(out, mask, sizeof(mask) - 1);
}

static const struct gn_value *
hide_str(struct gn_arena *a, const struct gn_value *v, bool has_names)
{
    struct gn_buf text = {0};
    const struct gn_value *to = v;
    struct gn_value *copy;

    if (!hide_text(v->str, has_names, &text)) {
        to = NULL;
    } else if (!gn_slice_eq(gn_buf_slice(&text), v->str)) {
        copy = gn_arena_alloc(a, sizeof(*copy));
        if (copy != NULL) {
            *copy = *v;
            copy->str = gn_arena_slice(a, gn_buf_slice(&text));
        }
        to = copy != NULL && copy->str.p != NULL ? copy : NULL;
    }
    gn_buf_fini(&text);
    return to;
}

static const struct gn_value *hide(struct gn_arena *a, const struct gn_value *v, bool has_names);

static const struct gn_value *
hide_list(struct gn_arena *a, const struct gn_value *v, bool has_names)
{
    struct gn_value *copy = gn_arena_alloc(a, sizeof(*copy));
    const struct gn_value **items =
        gn_arena_alloc(a, (v->list.n + 1) * sizeof(const struct gn_value *));
    bool is_same = true;

    if (copy == NULL || items == NULL)
        return NULL;
    for (size_t i = 0; i < v->list.n; i++) {
        items[i] = hide(a, v->list.items[i], has_names);
        if (items[i] == NULL)
            return NULL;
        is_same = is_same && items[i] == v->list.items[i];
    }
    *copy = *v;
    copy->list.items = items;
    return is_same ? v : copy;
}

static const struct gn_value *
hide_item(struct gn_arena *a, const struct gn_value_pair *pair, bool has_names)
{
    const struct gn_value *v = pair->value;
    bool is_plain = v->tag == GN_V_STR || v->tag == GN_V_BYTES || v->tag == GN_V_INT;

    if (is_plain && pair->key->tag == GN_V_STR && gn_secret_is_name(pair->key->str))
        return gn_value_str(a, gn_slice_str(mask));
    return hide(a, v, has_names);
}

static const struct gn_value *
hide_dict(struct gn_arena *a, const struct gn_value *v, bool has_names)
{
    struct gn_value *copy = gn_arena_alloc(a, sizeof(*copy));
    struct gn_value_pair *pairs = gn_arena_alloc(a, (v->dict.n + 1) * sizeof(*pairs));
    bool is_same = true;

    if (copy == NULL || pairs == NULL)
        return NULL;
    for (size_t i = 0; i < v->dict.n; i++) {
        pairs[i].key = v->dict.pairs[i].key;
        pairs[i].value = hide_item(a, &v->dict.pairs[i], has_names);
        if (pairs[i].value == NULL)
            return NULL;
        is_same = is_same && pairs[i].value == v->dict.pairs[i].value;
    }
    *copy = *v;
    copy->dict.pairs = pairs;
    return is_same ? v : copy;
}

static const struct gn_value *
hide(struct gn_arena *a, const struct gn_value *v, bool has_names)
{
    switch (v->tag) {
    case GN_V_STR:
    case GN_V_BYTES:
        return hide_str(a, v, has_names);
    case GN_V_LIST:
    case GN_V_TUPLE:
        return hide_list(a, v, has_names);
    case GN_V_DICT:
        return hide_dict(a, v, has_names);
    case GN_V_NONE:
    case GN_V_BOOL:
    case GN_V_INT:
    case GN_V_BIGINT:
    case GN_V_FLOAT:
    case GN_V_OBJECT:
        break;
    }
    return v;
}

/* A secret setting that is a list holds NAME=VALUE items, of which most are harmless; any other is
 * hidden whole. */
const struct gn_value *
gn_secret_hide(struct gn_arena *a, const struct gn_setting *s, const struct gn_value *v)
{
    if (s->is_secret && s->kind != GN_KIND_STRING_LIST && v->tag != GN_V_NONE)
        return gn_value_str(a, gn_slice_str(mask));
    return hide(a, v, s->is_secret);
}

bool
gn_secret_hide_origin(struct gn_arena *a, const struct gn_setting *s, struct gn_origin *origin)
{
    struct gn_value text = {.tag = GN_V_STR, .str = gn_slice_str(origin->text)};
    const struct gn_value *shown;

    if (origin->text == NULL)
        return true;
    shown = hide(a, &text, s->is_secret);
    if (shown != NULL && shown != &text)
        origin->text = gn_arena_strndup(a, shown->str.p, shown->str.n);
    return shown != NULL && origin->text != NULL;
}
