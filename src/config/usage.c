#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "config/compile.h"
#include "config/internal.h"

#include "config/settings_help.inc"

/* What the package file calls itself; builds outside of automake have none. */
#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "dev"
#endif

enum { TEXT_COLUMN = 24, LEAST_TEXT_COLUMNS = 11 };

const struct gn_setting *
gn_usage_option(size_t i)
{
    return i < GN_ARRAY_LEN(option_order) ? &gn_settings[option_order[i]] : NULL;
}

void
gn_usage_line(const char *prog, FILE *out)
{
    fprintf(out, "usage: %s [OPTIONS] [APP_MODULE]\n", prog);
}

void
gn_usage_version(const char *prog, FILE *out)
{
    fprintf(out, "%s (version %s) gunicorn-c %s\n", prog, GN_COMPAT_VERSION, PACKAGE_VERSION);
}

/* The words of `text` in lines of at most `width` columns, all but the first indented. `used`
 * columns are taken on the first line. */
static void
print_wrapped(struct gn_slice text, size_t width, size_t *used, FILE *out)
{
    while (text.p != NULL) {
        struct gn_slice word = gn_slice_cut(&text, ' ');

        if (word.n == 0)
            continue;
        if (*used > 0 && *used + 1 + word.n > width) {
            fprintf(out, "\n%*s", TEXT_COLUMN, "");
            *used = 0;
        }
        fprintf(out, "%s%.*s", *used > 0 ? " " : "", GN_SLICE_ARG(word));
        *used += word.n + (*used > 0 ? 1 : 0);
    }
}

static void
print_option(const char *invocation, const char *brief, const char *def, size_t width, FILE *out)
{
    size_t used = 0;

    /* A flag that leaves no room for two blanks has a line of its own. */
    if (strlen(invocation) > TEXT_COLUMN - 4)
        fprintf(out, "  %s\n%*s", invocation, TEXT_COLUMN, "");
    else
        fprintf(out, "  %-*s", TEXT_COLUMN - 2, invocation);
    print_wrapped(gn_slice_str(brief), width, &used, out);
    if (def != NULL) {
        char text[512];

        snprintf(text, sizeof(text), "[%s]", def);
        print_wrapped(gn_slice_str(text), width, &used, out);
    }
    fputc('\n', out);
}

void
gn_usage_help(const char *prog, int columns, FILE *out)
{
    int room = columns - 2 - TEXT_COLUMN;
    size_t width = room > LEAST_TEXT_COLUMNS ? (size_t)room : LEAST_TEXT_COLUMNS;

    gn_usage_line(prog, out);
    fputs("\noptions:\n", out);
    print_option("-h, --help", "show this help message and exit", NULL, width, out);
    print_option("-v, --version", "show program's version number and exit", NULL, width, out);
    for (size_t i = 0; help_options[i].invocation != NULL; i++)
        print_option(help_options[i].invocation, help_options[i].brief, NULL, width, out);
    for (size_t i = 0; i < GN_ARRAY_LEN(help_settings); i++) {
        const char *section = gn_settings[help_settings[i].id].section;

        if (i == 0 || strcmp(section, gn_settings[help_settings[i - 1].id].section) != 0)
            fprintf(out, "\n%s:\n", section);
        print_option(help_settings[i].invocation, help_settings[i].brief, help_settings[i].def,
                     width, out);
    }
}

static void
print_fact(const char *what, const char *text, FILE *out)
{
    if (text != NULL && text[0] != '\0')
        fprintf(out, "%-14s%s\n", what, text);
}

void
gn_usage_describe(const struct gn_setting *s, FILE *out)
{
    const char *def = setting_words[s->id].def;

    fprintf(out, "%s: %s\n\n", s->name, s->brief);
    print_fact("Section:", s->section, out);
    print_fact("Flags:", s->cli[0] != NULL ? setting_words[s->id].flags : "none", out);
    print_fact("Type:", setting_words[s->id].type, out);
    print_fact("Default:", def[0] != '\0' ? def : "the empty text", out);
    print_fact("Environment:", s->env, out);
    print_fact("Takes effect:", setting_words[s->id].when, out);
    print_fact("Since:", s->is_addition ? "an addition of this program" : s->since, out);
    print_fact("Deprecated:", s->deprecated, out);
    print_fact("Limits:", s->pending, out);
    print_fact("Secret:", s->is_secret ? "masked in output" : NULL, out);
    fprintf(out, "\n%s", s->desc);
}
