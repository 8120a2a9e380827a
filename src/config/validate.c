#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/ipnet.h"
#include "base/num.h"
#include "config/internal.h"

/* Python's str.strip() on ASCII. */
#define BLANKS " \t\n\r\f\v\x1c\x1d\x1e\x1f"

enum { STATSD_PORT = 8125, MESSAGE_VALUE_BYTES = 200 };

static bool refuse(struct gn_check *c, enum gn_diag_code code, const char *fmt, ...)
    GN_PRINTF(3, 4);

static bool
refuse(struct gn_check *c, enum gn_diag_code code, const char *fmt, ...)
{
    va_list ap;

    c->code = code;
    va_start(ap, fmt);
    c->reason = gn_arena_vprintf(c->arena, fmt, ap);
    va_end(ap);
    if (c->reason == NULL)
        c->reason = "no memory";
    return false;
}

static bool
accept(struct gn_check *c, const struct gn_value *v)
{
    c->value = v;
    return v != NULL || refuse(c, GN_D_NO_MEMORY, "no memory");
}

static bool
has_control(struct gn_slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
            return true;
    }
    return false;
}

const char *
gn_value_text(struct gn_arena *a, const struct gn_value *v, bool as_repr)
{
    struct gn_buf b = {0};
    const char *text = NULL;
    size_t n;
    bool ok = as_repr ? gn_value_repr(v, &b) : gn_value_print(v, &b);

    if (ok && has_control(gn_buf_slice(&b))) {
        gn_buf_clear(&b);
        ok = gn_value_repr(v, &b);
    }
    n = gn_buf_len(&b);
    if (ok && n > MESSAGE_VALUE_BYTES)
        text = gn_arena_printf(a, "%.*s...", MESSAGE_VALUE_BYTES, gn_buf_head(&b));
    else if (ok)
        text = gn_arena_strndup(a, gn_buf_slice(&b).p, n);
    gn_buf_fini(&b);
    return text != NULL ? text : "?";
}

static const char *
str_of(struct gn_check *c)
{
    return gn_value_text(c->arena, c->raw, false);
}

static const char *
repr_of(struct gn_check *c)
{
    return gn_value_text(c->arena, c->raw, true);
}

static bool
not_a_string(struct gn_check *c, const struct gn_value *v)
{
    return refuse(c, GN_D_NOT_TEXT, "Not a string: %s", gn_value_text(c->arena, v, true));
}

static bool
has_nul(const struct gn_value *v)
{
    switch (v->tag) {
    case GN_V_STR:
        return memchr(v->str.p, '\0', v->str.n) != NULL;
    case GN_V_LIST:
    case GN_V_TUPLE:
        for (size_t i = 0; i < v->list.n; i++) {
            if (has_nul(v->list.items[i]))
                return true;
        }
        return false;
    case GN_V_DICT:
        for (size_t i = 0; i < v->dict.n; i++) {
            if (has_nul(v->dict.pairs[i].key))
                return true;
        }
        return false;
    default:
        return false;
    }
}

static const struct gn_value *
stripped(struct gn_check *c, const struct gn_value *v)
{
    struct gn_slice s = gn_slice_trim(v->str, BLANKS);

    return s.n == v->str.n ? v : gn_value_str(c->arena, s);
}

/* The text of a STR value as a C string; the arena keeps it. NUL was refused before. */
static const char *
c_string(struct gn_check *c, struct gn_slice s)
{
    const char *z = gn_arena_strndup(c->arena, s.p, s.n);

    return z != NULL ? z : "";
}

static struct gn_value *
new_list(struct gn_check *c, enum gn_value_tag tag, size_t n, const struct gn_value ***items)
{
    struct gn_value *v = gn_arena_alloc(c->arena, sizeof(*v));

    *items = gn_arena_alloc(c->arena, (n + 1) * sizeof(const struct gn_value *));
    if (v == NULL || *items == NULL)
        return NULL;
    v->tag = tag;
    v->list.items = *items;
    v->list.n = n;
    return v;
}

static bool
check_string(struct gn_check *c)
{
    if (c->raw->tag == GN_V_NONE)
        return accept(c, c->raw);
    if (c->raw->tag != GN_V_STR)
        return not_a_string(c, c->raw);
    return accept(c, stripped(c, c->raw));
}

/* What Python's `not value` says. */
static bool
is_falsy(const struct gn_value *v)
{
    switch (v->tag) {
    case GN_V_NONE:
        return true;
    case GN_V_BOOL:
        return !v->b;
    case GN_V_INT:
        return v->i == 0;
    case GN_V_FLOAT:
        return v->f == 0;
    case GN_V_STR:
    case GN_V_BYTES:
        return v->str.n == 0;
    case GN_V_LIST:
    case GN_V_TUPLE:
        return v->list.n == 0;
    case GN_V_DICT:
        return v->dict.n == 0;
    case GN_V_BIGINT:
    case GN_V_OBJECT:
        return false;
    }
    return false;
}

static size_t
item_count(const struct gn_value *v)
{
    return v->tag == GN_V_STR ? 1 : v->tag == GN_V_DICT ? v->dict.n : v->list.n;
}

static const struct gn_value *
item_at(const struct gn_value *v, size_t i)
{
    return v->tag == GN_V_STR ? v : v->tag == GN_V_DICT ? v->dict.pairs[i].key : v->list.items[i];
}

static bool
check_string_list(struct gn_check *c)
{
    const struct gn_value *raw = c->raw;
    const struct gn_value **items;
    struct gn_value *list;
    size_t n;

    if (is_falsy(raw))
        return accept(c, new_list(c, GN_V_LIST, 0, &items));
    if (raw->tag == GN_V_BYTES)
        return refuse(c, GN_D_NOT_TEXT, "Not a string: %d", (unsigned char)raw->str.p[0]);
    if (raw->tag != GN_V_STR && raw->tag != GN_V_LIST && raw->tag != GN_V_TUPLE &&
        raw->tag != GN_V_DICT)
        return refuse(c, GN_D_NOT_TEXT, "not a text or a list of texts: %s", repr_of(c));
    n = item_count(raw);
    list = new_list(c, GN_V_LIST, n, &items);
    for (size_t i = 0; list != NULL && i < n; i++) {
        const struct gn_value *item = item_at(raw, i);

        if (item->tag != GN_V_STR)
            return not_a_string(c, item);
        items[i] = stripped(c, item);
        if (items[i] == NULL)
            list = NULL;
    }
    return accept(c, list);
}

static bool
accept_int(struct gn_check *c, int64_t n)
{
    if (n < 0)
        return refuse(c, GN_D_NEGATIVE, "Value must be positive: %lld", (long long)n);
    return accept(c, gn_value_int(c->arena, n));
}

static bool
too_large(struct gn_check *c)
{
    return refuse(c, GN_D_TOO_LARGE, "the number is too large: %s", str_of(c));
}

static bool
check_int_text(struct gn_check *c, struct gn_slice s, int base)
{
    int64_t n;

    switch (gn_num_python_int(s, base, &n)) {
    case GN_NUM_OK:
        return accept_int(c, n);
    case GN_NUM_RANGE:
        return too_large(c);
    case GN_NUM_SYNTAX:
        break;
    }
    return refuse(c, GN_D_NOT_NUMBER, "not a whole number: %s", repr_of(c));
}

static bool
check_nonneg_int(struct gn_check *c)
{
    switch (c->raw->tag) {
    case GN_V_BOOL:
        return accept_int(c, c->raw->b ? 1 : 0);
    case GN_V_INT:
        return accept_int(c, c->raw->i);
    case GN_V_BIGINT:
        return too_large(c);
    case GN_V_STR:
    case GN_V_BYTES:
        return check_int_text(c, c->raw->str, 0);
    default:
        return refuse(c, GN_D_NOT_NUMBER, "not a whole number: %s", repr_of(c));
    }
}

/* As a whole number, and "022" is octal: the form that the documents name, in every source. */
static bool
check_umask(struct gn_check *c)
{
    struct gn_slice s;

    if (c->raw->tag != GN_V_STR)
        return check_nonneg_int(c);
    s = gn_slice_trim(c->raw->str, BLANKS);
    if (s.n > 1 && s.p[0] == '0' && s.p[1] >= '0' && s.p[1] <= '9')
        return check_int_text(c, s, 8);
    return check_int_text(c, s, 0);
}

/* A whole number, or digits with a suffix: "64M", "64 MB", "1g". */
static bool
check_byte_size(struct gn_check *c)
{
    static const char suffixes[] = "kKmMgG";
    struct gn_slice s;
    const char *at;
    uint64_t n;
    int shift;

    if (c->raw->tag != GN_V_STR)
        return check_nonneg_int(c);
    s = gn_slice_trim(c->raw->str, BLANKS);
    if (s.n > 1 && (s.p[s.n - 1] == 'B' || s.p[s.n - 1] == 'b') && strchr(suffixes, s.p[s.n - 2]))
        s.n--;
    at = s.n > 0 ? strchr(suffixes, s.p[s.n - 1]) : NULL;
    if (at == NULL || *at == '\0')
        return check_int_text(c, s, 0);
    shift = 10 * (1 + (int)(at - suffixes) / 2);
    s = gn_slice_trim(gn_slice(s.p, s.n - 1), BLANKS);
    if (!gn_num_digits(s, UINT64_MAX, &n)) {
        c->hint = "bytes, or a number with a suffix K, M or G";
        return refuse(c, GN_D_NOT_NUMBER, "not a number of bytes: %s", repr_of(c));
    }
    if (n > (uint64_t)INT64_MAX >> shift)
        return too_large(c);
    return accept_int(c, (int64_t)(n << shift));
}

static bool
check_bool(struct gn_check *c)
{
    struct gn_slice s;

    if (c->raw->tag == GN_V_NONE || c->raw->tag == GN_V_BOOL)
        return accept(c, c->raw);
    if (c->raw->tag == GN_V_STR) {
        s = gn_slice_trim(c->raw->str, BLANKS);
        if (gn_slice_eq_nocase(s, GN_SLICE("true")))
            return accept(c, &gn_value_true);
        if (gn_slice_eq_nocase(s, GN_SLICE("false")))
            return accept(c, &gn_value_false);
        c->hint = "use true or false";
        return refuse(c, GN_D_NOT_BOOLEAN, "Invalid boolean: %s", str_of(c));
    }
    c->hint = "use True or False";
    return refuse(c, GN_D_NOT_BOOLEAN, "Invalid type for casting: %s", repr_of(c));
}

/* A message of user code: its text and traceback move into the arena. */
static bool
refuse_by_error(struct gn_check *c, enum gn_diag_code code, struct gn_err *err)
{
    char text[sizeof(err->msg) + 128];

    refuse(c, code, "%s", gn_err_text(err, text, sizeof(text)));
    if (err->detail != NULL)
        c->detail = gn_arena_strdup(c->arena, err->detail);
    gn_err_clear(err);
    return false;
}

static bool
check_class(struct gn_check *c)
{
    struct gn_err err = {0};
    const struct gn_value *result;

    if (c->raw->tag != GN_V_OBJECT)
        return check_string(c);
    if (c->raw->obj->is_class)
        return accept(c, c->raw);
    if (!c->raw->obj->is_callable)
        return not_a_string(c, c->raw);
    /* Observed: a function is called without argument and its result counts. */
    result = gn_builder_call(c->builder, c->raw, &err);
    if (result == NULL)
        return refuse_by_error(c, GN_D_USER_ERROR, &err);
    if (result->tag == GN_V_OBJECT && !result->obj->is_class)
        return not_a_string(c, result);
    c->raw = result;
    return result->tag == GN_V_OBJECT ? accept(c, result) : check_string(c);
}

static const char *
choices_hint(struct gn_check *c)
{
    const char *hint = "one of:";

    for (const char *const *p = c->setting->choices; *p != NULL && hint != NULL; p++)
        hint = gn_arena_printf(c->arena, "%s %s%s", hint, *p, p[1] != NULL ? "," : "");
    return hint;
}

/* Observed: choices that ignore case also ignore blanks, and take None. */
static bool
check_choice(struct gn_check *c)
{
    bool lenient = c->setting->choice_ignores_case;
    struct gn_slice s;

    if (c->raw->tag == GN_V_NONE && lenient)
        return accept(c, c->raw);
    c->hint = choices_hint(c);
    if (c->raw->tag != GN_V_STR)
        return refuse(c, lenient ? GN_D_NOT_TEXT : GN_D_NOT_CHOICE, "Invalid %s: %s",
                      lenient ? "type for casting" : c->setting->name, repr_of(c));
    s = lenient ? gn_slice_trim(c->raw->str, BLANKS) : c->raw->str;
    for (const char *const *p = c->setting->choices; *p != NULL; p++) {
        struct gn_slice choice = gn_slice_str(*p);

        if (lenient ? gn_slice_eq_nocase(s, choice) : gn_slice_eq(s, choice)) {
            c->hint = NULL;
            return accept(c, gn_value_str(c->arena, choice));
        }
    }
    if (lenient)
        return refuse(c, GN_D_NOT_CHOICE, "Invalid header map behaviour: %s", str_of(c));
    return refuse(c, GN_D_NOT_CHOICE, "Invalid %s: %s", c->setting->name, repr_of(c));
}

/* A switch that can say more than on and off. Prints as a boolean as long as it is one. */
static bool
check_bool_choice(struct gn_check *c)
{
    struct gn_slice s;

    if (c->raw->tag != GN_V_STR)
        return check_bool(c);
    s = gn_slice_trim(c->raw->str, BLANKS);
    if (gn_slice_eq_nocase(s, GN_SLICE("on")))
        return accept(c, &gn_value_true);
    if (gn_slice_eq_nocase(s, GN_SLICE("off")))
        return accept(c, &gn_value_false);
    for (const char *const *p = c->setting->choices; *p != NULL; p++) {
        struct gn_slice choice = gn_slice_str(*p);

        if (gn_slice_eq_nocase(s, choice))
            return accept(c, gn_value_str(c->arena, choice));
    }
    if (check_bool(c))
        return true;
    c->hint = choices_hint(c);
    return false;
}

static bool
check_file_list(struct gn_check *c)
{
    if (!check_string_list(c))
        return false;
    for (size_t i = 0; i < c->value->list.n; i++) {
        const char *path = c_string(c, c->value->list.items[i]->str);
        const char *whole = gn_path_join(c->arena, c->base_dir, path);
        struct stat st;

        /* Patterns are expanded by the reloader, at each of its rounds. */
        if (strpbrk(path, "*?[") != NULL || c->builder->checks_values_only)
            continue;
        if (whole == NULL || stat(whole, &st) != 0)
            return refuse(c, GN_D_NO_FILE, "File %s does not exists.", path);
    }
    return true;
}

static bool
check_directory(struct gn_check *c)
{
    struct gn_slice given;
    struct stat st;
    char *path;

    if (c->raw->tag != GN_V_STR)
        return not_a_string(c, c->raw);
    given = gn_slice_trim(c->raw->str, BLANKS);
    path = gn_path_absolute(c->arena, c->base_dir, c_string(c, given));
    if (path == NULL)
        return refuse(c, GN_D_NO_MEMORY, "no memory");
    if (c->builder->checks_values_only)
        return accept(c, gn_value_str(c->arena, gn_slice_str(path)));
    if (stat(path, &st) != 0)
        return refuse(c, GN_D_NO_DIRECTORY, "can't chdir to '%s'", c_string(c, given));
    if (!S_ISDIR(st.st_mode))
        return refuse(c, GN_D_NO_DIRECTORY, "Not a directory: '%s'", c_string(c, given));
    return accept(c, gn_value_str(c->arena, gn_slice_str(path)));
}

/* One entry of the passwd or group database by name; false when there is none. */
static bool
lookup_owner(const char *name, bool is_user, int64_t *id)
{
    struct passwd pw, *pw_found = NULL;
    struct group gr, *gr_found = NULL;
    size_t size = 4096;
    int status;

    for (;;) {
        char *room = malloc(size);

        if (room == NULL)
            return false;
        if (is_user)
            status = getpwnam_r(name, &pw, room, size, &pw_found);
        else
            status = getgrnam_r(name, &gr, room, size, &gr_found);
        free(room);
        /* Groups with thousands of members need more room. */
        if (status != ERANGE || size > (1u << 24))
            break;
        size *= 4;
    }
    if (pw_found != NULL)
        *id = pw.pw_uid;
    if (gr_found != NULL)
        *id = gr.gr_gid;
    return pw_found != NULL || gr_found != NULL;
}

static bool
check_owner(struct gn_check *c, bool is_user)
{
    const char *what = is_user ? "user" : "group";
    uint64_t digits;
    int64_t id;

    switch (c->raw->tag) {
    case GN_V_NONE:
        return accept(c, gn_value_int(c->arena, is_user ? geteuid() : getegid()));
    case GN_V_BOOL:
    case GN_V_INT:
        return accept(c, c->raw);
    case GN_V_BIGINT:
        return too_large(c);
    case GN_V_STR:
        break;
    default:
        return refuse(c, GN_D_NO_ACCOUNT, "not the name or number of a %s: %s", what, repr_of(c));
    }
    if (gn_num_digits(c->raw->str, UINT32_MAX, &digits))
        return accept(c, gn_value_int(c->arena, (int64_t)digits));
    /* Any number does: only the values are looked at, nobody will run as this user. */
    if (c->builder->checks_values_only)
        return accept(c, gn_value_int(c->arena, 0));
    if (!lookup_owner(c_string(c, c->raw->str), is_user, &id))
        return refuse(c, GN_D_NO_ACCOUNT, "No such %s: %s", what, repr_of(c));
    return accept(c, gn_value_int(c->arena, id));
}

static bool
check_user(struct gn_check *c)
{
    return check_owner(c, true);
}

static bool
check_group(struct gn_check *c)
{
    return check_owner(c, false);
}

static bool
check_dict(struct gn_check *c)
{
    if (c->raw->tag != GN_V_DICT)
        return refuse(c, GN_D_NOT_MAPPING, "Value is not a dictionary: %s", str_of(c));
    return accept(c, c->raw);
}

/* Splits on commas; blanks around the items and empty items are dropped. */
static struct gn_value *
split_commas(struct gn_check *c, struct gn_slice text)
{
    const struct gn_value **items;
    struct gn_value *list;
    size_t most = 1, n = 0;

    for (size_t i = 0; i < text.n; i++)
        most += text.p[i] == ',';
    list = new_list(c, GN_V_LIST, most, &items);
    while (list != NULL && text.p != NULL) {
        struct gn_slice item = gn_slice_trim(gn_slice_cut(&text, ','), BLANKS);

        if (item.n == 0)
            continue;
        items[n] = gn_value_str(c->arena, item);
        if (items[n++] == NULL)
            return NULL;
    }
    if (list != NULL)
        list->list.n = n;
    return list;
}

static bool
check_comma_list(struct gn_check *c)
{
    const struct gn_value **items;

    if (c->raw->tag == GN_V_NONE)
        return accept(c, new_list(c, GN_V_LIST, 0, &items));
    if (c->raw->tag == GN_V_STR)
        return accept(c, split_commas(c, c->raw->str));
    if (c->raw->tag == GN_V_LIST || c->raw->tag == GN_V_TUPLE)
        c->hint = "write one text with commas between the items";
    return not_a_string(c, c->raw);
}

static bool
check_ip_list(struct gn_check *c)
{
    struct gn_err err = {0};
    struct gn_ipnet net;

    if (!check_comma_list(c))
        return false;
    for (size_t i = 0; i < c->value->list.n; i++) {
        struct gn_slice item = c->value->list.items[i]->str;

        if (!gn_slice_eq_str(item, "*") && !gn_ipnet_parse(item, &net, &err))
            return refuse_by_error(c, GN_D_BAD_NETWORK, &err);
    }
    return true;
}

static const struct gn_value *
host_and_port(struct gn_check *c, const struct gn_addr *addr)
{
    const struct gn_value **items;
    struct gn_value *pair = new_list(c, GN_V_TUPLE, 2, &items);

    if (pair == NULL)
        return NULL;
    items[0] = gn_value_str(c->arena, gn_slice_str(addr->host));
    items[1] = gn_value_int(c->arena, addr->port);
    return items[0] != NULL && items[1] != NULL ? pair : NULL;
}

static bool
check_statsd(struct gn_check *c)
{
    struct gn_err err = {0};
    struct gn_addr addr;
    const char *text;

    if (c->raw->tag == GN_V_NONE)
        return accept(c, c->raw);
    if (c->raw->tag != GN_V_STR)
        return not_a_string(c, c->raw);
    text = c_string(c, gn_slice_trim(c->raw->str, BLANKS));
    if (!gn_addr_parse_port(text, STATSD_PORT, &addr, &err)) {
        refuse(c, GN_D_BAD_ADDRESS, "Value must be one of ('host:port', 'unix://PATH'): %s",
               err.msg);
        gn_err_clear(&err);
        return false;
    }
    switch (addr.kind) {
    case GN_ADDR_INET:
    case GN_ADDR_INET6:
        return accept(c, host_and_port(c, &addr));
    case GN_ADDR_UNIX:
        return accept(c, gn_value_str(c->arena, gn_slice_str(addr.path)));
    case GN_ADDR_FD:
        return accept(c, gn_value_int(c->arena, addr.fd));
    }
    return false;
}

static bool
check_any(struct gn_check *c)
{
    return accept(c, c->raw);
}

static bool
import_hook(struct gn_check *c)
{
    struct gn_slice s = c->raw->str;
    const char *dotted = c_string(c, s);
    const char *dot = strrchr(dotted, '.');
    struct gn_err err = {0};

    if (dot == NULL || dot == dotted || dot[1] == '\0' || dotted[0] == '.')
        return refuse(c, GN_D_NOT_CALLABLE,
                      "Value %s is not import string. Format: module[.submodules...].object",
                      repr_of(c));
    c->value = gn_builder_import(c->builder, dotted, &err);
    if (c->value == NULL)
        return refuse_by_error(c, GN_D_NOT_CALLABLE, &err);
    return true;
}

static bool
check_hook(struct gn_check *c)
{
    const struct gn_value_object *obj;
    const char *name;

    c->value = c->raw;
    if (c->raw->tag == GN_V_STR && !import_hook(c))
        return false;
    if (c->value->tag != GN_V_OBJECT || !c->value->obj->is_callable)
        return refuse(c, GN_D_NOT_CALLABLE, "Value is not callable: %s",
                      gn_value_text(c->arena, c->value, true));
    obj = c->value->obj;
    if (obj->positional < 0)
        return true;
    for (const int *arity = c->setting->arity; *arity != 0; arity++) {
        if (obj->positional == *arity)
            return true;
    }
    name = obj->qualname != NULL ? obj->qualname : obj->text;
    c->hint = gn_arena_printf(c->arena, "%s takes %d", name != NULL ? name : "it", obj->positional);
    return refuse(c, GN_D_BAD_ARITY, "Value must have an arity of: %d", c->setting->arity[0]);
}

/* One row per kind. */
static const struct {
    bool (*check)(struct gn_check *c);
    bool may_hold_nul;
} validators[] = {
    [GN_KIND_STRING] = {check_string, false},
    [GN_KIND_STRING_LIST] = {check_string_list, false},
    [GN_KIND_NONNEG_INT] = {check_nonneg_int, false},
    [GN_KIND_UMASK] = {check_umask, false},
    [GN_KIND_BYTE_SIZE] = {check_byte_size, false},
    [GN_KIND_BOOL] = {check_bool, false},
    [GN_KIND_TRIBOOL] = {check_bool, false},
    [GN_KIND_CLASS] = {check_class, false},
    [GN_KIND_CHOICE] = {check_choice, false},
    [GN_KIND_FILE_LIST] = {check_file_list, false},
    [GN_KIND_DIRECTORY] = {check_directory, false},
    [GN_KIND_USER] = {check_user, false},
    [GN_KIND_GROUP] = {check_group, false},
    [GN_KIND_DICT] = {check_dict, true},
    [GN_KIND_IP_LIST] = {check_ip_list, false},
    [GN_KIND_COMMA_LIST] = {check_comma_list, false},
    [GN_KIND_STATSD] = {check_statsd, false},
    [GN_KIND_ANY] = {check_any, true},
    [GN_KIND_HOOK] = {check_hook, false},
    [GN_KIND_BOOL_CHOICE] = {check_bool_choice, false},
};

bool
gn_validate(struct gn_check *c)
{
    enum gn_kind kind = c->setting->kind;

    c->value = NULL;
    c->reason = c->hint = c->detail = NULL;
    if (!validators[kind].may_hold_nul && has_nul(c->raw))
        return refuse(c, GN_D_NUL_BYTE, "a text must not hold a NUL byte: %s", repr_of(c));
    return validators[kind].check(c);
}
