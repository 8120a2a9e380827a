/* `reload`: a thread of the worker that watches the files of the application.
 *
 * When one has changed it says so and ends the worker, gracefully; the master starts another one,
 * which loads the new code. The set of files grows with what the application imports. Start and
 * stop it on the loop's thread.
 */
#ifndef GN_WORKER_WATCH_H
#define GN_WORKER_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "worker/worker.h"

/* ---- what is watched ---- */

/* Tells one state of a file from another. */
struct gn_watch_stamp {
    int64_t mtime_ns, size;
    uint64_t inode;
    bool exists;
};

struct gn_watch_file {
    char *path;
    struct gn_watch_stamp stamp;
};

/* Sorted by path. */
struct gn_watch_set {
    struct gn_watch_file *files;
    size_t n, size;
    int64_t since_ns; /* by the clock of files: what was written later may have been read before */
};

/* Adds a file in its present state; one that is there already stays as it was. False without
 * memory. A file that doesn't exist may come: that is a change; so is one that was written after
 * `since_ns`, when this is not 0. */
bool gn_watch_set_add(struct gn_watch_set *s, const char *path);
/* Adds what a shell pattern matches. */
void gn_watch_set_add_glob(struct gn_watch_set *s, const char *pattern);
/* Adds the files that a traceback names. */
void gn_watch_set_add_traceback(struct gn_watch_set *s, const char *text);
/* The first file that is not as it was, or NULL. One that has gone may be on its way back. */
const char *gn_watch_set_changed(const struct gn_watch_set *s);
void gn_watch_set_fini(struct gn_watch_set *s);

/* ---- how changes are noticed ---- */

struct gn_watch_engine {
    int fd; /* of inotify, or -1: the files are looked at once a second */
    size_t n_seen;
};

void gn_watch_engine_init(struct gn_watch_engine *e, bool wants_inotify);
/* Takes new files of the set in. False when the kernel can't watch them: then it polls. `*is_new`
 * tells that there were some, which may have changed before they were watched. */
bool gn_watch_engine_follow(struct gn_watch_engine *e, const struct gn_watch_set *s, bool *is_new);
/* Waits for up to a second, or until `stop_fd` is readable. True when it is worth to look at the
 * files. */
bool gn_watch_engine_wait(struct gn_watch_engine *e, int stop_fd);
void gn_watch_engine_fini(struct gn_watch_engine *e);

/* ---- the thread ---- */

struct gn_watch;

/* Nothing that was written before `since_ns` (clock of files) counts as a change. `failure` is the
 * traceback of an application that could not be loaded, or NULL. NULL without `err` filled when
 * `reload` is off. */
struct gn_watch *gn_watch_start(struct gn_worker *w, int64_t since_ns, const char *failure,
                                struct gn_err *err);
/* Accepts NULL. */
void gn_watch_stop(struct gn_watch *watch);

#endif
