/* What the parser makes of the bytes of one connection, as events: one JSON array.
 *
 * Heads and bodies of all requests in their order, to the first error or to the end of the bytes,
 * which arrive in the pieces that the caller says. What is fed lies in buffers of exactly its size,
 * at a new place each time, so that a sanitizer sees every byte read too much. An event is an
 * object:
 *
 *     {"event": "head", ...}                  a head, all that was found in it
 *     {"event": "body", "data": D, "end": N}  its whole body; the next request begins at N
 *     {"event": "error", "status": N, "id": ID, "message": M, "data": D}
 *     {"event": "more", "data": D}            the bytes ended within a request
 *     {"event": "closed", "end": N}           nothing may follow that request
 *     {"event": "end", "end": N}              all bytes were used
 *
 * Texts have one character per byte. `data` is what was decoded of a body that did not end.
 */
#ifndef TESTS_FUZZ_STREAM_H
#define TESTS_FUZZ_STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "http/body.h"
#include "http/head.h"

struct stream {
    const struct gn_http_limits *limits;
    uint64_t max_body;
    const char *data;
    struct gn_buf *out;
    struct gn_http_parser parser;
    struct gn_http_body body;
    struct gn_buf decoded;
    char *bytes; /* the parser's copy of the head's bytes */
    size_t have; /* of them */
    size_t from; /* where the request begins */
    size_t at;   /* the first byte of the body that was not fed */
    bool is_in_body;
    bool is_over;
};

static void
stream_must(bool ok)
{
    if (!ok)
        abort();
}

static void
stream_put(struct stream *s, const char *text)
{
    stream_must(gn_buf_append(s->out, text, strlen(text)));
}

static void
stream_put_quoted(struct stream *s, struct gn_slice text)
{
    stream_put(s, "\"");
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];

        if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\')
            stream_must(gn_buf_printf(s->out, "\\u%04x", c));
        else
            stream_must(gn_buf_append(s->out, &text.p[i], 1));
    }
    stream_put(s, "\"");
}

static void
stream_put_text(struct stream *s, const char *name, struct gn_slice text)
{
    stream_must(gn_buf_printf(s->out, ", \"%s\": ", name));
    stream_put_quoted(s, text);
}

static void
stream_put_flag(struct stream *s, const char *name, bool value)
{
    stream_must(gn_buf_printf(s->out, ", \"%s\": %s", name, value ? "true" : "false"));
}

static void
stream_event(struct stream *s, const char *name)
{
    if (gn_buf_len(s->out) > 1)
        stream_put(s, ", ");
    stream_must(gn_buf_printf(s->out, "{\"event\": \"%s\"", name));
}

static void
stream_put_head(struct stream *s)
{
    static const char *const forms[] = {"origin", "absolute", "authority", "asterisk"};
    const struct gn_http_head *h = &s->parser.head;

    stream_event(s, "head");
    stream_put_text(s, "method", h->method);
    stream_put_text(s, "target", h->target);
    stream_put_text(s, "path", h->path);
    stream_put_text(s, "query", h->query);
    stream_put_text(s, "fragment", h->fragment);
    stream_put_text(s, "authority", h->authority);
    stream_put_text(s, "version", h->version);
    stream_put_text(s, "form", gn_slice_str(forms[h->form]));
    stream_must(gn_buf_printf(s->out, ", \"minor\": %d, \"length\": %lld, \"fields\": [", h->minor,
                              (long long)h->content_length));
    for (size_t i = 0; i < h->n_fields; i++) {
        stream_put(s, i > 0 ? ", [" : "[");
        stream_put_quoted(s, h->fields[i].name);
        stream_put(s, ", ");
        stream_put_quoted(s, h->fields[i].value);
        stream_put(s, "]");
    }
    stream_put(s, "]");
    stream_put_text(s, "host", h->host);
    stream_put_flag(s, "has_host", h->has_host);
    stream_put_flag(s, "chunked", h->is_chunked);
    stream_put_flag(s, "close", h->wants_close);
    stream_put_flag(s, "continue", h->expects_continue);
    stream_put_flag(s, "upgrade", h->wants_upgrade);
    stream_put(s, "}");
}

static void
stream_put_data(struct stream *s)
{
    stream_put_text(s, "data", gn_buf_slice(&s->decoded));
}

static void
stream_fail(struct stream *s, const struct gn_http_error *e)
{
    stream_event(s, "error");
    stream_must(gn_buf_printf(s->out, ", \"status\": %d", gn_http_errors[e->id].status));
    stream_put_text(s, "id", gn_slice_str(gn_http_errors[e->id].name));
    stream_put_text(s, "message", gn_slice_str(e->message));
    stream_put_data(s);
    stream_put(s, "}");
    s->is_over = true;
}

/* The bytes so far, behind those that the parser has seen and may have changed. */
static void
stream_extend(struct stream *s, size_t end)
{
    size_t n = end - s->from;
    char *bytes = malloc(n > 0 ? n : 1);

    stream_must(bytes != NULL);
    if (s->have > 0)
        memcpy(bytes, s->bytes, s->have);
    if (n > s->have)
        memcpy(bytes + s->have, s->data + s->from + s->have, n - s->have);
    free(s->bytes);
    s->bytes = bytes;
    s->have = n;
}

/* False when the head is not complete, or wrong. */
static bool
stream_head(struct stream *s, size_t end)
{
    enum gn_http_result result;

    stream_extend(s, end);
    result = gn_http_head_feed(&s->parser, s->limits, s->bytes, s->have);
    if (result == GN_HTTP_BAD)
        stream_fail(s, &s->parser.error);
    if (result != GN_HTTP_DONE)
        return false;
    stream_must(s->parser.head.head_bytes <= s->have);
    s->at = s->from + s->parser.head.head_bytes;
    s->is_in_body = true;
    stream_put_head(s);
    gn_http_body_init(&s->body, &s->parser.head);
    if (gn_http_body_limit(&s->body, s->max_body))
        return true;
    stream_fail(s, &s->body.error);
    return false;
}

/* False when the body is not complete, or wrong. */
static bool
stream_body(struct stream *s, size_t end)
{
    while (!s->body.is_done) {
        size_t n = end - s->at, used;
        char *part = malloc(n > 0 ? n : 1);
        enum gn_http_result result;
        struct gn_slice out;

        stream_must(part != NULL);
        memcpy(part, s->data + s->at, n);
        result = gn_http_body_feed(&s->body, part, n, &used, &out);
        stream_must(used <= n && out.n <= used &&
                    (out.n == 0 || (out.p >= part && out.p + out.n <= part + used)));
        stream_must(gn_buf_append(&s->decoded, out.p, out.n));
        stream_must(s->body.is_done == (result == GN_HTTP_DONE));
        free(part);
        s->at += used;
        if (result == GN_HTTP_BAD)
            stream_fail(s, &s->body.error);
        if (result == GN_HTTP_BAD || (result == GN_HTTP_MORE && s->at == end))
            return false;
        stream_must(result == GN_HTTP_DONE || used > 0);
    }
    return true;
}

static void
stream_next(struct stream *s)
{
    const struct gn_http_head *h = &s->parser.head;

    stream_event(s, "body");
    stream_put_data(s);
    stream_must(gn_buf_printf(s->out, ", \"end\": %zu}", s->at));
    if (h->wants_close || h->wants_upgrade || h->form == GN_FORM_AUTHORITY) {
        stream_event(s, "closed");
        stream_must(gn_buf_printf(s->out, ", \"end\": %zu}", s->at));
        s->is_over = true;
    }
    gn_buf_clear(&s->decoded);
    gn_http_parser_reset(&s->parser);
    s->from = s->at;
    s->have = 0;
    s->is_in_body = false;
}

/* Everything up to the offset `end` has come. */
static void
stream_feed(struct stream *s, size_t end)
{
    while (!s->is_over && s->from < end) {
        if ((!s->is_in_body && !stream_head(s, end)) || !stream_body(s, end))
            return;
        stream_next(s);
    }
}

/* Appends the events of data[0..n) to `out`; the bytes come in pieces that end at the given
 * offsets, the last of which is n. */
static void
stream_run(const struct gn_http_limits *limits, uint64_t max_body, struct gn_slice data,
           const size_t *ends, size_t n_ends, struct gn_buf *out)
{
    struct stream s = {.limits = limits, .max_body = max_body, .data = data.p, .out = out};

    stream_put(&s, "[");
    for (size_t i = 0; i < n_ends; i++)
        stream_feed(&s, ends[i]);
    if (!s.is_over && s.from < data.n) {
        stream_event(&s, "more");
        stream_put_data(&s);
        stream_put(&s, "}");
    } else if (!s.is_over) {
        stream_event(&s, "end");
        stream_must(gn_buf_printf(out, ", \"end\": %zu}", s.from));
    }
    stream_put(&s, "]\n");
    gn_http_parser_fini(&s.parser);
    gn_buf_fini(&s.decoded);
    free(s.bytes);
}

#endif
