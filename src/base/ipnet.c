#include "base/ipnet.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include "base/num.h"

enum { TEXT_BYTES = 128 };

static unsigned
family_bits(int family)
{
    return family == AF_INET ? 32 : 128;
}

static bool
parse_address(struct gn_slice s, struct gn_ipnet *out)
{
    char text[TEXT_BYTES];
    char *scope;

    if (s.n == 0 || s.n >= sizeof(text) || memchr(s.p, '\0', s.n) != NULL)
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    if (inet_pton(AF_INET, text, out->bits) == 1) {
        out->family = AF_INET;
        return true;
    }
    /* A scope ("fe80::1%eth0") is accepted and does not take part in comparisons. */
    scope = strchr(text, '%');
    if (scope != NULL) {
        if (scope[1] == '\0' || strchr(scope + 1, '%') != NULL)
            return false;
        *scope = '\0';
    }
    out->family = AF_INET6;
    return inet_pton(AF_INET6, text, out->bits) == 1;
}

/* "/255.0.0.0" (net mask) or "/0.255.255.255" (host mask), IPv4 only. */
static bool
parse_mask(struct gn_slice s, unsigned *prefix)
{
    struct gn_ipnet mask;
    uint32_t m, ones;

    memset(&mask, 0, sizeof(mask));
    if (!parse_address(s, &mask) || mask.family != AF_INET)
        return false;
    m = (uint32_t)mask.bits[0] << 24 | (uint32_t)mask.bits[1] << 16 | (uint32_t)mask.bits[2] << 8 |
        (uint32_t)mask.bits[3];
    for (unsigned n = 0; n <= 32; n++) {
        ones = n == 0 ? 0 : UINT32_MAX << (32 - n);
        if (m == ones || (m == ~ones && n > 0 && n < 32)) {
            *prefix = n;
            return true;
        }
    }
    return false;
}

static bool
has_host_bits(const struct gn_ipnet *net)
{
    for (unsigned i = net->prefix; i < family_bits(net->family); i++) {
        if (net->bits[i / 8] & (0x80u >> (i % 8)))
            return true;
    }
    return false;
}

bool
gn_ipnet_parse(struct gn_slice text, struct gn_ipnet *out, struct gn_err *err)
{
    size_t slash = gn_slice_find(text, '/');
    bool ok;

    memset(out, 0, sizeof(*out));
    ok = parse_address(gn_slice(text.p, slash), out);
    if (ok) {
        out->prefix = family_bits(out->family);
        if (slash < text.n) {
            struct gn_slice tail = gn_slice(text.p + slash + 1, text.n - slash - 1);
            uint64_t n;

            if (gn_num_digits(tail, family_bits(out->family), &n))
                out->prefix = (unsigned)n;
            else
                ok = out->family == AF_INET && parse_mask(tail, &out->prefix);
        }
    }
    if (!ok)
        return gn_err_set(err, GN_E_VALUE, 0,
                          "'%.*s' does not appear to be an IPv4 or IPv6 network",
                          GN_SLICE_ARG(text));
    if (has_host_bits(out))
        return gn_err_set(err, GN_E_VALUE, 0, "%.*s has host bits set", GN_SLICE_ARG(text));
    return true;
}

bool
gn_ipnet_has(const struct gn_ipnet *net, int family, const unsigned char *addr)
{
    unsigned whole = net->prefix / 8, rest = net->prefix % 8;
    unsigned char mask = (unsigned char)(0xff00u >> rest);

    if (family != net->family || memcmp(net->bits, addr, whole) != 0)
        return false;
    return rest == 0 || ((net->bits[whole] ^ addr[whole]) & mask) == 0;
}
