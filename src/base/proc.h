/* Process properties: title, owner, umask, daemon. */
#ifndef GN_BASE_PROC_H
#define GN_BASE_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* Takes over the memory of argv and environ for titles; call first thing in main. The arguments
 * from argv[1] on and `environ` are copied to the heap and stay usable; argv[0] shows the title
 * from then on and `envp` is void, so main copies argv[0] before. */
void gn_proc_title_init(int argc, char **argv, char **envp);

/* Sets the title that ps shows ("gunicorn: master [app:app]"); also prctl(PR_SET_NAME). */
void gn_proc_set_title(const char *fmt, ...) GN_PRINTF(1, 2);

/* Switches this process to user and group. Supplementary groups are dropped (root only), or with
 * `initgroups` replaced by the user's own plus `gid`. Does nothing when both are already in force.
 * Order: groups, gid, uid. There is no way back. */
bool gn_proc_set_owner(uid_t uid, gid_t gid, bool initgroups, struct gn_err *err) GN_MUST_CHECK;

/* Detaches: two forks, new session, umask 022, stdio to /dev/null (with `keep_stdio` only stdin).
 * The parents _exit(0). */
bool gn_proc_daemonize(bool keep_stdio, struct gn_err *err) GN_MUST_CHECK;

/* Work that is done in a process of its own, so that nothing of it stays behind here. */
struct gn_proc_job {
    bool (*work)(void *ctx, struct gn_err *err); /* in the child; its return is the result */
    void (*end)(void *ctx); /* in the child, when the result is known already; may be NULL */
    void *ctx;
    int64_t timeout_ns; /* for `work` */
};

enum gn_proc_how {
    GN_PROC_RESULT,  /* `work` has returned */
    GN_PROC_EXITED,  /* the child has left by itself before; `number` is the status */
    GN_PROC_SIGNAL,  /* the child was ended by the signal `number` */
    GN_PROC_TIMEOUT, /* `work` took too long, the child was killed */
};

struct gn_proc_outcome {
    enum gn_proc_how how;
    bool result;
    int number;
};

/* Ends the process without atexit functions and without flushing: for signal handlers. */
void gn_proc_end_now(int status) GN_NORETURN;

/* Forks, runs the job in the child and waits for its end. Streams of stdio are flushed before. The
 * child dies with its parent; one that does not end soon after its result is killed, and the result
 * counts. Processes that the child has started and left behind are killed, daemons as well. A false
 * result brings the error of `work` with it (a long `detail` is cut), a true one may bring a
 * remark. False with `err` when there is no child. */
bool gn_proc_run_child(const struct gn_proc_job *job, struct gn_proc_outcome *out,
                       struct gn_err *err) GN_MUST_CHECK;

/* The result of `work`; for any other end false with `err` in words: "the process was ended by
 * SIGSEGV while WHAT was loaded". */
bool gn_proc_tell(const struct gn_proc_outcome *outcome, const char *what, int64_t timeout_s,
                  struct gn_err *err) GN_MUST_CHECK;

/* "SIGSEGV"; for numbers without a name "signal 99" (valid until the thread's next call). */
const char *gn_proc_signal_name(int signo);

#endif
