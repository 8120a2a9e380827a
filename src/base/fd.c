#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

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

/* Waits until the descriptor has data or its end. */
static bool
wait_readable(int fd, int64_t deadline_ns)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    for (;;) {
        int64_t left_ms = (deadline_ns - gn_clock_mono_ns() + GN_NS_PER_MS - 1) / GN_NS_PER_MS;
        int rc = poll(&p, 1, left_ms <= 0 ? 0 : left_ms < INT_MAX ? (int)left_ms : INT_MAX);

        if (rc > 0)
            return true;
        if (rc < 0 && errno != EINTR)
            return false;
        if (gn_clock_mono_ns() >= deadline_ns) {
            errno = ETIMEDOUT;
            return false;
        }
    }
}

static ssize_t
read_before(int fd, void *p, size_t n, int64_t deadline_ns)
{
    for (;;) {
        ssize_t got = gn_fd_read(fd, p, n);

        if (got >= 0 || errno != EAGAIN || deadline_ns == 0)
            return got;
        if (!wait_readable(fd, deadline_ns))
            return -1;
    }
}

/* Reads until the end; `guess` is only a first one, as files grow and /proc says 0. A deadline of 0
 * is none. */
static char *
read_rest(int fd, size_t guess, size_t max, int64_t deadline_ns, size_t *n)
{
    size_t size = guess + 1, used = 0;
    char *data = malloc(size + 1);

    while (data != NULL) {
        ssize_t got = read_before(fd, data + used, size - used, deadline_ns);
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
            data = read_rest(fd, (size_t)st.st_size, max, 0, n);
    }
    gn_fd_close(&fd);
    return data;
}

char *
gn_fd_read_stream(const char *path, size_t max, int64_t timeout_ns, size_t *n)
{
    char *data = NULL;
    struct stat st;
    bool is_pipe;
    int fd;

    if (stat(path, &st) != 0)
        return NULL;
    is_pipe = S_ISFIFO(st.st_mode);
    if (!is_pipe && !S_ISCHR(st.st_mode))
        return gn_fd_read_file(path, max, n);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return NULL;
    data = read_rest(fd, 0, max, is_pipe ? gn_clock_mono_ns() + timeout_ns : 0, n);
    gn_fd_close(&fd);
    if (data != NULL && *n == 0 && is_pipe) {
        /* Nobody has it open for writing, or all has been read before. */
        free(data);
        data = NULL;
        errno = ENODATA;
    }
    return data;
}
