/* Runs the cases of tests/corpus/requests; its README describes the format. */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/fd.h"
#include "base/num.h"
#include "http/body.h"
#include "http/head.h"

enum { MAX_CASES = 2000, MAX_EXPECTATIONS = 40, MIN_CASES = 600 };

struct expectation {
    struct gn_slice key;
    struct gn_slice value; /* rest of the line */
};

struct request_case {
    char name[120];
    char file[256];
    struct gn_http_limits limits;
    uint64_t max_body;
    struct gn_buf input;
    struct gn_slice result; /* the line "accept", "reject ..." or "incomplete" */
    struct expectation expectations[MAX_EXPECTATIONS];
    size_t n_expectations;
    bool has_reason;
};

/* What a run gave. The slices of the head point into `bytes`. */
struct outcome {
    enum gn_http_result result;
    bool is_head_done;
    struct gn_http_parser parser;
    struct gn_http_body body;
    struct gn_buf decoded;
    struct gn_http_error error;
    char *bytes;
    size_t n;       /* of the input */
    size_t message; /* bytes of head and body together */
};

static struct request_case cases[MAX_CASES];
static size_t n_cases;

static _Noreturn void
give_up(const char *file, struct gn_slice line, const char *why)
{
    fprintf(stderr, "%s: %s: %.*s\n", file, why, GN_SLICE_ARG(line));
    exit(99);
}

/* libcheck's assertions work inside tests only. */
static void
must(bool ok)
{
    if (!ok)
        give_up("corpus", GN_SLICE(""), "no memory");
}

/* ---- reading the files ---- */

static char
unescape_one(struct gn_slice *s, const char *file)
{
    uint64_t value;
    char c = s->p[0];

    if (c != '\\') {
        *s = gn_slice(s->p + 1, s->n - 1);
        return c;
    }
    if (s->n >= 4 && s->p[1] == 'x' && gn_num_hex(gn_slice(s->p + 2, 2), 255, &value)) {
        *s = gn_slice(s->p + 4, s->n - 4);
        return (char)value;
    }
    if (s->n < 2 || strchr("rnt\\\"", s->p[1]) == NULL)
        give_up(file, *s, "bad escape");
    c = s->p[1];
    *s = gn_slice(s->p + 2, s->n - 2);
    return c == 'r' ? '\r' : c == 'n' ? '\n' : c == 't' ? '\t' : c;
}

/* Takes a quoted text off the front of `s`. */
static void
take_quoted(struct gn_slice *s, const char *file, struct gn_buf *out)
{
    struct gn_slice line = *s;

    if (s->n < 2 || s->p[0] != '"')
        give_up(file, line, "quoted text expected");
    *s = gn_slice(s->p + 1, s->n - 1);
    while (s->n > 0 && s->p[0] != '"') {
        char c = unescape_one(s, file);

        must(gn_buf_append(out, &c, 1));
    }
    if (s->n == 0)
        give_up(file, line, "no closing quote");
    *s = gn_slice_trim(gn_slice(s->p + 1, s->n - 1), " ");
}

static uint64_t
number(struct gn_slice s, const char *file)
{
    uint64_t n;

    if (!gn_num_digits(s, INT64_MAX, &n))
        give_up(file, s, "number expected");
    return n;
}

static void
add_repeated(struct request_case *c, struct gn_slice value)
{
    uint64_t times = number(gn_slice_cut(&value, ' '), c->file);
    struct gn_buf text = {0};

    take_quoted(&value, c->file, &text);
    for (uint64_t i = 0; i < times; i++) {
        struct gn_slice s = gn_buf_slice(&text);
        size_t at = gn_slice_find(s, '%');

        if (at + 1 < s.n && s.p[at + 1] == 'd')
            must(gn_buf_append(&c->input, s.p, at) && gn_buf_printf(&c->input, "%d", (int)i) &&
                 gn_buf_append(&c->input, s.p + at + 2, s.n - at - 2));
        else
            must(gn_buf_append(&c->input, s.p, s.n));
    }
    gn_buf_fini(&text);
}

static void
set_limit(struct request_case *c, struct gn_slice word, const char *file)
{
    struct gn_http_limits *limits = &c->limits;
    struct gn_slice value = word;
    struct gn_slice name = gn_slice_cut(&value, '=');

    if (gn_slice_eq_str(name, "request_line"))
        limits->request_line = number(value, file);
    else if (gn_slice_eq_str(name, "fields"))
        limits->fields = number(value, file);
    else if (gn_slice_eq_str(name, "field_size"))
        limits->field_size = number(value, file);
    else if (gn_slice_eq_str(name, "body"))
        c->max_body = number(value, file);
    else if (gn_slice_eq_str(name, "fold"))
        limits->permit_obsolete_folding = true;
    else if (gn_slice_eq_str(name, "spaces"))
        limits->strip_header_spaces = true;
    else if (gn_slice_eq_str(name, "method"))
        limits->permit_unconventional_method = true;
    else if (gn_slice_eq_str(name, "version"))
        limits->permit_unconventional_version = true;
    else if (gn_slice_eq_str(name, "casefold"))
        limits->casefold_method = true;
    else if (gn_slice_eq_str(name, "nohost"))
        limits->permit_missing_host = true;
    else
        give_up(file, word, "unknown limit");
}

static void
begin_case(struct gn_slice name, const char *file)
{
    struct request_case *c = &cases[n_cases];

    if (n_cases == MAX_CASES || name.n >= sizeof(c->name))
        give_up(file, name, "too many cases, or a name too long");
    for (size_t i = 0; i < n_cases; i++) {
        if (gn_slice_eq_str(name, cases[i].name))
            give_up(file, name, "name used twice");
    }
    snprintf(c->name, sizeof(c->name), "%.*s", GN_SLICE_ARG(name));
    snprintf(c->file, sizeof(c->file), "%s", file);
    c->limits = (struct gn_http_limits){.request_line = 4094, .fields = 100, .field_size = 8190};
    c->max_body = UINT64_MAX;
    n_cases++;
}

static void
take_line(struct gn_slice line, const char *file)
{
    struct gn_slice value = line;
    struct gn_slice key = gn_slice_cut(&value, ' ');
    struct request_case *c = &cases[n_cases - (n_cases > 0)];

    if (gn_slice_eq_str(key, "case")) {
        begin_case(value, file);
        return;
    }
    if (n_cases == 0 || strcmp(c->file, file) != 0)
        give_up(file, line, "no case yet");
    if (gn_slice_eq_str(key, "why")) {
        c->has_reason = true;
    } else if (gn_slice_eq_str(key, "in")) {
        take_quoted(&value, file, &c->input);
    } else if (gn_slice_eq_str(key, "repeat")) {
        add_repeated(c, value);
    } else if (gn_slice_eq_str(key, "limits")) {
        while (value.p != NULL)
            set_limit(c, gn_slice_cut(&value, ' '), file);
    } else if (gn_slice_eq_str(key, "accept") || gn_slice_eq_str(key, "reject") ||
               gn_slice_eq_str(key, "incomplete")) {
        c->result = line;
    } else {
        if (c->n_expectations == MAX_EXPECTATIONS)
            give_up(file, line, "too many expectations");
        c->expectations[c->n_expectations++] = (struct expectation){key, value};
    }
}

/* The text is kept: expectations point into it. */
static void
load_file(const char *folder, const char *name)
{
    char path[2048];
    size_t n;
    char *text;
    struct gn_slice rest;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    text = gn_fd_read_file(path, 16 << 20, &n);
    if (text == NULL)
        give_up(path, GN_SLICE(""), "cannot be read");
    rest = gn_slice(text, n);
    while (rest.p != NULL) {
        struct gn_slice line = gn_slice_cut(&rest, '\n');

        if (line.n > 0 && line.p[0] != '#')
            take_line(line, name);
    }
}

static int
is_case_file(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');

    return dot != NULL && strcmp(dot, ".txt") == 0;
}

static void
load_corpus(void)
{
    const char *top = getenv("GN_TOP_SRCDIR");
    struct dirent **entries;
    char folder[1000];
    int n;

    snprintf(folder, sizeof(folder), "%s/tests/corpus/requests", top != NULL ? top : ".");
    n = scandir(folder, &entries, is_case_file, alphasort);
    if (n <= 0)
        give_up(folder, GN_SLICE(""), "no case files");
    for (int i = 0; i < n; i++) {
        load_file(folder, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
}

/* ---- running ---- */

/* A buffer of exactly n bytes: what the parser has seen and changed, then new input. */
static char *
extended_copy(char *old, size_t old_n, const char *input, size_t n)
{
    char *bytes = malloc(n > 0 ? n : 1);

    ck_assert_ptr_nonnull(bytes);
    if (old_n > 0)
        memcpy(bytes, old, old_n);
    if (n > old_n)
        memcpy(bytes + old_n, input + old_n, n - old_n);
    free(old);
    return bytes;
}

/* Feeds body bytes [*at, end); false when the message is complete or broken. */
static bool
feed_body(struct outcome *o, const char *input, size_t *at, size_t end)
{
    while (*at < end) {
        char *part = extended_copy(NULL, 0, input + *at, end - *at);
        struct gn_slice out;
        size_t used;

        o->result = gn_http_body_feed(&o->body, part, end - *at, &used, &out);
        ck_assert(used <= end - *at);
        ck_assert(out.n <= used && (out.n == 0 || (out.p >= part && out.p + out.n <= part + used)));
        ck_assert(gn_buf_append(&o->decoded, out.p, out.n));
        free(part);
        *at += used;
        if (o->result != GN_HTTP_MORE) {
            if (o->result == GN_HTTP_BAD)
                o->error = o->body.error;
            return false;
        }
        ck_assert_msg(used > 0, "no progress");
    }
    return true;
}

/* Input arrives in pieces that end at the given places; the last one is the end of the input. */
static void
run(const struct request_case *c, const size_t *ends, size_t n_ends, struct outcome *o)
{
    struct gn_slice input = gn_buf_slice(&c->input);
    size_t at = 0, have = 0;

    memset(o, 0, sizeof(*o));
    o->n = input.n;
    o->result = GN_HTTP_MORE;
    for (size_t i = 0; i < n_ends; i++) {
        if (!o->is_head_done) {
            o->bytes = extended_copy(o->bytes, have, input.p, ends[i]);
            have = ends[i];
            o->result = gn_http_head_feed(&o->parser, &c->limits, o->bytes, have);
            if (o->result == GN_HTTP_BAD)
                o->error = o->parser.error;
            if (o->result == GN_HTTP_BAD)
                return;
            if (o->result == GN_HTTP_MORE)
                continue;
            o->is_head_done = true;
            at = o->parser.head.head_bytes;
            ck_assert(at <= have);
            gn_http_body_init(&o->body, &o->parser.head);
            o->result = o->body.is_done ? GN_HTTP_DONE : GN_HTTP_MORE;
            if (!gn_http_body_limit(&o->body, c->max_body)) {
                o->result = GN_HTTP_BAD;
                o->error = o->body.error;
                return;
            }
        }
        if (o->result == GN_HTTP_DONE || !feed_body(o, input.p, &at, ends[i]))
            break;
    }
    o->message = at;
}

static void
outcome_fini(struct outcome *o)
{
    gn_http_parser_fini(&o->parser);
    gn_buf_fini(&o->decoded);
    free(o->bytes);
}

/* ---- expectations ---- */

static struct gn_slice
text_of(const struct outcome *o, struct gn_slice key, bool *known)
{
    const struct gn_http_head *h = &o->parser.head;
    const struct {
        const char *key;
        struct gn_slice text;
    } rows[] = {
        {"method", h->method},
        {"target", h->target},
        {"path", h->path},
        {"query", h->query},
        {"fragment", h->fragment},
        {"authority", h->authority},
        {"version", h->version},
        {"host", h->host},
        {"body", gn_buf_slice(&o->decoded)},
        {"message", gn_slice_str(o->error.message)},
    };

    *known = true;
    for (size_t i = 0; i < GN_ARRAY_LEN(rows); i++) {
        if (gn_slice_eq_str(key, rows[i].key))
            return rows[i].text;
    }
    *known = false;
    return GN_SLICE("");
}

/* Expectations whose value is a bare word. */
static bool
word_of(const struct outcome *o, struct gn_slice key, char *out, size_t size)
{
    static const char *const forms[] = {"origin", "absolute", "authority", "asterisk"};
    const struct gn_http_head *h = &o->parser.head;
    const struct {
        const char *key;
        bool value;
    } flags[] = {
        {"close", h->wants_close},
        {"chunked", h->is_chunked},
        {"continue", h->expects_continue},
        {"upgrade", h->wants_upgrade},
    };

    for (size_t i = 0; i < GN_ARRAY_LEN(flags); i++) {
        if (gn_slice_eq_str(key, flags[i].key)) {
            snprintf(out, size, "%s", flags[i].value ? "yes" : "no");
            return true;
        }
    }
    if (gn_slice_eq_str(key, "form"))
        snprintf(out, size, "%s", forms[h->form]);
    else if (gn_slice_eq_str(key, "speak"))
        snprintf(out, size, "%d.%d", h->major, h->minor);
    else if (gn_slice_eq_str(key, "fields"))
        snprintf(out, size, "%zu", h->n_fields);
    else if (gn_slice_eq_str(key, "body_bytes"))
        snprintf(out, size, "%zu", gn_buf_len(&o->decoded));
    else if (gn_slice_eq_str(key, "length"))
        snprintf(out, size, "%lld", (long long)h->content_length);
    else
        return false;
    return true;
}

static void
check_text(const struct request_case *c, struct gn_slice key, struct gn_slice want,
           struct gn_slice got)
{
    ck_assert_msg(gn_slice_eq(got, want), "%s: %.*s is '%.*s', expected '%.*s'", c->name,
                  GN_SLICE_ARG(key), GN_SLICE_ARG(got), GN_SLICE_ARG(want));
}

static void
check_field(const struct request_case *c, const struct outcome *o, size_t index,
            struct gn_slice value)
{
    const struct gn_http_head *h = &o->parser.head;
    struct gn_buf name = {0}, text = {0};

    ck_assert_msg(index < h->n_fields, "%s: only %zu fields", c->name, h->n_fields);
    take_quoted(&value, c->file, &name);
    take_quoted(&value, c->file, &text);
    check_text(c, GN_SLICE("field name"), gn_buf_slice(&name), h->fields[index].name);
    check_text(c, GN_SLICE("field value"), gn_buf_slice(&text), h->fields[index].value);
    gn_buf_fini(&name);
    gn_buf_fini(&text);
}

static void
check_one(const struct request_case *c, const struct outcome *o, const struct expectation *x)
{
    struct gn_slice value = x->value;
    struct gn_buf want = {0};
    bool known;
    struct gn_slice got = text_of(o, x->key, &known);
    char word[40];

    if (word_of(o, x->key, word, sizeof(word))) {
        check_text(c, x->key, x->value, gn_slice_str(word));
        return;
    }
    if (gn_slice_eq_str(x->key, "rest")) {
        got = gn_buf_slice(&c->input);
        got = gn_slice(got.p + o->message, got.n - o->message);
        known = true;
    }
    if (!known)
        give_up(c->file, x->key, "unknown key");
    take_quoted(&value, c->file, &want);
    check_text(c, x->key, gn_buf_slice(&want), got);
    gn_buf_fini(&want);
}

static void
check_result(const struct request_case *c, const struct outcome *o)
{
    const struct gn_http_error_row *row = &gn_http_errors[o->error.id];
    char got[80];

    if (o->result == GN_HTTP_DONE)
        snprintf(got, sizeof(got), "accept");
    else if (o->result == GN_HTTP_MORE)
        snprintf(got, sizeof(got), "incomplete");
    else
        snprintf(got, sizeof(got), "reject %d %s", row->status, row->name);
    ck_assert_msg(gn_slice_eq_str(c->result, got), "%s (%s): got %s (%s), expected %.*s", c->name,
                  c->file, got, o->error.message, GN_SLICE_ARG(c->result));
    if (o->result == GN_HTTP_BAD) {
        ck_assert(o->error.message[0] != '\0');
        for (const char *p = o->error.message; *p != '\0'; p++)
            ck_assert_msg(*p >= 0x20 && *p < 0x7f, "%s: raw byte in the message", c->name);
    }
}

static void
check_expectations(const struct request_case *c, const struct outcome *o)
{
    size_t n_fields = 0;

    check_result(c, o);
    for (size_t i = 0; i < c->n_expectations; i++) {
        const struct expectation *x = &c->expectations[i];

        if (gn_slice_eq_str(x->key, "field"))
            check_field(c, o, n_fields++, x->value);
        else
            check_one(c, o, x);
    }
    if (n_fields > 0)
        ck_assert_msg(o->parser.head.n_fields == n_fields, "%s: %zu fields", c->name,
                      o->parser.head.n_fields);
}

static void
same_text(const struct request_case *c, const char *what, struct gn_slice a, struct gn_slice b)
{
    /* An assertion that holds costs a system call, and there are thousands of fields. */
    if (!gn_slice_eq(a, b))
        ck_abort_msg("%s: %s depends on the split: '%.*s', '%.*s'", c->name, what, GN_SLICE_ARG(a),
                     GN_SLICE_ARG(b));
}

/* Every observable thing is the same in both runs. */
static void
check_same(const struct request_case *c, const struct outcome *a, const struct outcome *b)
{
    static const char *const texts[] = {"method",    "target",  "path", "query", "fragment",
                                        "authority", "version", "host", "body",  "message"};
    static const char *const words[] = {"close", "chunked", "continue", "upgrade",
                                        "form",  "speak",   "fields",   "length"};

    ck_assert_msg(a->result == b->result && a->error.id == b->error.id,
                  "%s: the result depends on the split (%s / %s)", c->name, a->error.message,
                  b->error.message);
    if (a->result == GN_HTTP_BAD) {
        same_text(c, "message", gn_slice_str(a->error.message), gn_slice_str(b->error.message));
        return;
    }
    if (!a->is_head_done)
        return;
    ck_assert_uint_eq(a->message, b->message);
    for (size_t i = 0; i < GN_ARRAY_LEN(texts); i++) {
        struct gn_slice key = gn_slice_str(texts[i]);
        bool known;

        same_text(c, texts[i], text_of(a, key, &known), text_of(b, key, &known));
    }
    for (size_t i = 0; i < GN_ARRAY_LEN(words); i++) {
        char x[40], y[40];

        ck_assert(word_of(a, gn_slice_str(words[i]), x, sizeof(x)));
        ck_assert(word_of(b, gn_slice_str(words[i]), y, sizeof(y)));
        same_text(c, words[i], gn_slice_str(x), gn_slice_str(y));
    }
    for (size_t i = 0; i < a->parser.head.n_fields; i++) {
        same_text(c, "name", a->parser.head.fields[i].name, b->parser.head.fields[i].name);
        same_text(c, "value", a->parser.head.fields[i].value, b->parser.head.fields[i].value);
    }
}

static void
compare_split(const struct request_case *c, const struct outcome *whole, const size_t *ends,
              size_t n_ends)
{
    struct outcome o;

    run(c, ends, n_ends, &o);
    check_same(c, whole, &o);
    outcome_fini(&o);
}

/* Byte by byte; inputs that are long are fed in steps so that the copies stay affordable. */
static void
compare_small_steps(const struct request_case *c, const struct outcome *whole, size_t n)
{
    size_t step = n <= 2000 ? 1 : n / 400;
    size_t *ends = calloc(n / step + 2, sizeof(*ends));
    size_t n_ends = 0;

    ck_assert_ptr_nonnull(ends);
    for (size_t end = step; end < n; end += step)
        ends[n_ends++] = end;
    ends[n_ends++] = n;
    compare_split(c, whole, ends, n_ends);
    free(ends);
}

START_TEST(test_case)
{
    const struct request_case *c = &cases[_i];
    size_t n = gn_buf_len(&c->input);
    size_t step = n <= 600 ? 1 : n / 100;
    struct outcome whole;

    run(c, &n, 1, &whole);
    check_expectations(c, &whole);
    compare_small_steps(c, &whole, n);
    for (size_t i = 0; i < n; i += step) {
        size_t ends[] = {i, n};

        compare_split(c, &whole, ends, 2);
    }
    outcome_fini(&whole);
}
END_TEST

/* Each case says why, and has a result; so a file cannot be emptied or cut unnoticed. */
START_TEST(test_corpus_is_complete)
{
    ck_assert_uint_ge(n_cases, MIN_CASES);
    for (size_t i = 0; i < n_cases; i++) {
        ck_assert_msg(cases[i].has_reason, "%s has no reason", cases[i].name);
        ck_assert_msg(cases[i].result.n > 0, "%s has no result", cases[i].name);
        ck_assert_msg(gn_buf_len(&cases[i].input) > 0, "%s has no input", cases[i].name);
    }
}
END_TEST

/* Every error that head or body parser can give is met by some case. */
START_TEST(test_corpus_covers_errors)
{
    static const enum gn_http_error_id elsewhere[] = {
        GN_HTTP_E_PARSE,
        GN_HTTP_E_NO_MORE_DATA,
        GN_HTTP_E_CONFIGURATION_PROBLEM,
        GN_HTTP_E_INVALID_PROXY_LINE,
        GN_HTTP_E_INVALID_PROXY_HEADER,
        GN_HTTP_E_FORBIDDEN_PROXY_REQUEST,
        GN_HTTP_E_INVALID_SCHEME_HEADERS,
        GN_HTTP_E_REQUEST_TIMEOUT,
        GN_HTTP_E_PLAIN_HTTP,
        GN_HTTP_E_NO_MEMORY,
    };
    bool is_met[GN_HTTP_ERROR_COUNT] = {false};

    for (size_t i = 0; i < GN_ARRAY_LEN(elsewhere); i++)
        is_met[elsewhere[i]] = true;
    for (size_t i = 0; i < n_cases; i++) {
        for (size_t id = 0; id < GN_HTTP_ERROR_COUNT; id++) {
            char want[80];

            snprintf(want, sizeof(want), "reject %d %s", gn_http_errors[id].status,
                     gn_http_errors[id].name);
            if (gn_slice_eq_str(cases[i].result, want))
                is_met[id] = true;
        }
    }
    for (size_t id = 0; id < GN_HTTP_ERROR_COUNT; id++)
        ck_assert_msg(is_met[id], "no case for %s", gn_http_errors[id].name);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("http corpus");
    TCase *tc = tcase_create("requests");
    SRunner *runner;
    int failed;

    load_corpus();
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, test_corpus_is_complete);
    tcase_add_test(tc, test_corpus_covers_errors);
    tcase_add_loop_test(tc, test_case, 0, (int)n_cases);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
