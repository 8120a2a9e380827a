#include <string.h>

#include "base/ipnet.h"
#include "http/chars.h"
#include "http/head_priv.h"

enum { METHOD_MIN = 3, METHOD_MAX = 20 };

static bool
is_ipv6(struct gn_slice s)
{
    struct gn_ipnet net;

    /* Networks and scopes are addresses for gn_ipnet_parse, but not in a URI. */
    for (size_t i = 0; i < s.n; i++) {
        if (gn_http_hex[(unsigned char)s.p[i]] == GN_HEX_NONE && s.p[i] != ':' && s.p[i] != '.')
            return false;
    }
    return gn_ipnet_parse(s, &net, NULL) && net.prefix == 128;
}

/* Length of the reg-name or IPv4 address at the start of `s`; a broken %XX ends it. */
static size_t
reg_name_length(struct gn_slice s)
{
    size_t i = 0;

    while (i < s.n) {
        if (gn_http_is(s.p[i], GN_CH_NAME)) {
            i++;
        } else if (s.p[i] == '%' && s.n - i > 2 &&
                   gn_http_hex[(unsigned char)s.p[i + 1]] != GN_HEX_NONE &&
                   gn_http_hex[(unsigned char)s.p[i + 2]] != GN_HEX_NONE) {
            i += 3;
        } else {
            break;
        }
    }
    return i;
}

static bool
is_port(struct gn_slice s)
{
    unsigned value = 0;

    for (size_t i = 0; i < s.n; i++) {
        if (!gn_http_is_digit(s.p[i]))
            return false;
        value = value * 10 + (unsigned)(s.p[i] - '0');
        if (value > 65535)
            return false;
    }
    return true;
}

bool
gn_http_host_check(struct gn_slice host, bool needs_port)
{
    size_t n;

    if (host.n == 0)
        return false;
    if (host.p[0] == '[') {
        n = gn_slice_find(host, ']');
        if (n == host.n || !is_ipv6(gn_slice(host.p + 1, n - 1)))
            return false;
        n++;
    } else {
        n = reg_name_length(host);
        if (n == 0)
            return false;
    }
    if (n == host.n)
        return !needs_port;
    if (host.p[n] != ':' || (needs_port && n + 1 == host.n))
        return false;
    return is_port(gn_slice(host.p + n + 1, host.n - n - 1));
}

/* Method up to its SP. `*rest` starts behind it. */
static bool
parse_method(struct gn_http_head *h, struct gn_http_error *e, const struct gn_http_limits *limits,
             char *line, size_t n, struct gn_slice *rest)
{
    unsigned seen = 0;
    size_t i = 0;

    while (i < n && gn_http_is(line[i], GN_CH_TOKEN))
        seen |= gn_http_chars[(unsigned char)line[i++]];
    h->method = gn_slice(line, i);
    if (i == 0 || i == n)
        return gn_http_fail_quote(e, GN_HTTP_E_INVALID_REQUEST_LINE,
                                  "Invalid HTTP request line:", gn_slice(line, n));
    if (line[i] != ' ')
        return gn_http_fail_quote(e, GN_HTTP_E_INVALID_REQUEST_METHOD, "Invalid HTTP method:",
                                  gn_slice(line, gn_slice_find(gn_slice(line, n), ' ')));
    if (!limits->permit_unconventional_method &&
        (i < METHOD_MIN || i > METHOD_MAX || (seen & GN_CH_UNUSUAL)))
        return gn_http_fail_quote(e, GN_HTTP_E_INVALID_REQUEST_METHOD,
                                  "Invalid HTTP method:", h->method);
    for (size_t j = 0; limits->casefold_method && j < i; j++)
        line[j] = (char)gn_ascii_upper((unsigned char)line[j]);
    *rest = gn_slice(line + i + 1, n - i - 1);
    return true;
}

static bool
bad_target(struct gn_http_error *e, struct gn_slice target)
{
    return gn_http_fail_quote(e, GN_HTTP_E_INVALID_TARGET, "Invalid HTTP request target:", target);
}

/* Target up to its SP, cut at '?' and '#'; the form is decided later. */
static bool
parse_target(struct gn_http_head *h, struct gn_http_error *e, struct gn_slice *rest)
{
    const char *p = rest->p;
    const char *end = p + rest->n;
    const char *from = p;

    while (p < end && gn_http_is(*p, GN_CH_PATH))
        p++;
    h->path = gn_slice(from, (size_t)(p - from));
    h->query = h->fragment = gn_slice(p, 0);
    if (p < end && *p == '?') {
        from = ++p;
        while (p < end && gn_http_is(*p, GN_CH_QUERY))
            p++;
        h->query = gn_slice(from, (size_t)(p - from));
    }
    if (p < end && *p == '#') {
        from = ++p;
        while (p < end && gn_http_is(*p, GN_CH_FRAGMENT))
            p++;
        h->fragment = gn_slice(from, (size_t)(p - from));
    }
    h->target = gn_slice(rest->p, (size_t)(p - rest->p));
    if (p < end && *p != ' ')
        return bad_target(e, gn_slice(rest->p, gn_slice_find(*rest, ' ')));
    if (p == end || h->target.n == 0)
        return gn_http_fail_quote(e, GN_HTTP_E_INVALID_REQUEST_LINE, "Invalid HTTP request line:",
                                  gn_slice(h->method.p, (size_t)(end - h->method.p)));
    *rest = gn_slice(p + 1, (size_t)(end - p - 1));
    return true;
}

/* Length of "http://" or "https://" in any case, or 0. */
static size_t
scheme_length(struct gn_slice s)
{
    if (s.n > 7 && gn_slice_eq_nocase(gn_slice(s.p, 7), GN_SLICE("http://")))
        return 7;
    if (s.n > 8 && gn_slice_eq_nocase(gn_slice(s.p, 8), GN_SLICE("https://")))
        return 8;
    return 0;
}

/* RFC 9112 3.2: which of the four forms, and is it one that goes with the method. */
static bool
classify_target(struct gn_http_head *h, struct gn_http_error *e)
{
    bool is_connect = gn_slice_eq(h->method, GN_SLICE("CONNECT"));
    size_t scheme;

    if (is_connect) {
        h->form = GN_FORM_AUTHORITY;
        h->authority = h->target;
        h->path = gn_slice(h->target.p, 0);
        return gn_http_host_check(h->target, true) || bad_target(e, h->target);
    }
    if (h->path.n > 0 && h->path.p[0] == '/') {
        h->form = GN_FORM_ORIGIN;
        return true;
    }
    if (gn_slice_eq(h->target, GN_SLICE("*"))) {
        h->form = GN_FORM_ASTERISK;
        return gn_slice_eq(h->method, GN_SLICE("OPTIONS")) || bad_target(e, h->target);
    }
    scheme = scheme_length(h->path);
    if (scheme == 0)
        return bad_target(e, h->target);
    h->form = GN_FORM_ABSOLUTE;
    h->authority = gn_slice(h->path.p + scheme, h->path.n - scheme);
    h->authority.n = gn_slice_find(h->authority, '/');
    h->path = gn_slice(h->authority.p + h->authority.n, h->path.n - scheme - h->authority.n);
    if (h->path.n == 0)
        h->path = gn_slice(h->target.p + scheme - 1, 1); /* the last slash of "://" */
    /* No userinfo either: RFC 9110 4.2.4 wants it treated as an error. */
    return gn_http_host_check(h->authority, false) || bad_target(e, h->target);
}

static bool
parse_version(struct gn_http_head *h, struct gn_http_error *e, const struct gn_http_limits *limits,
              struct gn_slice s)
{
    bool is_0, is_1;

    h->version = s;
    h->major = 1;
    if (s.n != 8 || memcmp(s.p, "HTTP/", 5) != 0 || !gn_http_is_digit(s.p[5]) || s.p[6] != '.' ||
        !gn_http_is_digit(s.p[7]))
        return gn_http_fail_quote(e, GN_HTTP_E_MALFORMED_HTTP_VERSION, "Invalid HTTP Version:", s);
    is_1 = s.p[5] == '1';
    is_0 = s.p[5] == '0' || (is_1 && s.p[7] == '0');
    h->minor = is_0 ? 0 : 1;
    if (!is_1 && !limits->permit_unconventional_version)
        return gn_http_fail_quote(e, GN_HTTP_E_INVALID_HTTP_VERSION, "Invalid HTTP Version:", s);
    return true;
}

bool
gn_http_request_line(struct gn_http_head *h, struct gn_http_error *e,
                     const struct gn_http_limits *limits, char *line, size_t n)
{
    struct gn_slice rest = {NULL, 0};

    return parse_method(h, e, limits, line, n, &rest) && parse_target(h, e, &rest) &&
           parse_version(h, e, limits, rest) && classify_target(h, e);
}
