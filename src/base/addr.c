#include "base/addr.h"

#include <arpa/inet.h>
#include <limits.h>
#include <string.h>

#include "base/num.h"

static bool
parse_port(struct gn_slice s, int *port, struct gn_err *err)
{
    uint64_t n;

    if (s.n == 0)
        return gn_err_set(err, GN_E_VALUE, 0, "the port is missing after ':'");
    if (gn_num_digits(s, 65535, &n)) {
        *port = (int)n;
        return true;
    }
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return gn_err_set(err, GN_E_VALUE, 0, "'%.*s' is not a port number", GN_SLICE_ARG(s));
    }
    return gn_err_set(err, GN_E_VALUE, 0, "port %.*s is out of range (0 to 65535)",
                      GN_SLICE_ARG(s));
}

static bool
parse_host(struct gn_slice s, struct gn_addr *out, struct gn_err *err)
{
    if (s.n >= sizeof(out->host))
        return gn_err_set(err, GN_E_VALUE, 0, "the host name is too long");
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c <= ' ' || c == 0x7f || c == '/')
            return gn_err_set(err, GN_E_VALUE, 0, "'%.*s' is not a host name", GN_SLICE_ARG(s));
        out->host[i] = (char)gn_ascii_lower(c);
    }
    return true;
}

/* `s` begins with '['. A scope ("fe80::1%eth0") is kept in the host and not checked. */
static bool
parse_v6(struct gn_slice s, struct gn_addr *out, struct gn_err *err)
{
    size_t close = gn_slice_find(s, ']');
    struct gn_slice host, rest;
    struct in6_addr v6;
    char *scope;

    if (close == s.n)
        return gn_err_set(err, GN_E_VALUE, 0, "']' is missing in '%.*s'", GN_SLICE_ARG(s));
    host = gn_slice(s.p + 1, close - 1);
    rest = gn_slice(s.p + close + 1, s.n - close - 1);
    if (!parse_host(host, out, err))
        return false;
    scope = strchr(out->host, '%');
    if (scope != NULL)
        *scope = '\0';
    if (inet_pton(AF_INET6, out->host, &v6) != 1)
        return gn_err_set(err, GN_E_VALUE, 0, "'%.*s' is not an IPv6 address", GN_SLICE_ARG(host));
    if (scope != NULL)
        *scope = '%';
    out->kind = GN_ADDR_INET6;
    if (rest.n == 0)
        return true;
    if (rest.p[0] != ':')
        return gn_err_set(err, GN_E_VALUE, 0, "':' is missing after ']'");
    return parse_port(gn_slice(rest.p + 1, rest.n - 1), &out->port, err);
}

static bool
parse_inet(struct gn_slice s, int default_port, struct gn_addr *out, struct gn_err *err)
{
    size_t colon = gn_slice_find(s, ':');
    struct gn_slice rest;

    out->kind = GN_ADDR_INET;
    out->port = default_port;
    if (s.n > 0 && s.p[0] == '[')
        return parse_v6(s, out, err);
    if (!parse_host(gn_slice(s.p, colon), out, err))
        return false;
    if (colon == 0)
        memcpy(out->host, "0.0.0.0", sizeof("0.0.0.0"));
    if (colon == s.n)
        return true;
    rest = gn_slice(s.p + colon + 1, s.n - colon - 1);
    if (gn_slice_find(rest, ':') != rest.n)
        return gn_err_set(err, GN_E_VALUE, 0,
                          "more than one ':' (an IPv6 address is written in brackets: [::1]:8000)");
    return parse_port(rest, &out->port, err);
}

static bool
parse_unix(struct gn_slice path, struct gn_addr *out, struct gn_err *err)
{
    if (gn_slice_starts(path, GN_SLICE("//")))
        path = gn_slice(path.p + 2, path.n - 2);
    out->kind = GN_ADDR_UNIX;
    if (path.n == 0)
        return gn_err_set(err, GN_E_VALUE, 0, "the path is missing after 'unix:'");
    if (path.n >= sizeof(out->path))
        return gn_err_set(err, GN_E_VALUE, 0,
                          "the path of the socket is too long (%zu bytes, at most %zu)", path.n,
                          sizeof(out->path) - 1);
    memcpy(out->path, path.p, path.n);
    return true;
}

bool
gn_addr_parse(const char *text, struct gn_addr *out, struct gn_err *err)
{
    return gn_addr_parse_port(text, GN_ADDR_DEFAULT_PORT, out, err);
}

bool
gn_addr_parse_port(const char *text, int default_port, struct gn_addr *out, struct gn_err *err)
{
    struct gn_slice s = gn_slice_str(text);
    struct gn_slice rest;
    uint64_t n;

    memset(out, 0, sizeof(*out));
    out->fd = -1;
    if (gn_slice_starts(s, GN_SLICE("unix:"))) {
        rest = gn_slice(s.p + 5, s.n - 5);
        /* Observed: "unix:9" is port 9 of the host "unix". */
        if (!gn_num_digits(rest, UINT64_MAX, &n))
            return parse_unix(rest, out, err);
    }
    if (gn_slice_starts(s, GN_SLICE("fd://"))) {
        rest = gn_slice(s.p + 5, s.n - 5);
        out->kind = GN_ADDR_FD;
        if (!gn_num_digits(rest, INT_MAX, &n))
            return gn_err_set(err, GN_E_VALUE, 0, "'%.*s' is not a descriptor number",
                              GN_SLICE_ARG(rest));
        out->fd = (int)n;
        return true;
    }
    if (gn_slice_starts(s, GN_SLICE("tcp://")))
        s = gn_slice(s.p + 6, s.n - 6);
    return parse_inet(s, default_port, out, err);
}

bool
gn_addr_print(const struct gn_addr *a, const char *scheme, struct gn_buf *out)
{
    switch (a->kind) {
    case GN_ADDR_INET:
        return gn_buf_printf(out, "%s://%s:%d", scheme, a->host, a->port);
    case GN_ADDR_INET6:
        return gn_buf_printf(out, "%s://[%s]:%d", scheme, a->host, a->port);
    case GN_ADDR_UNIX:
        return gn_buf_printf(out, "unix:%s", a->path);
    case GN_ADDR_FD:
        return gn_buf_printf(out, "fd://%d", a->fd);
    }
    return false;
}

bool
gn_addr_equal(const struct gn_addr *a, const struct gn_addr *b)
{
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case GN_ADDR_INET:
    case GN_ADDR_INET6:
        return a->port == b->port && strcmp(a->host, b->host) == 0;
    case GN_ADDR_UNIX:
        return strcmp(a->path, b->path) == 0;
    case GN_ADDR_FD:
        return a->fd == b->fd;
    }
    return false;
}
