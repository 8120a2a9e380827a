/* Noticing that something may have changed: by inotify, or once a second.
 *
 * Folders are watched and not files, since editors and deployments replace files by others. What
 * the kernel reports is only a reason to look: a log file or a database beside the application
 * changes all the time.
 */
#include "worker/watch.h"

#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/fd.h"

enum {
    TURN_MS = 1000,
    SETTLE_MS = 50, /* one save is several events; and nobody needs to look more often */
};

void
gn_watch_engine_init(struct gn_watch_engine *e, bool wants_inotify)
{
    *e = (struct gn_watch_engine){
        .fd = wants_inotify ? inotify_init1(IN_CLOEXEC | IN_NONBLOCK) : -1,
    };
}

static bool
watch_folder_of(int fd, const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t n = slash == NULL ? 0 : (size_t)(slash - path);

    if (n >= sizeof(folder))
        return false;
    memcpy(folder, path, n);
    folder[n] = '\0';
    if (slash == NULL)
        strcpy(folder, ".");
    else if (n == 0)
        strcpy(folder, "/");
    /* A folder that is watched already costs nothing more. One that doesn't exist holds no file. */
    return inotify_add_watch(
               fd, folder, IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_ATTRIB | IN_DELETE) >= 0 ||
           access(folder, F_OK) != 0;
}

bool
gn_watch_engine_follow(struct gn_watch_engine *e, const struct gn_watch_set *s, bool *is_new)
{
    *is_new = s->n != e->n_seen;
    e->n_seen = s->n;
    if (e->fd < 0 || !*is_new)
        return true;
    for (size_t i = 0; i < s->n; i++) {
        if (!watch_folder_of(e->fd, s->files[i].path)) {
            gn_fd_close(&e->fd);
            return false;
        }
    }
    return true;
}

bool
gn_watch_engine_wait(struct gn_watch_engine *e, int stop_fd)
{
    struct pollfd p[2] = {{.fd = stop_fd, .events = POLLIN}, {.fd = e->fd, .events = POLLIN}};

    poll(p, 2, TURN_MS);
    if (e->fd < 0)
        return true;
    if (p[1].revents == 0)
        return false;
    if (p[0].revents == 0)
        poll(p, 1, SETTLE_MS);
    gn_fd_drain(e->fd);
    return true;
}

void
gn_watch_engine_fini(struct gn_watch_engine *e)
{
    gn_fd_close(&e->fd);
}
