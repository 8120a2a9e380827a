#include "config/diag.h"

#include <string.h>

#include "config/compile.h"
#include "config/internal.h"

const struct gn_diag_kind gn_diag_kinds[GN_DIAG_CODE_COUNT] = {
#define DIAG(id, code, severity, title) {code, severity, title},
#include "config/diag_codes.def"
#undef DIAG
};

enum gn_severity
gn_diag_severity(enum gn_diag_code code)
{
    return gn_diag_kinds[code].severity;
}

const char *
gn_severity_name(enum gn_severity severity)
{
    if (severity == GN_NOTE)
        return "note";
    return severity == GN_WARNING ? "warning" : "error";
}

void
gn_diags_init(struct gn_diags *d)
{
    memset(d, 0, sizeof(*d));
}

void
gn_diags_fini(struct gn_diags *d)
{
    gn_arena_fini(&d->arena);
    memset(d, 0, sizeof(*d));
}

static void
count(struct gn_diags *d, enum gn_severity severity)
{
    if (severity == GN_NOTE)
        d->notes++;
    else if (severity == GN_WARNING)
        d->warnings++;
    else
        d->errors++;
    if (severity == GN_USAGE)
        d->usage++;
}

/* Words and values of users may hold anything; a diagnostic stays one line. */
static const char *
one_line(char *text)
{
    for (char *p = text; p != NULL && *p != '\0'; p++) {
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
    }
    return text;
}

static const char *
copy_text(struct gn_diags *d, const char *z)
{
    return z != NULL ? one_line(gn_arena_strdup(&d->arena, z)) : NULL;
}

/* Places in the order in which a reader meets them: usage errors and those without a place last. */
static int
rank(const struct gn_diag *d)
{
    if (d->severity == GN_USAGE)
        return GN_LAYER_CODE + 2;
    return d->origin.layer == GN_LAYER_DEFAULT ? GN_LAYER_CODE + 1 : (int)d->origin.layer;
}

static int
compare(const struct gn_diag *a, const struct gn_diag *b)
{
    const struct gn_origin *oa = &a->origin, *ob = &b->origin;
    int by_file;

    if (rank(a) != rank(b))
        return rank(a) - rank(b);
    by_file = strcmp(oa->file != NULL ? oa->file : "", ob->file != NULL ? ob->file : "");
    if (by_file != 0)
        return by_file;
    if (oa->line != ob->line)
        return oa->line - ob->line;
    if (oa->column != ob->column)
        return oa->column - ob->column;
    return oa->word - ob->word;
}

/* Lists are short and mostly come in order. What compares equal stays in the order of adding. */
static void
insert(struct gn_diags *d, struct gn_diag *diag)
{
    struct gn_diag **at = &d->first;

    if (d->last != NULL && compare(d->last, diag) <= 0)
        at = &d->last->next;
    while (*at != NULL && compare(*at, diag) <= 0)
        at = &(*at)->next;
    diag->next = *at;
    *at = diag;
    if (diag->next == NULL)
        d->last = diag;
}

struct gn_diag *
gn_diag_add(struct gn_diags *d, enum gn_diag_code code, const struct gn_origin *origin,
            const struct gn_setting *setting, const char *fmt, ...)
{
    struct gn_diag *diag = gn_arena_alloc(&d->arena, sizeof(*diag));
    enum gn_severity severity = gn_diag_severity(code);
    va_list ap;

    if (severity == GN_WARNING && d->is_strict)
        severity = GN_ERROR;
    count(d, severity);
    if (diag == NULL)
        return NULL;
    diag->code = code;
    diag->severity = severity;
    diag->setting = setting;
    if (origin != NULL) {
        diag->origin = *origin;
        diag->origin.file = copy_text(d, origin->file);
        diag->origin.variable = copy_text(d, origin->variable);
        diag->origin.text = copy_text(d, origin->text);
    }
    va_start(ap, fmt);
    diag->message = one_line(gn_arena_vprintf(&d->arena, fmt, ap));
    va_end(ap);
    if (diag->message == NULL)
        diag->message = "no memory";
    insert(d, diag);
    return diag;
}

void
gn_diag_replace(struct gn_diags *d, struct gn_diag *diag, enum gn_diag_code code,
                const char *message)
{
    char *copy = gn_arena_strdup(&d->arena, message);

    diag->code = code;
    diag->message = copy != NULL ? one_line(copy) : "no memory";
}

void
gn_diag_hint(struct gn_diags *d, struct gn_diag *diag, const char *fmt, ...)
{
    va_list ap;

    if (diag == NULL)
        return;
    va_start(ap, fmt);
    diag->hint = one_line(gn_arena_vprintf(&d->arena, fmt, ap));
    va_end(ap);
}

void
gn_diag_detail(struct gn_diags *d, struct gn_diag *diag, const char *text)
{
    if (diag != NULL)
        diag->detail = gn_arena_strdup(&d->arena, text);
}

static void
print_place(const struct gn_origin *o, const char *prog, FILE *out)
{
    switch (o->layer) {
    case GN_LAYER_DEFAULT:
        fprintf(out, "%s: ", prog);
        return;
    case GN_LAYER_ENV:
        fprintf(out, "environment: %s: ", o->variable);
        return;
    case GN_LAYER_PASTE:
    case GN_LAYER_CONF:
        fprintf(out, "%s:", o->file != NULL ? o->file : prog);
        if (o->line > 0)
            fprintf(out, "%d:", o->line);
        if (o->line > 0 && o->column > 0)
            fprintf(out, "%d:", o->column);
        fputc(' ', out);
        return;
    case GN_LAYER_CMD_ARGS:
    case GN_LAYER_ARGV:
        fputs(o->layer == GN_LAYER_ARGV ? "command line: " : "GUNICORN_CMD_ARGS: ", out);
        if (o->word > 0)
            fprintf(out, "word %d", o->word);
        if (o->word > 0 && o->text != NULL)
            fprintf(out, " (%s)", o->text);
        if (o->word > 0)
            fputs(": ", out);
        return;
    case GN_LAYER_CODE:
        fputs("cfg.set(): ", out);
        return;
    }
}

/* The start of a colour, or nothing. */
static const char *
colour(const struct gn_diags *d, enum gn_severity severity)
{
    if (!d->is_coloured)
        return "";
    if (severity == GN_NOTE)
        return "\033[1;36m";
    return severity == GN_WARNING ? "\033[1;35m" : "\033[1;31m";
}

static void
print_message(const struct gn_diags *d, const struct gn_diag *one, const char *prog, FILE *out)
{
    const char *start = colour(d, one->severity), *end = d->is_coloured ? "\033[0m" : "";

    if (one->severity == GN_USAGE)
        fprintf(out, "%s: %serror:%s %s", prog, start, end,
                one->origin.layer == GN_LAYER_CMD_ARGS ? "GUNICORN_CMD_ARGS: " : "");
    else {
        print_place(&one->origin, prog, out);
        fprintf(out, "%s%s:%s ", start, gn_severity_name(one->severity), end);
        if (one->setting != NULL)
            fprintf(out, "%s: ", one->setting->name);
    }
    fprintf(out, "%s [%s]\n", one->message, gn_diag_kinds[one->code].code);
}

static void
print_one(const struct gn_diags *d, const struct gn_diag *one, const char *prog, FILE *out)
{
    print_message(d, one, prog, out);
    gn_diag_print_source(one, out);
    if (one->hint != NULL)
        fprintf(out, "  hint: %s\n", one->hint);
    if (one->detail != NULL)
        fputs(one->detail, out);
}

void
gn_diags_print(const struct gn_diags *d, const char *prog, FILE *out)
{
    size_t n = 0;
    bool had_usage = false;

    for (const struct gn_diag *p = d->first; p != NULL; p = p->next)
        n++;
    if (n < (size_t)d->errors + d->warnings + d->notes)
        fprintf(out, "%s: error: no memory for all messages\n", prog);
    for (const struct gn_diag *p = d->first; p != NULL; p = p->next) {
        if (p->severity == GN_NOTE && !d->shows_notes)
            continue;
        if (p->severity == GN_USAGE && !had_usage)
            gn_usage_line(prog, out);
        had_usage = p->severity == GN_USAGE;
        print_one(d, p, prog, out);
    }
}

int
gn_diags_exit_status(const struct gn_diags *d)
{
    if (d->usage > 0)
        return 2;
    return d->errors > 0 ? 1 : 0;
}
