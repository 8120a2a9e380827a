#include "arbiter/arbiter_int.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"

enum {
#define SIG(name, text, action, level, counts) ROW_##name,
#include "arbiter/sigtable.def"
#undef SIG
    ROW_COUNT
};

static const struct {
    int signo;
    const char *text;
    void (*action)(struct gn_arbiter *);
    enum gn_level level;
    bool counts;
} rows[ROW_COUNT] = {
#define SIG(name, text, action, level, counts)                                                     \
    [ROW_##name] = {SIG##name, text, action, level, counts},
#include "arbiter/sigtable.def"
#undef SIG
};

/* Signal state, the only static data that changes here. `raised` grows in the handler, `seen`
 * follows in the loop: nothing is lost between reading and clearing, and nothing when the pipe
 * is full. Handlers may run on any thread that a hook has started. */
static _Atomic unsigned raised[ROW_COUNT];
static unsigned seen[ROW_COUNT];
static _Atomic int wake_write_fd = -1;

static void
on_signal(int signo)
{
    int saved = errno;
    int fd = atomic_load(&wake_write_fd);

    for (int i = 0; i < ROW_COUNT; i++)
        if (rows[i].signo == signo)
            atomic_fetch_add(&raised[i], 1);
    if (fd >= 0) {
        /* A full pipe wakes just as well. */
        ssize_t n = write(fd, "", 1);

        (void)n;
    }
    errno = saved;
}

bool
gn_arb_sigpipe_open(struct gn_arbiter *arb, struct gn_err *err)
{
    struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART | SA_NOCLDSTOP};

    if (gn_fd_pipe(arb->wake_fd) != 0)
        return gn_err_set(err, GN_E_IO, errno, "can't make a pipe");
    atomic_store(&wake_write_fd, arb->wake_fd[1]);
    sigfillset(&sa.sa_mask);
    for (int i = 0; i < ROW_COUNT; i++) {
        seen[i] = atomic_load(&raised[i]);
        if (sigaction(rows[i].signo, &sa, NULL) != 0)
            return gn_err_set(err, GN_E_IO, errno, "can't handle the signal %s", rows[i].text);
    }
    signal(SIGPIPE, SIG_IGN);
    return true;
}

static void
close_pipe(struct gn_arbiter *arb)
{
    atomic_store(&wake_write_fd, -1);
    gn_fd_close(&arb->wake_fd[0]);
    gn_fd_close(&arb->wake_fd[1]);
}

void
gn_arb_sigpipe_close(struct gn_arbiter *arb)
{
    /* The handlers stay: a second TERM must not turn an orderly end, which is nearly done, into
     * a death by signal. */
    close_pipe(arb);
}

bool
gn_arb_sigpipe_wants_stop(void)
{
    static const int stops[] = {ROW_TERM, ROW_INT, ROW_QUIT};

    for (size_t i = 0; i < GN_ARRAY_LEN(stops); i++)
        if (atomic_load(&raised[stops[i]]) != seen[stops[i]])
            return true;
    return false;
}

static void
do_nothing(int signo)
{
    (void)signo;
}

void
gn_arb_sigpipe_child(struct gn_arbiter *arb)
{
    for (int i = 0; i < ROW_COUNT; i++)
        signal(rows[i].signo, SIG_DFL);
    /* Their default is to stop the process. They have no effect on a worker; a handler, unlike
     * SIG_IGN, is not inherited by what the application starts. */
    signal(SIGTTIN, do_nothing);
    signal(SIGTTOU, do_nothing);
    /* The other end stays: a worker wakes the master by it (gn_worker.notify_fd). */
    atomic_store(&wake_write_fd, -1);
    gn_fd_close(&arb->wake_fd[0]);
}

void
gn_arb_sigpipe_wait(struct gn_arbiter *arb)
{
    struct pollfd p = {.fd = arb->wake_fd[0], .events = POLLIN};
    int64_t left_ns = arb->wake_ns - gn_clock_mono_ns();
    /* Rounded up: to wake before the time would mean a turn for nothing. */
    int64_t ms = left_ns <= 0 ? 0 : (left_ns + GN_NS_PER_MS - 1) / GN_NS_PER_MS;

    arb->host->ops->wait_enter(arb->host);
    poll(&p, 1, ms > INT_MAX ? INT_MAX : (int)ms);
    arb->host->ops->wait_leave(arb->host);
    /* Before the counters are read: a signal from here on makes the next wait return. */
    gn_fd_drain(arb->wake_fd[0]);
}

void
gn_arb_sigpipe_dispatch(struct gn_arbiter *arb)
{
    for (int i = 0; i < ROW_COUNT; i++) {
        unsigned times = atomic_load(&raised[i]) - seen[i];

        seen[i] += times;
        if (times > 1 && !rows[i].counts)
            times = 1;
        for (; times > 0; times--) {
            gn_log(arb->log, rows[i].level, "Handling signal: %s", rows[i].text);
            rows[i].action(arb);
        }
    }
}

bool
gn_arb_sigpipe_pending(void)
{
    for (int i = 0; i < ROW_COUNT; i++)
        if (atomic_load(&raised[i]) != seen[i])
            return true;
    return false;
}
