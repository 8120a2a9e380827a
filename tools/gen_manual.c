#include "gen_schema.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Code in Markdown; text with a backquote gets a longer fence. */
static void
put_code(FILE *out, const char *text)
{
    bool has_quote = strchr(text, '`') != NULL;
    if (*text == '\0')
        fputs("the empty text", out);
    else
        fprintf(out, has_quote ? "`` %s ``" : "`%s`", text);
}

static void
put_row(FILE *out, const char *what, const char *text)
{
    if (text == NULL)
        return;
    fprintf(out, "- %s: ", what);
    put_code(out, text);
    fputc('\n', out);
}

static void
put_flags(const struct gn_gen_schema *s, FILE *out, const struct gn_gen_setting *t)
{
    if (t->field[GN_GEN_CLI] == NULL) {
        fputs("- Flags: none\n", out);
        return;
    }
    fputs("- Flags: `", out);
    gn_gen_put_invocation(s, out, t);
    fputs("`\n", out);
}

static void
put_since(FILE *out, const struct gn_gen_setting *t)
{
    const char *since = gn_gen_text(t, GN_GEN_SINCE);
    if (gn_gen_flag(t, GN_GEN_ADDITION))
        fputs("- An addition of this program\n", out);
    else if (since != NULL)
        fprintf(out, "- Since: %s\n", since);
}

static void
put_rule(FILE *out, const char *code, const char *message)
{
    fprintf(out, "- Reported as %s: %s\n", code, message);
}

static void
put_setting(const struct gn_gen_schema *s, FILE *out, const struct gn_gen_setting *t)
{
    char *def = gn_gen_default_text(s, t);
    fprintf(out, "\n### %s\n\n%s\n\n", gn_gen_text(t, GN_GEN_NAME), gn_gen_text(t, GN_GEN_BRIEF));
    put_flags(s, out, t);
    fputs("- Type: ", out);
    gn_gen_put_type(s, out, t);
    fputc('\n', out);
    put_row(out, "Default", def);
    put_row(out, "Environment variable", gn_gen_text(t, GN_GEN_ENV));
    fprintf(out, "- A change takes effect: %s\n", gn_gen_apply_text(t));
    put_since(out, t);
    if (t->field[GN_GEN_DEPRECATED] != NULL)
        fprintf(out, "- Deprecated: %s\n", gn_gen_text(t, GN_GEN_DEPRECATED));
    if (t->field[GN_GEN_PENDING] != NULL)
        fprintf(out, "- Limits: %s\n", gn_gen_text(t, GN_GEN_PENDING));
    gn_gen_each_rule(s, t, put_rule, out);
    if (gn_gen_flag(t, GN_GEN_SECRET))
        fputs("- May hold secrets: masked in output\n", out);
    fprintf(out, "\n%s", gn_gen_text(t, GN_GEN_DESC));
    free(def);
}

static void
put_options(const struct gn_gen_schema *s, FILE *out)
{
    fputs("\n## Options that are no settings\n\n"
          "Flags of the command line and of `GUNICORN_CMD_ARGS`. They can't be abbreviated. "
          "`-h`, `--help`, `-v`\nand `--version` belong to them.\n",
          out);
    for (size_t i = 0; i < s->n_options; i++) {
        const struct gn_gen_setting *t = &s->options[i];
        const yaml_node_t *choices = t->field[GN_GEN_CHOICES];
        fputs("\n### `", out);
        gn_gen_put_invocation(s, out, t);
        fprintf(out, "`\n\n%s\n\n", gn_gen_text(t, GN_GEN_BRIEF));
        for (size_t j = 0; j < gn_gen_len(choices); j++)
            fprintf(out, "%s`%s`%s", j == 0 ? "One of " : ", ", gn_gen_item_text(s, choices, j),
                    j + 1 == gn_gen_len(choices) ? ".\n\n" : "");
        fputs(gn_gen_text(t, GN_GEN_DESC), out);
    }
}

void
gn_gen_write_manual(const struct gn_gen_schema *s, FILE *out)
{
    size_t section = SIZE_MAX;
    fputs("# Settings\n\n"
          "All settings by section. The same texts are in `gunicorn.conf(5)`, and "
          "`gunicorn --describe SETTING`\nprints one of them. Generated from "
          "`schema/settings.yaml`.\n\n"
          "`--no-FLAG` undoes a flag that switches something on, and `--reset SETTING` gives any "
          "setting its\nbuilt-in default again.\n",
          out);
    for (size_t i = 0; i < s->n; i++) {
        const struct gn_gen_setting *t = &s->settings[i];
        if (t->section != section)
            fprintf(out, "\n## %s\n", gn_gen_text(t, GN_GEN_SECTION));
        section = t->section;
        put_setting(s, out, t);
    }
    put_options(s, out);
}
