#include "gen_schema.h"

#include <stdlib.h>
#include <string.h>

enum { LINE_COLUMNS = 78, WORD_BYTES = 512 };

/* Running text: words are collected and written in lines, a new one after each sentence, as mdoc
 * wants it. */
struct filler {
    FILE *out;
    size_t column;
    char word[WORD_BYTES];
    size_t n;
    bool in_code;
    bool ends_line; /* the last word ended a sentence */
};

static void
put_octets(struct filler *f, const char *text)
{
    size_t n = strlen(text);
    if (f->n + n >= sizeof(f->word)) {
        fputs("gen-settings: a word is too long for a manual page\n", stderr);
        exit(1);
    }
    memcpy(f->word + f->n, text, n + 1);
    f->n += n;
}

static void
put_char(struct filler *f, char c)
{
    char one[2] = {c, '\0'};
    if (c == '\\')
        put_octets(f, "\\e");
    else if (c == '`')
        put_octets(f, f->in_code ? "\\fR" : "\\fB");
    else if (c == '-' && f->in_code)
        put_octets(f, "\\-");
    else if (c == '"' || c == '^' || c == '~')
        put_octets(f, c == '"' ? "\\(dq" : c == '^' ? "\\(ha" : "\\(ti");
    else if (c == ')' && f->n > 0 && f->word[f->n - 1] == '(')
        put_octets(f, "\\&)"); /* a function's name is not searched for in other manuals */
    else if (f->n == 0 && (c == '.' || c == '\''))
        put_octets(f, c == '.' ? "\\&." : "\\&'");
    else
        put_octets(f, one);
    if (c == '`')
        f->in_code = !f->in_code;
}

static void
end_line(struct filler *f)
{
    if (f->column > 0)
        fputc('\n', f->out);
    f->column = 0;
}

static bool
ends_sentence(const struct filler *f)
{
    size_t n = f->n;
    while (n > 0 && strchr(")\"'", f->word[n - 1]) != NULL)
        n--;
    return n > 0 && !f->in_code && strchr(".!?", f->word[n - 1]) != NULL;
}

static void
end_word(struct filler *f)
{
    if (f->n == 0)
        return;
    if (f->ends_line || f->column + 1 + f->n > LINE_COLUMNS)
        end_line(f);
    fprintf(f->out, "%s%s", f->column > 0 ? " " : "", f->word);
    f->column += f->n + (f->column > 0);
    f->ends_line = ends_sentence(f);
    f->n = 0;
}

/* `n` octets of one line; the last word stays open. */
static void
put_text(struct filler *f, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (text[i] == ' ')
            end_word(f);
        else
            put_char(f, text[i]);
    }
}

static void
put_words(struct filler *f, const char *text, size_t n)
{
    put_text(f, text, n);
    end_word(f);
}

static void
put_macro(struct filler *f, const char *macro)
{
    end_line(f);
    f->ends_line = false;
    fprintf(f->out, "%s\n", macro);
}

/* "| `h` | address |": the first cell is what the second explains. Titles are left out. */
static void
put_table_row(struct filler *f, const char *line, size_t n)
{
    const char *middle = memchr(line + 1, '|', n - 1);
    const char *end = line + n - 1;
    if (middle == NULL || line[1] == '-' || strncmp(line + n, "\n|-", 3) == 0)
        return;
    put_macro(f, ".It");
    for (line++; *line == ' '; line++)
        continue;
    size_t cell = (size_t)(middle - line);
    while (cell > 0 && line[cell - 1] == ' ')
        cell--;
    put_text(f, line, cell);
    put_words(f, ":", 1);
    put_words(f, middle + 1, (size_t)(end - middle) - 1);
}

enum block { BLOCK_TEXT, BLOCK_ITEMS, BLOCK_TABLE };

static enum block
block_of(const char *line, enum block before)
{
    if (strncmp(line, "- ", 2) == 0 || (before == BLOCK_ITEMS && strncmp(line, "  ", 2) == 0))
        return BLOCK_ITEMS;
    return *line == '|' ? BLOCK_TABLE : BLOCK_TEXT;
}

static void
change_block(struct filler *f, enum block *now, enum block next)
{
    if (*now == next)
        return;
    if (*now != BLOCK_TEXT)
        put_macro(f, ".El");
    if (next != BLOCK_TEXT)
        put_macro(f, ".Bl -bullet -compact");
    *now = next;
}

static void
put_line(struct filler *f, enum block block, const char *line, size_t n)
{
    if (block == BLOCK_TABLE) {
        put_table_row(f, line, n);
        return;
    }
    if (block == BLOCK_ITEMS && line[0] == '-') {
        put_macro(f, ".It");
        line += 2;
        n -= 2;
    }
    put_words(f, line, n);
}

void
gn_gen_mdoc_text(FILE *out, const char *text)
{
    struct filler f = {.out = out};
    enum block now = BLOCK_TEXT;
    bool has_gap = false;
    for (; *text != '\0'; text += strcspn(text, "\n") + (text[strcspn(text, "\n")] == '\n')) {
        size_t n = strcspn(text, "\n");
        enum block next = block_of(text, now);
        if (n == 0) {
            has_gap = true;
            continue;
        }
        if (has_gap && next == BLOCK_TEXT && now == BLOCK_TEXT)
            put_macro(&f, ".Pp");
        has_gap = false;
        if (now != BLOCK_TEXT && next == BLOCK_TEXT) {
            change_block(&f, &now, next);
            put_macro(&f, ".Pp");
        }
        change_block(&f, &now, next);
        put_line(&f, now, text, n);
    }
    change_block(&f, &now, BLOCK_TEXT);
    end_line(&f);
}

static void
put_marked(FILE *out, const char *before, const char *text)
{
    char *line = NULL;
    if (text == NULL)
        return;
    if (asprintf(&line, "%s%s.\n", before, text) < 0)
        exit(1);
    gn_gen_mdoc_text(out, line);
    free(line);
}

/* "Fl b Ar ADDRESS , Fl -bind Ar ADDRESS": flags lose their first dash. */
static void
put_flag(FILE *out, const struct gn_gen_setting *t, const char *flag, bool is_first)
{
    fprintf(out, "%sFl %s", is_first ? "" : " , ", flag + 1);
    if (gn_gen_is_switch(t))
        return;
    bool is_optional = t->action == GN_GEN_OPTIONAL && t->kind != NULL;
    fputs(is_optional                    ? " Ns Oo = Ns Ar "
          : t->action == GN_GEN_OPTIONAL ? " Ns = Ns Ar "
                                         : " Ar ",
          out);
    gn_gen_put_meta(out, t);
    fputs(is_optional ? " Oc" : "", out);
}

static void
put_flags(const struct gn_gen_schema *s, FILE *out, const struct gn_gen_setting *t)
{
    const yaml_node_t *cli = t->field[GN_GEN_CLI];
    for (size_t i = 0; i < gn_gen_len(cli); i++)
        put_flag(out, t, gn_gen_item_text(s, cli, i), i == 0);
    for (size_t i = 0; i < gn_gen_len(cli); i++) {
        if (gn_gen_has_no_flag(s, t, i))
            fprintf(out, " , Fl -no-%s", gn_gen_item_text(s, cli, i) + 2);
    }
}

/* The default in bold, but for one that is nothing or several words of ours. */
static void
put_default(const struct gn_gen_schema *s, FILE *out, const struct gn_gen_setting *t)
{
    char *def = gn_gen_default_text(s, t);
    char *text = NULL;
    bool is_plain = t->kind->def == GN_GEN_DEF_DYNAMIC || *def == '\0';
    if (asprintf(&text, is_plain ? "%s" : "`%s`", *def == '\0' ? "the empty text" : def) < 0)
        exit(1);
    put_marked(out, "Default: ", text);
    free(text);
    free(def);
}

void
gn_gen_write_man_options(const struct gn_gen_schema *s, FILE *out)
{
    size_t n;
    const struct gn_gen_setting **list = gn_gen_by_section(s, &n);
    fputs(".Bl -tag -width Ds\n"
          ".It Fl h , Fl -help\nPrint all options and exit.\n"
          ".It Fl v , Fl -version\nPrint the version and exit.\n",
          out);
    for (size_t i = 0; i < s->n_options; i++) {
        fputs(".It ", out);
        put_flags(s, out, &s->options[i]);
        fputc('\n', out);
        gn_gen_mdoc_text(out, gn_gen_text(&s->options[i], GN_GEN_BRIEF));
        gn_gen_mdoc_text(out, gn_gen_text(&s->options[i], GN_GEN_DESC));
    }
    fputs(".El\n", out);
    for (size_t i = 0; i < n; i++) {
        bool is_first = i == 0 || list[i - 1]->section != list[i]->section;
        if (is_first)
            fprintf(out, "%s.Ss %s\n.Bl -tag -width Ds\n", i > 0 ? ".El\n" : "",
                    gn_gen_text(list[i], GN_GEN_SECTION));
        fputs(".It ", out);
        put_flags(s, out, list[i]);
        fputc('\n', out);
        gn_gen_mdoc_text(out, gn_gen_text(list[i], GN_GEN_BRIEF));
        fprintf(out, "Setting:\n.Cm %s .\n", gn_gen_text(list[i], GN_GEN_NAME));
        put_default(s, out, list[i]);
    }
    fputs(".El\n", out);
    free(list);
}

static void
put_rule(FILE *out, const char *code, const char *message)
{
    char *sentence = NULL;
    if (asprintf(&sentence, "Reported as %s: %s.", code, message) < 0) {
        fputs("gen-settings: no memory\n", stderr);
        exit(1);
    }
    gn_gen_mdoc_text(out, sentence);
    free(sentence);
}

static void
put_setting(const struct gn_gen_schema *s, FILE *out, const struct gn_gen_setting *t)
{
    fprintf(out, ".It Cm %s\n", gn_gen_text(t, GN_GEN_NAME));
    gn_gen_mdoc_text(out, gn_gen_text(t, GN_GEN_BRIEF));
    gn_gen_mdoc_text(out, gn_gen_text(t, GN_GEN_DESC));
    fputs(".Pp\nType:\n", out);
    gn_gen_put_type(s, out, t);
    fputs(".\n", out);
    put_default(s, out, t);
    if (t->field[GN_GEN_ENV] != NULL)
        fprintf(out, "Environment variable:\n.Ev %s .\n", gn_gen_text(t, GN_GEN_ENV));
    if (t->field[GN_GEN_CLI] != NULL) {
        fputs("Flags:\n.", out);
        put_flags(s, out, t);
        fputs(" .\n", out);
    }
    put_marked(out, "A change takes effect ", gn_gen_apply_text(t));
    if (gn_gen_flag(t, GN_GEN_ADDITION))
        fputs("An addition of this program.\n", out);
    else
        put_marked(out, "Since ", gn_gen_text(t, GN_GEN_SINCE));
    put_marked(out, "Deprecated: ", gn_gen_text(t, GN_GEN_DEPRECATED));
    put_marked(out, "Limits: ", gn_gen_text(t, GN_GEN_PENDING));
    gn_gen_each_rule(s, t, put_rule, out);
}

void
gn_gen_write_man_settings(const struct gn_gen_schema *s, FILE *out)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct gn_gen_setting *t = &s->settings[i];
        if (i == 0 || t->section != s->settings[i - 1].section)
            fprintf(out, "%s.Ss %s\n.Bl -tag -width Ds\n", i > 0 ? ".El\n" : "",
                    gn_gen_text(t, GN_GEN_SECTION));
        put_setting(s, out, t);
    }
    fputs(".El\n", out);
}
