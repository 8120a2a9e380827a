#include "gen_schema.h"

#include <string.h>

static void
write_ids(const struct gn_gen_schema *s, FILE *out)
{
    fputs("\n/* One per setting, in the order of the documentation. */\nenum gn_setting_id {\n",
          out);
    for (size_t i = 0; i < s->n; i++) {
        fputs("    GN_S_", out);
        gn_gen_c_upper(out, gn_gen_text(&s->settings[i], GN_GEN_NAME));
        fputs(",\n", out);
    }
    fputs("    GN_SETTING_COUNT,\n};\n", out);
    fputs("\n/* Options that are no settings. */\nenum gn_option_id {\n", out);
    for (size_t i = 0; i < s->n_options; i++) {
        fputs("    GN_O_", out);
        gn_gen_c_upper(out, gn_gen_item_text(s, s->options[i].field[GN_GEN_CLI], 0) + 2);
        fputs(",\n", out);
    }
    fputs("    GN_OPTION_COUNT,\n};\n", out);
}

static void
write_sections(const struct gn_gen_schema *s, FILE *out)
{
    fputs("\n/* Titles of the sections. */\n", out);
    for (size_t i = 0; i < gn_gen_len(s->sections); i++) {
        const char *title = gn_gen_item_text(s, s->sections, i);
        fputs("#define GN_SECTION_", out);
        gn_gen_c_upper(out, title);
        fputc(' ', out);
        gn_gen_c_string(out, title, 0);
        fputc('\n', out);
    }
}

static void
write_choices(const struct gn_gen_schema *s, const struct gn_gen_setting *t, FILE *out)
{
    const yaml_node_t *list = t->field[GN_GEN_CHOICES];
    const char *name = gn_gen_text(t, GN_GEN_NAME);
    if (list == NULL)
        return;
    fprintf(out, "\n/* Values of the field %s; -1 stands for None. */\nenum gn_%s {\n", name, name);
    for (size_t i = 0; i < gn_gen_len(list); i++) {
        fputs("    GN_", out);
        gn_gen_c_upper(out, name);
        fputc('_', out);
        gn_gen_c_upper(out, gn_gen_item_text(s, list, i));
        fputs(",\n", out);
    }
    fputs("};\n", out);
}

/* The highest number that counts, as GN_MAX_NAME. */
static void
write_bound(const struct gn_gen_setting *t, FILE *out)
{
    enum gn_gen_field f = t->field[GN_GEN_MAX] != NULL ? GN_GEN_MAX : GN_GEN_CAP;
    if (t->field[f] == NULL)
        return;
    fputs("\nenum { GN_MAX_", out);
    gn_gen_c_upper(out, gn_gen_text(t, GN_GEN_NAME));
    fprintf(out, " = %ld };\n", gn_gen_int(t, f));
}

static void
write_struct(const struct gn_gen_schema *s, FILE *out)
{
    fputs("\n/* The typed view of a validated configuration: one field per setting. */\n"
          "struct gn_cfg {\n",
          out);
    for (size_t i = 0; i < s->n; i++) {
        const struct gn_gen_setting *t = &s->settings[i];
        fprintf(out, "    %s%s;", t->kind->field_type, gn_gen_text(t, GN_GEN_NAME));
        if (t->field[GN_GEN_CHOICES] != NULL)
            fprintf(out, " /* enum gn_%s */", gn_gen_text(t, GN_GEN_NAME));
        fputc('\n', out);
    }
    fputs("};\n", out);
}

void
gn_gen_write_header(const struct gn_gen_schema *s, FILE *out)
{
    gn_gen_c_banner(out, s, "Ids of the settings, their choices, and struct gn_cfg.");
    fputs("#ifndef GN_CONFIG_SETTINGS_GEN_H\n"
          "#define GN_CONFIG_SETTINGS_GEN_H\n\n"
          "#include \"config/types.h\"\n",
          out);
    write_ids(s, out);
    write_sections(s, out);
    for (size_t i = 0; i < s->n; i++)
        write_choices(s, &s->settings[i], out);
    for (size_t i = 0; i < s->n; i++)
        write_bound(&s->settings[i], out);
    write_struct(s, out);
    fputs("\n#endif\n", out);
}
