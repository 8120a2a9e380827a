/* IP addresses and networks as text ("127.0.0.1", "10.0.0.0/8", "::1", "fe80::/10").
 *
 * Networks are strict as Python's ipaddress: no host bits, no short forms, no leading zeros. A
 * plain address is a network of one. Pure functions.
 */
#ifndef GN_BASE_IPNET_H
#define GN_BASE_IPNET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

struct gn_ipnet {
    int family;             /* AF_INET, AF_INET6 */
    unsigned prefix;        /* leading bits that count: 0 to 32, or to 128 */
    unsigned char bits[16]; /* network order; 4 or 16 bytes used */
};

/* Messages: "'x' does not appear to be an IPv4 or IPv6 network", "10.0.0.1/8 has host bits set". */
bool gn_ipnet_parse(struct gn_slice text, struct gn_ipnet *out, struct gn_err *err) GN_MUST_CHECK;

/* `addr`: 4 bytes with AF_INET, 16 with AF_INET6, network order. IPv4-mapped addresses are IPv6. */
bool gn_ipnet_has(const struct gn_ipnet *net, int family, const unsigned char *addr);

#endif
