#include "net/addr.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

/* "fe80::1%eth0": a link-local address means nothing without its link. */
static void
append_scope(const struct sockaddr_in6 *sin6, char out[GN_ADDR_TEXT_BYTES])
{
    char name[IF_NAMESIZE];
    size_t n = strlen(out);

    if (sin6->sin6_scope_id == 0 || if_indextoname(sin6->sin6_scope_id, name) == NULL)
        return;
    out[n] = '%';
    memcpy(out + n + 1, name, strlen(name) + 1);
}

/* inet_ntop(3) prints IPv4 addresses by sprintf: a tenth of a small request's instructions. */
static void
print_ipv4(const unsigned char b[4], char *out)
{
    for (int i = 0; i < 4; i++) {
        unsigned v = b[i];

        if (v >= 100)
            *out++ = (char)('0' + v / 100);
        if (v >= 10)
            *out++ = (char)('0' + v / 10 % 10);
        *out++ = (char)('0' + v % 10);
        *out++ = i < 3 ? '.' : '\0';
    }
}

void
gn_peer_text(const struct sockaddr_storage *ss, char out[GN_ADDR_TEXT_BYTES], int *port)
{
    out[0] = '\0';
    *port = 0;
    if (ss->ss_family == AF_INET) {
        const struct sockaddr_in *sin = (const struct sockaddr_in *)ss;

        print_ipv4((const unsigned char *)&sin->sin_addr, out);
        *port = ntohs(sin->sin_port);
    } else if (ss->ss_family == AF_INET6) {
        const struct sockaddr_in6 *sin6 = (const struct sockaddr_in6 *)ss;

        inet_ntop(AF_INET6, &sin6->sin6_addr, out, GN_ADDR_TEXT_BYTES);
        append_scope(sin6, out);
        *port = ntohs(sin6->sin6_port);
    }
}
