/* What may be believed of a head: proxy headers, names with underscores, scheme, SCRIPT_NAME.
 *
 * A policy is made once per configuration and is immutable. The trust in the peer is an argument.
 */
#ifndef GN_HTTP_POLICY_H
#define GN_HTTP_POLICY_H

#include "http/head.h"

enum gn_http_header_map { GN_MAP_DROP, GN_MAP_REFUSE, GN_MAP_DANGEROUS };

struct gn_http_pair {
    struct gn_slice name; /* upper case */
    struct gn_slice value;
};

struct gn_http_policy {
    enum gn_http_header_map header_map;
    const struct gn_slice *forwarder_headers; /* upper case */
    size_t n_forwarder_headers;
    const struct gn_http_pair *secure_scheme_headers;
    size_t n_secure_scheme_headers;
};

struct gn_http_trust {
    bool is_https;               /* url scheme after secure_scheme_headers */
    struct gn_slice script_name; /* from a trusted SCRIPT_NAME field, else {NULL, 0} */
    struct gn_slice path_info;   /* from a trusted PATH_INFO field, else {NULL, 0} */
};

/* Marks fields with GN_FIELD_DROP and fills `out`. `peer_is_trusted`: forwarded_allow_ips matches
 * the peer. False with `error` filled: contradicting scheme headers, a refused name. `on_drop`
 * (may be NULL) is told each name dropped. */
bool gn_http_policy_apply(const struct gn_http_policy *p, struct gn_http_head *h,
                          bool peer_is_trusted, bool is_tls, struct gn_http_trust *out,
                          struct gn_http_error *error,
                          void (*on_drop)(void *ctx, struct gn_slice name), void *ctx);

#endif
