/* Socket addresses as text. Bind addresses and their syntax are in base/addr.h. */
#ifndef GN_NET_ADDR_H
#define GN_NET_ADDR_H

#include <sys/socket.h>

#include "base/addr.h"

enum { GN_ADDR_TEXT_BYTES = 128 };

/* Text of a peer: IPv4 or IPv6 address without port, "" for Unix sockets; IPv4-mapped IPv6 stays as
 * it is. `*port` becomes 0 for Unix sockets. */
void gn_peer_text(const struct sockaddr_storage *ss, char out[GN_ADDR_TEXT_BYTES], int *port);

#endif
