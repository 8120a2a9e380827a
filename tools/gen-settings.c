/* gen-settings: turns schema/settings.yaml into C, documents and completions at build time.
 *
 *   gen-settings [--OUTPUT FILE]... SCHEMA
 *
 * The outputs stand in the table below. Without an output option the schema is only checked.
 * Mistakes are printed as FILE:LINE:COLUMN: error: TEXT, all of them, and nothing is written. Exit
 * status: 0 good, 1 mistakes or output that can't be written, 2 wrong usage.
 */
#include "gen_schema.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct output {
    const char *option;
    void (*write)(const struct gn_gen_schema *s, FILE *out);
    const char *path;
};

/* Writes beside the file and renames, so that make never sees half of one. */
static bool
write_output(const struct gn_gen_schema *s, const struct output *o)
{
    char *temporary = NULL;
    if (asprintf(&temporary, "%s.new", o->path) < 0)
        return false;
    FILE *out = fopen(temporary, "we");
    bool is_good = out != NULL;
    if (is_good) {
        o->write(s, out);
        bool has_failed = ferror(out) != 0;
        is_good = fclose(out) == 0 && !has_failed && rename(temporary, o->path) == 0;
    }
    if (!is_good)
        fprintf(stderr, "%s: error: %s\n", o->path, strerror(errno));
    free(temporary);
    return is_good;
}

static int
usage(const struct output *outputs, size_t n)
{
    fputs("usage: gen-settings", stderr);
    for (size_t i = 0; i < n; i++)
        fprintf(stderr, " [%s FILE]", outputs[i].option);
    fputs(" SCHEMA\n", stderr);
    return 2;
}

/* Fills the outputs' paths; returns the schema's path, or NULL after a wrong word. */
static const char *
parse_words(int argc, char **argv, struct output *outputs, size_t n)
{
    const char *schema = NULL;
    for (int i = 1; i < argc; i++) {
        size_t o = 0;
        while (o < n && strcmp(argv[i], outputs[o].option) != 0)
            o++;
        if (o < n && i + 1 < argc)
            outputs[o].path = argv[++i];
        else if (o == n && argv[i][0] != '-' && schema == NULL)
            schema = argv[i];
        else
            return NULL;
    }
    return schema;
}

int
main(int argc, char **argv)
{
    struct output outputs[] = {
        {"--header", gn_gen_write_header, NULL},
        {"--table", gn_gen_write_table, NULL},
        {"--rules", gn_gen_write_rules, NULL},
        {"--help-inc", gn_gen_write_help, NULL},
        {"--manual", gn_gen_write_manual, NULL},
        {"--man-options", gn_gen_write_man_options, NULL},
        {"--man-settings", gn_gen_write_man_settings, NULL},
        {"--json-schema", gn_gen_write_json_schema, NULL},
        {"--bash", gn_gen_write_bash, NULL},
        {"--zsh", gn_gen_write_zsh, NULL},
        {"--fish", gn_gen_write_fish, NULL},
    };
    const char *path = parse_words(argc, argv, outputs, GN_ARRAY_LEN(outputs));
    if (path == NULL)
        return usage(outputs, GN_ARRAY_LEN(outputs));

    struct gn_gen_schema s;
    if (gn_gen_read(&s, path))
        gn_gen_check(&s);
    bool is_good = gn_gen_report(&s, stderr) == 0;
    for (size_t i = 0; i < GN_ARRAY_LEN(outputs) && is_good; i++) {
        if (outputs[i].path != NULL)
            is_good = write_output(&s, &outputs[i]);
    }
    gn_gen_fini(&s);
    return is_good ? 0 : 1;
}
