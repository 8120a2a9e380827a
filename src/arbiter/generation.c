#include "arbiter/arbiter_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/tls.h"

struct gn_arb_gen *
gn_arb_gen_new(struct gn_arbiter *arb, const struct gn_frozen *f, struct gn_err *err)
{
    const char *name = NULL;
    const struct gn_worker_ops *ops;
    struct gn_arb_gen *g;

    ops = gn_worker_find(f, &name, err);
    if (ops == NULL)
        return NULL;
    g = calloc(1, sizeof(*g));
    if (g == NULL) {
        gn_err_set(err, GN_E_MEMORY, 0, "no memory");
        return NULL;
    }
    g->number = ++arb->last_gen;
    g->frozen = gn_frozen_ref(f);
    g->ops = ops;
    g->worker_name = name;
    g->num_workers = (int)f->cfg.workers;
    return g;
}

void
gn_arb_gen_free(struct gn_arb_gen *g)
{
    if (g == NULL)
        return;
    gn_tls_ctx_free(g->tls);
    gn_frozen_unref(g->frozen);
    free(g->listeners);
    free(g);
}

/* "gunicorn.conf.py:3:1: certfile: " before the message. */
static void
put_place(const struct gn_frozen *f, enum gn_setting_id id, struct gn_err *err)
{
    const struct gn_frozen_candidate *c = f->chosen[id];
    struct gn_buf place = {0};

    gn_err_prefix(err, "%s", gn_settings[id].name);
    if (c != NULL && c->origin.layer != GN_LAYER_DEFAULT && gn_origin_print(&c->origin, &place))
        gn_err_prefix(err, "%.*s", GN_SLICE_ARG(gn_buf_slice(&place)));
    gn_buf_fini(&place);
}

bool
gn_arb_gen_secure(struct gn_arbiter *arb, struct gn_arb_gen *g, struct gn_err *err)
{
    const struct gn_frozen *f = g->frozen;
    enum gn_setting_id at = GN_S_SSL_CONTEXT;

    if (!gn_tls_is_wanted(&f->cfg)) {
        if (f->cfg.ssl_context.handle != NULL)
            gn_log(arb->log, GN_WARN, "ssl_context has no effect without certfile");
        return true;
    }
    g->tls = f->cfg.ssl_context.handle != NULL && arb->host->ops->tls_context != NULL
                 ? arb->host->ops->tls_context(arb->host, f, err)
                 : gn_tls_ctx_new(&f->cfg, gn_cfg_sendfile(f), &at, err);
    if (g->tls == NULL)
        put_place(f, at, err);
    return g->tls != NULL;
}

static bool
has_fd(const struct gn_arb_gen *g, int fd)
{
    for (size_t i = 0; g != NULL && i < g->n_listeners; i++)
        if (g->listeners[i].fd == fd)
            return true;
    return false;
}

/* The listener that `older` was asked for with the same words and `g` has not taken over yet.
 * What was asked for counts, not what was got: port 0 asked for twice is the same listener. */
static const struct gn_listener *
find_open(const struct gn_arb_gen *g, const struct gn_arb_gen *older, const struct gn_addr *addr)
{
    for (size_t i = 0; older != NULL && i < older->n_listeners; i++) {
        const struct gn_listener *l = &older->listeners[i];
        struct gn_addr old;

        if (gn_addr_parse(older->frozen->cfg.bind.v[i], &old, NULL) && gn_addr_equal(&old, addr) &&
            !has_fd(g, l->fd))
            return l;
    }
    return NULL;
}

/* A certificate that came or went changes how the address is shown. */
static void
rename_listener(struct gn_listener *l, const struct gn_cfg *c)
{
    struct gn_buf text = {0};

    if (gn_addr_print(&l->addr, gn_tls_is_wanted(c) ? "https" : "http", &text))
        snprintf(l->text, sizeof(l->text), "%.*s", GN_SLICE_ARG(gn_buf_slice(&text)));
    gn_buf_fini(&text);
}

bool
gn_arb_gen_listen(struct gn_arb_gen *g, const struct gn_arb_gen *older, struct gn_log *log,
                  struct gn_err *err)
{
    const struct gn_cfg *c = &g->frozen->cfg;
    struct gn_listener_options options = {
        .backlog = c->backlog > INT32_MAX ? INT32_MAX : (int)c->backlog,
        .reuse_port = c->reuse_port,
        .is_tls = gn_tls_is_wanted(c),
        .umask = (mode_t)c->umask,
        .uid = (uid_t)c->user,
        .gid = (gid_t)c->group,
        /* At a reload the others go on serving meanwhile: the master must not stand still. */
        .waits = older == NULL,
        .should_stop = gn_arb_sigpipe_wants_stop,
    };

    g->listeners = calloc(c->bind.n + 1, sizeof(*g->listeners));
    if (g->listeners == NULL)
        return gn_err_set(err, GN_E_MEMORY, 0, "no memory");
    for (size_t i = 0; i < c->bind.n; i++) {
        struct gn_listener *l = &g->listeners[i];
        const struct gn_listener *open;
        struct gn_addr addr;
        bool ok = gn_addr_parse(c->bind.v[i], &addr, err);

        l->fd = -1;
        open = ok ? find_open(g, older, &addr) : NULL;
        if (open != NULL) {
            *l = *open;
            if (gn_tls_is_wanted(c) != gn_tls_is_wanted(&older->frozen->cfg))
                rename_listener(l, c);
        } else if (!ok || !gn_listener_open(l, &addr, &options, log, err)) {
            gn_arb_gen_close(g, older);
            g->n_listeners = 0;
            return false;
        }
        g->n_listeners = i + 1;
    }
    return true;
}

void
gn_arb_gen_leave(const struct gn_arb_gen *mine, const struct gn_arb_gen *other)
{
    for (size_t i = 0; other != NULL && i < other->n_listeners; i++) {
        if (!has_fd(mine, other->listeners[i].fd))
            close(other->listeners[i].fd);
    }
}

bool
gn_arb_gen_close(struct gn_arb_gen *g, const struct gn_arb_gen *kept)
{
    bool any = false;

    for (size_t i = 0; i < g->n_listeners; i++) {
        if (has_fd(kept, g->listeners[i].fd))
            continue;
        any = true;
        gn_listener_close(&g->listeners[i], true);
    }
    if (kept == NULL)
        g->n_listeners = 0;
    return any;
}

void
gn_arb_gen_announce(const struct gn_arb_gen *g, struct gn_log *log, pid_t pid)
{
    struct gn_buf text = {0};
    bool ok = true;

    for (size_t i = 0; ok && i < g->n_listeners; i++)
        ok = gn_buf_printf(&text, "%s%s", i > 0 ? "," : "", g->listeners[i].text);
    if (ok && pid != 0)
        ok = gn_buf_printf(&text, " (%d)", (int)pid);
    if (ok)
        gn_log(log, GN_INFO, "Listening at: %.*s", GN_SLICE_ARG(gn_buf_slice(&text)));
    gn_buf_fini(&text);
}
