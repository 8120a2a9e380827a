#include "config/diag.h"

#include <stdlib.h>
#include <string.h>

#include "config/compile.h"
#include "config/setting.h"

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
    if (severity == GN_WARNING)
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

struct gn_diag *
gn_diag_add(struct gn_diags *d, enum gn_severity severity, const struct gn_origin *origin,
            const struct gn_setting *setting, const char *fmt, ...)
{
    struct gn_diag *diag = gn_arena_alloc(&d->arena, sizeof(*diag));
    va_list ap;

    count(d, severity);
    if (diag == NULL)
        return NULL;
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
    if (d->last != NULL)
        d->last->next = diag;
    else
        d->first = diag;
    d->last = diag;
    return diag;
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

/* Places in the order in which a reader meets them: usage errors and those without a place last. */
static int
rank(const struct gn_diag *d)
{
    if (d->severity == GN_USAGE)
        return GN_LAYER_ARGV + 2;
    return d->origin.layer == GN_LAYER_DEFAULT ? GN_LAYER_ARGV + 1 : (int)d->origin.layer;
}

static int
compare(const void *pa, const void *pb)
{
    const struct gn_diag *a = *(const struct gn_diag *const *)pa;
    const struct gn_diag *b = *(const struct gn_diag *const *)pb;
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

/* Stable: insertion, as lists are short and mostly sorted already. */
static void
sort(const struct gn_diag **v, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        const struct gn_diag *one = v[i];
        size_t at = i;

        while (at > 0 && compare(&v[at - 1], &one) > 0) {
            v[at] = v[at - 1];
            at--;
        }
        v[at] = one;
    }
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
    }
}

static void
print_usage_error(const struct gn_diag *d, const char *prog, FILE *out)
{
    fprintf(out, "%s: error: ", prog);
    if (d->origin.layer == GN_LAYER_CMD_ARGS)
        fputs("GUNICORN_CMD_ARGS: ", out);
    fprintf(out, "%s\n", d->message);
}

static void
print_one(const struct gn_diag *d, const char *prog, FILE *out)
{
    if (d->severity == GN_USAGE) {
        print_usage_error(d, prog, out);
    } else {
        print_place(&d->origin, prog, out);
        fputs(d->severity == GN_ERROR ? "error: " : "warning: ", out);
        if (d->setting != NULL)
            fprintf(out, "%s: ", d->setting->name);
        fprintf(out, "%s\n", d->message);
    }
    if (d->hint != NULL)
        fprintf(out, "  hint: %s\n", d->hint);
    if (d->detail != NULL)
        fputs(d->detail, out);
}

void
gn_diags_print(const struct gn_diags *d, const char *prog, FILE *out)
{
    size_t n = 0, i = 0;
    const struct gn_diag **all;
    bool had_usage = false;

    for (const struct gn_diag *p = d->first; p != NULL; p = p->next)
        n++;
    if (n < (size_t)d->errors + d->warnings)
        fprintf(out, "%s: error: no memory for all messages\n", prog);
    if (n == 0)
        return;
    all = malloc(n * sizeof(const struct gn_diag *));
    if (all == NULL) {
        fprintf(out, "%s: error: no memory\n", prog);
        return;
    }
    for (const struct gn_diag *p = d->first; p != NULL; p = p->next)
        all[i++] = p;
    sort(all, n);
    for (i = 0; i < n; i++) {
        if (all[i]->severity == GN_USAGE && !had_usage)
            gn_usage_line(prog, out);
        had_usage = all[i]->severity == GN_USAGE;
        print_one(all[i], prog, out);
    }
    free(all);
}

int
gn_diags_exit_status(const struct gn_diags *d)
{
    if (d->usage > 0)
        return 2;
    return d->errors > 0 ? 1 : 0;
}
