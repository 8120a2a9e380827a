#include "arbiter/view.h"

#include <unistd.h>

#include "arbiter/arbiter_int.h"
#include "config/diag.h"

/* During a reload the generation that counts is the one to come. */
static struct gn_arb_gen *
generation(const struct gn_arbiter *arb)
{
    return arb->next != NULL ? arb->next : arb->cur;
}

const struct gn_frozen *
gn_arb_view_frozen(const struct gn_arbiter *arb)
{
    return arb->given != NULL ? arb->given : generation(arb)->frozen;
}

struct gn_log *
gn_arb_view_log(const struct gn_arbiter *arb)
{
    return arb->log;
}

pid_t
gn_arb_view_pid(const struct gn_arbiter *arb)
{
    return arb->pid;
}

pid_t
gn_arb_view_parent(const struct gn_arbiter *arb)
{
    return arb->reexec.parent;
}

pid_t
gn_arb_view_heir(const struct gn_arbiter *arb)
{
    return arb->reexec.heir;
}

uint64_t
gn_arb_view_last_age(const struct gn_arbiter *arb)
{
    return arb->last_age;
}

const char *
gn_arb_view_pidfile(const struct gn_arbiter *arb)
{
    return arb->pidfile;
}

bool
gn_arb_view_is_activated(const struct gn_arbiter *arb)
{
    return arb->n_activated > 0;
}

const struct gn_listener *
gn_arb_view_listeners(const struct gn_arbiter *arb, size_t *n)
{
    struct gn_arb_gen *g = generation(arb);

    *n = 0;
    if (g->n_listeners < g->n_asked || g->listeners == NULL)
        return NULL;
    *n = g->n_asked;
    return g->listeners;
}

static bool
visit(const struct gn_arb_workers *workers, bool (*each)(void *ctx, struct gn_worker *w), void *ctx)
{
    struct gn_arb_worker *e;

    TAILQ_FOREACH(e, workers, link) {
        /* Without a process, or this one: it isn't in the list of the master that has forked it. */
        if (e->w.pid > 0 && e->w.pid != getpid() && !each(ctx, &e->w))
            return false;
    }
    return true;
}

bool
gn_arb_view_workers(const struct gn_arbiter *arb, bool (*each)(void *ctx, struct gn_worker *w),
                    void *ctx)
{
    return visit(&arb->siblings, each, ctx) && visit(&arb->workers, each, ctx);
}

int
gn_arb_view_num_workers(const struct gn_arbiter *arb)
{
    return generation(arb)->num_workers;
}

bool
gn_arb_view_set_num_workers(struct gn_arbiter *arb, long n, struct gn_err *err)
{
    if (getpid() != arb->pid)
        return gn_err_set(err, GN_E_VALUE, 0,
                          "the number of workers can only be changed in the master process");
    if (n < 0 || n > GN_ARB_MAX_WORKERS)
        return gn_err_set(err, GN_E_VALUE, 0, "the number of workers must be between 0 and %d",
                          GN_ARB_MAX_WORKERS);
    return arb->stop.is_active || gn_arb_set_number(arb, (int)n, err);
}

/* Nothing can be undone of these. */
static const enum gn_setting_id acted_on[] = {
    GN_S_CONFIG,       GN_S_CHECK_CONFIG, GN_S_PRINT_CONFIG,
    GN_S_DAEMON,       GN_S_PRELOAD_APP,  GN_S_PASTE,
    GN_S_PASTE_SERVER, GN_S_ON_STARTING,  GN_S_ENABLE_STDIO_INHERITANCE,
};

/* The message of the first error. */
static bool
first_error(const struct gn_diags *diags, const struct gn_setting *s, struct gn_err *err)
{
    for (const struct gn_diag *d = diags->first; d != NULL; d = d->next) {
        if (d->severity >= GN_ERROR)
            return gn_err_set(err, GN_E_VALUE, 0, "%s: %s", s->name, d->message);
    }
    return gn_err_set(err, GN_E_VALUE, 0, "%s: not accepted", s->name);
}

const struct gn_frozen *
gn_arb_view_set(struct gn_arbiter *arb, const struct gn_setting *s, const struct gn_value *raw,
                struct gn_err *err)
{
    const struct gn_frozen *f = NULL;
    struct gn_diags diags;

    if (!arb->is_open_for_settings) {
        gn_err_set(err, GN_E_VALUE, 0,
                   "settings can be changed in the hook on_starting only, not '%s' here", s->name);
        return NULL;
    }
    for (size_t i = 0; i < GN_ARRAY_LEN(acted_on); i++) {
        if (acted_on[i] == s->id) {
            gn_err_set(err, GN_E_VALUE, 0, "%s has been acted on before on_starting is called",
                       s->name);
            return NULL;
        }
    }
    gn_diags_init(&diags);
    f = gn_compile_with(gn_arb_view_frozen(arb), arb->inputs, arb->host, s, raw, &diags);
    if (f == NULL) {
        first_error(&diags, s, err);
    } else {
        gn_frozen_unref(arb->given);
        arb->given = f;
    }
    gn_diags_fini(&diags);
    return f;
}
