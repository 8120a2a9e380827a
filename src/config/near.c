#include <string.h>

#include "config/internal.h"

enum { NAME_BYTES = 64 };

/* Lower case, dashes as underscores; false when it is too long to be near anything. */
static bool
normalize(struct gn_slice name, char out[NAME_BYTES])
{
    if (name.n == 0 || name.n >= NAME_BYTES)
        return false;
    for (size_t i = 0; i < name.n; i++)
        out[i] = name.p[i] == '-' ? '_' : (char)gn_ascii_lower((unsigned char)name.p[i]);
    out[name.n] = '\0';
    return true;
}

static bool
is_flag_of(const struct gn_setting *s, const char *name)
{
    for (const char *const *flag = s->cli; *flag != NULL; flag++) {
        char text[NAME_BYTES];

        if ((*flag)[1] == '-' && normalize(gn_slice_str(*flag + 2), text) &&
            strcmp(text, name) == 0)
            return true;
    }
    return false;
}

static size_t
least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`. */
static size_t
distance(const char *a, const char *b)
{
    size_t rows[3][NAME_BYTES + 1];
    size_t na = strlen(a), nb = strlen(b);
    size_t *before = rows[0], *last = rows[1], *now = rows[2];

    if (nb >= NAME_BYTES)
        return NAME_BYTES;
    for (size_t j = 0; j <= nb; j++)
        last[j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t *oldest = before;

        now[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t d = least(last[j], now[j - 1]) + 1;

            d = least(d, last[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d = least(d, before[j - 2] + 1);
            now[j] = d;
        }
        before = last;
        last = now;
        now = oldest;
    }
    return last[nb];
}

/* Short words are near to too many others, so they have to be nearer. */
static size_t
most_distance(size_t length)
{
    return length < 4 ? 0 : length < 8 ? 1 : 2;
}

/* "on_start" for "on_starting": the beginning of exactly one name. */
static const struct gn_setting *
by_beginning(const char *name)
{
    const struct gn_setting *found = NULL;
    size_t n = strlen(name);

    if (n < 5)
        return NULL;
    for (size_t i = 0; i < GN_SETTING_COUNT; i++) {
        const struct gn_setting *s = &gn_settings[i];

        if (strncmp(s->name, name, n) != 0 || strlen(s->name) > n + 3)
            continue;
        if (found != NULL)
            return NULL;
        found = s;
    }
    return found;
}

static const struct gn_setting *
by_distance(const char *name)
{
    const struct gn_setting *found = NULL;
    size_t best = most_distance(strlen(name)) + 1;

    for (size_t i = 0; i < GN_SETTING_COUNT; i++) {
        size_t d = distance(name, gn_settings[i].name);

        if (d < best) {
            best = d;
            found = &gn_settings[i];
        }
    }
    return found;
}

const struct gn_other_name *
gn_other_name_find(struct gn_slice name)
{
    char text[NAME_BYTES];

    if (!normalize(name, text))
        return NULL;
    for (const struct gn_other_name *o = gn_other_names; o->name != NULL; o++) {
        if (strcmp(o->name, text) == 0)
            return o;
    }
    return NULL;
}

void
gn_near_hint(struct gn_diags *diags, struct gn_diag *diag, struct gn_slice name)
{
    const struct gn_other_name *other = gn_other_name_find(name);
    const struct gn_setting *near = other == NULL ? gn_near_setting(name) : NULL;

    if (other != NULL)
        gn_diag_hint(diags, diag, "%s", other->text);
    else if (near != NULL)
        gn_diag_hint(diags, diag, "did you mean `%s`?", near->name);
}

const struct gn_setting *
gn_near_setting(struct gn_slice name)
{
    const struct gn_setting *s;
    char text[NAME_BYTES];

    if (!normalize(name, text) || text[0] == '_')
        return NULL;
    s = gn_setting_find(gn_slice_str(text));
    for (size_t i = 0; s == NULL && i < GN_SETTING_COUNT; i++) {
        if (is_flag_of(&gn_settings[i], text))
            s = &gn_settings[i];
    }
    if (s == NULL)
        s = by_beginning(text);
    return s != NULL ? s : by_distance(text);
}

static const char *
long_flag(const struct gn_setting *s)
{
    const char *const *flag = s->cli;

    while (*flag != NULL && (*flag)[1] != '-')
        flag++;
    return *flag;
}

/* Notes the flag when it is nearer than the best one. */
static void
compare_flag(const char *name, const char *flag, size_t *best, const char **found)
{
    char text[NAME_BYTES];
    size_t d;

    if (flag[1] != '-' || !normalize(gn_slice_str(flag + 2), text))
        return;
    d = distance(name, text);
    if (d < *best) {
        *best = d;
        *found = flag;
    }
}

static const char *
flag_by_distance(const char *name)
{
    size_t best = most_distance(strlen(name)) + 1;
    const char *found = NULL;

    for (size_t i = 0; i < GN_SETTING_COUNT; i++) {
        for (const char *const *flag = gn_settings[i].cli; *flag != NULL; flag++)
            compare_flag(name, *flag, &best, &found);
        for (const char *const *flag = gn_settings[i].off; *flag != NULL; flag++)
            compare_flag(name, *flag, &best, &found);
    }
    for (const struct gn_option *o = gn_options; o->flag != NULL; o++)
        compare_flag(name, o->flag, &best, &found);
    return found;
}

void
gn_near_flag_hint(struct gn_diags *diags, struct gn_diag *diag, struct gn_slice name)
{
    const struct gn_other_name *other = gn_other_name_find(name);
    const struct gn_setting *s = NULL;
    const char *flag = NULL;
    char text[NAME_BYTES];

    if (other != NULL || !normalize(name, text)) {
        if (other != NULL)
            gn_diag_hint(diags, diag, "%s", other->text);
        return;
    }
    s = gn_setting_find(gn_slice_str(text));
    if (s == NULL)
        flag = flag_by_distance(text);
    if (s == NULL && flag == NULL)
        s = gn_near_setting(name);
    if (flag == NULL && s != NULL)
        flag = long_flag(s);
    if (flag != NULL)
        gn_diag_hint(diags, diag, "did you mean %s?", flag);
    else if (s != NULL)
        gn_diag_hint(diags, diag, "%s can be set in a configuration file only", s->name);
}
