#include "net/sd.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"

enum { FIRST_FD = 3, MAX_FDS = 1024, MESSAGE_BYTES = 1024 };

const char *
gn_sd_env(char *const *envp, const char *name)
{
    size_t n = strlen(name);

    for (; *envp != NULL; envp++)
        if (strncmp(*envp, name, n) == 0 && (*envp)[n] == '=')
            return *envp + n + 1;
    return NULL;
}

static bool
number(char *const *envp, const char *name, uint64_t most, uint64_t *out)
{
    const char *text = gn_sd_env(envp, name);

    return text != NULL && gn_num_digits(gn_slice_str(text), most, out);
}

int
gn_sd_listen_fds(char *const *envp, pid_t self)
{
    uint64_t pid, n;

    if (!number(envp, "LISTEN_PID", INT32_MAX, &pid) || pid != (uint64_t)self ||
        !number(envp, "LISTEN_FDS", MAX_FDS, &n))
        return 0;
    for (int i = 0; i < (int)n; i++)
        gn_fd_set_cloexec(FIRST_FD + i, true);
    return (int)n;
}

static bool
connect_to(int fd, const char *path)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    size_t n = strlen(path);

    if ((path[0] != '/' && path[0] != '@') || n < 2 || n >= sizeof(sun.sun_path))
        return false;
    memcpy(sun.sun_path, path, n + 1);
    if (path[0] == '@')
        sun.sun_path[0] = '\0';
    /* The length tells where an abstract name ends. */
    return connect(fd, (const struct sockaddr *)&sun,
                   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) == 0;
}

void
gn_sd_open(struct gn_sd *sd, char *const *envp, pid_t self)
{
    const char *path = gn_sd_env(envp, "NOTIFY_SOCKET");
    uint64_t us, pid;

    *sd = (struct gn_sd){.fd = -1};
    if (path == NULL)
        return;
    sd->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (sd->fd >= 0 && !connect_to(sd->fd, path))
        gn_fd_close(&sd->fd);
    if (sd->fd >= 0 && number(envp, "WATCHDOG_USEC", INT64_MAX / 1000, &us) &&
        (gn_sd_env(envp, "WATCHDOG_PID") == NULL ||
         (number(envp, "WATCHDOG_PID", INT32_MAX, &pid) && pid == (uint64_t)self)))
        sd->watchdog_ns = (int64_t)us * 1000;
}

void
gn_sd_close(struct gn_sd *sd)
{
    gn_fd_close(&sd->fd);
}

void
gn_sd_notify(const struct gn_sd *sd, const char *fmt, ...)
{
    char text[MESSAGE_BYTES];
    va_list ap;
    int n;

    if (sd->fd < 0)
        return;
    va_start(ap, fmt);
    n = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (n > 0 && n < (int)sizeof(text))
        (void)!send(sd->fd, text, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
}
