#include "http/proxyproto.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include "base/num.h"
#include "http/head_priv.h"

enum {
    V2_HEAD_BYTES = 16,
    V2_INET_BYTES = 12,
    V2_INET6_BYTES = 36,
    V2_UNIX_BYTES = 216,
};

/* Byte 14 of version 2: family and transport. */
enum {
    V2_UNSPEC = 0x00,
    V2_UNSPEC_STREAM = 0x01,
    V2_TCP4 = 0x11,
    V2_TCP6 = 0x21,
    V2_UNIX_STREAM = 0x31,
};

static const char v1_signature[6] = {'P', 'R', 'O', 'X', 'Y', ' '};
static const char v2_signature[12] = {'\r', '\n', '\r', '\n', '\0', '\r',
                                      '\n', 'Q',  'U',  'I',  'T',  '\n'};

/* NONE: no such header; MORE: perhaps one; DONE: the whole signature is there. */
static enum gn_proxy_result
match_signature(const char *signature, size_t size, const char *data, size_t n)
{
    if (memcmp(data, signature, n < size ? n : size) != 0)
        return GN_PROXY_NONE;
    return n < size ? GN_PROXY_MORE : GN_PROXY_DONE;
}

/* ---- version 1 ---- */

static enum gn_proxy_result
bad_line(struct gn_http_error *error, const char *data, size_t n)
{
    gn_http_fail_quote(error, GN_HTTP_E_INVALID_PROXY_LINE,
                       "Invalid PROXY line:", gn_slice(data, n));
    return GN_PROXY_BAD;
}

/* The length of the line without CRLF in `*end`. A NUL, a bare CR and a bare LF are refused where
 * they stand, so that no byte behind them matters. */
static enum gn_proxy_result
find_line_end(const char *data, size_t n, size_t *end)
{
    size_t limit = n < GN_PROXY_V1_MAX_BYTES ? n : GN_PROXY_V1_MAX_BYTES;

    for (size_t i = 0; i < limit; i++) {
        *end = i;
        if (data[i] == '\0' || data[i] == '\n')
            return GN_PROXY_BAD;
        if (data[i] != '\r')
            continue;
        if (i + 1 < limit)
            return data[i + 1] == '\n' ? GN_PROXY_DONE : GN_PROXY_BAD;
    }
    *end = limit;
    return limit == GN_PROXY_V1_MAX_BYTES ? GN_PROXY_BAD : GN_PROXY_MORE;
}

static bool
read_address(struct gn_slice s, int family, struct gn_proxy_end *out)
{
    unsigned char octets[16];
    char text[GN_PROXY_TEXT_BYTES];

    if (s.n == 0 || s.n >= sizeof(text))
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    return inet_pton(family, text, octets) == 1 &&
           inet_ntop(family, octets, out->text, sizeof(out->text)) != NULL;
}

/* Decimal without sign and without leading zeros. */
static bool
read_port(struct gn_slice s, struct gn_proxy_end *out)
{
    uint64_t port;

    if ((s.n > 1 && s.p[0] == '0') || !gn_num_digits(s, UINT16_MAX, &port))
        return false;
    out->port = (uint16_t)port;
    return true;
}

/* What follows "PROXY ", without CRLF. */
static bool
read_line(struct gn_slice rest, struct gn_proxy *out)
{
    struct gn_slice protocol = gn_slice_cut(&rest, ' ');
    struct gn_slice word[4];

    /* "The receiver must ignore anything presented before the CRLF is found." */
    if (gn_slice_eq(protocol, GN_SLICE("UNKNOWN")))
        return true;
    if (gn_slice_eq(protocol, GN_SLICE("TCP4")))
        out->family = AF_INET;
    else if (gn_slice_eq(protocol, GN_SLICE("TCP6")))
        out->family = AF_INET6;
    else
        return false;
    for (size_t i = 0; i < GN_ARRAY_LEN(word); i++) {
        if (rest.p == NULL)
            return false;
        word[i] = gn_slice_cut(&rest, ' ');
    }
    out->has_addresses = rest.p == NULL && read_address(word[0], out->family, &out->source) &&
                         read_address(word[1], out->family, &out->destination) &&
                         read_port(word[2], &out->source) && read_port(word[3], &out->destination);
    return out->has_addresses;
}

static enum gn_proxy_result
parse_v1(const char *data, size_t n, struct gn_proxy *out, struct gn_http_error *error)
{
    size_t skip = sizeof(v1_signature), end;
    enum gn_proxy_result result = find_line_end(data, n, &end);

    if (result == GN_PROXY_BAD)
        return bad_line(error, data, end);
    if (result == GN_PROXY_MORE)
        return GN_PROXY_MORE;
    if (!read_line(gn_slice(data + skip, end - skip), out))
        return bad_line(error, data, end);
    out->bytes = end + 2;
    return GN_PROXY_DONE;
}

/* ---- version 2 ---- */

static enum gn_proxy_result
bad_header(struct gn_http_error *error, const char *text)
{
    gn_http_fail(error, GN_HTTP_E_INVALID_PROXY_HEADER, text);
    return GN_PROXY_BAD;
}

static uint16_t
read_u16(const unsigned char *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

/* `size` octets of an address. Source, destination, then both ports. */
static void
take_addresses(const unsigned char *p, int family, size_t size, struct gn_proxy *out)
{
    out->has_addresses = true;
    out->family = family;
    inet_ntop(family, p, out->source.text, sizeof(out->source.text));
    inet_ntop(family, p + size, out->destination.text, sizeof(out->destination.text));
    out->source.port = read_u16(p + 2 * size);
    out->destination.port = read_u16(p + 2 * size + 2);
}

/* Bytes of addresses that the header must have at least; -1 for what no HTTP client comes by. */
static int
address_bytes(unsigned char family)
{
    switch (family) {
    case V2_UNSPEC:
    case V2_UNSPEC_STREAM:
        return 0;
    case V2_TCP4:
        return V2_INET_BYTES;
    case V2_TCP6:
        return V2_INET6_BYTES;
    case V2_UNIX_STREAM:
        return V2_UNIX_BYTES;
    default:
        return -1;
    }
}

static enum gn_proxy_result
parse_v2(const char *data, size_t n, struct gn_proxy *out, struct gn_http_error *error)
{
    const unsigned char *p = (const unsigned char *)data;
    size_t length;
    bool is_local;

    if (n < V2_HEAD_BYTES)
        return GN_PROXY_MORE;
    if (p[12] >> 4 != 2)
        return bad_header(error, "Invalid PROXY header: unknown version");
    if ((p[12] & 15) > 1)
        return bad_header(error, "Invalid PROXY header: unknown command");
    /* LOCAL: the proxy speaks for itself (health checks); the family is ignored. */
    is_local = (p[12] & 15) == 0;
    length = read_u16(p + 14);
    if (!is_local && address_bytes(p[13]) < 0)
        return bad_header(error, "Invalid PROXY header: unknown address family or transport");
    if (!is_local && length < (size_t)address_bytes(p[13]))
        return bad_header(error, "Invalid PROXY header: too short for its addresses");
    /* What follows the addresses (TLVs, 2.2.1 and later) is skipped unread. */
    if (n - V2_HEAD_BYTES < length)
        return GN_PROXY_MORE;
    if (!is_local && p[13] == V2_TCP4)
        take_addresses(p + V2_HEAD_BYTES, AF_INET, 4, out);
    else if (!is_local && p[13] == V2_TCP6)
        take_addresses(p + V2_HEAD_BYTES, AF_INET6, 16, out);
    out->bytes = V2_HEAD_BYTES + length;
    return GN_PROXY_DONE;
}

enum gn_proxy_result
gn_proxy_parse(enum gn_proxy_versions versions, const char *data, size_t n, struct gn_proxy *out,
               struct gn_http_error *error)
{
    enum gn_proxy_result v1 = GN_PROXY_NONE, v2 = GN_PROXY_NONE;

    memset(out, 0, sizeof(*out));
    out->family = AF_UNSPEC;
    if (versions == GN_PROXY_OFF)
        return GN_PROXY_NONE;
    if (n == 0)
        return GN_PROXY_MORE;
    if (versions & GN_PROXY_V1)
        v1 = match_signature(v1_signature, sizeof(v1_signature), data, n);
    if (versions & GN_PROXY_V2)
        v2 = match_signature(v2_signature, sizeof(v2_signature), data, n);
    if (v1 == GN_PROXY_DONE) {
        out->version = 1;
        return parse_v1(data, n, out, error);
    }
    if (v2 == GN_PROXY_DONE) {
        out->version = 2;
        return parse_v2(data, n, out, error);
    }
    return v1 == GN_PROXY_MORE || v2 == GN_PROXY_MORE ? GN_PROXY_MORE : GN_PROXY_NONE;
}

const char *
gn_proxy_family_name(const struct gn_proxy *p)
{
    return p->family == AF_INET6 ? "TCP6" : "TCP4";
}
