/* Lists of trusted addresses and networks ("127.0.0.1", "10.0.0.0/8", "::1", "*").
 *
 * Networks are strict as Python's ipaddress: no host bits. A list is immutable after parsing.
 */
#ifndef GN_NET_NETMATCH_H
#define GN_NET_NETMATCH_H

#include <sys/socket.h>

#include "base/err.h"

struct gn_netlist;

/* NULL with `err` ("'10.0.0.1/8' has host bits set", "... does not appear to be an IPv4 or IPv6
 * network"). */
struct gn_netlist *gn_netlist_new(const char *const *items, size_t n, struct gn_err *err);
void gn_netlist_free(struct gn_netlist *l);

/* Unix sockets always match (documented for forwarded_allow_ips and proxy_allow_ips). */
bool gn_netlist_match(const struct gn_netlist *l, const struct sockaddr_storage *peer);

#endif
