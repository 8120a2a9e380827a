#include "net/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "log/log.h"

enum { TRIES = 5 };

/* What is needed at every try. */
struct attempt {
    struct gn_listener *l;
    const struct gn_listener_options *options;
    struct gn_log *log;
    char shown[320];       /* the address in log lines: ('127.0.0.1', 8000) or /path */
    int sys;               /* errno of the last failure, or 0 */
    int resolver;          /* EAI_ code of the last failure, or 0 */
    bool is_owner_refused; /* the socket's file can't be given to its owner */
};

/* ---- names ---- */

static void
show_address(struct attempt *a)
{
    const struct gn_addr *addr = &a->l->addr;

    if (addr->kind == GN_ADDR_UNIX)
        snprintf(a->shown, sizeof(a->shown), "%s", addr->path);
    else if (addr->kind == GN_ADDR_FD)
        snprintf(a->shown, sizeof(a->shown), "fd://%d", addr->fd);
    else
        snprintf(a->shown, sizeof(a->shown), "('%s', %d)", addr->host, addr->port);
}

static void
name_unix(struct gn_listener *l, const struct sockaddr_un *sun, socklen_t n)
{
    size_t most =
        n > offsetof(struct sockaddr_un, sun_path) ? n - offsetof(struct sockaddr_un, sun_path) : 0;

    /* Abstract names begin with NUL. */
    if (most > 0 && sun->sun_path[0] == '\0')
        snprintf(l->text, sizeof(l->text), "unix:@%.*s", (int)(most - 1), sun->sun_path + 1);
    else
        snprintf(l->text, sizeof(l->text), "unix:%.*s", (int)most, sun->sun_path);
}

/* Fills the texts from what the kernel says. */
static bool
name_listener(struct gn_listener *l, bool is_tls)
{
    const char *scheme = is_tls ? "https" : "http";
    struct sockaddr_storage ss = {0};
    char host[GN_ADDR_TEXT_BYTES];
    socklen_t n = sizeof(ss);
    int port;

    if (getsockname(l->fd, (struct sockaddr *)&ss, &n) != 0)
        return false;
    if (ss.ss_family == AF_UNIX) {
        name_unix(l, (const struct sockaddr_un *)&ss, n);
        return true;
    }
    gn_peer_text(&ss, host, &port);
    snprintf(l->server_name, sizeof(l->server_name), "%s", host);
    snprintf(l->server_port, sizeof(l->server_port), "%u", (unsigned)port & 0xffff);
    snprintf(l->text, sizeof(l->text), ss.ss_family == AF_INET6 ? "%s://[%s]:%d" : "%s://%s:%d",
             scheme, host, port);
    if (l->addr.kind != GN_ADDR_FD)
        l->addr.port = port;
    return true;
}

/* ---- TCP ---- */

/* A host name means its IPv4 addresses, as users of the original expect of "localhost"; one that
 * has none is served by IPv6. */
static int
resolve(const struct gn_addr *addr, struct addrinfo **out)
{
    int family = addr->kind == GN_ADDR_INET6 ? AF_INET6 : AF_INET;
    struct addrinfo hints = {
        .ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    const char *host = addr->host[0] != '\0' ? addr->host : NULL;
    char port[16];
    int rc;

    snprintf(port, sizeof(port), "%d", addr->port);
    rc = getaddrinfo(host, port, &hints, out);
    if (family == AF_INET && (rc == EAI_NONAME || rc == EAI_NODATA || rc == EAI_ADDRFAMILY)) {
        int first = rc;

        hints.ai_family = AF_INET6;
        if (getaddrinfo(host, port, &hints, out) == 0)
            return 0;
        return first;
    }
    return rc;
}

static bool
set_tcp_options(int fd, const struct gn_listener_options *o)
{
    int on = 1;

    /* IPV6_V6ONLY stays as the system has it (net.ipv6.bindv6only). TCP_NODELAY is inherited by
     * the accepted connections. */
    return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
           (!o->reuse_port || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0) &&
           setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0;
}

static bool
open_tcp(struct attempt *a)
{
    struct addrinfo *found = NULL;
    int fd;

    a->resolver = resolve(&a->l->addr, &found);
    if (a->resolver != 0) {
        a->sys = a->resolver == EAI_SYSTEM ? errno : 0;
        return false;
    }
    fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || !set_tcp_options(fd, a->options) ||
        bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, a->options->backlog) != 0) {
        a->sys = errno;
        gn_fd_close(&fd);
    }
    freeaddrinfo(found);
    a->l->fd = fd;
    return fd >= 0;
}

/* ---- Unix ---- */

/* Does somebody answer there? Only a refused connection says for certain that nobody does. */
static bool
is_live(const struct sockaddr_un *sun)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool refused;

    if (fd < 0)
        return true;
    refused = connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) != 0 &&
              (errno == ECONNREFUSED || errno == ENOENT);
    gn_fd_close(&fd);
    return !refused;
}

/* Removes what a dead server has left; sets errno on failure. ENOTSOCK: a file of another kind. */
static bool
clear_path(const struct sockaddr_un *sun)
{
    struct stat st;

    if (stat(sun->sun_path, &st) != 0)
        return errno == ENOENT;
    if (!S_ISSOCK(st.st_mode)) {
        errno = ENOTSOCK;
        return false;
    }
    if (is_live(sun)) {
        errno = EADDRINUSE;
        return false;
    }
    return unlink(sun->sun_path) == 0 || errno == ENOENT;
}

static mode_t
file_mode(const struct gn_addr *addr, const struct gn_listener_options *o)
{
    return addr->mode >= 0 ? (mode_t)addr->mode : 0777 & ~o->umask;
}

/* The mode comes from the umask at the moment of bind: there is no gap with a wider one. */
static bool
bind_unix(int fd, const struct sockaddr_un *sun, socklen_t n, mode_t mode)
{
    mode_t old = umask(0777 & ~mode);
    int rc = bind(fd, (const struct sockaddr *)sun, n);
    int saved = errno;

    umask(old);
    errno = saved;
    return rc == 0;
}

/* Remembers the file as ours: the one that is there now. */
static bool
own_path(struct gn_listener *l)
{
    struct stat st;

    if (lstat(l->addr.path, &st) != 0)
        return false;
    l->owns_path = true;
    l->path_dev = st.st_dev;
    l->path_ino = st.st_ino;
    return true;
}

/* Another server may have taken the place meanwhile: its socket is not ours to touch. */
static bool
is_our_file(const struct gn_listener *l)
{
    struct stat st;

    return l->owns_path && lstat(l->addr.path, &st) == 0 && st.st_dev == l->path_dev &&
           st.st_ino == l->path_ino;
}

/* Hands the file to its owner: the account that workers run as, or the one that is named beside the
 * path. Who isn't root can't do the first, and isn't asked to. */
static bool
give_path(const struct gn_addr *addr, const struct gn_listener_options *o)
{
    uid_t uid = geteuid() == 0 ? o->uid : (uid_t)-1;
    gid_t gid = geteuid() == 0 ? o->gid : (gid_t)-1;
    struct stat st;

    if (!gn_addr_file_owner(addr, &uid, &gid, NULL)) {
        errno = EINVAL;
        return false;
    }
    if (lstat(addr->path, &st) != 0)
        return false;
    if ((uid == (uid_t)-1 || st.st_uid == uid) && (gid == (gid_t)-1 || st.st_gid == gid))
        return true;
    return lchown(addr->path, uid, gid) == 0;
}

static socklen_t
unix_sockaddr(const struct gn_addr *addr, struct sockaddr_un *sun)
{
    *sun = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(sun->sun_path, addr->path, sizeof(addr->path));
    if (!gn_addr_is_abstract(addr))
        return sizeof(*sun);
    /* All bytes up to the given length are the name. */
    sun->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(addr->path));
}

static bool
open_unix(struct attempt *a)
{
    struct gn_listener *l = a->l;
    bool is_file = !gn_addr_is_abstract(&l->addr);
    struct sockaddr_un sun;
    socklen_t n = unix_sockaddr(&l->addr, &sun);
    bool ok;

    if (is_file && !clear_path(&sun)) {
        a->sys = errno;
        return false;
    }
    l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    ok = l->fd >= 0 && bind_unix(l->fd, &sun, n, file_mode(&l->addr, a->options)) &&
         (!is_file || own_path(l));
    if (ok && is_file && !give_path(&l->addr, a->options)) {
        ok = false;
        a->is_owner_refused = true;
    }
    if (ok && listen(l->fd, a->options->backlog) == 0)
        return true;
    a->sys = errno;
    gn_listener_close(l, true);
    return false;
}

/* ---- inherited ---- */

static bool
get_flag(int fd, int option, int *out)
{
    socklen_t n = sizeof(*out);

    return getsockopt(fd, SOL_SOCKET, option, out, &n) == 0;
}

bool
gn_listener_is_listening(int fd)
{
    int type, listens;

    return get_flag(fd, SO_TYPE, &type) && type == SOCK_STREAM &&
           get_flag(fd, SO_ACCEPTCONN, &listens) && listens != 0;
}

/* A copy is used, so that the number stays open for a reload that asks for it again. Both are
 * close-on-exec: programs that the application starts shall not hold the socket. */
static bool
open_inherited(struct gn_listener *l, const struct gn_listener_options *o, struct gn_err *err)
{
    int given = l->addr.fd;
    int type;

    if (!get_flag(given, SO_TYPE, &type))
        return gn_err_set(err, GN_E_IO, errno, "Can't use fd://%d as a listening socket", given);
    if (!gn_listener_is_listening(given))
        return gn_err_set(err, GN_E_VALUE, 0,
                          "Can't use fd://%d: it is not a listening stream socket", given);
    l->is_inherited = true;
    l->fd = fcntl(given, F_DUPFD_CLOEXEC, 3);
    if (l->fd >= 0 && gn_fd_set_cloexec(given, true) == 0 && gn_fd_set_nonblock(l->fd, true) == 0 &&
        name_listener(l, o->is_tls))
        return true;
    gn_err_set(err, GN_E_IO, errno, "Can't use fd://%d as a listening socket", given);
    gn_listener_close(l, false);
    return false;
}

static bool
is_inet_at(const struct sockaddr_storage *real, const struct gn_addr *addr)
{
    const struct sockaddr_in *v4 = (const void *)real, *want4;
    const struct sockaddr_in6 *v6 = (const void *)real, *want6;
    struct addrinfo *found = NULL;
    bool same = false;

    if (resolve(addr, &found) != 0)
        return false;
    want4 = (const void *)found->ai_addr;
    want6 = (const void *)found->ai_addr;
    if (real->ss_family == AF_INET && found->ai_family == AF_INET)
        same = v4->sin_addr.s_addr == want4->sin_addr.s_addr &&
               (addr->port == 0 || v4->sin_port == want4->sin_port);
    else if (real->ss_family == AF_INET6 && found->ai_family == AF_INET6)
        same = IN6_ARE_ADDR_EQUAL(&v6->sin6_addr, &want6->sin6_addr) &&
               (addr->port == 0 || v6->sin6_port == want6->sin6_port);
    freeaddrinfo(found);
    return same;
}

static bool
is_unix_at(const struct sockaddr_un *real, socklen_t n, const struct gn_addr *addr)
{
    size_t start = offsetof(struct sockaddr_un, sun_path);
    struct sockaddr_un want;

    unix_sockaddr(addr, &want);
    if (gn_addr_is_abstract(addr))
        return n == start + strlen(addr->path) &&
               memcmp(real->sun_path, want.sun_path, n - start) == 0;
    return n > start && strncmp(real->sun_path, want.sun_path, sizeof(want.sun_path)) == 0;
}

bool
gn_listener_is_at(int fd, const struct gn_addr *addr)
{
    struct sockaddr_storage real = {0};
    socklen_t n = sizeof(real);

    if (addr->kind == GN_ADDR_FD || getsockname(fd, (struct sockaddr *)&real, &n) != 0)
        return false;
    if (real.ss_family == AF_UNIX)
        return addr->kind == GN_ADDR_UNIX && is_unix_at((const void *)&real, n, addr);
    return addr->kind != GN_ADDR_UNIX && is_inet_at(&real, addr);
}

bool
gn_listener_adopt(struct gn_listener *l, const struct gn_addr *addr, int fd,
                  const struct gn_listener_options *options, struct gn_err *err)
{
    *l = (struct gn_listener){.fd = fd, .addr = *addr};
    if (addr->kind == GN_ADDR_UNIX && !gn_addr_is_abstract(addr) && !own_path(l))
        return gn_err_set(err, GN_E_IO, errno, "the file of the socket %s is gone", addr->path);
    if (gn_fd_set_cloexec(fd, true) != 0 || gn_fd_set_nonblock(fd, true) != 0 ||
        !name_listener(l, options->is_tls))
        return gn_err_set(err, GN_E_IO, errno, "can't use the inherited socket %d", fd);
    return gn_listener_adjust(l, addr, options, err);
}

bool
gn_listener_adjust(struct gn_listener *l, const struct gn_addr *addr,
                   const struct gn_listener_options *options, struct gn_err *err)
{
    if (listen(l->fd, options->backlog) != 0)
        return gn_err_set(err, GN_E_IO, errno, "can't change the backlog of %s", l->text);
    if (!is_our_file(l))
        return true;
    if (chmod(addr->path, file_mode(addr, options)) != 0 || !give_path(addr, options))
        return gn_err_set(err, GN_E_IO, errno, "can't change owner or mode of %s", l->text);
    l->addr.mode = addr->mode;
    memcpy(l->addr.user, addr->user, sizeof(addr->user));
    memcpy(l->addr.group, addr->group, sizeof(addr->group));
    return true;
}

/* ---- trying ---- */

static bool
is_worth_waiting(const struct attempt *a)
{
    if (a->resolver != 0)
        return a->resolver == EAI_AGAIN;
    return a->sys == EADDRINUSE || a->sys == EADDRNOTAVAIL;
}

static void
log_failure(const struct attempt *a)
{
    if (a->resolver != 0 && a->resolver != EAI_SYSTEM) {
        gn_log(a->log, GN_LERROR, "connection to %s failed: [Errno %d] %s", a->shown, a->resolver,
               gai_strerror(a->resolver));
        return;
    }
    if (a->sys == EADDRINUSE)
        gn_log(a->log, GN_LERROR, "Connection in use: %s", a->shown);
    if (a->sys == EADDRNOTAVAIL)
        gn_log(a->log, GN_LERROR, "Invalid address: %s", a->shown);
    gn_log(a->log, GN_LERROR, "connection to %s failed: [Errno %d] %s", a->shown, a->sys,
           strerror(a->sys));
}

/* False when the server is to stop. */
static bool
wait_one_second(const struct gn_listener_options *o)
{
    struct timespec left = {.tv_sec = 1};

    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
        if (o->should_stop != NULL && o->should_stop())
            return false;
    }
    return true;
}

static const char *
advice(const struct attempt *a)
{
    bool is_unix = a->l->addr.kind == GN_ADDR_UNIX;

    if (a->is_owner_refused)
        return a->sys == EINVAL ? "its user or group is unknown"
                                : "only root can give the socket to another user or group";
    if (a->resolver == EAI_AGAIN)
        return "no name server answers, an address instead of the name needs none";
    if (a->resolver != 0 && a->resolver != EAI_SYSTEM)
        return "the host name is unknown, check the setting bind";
    switch (a->sys) {
    case EADDRINUSE:
        return is_unix ? "another server listens there, stop it or choose another path"
                       : "another program listens there, stop it or choose another port "
                         "(`ss -ltnp` names it)";
    case EADDRNOTAVAIL:
        return "this machine does not have the address, check the setting bind";
    case EACCES:
    case EPERM:
        return is_unix ? "the directory may not be written by this user"
                       : "ports below 1024 need root or the capability CAP_NET_BIND_SERVICE";
    case ENOENT:
    case ENOTDIR:
        return "the directory does not exist";
    case EAFNOSUPPORT:
        return "this machine has no such address family (IPv6 switched off?)";
    case EMFILE:
    case ENFILE:
        return "too many open files, raise the limit (ulimit -n)";
    default:
        return NULL;
    }
}

static bool
give_up(const struct attempt *a, struct gn_err *err)
{
    const char *hint = advice(a);

    if (a->sys == ENOTSOCK)
        return gn_err_set(err, GN_E_VALUE, 0, "'%s' is not a socket", a->l->addr.path);
    return gn_err_set(err, GN_E_IO, hint != NULL ? 0 : a->sys, "Can't connect to %s%s%s", a->shown,
                      hint != NULL ? ": " : "", hint != NULL ? hint : "");
}

bool
gn_listener_open(struct gn_listener *l, const struct gn_addr *addr,
                 const struct gn_listener_options *options, struct gn_log *log, struct gn_err *err)
{
    struct attempt a = {.l = l, .options = options, .log = log};

    *l = (struct gn_listener){.fd = -1, .addr = *addr};
    if (addr->kind == GN_ADDR_FD)
        return open_inherited(l, options, err);
    show_address(&a);
    for (int i = 1; i <= TRIES; i++) {
        a.sys = a.resolver = 0;
        if (addr->kind == GN_ADDR_UNIX ? open_unix(&a) : open_tcp(&a)) {
            if (name_listener(l, options->is_tls))
                return true;
            a.sys = errno;
            gn_listener_close(l, true);
        }
        if (a.sys == ENOTSOCK)
            break;
        log_failure(&a);
        if (i == TRIES || !options->waits || !is_worth_waiting(&a) || !wait_one_second(options))
            break;
    }
    return give_up(&a, err);
}

void
gn_listener_steer(const struct gn_listener *l, size_t n)
{
    struct sock_filter code[] = {
        {.code = BPF_LD | BPF_W | BPF_ABS, .k = (uint32_t)(SKF_AD_OFF + SKF_AD_RANDOM)},
        {.code = BPF_ALU | BPF_MOD | BPF_K, .k = (uint32_t)n},
        {.code = BPF_RET | BPF_A},
    };
    struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};
    int none = 0;

    if (n > 0)
        setsockopt(l->fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program));
    else
        setsockopt(l->fd, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, &none, sizeof(none));
}

void
gn_listener_close(struct gn_listener *l, bool unlink_path)
{
    int saved = errno;

    gn_fd_close(&l->fd);
    if (unlink_path && is_our_file(l))
        unlink(l->addr.path);
    l->owns_path = false;
    errno = saved;
}
