#include <cjson/cJSON.h>

#include "config/print_int.h"

/* As in the schema. */
static const char *
kind_name(enum gn_kind kind)
{
    switch (kind) {
    case GN_KIND_STRING:
        return "string";
    case GN_KIND_STRING_LIST:
        return "string_list";
    case GN_KIND_NONNEG_INT:
        return "nonneg_int";
    case GN_KIND_BYTE_SIZE:
        return "byte_size";
    case GN_KIND_UMASK:
        return "umask";
    case GN_KIND_BOOL:
        return "bool";
    case GN_KIND_TRIBOOL:
        return "tribool";
    case GN_KIND_CLASS:
        return "class";
    case GN_KIND_CHOICE:
        return "choice";
    case GN_KIND_BOOL_CHOICE:
        return "bool_choice";
    case GN_KIND_FILE_LIST:
        return "file_list";
    case GN_KIND_DIRECTORY:
        return "directory";
    case GN_KIND_USER:
        return "user";
    case GN_KIND_GROUP:
        return "group";
    case GN_KIND_DICT:
        return "dict";
    case GN_KIND_IP_LIST:
        return "ip_list";
    case GN_KIND_COMMA_LIST:
        return "comma_list";
    case GN_KIND_STATSD:
        return "statsd";
    case GN_KIND_ANY:
        return "any";
    case GN_KIND_HOOK:
        return "hook";
    }
    return "?";
}

static const char *const apply_names[] = {
    [GN_APPLY_START] = "start",
    [GN_APPLY_RELOAD] = "reload",
    [GN_APPLY_WORKER] = "worker",
};

static const char *
source_name(enum gn_layer layer)
{
    switch (layer) {
    case GN_LAYER_DEFAULT:
        return "default";
    case GN_LAYER_ENV:
        return "environment";
    case GN_LAYER_PASTE:
        return "paste";
    case GN_LAYER_CONF:
        return "conf";
    case GN_LAYER_CMD_ARGS:
        return "cmd_args";
    case GN_LAYER_ARGV:
        return "argv";
    case GN_LAYER_CODE:
        return "code";
    }
    return "?";
}

/* Adds `item` under `key`; takes it also when that fails. */
static bool
add_item(cJSON *to, const char *key, cJSON *item)
{
    if (item != NULL && cJSON_AddItemToObject(to, key, item))
        return true;
    cJSON_Delete(item);
    return false;
}

/* cJSON knows neither NUL in texts nor whole numbers above 2^53: both are written here. */
static cJSON *
raw_item(struct gn_buf *text, bool ok)
{
    cJSON *item = NULL;

    if (ok && gn_buf_append(text, "", 1))
        item = cJSON_CreateRaw(gn_buf_head(text));
    gn_buf_fini(text);
    return item;
}

static cJSON *
text_item(struct gn_slice s)
{
    struct gn_buf text = {0};
    bool ok = gn_print_quoted(s, &text);

    return raw_item(&text, ok);
}

static bool
add_text(cJSON *to, const char *key, const char *text)
{
    return add_item(to, key, text != NULL ? text_item(gn_slice_str(text)) : cJSON_CreateNull());
}

/* The value as Python shows it: JSON has nothing for it. */
static cJSON *
shown_item(const struct gn_value *v)
{
    struct gn_buf shown = {0};
    cJSON *item = gn_value_repr(v, &shown) ? text_item(gn_buf_slice(&shown)) : NULL;

    gn_buf_fini(&shown);
    return item;
}

static cJSON *
number_item(const struct gn_value *v)
{
    struct gn_buf text = {0};
    bool ok;

    /* inf and nan */
    if (v->tag == GN_V_FLOAT && v->f - v->f != 0)
        return shown_item(v);
    ok = gn_value_repr(v, &text);
    return raw_item(&text, ok);
}

static cJSON *value_item(const struct gn_value *v);

static cJSON *
list_item(const struct gn_value *v)
{
    cJSON *list = cJSON_CreateArray();

    for (size_t i = 0; list != NULL && i < v->list.n; i++) {
        cJSON *item = value_item(v->list.items[i]);

        if (item == NULL || !cJSON_AddItemToArray(list, item)) {
            cJSON_Delete(item);
            cJSON_Delete(list);
            return NULL;
        }
    }
    return list;
}

/* Keys of JSON are texts: others are shown as Python does. cJSON escapes them, so bytes that are no
 * UTF-8 and NUL are left to the shown form, which has neither. */
static bool
add_pair(cJSON *to, const struct gn_value_pair *pair)
{
    const struct gn_value *key = pair->key;
    bool is_plain = key->tag == GN_V_STR && gn_print_is_utf8(key->str) &&
                    gn_slice_find(key->str, '\0') == key->str.n;
    struct gn_buf name = {0};
    bool ok = (is_plain ? gn_value_print(key, &name) : gn_value_repr(key, &name)) &&
              gn_buf_append(&name, "", 1) &&
              add_item(to, gn_buf_head(&name), value_item(pair->value));

    gn_buf_fini(&name);
    return ok;
}

static cJSON *
dict_item(const struct gn_value *v)
{
    cJSON *dict = cJSON_CreateObject();
    bool ok = dict != NULL;

    for (size_t i = 0; ok && i < v->dict.n; i++)
        ok = add_pair(dict, &v->dict.pairs[i]);
    if (ok)
        return dict;
    cJSON_Delete(dict);
    return NULL;
}

/* A hook that was not set has no callable, only the name that the plain form shows. */
static cJSON *
object_item(const struct gn_value *v)
{
    const struct gn_value_object *o = v->obj;
    cJSON *item;

    if (o->handle == NULL)
        return cJSON_CreateNull();
    item = cJSON_CreateObject();
    if (item != NULL && add_text(item, "type", o->type_name) &&
        add_text(item, "module", o->module) && add_text(item, "name", o->qualname))
        return item;
    cJSON_Delete(item);
    return NULL;
}

static cJSON *
value_item(const struct gn_value *v)
{
    switch (v->tag) {
    case GN_V_NONE:
        return cJSON_CreateNull();
    case GN_V_BOOL:
        return cJSON_CreateBool(v->b);
    case GN_V_INT:
    case GN_V_BIGINT:
    case GN_V_FLOAT:
        return number_item(v);
    case GN_V_STR:
        return text_item(v->str);
    case GN_V_BYTES:
        return shown_item(v);
    case GN_V_LIST:
    case GN_V_TUPLE:
        return list_item(v);
    case GN_V_DICT:
        return dict_item(v);
    case GN_V_OBJECT:
        return object_item(v);
    }
    return NULL;
}

static bool
add_value(struct gn_printer *p, const struct gn_setting *s, cJSON *to, const char *key,
          const struct gn_value *v)
{
    v = gn_print_shown(p, s, v);
    return v != NULL && add_item(to, key, value_item(v));
}

static bool
add_number(cJSON *to, const char *key, int number)
{
    return number <= 0 || cJSON_AddNumberToObject(to, key, number) != NULL;
}

static bool
fill_place(cJSON *place, const struct gn_origin *o)
{
    return (o->file == NULL || add_text(place, "file", o->file)) &&
           add_number(place, "line", o->line) && add_number(place, "column", o->column) &&
           (o->variable == NULL || add_text(place, "variable", o->variable)) &&
           add_number(place, "word", o->word) &&
           (o->text == NULL || add_text(place, "text", o->text));
}

/* Source, place and value of one candidate. */
static bool
add_candidate(struct gn_printer *p, const struct gn_setting *s, cJSON *to,
              const struct gn_frozen_candidate *c)
{
    struct gn_origin origin;
    cJSON *place;

    if (!add_value(p, s, to, "value", c->value) ||
        !gn_print_shown_origin(p, s, &c->origin, &origin) ||
        !add_text(to, "source", source_name(origin.layer)))
        return false;
    if (origin.layer == GN_LAYER_DEFAULT)
        return add_item(to, "place", cJSON_CreateNull());
    place = cJSON_AddObjectToObject(to, "place");
    return place != NULL && fill_place(place, &origin);
}

static bool
add_chain(struct gn_printer *p, const struct gn_setting *s, cJSON *to)
{
    cJSON *chain = cJSON_AddArrayToObject(to, "chain");

    for (const struct gn_frozen_candidate *c = p->f->chosen[s->id]->shadowed; c != NULL;
         c = c->shadowed) {
        cJSON *entry = cJSON_CreateObject();

        if (chain == NULL || entry == NULL || !cJSON_AddItemToArray(chain, entry)) {
            cJSON_Delete(entry);
            return false;
        }
        if (!add_candidate(p, s, entry, c))
            return false;
    }
    return chain != NULL;
}

static bool
add_setting(struct gn_printer *p, const struct gn_setting *s, cJSON *settings)
{
    cJSON *to = cJSON_AddObjectToObject(settings, s->name);
    const struct gn_value *effective = gn_print_effective(p, s->id);
    const char *link = gn_arena_printf(&p->arena, "doc/settings.md#%s", s->name);

    return to != NULL && link != NULL && add_text(to, "kind", kind_name(s->kind)) &&
           add_text(to, "section", s->section) && add_text(to, "apply", apply_names[s->apply]) &&
           add_text(to, "documentation", link) &&
           add_value(p, s, to, "default", gn_print_default(p->f, s->id)) &&
           add_candidate(p, s, to, p->f->chosen[s->id]) &&
           add_value(p, s, to, "effective", effective != NULL ? effective : p->f->values[s->id]) &&
           add_chain(p, s, to);
}

static bool
fill(struct gn_printer *p, cJSON *top)
{
    char digest[GN_DIGEST_BYTES];
    cJSON *settings;
    bool ok;

    if (!gn_frozen_digest(p->f, digest) || !add_text(top, "digest", digest) ||
        !add_text(top, "application", p->f->app_uri))
        return false;
    settings = cJSON_AddObjectToObject(top, "settings");
    ok = settings != NULL;
    for (size_t i = 0; ok && i < GN_SETTING_COUNT; i++) {
        const struct gn_setting *s = &gn_settings[gn_settings_by_name[i]];

        if (gn_print_is_asked(p, s))
            ok = add_setting(p, s, settings);
    }
    return ok;
}

bool
gn_print_json(struct gn_printer *p)
{
    cJSON *top = cJSON_CreateObject();
    char *text = NULL;
    bool ok;

    if (top != NULL && fill(p, top))
        text = cJSON_Print(top);
    ok = text != NULL && gn_buf_printf(p->out, "%s\n", text);
    cJSON_free(text);
    cJSON_Delete(top);
    return ok;
}
