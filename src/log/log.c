#include "log/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fd.h"
#include "log/escape.h"

/* Where lines go. `path` is NULL for a standard stream, whose descriptor is not ours. */
struct sink {
    int fd;
    char *path;
};

struct gn_log {
    struct sink error, access;
    enum gn_level level;
    bool captures_output;
    uid_t owner;
    gid_t group;
    pid_t pid;
};

enum { FULL_PIPE_WAIT_MS = 100 };

static const struct {
    enum gn_level level;
    char name[12];
} level_names[] = {
    {GN_DEBUG, "debug"},  {GN_INFO, "info"},         {GN_WARN, "warning"},
    {GN_LERROR, "error"}, {GN_CRITICAL, "critical"},
};

enum gn_level
gn_level_parse(const char *name)
{
    for (size_t i = 0; name != NULL && i < GN_ARRAY_LEN(level_names); i++) {
        if (gn_slice_eq_nocase(gn_slice_str(name), gn_slice_str(level_names[i].name)))
            return level_names[i].level;
    }
    return GN_INFO;
}

static const char *
level_label(enum gn_level level)
{
    switch (level) {
    case GN_DEBUG:
        return "DEBUG";
    case GN_INFO:
        return "INFO";
    case GN_WARN:
        return "WARNING";
    case GN_LERROR:
        return "ERROR";
    case GN_CRITICAL:
        return "CRITICAL";
    }
    return "INFO";
}

/* ---- sinks ---- */

static bool
is_standard(const char *path)
{
    return path == NULL || strcmp(path, "-") == 0;
}

static bool
hand_over(int fd, const char *path, uid_t owner, gid_t group, struct gn_err *err)
{
    struct stat st;

    /* Only plain files: /dev/null, a terminal or a FIFO have owners of their own. */
    if (geteuid() != 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
        (st.st_uid == owner && st.st_gid == group))
        return true;
    if (fchown(fd, owner, group) != 0)
        return gn_err_set(err, GN_E_IO, errno, "can't give log file '%s' to user %u, group %u",
                          path, (unsigned)owner, (unsigned)group);
    return true;
}

static int
open_file(const char *path, uid_t owner, gid_t group, struct gn_err *err)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);

    if (fd < 0) {
        gn_err_set(err, GN_E_IO, errno, "can't open log file '%s'", path);
        return -1;
    }
    if (!hand_over(fd, path, owner, group, err))
        gn_fd_close(&fd);
    return fd;
}

static void
sink_fini(struct sink *s)
{
    if (s->path != NULL)
        gn_fd_close(&s->fd);
    free(s->path);
    *s = (struct sink){.fd = -1};
}

/* The application may change the directory: the files are opened again where they were. */
static char *
absolute_path(const char *path)
{
    char *cwd = path[0] != '/' ? getcwd(NULL, 0) : NULL;
    char *whole = NULL;

    if (cwd == NULL)
        return strdup(path);
    if (asprintf(&whole, "%s/%s", cwd, path) < 0)
        whole = NULL;
    free(cwd);
    return whole;
}

static bool
sink_init(struct sink *s, const char *path, int standard_fd, const struct gn_log_options *o,
          struct gn_err *err)
{
    *s = (struct sink){.fd = standard_fd};
    if (is_standard(path))
        return true;
    s->fd = -1;
    s->path = absolute_path(path);
    if (s->path == NULL)
        return gn_err_set(err, GN_E_MEMORY, 0, "no memory for log file '%s'", path);
    s->fd = open_file(path, o->owner, o->group, err);
    if (s->fd >= 0)
        return true;
    sink_fini(s);
    return false;
}

static bool
open_sinks(struct sink *error, struct sink *access, const struct gn_log_options *o,
           struct gn_err *err)
{
    *access = (struct sink){.fd = -1};
    if (!sink_init(error, o->error_path, STDERR_FILENO, o, err))
        return false;
    if (o->access_path == NULL || sink_init(access, o->access_path, STDOUT_FILENO, o, err))
        return true;
    sink_fini(error);
    return false;
}

/* Standard output and error become the error file, for the application's own prints. */
static bool
capture(const struct gn_log *lg, struct gn_err *err)
{
    if (!lg->captures_output || lg->error.path == NULL)
        return true;
    fflush(stdout);
    if (dup2(lg->error.fd, STDOUT_FILENO) < 0 || dup2(lg->error.fd, STDERR_FILENO) < 0)
        return gn_err_set(err, GN_E_IO, errno, "can't redirect the output to log file '%s'",
                          lg->error.path);
    return true;
}

struct gn_log *
gn_log_open(const struct gn_log_options *options, struct gn_err *err)
{
    struct gn_log *lg = calloc(1, sizeof(*lg));

    if (lg == NULL) {
        gn_err_set(err, GN_E_MEMORY, 0, "no memory for the log");
        return NULL;
    }
    lg->error.fd = lg->access.fd = -1;
    lg->pid = getpid();
    if (gn_log_reconfigure(lg, options, err))
        return lg;
    gn_log_close(lg);
    return NULL;
}

void
gn_log_close(struct gn_log *lg)
{
    if (lg == NULL)
        return;
    sink_fini(&lg->error);
    sink_fini(&lg->access);
    free(lg);
}

/* The old number keeps its place, so that other threads may write meanwhile. */
static bool
replace(struct sink *s, int *fresh, struct gn_err *err)
{
    if (*fresh < 0)
        return true;
    if (dup3(*fresh, s->fd, O_CLOEXEC) < 0)
        return gn_err_set(err, GN_E_IO, errno, "can't reopen log file '%s'", s->path);
    gn_fd_close(fresh);
    return true;
}

bool
gn_log_reopen(struct gn_log *lg, struct gn_err *err)
{
    int error_fd = -1, access_fd = -1;
    bool ok = false;

    if (lg->error.path != NULL) {
        error_fd = open_file(lg->error.path, lg->owner, lg->group, err);
        if (error_fd < 0)
            goto out;
    }
    if (lg->access.path != NULL) {
        access_fd = open_file(lg->access.path, lg->owner, lg->group, err);
        if (access_fd < 0)
            goto out;
    }
    ok = replace(&lg->error, &error_fd, err) && replace(&lg->access, &access_fd, err) &&
         capture(lg, err);
out:
    gn_fd_close(&error_fd);
    gn_fd_close(&access_fd);
    return ok;
}

bool
gn_log_reconfigure(struct gn_log *lg, const struct gn_log_options *options, struct gn_err *err)
{
    struct sink error, access;

    if (!open_sinks(&error, &access, options, err))
        return false;
    sink_fini(&lg->error);
    sink_fini(&lg->access);
    lg->error = error;
    lg->access = access;
    lg->level = options->level;
    lg->captures_output = options->capture_output;
    lg->owner = options->owner;
    lg->group = options->group;
    return capture(lg, err);
}

void
gn_log_after_fork(struct gn_log *lg)
{
    lg->pid = getpid();
}

int
gn_log_error_fd(const struct gn_log *lg)
{
    return lg->error.fd;
}

int
gn_log_access_fd(const struct gn_log *lg)
{
    return lg->access.fd;
}

/* ---- writing ---- */

/* Takes `put` bytes off the front of the vector. */
static void
advance(struct iovec *iov, int n, size_t put)
{
    for (int i = 0; i < n; i++) {
        size_t part = put < iov[i].iov_len ? put : iov[i].iov_len;

        iov[i].iov_base = (char *)iov[i].iov_base + part;
        iov[i].iov_len -= part;
        put -= part;
    }
}

/* One system call for what fits; errors are swallowed, as a full disk or a reader that has gone
 * must not stop the server. A pipe that is full gets a moment, then the rest is dropped. */
static void
put(int fd, struct iovec *iov, int n)
{
    int saved = errno;
    size_t left = 0;

    for (int i = 0; i < n; i++)
        left += iov[i].iov_len;
    while (fd >= 0 && left > 0) {
        struct pollfd full = {.fd = fd, .events = POLLOUT};
        ssize_t done = writev(fd, iov, n);

        if (done > 0) {
            left -= (size_t)done;
            advance(iov, n, (size_t)done);
        } else if (done == 0 || (errno != EINTR && errno != EAGAIN)) {
            break;
        } else if (errno == EAGAIN && poll(&full, 1, FULL_PIPE_WAIT_MS) <= 0) {
            break;
        }
    }
    errno = saved;
}

static void
put_slice(int fd, struct gn_slice text)
{
    struct iovec iov = {.iov_base = (void *)(uintptr_t)text.p, .iov_len = text.n};

    put(fd, &iov, 1);
}

bool
gn_log_wants(const struct gn_log *lg, enum gn_level level)
{
    return lg != NULL && level >= lg->level;
}

/* The date changes once a second; each thread keeps its own text, so no lock is needed. */
static const char *
log_date(void)
{
    static _Thread_local char text[GN_LOG_DATE_BYTES];
    static _Thread_local time_t second;
    time_t now = gn_clock_wall_s();

    if (now != second || text[0] == '\0') {
        gn_clock_log_date(now, text);
        second = now;
    }
    return text;
}

/* "[date] [pid] [LEVEL] text\n" */
static bool
build_line(const struct gn_log *lg, struct gn_buf *out, enum gn_level level, struct gn_slice text)
{
    return gn_buf_printf(out, "[%s] [%d] [%s] ", log_date(), (int)lg->pid, level_label(level)) &&
           gn_escape_utf8(out, text, 0) && gn_buf_append(out, "\n", 1);
}

void
gn_log_line(struct gn_log *lg, enum gn_level level, const char *fmt, ...)
{
    struct gn_buf text = {0}, line = {0};
    int saved = errno;
    va_list ap;

    va_start(ap, fmt);
    if (gn_log_wants(lg, level) && gn_buf_vprintf(&text, fmt, ap) &&
        build_line(lg, &line, level, gn_buf_slice(&text)))
        put_slice(lg->error.fd, gn_buf_slice(&line));
    va_end(ap);
    gn_buf_fini(&text);
    gn_buf_fini(&line);
    errno = saved;
}

void
gn_log_text(struct gn_log *lg, enum gn_level level, struct gn_slice text)
{
    struct gn_buf line = {0};
    int saved = errno;

    if (gn_log_wants(lg, level) &&
        gn_buf_printf(&line, "[%s] [%d] [%s] ", log_date(), (int)lg->pid, level_label(level)) &&
        gn_buf_append(&line, text.p, text.n) && gn_buf_append(&line, "\n", 1))
        put_slice(lg->error.fd, gn_buf_slice(&line));
    gn_buf_fini(&line);
    errno = saved;
}

enum gn_level
gn_log_level(const struct gn_log *lg)
{
    return lg->level;
}

void
gn_log_raw(struct gn_log *lg, struct gn_slice text)
{
    if (lg != NULL)
        put_slice(lg->error.fd, text);
}

/* "what: message: reason", with what is there of it. */
static bool
build_message(struct gn_buf *out, const char *what, const struct gn_err *err)
{
    struct gn_slice title = gn_slice_str(what);
    char text[sizeof(err->msg) + 128];

    /* The last line of a traceback says the message again. */
    if (title.n > 0 && err->detail != NULL)
        return gn_buf_append(out, title.p, title.n);
    /* Some titles that users know end in a colon of their own. */
    title = gn_slice_trim(title, ":");
    if (!gn_buf_append(out, title.p, title.n))
        return false;
    gn_err_text(err, text, sizeof(text));
    return gn_buf_printf(out, "%s%s", title.n > 0 && text[0] != '\0' ? ": " : "", text);
}

void
gn_log_err(struct gn_log *lg, enum gn_level level, const char *what, const struct gn_err *err)
{
    struct gn_buf text = {0}, line = {0};
    struct gn_slice detail = gn_slice_str(err->detail);
    int saved = errno;

    /* In one piece, so that lines of other processes don't come between. */
    if (gn_log_wants(lg, level) && build_message(&text, what, err) &&
        build_line(lg, &line, level, gn_buf_slice(&text)) &&
        gn_buf_append(&line, detail.p, detail.n) &&
        (detail.n == 0 || detail.p[detail.n - 1] == '\n' || gn_buf_append(&line, "\n", 1)))
        put_slice(lg->error.fd, gn_buf_slice(&line));
    gn_buf_fini(&text);
    gn_buf_fini(&line);
    errno = saved;
}

void
gn_log_access_write(struct gn_log *lg, struct gn_slice line)
{
    struct iovec iov[2] = {
        {.iov_base = (void *)(uintptr_t)line.p, .iov_len = line.n},
        {.iov_base = (void *)(uintptr_t) "\n", .iov_len = 1},
    };

    if (lg != NULL)
        put(lg->access.fd, iov, 2);
}
