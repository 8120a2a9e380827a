#include "gen_schema.h"

#include <stdlib.h>
#include <string.h>

static int
by_order(const void *a, const void *b)
{
    const struct gn_gen_setting *const *x = a, *const *y = b;
    long m = gn_gen_int(*x, GN_GEN_ORDER), n = gn_gen_int(*y, GN_GEN_ORDER);
    return (m > n) - (m < n);
}

static void
write_meta(FILE *out, const struct gn_gen_setting *t)
{
    const char *meta = gn_gen_text(t, GN_GEN_META);
    const char *before = t->action == GN_GEN_OPTIONAL ? "[=" : " ";
    if (t->action == GN_GEN_STORE_TRUE || t->action == GN_GEN_STORE_FALSE)
        return;
    fputs(before, out);
    if (meta != NULL)
        fputs(meta, out);
    else
        gn_gen_c_upper(out, gn_gen_text(t, GN_GEN_NAME));
    if (t->action == GN_GEN_OPTIONAL)
        fputc(']', out);
}

/* "-b ADDRESS, --bind ADDRESS" */
static void
write_invocation(const struct gn_gen_schema *s, FILE *out, const struct gn_gen_setting *t)
{
    const yaml_node_t *cli = t->field[GN_GEN_CLI];
    fputc('"', out);
    for (size_t i = 0; i < gn_gen_len(cli); i++) {
        fprintf(out, "%s%s", i > 0 ? ", " : "", gn_gen_item_text(s, cli, i));
        write_meta(out, t);
    }
    fputc('"', out);
}

/* The default as Python's str() shows it. Lists of the schema hold plain words, so that their
 * items need no escapes. */
static char *
default_text(const struct gn_gen_schema *s, const struct gn_gen_setting *t)
{
    static const struct {
        const char *dynamic, *text;
    } texts[] = {
        {"cwd", "current directory"}, {"euid", "effective user"}, {"egid", "effective group"}};

    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) {
        fputs("gen-settings: no memory\n", stderr);
        exit(1);
    }
    const yaml_node_t *def = t->field[GN_GEN_DEFAULT];
    const char *dynamic = gn_gen_text(t, GN_GEN_DYNAMIC);
    if (dynamic != NULL) {
        for (size_t i = 0; i < GN_ARRAY_LEN(texts); i++) {
            if (strcmp(texts[i].dynamic, dynamic) == 0)
                fputs(texts[i].text, out);
        }
    } else if (def->type == YAML_SEQUENCE_NODE) {
        fputc('[', out);
        for (size_t i = 0; i < gn_gen_len(def); i++)
            fprintf(out, "%s'%s'", i > 0 ? ", " : "", gn_gen_item_text(s, def, i));
        fputc(']', out);
    } else if (gn_gen_is_null(def)) {
        fputs("None", out);
    } else if (gn_gen_is_bool(def)) {
        fputs(gn_gen_flag(t, GN_GEN_DEFAULT) ? "True" : "False", out);
    } else {
        fputs(gn_gen_scalar(def), out);
    }
    fclose(out);
    return text;
}

static void
write_option(const struct gn_gen_schema *s, FILE *out, const struct gn_gen_setting *t)
{
    char *def = default_text(s, t);
    fputs("    {GN_S_", out);
    gn_gen_c_upper(out, gn_gen_text(t, GN_GEN_NAME));
    fputs(",\n     ", out);
    write_invocation(s, out, t);
    fputs(",\n     ", out);
    gn_gen_c_string(out, gn_gen_text(t, GN_GEN_BRIEF), 0);
    fputs(",\n     ", out);
    gn_gen_c_string(out, def, 0);
    fputs("},\n", out);
    free(def);
}

void
gn_gen_write_help(const struct gn_gen_schema *s, FILE *out)
{
    const struct gn_gen_setting **sorted = gn_gen_alloc(NULL, s->n, sizeof(*sorted));
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (s->settings[i].field[GN_GEN_CLI] != NULL)
            sorted[n++] = &s->settings[i];
    }
    if (n > 1)
        qsort(sorted, n, sizeof(*sorted), by_order);
    gn_gen_c_banner(out, s,
                    "Options of --help in the order of the text, included by usage.c once.\n"
                    " *\n"
                    " * Each row: flags with their value names as argparse writes them, the short "
                    "text, and the\n"
                    " * default for the brackets behind it. -h and -v are not among them.");
    fputs("static const struct {\n"
          "    enum gn_setting_id id;\n"
          "    const char *invocation; /* \"-b ADDRESS, --bind ADDRESS\" */\n"
          "    const char *brief;      /* \"The socket to bind.\" */\n"
          "    const char *def;        /* \"['127.0.0.1:8000']\", without the outer brackets */\n"
          "} help_options[] = {\n",
          out);
    for (size_t i = 0; i < n; i++)
        write_option(s, out, sorted[i]);
    fputs("};\n", out);
    free(sorted);
}
