/* The error log: levels and sinks, one write(2) per line.
 *
 * One struct gn_log per process (the master's is inherited over fork; the child calls
 * gn_log_after_fork). Lines look as the original's:
 *   [2026-11-22 13:48:16 +0000] [pid] [INFO] text
 * Files are opened with O_APPEND and close-on-exec. Never call this from a signal handler. Control
 * characters in `text` other than HTAB are written as \xNN, so that a request cannot forge a line.
 */
#ifndef GN_LOG_LOG_H
#define GN_LOG_LOG_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "base/err.h"
#include "base/slice.h"

enum gn_level { GN_DEBUG = 10, GN_INFO = 20, GN_WARN = 30, GN_LERROR = 40, GN_CRITICAL = 50 };

struct gn_log_options {
    const char *error_path;  /* "-" or NULL: standard error */
    const char *access_path; /* NULL: no access log; "-": standard output */
    enum gn_level level;
    bool capture_output; /* descriptors 1 and 2 are redirected into the error file (not with "-") */
    uid_t owner;         /* log files are handed to this user and group (root only) */
    gid_t group;
};

struct gn_log;

/* debug, info, warning, error, critical in any case; another word means info (as the original). */
enum gn_level gn_level_parse(const char *name);

/* Opens the sinks; NULL with `err` naming the file. `options` is copied. */
struct gn_log *gn_log_open(const struct gn_log_options *options, struct gn_err *err);
void gn_log_close(struct gn_log *lg);

/* Opens the files again (USR1). On failure the old descriptors stay in use. */
bool gn_log_reopen(struct gn_log *lg, struct gn_err *err);

/* Takes over other options (reload): opens new sinks first; on failure the old ones stay. */
bool gn_log_reconfigure(struct gn_log *lg, const struct gn_log_options *options,
                        struct gn_err *err);

/* In a forked child: forgets cached pid and buffered lines. */
void gn_log_after_fork(struct gn_log *lg);

bool gn_log_wants(const struct gn_log *lg, enum gn_level level);

void gn_log_line(struct gn_log *lg, enum gn_level level, const char *fmt, ...) GN_PRINTF(3, 4);

/* Arguments are evaluated only when the level is wanted. */
#define gn_log(lg, level, ...)                                                                     \
    do {                                                                                           \
        if (gn_log_wants((lg), (level)))                                                           \
            gn_log_line((lg), (level), __VA_ARGS__);                                               \
    } while (0)

/* Text without a prefix: tracebacks, wsgi.errors. Written as it is, in one write if it is short. */
void gn_log_raw(struct gn_log *lg, struct gn_slice text);

/* A text of user code, in one write: with the prefix before its first line, and as it is, so that a
 * text of several lines stays readable. Its lines are the caller's responsibility. */
void gn_log_text(struct gn_log *lg, enum gn_level level, struct gn_slice text);

/* The lowest level that is written. */
enum gn_level gn_log_level(const struct gn_log *lg);

/* Logs an error value: its message with `level`, its traceback (if any) after it. */
void gn_log_err(struct gn_log *lg, enum gn_level level, const char *what, const struct gn_err *err);

/* Descriptors, for processes that hand them on; -1 when there is none. */
int gn_log_error_fd(const struct gn_log *lg);
int gn_log_access_fd(const struct gn_log *lg);

/* Writes a finished access line (without LF; it is added). */
void gn_log_access_write(struct gn_log *lg, struct gn_slice line);

#endif
