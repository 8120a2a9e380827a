#include "config/facts.h"

#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/capability.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>

#include "base/addr.h"
#include "base/fd.h"

/* Whether the addresses could be listened on. Nothing here is seen by other processes: sockets are
 * bound to no port or not at all, and a server that listens already is found in the kernel's list,
 * not by a connection. Only a Unix socket has to be called to know whether somebody answers. */

enum { ANSWER_BYTES = 16384, TCP_LISTEN_STATE = 10, FIRST_FREE_PORT = 1024 };

struct taken; /* what the addresses before take up */

struct bound {
    struct gn_facts *f;
    const struct gn_candidate *c;
    const struct gn_addr *addr;
    const char *text; /* as given */
    struct taken *taken;
};

static struct gn_diag *complain(const struct bound *b, enum gn_diag_code code, const char *fmt, ...)
    GN_PRINTF(3, 4);

static struct gn_diag *
complain(const struct bound *b, enum gn_diag_code code, const char *fmt, ...)
{
    const char *message;
    va_list ap;

    va_start(ap, fmt);
    message = gn_arena_vprintf(&b->f->b->arena, fmt, ap);
    va_end(ap);
    return gn_diag_add(b->f->b->diags, code, &b->c->origin, b->c->setting, "%s: %s", b->text,
                       message != NULL ? message : "no memory");
}

/* ---- ports ---- */

static bool
has_capability(unsigned number)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

    return syscall(SYS_capget, &head, data) == 0 &&
           (data[number / 32].effective & (1u << (number % 32))) != 0;
}

/* The lowest port that everybody may use. */
static int
first_free_port(void)
{
    FILE *file = fopen("/proc/sys/net/ipv4/ip_unprivileged_port_start", "re");
    int port = FIRST_FREE_PORT;

    if (file != NULL && fscanf(file, "%d", &port) != 1)
        port = FIRST_FREE_PORT;
    if (file != NULL)
        fclose(file);
    return port;
}

static void
check_port_right(const struct bound *b)
{
    int first;
    struct gn_diag *diag;

    if (b->addr->port == 0 || b->addr->port >= FIRST_FREE_PORT ||
        has_capability(CAP_NET_BIND_SERVICE))
        return;
    first = first_free_port();
    if (b->addr->port >= first)
        return;
    diag = complain(b, GN_D_NO_RIGHT, "this user may not listen on ports below %d", first);
    gn_diag_hint(b->f->b->diags, diag,
                 "start as root or with the capability CAP_NET_BIND_SERVICE (systemd: "
                 "AmbientCapabilities), or use a higher port");
}

/* One address of the kernel's list of listening sockets, and ours. */
struct listening {
    bool is_v4, is_any;
    unsigned char bits[16];
};

static void
take_address(struct listening *l, bool is_v4, const void *bits)
{
    static const unsigned char zero[16];
    size_t n = is_v4 ? 4 : sizeof(l->bits);

    *l = (struct listening){.is_v4 = is_v4};
    memcpy(l->bits, bits, n);
    l->is_any = memcmp(l->bits, zero, n) == 0;
}

/* Would the kernel refuse the second? A socket for all of IPv6 takes the addresses of IPv4 as well,
 * unless it was told not to. */
static bool
is_in_the_way(const struct listening *other, bool is_v6_only, const struct listening *mine)
{
    if (other->is_v4 != mine->is_v4)
        return (!other->is_v4 && other->is_any && !is_v6_only) || (!mine->is_v4 && mine->is_any);
    return other->is_any || mine->is_any ||
           memcmp(other->bits, mine->bits, sizeof(mine->bits)) == 0;
}

static bool
answer_is_in_the_way(const struct nlmsghdr *head, const struct listening *mine)
{
    const struct inet_diag_msg *m = NLMSG_DATA(head);
    int n = (int)NLMSG_PAYLOAD(head, sizeof(*m));
    struct listening other;
    bool is_v6_only = false;

    for (const struct rtattr *a = (const void *)(m + 1); RTA_OK(a, n); a = RTA_NEXT(a, n)) {
        if (a->rta_type == INET_DIAG_SKV6ONLY)
            is_v6_only = *(const unsigned char *)RTA_DATA(a) != 0;
    }
    take_address(&other, m->idiag_family == AF_INET, m->id.idiag_src);
    return is_in_the_way(&other, is_v6_only, mine);
}

static bool
ask_kernel(int fd, int family, int port)
{
    struct {
        struct nlmsghdr head;
        struct inet_diag_req_v2 want;
    } ask = {
        .head = {.nlmsg_len = sizeof(ask),
                 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        .want = {.sdiag_family = (unsigned char)family,
                 .sdiag_protocol = IPPROTO_TCP,
                 .idiag_states = 1u << TCP_LISTEN_STATE,
                 .id.idiag_sport = htons((uint16_t)port)},
    };

    return send(fd, &ask, sizeof(ask), 0) == (ssize_t)sizeof(ask);
}

/* Reads the answer to its end. The list in /proc would be read with all connections of the machine,
 * which takes long. */
static bool
is_used(int fd, const struct listening *mine)
{
    union {
        struct nlmsghdr head;
        char bytes[ANSWER_BYTES];
    } buf;
    bool is = false;

    for (;;) {
        ssize_t got = recv(fd, &buf, sizeof(buf), 0);
        size_t n = got > 0 ? (size_t)got : 0;

        if (got <= 0)
            return is;
        for (const struct nlmsghdr *h = &buf.head; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
            if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
                return is;
            is = is || answer_is_in_the_way(h, mine);
        }
    }
}

/* Often the server that is to be replaced: no error. */
static void
check_port_use(const struct bound *b, const struct sockaddr *sa)
{
    const struct gn_candidate *shares = gn_fact_winner(b->f->b, GN_S_REUSE_PORT);
    const struct sockaddr_in *v4 = (const void *)sa;
    const struct sockaddr_in6 *v6 = (const void *)sa;
    bool is_v4 = sa->sa_family == AF_INET, is = false;
    struct listening mine;
    int fd;

    if (b->addr->port == 0 || (shares != NULL && shares->value->b))
        return;
    take_address(&mine, is_v4, is_v4 ? (const void *)&v4->sin_addr : &v6->sin6_addr);
    fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0)
        return;
    is = ask_kernel(fd, AF_INET, b->addr->port) && is_used(fd, &mine);
    is = is || (ask_kernel(fd, AF_INET6, b->addr->port) && is_used(fd, &mine));
    gn_fd_close(&fd);
    if (is)
        gn_diag_hint(b->f->b->diags,
                     complain(b, GN_D_IN_USE, "another process listens on port %d", b->addr->port),
                     "`ss -ltnp` names it; no matter if this server is to replace it");
}

/* ---- addresses ---- */

/* As the listener does: a name means its IPv4 addresses, and IPv6 only when it has none. */
static int
resolve(const struct gn_addr *addr, struct addrinfo **out)
{
    struct addrinfo hints = {.ai_family = addr->kind == GN_ADDR_INET6 ? AF_INET6 : AF_INET,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE};
    int rc = getaddrinfo(addr->host, NULL, &hints, out);

    if (hints.ai_family == AF_INET &&
        (rc == EAI_NONAME || rc == EAI_NODATA || rc == EAI_ADDRFAMILY)) {
        int first = rc;

        hints.ai_family = AF_INET6;
        rc = getaddrinfo(addr->host, NULL, &hints, out) == 0 ? 0 : first;
    }
    return rc;
}

/* One of the addresses before. */
struct taken {
    const char *text;
    struct gn_addr addr;
    struct listening at; /* ports */
    bool is_v6_only;
    const char *path; /* Unix sockets: without links; NULL for ports */
    struct taken *next;
};

/* Adds what the address takes up, and tells whom it is in the way of. The same text twice was
 * reported by the review. */
static void
check_taken(const struct bound *b, const struct taken *mine)
{
    struct taken *copy = gn_arena_alloc(&b->f->b->arena, sizeof(*copy));

    for (const struct taken *t = b->taken->next; t != NULL; t = t->next) {
        bool is = mine->path != NULL ? t->path != NULL && strcmp(t->path, mine->path) == 0
                                     : t->path == NULL && t->addr.port == mine->addr.port &&
                                           (is_in_the_way(&t->at, t->is_v6_only, &mine->at) ||
                                            is_in_the_way(&mine->at, mine->is_v6_only, &t->at));

        if (is && !gn_addr_equal(&t->addr, &mine->addr)) {
            complain(b, GN_D_SAME_ADDRESS, "can't be listened on beside %s", t->text);
            break;
        }
    }
    if (copy == NULL)
        return;
    *copy = *mine;
    copy->next = b->taken->next;
    b->taken->next = copy;
}

static void
check_port_taken(const struct bound *b, const struct sockaddr *sa, bool is_v6_only)
{
    const struct gn_candidate *shares = gn_fact_winner(b->f->b, GN_S_REUSE_PORT);
    const struct sockaddr_in *v4 = (const void *)sa;
    const struct sockaddr_in6 *v6 = (const void *)sa;
    bool is_v4 = sa->sa_family == AF_INET;
    struct taken mine = {.text = b->text, .addr = *b->addr, .is_v6_only = is_v6_only};

    if (b->addr->port == 0 || (shares != NULL && shares->value->b))
        return;
    take_address(&mine.at, is_v4, is_v4 ? (const void *)&v4->sin_addr : &v6->sin6_addr);
    check_taken(b, &mine);
}

/* The file need not be there yet; its directory is. */
static void
check_path_taken(const struct bound *b, const char *path)
{
    const char *slash = strrchr(path, '/');
    struct taken mine = {.text = b->text, .addr = *b->addr};
    char dir[PATH_MAX], real[PATH_MAX];

    if (slash == NULL || snprintf(dir, sizeof(dir), "%.*s/", (int)(slash - path), path) >= PATH_MAX)
        return;
    mine.path = realpath(dir, real) != NULL
                    ? gn_arena_printf(&b->f->b->arena, "%s/%s", real, slash + 1)
                    : path;
    if (mine.path != NULL)
        check_taken(b, &mine);
}

/* Port 0 lets the kernel choose one that nobody waits for. */
static void
check_own_address(const struct bound *b, const struct addrinfo *found)
{
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int sys = fd < 0 || bind(fd, found->ai_addr, found->ai_addrlen) != 0 ? errno : 0;
    int v6_only = 0;
    socklen_t n = sizeof(v6_only);
    struct gn_diag *diag = NULL;

    if (fd >= 0 && found->ai_family == AF_INET6)
        (void)getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, &n);
    gn_fd_close(&fd);
    switch (sys) {
    case 0:
        check_port_use(b, found->ai_addr);
        check_port_taken(b, found->ai_addr, v6_only != 0);
        return;
    case EADDRNOTAVAIL:
        diag = complain(b, GN_D_NO_ADDRESS, "this machine does not have the address");
        gn_diag_hint(b->f->b->diags, diag, "`ip address` lists those that it has");
        return;
    case EAFNOSUPPORT:
        complain(b, GN_D_NO_ADDRESS,
                 "this machine has no such address family (IPv6 switched off?)");
        return;
    default:
        complain(b, GN_D_NO_ADDRESS, "%s", strerror(sys));
    }
}

static void
check_inet(const struct bound *b)
{
    struct addrinfo *found = NULL;
    int rc = resolve(b->addr, &found);

    check_port_right(b);
    if (rc == 0) {
        check_own_address(b, found);
        freeaddrinfo(found);
    } else if (rc == EAI_AGAIN) {
        complain(b, GN_D_NO_RESOLVER, "no name server answers for %s", b->addr->host);
    } else {
        complain(b, GN_D_NO_ADDRESS, "the host %s: %s", b->addr->host, gai_strerror(rc));
    }
}

/* ---- the others ---- */

/* Does somebody answer there? A socket that a dead server has left is taken over. An `@` alone at
 * the start stands for the NUL of the abstract namespace. */
static bool
is_live(const char *path)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    bool is_abstract = path[0] == '@';
    socklen_t size = sizeof(sun);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool is = false;

    if (fd >= 0 && strlen(path) < sizeof(sun.sun_path)) {
        memcpy(sun.sun_path, path, strlen(path));
        if (is_abstract) {
            sun.sun_path[0] = '\0';
            size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
        }
        is = connect(fd, (const struct sockaddr *)&sun, size) == 0 || errno == EAGAIN;
    }
    gn_fd_close(&fd);
    return is;
}

static void
complain_of_use(const struct bound *b, const char *path)
{
    gn_diag_hint(b->f->b->diags, complain(b, GN_D_IN_USE, "another process listens on %s", path),
                 "no matter if this server is to replace it");
}

static void
check_unix(const struct bound *b)
{
    const char *path = gn_fact_path(b->f, b->addr->path);
    struct stat st;

    if (path == NULL)
        return;
    /* No file at all. */
    if (gn_addr_is_abstract(b->addr)) {
        if (is_live(b->addr->path))
            complain_of_use(b, b->addr->path);
        return;
    }
    gn_look_master(b->f, b->c, GN_LOOK_MAKE, path);
    check_path_taken(b, path);
    if (stat(path, &st) != 0 || S_ISDIR(st.st_mode))
        return;
    if (!S_ISSOCK(st.st_mode))
        gn_diag_hint(b->f->b->diags, complain(b, GN_D_NO_ADDRESS, "%s is not a socket", path),
                     "move the file away, or choose another path");
    else if (is_live(path))
        complain_of_use(b, path);
}

/* Sockets that were opened for us must be there, and listen. */
static void
check_fd(const struct bound *b)
{
    socklen_t n = sizeof(int);
    int fd = b->addr->fd, type = 0, listens = 0;

    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) != 0) {
        if (errno == EBADF)
            complain(b, GN_D_BAD_ADDRESS, "descriptor %d is not open", fd);
        else
            complain(b, GN_D_BAD_ADDRESS, "descriptor %d is not a socket", fd);
        return;
    }
    n = sizeof(int);
    if (type != SOCK_STREAM || getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &n) != 0 ||
        listens == 0)
        complain(b, GN_D_BAD_ADDRESS, "descriptor %d is not a listening stream socket", fd);
}

void
gn_fact_bind(struct gn_facts *f, const struct gn_candidate *c)
{
    struct taken taken = {0};

    for (size_t i = 0; i < c->value->list.n; i++) {
        const char *text = gn_fact_text(f, c->value->list.items[i]);
        struct gn_addr addr;
        const struct bound b = {.f = f, .c = c, .addr = &addr, .text = text, .taken = &taken};

        /* What doesn't parse was reported by the review. */
        if (text == NULL || !gn_addr_parse(text, &addr, NULL))
            continue;
        switch (addr.kind) {
        case GN_ADDR_INET:
        case GN_ADDR_INET6:
            check_inet(&b);
            break;
        case GN_ADDR_UNIX:
            check_unix(&b);
            break;
        case GN_ADDR_FD:
            check_fd(&b);
            break;
        }
    }
}
