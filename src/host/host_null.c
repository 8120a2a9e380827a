#include "host/host_null.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <stdatomic.h>
#include <unistd.h>

#include "worker/worker.h"

/* Programs without workers (the tests of the settings compiler) use this host too: they need not
 * link them. */
#pragma weak gn_worker_on_signal

static const int worker_signos[] = {SIGTERM, SIGINT, SIGQUIT, SIGABRT, SIGUSR1, SIGWINCH};

static struct gn_host_null_script script;

/* Signal state of the worker that this process is. */
static struct gn_worker *signalled;
static _Atomic unsigned arrived;
static volatile sig_atomic_t wake_fd = -1;

void
gn_host_null_play(const struct gn_host_null_script *s)
{
    script = *s;
}

static bool
null_start(struct gn_host *host GN_UNUSED, struct gn_err *err GN_UNUSED)
{
    return true;
}

static void
null_nothing(struct gn_host *host GN_UNUSED)
{
}

static bool
null_load_config(struct gn_host *host, const char *location, struct gn_cfg_sink *sink,
                 struct gn_err *err)
{
    if (script.load_config != NULL)
        return script.load_config(host, location, sink, err);
    return gn_err_set(err, GN_E_VALUE, 0, "no language to run '%s' with", location);
}

static const struct gn_value *
null_import_callable(struct gn_host *host, struct gn_arena *a, const char *dotted,
                     struct gn_err *err)
{
    if (script.import_callable != NULL)
        return script.import_callable(host, a, dotted, err);
    gn_err_set(err, GN_E_VALUE, 0, "no language to import '%s' with", dotted);
    return NULL;
}

static bool
null_apply(struct gn_host *host GN_UNUSED, const struct gn_frozen *f GN_UNUSED,
           struct gn_err *err GN_UNUSED)
{
    return true;
}

static void
null_freeze(struct gn_host *host)
{
    (void)host;
}

static bool
null_load_app(struct gn_host *host, const struct gn_frozen *f, struct gn_log *log,
              struct gn_err *err)
{
    return script.load_app == NULL || script.load_app(host, f, log, err);
}

static bool
null_run_hook(struct gn_host *host, const struct gn_frozen *f, enum gn_hook_id id,
              const struct gn_hook_args *args, struct gn_err *err)
{
    return script.run_hook == NULL || script.run_hook(host, f, id, args, err);
}

static void
null_forget_worker(struct gn_host *host GN_UNUSED, struct gn_worker *w GN_UNUSED)
{
}

static void
null_after_fork(struct gn_host *host GN_UNUSED, bool in_child)
{
    if (!in_child)
        return;
    signalled = NULL;
    atomic_store(&arrived, 0);
}

static void
on_signal(int signo)
{
    int saved = errno;

    for (unsigned i = 0; i < GN_ARRAY_LEN(worker_signos); i++)
        if (worker_signos[i] == signo)
            atomic_fetch_or(&arrived, 1U << i);
    if (wake_fd >= 0) {
        /* Full is as good as written. */
        ssize_t n = write(wake_fd, "", 1);

        (void)n;
    }
    errno = saved;
}

static bool
null_worker_signals(struct gn_host *host GN_UNUSED, struct gn_worker *w, int wake_write_fd,
                    struct gn_err *err)
{
    struct sigaction sa = {.sa_handler = on_signal};

    signalled = w;
    wake_fd = wake_write_fd;
    sigemptyset(&sa.sa_mask);
    for (size_t i = 0; i < GN_ARRAY_LEN(worker_signos); i++)
        if (sigaction(worker_signos[i], &sa, NULL) != 0)
            return gn_err_set(err, GN_E_IO, errno, "can't handle signal %d", worker_signos[i]);
    return true;
}

static bool
null_check_signals(struct gn_host *host GN_UNUSED)
{
    unsigned now = atomic_exchange(&arrived, 0);
    bool goes_on = true;

    if (signalled == NULL || gn_worker_on_signal == NULL)
        return true;
    for (unsigned i = 0; i < GN_ARRAY_LEN(worker_signos); i++)
        if ((now & 1U << i) != 0 &&
            gn_worker_on_signal(signalled, worker_signos[i]) != GN_SIG_CONTINUE)
            goes_on = false;
    return goes_on;
}

static void
null_thread(struct gn_host *host GN_UNUSED, void *thread GN_UNUSED)
{
}

static void
null_release(struct gn_host *host GN_UNUSED, void *owner)
{
    free(owner);
}

static void *
null_thread_begin(struct gn_host *host)
{
    return host;
}

static void
null_handle_request(struct gn_host *host, struct gn_worker *w, struct gn_conn *c)
{
    if (script.handle_request != NULL)
        script.handle_request(host, w, c);
}

static void
null_explain_paths(struct gn_host *host GN_UNUSED, struct gn_err *err GN_UNUSED)
{
}

static void
null_list_files(struct gn_host *host GN_UNUSED, void *thread GN_UNUSED,
                void (*add)(void *ctx, const char *path) GN_UNUSED, void *ctx GN_UNUSED)
{
}

static bool
null_stand_in(struct gn_host *host GN_UNUSED, const char *text GN_UNUSED)
{
    return false;
}

static bool
null_interrupt(struct gn_host *host GN_UNUSED, struct gn_worker *w GN_UNUSED,
               void *thread GN_UNUSED, struct gn_scratch *scratch GN_UNUSED,
               int64_t since_ns GN_UNUSED)
{
    return false;
}

static bool
null_dump_on_signal(struct gn_host *host GN_UNUSED, int signo GN_UNUSED, int fd GN_UNUSED)
{
    return false;
}

static bool
null_set_env(struct gn_host *host GN_UNUSED, const char *name GN_UNUSED,
             const char *value GN_UNUSED, struct gn_err *err GN_UNUSED)
{
    return true;
}

static const struct gn_host_ops null_ops = {
    .start = null_start,
    .stop = null_nothing,
    .finish = null_nothing,
    .restore = null_nothing,
    .load_config = null_load_config,
    .import_callable = null_import_callable,
    .apply_paths = null_apply,
    .apply_env = null_apply,
    .load_app = null_load_app,
    .stream_output = null_nothing,
    .explain_paths = null_explain_paths,
    .freeze = null_freeze,
    .run_hook = null_run_hook,
    .forget_worker = null_forget_worker,
    .before_fork = null_nothing,
    .after_fork = null_after_fork,
    .wait_enter = null_nothing,
    .wait_leave = null_nothing,
    .worker_signals = null_worker_signals,
    .check_signals = null_check_signals,
    .enter = null_thread,
    .leave = null_thread,
    .handle_request = null_handle_request,
    .release = null_release,
    .thread_begin = null_thread_begin,
    .thread_end = null_thread,
    .list_files = null_list_files,
    .stand_in = null_stand_in,
    .trace_lines = null_nothing,
    .interrupt = null_interrupt,
    .dump_on_signal = null_dump_on_signal,
    .set_env = null_set_env,
};

struct gn_host *
gn_host_null(void)
{
    static struct gn_host host = {.ops = &null_ops};

    return &host;
}
