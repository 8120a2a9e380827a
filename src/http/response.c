#include "http/response.h"

#include <string.h>

#include "base/num.h"
#include "http/chars.h"

static bool
refuse(const char **why, const char *text)
{
    *why = text;
    return false;
}

bool
gn_http_status_check(struct gn_slice status, int *code, const char **why)
{
    int value;

    if (status.n < 3 || !gn_http_is_digit(status.p[0]) || !gn_http_is_digit(status.p[1]) ||
        !gn_http_is_digit(status.p[2]))
        return refuse(why, "status does not begin with three digits");
    value = (status.p[0] - '0') * 100 + (status.p[1] - '0') * 10 + (status.p[2] - '0');
    if (value < 100)
        return refuse(why, "status code is not in 100..999");
    if (status.n > 3 && status.p[3] != ' ')
        return refuse(why, "status code is not followed by a space");
    if (gn_http_scan_text(status.p, status.p + status.n) != status.p + status.n)
        return refuse(why, "control character in status");
    *code = value;
    return true;
}

bool
gn_http_field_check(struct gn_slice name, struct gn_slice value, const char **why)
{
    if (!gn_http_all(name, GN_CH_TOKEN))
        return refuse(why, "invalid header name");
    if (value.n > 0 && gn_http_scan_text(value.p, value.p + value.n) != value.p + value.n)
        return refuse(why, "control character in header value");
    return true;
}

bool
gn_http_content_length(struct gn_slice value, int64_t *length)
{
    uint64_t n;

    if (!gn_num_digits(gn_http_trim(value), INT64_MAX, &n))
        return false;
    *length = (int64_t)n;
    return true;
}

enum gn_http_resp_field
gn_http_resp_field_kind(struct gn_slice name)
{
    /* In order of their length. */
    static const struct {
        struct gn_slice name;
        enum gn_http_resp_field kind;
    } rows[] = {
        {{"te", 2}, GN_RESP_DROP},
        {{"date", 4}, GN_RESP_DROP},
        {{"server", 6}, GN_RESP_DROP},
        {{"upgrade", 7}, GN_RESP_UPGRADE},
        {{"trailers", 8}, GN_RESP_DROP},
        {{"connection", 10}, GN_RESP_CONNECTION},
        {{"keep-alive", 10}, GN_RESP_DROP},
        {{"content-length", 14}, GN_RESP_CONTENT_LENGTH},
        {{"transfer-encoding", 17}, GN_RESP_DROP},
        {{"proxy-authenticate", 18}, GN_RESP_DROP},
        {{"proxy-authorization", 19}, GN_RESP_DROP},
    };

    for (size_t i = 0; i < GN_ARRAY_LEN(rows) && rows[i].name.n <= name.n; i++) {
        if (rows[i].name.n == name.n && gn_http_token_is(name, rows[i].name))
            return rows[i].kind;
    }
    return GN_RESP_KEEP;
}

bool
gn_http_status_has_no_body(int code)
{
    return (code >= 100 && code < 200) || code == 204 || code == 304;
}

static char *
put(char *p, struct gn_slice s)
{
    if (s.n > 0)
        memcpy(p, s.p, s.n);
    return p + s.n;
}

bool
gn_http_resp_begin(struct gn_buf *out, const struct gn_http_resp_start *s)
{
    struct gn_slice date = gn_slice_str(s->date);
    char *p;

    /* 128 is more than all fixed parts together. */
    if (!gn_buf_reserve(out, s->status.n + s->server.n + date.n + s->connection.n + 128))
        return false;
    p = put(out->data + out->end, s->minor > 0 ? GN_SLICE("HTTP/1.1 ") : GN_SLICE("HTTP/1.0 "));
    p = put(p, s->status);
    /* The space behind the code is not optional (RFC 9112 4). */
    if (s->status.n == 3)
        *p++ = ' ';
    p = put(p, GN_SLICE("\r\n"));
    if (s->server.n > 0) {
        p = put(p, GN_SLICE("Server: "));
        p = put(p, s->server);
        p = put(p, GN_SLICE("\r\n"));
    }
    if (date.n > 0) {
        p = put(p, GN_SLICE("Date: "));
        p = put(p, date);
        p = put(p, GN_SLICE("\r\n"));
    }
    if (s->connection.n > 0) {
        p = put(p, GN_SLICE("Connection: "));
        p = put(p, s->connection);
        p = put(p, GN_SLICE("\r\n"));
    }
    if (s->is_chunked)
        p = put(p, GN_SLICE("Transfer-Encoding: chunked\r\n"));
    out->end = (size_t)(p - out->data);
    return true;
}

bool
gn_http_resp_field_append(struct gn_buf *out, struct gn_slice name, struct gn_slice value)
{
    char *p;

    if (!gn_buf_reserve(out, name.n + value.n + 4))
        return false;
    p = put(out->data + out->end, name);
    p = put(p, GN_SLICE(": "));
    p = put(p, value);
    p = put(p, GN_SLICE("\r\n"));
    out->end = (size_t)(p - out->data);
    return true;
}

bool
gn_http_resp_end(struct gn_buf *out)
{
    return gn_buf_append(out, "\r\n", 2);
}

size_t
gn_http_chunk_head(char out[GN_CHUNK_HEAD_BYTES], size_t n)
{
    static const char digits[] = "0123456789abcdef";
    size_t length = 0;
    int shift = 0;

    while (shift < 60 && (uint64_t)n >> (shift + 4) != 0)
        shift += 4;
    for (; shift >= 0; shift -= 4)
        out[length++] = digits[(uint64_t)n >> shift & 15];
    out[length++] = '\r';
    out[length++] = '\n';
    return length;
}

size_t
gn_http_unquote(struct gn_slice s, char *out)
{
    size_t length = 0;

    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (c == '%' && s.n - i > 2) {
            unsigned high = gn_http_hex[(unsigned char)s.p[i + 1]];
            unsigned low = gn_http_hex[(unsigned char)s.p[i + 2]];

            if (high != GN_HEX_NONE && low != GN_HEX_NONE) {
                c = (char)(high << 4 | low);
                i += 2;
            }
        }
        out[length++] = c;
    }
    return length;
}
