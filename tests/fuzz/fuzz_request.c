/* Request heads, whole and in pieces: the same result, and nothing accepted that breaks the
 * grammar.
 *
 * Input: a byte of switches, a byte that chooses the pieces, then the request.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/chars.h"
#include "http/head.h"
#include "http/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    enum gn_http_result result;
    struct gn_http_parser parser;
    char *bytes; /* the parser's buffer */
};

static void
expect(bool ok)
{
    if (!ok)
        abort();
}

static void
make_limits(unsigned switches, struct gn_http_limits *l)
{
    *l = (struct gn_http_limits){.request_line = 4094, .fields = 100, .field_size = 8190};
    l->permit_obsolete_folding = (switches & 1) != 0;
    l->strip_header_spaces = (switches & 2) != 0;
    l->permit_unconventional_method = (switches & 4) != 0;
    l->permit_unconventional_version = (switches & 8) != 0;
    l->casefold_method = (switches & 16) != 0;
    l->permit_missing_host = (switches & 32) != 0;
    if (switches & 64) {
        l->request_line = 40;
        l->fields = 3;
        l->field_size = 30;
    }
}

/* Buffers of exactly the size reached, at a new place each time. `step` 0: all at once. */
static void
run(const struct gn_http_limits *limits, const char *data, size_t n, size_t step, struct outcome *o)
{
    size_t have = 0;

    memset(o, 0, sizeof(*o));
    do {
        size_t next = step == 0 || n - have < step ? n : have + step;
        char *bytes = malloc(next > 0 ? next : 1);

        expect(bytes != NULL);
        if (have > 0)
            memcpy(bytes, o->bytes, have);
        if (next > have)
            memcpy(bytes + have, data + have, next - have);
        free(o->bytes);
        o->bytes = bytes;
        have = next;
        o->result = gn_http_head_feed(&o->parser, limits, o->bytes, have);
    } while (o->result == GN_HTTP_MORE && have < n);
}

static void
check_head(const struct gn_http_head *h, const char *bytes)
{
    expect(gn_http_all(h->method, GN_CH_TOKEN));
    expect(gn_http_all(h->target, GN_CH_FRAGMENT));
    expect(h->version.n == 8);
    expect(h->major == 1 && h->minor <= 1);
    expect(h->head_bytes >= 4 && memcmp(bytes + h->head_bytes - 2, "\r\n", 2) == 0);
    expect(!h->is_chunked || (h->content_length == -1 && h->minor == 1));
    expect(h->content_length >= -1);
    expect(!h->expects_continue || h->is_chunked || h->content_length > 0);
    expect(h->path.n > 0 || h->form == GN_FORM_AUTHORITY);
    for (size_t i = 0; i < h->n_fields; i++) {
        const struct gn_http_field *f = &h->fields[i];

        expect(gn_http_all(f->name, GN_CH_TOKEN));
        expect(f->value.n == 0 ||
               (gn_http_all(f->value, GN_CH_TEXT) && !gn_http_is_blank(f->value.p[0]) &&
                !gn_http_is_blank(f->value.p[f->value.n - 1])));
        expect(((f->flags & GN_FIELD_UNDERSCORE) != 0) ==
               (memchr(f->name.p, '_', f->name.n) != NULL));
        expect(f->known < GN_KNOWN_COUNT);
    }
}

static void
check_same(const struct outcome *a, const struct outcome *b)
{
    const struct gn_http_head *x = &a->parser.head;
    const struct gn_http_head *y = &b->parser.head;

    expect(a->result == b->result);
    if (a->result == GN_HTTP_BAD) {
        expect(a->parser.error.id == b->parser.error.id);
        expect(strcmp(a->parser.error.message, b->parser.error.message) == 0);
    }
    if (a->result != GN_HTTP_DONE)
        return;
    expect(gn_slice_eq(x->method, y->method) && gn_slice_eq(x->target, y->target));
    expect(gn_slice_eq(x->path, y->path) && gn_slice_eq(x->query, y->query));
    expect(gn_slice_eq(x->fragment, y->fragment) && gn_slice_eq(x->authority, y->authority));
    expect(gn_slice_eq(x->host, y->host) && x->form == y->form && x->minor == y->minor);
    expect(x->head_bytes == y->head_bytes && x->content_length == y->content_length);
    expect(x->is_chunked == y->is_chunked && x->wants_close == y->wants_close);
    expect(x->n_fields == y->n_fields);
    for (size_t i = 0; i < x->n_fields; i++) {
        expect(gn_slice_eq(x->fields[i].name, y->fields[i].name));
        expect(gn_slice_eq(x->fields[i].value, y->fields[i].value));
        expect(x->fields[i].known == y->fields[i].known);
    }
}

static void
check_message(const struct gn_http_error *e)
{
    expect(e->id < GN_HTTP_ERROR_COUNT && e->message[0] != '\0');
    for (const char *p = e->message; *p != '\0'; p++)
        expect(*p >= 0x20 && *p < 0x7f);
}

static void
try_policy(struct gn_http_head *h, unsigned choice)
{
    static const struct gn_slice forwarder[] = {{"SCRIPT_NAME", 11}, {"A_B", 3}};
    static const struct gn_http_pair scheme[] = {{{"X-FORWARDED-PROTO", 17}, {"https", 5}},
                                                 {{"X", 1}, {"1", 1}}};
    const struct gn_http_policy policy = {(enum gn_http_header_map)(choice % 3), forwarder, 2,
                                          scheme, 2};
    struct gn_http_trust trust;
    struct gn_http_error error;

    if (!gn_http_policy_apply(&policy, h, (choice & 4) != 0, (choice & 8) != 0, &trust, &error,
                              NULL, NULL))
        check_message(&error);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gn_http_limits limits;
    struct outcome whole, split;

    if (size < 2)
        return 0;
    make_limits(data[0], &limits);
    run(&limits, (const char *)data + 2, size - 2, 0, &whole);
    run(&limits, (const char *)data + 2, size - 2, (size_t)data[1] % 64 + 1, &split);
    check_same(&whole, &split);
    if (whole.result == GN_HTTP_BAD)
        check_message(&whole.parser.error);
    if (whole.result == GN_HTTP_DONE) {
        check_head(&whole.parser.head, whole.bytes);
        try_policy(&whole.parser.head, data[1]);
    }
    gn_http_parser_fini(&whole.parser);
    gn_http_parser_fini(&split.parser);
    free(whole.bytes);
    free(split.bytes);
    return 0;
}
