#include "base/addr.h"

#include <arpa/inet.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
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

/* Permissions as chmod(1) takes them: three octal digits, also with a leading zero. */
static bool
parse_mode(struct gn_slice s, struct gn_addr *out, struct gn_err *err)
{
    int mode = 0;

    if (s.n == 4 && s.p[0] == '0')
        s = gn_slice(s.p + 1, 3);
    for (size_t i = 0; s.n == 3 && i < 3 && mode >= 0; i++)
        mode = s.p[i] >= '0' && s.p[i] <= '7' ? mode * 8 + (s.p[i] - '0') : -1;
    if (s.n != 3 || mode < 0)
        return gn_err_set(err, GN_E_VALUE, 0, "mode=%.*s: permissions are three octal digits (660)",
                          GN_SLICE_ARG(s));
    out->mode = mode;
    return true;
}

static bool
parse_account(struct gn_slice s, const char *key, char out[GN_ADDR_NAME_BYTES], struct gn_err *err)
{
    if (s.n == 0 || s.n >= GN_ADDR_NAME_BYTES)
        return gn_err_set(err, GN_E_VALUE, 0, "%s=%.*s: a name or a number is wanted", key,
                          GN_SLICE_ARG(s));
    memcpy(out, s.p, s.n);
    return true;
}

/* One "key=value" behind the path of a Unix socket. */
static bool
parse_option(struct gn_slice word, struct gn_addr *out, struct gn_err *err)
{
    size_t eq = gn_slice_find(word, '=');
    struct gn_slice key = gn_slice(word.p, eq);
    struct gn_slice value = eq < word.n ? gn_slice(word.p + eq + 1, word.n - eq - 1) : word;
    bool is_mode = gn_slice_eq(key, GN_SLICE("mode"));
    bool is_user = gn_slice_eq(key, GN_SLICE("user"));
    bool is_group = gn_slice_eq(key, GN_SLICE("group"));

    if (eq == word.n || (!is_mode && !is_user && !is_group))
        return gn_err_set(err, GN_E_VALUE, 0,
                          "'%.*s' is not an option of a Unix socket (mode=, user=, group=)",
                          GN_SLICE_ARG(word));
    if ((is_mode && out->mode >= 0) || (is_user && out->user[0] != '\0') ||
        (is_group && out->group[0] != '\0'))
        return gn_err_set(err, GN_E_VALUE, 0, "%.*s= is there twice", GN_SLICE_ARG(key));
    if (is_mode)
        return parse_mode(value, out, err);
    return parse_account(value, is_user ? "user" : "group", is_user ? out->user : out->group, err);
}

static bool
parse_options(struct gn_slice s, struct gn_addr *out, struct gn_err *err)
{
    for (;;) {
        size_t end = gn_slice_find(s, '&');

        if (!parse_option(gn_slice(s.p, end), out, err))
            return false;
        if (end == s.n)
            return true;
        s = gn_slice(s.p + end + 1, s.n - end - 1);
    }
}

static bool
parse_unix(struct gn_slice path, struct gn_addr *out, struct gn_err *err)
{
    size_t mark = gn_slice_find(path, '?');
    struct gn_slice options = gn_slice(path.p + mark, path.n - mark);

    path = gn_slice(path.p, mark);
    if (gn_slice_starts(path, GN_SLICE("//")))
        path = gn_slice(path.p + 2, path.n - 2);
    out->kind = GN_ADDR_UNIX;
    if (path.n == 0)
        return gn_err_set(err, GN_E_VALUE, 0, "the path is missing after 'unix:'");
    if (path.n == 1 && path.p[0] == '@')
        return gn_err_set(err, GN_E_VALUE, 0, "the name is missing after 'unix:@'");
    if (path.n >= sizeof(out->path))
        return gn_err_set(err, GN_E_VALUE, 0,
                          "the path of the socket is too long (%zu bytes, at most %zu)", path.n,
                          sizeof(out->path) - 1);
    memcpy(out->path, path.p, path.n);
    if (options.n == 0)
        return true;
    if (gn_addr_is_abstract(out))
        return gn_err_set(err, GN_E_VALUE, 0,
                          "an abstract socket has no file, and no options for one");
    return parse_options(gn_slice(options.p + 1, options.n - 1), out, err);
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
    out->fd = out->mode = -1;
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

static bool
print_unix(const struct gn_addr *a, struct gn_buf *out)
{
    char separator = '?';
    bool ok = gn_buf_printf(out, "unix:%s", a->path);

    if (ok && a->mode >= 0) {
        ok = gn_buf_printf(out, "?mode=%03o", (unsigned)a->mode);
        separator = '&';
    }
    if (ok && a->user[0] != '\0') {
        ok = gn_buf_printf(out, "%cuser=%s", separator, a->user);
        separator = '&';
    }
    if (ok && a->group[0] != '\0')
        ok = gn_buf_printf(out, "%cgroup=%s", separator, a->group);
    return ok;
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
        return print_unix(a, out);
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

bool
gn_addr_is_abstract(const struct gn_addr *a)
{
    return a->kind == GN_ADDR_UNIX && a->path[0] == '@';
}

bool
gn_addr_file_owner(const struct gn_addr *a, uid_t *uid, gid_t *gid, struct gn_err *err)
{
    uint64_t n;

    if (a->user[0] != '\0') {
        const struct passwd *pw = getpwnam(a->user);

        if (pw != NULL)
            *uid = pw->pw_uid;
        else if (gn_num_digits(gn_slice_str(a->user), UINT32_MAX - 1, &n))
            *uid = (uid_t)n;
        else
            return gn_err_set(err, GN_E_VALUE, 0, "there is no user '%s'", a->user);
    }
    if (a->group[0] != '\0') {
        const struct group *gr = getgrnam(a->group);

        if (gr != NULL)
            *gid = gr->gr_gid;
        else if (gn_num_digits(gn_slice_str(a->group), UINT32_MAX - 1, &n))
            *gid = (gid_t)n;
        else
            return gn_err_set(err, GN_E_VALUE, 0, "there is no group '%s'", a->group);
    }
    return true;
}
