#include "gen_schema.h"

#include <stdlib.h>

static void
write_invocation(const struct gn_gen_schema *s, FILE *out, const struct gn_gen_setting *t)
{
    fputs("     \"", out);
    gn_gen_put_invocation(s, out, t);
    fputs("\",\n     ", out);
    gn_gen_c_string(out, gn_gen_text(t, GN_GEN_BRIEF), 0);
    fputs(",\n", out);
}

static void
write_setting(const struct gn_gen_schema *s, FILE *out, const struct gn_gen_setting *t)
{
    char *def = gn_gen_default_text(s, t);
    fputs("    {GN_S_", out);
    gn_gen_c_upper(out, gn_gen_text(t, GN_GEN_NAME));
    fputs(",\n", out);
    write_invocation(s, out, t);
    fputs("     ", out);
    gn_gen_c_string(out, def, 0);
    fputs("},\n", out);
    free(def);
}

static void
write_options(const struct gn_gen_schema *s, FILE *out)
{
    fputs("};\n\n"
          "/* Options that are no settings. */\n"
          "static const struct {\n"
          "    const char *invocation, *brief;\n"
          "} help_options[] = {\n",
          out);
    for (size_t i = 0; i < s->n_options; i++) {
        fputs("    {\n", out);
        write_invocation(s, out, &s->options[i]);
        fputs("    },\n", out);
    }
    fputs("    {NULL, NULL},\n};\n", out);
}

static void
write_order(const struct gn_gen_schema *s, FILE *out)
{
    size_t n;
    const struct gn_gen_setting **list = gn_gen_by_order(s, &n);
    fputs("\n/* Settings with flags in the order of messages. */\n"
          "static const enum gn_setting_id option_order[] = {\n",
          out);
    for (size_t i = 0; i < n; i++) {
        fputs("    GN_S_", out);
        gn_gen_c_upper(out, gn_gen_text(list[i], GN_GEN_NAME));
        fputs(",\n", out);
    }
    fputs("};\n", out);
    free(list);
}

/* What --describe says beside the row of the table; all settings. */
static void
write_words(const struct gn_gen_schema *s, FILE *out)
{
    fputs("\n/* What --describe says beside the row of the table. */\n"
          "static const struct {\n"
          "    const char *flags, *type, *def, *when;\n"
          "} setting_words[GN_SETTING_COUNT] = {\n",
          out);
    for (size_t i = 0; i < s->n; i++) {
        const struct gn_gen_setting *t = &s->settings[i];
        char *def = gn_gen_default_text(s, t);
        fputs("    {\"", out);
        gn_gen_put_invocation(s, out, t);
        fputs("\",\n     \"", out);
        gn_gen_put_type(s, out, t);
        fputs("\",\n     ", out);
        gn_gen_c_string(out, def, 0);
        fprintf(out, ",\n     \"%s\"},\n", gn_gen_apply_text(t));
        free(def);
    }
    fputs("};\n", out);
}

void
gn_gen_write_help(const struct gn_gen_schema *s, FILE *out)
{
    size_t n;
    const struct gn_gen_setting **list = gn_gen_by_section(s, &n);
    gn_gen_c_banner(out, s,
                    "The texts of --help and --describe, included by usage.c once.\n"
                    " *\n"
                    " * Each row: flags with their value names as argparse writes them, the short "
                    "text, and the\n"
                    " * default for the brackets behind it. -h and -v are not among them.");
    fputs("static const struct {\n"
          "    enum gn_setting_id id;\n"
          "    const char *invocation; /* \"-b ADDRESS, --bind ADDRESS\" */\n"
          "    const char *brief;      /* \"The socket to bind.\" */\n"
          "    const char *def;        /* \"['127.0.0.1:8000']\", without the outer brackets */\n"
          "} help_settings[] = {\n",
          out);
    for (size_t i = 0; i < n; i++)
        write_setting(s, out, list[i]);
    free(list);
    write_options(s, out);
    write_order(s, out);
    write_words(s, out);
}
