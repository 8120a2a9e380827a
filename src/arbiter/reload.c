#include "arbiter/arbiter_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "config/diag.h"

/* Workers tell by shared memory that they are up, which wakes nobody. */
#define BOOT_POLL_NS (20 * GN_NS_PER_MS)

/* A worker of a generation that was given up has nothing to finish while it still boots. */
#define BOOTING_GRACE_NS (2 * GN_NS_PER_S)

static void
log_diags(struct gn_arbiter *arb, const struct gn_diags *diags, bool ok)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f;

    if (ok && diags->warnings == 0)
        return;
    if (ok)
        gn_log(arb->log, GN_WARN, "The configuration has warnings:");
    else
        gn_log(arb->log, GN_LERROR, "Reload failed, the old configuration stays in force:");
    f = open_memstream(&text, &n);
    if (f == NULL)
        return;
    gn_diags_print(diags, arb->inputs->argv[0], f);
    fclose(f);
    gn_log_raw(arb->log, gn_slice(text, n));
    free(text);
}

/* Back to the table in force. It worked before: what fails now is only said. */
static void
enter_current(struct gn_arbiter *arb)
{
    struct gn_err err = {0};

    if (!gn_arb_enter(arb, arb->cur->frozen, &err))
        gn_log_err(arb->log, GN_LERROR, "Can't apply the old configuration again", &err);
    gn_err_clear(&err);
}

/* Compiles what the process was started with once more, in the directory where it was started:
 * paths on the command line count from there. NULL after logging what is wrong. */
static const struct gn_frozen *
compile_again(struct gn_arbiter *arb)
{
    struct gn_compiled out = {.frozen = NULL};
    struct gn_diags diags;
    struct gn_err err = {0};
    bool ok;

    if (chdir(arb->inputs->start_dir) != 0)
        gn_log(arb->log, GN_WARN, "Can't go back to %s for reading the configuration: %s",
               arb->inputs->start_dir, strerror(errno));
    gn_diags_init(&diags);
    /* A configuration file reads the environment: it must find it as at the start. */
    arb->host->ops->restore(arb->host);
    ok = gn_compile(arb->inputs, arb->host, &diags, &out) && out.frozen != NULL;
    log_diags(arb, &diags, ok);
    gn_diags_fini(&diags);
    if (!gn_arb_chdir(arb->cur->frozen, &err))
        gn_log_err(arb->log, GN_WARN, "After reading the configuration", &err);
    gn_err_clear(&err);
    if (!ok)
        enter_current(arb);
    return ok ? out.frozen : NULL;
}

static void
log_change(void *ctx, const struct gn_setting *s, const char *text)
{
    struct gn_arbiter *arb = ctx;

    gn_log(arb->log, GN_INFO, "%s", text);
    if (s->apply == GN_APPLY_START)
        gn_log(arb->log, GN_WARN, "%s: takes effect only when the server is started anew", s->name);
}

static bool
same_listeners(const struct gn_arb_gen *a, const struct gn_arb_gen *b)
{
    if (a->n_listeners != b->n_listeners)
        return false;
    for (size_t i = 0; i < a->n_listeners; i++)
        if (a->listeners[i].fd != b->listeners[i].fd)
            return false;
    return true;
}

/* False when a hook failed; the server is ending then. */
static bool
run_hooks(struct gn_arbiter *arb, enum gn_hook_id id)
{
    struct gn_hook_args args = {
        .arbiter = arb,
        .new_value = arb->next->num_workers,
        .old_value = arb->cur->num_workers,
    };

    if (gn_arb_hook(arb, arb->next->frozen, id, &args))
        return true;
    gn_arb_crash(arb);
    return false;
}

static void
say_what_changes(struct gn_arbiter *arb)
{
    gn_frozen_diff(arb->cur->frozen, arb->next->frozen, log_change, arb);
    gn_arb_log_digest(arb, arb->next->frozen, GN_INFO);
    if (arb->is_preloaded)
        gn_log(arb->log, GN_WARN,
               "The application was preloaded and is not imported again: start the server anew to "
               "change its code");
}

/* Makes `g` the generation to come. On failure everything is as before. */
static bool
begin(struct gn_arbiter *arb, struct gn_arb_gen *g, struct gn_err *err)
{
    if (!gn_arb_enter(arb, g->frozen, err) || !gn_arb_gen_secure(arb, g, err) ||
        !gn_arb_gen_listen(arb, g, arb->cur, err)) {
        enter_current(arb);
        return false;
    }
    arb->next = g;
    say_what_changes(arb);
    if (!run_hooks(arb, GN_HOOK_NWORKERS_CHANGED))
        return true;
    if (!same_listeners(g, arb->cur))
        gn_arb_gen_announce(g, arb->log, 0);
    if (run_hooks(arb, GN_HOOK_ON_RELOAD))
        arb->spawn_at_ns = 0;
    return true;
}

void
gn_arb_on_hup(struct gn_arbiter *arb)
{
    const struct gn_frozen *f;
    struct gn_arb_gen *g;
    struct gn_err err = {0};

    if (arb->stop.is_active || arb->stop.delayed_until_ns != 0)
        return;
    gn_log(arb->log, GN_INFO, "Hang up: Master");
    gn_arb_notify_reload(arb);
    if (arb->next != NULL)
        gn_log(arb->log, GN_INFO, "The reload under way is given up for a newer one");
    gn_arb_reload_drop(arb, true);
    f = compile_again(arb);
    if (f == NULL)
        return;
    g = gn_arb_gen_new(arb, f, &err);
    gn_frozen_unref(f);
    if (g == NULL || !begin(arb, g, &err)) {
        gn_log_err(arb->log, GN_LERROR, "Reload failed, the old configuration stays in force",
                   &err);
        if (g == NULL)
            enter_current(arb);
        gn_arb_gen_free(g);
    }
    gn_err_clear(&err);
}

static void
move_pidfile(struct gn_arbiter *arb)
{
    struct gn_err err = {0};

    if (!gn_arb_pidfile_update(arb, &err))
        gn_log_err(arb->log, GN_LERROR, "The old pid file stays", &err);
    gn_err_clear(&err);
}

static void
retire_old(struct gn_arbiter *arb, bool drain)
{
    struct gn_arb_worker *e;

    TAILQ_FOREACH(e, &arb->workers, link) {
        if (e->gen == arb->cur->number || e->is_stopping)
            continue;
        gn_arb_tell(arb, e, SIGTERM, drain,
                    gn_arb_has_booted(e) ? gn_arb_grace_ns(arb->cur->frozen) : BOOTING_GRACE_NS);
    }
}

/* Everybody of the new generation is up: it takes over. */
static void
commit(struct gn_arbiter *arb)
{
    struct gn_arb_gen *old = arb->cur;
    bool dropped = gn_arb_gen_close(arb, old, arb->next);

    gn_arb_gen_adjust(arb, arb->next, old);
    arb->cur = arb->next;
    arb->cur->surplus = 0;
    arb->next = NULL;
    arb->keeps_old = false;
    gn_arb_gen_free(old);
    move_pidfile(arb);
    gn_arb_set_master_title(arb);
    gn_log(arb->log, GN_DEBUG, "The new workers are up, the old ones are told to end");
    /* With a listener gone, nobody else answers what waits in its queue. */
    retire_old(arb, dropped);
}

void
gn_arb_reload_step(struct gn_arbiter *arb)
{
    struct gn_arb_gen *g = arb->next;

    if (g == NULL)
        return;
    if (g->booted >= (unsigned)(g->num_workers + g->surplus))
        commit(arb);
    else
        gn_arb_wake_at(arb, gn_clock_mono_ns() + BOOT_POLL_NS);
}

void
gn_arb_reload_drop(struct gn_arbiter *arb, bool restore)
{
    struct gn_arb_gen *g = arb->next;
    struct gn_arb_worker *e;

    if (g == NULL)
        return;
    arb->next = NULL;
    TAILQ_FOREACH(e, &arb->workers, link) {
        if (e->gen != g->number || e->is_stopping)
            continue;
        if (gn_arb_has_booted(e))
            gn_arb_tell(arb, e, SIGTERM, true, gn_arb_grace_ns(g->frozen));
        else
            gn_arb_tell(arb, e, SIGQUIT, false, BOOTING_GRACE_NS);
    }
    gn_arb_gen_close(arb, g, arb->cur);
    gn_arb_gen_free(g);
    if (restore)
        enter_current(arb);
}

void
gn_arb_reload_fail(struct gn_arbiter *arb)
{
    gn_log(
        arb->log, GN_LERROR,
        "Reload failed: a new worker did not boot. The old workers and the old configuration stay");
    arb->keeps_old = true;
    arb->spawn_at_ns = 0;
    arb->boot_failures = 0;
    gn_arb_reload_drop(arb, true);
}
