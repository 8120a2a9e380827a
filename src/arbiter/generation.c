#include "arbiter/arbiter_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/tls.h"

/* Where systemd puts the sockets that it hands over. */
enum { FIRST_ACTIVATED_FD = 3 };

/* ---- what is asked for ---- */

static bool
ask(struct gn_arb_gen *g, const struct gn_cfg *c, int n_activated, struct gn_err *err)
{
    size_t n = n_activated > 0 ? (size_t)n_activated : c->bind.n;

    g->asked = calloc(n + 1, sizeof(*g->asked));
    if (g->asked == NULL)
        return gn_err_set(err, GN_E_MEMORY, 0, "no memory");
    g->n_asked = n;
    for (size_t i = 0; i < n; i++) {
        if (n_activated > 0)
            g->asked[i] =
                (struct gn_addr){.kind = GN_ADDR_FD, .fd = FIRST_ACTIVATED_FD + (int)i, .mode = -1};
        else if (!gn_addr_parse(c->bind.v[i], &g->asked[i], err))
            return false;
    }
    return true;
}

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
    if (!ask(g, &f->cfg, arb->n_activated, err)) {
        gn_arb_gen_free(g);
        return NULL;
    }
    return g;
}

void
gn_arb_gen_free(struct gn_arb_gen *g)
{
    if (g == NULL)
        return;
    gn_tls_ctx_free(g->tls);
    gn_frozen_unref(g->frozen);
    free(g->asked);
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

/* ---- opening ---- */

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

        if (gn_addr_equal(&older->asked[i % older->n_asked], addr) && !has_fd(g, l->fd))
            return l;
    }
    return NULL;
}

/* A certificate that came or went changes how the address is shown; paths are shown without. */
static void
rename_listener(struct gn_listener *l, const struct gn_cfg *c)
{
    char host[sizeof(l->text)];
    const char *rest = strstr(l->text, "://");

    if (rest == NULL || strncmp(l->text, "http", 4) != 0)
        return;
    snprintf(host, sizeof(host), "%s", rest);
    snprintf(l->text, sizeof(l->text), "%s%.*s", gn_tls_is_wanted(c) ? "https" : "http",
             (int)sizeof(l->text) - 8, host);
}

/* Only TCP sockets can share an address. */
static bool
has_rows(const struct gn_arbiter *arb, const struct gn_addr *addr)
{
    return arb->reuse_port && (addr->kind == GN_ADDR_INET || addr->kind == GN_ADDR_INET6);
}

static struct gn_listener_options
options_of(const struct gn_arbiter *arb, const struct gn_arb_gen *g)
{
    const struct gn_cfg *c = &g->frozen->cfg;

    return (struct gn_listener_options){
        .backlog = c->backlog > INT32_MAX ? INT32_MAX : (int)c->backlog,
        .reuse_port = arb->reuse_port,
        .is_tls = gn_tls_is_wanted(c),
        .umask = (mode_t)c->umask,
        .uid = (uid_t)c->user,
        .gid = (gid_t)c->group,
        /* At a reload the others go on serving meanwhile: the master must not stand still. */
        .waits = g->number == 1,
        .should_stop = gn_arb_sigpipe_wants_stop,
    };
}

/* The next listener of `g`, at the end of its list. */
static bool
open_next(struct gn_arbiter *arb, struct gn_arb_gen *g, const struct gn_arb_gen *older,
          struct gn_err *err)
{
    struct gn_listener_options options = options_of(arb, g);
    struct gn_listener *l = &g->listeners[g->n_listeners];
    struct gn_addr addr = g->asked[g->n_listeners % g->n_asked];
    const struct gn_listener *first = &g->listeners[g->n_listeners % g->n_asked], *open;
    int fd;

    if (l != first && !has_rows(arb, &addr)) {
        *l = *first;
        return true;
    }
    l->fd = -1;
    open = find_open(g, older, &addr);
    if (open != NULL) {
        *l = *open;
        rename_listener(l, &g->frozen->cfg);
        return true;
    }
    fd = gn_arb_reexec_take(arb, &addr);
    if (fd >= 0)
        return gn_listener_adopt(l, &addr, fd, &options, err);
    if (l != first)
        addr.port = first->addr.port;
    return gn_listener_open(l, &addr, &options, arb->log, err);
}

bool
gn_arb_gen_grow(struct gn_arbiter *arb, struct gn_arb_gen *g, const struct gn_arb_gen *older,
                struct gn_err *err)
{
    size_t n = (g->n_rows + 1) * g->n_asked;
    struct gn_listener *more = realloc(g->listeners, (n + 1) * sizeof(*more));

    if (more == NULL)
        return gn_err_set(err, GN_E_MEMORY, 0, "no memory");
    g->listeners = more;
    while (g->n_listeners < n) {
        if (!open_next(arb, g, older, err))
            return false;
        g->n_listeners++;
    }
    g->n_rows++;
    return true;
}

bool
gn_arb_gen_listen(struct gn_arbiter *arb, struct gn_arb_gen *g, const struct gn_arb_gen *older,
                  struct gn_err *err)
{
    size_t rows = arb->reuse_port && g->num_workers > 1 ? (size_t)g->num_workers : 1;

    /* What waits in the queue of a socket can only be answered from there: all are kept until
     * they can be emptied. */
    if (older != NULL && older->n_rows > rows) {
        g->surplus = (int)(older->n_rows - rows);
        rows = older->n_rows;
    }
    while (g->n_rows < rows) {
        if (!gn_arb_gen_grow(arb, g, older, err)) {
            gn_arb_gen_close(arb, g, older);
            g->n_listeners = 0;
            return false;
        }
    }
    return true;
}

struct gn_listener *
gn_arb_gen_row(struct gn_arb_gen *g, int seat)
{
    size_t row = (size_t)seat < g->n_rows ? (size_t)seat : 0;

    return g->listeners + row * g->n_asked;
}

/* ---- taking over ---- */

/* What differs between two askings for the same place. */
static bool
is_changed(const struct gn_cfg *a, const struct gn_addr *asked_a, const struct gn_cfg *b,
           const struct gn_addr *asked_b)
{
    return a->backlog != b->backlog || a->umask != b->umask || a->user != b->user ||
           a->group != b->group || asked_a->mode != asked_b->mode ||
           strcmp(asked_a->user, asked_b->user) != 0 || strcmp(asked_a->group, asked_b->group) != 0;
}

void
gn_arb_gen_adjust(struct gn_arbiter *arb, struct gn_arb_gen *g, const struct gn_arb_gen *older)
{
    struct gn_listener_options options = options_of(arb, g);

    for (size_t i = 0; i < g->n_listeners; i++) {
        const struct gn_addr *asked = &g->asked[i % g->n_asked];
        struct gn_err err = {0};

        for (size_t k = 0; k < older->n_listeners; k++) {
            if (older->listeners[k].fd != g->listeners[i].fd || g->listeners[i].is_inherited ||
                !is_changed(&g->frozen->cfg, asked, &older->frozen->cfg,
                            &older->asked[k % older->n_asked]))
                continue;
            if (!gn_listener_adjust(&g->listeners[i], asked, &options, &err))
                gn_log_err(arb->log, GN_LERROR, "After the reload", &err);
            gn_err_clear(&err);
            break;
        }
    }
}

/* ---- closing ---- */

void
gn_arb_gen_leave(const struct gn_listener *mine, size_t n, const struct gn_arb_gen *g)
{
    for (size_t i = 0; g != NULL && i < g->n_listeners; i++) {
        int fd = g->listeners[i].fd;
        bool is_needed = false;

        for (size_t k = 0; k < n; k++)
            is_needed = is_needed || mine[k].fd == fd;
        /* A second close of the same number fails, and does no harm here: nothing is opened
         * between. */
        if (!is_needed)
            close(fd);
    }
}

/* True when an earlier entry holds the same descriptor. */
static bool
is_repeated(const struct gn_arb_gen *g, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (g->listeners[i].fd == g->listeners[at].fd)
            return true;
    return false;
}

/* Closes the listeners from the entry `from` on. True when there was one. */
static bool
close_from(struct gn_arbiter *arb, struct gn_arb_gen *g, size_t from, const struct gn_arb_gen *kept)
{
    bool may_unlink = gn_arb_reexec_is_alone(arb);
    bool any = false;

    for (size_t i = g->n_listeners; i-- > from;) {
        if (has_fd(kept, g->listeners[i].fd) || is_repeated(g, i))
            continue;
        any = true;
        gn_listener_close(&g->listeners[i], may_unlink);
    }
    return any;
}

bool
gn_arb_gen_close(struct gn_arbiter *arb, struct gn_arb_gen *g, const struct gn_arb_gen *kept)
{
    bool any = close_from(arb, g, 0, kept);

    if (kept == NULL)
        g->n_listeners = g->n_rows = 0;
    return any;
}

void
gn_arb_gen_shrink(struct gn_arbiter *arb, struct gn_arb_gen *g)
{
    g->n_rows--;
    close_from(arb, g, g->n_rows * g->n_asked, NULL);
    g->n_listeners = g->n_rows * g->n_asked;
}

void
gn_arb_gen_steer(const struct gn_arb_gen *g, size_t rows)
{
    for (size_t i = 0; i < g->n_asked && i < g->n_listeners; i++)
        if (g->asked[i].kind == GN_ADDR_INET || g->asked[i].kind == GN_ADDR_INET6)
            gn_listener_steer(&g->listeners[i], rows);
}

void
gn_arb_gen_announce(const struct gn_arb_gen *g, struct gn_log *log, pid_t pid)
{
    struct gn_buf text = {0};
    bool ok = true;

    for (size_t i = 0; ok && i < g->n_asked && i < g->n_listeners; i++)
        ok = gn_buf_printf(&text, "%s%s", i > 0 ? "," : "", g->listeners[i].text);
    if (ok && pid != 0)
        ok = gn_buf_printf(&text, " (%d)", (int)pid);
    if (ok)
        gn_log(log, GN_INFO, "Listening at: %.*s", GN_SLICE_ARG(gn_buf_slice(&text)));
    gn_buf_fini(&text);
}
