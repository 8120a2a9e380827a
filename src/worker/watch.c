#include "worker/watch.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fd.h"
#include "config/frozen.h"
#include "host/host.h"
#include "log/log.h"

struct gn_watch {
    struct gn_worker *w;
    pthread_t id;
    int stop_fd;
    char *cwd; /* what relative names count from: the application may leave */
    struct gn_watch_set set;
    struct gn_watch_engine engine;
};

static void
add_relative(struct gn_watch *watch, const char *name)
{
    char path[PATH_MAX];

    if (name[0] == '/')
        gn_watch_set_add_glob(&watch->set, name);
    else if (snprintf(path, sizeof(path), "%s/%s", watch->cwd, name) < (int)sizeof(path))
        gn_watch_set_add_glob(&watch->set, path);
}

/* A module that was not found may appear. */
static void
add_missing_app(struct gn_watch *watch)
{
    const char *uri = watch->w->frozen->app_uri;
    char name[512];
    size_t n = uri != NULL ? strcspn(uri, ":") : 0;

    if (n == 0 || n > sizeof(name) - sizeof("/__init__.py"))
        return;
    for (size_t i = 0; i < n; i++)
        name[i] = uri[i] == '.' ? '/' : uri[i];
    strcpy(name + n, ".py");
    add_relative(watch, name);
    strcpy(name + n, "/__init__.py");
    add_relative(watch, name);
}

static void
add_file(void *ctx, const char *path)
{
    add_relative(ctx, path);
}

/* What the application has imported by now, and what the patterns match by now. True when there is
 * something new. */
static bool
refresh(struct gn_watch *watch, void *thread)
{
    bool is_new;
    const struct gn_worker *w = watch->w;
    const struct gn_strlist *extra = &w->frozen->cfg.reload_extra_files;

    w->host->ops->list_files(w->host, thread, add_file, watch);
    for (size_t i = 0; i < extra->n; i++)
        add_relative(watch, extra->v[i]);
    if (!gn_watch_engine_follow(&watch->engine, &watch->set, &is_new))
        gn_log(w->log, GN_WARN,
               "The kernel can't watch so many folders: the files are looked at once a second");
    return is_new;
}

static void
leave(struct gn_worker *w, const char *path)
{
    gn_log(w->log, GN_INFO, "Worker reloading: %s modified", path);
    w->is_reloading = true;
    w->is_alive = false;
    (void)gn_fd_write(w->wake_fd[1], "", 1);
}

static bool
is_stopped(const struct gn_watch *watch)
{
    struct pollfd p = {.fd = watch->stop_fd, .events = POLLIN};

    return poll(&p, 1, 0) > 0;
}

static void *
watch_main(void *arg)
{
    struct gn_watch *watch = arg;
    struct gn_host *host = watch->w->host;
    void *thread = host->ops->thread_begin(host);
    const char *changed = NULL;

    while (changed == NULL && !is_stopped(watch)) {
        bool is_due = refresh(watch, thread);

        if (!is_due)
            is_due = gn_watch_engine_wait(&watch->engine, watch->stop_fd);
        changed = is_due && !is_stopped(watch) ? gn_watch_set_changed(&watch->set) : NULL;
    }
    if (changed != NULL)
        leave(watch->w, changed);
    host->ops->thread_end(host, thread);
    return NULL;
}

struct gn_watch *
gn_watch_start(struct gn_worker *w, int64_t since_ns, const char *failure, struct gn_err *err)
{
    const struct gn_cfg *cfg = &w->frozen->cfg;
    struct gn_watch *watch;
    int error = ENOMEM;

    if (!cfg->reload)
        return NULL;
    watch = calloc(1, sizeof(*watch));
    if (watch == NULL) {
        gn_err_set(err, GN_E_MEMORY, 0, "no memory");
        return NULL;
    }
    watch->w = w;
    watch->set.since_ns = since_ns;
    watch->cwd = getcwd(NULL, 0);
    watch->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    gn_watch_engine_init(&watch->engine, cfg->reload_engine != GN_RELOAD_ENGINE_POLL);
    if (watch->engine.fd < 0 && cfg->reload_engine == GN_RELOAD_ENGINE_INOTIFY)
        gn_log(w->log, GN_WARN, "No inotify: the files are looked at once a second");
    if (failure != NULL) {
        add_missing_app(watch);
        gn_watch_set_add_traceback(&watch->set, failure);
    }
    if (watch->cwd != NULL && watch->stop_fd >= 0)
        error = pthread_create(&watch->id, NULL, watch_main, watch);
    if (error == 0)
        return watch;
    gn_err_set(err, GN_E_IO, error, "the reloader can't be started");
    gn_fd_close(&watch->stop_fd);
    gn_watch_engine_fini(&watch->engine);
    gn_watch_set_fini(&watch->set);
    free(watch->cwd);
    free(watch);
    return NULL;
}

void
gn_watch_stop(struct gn_watch *watch)
{
    uint64_t one = 1;

    if (watch == NULL)
        return;
    (void)gn_fd_write(watch->stop_fd, &one, sizeof(one));
    pthread_join(watch->id, NULL);
    gn_fd_close(&watch->stop_fd);
    gn_watch_engine_fini(&watch->engine);
    gn_watch_set_fini(&watch->set);
    free(watch->cwd);
    free(watch);
}
