#include <string.h>

#include <cjson/cJSON.h>

#include "config/diag_int.h"
#include "config/setting.h"

static const char *const layer_names[] = {
    [GN_LAYER_DEFAULT] = "none", [GN_LAYER_ENV] = "environment",   [GN_LAYER_PASTE] = "paste",
    [GN_LAYER_CONF] = "file",    [GN_LAYER_CMD_ARGS] = "cmd_args", [GN_LAYER_ARGV] = "argv",
    [GN_LAYER_CODE] = "code",
};

/* Length of the UTF-8 sequence at `p` (RFC 3629), 0 when it is none. A NUL ends every sequence. */
static size_t
sequence(const unsigned char *p)
{
    size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

    if (p[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

/* With U+FFFD for each byte that is no UTF-8. NULL without memory. */
static const char *
clean_text(struct gn_arena *a, const char *text)
{
    static const char replacement[] = "\xef\xbf\xbd";
    char *copy = gn_arena_alloc(a, 3 * strlen(text) + 1);
    char *to = copy;

    if (copy == NULL)
        return NULL;
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0';) {
        size_t n = sequence(p);

        memcpy(to, n > 0 ? (const char *)p : replacement, n > 0 ? n : 3);
        to += n > 0 ? n : 3;
        p += n > 0 ? n : 1;
    }
    *to = '\0';
    return copy;
}

bool
gn_diag_put_text(cJSON *object, const char *name, const char *text)
{
    struct gn_arena a = {0};
    const char *clean;
    bool ok;

    if (text == NULL)
        return cJSON_AddNullToObject(object, name) != NULL;
    clean = clean_text(&a, text);
    ok = clean != NULL && cJSON_AddStringToObject(object, name, clean) != NULL;
    gn_arena_fini(&a);
    return ok;
}

static bool
put_number(cJSON *object, const char *name, int n)
{
    return (n > 0 ? cJSON_AddNumberToObject(object, name, n)
                  : cJSON_AddNullToObject(object, name)) != NULL;
}

static bool
put_origin(cJSON *object, const struct gn_origin *o)
{
    cJSON *to = cJSON_AddObjectToObject(object, "origin");

    return to != NULL && gn_diag_put_text(to, "layer", layer_names[o->layer]) &&
           gn_diag_put_text(to, "file", o->file) && put_number(to, "line", o->line) &&
           put_number(to, "column", o->column) &&
           gn_diag_put_text(to, "columnKind", o->column > 0 ? "unicodeCodePoints" : NULL) &&
           gn_diag_put_text(to, "variable", o->variable) && put_number(to, "word", o->word) &&
           gn_diag_put_text(to, "text", o->text);
}

static bool
put_diag(cJSON *array, const struct gn_diag *diag)
{
    cJSON *object = cJSON_CreateObject();

    if (object == NULL || !cJSON_AddItemToArray(array, object)) {
        cJSON_Delete(object);
        return false;
    }
    return gn_diag_put_text(object, "severity", gn_severity_name(diag->severity)) &&
           gn_diag_put_text(object, "code", gn_diag_kinds[diag->code].code) &&
           gn_diag_put_text(object, "setting",
                            diag->setting != NULL ? diag->setting->name : NULL) &&
           gn_diag_put_text(object, "message", diag->message) &&
           gn_diag_put_text(object, "hint", diag->hint) &&
           gn_diag_put_text(object, "detail", diag->detail) && put_origin(object, &diag->origin);
}

bool
gn_diag_print_tree(const cJSON *tree, struct gn_buf *out)
{
    char *text = tree != NULL ? cJSON_Print(tree) : NULL;
    bool ok = text != NULL && gn_buf_printf(out, "%s\n", text);

    cJSON_free(text);
    return ok;
}

bool
gn_diags_json(const struct gn_diags *d, struct gn_buf *out)
{
    cJSON *array = cJSON_CreateArray();
    bool ok = array != NULL;

    for (const struct gn_diag *p = d->first; ok && p != NULL; p = p->next)
        ok = put_diag(array, p);
    ok = ok && gn_diag_print_tree(array, out);
    cJSON_Delete(array);
    return ok;
}
