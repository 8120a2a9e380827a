#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int
set_flag(int fd, int get, int set, int flag, bool on)
{
    int flags = fcntl(fd, get);
    int wanted;

    if (flags < 0)
        return -1;
    wanted = on ? flags | flag : flags & ~flag;
    return wanted == flags ? 0 : fcntl(fd, set, wanted);
}

int
gn_fd_set_nonblock(int fd, bool on)
{
    return set_flag(fd, F_GETFL, F_SETFL, O_NONBLOCK, on);
}

int
gn_fd_set_cloexec(int fd, bool on)
{
    return set_flag(fd, F_GETFD, F_SETFD, FD_CLOEXEC, on);
}

int
gn_fd_pipe(int out[2])
{
    return pipe2(out, O_NONBLOCK | O_CLOEXEC);
}

ssize_t
gn_fd_read(int fd, void *p, size_t n)
{
    ssize_t got;

    do
        got = read(fd, p, n);
    while (got < 0 && errno == EINTR);
    return got;
}

ssize_t
gn_fd_write(int fd, const void *p, size_t n)
{
    ssize_t put;

    do
        put = write(fd, p, n);
    while (put < 0 && errno == EINTR);
    return put;
}

int
gn_fd_write_all(int fd, const void *p, size_t n)
{
    const char *at = p;

    while (n > 0) {
        ssize_t put = gn_fd_write(fd, at, n);

        if (put < 0)
            return -1;
        if (put == 0) {
            errno = EIO;
            return -1;
        }
        at += put;
        n -= (size_t)put;
    }
    return 0;
}

void
gn_fd_drain(int fd)
{
    char junk[256];

    while (gn_fd_read(fd, junk, sizeof(junk)) > 0)
        continue;
}

void
gn_fd_close(int *fd)
{
    int saved = errno;

    if (*fd < 0)
        return;
    /* Linux frees the number even when close is interrupted: never tried again. */
    close(*fd);
    *fd = -1;
    errno = saved;
}

/* Reads until the end; the size in `st` is only a first guess, as files grow and /proc says 0. */
static char *
read_rest(int fd, size_t guess, size_t max, size_t *n)
{
    size_t size = guess + 1, used = 0;
    char *data = malloc(size + 1);

    while (data != NULL) {
        ssize_t got = gn_fd_read(fd, data + used, size - used);
        char *bigger;

        if (got < 0)
            break;
        used += (size_t)got;
        if (used > max) {
            errno = EFBIG;
            break;
        }
        if (got == 0) {
            data[used] = '\0';
            *n = used;
            return data;
        }
        if (used < size)
            continue;
        size = size < 2048 ? 4096 : size * 2;
        bigger = realloc(data, size + 1);
        if (bigger == NULL)
            break;
        data = bigger;
    }
    free(data);
    return NULL;
}

char *
gn_fd_read_file(const char *path, size_t max, size_t *n)
{
    /* Non-blocking, so that a FIFO in the place of a file is refused and not waited for. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    char *data = NULL;
    struct stat st;

    if (fd < 0)
        return NULL;
    if (fstat(fd, &st) == 0) {
        if (S_ISDIR(st.st_mode))
            errno = EISDIR;
        else if (!S_ISREG(st.st_mode))
            errno = EINVAL;
        else if (st.st_size > 0 && (size_t)st.st_size > max)
            errno = EFBIG;
        else
            data = read_rest(fd, (size_t)st.st_size, max, n);
    }
    gn_fd_close(&fd);
    return data;
}
