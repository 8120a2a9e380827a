#include <string.h>

#include "base/num.h"
#include "http/chars.h"
#include "http/head_priv.h"

/* The one known name with this length, first and last letter; the comparison decides. */
static enum gn_http_known
candidate(struct gn_slice name, struct gn_slice *text)
{
#define KEY(n, first, last) ((n) << 16 | (size_t)(first) << 8 | (size_t)(last))
#define KNOWN(first, last, lower, id)                                                              \
    case KEY(sizeof(lower) - 1, first, last):                                                      \
        *text = GN_SLICE(lower);                                                                   \
        return id
    switch (KEY(name.n, name.p[0] | 0x20, name.p[name.n - 1] | 0x20)) {
        KNOWN('h', 't', "host", GN_KNOWN_HOST);
        KNOWN('c', 'h', "content-length", GN_KNOWN_CONTENT_LENGTH);
        KNOWN('c', 'e', "content-type", GN_KNOWN_CONTENT_TYPE);
        KNOWN('t', 'g', "transfer-encoding", GN_KNOWN_TRANSFER_ENCODING);
        KNOWN('c', 'n', "connection", GN_KNOWN_CONNECTION);
        KNOWN('e', 't', "expect", GN_KNOWN_EXPECT);
        KNOWN('u', 'e', "upgrade", GN_KNOWN_UPGRADE);
        KNOWN('c', 'e', "cookie", GN_KNOWN_COOKIE);
        KNOWN('a', 'n', "authorization", GN_KNOWN_AUTHORIZATION);
        KNOWN('u', 't', "user-agent", GN_KNOWN_USER_AGENT);
        KNOWN('r', 'r', "referer", GN_KNOWN_REFERER);
        KNOWN('a', 't', "accept", GN_KNOWN_ACCEPT);
        KNOWN('a', 'g', "accept-encoding", GN_KNOWN_ACCEPT_ENCODING);
        KNOWN('a', 'e', "accept-language", GN_KNOWN_ACCEPT_LANGUAGE);
    default:
        return GN_KNOWN_NONE;
    }
#undef KNOWN
#undef KEY
}

static enum gn_http_known
known_name(struct gn_slice name)
{
    struct gn_slice text;
    enum gn_http_known id = candidate(name, &text);

    return id != GN_KNOWN_NONE && gn_http_token_is(name, text) ? id : GN_KNOWN_NONE;
}

bool
gn_http_field_line(struct gn_http_head *h, struct gn_http_error *e, bool strip_spaces,
                   struct gn_slice line)
{
    struct gn_http_field *f = &h->fields[h->n_fields];
    const char *p = line.p;
    const char *end = p + line.n;
    unsigned seen = 0;
    unsigned class;

    while (p < end && ((class = gn_http_chars[(unsigned char)*p]) & GN_CH_TOKEN)) {
        seen |= class;
        p++;
    }
    f->name = gn_slice(line.p, (size_t)(p - line.p));
    while (strip_spaces && p < end && gn_http_is_blank(*p))
        p++;
    if (p == end || *p != ':' || f->name.n == 0) {
        size_t colon = gn_slice_find(line, ':');

        if (colon == line.n)
            return gn_http_fail_quote(e, GN_HTTP_E_INVALID_HEADER, "Invalid HTTP Header:", line);
        return gn_http_fail_quote(e, GN_HTTP_E_INVALID_HEADER_NAME,
                                  "Invalid HTTP header name:", gn_slice(line.p, colon));
    }
    p++;
    f->value = gn_http_trim(gn_slice(p, (size_t)(end - p)));
    f->known = (uint8_t)known_name(f->name);
    f->flags = seen & GN_CH_UNDERSCORE ? GN_FIELD_UNDERSCORE : 0;
    h->n_fields++;
    return true;
}

void
gn_http_fold_line(struct gn_http_head *h, char *line, size_t n)
{
    struct gn_slice *value = &h->fields[h->n_fields - 1].value;
    struct gn_slice more = gn_http_trim(gn_slice(line, n));
    /* Right behind the value, in the caller's writable buffer. */
    char *at = line - (line - (value->p + value->n));

    if (more.n == 0)
        return;
    if (value->n > 0)
        *at++ = ' ';
    memmove(at, more.p, more.n);
    value->n = (size_t)(at - value->p) + more.n;
}

/* What is gathered from the fields that frame the message. */
struct framing {
    unsigned seen;    /* bit per enum gn_http_known */
    bool has_foreign; /* a transfer coding that nobody knows */
    bool has_coding;  /* one that the application may know */
    bool has_close;
    bool has_keep_alive;
    bool has_upgrade; /* in Connection */
    bool has_expect;
};

static bool
bad_field(struct gn_http_error *e, const struct gn_http_field *f)
{
    return gn_http_fail_quote(e, GN_HTTP_E_INVALID_HEADER, "Invalid HTTP Header:", f->name);
}

static bool
take_host(struct gn_http_head *h, struct gn_http_error *e, const struct gn_http_field *f)
{
    h->has_host = true;
    h->host = f->value;
    /* Empty is right for a target without authority (RFC 9112 3.2). */
    if (f->value.n == 0 || gn_http_host_check(f->value, false))
        return true;
    return gn_http_fail_quote(e, GN_HTTP_E_INVALID_HOST, "Invalid Host:", f->value);
}

static bool
take_length(struct gn_http_head *h, struct gn_http_error *e, const struct gn_http_field *f)
{
    uint64_t length;

    if (!gn_num_digits(f->value, INT64_MAX, &length))
        return bad_field(e, f);
    h->content_length = (int64_t)length;
    return true;
}

/* The codings of RFC 9112 7.2, without parameters. */
static bool
is_compression(struct gn_slice coding)
{
    return gn_http_token_is(coding, GN_SLICE("gzip")) ||
           gn_http_token_is(coding, GN_SLICE("deflate")) ||
           gn_http_token_is(coding, GN_SLICE("compress"));
}

/* One `chunked`, and it is the last one. What lies under it is the application's to decode. Several
 * fields are one list (RFC 9110 5.3). */
static bool
take_codings(struct gn_http_head *h, struct gn_http_error *e, const struct gn_http_field *f,
             struct framing *framing)
{
    struct gn_slice rest = f->value;
    struct gn_slice coding, after;

    while (gn_http_next_element(&rest, &coding)) {
        size_t name = 0;

        while (name < coding.n && gn_http_is(coding.p[name], GN_CH_TOKEN))
            name++;
        after = gn_http_trim(gn_slice(coding.p + name, coding.n - name));
        if (name == 0 || h->is_chunked || (after.n > 0 && after.p[0] != ';'))
            return bad_field(e, f);
        if (name == coding.n && gn_http_token_is(coding, GN_SLICE("chunked"))) {
            h->is_chunked = true;
            continue;
        }
        if (name == coding.n && is_compression(coding)) {
            framing->has_coding = true;
            continue;
        }
        if (!framing->has_foreign)
            gn_http_fail_quote(e, GN_HTTP_E_UNSUPPORTED_TRANSFER_CODING,
                               "Unsupported transfer coding:", coding);
        framing->has_foreign = true;
    }
    return true;
}

static void
take_connection(const struct gn_http_field *f, struct framing *framing)
{
    struct gn_slice rest = f->value;
    struct gn_slice option;

    while (gn_http_next_element(&rest, &option)) {
        if (gn_slice_eq_nocase(option, GN_SLICE("close")))
            framing->has_close = true;
        else if (gn_slice_eq_nocase(option, GN_SLICE("keep-alive")))
            framing->has_keep_alive = true;
        else if (gn_slice_eq_nocase(option, GN_SLICE("upgrade")))
            framing->has_upgrade = true;
    }
}

static bool
take_expect(struct gn_http_error *e, const struct gn_http_field *f, struct framing *framing)
{
    struct gn_slice rest = f->value;
    struct gn_slice wish;

    framing->has_expect = true;
    while (gn_http_next_element(&rest, &wish)) {
        if (!gn_slice_eq_nocase(wish, GN_SLICE("100-continue")))
            return gn_http_fail_quote(e, GN_HTTP_E_EXPECTATION_FAILED, "Unable to comply with",
                                      f->value);
    }
    return true;
}

static bool
take_field(struct gn_http_head *h, struct gn_http_error *e, const struct gn_http_field *f,
           struct framing *framing)
{
    const unsigned single =
        1u << GN_KNOWN_HOST | 1u << GN_KNOWN_CONTENT_LENGTH | 1u << GN_KNOWN_CONTENT_TYPE;
    unsigned bit = 1u << f->known;

    if (framing->seen & bit & single)
        return bad_field(e, f);
    framing->seen |= bit;
    switch (f->known) {
    case GN_KNOWN_HOST:
        return take_host(h, e, f);
    case GN_KNOWN_CONTENT_LENGTH:
        return take_length(h, e, f);
    case GN_KNOWN_TRANSFER_ENCODING:
        return take_codings(h, e, f, framing);
    case GN_KNOWN_CONNECTION:
        take_connection(f, framing);
        return true;
    case GN_KNOWN_EXPECT:
        return take_expect(e, f, framing);
    default:
        return true;
    }
}

/* RFC 9112 6.1 and 6.3: a message that says its length in two ways, or in a way that is not
 * understood, is not for guessing. */
static bool
check_framing(struct gn_http_head *h, struct gn_http_error *e, const struct framing *framing)
{
    if (!(framing->seen & 1u << GN_KNOWN_TRANSFER_ENCODING))
        return true;
    if (h->content_length >= 0)
        return gn_http_fail(e, GN_HTTP_E_INVALID_HEADER,
                            "Invalid HTTP Header: 'Content-Length' with 'Transfer-Encoding'");
    if (h->minor == 0)
        return gn_http_fail(e, GN_HTTP_E_INVALID_HEADER,
                            "Invalid HTTP Header: 'Transfer-Encoding' in HTTP/1.0");
    if (framing->has_foreign)
        return false; /* take_codings has said why */
    return h->is_chunked || gn_http_fail(e, GN_HTTP_E_INVALID_HEADER,
                                         "Invalid HTTP Header: 'Transfer-Encoding' does not end "
                                         "with 'chunked'");
}

bool
gn_http_head_finish(struct gn_http_head *h, struct gn_http_error *e,
                    const struct gn_http_limits *limits)
{
    struct framing framing = {0};

    h->content_length = -1;
    for (size_t i = 0; i < h->n_fields; i++) {
        if (h->fields[i].known != GN_KNOWN_NONE && !take_field(h, e, &h->fields[i], &framing))
            return false;
    }
    if (!check_framing(h, e, &framing))
        return false;
    if (!h->has_host && h->minor > 0 && !limits->permit_missing_host)
        return gn_http_fail(e, GN_HTTP_E_INVALID_HOST, "Missing Host header in HTTP/1.1 request");
    /* A body that is still coded is rare enough not to trust what comes behind it. */
    h->wants_close =
        framing.has_close || framing.has_coding || (h->minor == 0 && !framing.has_keep_alive);
    h->expects_continue =
        framing.has_expect && h->minor > 0 && (h->is_chunked || h->content_length > 0);
    h->wants_upgrade =
        framing.has_upgrade && h->minor > 0 && (framing.seen & 1u << GN_KNOWN_UPGRADE) != 0;
    return true;
}
