#include <string.h>

#include "base/num.h"
#include "config/internal.h"

const char *
gn_env_get(char *const *envp, const char *name)
{
    size_t n = strlen(name);

    for (; envp != NULL && *envp != NULL; envp++) {
        if (strncmp(*envp, name, n) == 0 && (*envp)[n] == '=')
            return *envp + n + 1;
    }
    return NULL;
}

/* The variable's text in place of the "%s" of the row's format. */
static struct gn_slice
apply_format(struct gn_builder *b, const char *format, const char *text)
{
    const char *at = format != NULL ? strstr(format, "%s") : NULL;
    const char *whole = text;

    if (at != NULL)
        whole = gn_arena_printf(&b->arena, "%.*s%s%s", (int)(at - format), format, text, at + 2);
    return gn_slice_str(whole != NULL ? whole : "");
}

/* Observed: numbers in variables are decimal, so "010" is ten here and nowhere else. */
static const struct gn_value *
env_value(struct gn_builder *b, const struct gn_setting *s, const char *text)
{
    struct gn_slice whole = apply_format(b, s->env_format, text);
    int64_t n;

    if (s->kind != GN_KIND_NONNEG_INT)
        return gn_value_str(&b->arena, whole);
    switch (gn_num_python_int(whole, 10, &n)) {
    case GN_NUM_OK:
        return gn_value_int(&b->arena, n);
    case GN_NUM_SYNTAX:
        return NULL;
    case GN_NUM_RANGE:
        break;
    }
    return gn_value_str(&b->arena, whole);
}

static bool
is_yes(const char *text)
{
    static const char *const words[] = {"y", "1", "yes", "true"};

    for (size_t i = 0; i < GN_ARRAY_LEN(words); i++) {
        if (gn_slice_eq_nocase(gn_slice_str(text), gn_slice_str(words[i])))
            return true;
    }
    return false;
}

static void
report_number(struct gn_builder *b, const struct gn_setting *s, const struct gn_origin *origin,
              const char *text)
{
    const struct gn_value v = {.tag = GN_V_STR, .str = gn_slice_str(text)};

    gn_diag_add(b->diags, GN_D_NOT_NUMBER, origin, s, "not a whole number: %s",
                gn_value_text(&b->arena, &v, true));
}

bool
gn_from_env(struct gn_builder *b, char *const *envp)
{
    const char *text = gn_env_get(envp, "SENDFILE");
    bool ok = true;

    if (text != NULL)
        b->sendfile_default = is_yes(text);
    for (size_t i = 0; ok && i < GN_SETTING_COUNT; i++) {
        const struct gn_setting *s = &gn_settings[i];
        struct gn_origin origin = {.layer = GN_LAYER_ENV, .variable = s->env};
        const struct gn_value *value;

        text = s->env != NULL ? gn_env_get(envp, s->env) : NULL;
        if (text == NULL)
            continue;
        value = env_value(b, s, text);
        if (value != NULL)
            ok = gn_builder_add(b, s, value, &origin);
        else
            report_number(b, s, &origin, text);
    }
    return ok;
}
