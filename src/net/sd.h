/* What systemd and a service tell each other, without its library: sockets that were opened for us
 * (LISTEN_FDS), and messages about our state (NOTIFY_SOCKET, WATCHDOG_USEC).
 *
 * The environment is the one that the process was started with, as a list.
 */
#ifndef GN_NET_SD_H
#define GN_NET_SD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/compiler.h"

/* Value of a variable; NULL when it isn't there. */
const char *gn_sd_env(char *const *envp, const char *name);

/* How many sockets, from descriptor 3 on, were opened for the process `self`; 0 for none. They
 * become close-on-exec. */
int gn_sd_listen_fds(char *const *envp, pid_t self);

struct gn_sd {
    int fd;              /* connected datagram socket, or -1: nobody listens */
    int64_t watchdog_ns; /* a sign of life is expected this often; 0 for never */
};

/* Where NOTIFY_SOCKET is not set or can't be used nothing is ever sent. */
void gn_sd_open(struct gn_sd *sd, char *const *envp, pid_t self);
void gn_sd_close(struct gn_sd *sd);

/* Sends one message: lines "NAME=value". Never blocks; what can't be sent is dropped. */
void gn_sd_notify(const struct gn_sd *sd, const char *fmt, ...) GN_PRINTF(2, 3);

#endif
