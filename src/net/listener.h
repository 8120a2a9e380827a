/* Listening sockets: bound once by the master, shared with every worker.
 *
 * All are non-blocking and close-on-exec. Who creates a Unix socket removes it at the end.
 */
#ifndef GN_NET_LISTENER_H
#define GN_NET_LISTENER_H

#include <sys/types.h>

#include "net/addr.h"

struct gn_log;

struct gn_listener {
    int fd;
    struct gn_addr addr; /* what was asked for; port 0 is replaced by the real one */
    char text[512];      /* "http://127.0.0.1:8000": the address really bound */
    /* For SERVER_NAME and SERVER_PORT: the address really bound, "" for Unix sockets. */
    char server_name[256];
    char server_port[8];
    bool owns_path; /* we made the Unix socket; its file is known by these two: */
    dev_t path_dev;
    ino_t path_ino;
    bool is_inherited;
};

struct gn_listener_options {
    int backlog;
    bool reuse_port;
    bool is_tls;
    mode_t umask; /* for Unix sockets: mode is 0777 & ~umask */
    uid_t uid;
    gid_t gid; /* Unix sockets are handed to them when we are root; the address may say otherwise */
    bool waits;                /* try 5 times, one second apart; else once */
    bool (*should_stop)(void); /* asked when a signal interrupts the waiting; may be NULL */
};

/* Binds and listens. An address in use, or one that is not there yet, is tried 5 times (with
 * `waits`), one second apart, with the log lines that users know. False with `err` when it can't be
 * had; its message begins "Can't connect to ADDRESS" (to be logged by the caller, as the line that
 * users know) and says what to do. */
bool gn_listener_open(struct gn_listener *l, const struct gn_addr *addr,
                      const struct gn_listener_options *options, struct gn_log *log,
                      struct gn_err *err) GN_MUST_CHECK;

/* True when the listening socket `fd`, which somebody else has opened, stands at the place that
 * `addr` asks for. Port 0 asks for any. */
bool gn_listener_is_at(int fd, const struct gn_addr *addr);

/* Makes a listener of such a socket; `l->fd` is `fd` then. A Unix socket's file becomes ours. */
bool gn_listener_adopt(struct gn_listener *l, const struct gn_addr *addr, int fd,
                       const struct gn_listener_options *options, struct gn_err *err) GN_MUST_CHECK;

/* True for an open descriptor that listens for stream connections. */
bool gn_listener_is_listening(int fd);

/* Applies what may have changed while the socket stayed: length of the queue, and for the file of a
 * Unix socket permissions and owner. */
bool gn_listener_adjust(struct gn_listener *l, const struct gn_addr *addr,
                        const struct gn_listener_options *options,
                        struct gn_err *err) GN_MUST_CHECK;

/* Sockets that share one address (SO_REUSEPORT): new connections go to the first `n` of them, in
 * the order in which they were bound; 0 lets the kernel choose among all again. Where the kernel
 * can't, nothing changes. */
void gn_listener_steer(const struct gn_listener *l, size_t n);

/* Closes; unlinks the path of a Unix socket when `unlink_path`, when it is ours and still in its
 * place. Accepts a zeroed struct with fd -1. */
void gn_listener_close(struct gn_listener *l, bool unlink_path);

#endif
