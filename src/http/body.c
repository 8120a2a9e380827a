#include "http/body.h"

#include <string.h>

#include "http/chars.h"
#include "http/head_priv.h"

enum state {
    STATE_LENGTH,     /* Content-Length: `left` bytes to come */
    STATE_SIZE_FIRST, /* a chunk size begins */
    STATE_SIZE,
    STATE_EXTENSION,
    STATE_SIZE_LF,
    STATE_DATA,
    STATE_DATA_CR,
    STATE_DATA_LF,
    STATE_TRAILER_FIRST, /* a trailer, or the empty line */
    STATE_TRAILER_NAME,
    STATE_TRAILER_VALUE,
    STATE_TRAILER_LF,
    STATE_END_LF,
    STATE_DONE,
    STATE_BAD,
};

void
gn_http_body_init(struct gn_http_body *b, const struct gn_http_head *h)
{
    memset(b, 0, offsetof(struct gn_http_body, error));
    b->error.id = GN_HTTP_E_PARSE;
    b->error.message[0] = '\0';
    b->is_chunked = h->is_chunked;
    b->room = UINT64_MAX;
    b->credit = GN_BODY_EXTENSION_CREDIT;
    if (h->is_chunked) {
        b->state = STATE_SIZE_FIRST;
    } else {
        b->left = h->content_length > 0 ? (uint64_t)h->content_length : 0;
        b->is_done = b->left == 0;
        b->state = b->is_done ? STATE_DONE : STATE_LENGTH;
    }
}

static enum state
bad(struct gn_http_body *b, enum gn_http_error_id id, const char *text, char c)
{
    gn_http_fail_quote(&b->error, id, text, gn_slice(&c, 1));
    return STATE_BAD;
}

static enum state
too_large(struct gn_http_body *b, enum gn_http_error_id id, const char *text)
{
    gn_http_fail(&b->error, id, text);
    return STATE_BAD;
}

static enum state
body_too_large(struct gn_http_body *b)
{
    return too_large(b, GN_HTTP_E_LIMIT_REQUEST_BODY, "Request body is too large");
}

bool
gn_http_body_limit(struct gn_http_body *b, uint64_t max_bytes)
{
    b->room = max_bytes;
    if (b->state == STATE_LENGTH && b->left > max_bytes) {
        b->state = (int)body_too_large(b);
        return false;
    }
    return true;
}

/* The size line is complete. */
static enum state
size_known(struct gn_http_body *b)
{
    b->line_bytes = 0;
    if (b->left == 0)
        return STATE_TRAILER_FIRST;
    if (b->left > b->room)
        return body_too_large(b);
    b->room -= b->left;
    if (__builtin_add_overflow(b->credit, b->left, &b->credit))
        b->credit = UINT64_MAX;
    return STATE_DATA;
}

/* 1*HEXDIG, then at once ";" or CR: the white space that RFC 9112 7.1.1 tolerates as "bad" serves
 * smugglers only. */
static enum state
size_byte(struct gn_http_body *b, char c)
{
    unsigned digit = gn_http_hex[(unsigned char)c];

    if (digit == GN_HEX_NONE) {
        if (b->state == STATE_SIZE && c == '\r')
            return STATE_SIZE_LF;
        if (b->state == STATE_SIZE && c == ';')
            return STATE_EXTENSION;
        return bad(b, GN_HTTP_E_INVALID_CHUNK_SIZE, "Invalid chunk size: found", c);
    }
    /* 63 bits, so that sums of a size and a little never wrap and file offsets hold it. */
    if (++b->line_bytes > GN_BODY_MAX_CHUNK_DIGITS || b->left > (uint64_t)INT64_MAX >> 4)
        return too_large(b, GN_HTTP_E_INVALID_CHUNK_SIZE, "Invalid chunk size: too large");
    b->left = b->left << 4 | digit;
    return STATE_SIZE;
}

/* Extensions mean nothing to us; they are bounded one by one and together (RFC 9112 7.1.1). */
static enum state
extension_byte(struct gn_http_body *b, char c)
{
    if (c == '\r')
        return STATE_SIZE_LF;
    if (!gn_http_is(c, GN_CH_TEXT))
        return bad(b, GN_HTTP_E_INVALID_CHUNK_EXTENSION, "Invalid chunk extension: found", c);
    if (++b->line_bytes > GN_BODY_MAX_CHUNK_LINE || b->credit == 0)
        return too_large(b, GN_HTTP_E_INVALID_CHUNK_EXTENSION,
                         "Invalid chunk extension: too large");
    b->credit--;
    return STATE_EXTENSION;
}

static enum state
trailer_byte(struct gn_http_body *b, char c)
{
    if (++b->line_bytes > GN_BODY_MAX_CHUNK_LINE || ++b->trailer_bytes > GN_BODY_MAX_TRAILER_BYTES)
        return too_large(b, GN_HTTP_E_LIMIT_REQUEST_HEADERS, "limit request trailer fields size");
    if (b->state == STATE_TRAILER_VALUE)
        return c == '\r' ? STATE_TRAILER_LF
               : gn_http_is(c, GN_CH_TEXT)
                   ? STATE_TRAILER_VALUE
                   : bad(b, GN_HTTP_E_INVALID_TRAILER, "Invalid HTTP trailer: found", c);
    if (gn_http_is(c, GN_CH_TOKEN))
        return STATE_TRAILER_NAME;
    if (b->state == STATE_TRAILER_NAME && c == ':')
        return STATE_TRAILER_VALUE;
    return bad(b, GN_HTTP_E_INVALID_TRAILER, "Invalid HTTP trailer name: found", c);
}

static enum state
trailer_first(struct gn_http_body *b, char c)
{
    if (c == '\r')
        return STATE_END_LF;
    if (b->trailer_count++ >= GN_BODY_MAX_TRAILERS)
        return too_large(b, GN_HTTP_E_LIMIT_REQUEST_HEADERS, "limit request trailer fields");
    b->line_bytes = 0;
    return trailer_byte(b, c);
}

/* One byte that is not data. */
static enum state
control_byte(struct gn_http_body *b, char c)
{
    switch ((enum state)b->state) {
    case STATE_SIZE_FIRST:
    case STATE_SIZE:
        return size_byte(b, c);
    case STATE_EXTENSION:
        return extension_byte(b, c);
    case STATE_SIZE_LF:
        return c == '\n' ? size_known(b)
                         : bad(b, GN_HTTP_E_INVALID_CHUNK_SIZE, "Invalid chunk size: found", c);
    case STATE_DATA_CR:
        return c == '\r' ? STATE_DATA_LF
                         : bad(b, GN_HTTP_E_CHUNK_MISSING_TERMINATOR,
                               "Invalid chunk terminator is not '\\r\\n': found", c);
    case STATE_DATA_LF:
        b->line_bytes = 0;
        return c == '\n' ? STATE_SIZE_FIRST
                         : bad(b, GN_HTTP_E_CHUNK_MISSING_TERMINATOR,
                               "Invalid chunk terminator is not '\\r\\n': found", c);
    case STATE_TRAILER_FIRST:
        return trailer_first(b, c);
    case STATE_TRAILER_NAME:
    case STATE_TRAILER_VALUE:
        return trailer_byte(b, c);
    case STATE_TRAILER_LF:
        return c == '\n' ? STATE_TRAILER_FIRST
                         : bad(b, GN_HTTP_E_INVALID_TRAILER, "Invalid HTTP trailer: found", c);
    case STATE_END_LF:
        return c == '\n' ? STATE_DONE
                         : bad(b, GN_HTTP_E_INVALID_TRAILER, "Invalid HTTP trailer: found", c);
    default:
        return STATE_BAD;
    }
}

uint64_t
gn_http_body_run_left(const struct gn_http_body *b)
{
    return b->state == STATE_DATA || b->state == STATE_LENGTH ? b->left : 0;
}

enum gn_http_result
gn_http_body_feed(struct gn_http_body *b, const char *data, size_t n, size_t *used,
                  struct gn_slice *out)
{
    size_t at = 0;

    *out = gn_slice(data, 0);
    while (at < n && b->state < STATE_DONE) {
        if (b->state == STATE_DATA || b->state == STATE_LENGTH) {
            size_t run = b->left < n - at ? (size_t)b->left : n - at;

            if (out->n > 0)
                break;
            *out = gn_slice(data + at, run);
            at += run;
            b->left -= run;
            if (b->left == 0)
                b->state = b->state == STATE_DATA ? STATE_DATA_CR : STATE_DONE;
        } else {
            b->state = (int)control_byte(b, data[at++]);
        }
    }
    *used = at;
    b->is_done = b->state == STATE_DONE;
    if (b->state == STATE_BAD)
        return GN_HTTP_BAD;
    return b->is_done ? GN_HTTP_DONE : GN_HTTP_MORE;
}
