#include "log/log_access.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/num.h"
#include "log/escape.h"
#include "log/format_spec.h"

enum step_kind { STEP_LITERAL, STEP_TEXT, STEP_NUMBER, STEP_REQUEST, STEP_RESPONSE, STEP_ENVIRON };

typedef bool (*text_fn)(const struct gn_access_record *r, struct gn_buf *out);
typedef uint64_t (*number_fn)(const struct gn_access_record *r);

struct step {
    enum step_kind kind;
    text_fn text;
    number_fn number;
    struct gn_slice word; /* the literal, or the name between the braces in lower case */
    struct gn_format_spec spec;
};

struct gn_access_format {
    struct gn_arena arena; /* steps and words */
    struct step *steps;
    size_t n;
    bool needs_environ;
};

static const struct gn_slice dash = {"-", 1};

/* ---- the atoms ---- */

static bool
put_octets(struct gn_buf *out, struct gn_slice s)
{
    return gn_escape_latin1(out, s, GN_ESCAPE_QUOTE | GN_ESCAPE_TAB);
}

static bool
put_or_dash(struct gn_buf *out, struct gn_slice s)
{
    return put_octets(out, s.p != NULL ? s : dash);
}

static bool
text_remote_addr(const struct gn_access_record *r, struct gn_buf *out)
{
    return put_octets(out, r->remote_addr);
}

static bool
text_dash(const struct gn_access_record *r GN_UNUSED, struct gn_buf *out)
{
    return gn_buf_append(out, "-", 1);
}

static bool
text_user(const struct gn_access_record *r, struct gn_buf *out)
{
    return gn_escape_utf8(out, r->user.n > 0 ? r->user : dash, GN_ESCAPE_QUOTE | GN_ESCAPE_TAB);
}

/* "[22/Nov/2026:13:48:16 +0000]". The text lasts a second; each thread keeps its own. */
static bool
text_date(const struct gn_access_record *r, struct gn_buf *out)
{
    static _Thread_local char text[GN_CLF_DATE_BYTES + 2];
    static _Thread_local size_t n;
    static _Thread_local time_t second;

    if (n == 0 || r->now != second) {
        text[0] = '[';
        gn_clock_clf_date(r->now, text + 1);
        n = strlen(text);
        text[n++] = ']';
        second = r->now;
    }
    return gn_buf_append(out, text, n);
}

static bool
text_request_line(const struct gn_access_record *r, struct gn_buf *out)
{
    return put_or_dash(out, r->method) && gn_buf_append(out, " ", 1) &&
           put_or_dash(out, r->target) && gn_buf_append(out, " ", 1) &&
           put_or_dash(out, r->protocol);
}

static bool
text_method(const struct gn_access_record *r, struct gn_buf *out)
{
    return put_or_dash(out, r->method);
}

static bool
text_path(const struct gn_access_record *r, struct gn_buf *out)
{
    return put_or_dash(out, r->path);
}

static bool
text_query(const struct gn_access_record *r, struct gn_buf *out)
{
    return put_octets(out, r->query);
}

static bool
text_protocol(const struct gn_access_record *r, struct gn_buf *out)
{
    return put_or_dash(out, r->protocol);
}

static bool
text_status(const struct gn_access_record *r, struct gn_buf *out)
{
    return gn_format_decimal(out, r->status > 0 ? (uint64_t)r->status : 0);
}

static bool
text_sent_bytes(const struct gn_access_record *r, struct gn_buf *out)
{
    return gn_format_decimal(out, r->sent_bytes);
}

static struct gn_slice
request_header(const struct gn_access_record *r, struct gn_slice name)
{
    return r->request_header != NULL ? r->request_header(r->ctx, name) : gn_slice(NULL, 0);
}

static bool
text_referer(const struct gn_access_record *r, struct gn_buf *out)
{
    return put_or_dash(out, request_header(r, GN_SLICE("referer")));
}

static bool
text_user_agent(const struct gn_access_record *r, struct gn_buf *out)
{
    return put_or_dash(out, request_header(r, GN_SLICE("user-agent")));
}

static uint64_t
duration(const struct gn_access_record *r, int64_t unit_ns)
{
    return r->duration_ns > 0 ? (uint64_t)(r->duration_ns / unit_ns) : 0;
}

/* "0.000356" */
static bool
text_decimal_seconds(const struct gn_access_record *r, struct gn_buf *out)
{
    uint64_t us = duration(r, GN_NS_PER_US);
    char rest[7] = ".000000";

    us %= 1000000;
    for (size_t i = sizeof(rest); us > 0; us /= 10)
        rest[--i] = (char)('0' + us % 10);
    return gn_format_decimal(out, duration(r, GN_NS_PER_S)) &&
           gn_buf_append(out, rest, sizeof(rest));
}

static bool
text_pid(const struct gn_access_record *r, struct gn_buf *out)
{
    return gn_buf_append(out, "<", 1) &&
           gn_format_decimal(out, r->pid > 0 ? (uint64_t)r->pid : 0) && gn_buf_append(out, ">", 1);
}

static uint64_t
number_sent_bytes(const struct gn_access_record *r)
{
    return r->sent_bytes;
}

static uint64_t
number_seconds(const struct gn_access_record *r)
{
    return duration(r, GN_NS_PER_S);
}

static uint64_t
number_milliseconds(const struct gn_access_record *r)
{
    return duration(r, GN_NS_PER_MS);
}

static uint64_t
number_microseconds(const struct gn_access_record *r)
{
    return duration(r, GN_NS_PER_US);
}

static const struct {
    char letter;
    text_fn text;
    number_fn number;
} atoms[] = {
#define TEXT(letter, function) {letter, function, NULL},
#define NUMBER(letter, function) {letter, NULL, function},
#include "log/log_atoms.def"
#undef TEXT
#undef NUMBER
};

/* ---- compiling ---- */

struct compiler {
    const char *text, *at;
    struct gn_access_format *f;
    struct gn_err *err;
};

/* Counts characters, as an editor does, from 1. */
static size_t
position(const struct compiler *c, const char *at)
{
    size_t n = 1;

    for (const char *p = c->text; p < at; p++)
        n += ((unsigned char)*p & 0xc0) != 0x80;
    return n;
}

static bool
no_memory(struct compiler *c)
{
    return gn_err_set(c->err, GN_E_MEMORY, 0, "no memory for the access log format");
}

static bool
add_literal(struct compiler *c, const char *p, size_t n)
{
    struct step *step;

    if (n == 0)
        return true;
    step = &c->f->steps[c->f->n++];
    step->kind = STEP_LITERAL;
    step->word = gn_arena_slice(&c->f->arena, gn_slice(p, n));
    return step->word.p != NULL || no_memory(c);
}

/* "{name}i": true when it is one; the words are case-insensitive as a whole. */
static bool
is_braced(struct gn_slice name, enum step_kind *kind)
{
    if (name.n < 3 || name.p[0] != '{' || name.p[name.n - 2] != '}')
        return false;
    switch (gn_ascii_lower((unsigned char)name.p[name.n - 1])) {
    case 'i':
        *kind = STEP_REQUEST;
        return true;
    case 'o':
        *kind = STEP_RESPONSE;
        return true;
    case 'e':
        *kind = STEP_ENVIRON;
        return true;
    default:
        return false;
    }
}

static bool
set_braced(struct compiler *c, struct step *step, struct gn_slice name)
{
    char *word = gn_arena_strndup(&c->f->arena, name.p + 1, name.n - 3);

    if (word == NULL)
        return no_memory(c);
    for (size_t i = 0; i < name.n - 3; i++)
        word[i] = (char)gn_ascii_lower((unsigned char)word[i]);
    step->word = gn_slice(word, name.n - 3);
    c->f->needs_environ |= step->kind == STEP_ENVIRON;
    return true;
}

static bool
set_atom(struct compiler *c, struct step *step, struct gn_slice name)
{
    if (is_braced(name, &step->kind))
        return set_braced(c, step, name);
    step->kind = STEP_TEXT;
    step->text = text_dash;
    for (size_t i = 0; name.n == 1 && i < GN_ARRAY_LEN(atoms); i++) {
        if (atoms[i].letter == name.p[0]) {
            step->text = atoms[i].text;
            step->number = atoms[i].number;
            step->kind = step->number != NULL ? STEP_NUMBER : STEP_TEXT;
        }
    }
    return true;
}

/* At '('. Parentheses inside of the name must be balanced, as in Python. */
static bool
take_name(struct compiler *c, struct gn_slice *name)
{
    const char *open = c->at;
    int depth = 0;

    for (const char *p = open; *p != '\0'; p++) {
        if (*p == '(')
            depth++;
        if (*p == ')' && --depth == 0) {
            *name = gn_slice(open + 1, (size_t)(p - open) - 1);
            c->at = p + 1;
            return true;
        }
    }
    return gn_err_set(c->err, GN_E_VALUE, 0, "')' is missing for '(' at position %zu",
                      position(c, open));
}

static bool
check_spec(struct compiler *c, const struct step *step, struct gn_slice name, const char *start)
{
    struct gn_slice whole = gn_slice(start, (size_t)(c->at - start));

    if (step->kind == STEP_NUMBER || gn_format_is_text(&step->spec))
        return true;
    return gn_err_set(c->err, GN_E_VALUE, 0,
                      "'%.*s' at position %zu: '%.*s' is text, only s can follow",
                      GN_SLICE_ARG(whole), position(c, start), GN_SLICE_ARG(name));
}

/* At the '%' of a conversion. */
static bool
take_conversion(struct compiler *c)
{
    const char *start = c->at++;
    struct gn_slice name = {NULL, 0};
    struct step *step;
    const char *why;

    if (*c->at == '%') {
        c->at++;
        return add_literal(c, "%", 1);
    }
    if (*c->at == '\0')
        return gn_err_set(c->err, GN_E_VALUE, 0,
                          "'%%' at position %zu stands alone, write '%%%%' for a percent sign",
                          position(c, start));
    if (*c->at != '(')
        return gn_err_set(c->err, GN_E_VALUE, 0,
                          "'%%' at position %zu needs a name in parentheses, as in %%(h)s; write "
                          "'%%%%' for a percent sign",
                          position(c, start));
    if (!take_name(c, &name))
        return false;
    step = &c->f->steps[c->f->n++];
    why = gn_format_spec_parse(&c->at, &step->spec);
    if (why != NULL)
        return gn_err_set(c->err, GN_E_VALUE, 0, "'%.*s' at position %zu: %s", (int)(c->at - start),
                          start, position(c, start), why);
    return set_atom(c, step, name) && check_spec(c, step, name, start);
}

static bool
compile(struct compiler *c)
{
    size_t most = 1;

    for (const char *p = c->text; *p != '\0'; p++)
        most += *p == '%' ? 2 : 0;
    c->f->steps = gn_arena_alloc(&c->f->arena, most * sizeof(struct step));
    if (c->f->steps == NULL)
        return no_memory(c);
    while (*c->at != '\0') {
        const char *percent = strchrnul(c->at, '%');

        if (!add_literal(c, c->at, (size_t)(percent - c->at)))
            return false;
        c->at = percent;
        if (*percent == '%' && !take_conversion(c))
            return false;
    }
    return true;
}

struct gn_access_format *
gn_access_format_new(const char *format, struct gn_err *err)
{
    struct gn_access_format *f = calloc(1, sizeof(*f));
    struct compiler c = {.text = format, .at = format, .f = f, .err = err};

    if (f == NULL) {
        no_memory(&c);
        return NULL;
    }
    if (compile(&c))
        return f;
    gn_access_format_free(f);
    return NULL;
}

void
gn_access_format_free(struct gn_access_format *f)
{
    if (f == NULL)
        return;
    gn_arena_fini(&f->arena);
    free(f);
}

bool
gn_access_format_needs_environ(const struct gn_access_format *f)
{
    return f->needs_environ;
}

/* ---- writing ---- */

static bool
put_lookup(struct gn_buf *out, struct gn_slice (*get)(const void *, struct gn_slice),
           const void *ctx, struct gn_slice name)
{
    struct gn_slice value = get != NULL ? get(ctx, name) : gn_slice(NULL, 0);

    return put_or_dash(out, value);
}

static bool
put_environ(struct gn_buf *out, const struct gn_access_record *r, struct gn_slice name)
{
    struct gn_slice value =
        r->environ_value != NULL ? r->environ_value(r->ctx, name) : gn_slice(NULL, 0);

    return gn_escape_utf8(out, value.p != NULL ? value : dash, GN_ESCAPE_QUOTE | GN_ESCAPE_TAB);
}

static bool
put_text(struct gn_buf *out, const struct step *step, const struct gn_access_record *r)
{
    switch (step->kind) {
    case STEP_LITERAL:
        return gn_buf_append(out, step->word.p, step->word.n);
    case STEP_TEXT:
        return step->text(r, out);
    case STEP_NUMBER:
        return gn_format_decimal(out, step->number(r));
    case STEP_REQUEST:
        return put_lookup(out, r->request_header, r->ctx, step->word);
    case STEP_RESPONSE:
        return put_lookup(out, r->response_header, r->ctx, step->word);
    case STEP_ENVIRON:
        return put_environ(out, r, step->word);
    }
    return false;
}

static bool
put_step(struct gn_buf *out, const struct step *step, const struct gn_access_record *r)
{
    size_t mark = gn_buf_len(out);

    if (step->kind == STEP_NUMBER && !gn_format_is_text(&step->spec))
        return gn_format_number(out, &step->spec, step->number(r));
    return put_text(out, step, r) &&
           (!step->spec.has_shape || gn_format_shape(out, mark, &step->spec));
}

bool
gn_access_format_write(const struct gn_access_format *f, const struct gn_access_record *r,
                       struct gn_buf *out)
{
    for (size_t i = 0; i < f->n; i++) {
        if (!put_step(out, &f->steps[i], r))
            return false;
    }
    return true;
}
