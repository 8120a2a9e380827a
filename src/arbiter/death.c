/* Why a worker ended: status, signal, what it was doing, what it had used, and whether the kernel
 * ended it for want of memory. */
#include "arbiter/arbiter_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/num.h"
#include "base/proc.h"
#include "log/log_access.h"

/* ---- the control group ---- */

/* The number behind `key` in lines of "key number"; -1 without it. */
static int64_t
find_number(const char *path, const char *key)
{
    size_t n;
    char *text = gn_fd_read_file(path, 65536, &n);
    struct gn_slice rest = gn_slice(text, text != NULL ? n : 0);
    uint64_t value;
    int64_t found = -1;

    while (rest.p != NULL && rest.n > 0) {
        struct gn_slice line = gn_slice_cut(&rest, '\n');
        struct gn_slice word = gn_slice_cut(&line, ' ');

        if (gn_slice_eq(word, gn_slice_str(key)) && gn_num_digits(line, INT64_MAX, &value))
            found = (int64_t)value;
    }
    free(text);
    return found;
}

/* One line of /proc/self/cgroup: "0::/path" of version 2, "5:memory:/path" of version 1. */
static int64_t
count_in(struct gn_slice line, const char *root)
{
    struct gn_slice id = gn_slice_cut(&line, ':');
    struct gn_slice controllers = gn_slice_cut(&line, ':');
    char path[4096];

    if (gn_slice_eq(id, GN_SLICE("0")) && controllers.n == 0) {
        snprintf(path, sizeof(path), "%s%.*s/memory.events", root, GN_SLICE_ARG(line));
        return find_number(path, "oom_kill");
    }
    if (gn_slice_eq(controllers, GN_SLICE("memory"))) {
        snprintf(path, sizeof(path), "%s/memory%.*s/memory.oom_control", root, GN_SLICE_ARG(line));
        return find_number(path, "oom_kill");
    }
    return -1;
}

int64_t
gn_arb_oom_kills(const char *self, const char *root)
{
    size_t n;
    char *text = gn_fd_read_file(self, 65536, &n);
    struct gn_slice rest = gn_slice(text, text != NULL ? n : 0);
    int64_t found = -1;

    while (found < 0 && rest.p != NULL && rest.n > 0)
        found = count_in(gn_slice_cut(&rest, '\n'), root);
    free(text);
    return found;
}

void
gn_arb_watch_oom(struct gn_arbiter *arb)
{
    arb->oom_kills = gn_arb_oom_kills("/proc/self/cgroup", "/sys/fs/cgroup");
}

/* True when the kernel has killed somebody of our group since the last look. */
static bool
was_out_of_memory(struct gn_arbiter *arb)
{
    int64_t before = arb->oom_kills;

    gn_arb_watch_oom(arb);
    return before >= 0 && arb->oom_kills > before;
}

/* ---- texts ---- */

static enum gn_level
signal_level(const struct gn_arb_worker *e, int signo)
{
    if (signo == SIGKILL)
        return GN_LERROR;
    /* QUIT may reach one that we end before it has, or after it has given up, its handlers. */
    if (signo == SIGTERM || (signo == SIGQUIT && e->is_stopping))
        return GN_INFO;
    return GN_WARN;
}

static double
seconds(struct timeval tv)
{
    return (double)tv.tv_sec + (double)tv.tv_usec / 1e6;
}

static void
log_usage(struct gn_arbiter *arb, const struct gn_arb_worker *e, enum gn_level level,
          const struct rusage *used)
{
    double lived = (double)(gn_clock_mono_ns() - e->w.slot->born_ns) / (double)GN_NS_PER_S;

    gn_log(arb->log, level,
           "Worker %d (pid:%d) lived for %.1f seconds, answered %llu requests, used %.2f seconds "
           "of CPU time and at most %.1f MiB of memory",
           e->w.id, (int)e->w.pid, lived, (unsigned long long)atomic_load(&e->w.slot->requests),
           seconds(used->ru_utime) + seconds(used->ru_stime), (double)used->ru_maxrss / 1024.0);
}

/* ---- requests that died with it ---- */

static struct gn_slice
no_text(const void *ctx, struct gn_slice name)
{
    (void)ctx;
    (void)name;
    return gn_slice(NULL, 0);
}

/* "GET /path?query HTTP/1.1" taken apart. */
static void
split_line(const char *line, struct gn_access_record *r)
{
    const char *space = strchr(line, ' ');
    const char *last = strrchr(line, ' ');
    size_t mark;

    if (space == NULL || last == space)
        return;
    r->method = gn_slice(line, (size_t)(space - line));
    r->target = gn_slice(space + 1, (size_t)(last - space - 1));
    r->protocol = gn_slice_str(last + 1);
    mark = gn_slice_find(r->target, '?');
    r->path = gn_slice(r->target.p, mark);
    if (mark < r->target.n)
        r->query = gn_slice(r->target.p + mark + 1, r->target.n - mark - 1);
}

/* The worker can't say any more that it has not answered. Its fields are lost with it: of them the
 * line has what the scoreboard shows, a status of 504 and no bytes. */
static void
log_access(struct gn_arbiter *arb, const struct gn_arb_worker *e, const struct gn_arb_run *run)
{
    const char *format = e->w.frozen->cfg.access_log_format;
    struct gn_access_format *f;
    struct gn_access_record r = {
        .remote_addr = gn_slice_str(run->peer),
        .status = 504,
        .duration_ns = gn_clock_mono_ns() - run->since_ns,
        .now = gn_clock_wall_s(),
        .pid = e->w.pid,
        .request_header = no_text,
        .response_header = no_text,
        .environ_value = no_text,
    };
    struct gn_buf line = {0};

    if (gn_log_access_fd(arb->log) < 0 || format == NULL)
        return;
    split_line(run->line, &r);
    f = gn_access_format_new(format, NULL);
    if (f != NULL && gn_access_format_write(f, &r, &line))
        gn_log_access_write(arb->log, gn_buf_slice(&line));
    if (f != NULL)
        gn_access_format_free(f);
    gn_buf_fini(&line);
}

static void
explain_runs(struct gn_arbiter *arb, const struct gn_arb_worker *e, enum gn_level level)
{
    struct gn_arb_run runs[GN_SLOT_RUNS];
    size_t n = gn_arb_runs(e->w.slot, runs);
    int64_t now = gn_clock_mono_ns();

    for (size_t i = 0; i < n; i++) {
        gn_log(arb->log, level, "Worker %d (pid:%d) left unanswered: %s%s%s, for %.1f seconds",
               e->w.id, (int)e->w.pid, runs[i].line, runs[i].peer[0] != '\0' ? " from " : "",
               runs[i].peer, (double)(now - runs[i].since_ns) / (double)GN_NS_PER_S);
        if (e->is_timed_out)
            log_access(arb, e, &runs[i]);
    }
}

void
gn_arb_explain(struct gn_arbiter *arb, const struct gn_arb_worker *e, int status,
               const struct rusage *used)
{
    enum gn_level level = GN_LERROR;

    if (WIFSIGNALED(status)) {
        int signo = WTERMSIG(status);

        level = signal_level(e, signo);
        gn_log(arb->log, level, "Worker (pid:%d) was sent %s!%s", (int)e->w.pid,
               gn_proc_signal_name(signo), signo == SIGKILL ? " Perhaps out of memory?" : "");
        if (signo == SIGKILL && was_out_of_memory(arb))
            gn_log(arb->log, GN_LERROR,
                   "Worker (pid:%d) was killed by the kernel: the control group is out of memory",
                   (int)e->w.pid);
    } else if (WEXITSTATUS(status) != 0) {
        gn_log(arb->log, GN_LERROR, "Worker (pid:%d) exited with code %d.", (int)e->w.pid,
               WEXITSTATUS(status));
    } else {
        level = GN_DEBUG;
    }
    /* An end that was asked for explains itself. */
    if (e->is_stopping && !e->is_timed_out && level < GN_LERROR)
        level = GN_DEBUG;
    explain_runs(arb, e, level);
    log_usage(arb, e, level, used);
}
