#include "config/facts.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/proc.h"
#include "config/frozen.h"
#include "host/host.h"

/* Classes and log configurations: only the language inside can tell. Each is loaded in a child of
 * its own, so that nothing of it stays in this process. The master loads them, so the user is not
 * changed. */

struct visit {
    struct gn_host *host;
    const struct gn_frozen *place;
    enum gn_host_check what;
    const struct gn_value *value;
};

static bool
visit_work(void *ctx, struct gn_err *err)
{
    const struct visit *v = ctx;
    struct gn_host *host = v->host;
    bool ok;

    host->ops->after_fork(host, true);
    if (!host->ops->start(host, err))
        return false;
    host->ops->stream_output(host);
    if (chdir(v->place->cfg.chdir) != 0)
        return gn_err_set(err, GN_E_IO, errno, "can't chdir to '%s'", v->place->cfg.chdir);
    ok = host->ops->apply_env(host, v->place, err) && host->ops->apply_paths(host, v->place, err) &&
         host->ops->check_value(host, v->what, v->value, err);
    host->ops->flush(host);
    return ok;
}

/* What the review said about a worker class that is none of this program's, or NULL. */
static struct gn_diag *
find_unknown_worker(struct gn_facts *f, const struct gn_candidate *c)
{
    struct gn_diag *diag = f->b->diags->first;

    while (diag != NULL && (diag->code != GN_D_UNKNOWN_WORKER || diag->setting != c->setting))
        diag = diag->next;
    return diag;
}

/* A class that can't be loaded is told once: why it can't takes the place of "unknown". */
static void
report(struct gn_facts *f, const struct gn_candidate *c, enum gn_diag_code code,
       const struct gn_err *err)
{
    char text[sizeof(err->msg) + 128];
    struct gn_diag *diag = find_unknown_worker(f, c);

    gn_err_text(err, text, sizeof(text));
    if (diag != NULL)
        gn_diag_replace(f->b->diags, diag, code, text);
    else
        diag = gn_diag_add(f->b->diags, code, &c->origin, c->setting, "%s", text);
    if (err->detail != NULL)
        gn_diag_detail(f->b->diags, diag, err->detail);
}

static void
visit(struct gn_facts *f, const struct gn_frozen *place, enum gn_host_check what,
      const struct gn_candidate *c)
{
    struct visit v = {.host = f->b->host, .place = place, .what = what, .value = c->value};
    struct gn_proc_job job = {
        .work = visit_work, .ctx = &v, .timeout_ns = gn_clock_ns_of_s(f->b->check_timeout_s)};
    bool is_class = what == GN_CHECK_WORKER_CLASS || what == GN_CHECK_LOGGER_CLASS;
    struct gn_proc_outcome outcome = {0};
    struct gn_err err = {0};
    bool has_child;

    v.host->ops->flush(v.host);
    v.host->ops->before_fork(v.host);
    has_child = gn_proc_run_child(&job, &outcome, &err);
    v.host->ops->after_fork(v.host, false);
    if (!has_child || !gn_proc_tell(&outcome, is_class ? "the class" : "the log configuration",
                                    f->b->check_timeout_s, &err))
        report(f, c, is_class ? GN_D_BAD_CLASS : GN_D_LOG_CONFIG, &err);
    gn_err_clear(&err);
}

/* The little of a table that decides where modules are found. False without memory. */
static bool
make_place(struct gn_facts *f, struct gn_frozen *place)
{
    const struct gn_candidate *path = gn_fact_winner(f->b, GN_S_PYTHONPATH);
    const struct gn_candidate *env = gn_fact_winner(f->b, GN_S_RAW_ENV);
    size_t n = env != NULL ? env->value->list.n : 0;
    const char **pairs = gn_arena_alloc(&f->b->arena, (n + 1) * sizeof(*pairs));

    if (pairs == NULL)
        return false;
    place->cfg.chdir = f->dir;
    place->cfg.pythonpath = path != NULL ? gn_fact_text(f, path->value) : NULL;
    for (size_t i = 0; i < n; i++) {
        const char *pair = gn_fact_text(f, env->value->list.items[i]);

        /* Those that are no pairs were reported. */
        if (pair != NULL && strchr(pair, '=') != NULL && pair[0] != '=')
            pairs[place->cfg.raw_env.n++] = pair;
    }
    place->cfg.raw_env.v = pairs;
    return true;
}

static bool
is_set(const struct gn_candidate *c)
{
    return c != NULL && c->origin.layer != GN_LAYER_DEFAULT && c->value->tag != GN_V_NONE;
}

/* A class of this program is there; others are loaded. */
static bool
is_foreign(struct gn_facts *f, const struct gn_candidate *c)
{
    const char *name = gn_fact_text(f, c->value);

    if (name == NULL)
        return c->value->tag == GN_V_OBJECT;
    /* Of a plain name that is unknown, the review has said all there is to say. */
    if (c->setting->id == GN_S_WORKER_CLASS)
        return f->b->knows_worker == NULL ||
               (!f->b->knows_worker(name) && strpbrk(name, ".:") != NULL);
    return !gn_value_equal(c->value, c->setting->def);
}

/* The first of the three is used, as the documents say. */
static void
visit_log_config(struct gn_facts *f, const struct gn_frozen *place)
{
    const struct gn_candidate *dict = gn_fact_winner(f->b, GN_S_LOGCONFIG_DICT);
    const struct gn_candidate *json = gn_fact_winner(f->b, GN_S_LOGCONFIG_JSON);
    const struct gn_candidate *ini = gn_fact_winner(f->b, GN_S_LOGCONFIG);

    /* A file that can't be read was reported. */
    if (is_set(dict) && dict->value->dict.n > 0)
        visit(f, place, GN_CHECK_LOG_DICT, dict);
    else if (is_set(json) && gn_fact_text(f, json->value) != NULL) {
        if (access(gn_fact_path(f, gn_fact_text(f, json->value)), R_OK) == 0)
            visit(f, place, GN_CHECK_LOG_JSON, json);
    } else if (is_set(ini) && gn_fact_text(f, ini->value) != NULL &&
               access(gn_fact_path(f, gn_fact_text(f, ini->value)), R_OK) == 0) {
        visit(f, place, GN_CHECK_LOG_FILE, ini);
    }
}

void
gn_facts_host(struct gn_facts *f)
{
    const struct gn_candidate *worker = gn_fact_winner(f->b, GN_S_WORKER_CLASS);
    const struct gn_candidate *logger = gn_fact_winner(f->b, GN_S_LOGGER_CLASS);
    struct gn_frozen place = {0};

    if (f->b->host == NULL || f->b->host->ops->check_value == NULL || f->dir == NULL ||
        access(f->dir, X_OK) != 0 || !make_place(f, &place))
        return;
    if (is_set(worker) && is_foreign(f, worker))
        visit(f, &place, GN_CHECK_WORKER_CLASS, worker);
    if (is_set(logger) && is_foreign(f, logger))
        visit(f, &place, GN_CHECK_LOGGER_CLASS, logger);
    visit_log_config(f, &place);
}
