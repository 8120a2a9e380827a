#include "arbiter/arbiter_int.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/slice.h"

/* More than this is no pid file. */
enum { PIDFILE_MAX_BYTES = 64 };

/* The number in the file; 0 when there is no file or it holds something else. */
static bool
read_pid(const char *path, pid_t *out, struct gn_err *err)
{
    size_t n;
    char *text = gn_fd_read_file(path, PIDFILE_MAX_BYTES, &n);
    int64_t v = 0;

    *out = 0;
    if (text == NULL) {
        if (errno == ENOENT || errno == EFBIG)
            return true;
        return gn_err_set(err, GN_E_IO, errno, "can't read the pid file '%s'", path);
    }
    /* Negative numbers and 0 mean process groups to kill(2): they are as good as none. */
    if (gn_num_python_int(gn_slice(text, n), 10, &v) == GN_NUM_OK && v > 0 && v <= INT_MAX)
        *out = (pid_t)v;
    free(text);
    return true;
}

static bool
is_alive(pid_t pid)
{
    return kill(pid, 0) == 0 || errno == EPERM;
}

/* The path from the root, so that a later chdir doesn't matter. */
static char *
absolute(const char *path)
{
    char *cwd, *out = NULL;

    if (path[0] == '/')
        return strdup(path);
    cwd = getcwd(NULL, 0);
    if (cwd != NULL && asprintf(&out, "%s/%s", cwd, path) < 0)
        out = NULL;
    free(cwd);
    return out;
}

static bool
check_directory(const char *path, struct gn_err *err)
{
    const char *slash = strrchr(path, '/');
    char *dir = strndup(path, slash == path ? 1 : (size_t)(slash - path));
    struct stat st;
    bool ok;

    if (dir == NULL)
        return gn_err_set(err, GN_E_MEMORY, 0, "no memory");
    ok = stat(dir, &st) == 0 && S_ISDIR(st.st_mode);
    if (!ok)
        gn_err_set(err, GN_E_VALUE, 0, "%s doesn't exist. Can't create pidfile.", dir);
    free(dir);
    return ok;
}

static bool
write_pid(int fd, pid_t pid)
{
    char text[32];
    int n = snprintf(text, sizeof(text), "%d\n", (int)pid);

    /* Monitoring programs of other users read it, whatever our umask. */
    return gn_fd_write_all(fd, text, (size_t)n) == 0 &&
           fchmod(fd, S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH) == 0;
}

/* By rename: a reader sees the old or the new content, never an empty file. */
static bool
replace(const char *path, pid_t pid, struct gn_err *err)
{
    char *tmp = NULL;
    int fd = -1;
    bool ok = false;

    if (asprintf(&tmp, "%s.XXXXXX", path) < 0)
        return gn_err_set(err, GN_E_MEMORY, 0, "no memory");
    fd = mkostemp(tmp, O_CLOEXEC);
    if (fd >= 0) {
        ok = write_pid(fd, pid) && rename(tmp, path) == 0;
        if (!ok) {
            int saved = errno;

            unlink(tmp);
            errno = saved;
        }
    }
    if (!ok)
        gn_err_set(err, GN_E_IO, errno, "can't write the pid file '%s'", path);
    gn_fd_close(&fd);
    free(tmp);
    return ok;
}

/* `former` is known to have ended, even if nobody has waited for it yet. */
static bool
create(const char *path, pid_t pid, pid_t former, char **out, struct gn_err *err)
{
    char *full = absolute(path);
    pid_t old;

    *out = NULL;
    if (full == NULL)
        return gn_err_set(err, GN_E_IO, errno, "can't tell the place of the pid file '%s'", path);
    if (!read_pid(full, &old, err))
        goto fail;
    /* Our own number is left by an earlier life: the first process of a container is always 1. */
    if (old != 0 && old != pid && old != former && is_alive(old)) {
        gn_err_set(err, GN_E_VALUE, 0, "Already running on PID %d (or pid file '%s' is stale)",
                   (int)old, path);
        goto fail;
    }
    if (!check_directory(full, err) || !replace(full, pid, err))
        goto fail;
    *out = full;
    return true;
fail:
    free(full);
    return false;
}

bool
gn_arb_pidfile_create(const char *path, pid_t pid, char **out, struct gn_err *err)
{
    return create(path, pid, 0, out, err);
}

bool
gn_arb_pidfile_update(struct gn_arbiter *arb, struct gn_err *err)
{
    const char *path = arb->cur->frozen->cfg.pidfile;
    char *name = NULL, *fresh = NULL;
    bool is_same;

    if (path != NULL && path[0] != '\0') {
        if (asprintf(&name, "%s%s", path, arb->reexec.parent != 0 ? ".2" : "") < 0)
            return gn_err_set(err, GN_E_MEMORY, 0, "no memory");
        if (!create(name, arb->pid, arb->reexec.former, &fresh, err)) {
            free(name);
            return false;
        }
        free(name);
    }
    /* The new one is there before the old one goes: at no moment is there none. */
    is_same = fresh != NULL && arb->pidfile != NULL && strcmp(fresh, arb->pidfile) == 0;
    if (is_same)
        free(arb->pidfile);
    else
        gn_arb_pidfile_remove(&arb->pidfile, arb->pid);
    arb->pidfile = fresh;
    return true;
}

void
gn_arb_pidfile_remove(char **path, pid_t pid)
{
    pid_t now;

    if (*path != NULL && read_pid(*path, &now, NULL) && now == pid)
        unlink(*path);
    free(*path);
    *path = NULL;
}
