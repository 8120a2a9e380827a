#include "config/frozen.h"

#include <stdlib.h>
#include <string.h>

#include <sys/mman.h>

#include "config/internal.h"
#include "config/secrets.h"
#include "host/host.h"

/* A table takes about 30 KiB. What does not fit is built again in twice the room, so nothing has to
 * be measured first. */
enum { FIRST_PAGES_BYTES = 65536, ALIGNMENT = 16, DIFF_BLOCK_BYTES = 4096 };

struct region {
    char *base;
    size_t used, size;
};

static void *
take(struct region *r, size_t n)
{
    void *p;

    n = (n + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (n > r->size - r->used)
        return NULL;
    p = r->base + r->used;
    r->used += n;
    return p;
}

static const char *
copy_bytes(struct region *r, const char *p, size_t n)
{
    char *to = take(r, n + 1);

    if (to != NULL && n > 0)
        memcpy(to, p, n);
    return to;
}

/* True unless the region is full; NULL stays NULL. */
static bool
copy_text(struct region *r, const char *z, const char **out)
{
    *out = z != NULL ? copy_bytes(r, z, strlen(z)) : NULL;
    return z == NULL || *out != NULL;
}

static const struct gn_value *copy_value(struct region *r, const struct gn_value *v);

static bool
copy_items(struct region *r, const struct gn_value *from, struct gn_value *to)
{
    const struct gn_value **items = take(r, from->list.n * sizeof(const struct gn_value *));

    if (items == NULL)
        return false;
    to->list.items = items;
    for (size_t i = 0; i < from->list.n; i++) {
        items[i] = copy_value(r, from->list.items[i]);
        if (items[i] == NULL)
            return false;
    }
    return true;
}

static bool
copy_pairs(struct region *r, const struct gn_value *from, struct gn_value *to)
{
    struct gn_value_pair *pairs = take(r, from->dict.n * sizeof(*pairs));

    if (pairs == NULL)
        return false;
    to->dict.pairs = pairs;
    for (size_t i = 0; i < from->dict.n; i++) {
        pairs[i].key = copy_value(r, from->dict.pairs[i].key);
        pairs[i].value = copy_value(r, from->dict.pairs[i].value);
        if (pairs[i].key == NULL || pairs[i].value == NULL)
            return false;
    }
    return true;
}

static bool
copy_object(struct region *r, const struct gn_value *from, struct gn_value *to)
{
    struct gn_value_object *obj = take(r, sizeof(*obj));

    if (obj == NULL)
        return false;
    *obj = *from->obj;
    to->obj = obj;
    return copy_text(r, from->obj->type_name, &obj->type_name) &&
           copy_text(r, from->obj->text, &obj->text) &&
           copy_text(r, from->obj->qualname, &obj->qualname) &&
           copy_text(r, from->obj->module, &obj->module);
}

static const struct gn_value *
copy_value(struct region *r, const struct gn_value *v)
{
    struct gn_value *to = take(r, sizeof(*to));
    bool ok = true;

    if (to == NULL)
        return NULL;
    *to = *v;
    switch (v->tag) {
    case GN_V_STR:
    case GN_V_BYTES:
    case GN_V_BIGINT:
        to->str.p = copy_bytes(r, v->str.p, v->str.n);
        ok = to->str.p != NULL;
        break;
    case GN_V_LIST:
    case GN_V_TUPLE:
        ok = copy_items(r, v, to);
        break;
    case GN_V_DICT:
        ok = copy_pairs(r, v, to);
        break;
    case GN_V_OBJECT:
        ok = copy_object(r, v, to);
        break;
    case GN_V_NONE:
    case GN_V_BOOL:
    case GN_V_INT:
    case GN_V_FLOAT:
        break;
    }
    return ok ? to : NULL;
}

static bool
copy_origin(struct region *r, const struct gn_origin *from, struct gn_origin *to)
{
    *to = *from;
    return copy_text(r, from->file, &to->file) && copy_text(r, from->variable, &to->variable) &&
           copy_text(r, from->text, &to->text);
}

/* The whole chain of a setting. */
static const struct gn_frozen_candidate *
copy_chain(struct region *r, const struct gn_candidate *c)
{
    const struct gn_frozen_candidate *first = NULL, **link = &first;

    for (; c != NULL; c = c->next) {
        struct gn_frozen_candidate *to = take(r, sizeof(*to));

        if (to == NULL)
            return NULL;
        memset(to, 0, sizeof(*to));
        to->raw = copy_value(r, c->raw);
        if (to->raw == NULL)
            return NULL;
        to->value = c->value == c->raw ? to->raw : copy_value(r, c->value);
        if (to->value == NULL || !copy_origin(r, &c->origin, &to->origin))
            return NULL;
        *link = to;
        link = &to->shadowed;
    }
    return first;
}

static bool
fill_strlist(struct region *r, const struct gn_value *v, struct gn_strlist *out)
{
    const char **texts = take(r, (v->list.n + 1) * sizeof(*texts));

    if (texts == NULL)
        return false;
    for (size_t i = 0; i < v->list.n; i++)
        texts[i] = v->list.items[i]->str.p;
    texts[v->list.n] = NULL;
    out->v = texts;
    out->n = v->list.n;
    return true;
}

static void
fill_ref(const struct gn_value *v, struct gn_ref *out)
{
    memset(out, 0, sizeof(*out));
    if (v->tag == GN_V_STR)
        out->name = v->str.p;
    if (v->tag != GN_V_OBJECT)
        return;
    out->name = v->obj->qualname != NULL ? v->obj->qualname : v->obj->text;
    out->handle = v->obj->handle;
    out->positional = v->obj->positional;
}

static int
choice_index(const struct gn_setting *s, const struct gn_value *v)
{
    for (int i = 0; v->tag == GN_V_STR && s->choices[i] != NULL; i++) {
        if (gn_slice_eq_str(v->str, s->choices[i]))
            return i;
    }
    return -1;
}

/* `choices` begins with what False means and ends with what True means. */
static int
bool_choice_index(const struct gn_setting *s, const struct gn_value *v)
{
    int last = 0;

    if (v->tag == GN_V_STR)
        return choice_index(s, v);
    while (v->tag == GN_V_BOOL && v->b && s->choices[last + 1] != NULL)
        last++;
    return last;
}

static int64_t
number(const struct gn_value *v)
{
    return v->tag == GN_V_BOOL ? v->b : v->i;
}

/* Sets the field of `s` in the typed view from the canonical value `v`. */
static bool
fill_field(struct region *r, const struct gn_setting *s, const struct gn_value *v,
           struct gn_cfg *cfg)
{
    void *field = (char *)cfg + s->offset;

    switch (s->kind) {
    case GN_KIND_STRING:
    case GN_KIND_DIRECTORY:
        *(const char **)field = v->tag == GN_V_STR ? v->str.p : NULL;
        return true;
    case GN_KIND_STRING_LIST:
    case GN_KIND_FILE_LIST:
    case GN_KIND_IP_LIST:
    case GN_KIND_COMMA_LIST:
        return fill_strlist(r, v, field);
    case GN_KIND_NONNEG_INT:
    case GN_KIND_BYTE_SIZE:
    case GN_KIND_UMASK:
    case GN_KIND_USER:
    case GN_KIND_GROUP:
        *(int64_t *)field = number(v);
        return true;
    case GN_KIND_BOOL:
        *(bool *)field = v->tag == GN_V_BOOL && v->b;
        return true;
    case GN_KIND_TRIBOOL:
        *(int8_t *)field = v->tag == GN_V_BOOL ? (int8_t)v->b : (int8_t)-1;
        return true;
    case GN_KIND_CHOICE:
        *(int *)field = choice_index(s, v);
        return true;
    case GN_KIND_BOOL_CHOICE:
        *(int *)field = bool_choice_index(s, v);
        return true;
    case GN_KIND_CLASS:
    case GN_KIND_HOOK:
        fill_ref(v, field);
        return true;
    case GN_KIND_DICT:
    case GN_KIND_STATSD:
    case GN_KIND_ANY:
        *(const struct gn_value **)field = v;
        return true;
    }
    return false;
}

/* The print shows the number given; the parser gets what it can honour (the review warned). */
static void
clamp_limits(struct gn_cfg *cfg)
{
    for (size_t i = 0; i < GN_SETTING_COUNT; i++) {
        const struct gn_setting *s = &gn_settings[i];
        int64_t *field = (int64_t *)(void *)((char *)cfg + s->offset);

        if (s->cap > 0 && *field > s->cap)
            *field = s->cap;
    }
}

static struct gn_frozen *
build(struct region *r, const struct gn_builder *b)
{
    struct gn_frozen *f = take(r, sizeof(*f));

    if (f == NULL)
        return NULL;
    memset(f, 0, sizeof(*f));
    for (size_t i = 0; i < GN_SETTING_COUNT; i++) {
        f->chosen[i] = copy_chain(r, b->latest[i]);
        if (f->chosen[i] == NULL)
            return NULL;
        f->values[i] = f->chosen[i]->value;
        if (!fill_field(r, &gn_settings[i], f->values[i], &f->cfg))
            return NULL;
    }
    clamp_limits(&f->cfg);
    f->sendfile_default = b->sendfile_default;
    if (!copy_text(r, b->app_uri, &f->app_uri) || !copy_text(r, b->start_dir, &f->start_dir))
        return NULL;
    if (f->app_uri == NULL)
        f->app_uri = f->cfg.wsgi_app;
    return f;
}

/* What changes over the life of a table. */
struct gn_frozen_life {
    int refs;
    struct gn_host *host;
    void *handles; /* of the host, or NULL */
};

void
gn_frozen_own(const struct gn_frozen *f, struct gn_host *host, void *handles)
{
    f->life->host = host;
    f->life->handles = handles;
}

void *
gn_frozen_handles(const struct gn_frozen *f)
{
    return f->life->handles;
}

const struct gn_frozen *
gn_seal(const struct gn_builder *b)
{
    struct gn_frozen_life *life = calloc(1, sizeof(*life));
    struct gn_frozen *f = NULL;

    if (life == NULL)
        return NULL;
    life->refs = 1;
    for (size_t size = FIRST_PAGES_BYTES; f == NULL; size *= 2) {
        struct region r = {.size = size};

        r.base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (r.base == MAP_FAILED)
            break;
        f = build(&r, b);
        if (f == NULL) {
            munmap(r.base, size);
            continue;
        }
        f->pages = r.base;
        f->pages_bytes = size;
        f->life = life;
        if (mprotect(r.base, size, PROT_READ) != 0) {
            munmap(r.base, size);
            f = NULL;
            break;
        }
    }
    if (f == NULL)
        free(life);
    return f;
}

const struct gn_frozen *
gn_frozen_ref(const struct gn_frozen *f)
{
    f->life->refs++;
    return f;
}

void
gn_frozen_unref(const struct gn_frozen *f)
{
    struct gn_frozen_life *life;

    if (f == NULL)
        return;
    life = f->life;
    if (--life->refs > 0)
        return;
    if (life->handles != NULL)
        life->host->ops->release_handles(life->host, life->handles);
    munmap(f->pages, f->pages_bytes);
    free(life);
}

bool
gn_cfg_sendfile(const struct gn_frozen *f)
{
    return f->cfg.sendfile < 0 ? f->sendfile_default : f->cfg.sendfile != 0;
}

bool
gn_frozen_print(const struct gn_frozen *f, struct gn_buf *out)
{
    for (size_t i = 0; i < GN_SETTING_COUNT; i++) {
        enum gn_setting_id id = gn_settings_by_name[i];

        if (!gn_buf_printf(out, "%-*s = ", (int)gn_setting_name_width, gn_settings[id].name) ||
            !gn_value_print(f->values[id], out) || !gn_buf_append(out, "\n", 1))
            return false;
    }
    return true;
}

/* Texts in quotes, callables by their names. */
static bool
print_side(const struct gn_value *v, struct gn_buf *out)
{
    return v->tag == GN_V_OBJECT ? gn_value_print(v, out) : gn_value_repr(v, out);
}

/* With secrets hidden, a change of one may be all there is. */
static bool
print_sides(const struct gn_value *from, const struct gn_value *to, struct gn_buf *out)
{
    if (from == NULL || to == NULL)
        return false;
    if (gn_value_equal(from, to))
        return gn_buf_printf(out, "a hidden value changed");
    return print_side(from, out) && gn_buf_printf(out, " -> ") && print_side(to, out);
}

static bool
print_difference(struct gn_arena *a, const struct gn_setting *s, const struct gn_frozen *older,
                 const struct gn_frozen *newer, struct gn_buf *out)
{
    const struct gn_value *from = gn_secret_hide(a, s, older->values[s->id]);
    const struct gn_value *to = gn_secret_hide(a, s, newer->values[s->id]);
    struct gn_origin origin = newer->chosen[s->id]->origin;

    return gn_secret_hide_origin(a, s, &origin) && gn_buf_printf(out, "%s: ", s->name) &&
           print_sides(from, to, out) && gn_buf_printf(out, " (") &&
           gn_origin_print(&origin, out) && gn_buf_append(out, ")", 2);
}

bool
gn_frozen_diff(const struct gn_frozen *older, const struct gn_frozen *newer,
               void (*line)(void *ctx, const struct gn_setting *s, const char *text), void *ctx)
{
    struct gn_arena arena = {.block_bytes = DIFF_BLOCK_BYTES};
    struct gn_buf text = {0};
    bool ok = true;

    for (size_t i = 0; ok && i < GN_SETTING_COUNT; i++) {
        const struct gn_setting *s = &gn_settings[gn_settings_by_name[i]];

        if (gn_value_equal(older->values[s->id], newer->values[s->id]))
            continue;
        gn_buf_clear(&text);
        ok = print_difference(&arena, s, older, newer, &text);
        if (ok)
            line(ctx, s, gn_buf_head(&text));
    }
    gn_buf_fini(&text);
    gn_arena_fini(&arena);
    return ok;
}
