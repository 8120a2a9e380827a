#include "gen_schema.h"

#include <stdlib.h>
#include <string.h>

bool
gn_gen_is_switch(const struct gn_gen_setting *t)
{
    return t->action == GN_GEN_STORE_TRUE || t->action == GN_GEN_STORE_FALSE;
}

static bool
is_flag(const struct gn_gen_schema *s, const char *before, const char *word)
{
    size_t n = strlen(before);
    for (size_t i = 0; i < s->n; i++) {
        const yaml_node_t *cli = s->settings[i].field[GN_GEN_CLI];
        for (size_t j = 0; j < gn_gen_len(cli); j++) {
            const char *flag = gn_gen_item_text(s, cli, j);
            if (strncmp(flag, before, n) == 0 && strcmp(flag + n, word) == 0)
                return true;
        }
    }
    return false;
}

bool
gn_gen_has_no_flag(const struct gn_gen_schema *s, const struct gn_gen_setting *t, size_t i)
{
    const char *flag = gn_gen_item_text(s, t->field[GN_GEN_CLI], i);
    return t->action == GN_GEN_STORE_TRUE && t->kind != NULL && flag[1] == '-' &&
           !is_flag(s, "--no-", flag + 2);
}

void
gn_gen_put_meta(FILE *out, const struct gn_gen_setting *t)
{
    const char *meta = gn_gen_text(t, GN_GEN_META);
    if (meta != NULL)
        fputs(meta, out);
    else
        gn_gen_c_upper(out, gn_gen_text(t, GN_GEN_NAME));
}

/* What stands between the flag and its value, and behind it. An option extends a switch that is
 * described elsewhere, so that its value isn't optional. */
static void
put_value(FILE *out, const struct gn_gen_setting *t)
{
    bool is_optional = t->action == GN_GEN_OPTIONAL && t->kind != NULL;
    if (gn_gen_is_switch(t))
        return;
    fputs(is_optional ? "[=" : t->action == GN_GEN_OPTIONAL ? "=" : " ", out);
    gn_gen_put_meta(out, t);
    fputs(is_optional ? "]" : "", out);
}

void
gn_gen_put_invocation(const struct gn_gen_schema *s, FILE *out, const struct gn_gen_setting *t)
{
    const yaml_node_t *cli = t->field[GN_GEN_CLI];
    for (size_t i = 0; i < gn_gen_len(cli); i++) {
        fprintf(out, "%s%s", i > 0 ? ", " : "", gn_gen_item_text(s, cli, i));
        put_value(out, t);
    }
    for (size_t i = 0; i < gn_gen_len(cli); i++) {
        if (gn_gen_has_no_flag(s, t, i))
            fprintf(out, ", --no-%s", gn_gen_item_text(s, cli, i) + 2);
    }
}

static void
put_items(const struct gn_gen_schema *s, FILE *out, const yaml_node_t *list)
{
    fputc('[', out);
    for (size_t i = 0; i < gn_gen_len(list); i++)
        fprintf(out, "%s'%s'", i > 0 ? ", " : "", gn_gen_item_text(s, list, i));
    fputc(']', out);
}

static void
put_pairs(const struct gn_gen_schema *s, FILE *out, const yaml_node_t *dict)
{
    const yaml_node_pair_t *first = dict->data.mapping.pairs.start;
    fputc('{', out);
    for (const yaml_node_pair_t *p = first; p < dict->data.mapping.pairs.top; p++)
        fprintf(out, "%s'%s': '%s'", p > first ? ", " : "", gn_gen_scalar(gn_gen_node(s, p->key)),
                gn_gen_scalar(gn_gen_node(s, p->value)));
    fputc('}', out);
}

static const char *
dynamic_text(const char *dynamic)
{
    static const struct {
        const char *dynamic, *text;
    } texts[] = {
        {"cwd", "current directory"}, {"euid", "effective user"}, {"egid", "effective group"}};

    for (size_t i = 0; i < GN_ARRAY_LEN(texts); i++) {
        if (strcmp(texts[i].dynamic, dynamic) == 0)
            return texts[i].text;
    }
    return "";
}

/* Lists and dictionaries of the schema hold plain words, so that their items need no escapes. */
static void
put_default(const struct gn_gen_schema *s, FILE *out, const struct gn_gen_setting *t)
{
    const yaml_node_t *def = t->field[GN_GEN_DEFAULT];
    const char *dynamic = gn_gen_text(t, GN_GEN_DYNAMIC);
    if (dynamic != NULL)
        fputs(dynamic_text(dynamic), out);
    else if (t->kind->def == GN_GEN_DEF_QUALNAME || gn_gen_is_null(def))
        fputs("None", out);
    else if (def->type == YAML_SEQUENCE_NODE)
        put_items(s, out, def);
    else if (def->type == YAML_MAPPING_NODE)
        put_pairs(s, out, def);
    else if (gn_gen_is_bool(def))
        fputs(gn_gen_flag(t, GN_GEN_DEFAULT) ? "True" : "False", out);
    else
        fputs(gn_gen_scalar(def), out);
}

char *
gn_gen_default_text(const struct gn_gen_schema *s, const struct gn_gen_setting *t)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) {
        fputs("gen-settings: no memory\n", stderr);
        exit(1);
    }
    put_default(s, out, t);
    fclose(out);
    return text;
}

void
gn_gen_put_type(const struct gn_gen_schema *s, FILE *out, const struct gn_gen_setting *t)
{
    const yaml_node_t *choices = t->field[GN_GEN_CHOICES];
    fputs(t->kind->words, out);
    for (size_t i = 0; i < gn_gen_len(choices); i++)
        fprintf(out, "%s %s", i > 0 ? "," : "", gn_gen_item_text(s, choices, i));
    if (t->field[GN_GEN_MAX] != NULL || t->field[GN_GEN_CAP] != NULL) {
        long most = gn_gen_int(t, t->field[GN_GEN_MAX] != NULL ? GN_GEN_MAX : GN_GEN_CAP);
        bool is_umask = strcmp(t->kind->name, "umask") == 0;
        fprintf(out, is_umask ? ", at most %04lo" : ", at most %ld", most);
    }
    if (t->kind->def == GN_GEN_DEF_QUALNAME) {
        const yaml_node_t *arity = t->field[GN_GEN_ARITY];
        const char *n = gn_gen_item_text(s, arity, 0);
        fprintf(out, " with %s parameter%s", n, strcmp(n, "1") == 0 ? "" : "s");
    }
}

const char *
gn_gen_apply_text(const struct gn_gen_setting *t)
{
    static const struct {
        const char *apply, *text;
    } texts[] = {{"start", "after a restart"},
                 {"reload", "on the signal HUP"},
                 {"worker", "in workers started on the signal HUP"}};
    const char *apply = gn_gen_text(t, GN_GEN_APPLY);
    for (size_t i = 0; i < GN_ARRAY_LEN(texts); i++) {
        if (strcmp(texts[i].apply, apply) == 0)
            return texts[i].text;
    }
    return "";
}

static int
by_order(const void *a, const void *b)
{
    const struct gn_gen_setting *const *x = a, *const *y = b;
    long m = gn_gen_int(*x, GN_GEN_ORDER), n = gn_gen_int(*y, GN_GEN_ORDER);
    return (m > n) - (m < n);
}

static int
by_section(const void *a, const void *b)
{
    const struct gn_gen_setting *const *x = a, *const *y = b;
    size_t m = (*x)->section, n = (*y)->section;
    return m != n ? (m > n) - (m < n) : by_order(a, b);
}

static const struct gn_gen_setting **
sorted(const struct gn_gen_schema *s, size_t *n, int (*compare)(const void *, const void *))
{
    const struct gn_gen_setting **list = gn_gen_alloc(NULL, s->n, sizeof(*list));
    *n = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (s->settings[i].field[GN_GEN_CLI] != NULL)
            list[(*n)++] = &s->settings[i];
    }
    if (*n > 1)
        qsort(list, *n, sizeof(*list), compare);
    return list;
}

const struct gn_gen_setting **
gn_gen_by_order(const struct gn_gen_schema *s, size_t *n)
{
    return sorted(s, n, by_order);
}

const struct gn_gen_setting **
gn_gen_by_section(const struct gn_gen_schema *s, size_t *n)
{
    return sorted(s, n, by_section);
}
