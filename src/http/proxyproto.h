/* The PROXY protocol, versions 1 and 2: the header with the client's address that a proxy puts
 * before the first byte of a connection (proxy-protocol.txt of HAProxy, sections 2.1 and 2.2).
 *
 * Sans I/O: bytes in, one result out. The result does not depend on how the bytes were split. Who
 * may send such a header is for the caller to judge.
 */
#ifndef GN_HTTP_PROXYPROTO_H
#define GN_HTTP_PROXYPROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/head.h"

enum {
    GN_PROXY_V1_MAX_BYTES = 107,        /* line with CRLF (2.1) */
    GN_PROXY_V2_MAX_BYTES = 16 + 65535, /* the length field has 16 bits (2.2) */
    GN_PROXY_TEXT_BYTES = 46,           /* an IPv6 address with NUL */
};

/* Bit set of the versions to look for; 0 finds none. */
enum gn_proxy_versions {
    GN_PROXY_OFF = 0,
    GN_PROXY_V1 = 1,
    GN_PROXY_V2 = 2,
    GN_PROXY_AUTO = GN_PROXY_V1 | GN_PROXY_V2,
};

enum gn_proxy_result {
    GN_PROXY_MORE, /* call again with more bytes (the same ones first) */
    GN_PROXY_NONE, /* the connection begins with something else: nothing is consumed */
    GN_PROXY_DONE, /* `bytes` are the header's; what follows is for the next parser */
    GN_PROXY_BAD,  /* it begins as a header and is none: close the connection */
};

struct gn_proxy_end {
    char text[GN_PROXY_TEXT_BYTES]; /* as inet_ntop writes it */
    uint16_t port;
};

struct gn_proxy {
    int version;        /* 1 or 2 as soon as the signature was seen, also with MORE and BAD */
    size_t bytes;       /* length of the whole header */
    bool has_addresses; /* false: the real endpoints count (UNKNOWN, LOCAL, UNSPEC, Unix) */
    int family;         /* AF_INET, AF_INET6; AF_UNSPEC without addresses */
    struct gn_proxy_end source, destination;
};

/* Looks at `data[0..n)`, the first bytes of a connection. Fills `out` when the result is DONE,
 * `error` when it is BAD. */
enum gn_proxy_result gn_proxy_parse(enum gn_proxy_versions versions, const char *data, size_t n,
                                    struct gn_proxy *out, struct gn_http_error *error);

/* "TCP4" or "TCP6". */
const char *gn_proxy_family_name(const struct gn_proxy *p);

#endif
