/* Process properties: title, owner, umask, daemon. */
#ifndef GN_BASE_PROC_H
#define GN_BASE_PROC_H

#include <stdbool.h>
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

/* "SIGSEGV"; for numbers without a name "signal 99" (valid until the thread's next call). */
const char *gn_proc_signal_name(int signo);

#endif
