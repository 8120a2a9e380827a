#include "net/netmatch.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/ipnet.h"

struct gn_netlist {
    bool has_all; /* "*" */
    size_t n;
    struct gn_ipnet nets[];
};

struct gn_netlist *
gn_netlist_new(const char *const *items, size_t n, struct gn_err *err)
{
    struct gn_netlist *l = calloc(1, sizeof(*l) + n * sizeof(l->nets[0]));

    if (l == NULL) {
        gn_err_set(err, GN_E_MEMORY, 0, "no memory for a list of networks");
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        if (strcmp(items[i], "*") == 0) {
            l->has_all = true;
        } else if (gn_ipnet_parse(gn_slice_str(items[i]), &l->nets[l->n], err)) {
            l->n++;
        } else {
            free(l);
            return NULL;
        }
    }
    return l;
}

void
gn_netlist_free(struct gn_netlist *l)
{
    free(l);
}

static bool
match_octets(const struct gn_netlist *l, int family, const void *address)
{
    for (size_t i = 0; i < l->n; i++) {
        if (gn_ipnet_has(&l->nets[i], family, address))
            return true;
    }
    return false;
}

bool
gn_netlist_match(const struct gn_netlist *l, const struct sockaddr_storage *peer)
{
    const struct sockaddr_in6 *sin6 = (const struct sockaddr_in6 *)peer;
    const struct sockaddr_in *sin = (const struct sockaddr_in *)peer;

    if (l->has_all)
        return true;
    switch (peer->ss_family) {
    case AF_UNIX:
        return true;
    case AF_INET:
        return match_octets(l, AF_INET, &sin->sin_addr);
    case AF_INET6:
        return match_octets(l, AF_INET6, &sin6->sin6_addr);
    default:
        return false;
    }
}
