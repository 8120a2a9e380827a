#include "gen_schema.h"

#include <stdlib.h>
#include <string.h>

/* What a shell offers as the value of a flag. */
enum offer { OFFER_NOTHING, OFFER_FILES, OFFER_FOLDERS, OFFER_SETTINGS, OFFER_CHOICES };

static enum offer
offer_of(const struct gn_gen_setting *t)
{
    const char *meta = gn_gen_text(t, GN_GEN_META);
    const char *kind = t->kind != NULL ? t->kind->name : "";
    const char *name = t->kind != NULL ? gn_gen_text(t, GN_GEN_NAME) : "";
    if (t->field[GN_GEN_CHOICES] != NULL)
        return OFFER_CHOICES;
    if (meta != NULL && strcmp(meta, "SETTING") == 0)
        return OFFER_SETTINGS;
    if (strcmp(kind, "directory") == 0 || (meta != NULL && strcmp(meta, "DIR") == 0))
        return OFFER_FOLDERS;
    if ((meta != NULL && (strcmp(meta, "FILE") == 0 || strcmp(meta, "FILES") == 0)) ||
        strcmp(name, "config") == 0 || strcmp(name, "paste") == 0)
        return OFFER_FILES;
    return OFFER_NOTHING;
}

static const char *
flag_of(const struct gn_gen_schema *s, const struct gn_gen_setting *t, size_t i)
{
    return gn_gen_item_text(s, t->field[GN_GEN_CLI], i);
}

static void
put_choices(const struct gn_gen_schema *s, FILE *out, const struct gn_gen_setting *t)
{
    const yaml_node_t *list = t->field[GN_GEN_CHOICES];
    for (size_t i = 0; i < gn_gen_len(list); i++)
        fprintf(out, "%s%s", i > 0 ? " " : "", gn_gen_item_text(s, list, i));
}

static void
put_names(const struct gn_gen_schema *s, FILE *out)
{
    for (size_t i = 0; i < s->n; i++)
        fprintf(out, "%s%s", i > 0 ? " " : "", gn_gen_text(&s->settings[i], GN_GEN_NAME));
}

static void
put_banner(FILE *out, const char *shell)
{
    fprintf(out, "# Completion of gunicorn for %s. Generated from schema/settings.yaml.\n", shell);
}

/* bash */

static void
put_bash_words(const struct gn_gen_schema *s, FILE *out, const struct gn_gen_setting *t)
{
    for (size_t i = 0; i < gn_gen_len(t->field[GN_GEN_CLI]); i++) {
        if (t->action != GN_GEN_OPTIONAL || t->kind != NULL)
            fprintf(out, "        %s\n", flag_of(s, t, i));
        if (t->action == GN_GEN_OPTIONAL)
            fprintf(out, "        %s=\n", flag_of(s, t, i));
        if (gn_gen_has_no_flag(s, t, i))
            fprintf(out, "        --no-%s\n", flag_of(s, t, i) + 2);
    }
}

static void
put_bash_case(const struct gn_gen_schema *s, FILE *out, const struct gn_gen_setting *t)
{
    enum offer offer = offer_of(t);
    if (gn_gen_is_switch(t) || t->field[GN_GEN_CLI] == NULL)
        return;
    fputs("    ", out);
    for (size_t i = 0; i < gn_gen_len(t->field[GN_GEN_CLI]); i++)
        fprintf(out, "%s%s", i > 0 ? " | " : "", flag_of(s, t, i));
    fputs(")\n", out);
    if (offer == OFFER_CHOICES) {
        fputs("        mapfile -t COMPREPLY < <(compgen -W '", out);
        put_choices(s, out, t);
        fputs("' -- \"$cur\")\n", out);
    } else if (offer == OFFER_SETTINGS) {
        fputs("        mapfile -t COMPREPLY < <(compgen -W \"$settings\" -- \"$cur\")\n", out);
    } else if (offer == OFFER_FILES || offer == OFFER_FOLDERS) {
        fprintf(out,
                "        compopt -o filenames 2>/dev/null\n"
                "        mapfile -t COMPREPLY < <(compgen -%c -- \"$cur\")\n",
                offer == OFFER_FILES ? 'f' : 'd');
    }
    fputs(t->action == GN_GEN_OPTIONAL ? "        [ \"$glued\" = yes ] && return 0\n"
                                         "        COMPREPLY=()\n"
                                         "        ;;\n"
                                       : "        return 0\n        ;;\n",
          out);
}

static const char bash_start[] =
    "_gunicorn()\n"
    "{\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} flag=${COMP_WORDS[COMP_CWORD - 1]} glued=no\n"
    "\n"
    "    # \"--flag=value\" is three words here, unless COMP_WORDBREAKS has no equals sign.\n"
    "    if [[ $cur == = ]]; then\n"
    "        cur='' glued=yes\n"
    "    elif [[ $flag == = && $COMP_CWORD -gt 2 ]]; then\n"
    "        flag=${COMP_WORDS[COMP_CWORD - 2]} glued=yes\n"
    "    elif [[ $cur == --*=* ]]; then\n"
    "        return 0\n"
    "    fi\n"
    "    COMPREPLY=()\n";

static const char bash_end[] =
    "    if [[ $cur == -* ]]; then\n"
    "        mapfile -t COMPREPLY < <(compgen -W \"${flags[*]}\" -- \"$cur\")\n"
    "        [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace "
    "2>/dev/null\n"
    "    elif [[ \" ${COMP_WORDS[*]} \" == *' --print-config = '* ||\n"
    "        \" ${COMP_WORDS[*]} \" == *' --print-config='* ]]; then\n"
    "        mapfile -t COMPREPLY < <(compgen -W \"$settings\" -- \"$cur\")\n"
    "    fi\n"
    "    return 0\n"
    "}\n"
    "complete -F _gunicorn gunicorn\n";

void
gn_gen_write_bash(const struct gn_gen_schema *s, FILE *out)
{
    size_t n;
    const struct gn_gen_setting **list = gn_gen_by_order(s, &n);
    put_banner(out, "bash");
    fputs("# shellcheck shell=bash\n", out);
    fputs(bash_start, out);
    fputs("    local settings='", out);
    put_names(s, out);
    fputs("'\n    local flags=(\n        -h\n        --help\n        -v\n        --version\n", out);
    for (size_t i = 0; i < n; i++)
        put_bash_words(s, out, list[i]);
    for (size_t i = 0; i < s->n_options; i++)
        put_bash_words(s, out, &s->options[i]);
    fputs("    )\n    case $flag in\n", out);
    for (size_t i = 0; i < n; i++)
        put_bash_case(s, out, list[i]);
    for (size_t i = 0; i < s->n_options; i++)
        put_bash_case(s, out, &s->options[i]);
    fputs("    esac\n", out);
    fputs(bash_end, out);
    free(list);
}

/* zsh */

/* Text inside of single quotes and of an _arguments specification. */
static void
put_zsh_text(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            fputs("'\\''", out);
        else if (strchr("[]:\\", *text) != NULL)
            fprintf(out, "\\%c", *text);
        else
            fputc(*text, out);
    }
}

static void
put_zsh_value(const struct gn_gen_schema *s, FILE *out, const struct gn_gen_setting *t)
{
    fputs(t->action == GN_GEN_OPTIONAL ? "::" : ":", out);
    gn_gen_put_meta(out, t);
    fputc(':', out);
    switch (offer_of(t)) {
    case OFFER_FILES:
        fputs("_files", out);
        break;
    case OFFER_FOLDERS:
        fputs("_files -/", out);
        break;
    case OFFER_SETTINGS:
        fputs("($settings)", out);
        break;
    case OFFER_CHOICES:
        fputc('(', out);
        put_choices(s, out, t);
        fputc(')', out);
        break;
    case OFFER_NOTHING:
        break;
    }
}

static void
put_zsh_flag(const struct gn_gen_schema *s, FILE *out, const struct gn_gen_setting *t,
             const char *flag)
{
    bool is_long = flag[1] == '-';
    char quote = offer_of(t) == OFFER_SETTINGS ? '"' : '\'';
    fprintf(out, "        %c", quote);
    fprintf(out, "%s%s%s[", t->action == GN_GEN_APPEND ? "*" : "", flag,
            gn_gen_is_switch(t)            ? ""
            : t->action == GN_GEN_OPTIONAL ? "=-"
            : is_long                      ? "="
                                           : "+");
    put_zsh_text(out, gn_gen_text(t, GN_GEN_BRIEF));
    fputc(']', out);
    if (!gn_gen_is_switch(t))
        put_zsh_value(s, out, t);
    fprintf(out, "%c\n", quote);
}

/* A switch that an option extends is described by the option, as one specification per flag is
 * allowed. */
static bool
is_extended(const struct gn_gen_schema *s, const struct gn_gen_setting *t, const char *flag)
{
    bool is_found = false;
    for (size_t i = 0; i < s->n_options; i++)
        is_found = is_found || strcmp(flag_of(s, &s->options[i], 0), flag) == 0;
    return is_found && t->kind != NULL;
}

static void
put_zsh_flags(const struct gn_gen_schema *s, FILE *out, const struct gn_gen_setting *t)
{
    for (size_t i = 0; i < gn_gen_len(t->field[GN_GEN_CLI]); i++) {
        if (!is_extended(s, t, flag_of(s, t, i)))
            put_zsh_flag(s, out, t, flag_of(s, t, i));
        if (gn_gen_has_no_flag(s, t, i))
            fprintf(out, "        '--no-%s[Undo %s.]'\n", flag_of(s, t, i) + 2, flag_of(s, t, i));
    }
}

void
gn_gen_write_zsh(const struct gn_gen_schema *s, FILE *out)
{
    fputs("#compdef gunicorn\n", out);
    put_banner(out, "zsh");
    fputs("_gunicorn()\n{\n    local -a args\n    local settings='", out);
    put_names(s, out);
    fputs("'\n    args=(\n"
          "        '(- *)'{-h,--help}'[Print all options and exit.]'\n"
          "        '(- *)'{-v,--version}'[Print the version and exit.]'\n",
          out);
    for (size_t i = 0; i < s->n; i++)
        put_zsh_flags(s, out, &s->settings[i]);
    for (size_t i = 0; i < s->n_options; i++)
        put_zsh_flags(s, out, &s->options[i]);
    fputs("        '*:application or name of a setting:'\n"
          "    )\n    _arguments $args\n}\n_gunicorn \"$@\"\n",
          out);
}

/* fish */

static void
put_fish_flag(FILE *out, const char *flag)
{
    if (flag[1] == '-')
        fprintf(out, " -l %s", flag + 2);
    else
        fprintf(out, " -s %s", flag + 1);
}

static void
put_fish_text(FILE *out, const char *text)
{
    fputs(" -d '", out);
    for (; *text != '\0'; text++)
        fprintf(out, *text == '\'' || *text == '\\' ? "\\%c" : "%c", *text);
    fputs("'\n", out);
}

static void
put_fish_value(const struct gn_gen_schema *s, FILE *out, const struct gn_gen_setting *t)
{
    if (t->action == GN_GEN_OPTIONAL)
        fputs(" -f", out);
    else if (!gn_gen_is_switch(t))
        fputs(offer_of(t) == OFFER_FILES ? " -rF" : " -x", out);
    switch (offer_of(t)) {
    case OFFER_FOLDERS:
        fputs(" -a '(__fish_complete_directories)'", out);
        break;
    case OFFER_SETTINGS:
        fputs(" -a \"$__gunicorn_settings\"", out);
        break;
    case OFFER_CHOICES:
        fputs(" -a '", out);
        put_choices(s, out, t);
        fputc('\'', out);
        break;
    case OFFER_FILES:
    case OFFER_NOTHING:
        break;
    }
}

static void
put_fish(const struct gn_gen_schema *s, FILE *out, const struct gn_gen_setting *t)
{
    const yaml_node_t *cli = t->field[GN_GEN_CLI];
    if (cli == NULL)
        return;
    fputs("complete -c gunicorn", out);
    for (size_t i = 0; i < gn_gen_len(cli); i++)
        put_fish_flag(out, gn_gen_item_text(s, cli, i));
    put_fish_value(s, out, t);
    put_fish_text(out, gn_gen_text(t, GN_GEN_BRIEF));
    for (size_t i = 0; i < gn_gen_len(cli); i++) {
        if (gn_gen_has_no_flag(s, t, i))
            fprintf(out, "complete -c gunicorn -l no-%s -d 'Undo %s.'\n", flag_of(s, t, i) + 2,
                    flag_of(s, t, i));
    }
}

void
gn_gen_write_fish(const struct gn_gen_schema *s, FILE *out)
{
    put_banner(out, "fish");
    fputs("set -g __gunicorn_settings '", out);
    put_names(s, out);
    fputs("'\ncomplete -c gunicorn -s h -l help -d 'Print all options and exit.'\n"
          "complete -c gunicorn -s v -l version -d 'Print the version and exit.'\n",
          out);
    for (size_t i = 0; i < s->n; i++)
        put_fish(s, out, &s->settings[i]);
    for (size_t i = 0; i < s->n_options; i++)
        put_fish(s, out, &s->options[i]);
}
