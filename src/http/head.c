#include "http/head.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/chars.h"
#include "http/head_priv.h"

enum { STATE_LEAD, STATE_LINE, STATE_FIELDS, STATE_DONE, STATE_BAD };

enum { FIRST_FIELDS = 32 };

/* What a step did: the line is complete and taken, or the result of the whole call. */
enum step { STEP_NEXT, STEP_MORE, STEP_DONE, STEP_BAD };

bool
gn_http_fail(struct gn_http_error *e, enum gn_http_error_id id, const char *text)
{
    e->id = id;
    snprintf(e->message, sizeof(e->message), "%s", text);
    return false;
}

bool
gn_http_fail_quote(struct gn_http_error *e, enum gn_http_error_id id, const char *text,
                   struct gn_slice quoted)
{
    static const char digits[] = "0123456789abcdef";
    size_t at;

    gn_http_fail(e, id, text);
    at = strlen(e->message);
    /* Room is kept for one escaped byte, "...", the quotes, and the NUL. */
    if (at + 12 > sizeof(e->message))
        return false;
    e->message[at++] = ' ';
    e->message[at++] = '\'';
    for (size_t i = 0; i < quoted.n; i++) {
        unsigned char c = (unsigned char)quoted.p[i];

        if (at + 9 > sizeof(e->message)) {
            memcpy(e->message + at, "...", 3);
            at += 3;
            break;
        }
        if (c >= 0x20 && c < 0x7f) {
            e->message[at++] = (char)c;
            continue;
        }
        e->message[at++] = '\\';
        e->message[at++] = 'x';
        e->message[at++] = digits[c >> 4];
        e->message[at++] = digits[c & 15];
    }
    e->message[at++] = '\'';
    e->message[at] = '\0';
    return false;
}

/* What holds for a kind of line. */
struct line_rule {
    size_t max; /* bytes without CRLF; 0: unlimited */
    enum gn_http_error_id too_long;
    enum gn_http_error_id bad_byte;
    const char *bad_text;
};

/* Finds the end of the current line, `*end` (offset of its CR). The size counts from `origin`: a
 * continuation line belongs to the lines before it. The order of the checks makes the result
 * independent of how the bytes arrived: whatever is wrong behind the limit does not matter, and
 * bytes before it are judged in their order. */
static enum step
find_line_end(struct gn_http_parser *p, const char *data, size_t n, size_t origin,
              const struct line_rule *rule, size_t *end)
{
    size_t at = (size_t)(gn_http_scan_text(data + p->scanned, data + n) - data);

    p->scanned = at;
    if (rule->max > 0 && at - origin > rule->max) {
        p->error.id = rule->too_long;
        return STEP_BAD;
    }
    if (at == n)
        return STEP_MORE;
    if (data[at] == '\r') {
        if (at + 1 == n)
            return STEP_MORE;
        if (data[at + 1] == '\n') {
            *end = at;
            return STEP_NEXT;
        }
    }
    gn_http_fail_quote(&p->error, rule->bad_byte, rule->bad_text,
                       gn_slice(data + p->line_start, at + 1 - p->line_start));
    return STEP_BAD;
}

static enum step
next_line(struct gn_http_parser *p, size_t end)
{
    p->line_start = p->scanned = end + 2;
    return STEP_NEXT;
}

/* One empty line before the request line is a left-over of the request before (RFC 9112 2.2). */
static enum step
step_lead(struct gn_http_parser *p, const char *data, size_t n)
{
    if (n == 0 || (n == 1 && data[0] == '\r'))
        return STEP_MORE;
    if (n >= 2 && data[0] == '\r' && data[1] == '\n')
        p->line_start = p->scanned = 2;
    p->state = STATE_LINE;
    return STEP_NEXT;
}

static enum step
step_line(struct gn_http_parser *p, const struct gn_http_limits *limits, char *data, size_t n)
{
    const struct line_rule rule = {limits->request_line, GN_HTTP_E_LIMIT_REQUEST_LINE,
                                   GN_HTTP_E_INVALID_REQUEST_LINE, "Invalid HTTP request line:"};
    size_t end = 0;
    enum step step = find_line_end(p, data, n, p->line_start, &rule, &end);

    if (step == STEP_BAD && p->error.id == GN_HTTP_E_LIMIT_REQUEST_LINE)
        snprintf(p->error.message, sizeof(p->error.message),
                 "Request Line is too large (%zu > %zu)", limits->request_line + 1,
                 limits->request_line);
    if (step != STEP_NEXT)
        return step;
    if (!gn_http_request_line(&p->head, &p->error, limits, data + p->line_start,
                              end - p->line_start))
        return STEP_BAD;
    p->state = STATE_FIELDS;
    return next_line(p, end);
}

static bool
grow_fields(struct gn_http_parser *p)
{
    size_t capacity = p->field_capacity != 0 ? p->field_capacity * 2 : FIRST_FIELDS;
    struct gn_http_field *fields = realloc(p->head.fields, capacity * sizeof(*fields));

    if (fields == NULL)
        return gn_http_fail(&p->error, GN_HTTP_E_NO_MEMORY, "No memory for header fields");
    p->head.fields = fields;
    p->field_capacity = capacity;
    return true;
}

/* Whether the line that begins with `first` may begin at all. `*origin` is where its size is
 * counted from. */
static bool
may_begin(struct gn_http_parser *p, const struct gn_http_limits *limits, const char *data,
          size_t *origin)
{
    struct gn_http_head *h = &p->head;
    size_t max = limits->fields;

    *origin = p->line_start;
    if (GN_UNLIKELY(gn_http_is_blank(data[p->line_start]))) {
        if (h->n_fields == 0)
            return gn_http_fail(&p->error, GN_HTTP_E_INVALID_HEADER,
                                "Invalid HTTP Header: white space before the first field");
        if (!limits->permit_obsolete_folding)
            return gn_http_fail_quote(
                &p->error, GN_HTTP_E_OBSOLETE_FOLDING,
                "Obsolete line folding is unacceptable:", h->fields[h->n_fields - 1].name);
        *origin = (size_t)(h->fields[h->n_fields - 1].name.p - data);
        return true;
    }
    if (max == 0 || max > GN_HTTP_MAX_FIELDS)
        max = GN_HTTP_MAX_FIELDS;
    if (h->n_fields >= max)
        return gn_http_fail(&p->error, GN_HTTP_E_LIMIT_REQUEST_HEADERS,
                            "limit request headers fields");
    return h->n_fields < p->field_capacity || grow_fields(p);
}

static enum step
step_empty_line(struct gn_http_parser *p, const struct gn_http_limits *limits, const char *data,
                size_t n)
{
    if (p->line_start + 1 == n)
        return STEP_MORE;
    if (data[p->line_start + 1] != '\n') {
        gn_http_fail(&p->error, GN_HTTP_E_INVALID_HEADER,
                     "Invalid HTTP Header: carriage return without line feed");
        return STEP_BAD;
    }
    p->head.head_bytes = p->line_start + 2;
    return gn_http_head_finish(&p->head, &p->error, limits) ? STEP_DONE : STEP_BAD;
}

static enum step
step_field(struct gn_http_parser *p, const struct gn_http_limits *limits, char *data, size_t n)
{
    struct line_rule rule = {limits->field_size, GN_HTTP_E_LIMIT_REQUEST_HEADERS,
                             GN_HTTP_E_INVALID_HEADER, "Invalid HTTP Header:"};
    size_t origin, end = 0;
    enum step step;

    if (p->line_start == n)
        return STEP_MORE;
    if (data[p->line_start] == '\r')
        return step_empty_line(p, limits, data, n);
    if (!may_begin(p, limits, data, &origin))
        return STEP_BAD;
    /* The setting counts the CRLF. A limit below 3 leaves room for no field at all. */
    if (rule.max > 0)
        rule.max = rule.max > 3 ? rule.max - 2 : 1;
    step = find_line_end(p, data, n, origin, &rule, &end);
    if (step == STEP_BAD && p->error.id == GN_HTTP_E_LIMIT_REQUEST_HEADERS)
        gn_http_fail(&p->error, p->error.id, "limit request headers fields size");
    if (step != STEP_NEXT)
        return step;
    if (GN_UNLIKELY(origin != p->line_start))
        gn_http_fold_line(&p->head, data + p->line_start, end - p->line_start);
    else if (!gn_http_field_line(&p->head, &p->error, limits->strip_header_spaces,
                                 gn_slice(data + p->line_start, end - p->line_start)))
        return STEP_BAD;
    return next_line(p, end);
}

static void
rebase(struct gn_slice *s, uintptr_t old, const char *now)
{
    if (s->p != NULL)
        s->p = now + ((uintptr_t)s->p - old);
}

/* The buffer lies elsewhere than at the last call. */
static void
move_slices(struct gn_http_parser *p, const char *data)
{
    struct gn_http_head *h = &p->head;
    uintptr_t old = (uintptr_t)p->base;

    rebase(&h->method, old, data);
    rebase(&h->target, old, data);
    rebase(&h->path, old, data);
    rebase(&h->query, old, data);
    rebase(&h->fragment, old, data);
    rebase(&h->authority, old, data);
    rebase(&h->version, old, data);
    for (size_t i = 0; i < h->n_fields; i++) {
        rebase(&h->fields[i].name, old, data);
        rebase(&h->fields[i].value, old, data);
    }
}

enum gn_http_result
gn_http_head_feed(struct gn_http_parser *p, const struct gn_http_limits *limits, char *data,
                  size_t n)
{
    enum step step = STEP_NEXT;

    if (p->base != data) {
        if (p->state == STATE_FIELDS)
            move_slices(p, data);
        p->base = data;
    }
    while (step == STEP_NEXT) {
        switch (p->state) {
        case STATE_LEAD:
            step = step_lead(p, data, n);
            break;
        case STATE_LINE:
            step = step_line(p, limits, data, n);
            break;
        case STATE_FIELDS:
            step = step_field(p, limits, data, n);
            break;
        case STATE_DONE:
            return GN_HTTP_DONE;
        default:
            return GN_HTTP_BAD;
        }
    }
    if (step == STEP_MORE)
        return GN_HTTP_MORE;
    p->state = step == STEP_DONE ? STATE_DONE : STATE_BAD;
    return step == STEP_DONE ? GN_HTTP_DONE : GN_HTTP_BAD;
}

void
gn_http_parser_reset(struct gn_http_parser *p)
{
    struct gn_http_field *fields = p->head.fields;

    memset(&p->head, 0, sizeof(p->head));
    p->head.fields = fields;
    p->head.content_length = -1;
    p->line_start = p->scanned = 0;
    p->base = NULL;
    p->state = STATE_LEAD;
    p->error.id = GN_HTTP_E_PARSE;
    p->error.message[0] = '\0';
}

void
gn_http_parser_fini(struct gn_http_parser *p)
{
    free(p->head.fields);
    memset(p, 0, sizeof(*p));
}

const struct gn_http_field *
gn_http_find(const struct gn_http_head *h, struct gn_slice name)
{
    for (size_t i = 0; i < h->n_fields; i++) {
        if (gn_slice_eq_nocase(h->fields[i].name, name))
            return &h->fields[i];
    }
    return NULL;
}
