#include "gen_schema.h"

#include <stdlib.h>
#include <string.h>

static const char *const action_ids[GN_GEN_ACTION_COUNT] = {
    "GN_CLI_NONE",       "GN_CLI_STORE",       "GN_CLI_APPEND",
    "GN_CLI_STORE_TRUE", "GN_CLI_STORE_FALSE", "GN_CLI_OPTIONAL",
};

static const char *
name_of(const struct gn_gen_setting *t)
{
    return gn_gen_text(t, GN_GEN_NAME);
}

static void
write_upper(FILE *out, const char *before, const char *text, const char *after)
{
    fputs(before, out);
    gn_gen_c_upper(out, text);
    fputs(after, out);
}

static void
write_text_value(FILE *out, const char *text)
{
    fputs("TEXT_VALUE(", out);
    gn_gen_c_string(out, text, 0);
    fputc(')', out);
}

/* A NULL-terminated array of strings named `PREFIX_NAME`. */
static void
write_strings(const struct gn_gen_schema *s, FILE *out, const char *prefix, const char *name,
              const yaml_node_t *list)
{
    if (list == NULL)
        return;
    fprintf(out, "static const char *const %s_%s[] = {", prefix, name);
    for (size_t i = 0; i < gn_gen_len(list); i++) {
        gn_gen_c_string(out, gn_gen_item_text(s, list, i), 0);
        fputs(", ", out);
    }
    fputs("NULL};\n", out);
}

static void
write_arity(const struct gn_gen_schema *s, FILE *out, const struct gn_gen_setting *t)
{
    const yaml_node_t *list = t->field[GN_GEN_ARITY];
    if (list == NULL)
        return;
    fprintf(out, "static const int arity_%s[] = {", name_of(t));
    for (size_t i = 0; i < gn_gen_len(list); i++)
        fprintf(out, "%s, ", gn_gen_item_text(s, list, i));
    fputs("0};\n", out);
}

static void
write_list_default(const struct gn_gen_schema *s, FILE *out, const char *name,
                   const yaml_node_t *list)
{
    size_t n = gn_gen_len(list);
    for (size_t i = 0; i < n; i++) {
        fprintf(out, "static const struct gn_value def_%s_%zu = ", name, i);
        write_text_value(out, gn_gen_item_text(s, list, i));
        fputs(";\n", out);
    }
    if (n == 0) {
        fprintf(out, "static const struct gn_value def_%s = {.tag = GN_V_LIST};\n", name);
        return;
    }
    fprintf(out, "static const struct gn_value *const def_%s_items[] = {\n", name);
    for (size_t i = 0; i < n; i++)
        fprintf(out, "    &def_%s_%zu,\n", name, i);
    fprintf(out,
            "};\nstatic const struct gn_value def_%s = {.tag = GN_V_LIST, "
            ".list = {def_%s_items, %zu}};\n",
            name, name, n);
}

static void
write_dict_default(const struct gn_gen_schema *s, FILE *out, const char *name,
                   const yaml_node_t *dict)
{
    const yaml_node_pair_t *pairs = dict->data.mapping.pairs.start;
    size_t n = (size_t)(dict->data.mapping.pairs.top - pairs);
    for (size_t i = 0; i < n; i++) {
        fprintf(out, "static const struct gn_value def_%s_k%zu = ", name, i);
        write_text_value(out, gn_gen_scalar(gn_gen_node(s, pairs[i].key)));
        fprintf(out, ";\nstatic const struct gn_value def_%s_v%zu = ", name, i);
        write_text_value(out, gn_gen_scalar(gn_gen_node(s, pairs[i].value)));
        fputs(";\n", out);
    }
    if (n == 0) {
        fprintf(out, "static const struct gn_value def_%s = {.tag = GN_V_DICT};\n", name);
        return;
    }
    fprintf(out, "static const struct gn_value_pair def_%s_pairs[] = {\n", name);
    for (size_t i = 0; i < n; i++)
        fprintf(out, "    {&def_%s_k%zu, &def_%s_v%zu},\n", name, i, name, i);
    fprintf(out,
            "};\nstatic const struct gn_value def_%s = {.tag = GN_V_DICT, "
            ".dict = {def_%s_pairs, %zu}};\n",
            name, name, n);
}

static void
write_hook_default(const struct gn_gen_schema *s, FILE *out, const struct gn_gen_setting *t)
{
    const char *qualname = gn_gen_text(t, GN_GEN_DEFAULT);
    fprintf(out,
            "static const struct gn_value_object def_%s_obj = {\n"
            "    .type_name = \"function\", .text = \"<%s()>\", .qualname = \"%s\",\n"
            "    .is_callable = true, .positional = %s};\n",
            name_of(t), qualname, qualname, gn_gen_item_text(s, t->field[GN_GEN_ARITY], 0));
    fprintf(out,
            "static const struct gn_value def_%s = {.tag = GN_V_OBJECT, .obj = &def_%s_obj};\n",
            name_of(t), name_of(t));
}

static bool
is_static_value(const struct gn_gen_setting *t)
{
    const yaml_node_t *def = t->field[GN_GEN_DEFAULT];
    return gn_gen_is_null(def) || gn_gen_is_bool(def);
}

static void
write_default(const struct gn_gen_schema *s, FILE *out, const struct gn_gen_setting *t)
{
    const yaml_node_t *def = t->field[GN_GEN_DEFAULT];
    if (t->kind->def == GN_GEN_DEF_QUALNAME) {
        write_hook_default(s, out, t);
    } else if (def->type == YAML_SEQUENCE_NODE) {
        write_list_default(s, out, name_of(t), def);
    } else if (def->type == YAML_MAPPING_NODE) {
        write_dict_default(s, out, name_of(t), def);
    } else if (!is_static_value(t)) {
        fprintf(out, "static const struct gn_value def_%s = ", name_of(t));
        if (gn_gen_is_int(def))
            fprintf(out, "{.tag = GN_V_INT, .i = %s}", gn_gen_scalar(def));
        else
            write_text_value(out, gn_gen_scalar(def));
        fputs(";\n", out);
    }
}

static void
write_default_ref(FILE *out, const struct gn_gen_setting *t)
{
    const yaml_node_t *def = t->field[GN_GEN_DEFAULT];
    fputs("        .def = &", out);
    if (gn_gen_is_null(def))
        fputs("gn_value_none", out);
    else if (gn_gen_is_bool(def))
        fprintf(out, "gn_value_%s", gn_gen_scalar(def));
    else
        fprintf(out, "def_%s", name_of(t));
    fputs(",\n", out);
}

static void
write_field_text(FILE *out, const struct gn_gen_setting *t, enum gn_gen_field f, const char *member)
{
    const char *text = gn_gen_text(t, f);
    if (text == NULL)
        return;
    fprintf(out, "        .%s = ", member);
    gn_gen_c_string(out, text, strchr(text, '\n') != NULL ? 16 : 0);
    fputs(",\n", out);
}

static void
write_field_flag(FILE *out, const struct gn_gen_setting *t, enum gn_gen_field f, const char *member)
{
    if (gn_gen_flag(t, f))
        fprintf(out, "        .%s = true,\n", member);
}

/* The flags that switch off what those of `cli` switch on. */
static void
write_off(const struct gn_gen_schema *s, FILE *out, const struct gn_gen_setting *t)
{
    const yaml_node_t *cli = t->field[GN_GEN_CLI];
    if (cli == NULL)
        return;
    fprintf(out, "static const char *const off_%s[] = {", name_of(t));
    for (size_t i = 0; i < gn_gen_len(cli); i++) {
        if (gn_gen_has_no_flag(s, t, i))
            fprintf(out, "\"--no-%s\", ", gn_gen_item_text(s, cli, i) + 2);
    }
    fputs("NULL};\n", out);
}

static void
write_option(const struct gn_gen_schema *s, FILE *out, const struct gn_gen_setting *t, size_t index)
{
    const char *type = gn_gen_text(t, GN_GEN_TYPE);
    const char *flag = gn_gen_item_text(s, t->field[GN_GEN_CLI], 0);
    write_upper(out, "    [GN_O_", flag + 2, "] = {\n");
    write_upper(out, "        .id = GN_O_", flag + 2, ",\n");
    fprintf(out, "        .flag = \"%s\",\n        .action = %s,\n", flag, action_ids[t->action]);
    write_upper(out, "        .cli_type = GN_CLI_", type != NULL ? type : "str", ",\n");
    if (t->field[GN_GEN_CHOICES] != NULL)
        fprintf(out, "        .choices = option_choices_%zu,\n", index);
    fputs("    },\n", out);
}

static void
write_options(const struct gn_gen_schema *s, FILE *out)
{
    for (size_t i = 0; i < s->n_options; i++) {
        char number[24];
        snprintf(number, sizeof(number), "%zu", i);
        write_strings(s, out, "option_choices", number, s->options[i].field[GN_GEN_CHOICES]);
    }
    fputs("\nconst struct gn_option gn_options[GN_OPTION_COUNT + 1] = {\n", out);
    for (size_t i = 0; i < s->n_options; i++)
        write_option(s, out, &s->options[i], i);
    fputs("    [GN_OPTION_COUNT] = {.flag = NULL},\n};\n", out);
}

static void
write_row(FILE *out, const struct gn_gen_setting *t)
{
    const char *name = name_of(t);
    const char *type = gn_gen_text(t, GN_GEN_TYPE);
    write_upper(out, "    [GN_S_", name, "] = {\n");
    write_upper(out, "        .id = GN_S_", name, ",\n");
    fprintf(out, "        .name = \"%s\",\n", name);
    write_upper(out, "        .section = GN_SECTION_", gn_gen_text(t, GN_GEN_SECTION), ",\n");
    if (t->field[GN_GEN_CLI] != NULL)
        fprintf(out, "        .cli = cli_%s,\n        .off = off_%s,\n", name, name);
    else
        fputs("        .cli = no_flags,\n        .off = no_flags,\n", out);
    write_field_text(out, t, GN_GEN_META, "meta");
    fprintf(out, "        .kind = %s,\n        .action = %s,\n", t->kind->id,
            action_ids[t->action]);
    write_upper(out, "        .cli_type = GN_CLI_", type != NULL ? type : "str", ",\n");
    write_default_ref(out, t);
    write_field_text(out, t, GN_GEN_ENV, "env");
    write_field_text(out, t, GN_GEN_ENV_FORMAT, "env_format");
    if (t->field[GN_GEN_CHOICES] != NULL)
        fprintf(out, "        .choices = choices_%s,\n", name);
    if (t->field[GN_GEN_MAX] != NULL)
        fprintf(out, "        .max = %ld,\n", gn_gen_int(t, GN_GEN_MAX));
    if (t->field[GN_GEN_CAP] != NULL)
        fprintf(out, "        .cap = %ld,\n", gn_gen_int(t, GN_GEN_CAP));
    write_field_flag(out, t, GN_GEN_IGNORE_CASE, "choice_ignores_case");
    if (t->field[GN_GEN_ARITY] != NULL)
        fprintf(out, "        .arity = arity_%s,\n", name);
    write_upper(out, "        .apply = GN_APPLY_", gn_gen_text(t, GN_GEN_APPLY), ",\n");
    if (t->field[GN_GEN_SINCE] == NULL)
        fputs("        .since = \"\",\n", out);
    write_field_text(out, t, GN_GEN_SINCE, "since");
    write_field_text(out, t, GN_GEN_DEPRECATED, "deprecated");
    write_field_text(out, t, GN_GEN_PENDING, "pending");
    write_field_flag(out, t, GN_GEN_PENDING_FATAL, "pending_is_fatal");
    write_field_flag(out, t, GN_GEN_SECRET, "is_secret");
    write_field_flag(out, t, GN_GEN_ADDITION, "is_addition");
    write_field_text(out, t, GN_GEN_BRIEF, "brief");
    write_field_text(out, t, GN_GEN_DESC, "desc");
    fprintf(out, "        .offset = offsetof(struct gn_cfg, %s),\n    },\n", name);
}

static int
by_name(const void *a, const void *b)
{
    const struct gn_gen_setting *const *x = a, *const *y = b;
    return strcmp(name_of(*x), name_of(*y));
}

/* Writes the ids by name; returns the length of the longest name. */
static size_t
write_by_name(const struct gn_gen_schema *s, FILE *out)
{
    const struct gn_gen_setting **sorted = gn_gen_alloc(NULL, s->n, sizeof(*sorted));
    size_t width = 0;
    for (size_t i = 0; i < s->n; i++)
        sorted[i] = &s->settings[i];
    qsort(sorted, s->n, sizeof(*sorted), by_name);
    fputs("\nconst enum gn_setting_id gn_settings_by_name[GN_SETTING_COUNT] = {\n", out);
    for (size_t i = 0; i < s->n; i++) {
        size_t length = strlen(name_of(sorted[i]));
        width = length > width ? length : width;
        write_upper(out, "    GN_S_", name_of(sorted[i]), ",\n");
    }
    fputs("};\n", out);
    free(sorted);
    return width;
}

void
gn_gen_write_table(const struct gn_gen_schema *s, FILE *out)
{
    gn_gen_c_banner(out, s, "Rows of the settings table, included by setting.c once.");
    fputs("\n#define TEXT_VALUE(lit) {.tag = GN_V_STR, .str = {(lit), sizeof(lit) - 1}}\n"
          "\nstatic const char *const no_flags[] = {NULL};\n\n",
          out);
    for (size_t i = 0; i < s->n; i++) {
        const struct gn_gen_setting *t = &s->settings[i];
        write_strings(s, out, "cli", name_of(t), t->field[GN_GEN_CLI]);
        write_off(s, out, t);
        write_strings(s, out, "choices", name_of(t), t->field[GN_GEN_CHOICES]);
        write_arity(s, out, t);
        write_default(s, out, t);
    }
    fputs("\nconst struct gn_setting gn_settings[GN_SETTING_COUNT] = {\n", out);
    for (size_t i = 0; i < s->n; i++)
        write_row(out, &s->settings[i]);
    fputs("};\n", out);
    write_options(s, out);
    size_t width = write_by_name(s, out);
    fputs("\nconst char *const gn_setting_sections[] = {\n", out);
    for (size_t i = 0; i < gn_gen_len(s->sections); i++)
        write_upper(out, "    GN_SECTION_", gn_gen_item_text(s, s->sections, i), ",\n");
    fprintf(out, "    NULL,\n};\n\nconst size_t gn_setting_name_width = %zu;\n", width);
    fprintf(out,
            "\n#undef TEXT_VALUE\n\n_Static_assert(GN_SETTING_COUNT == %zu, "
            "\"settings_gen.h is of another schema\");\n",
            s->n);
}
