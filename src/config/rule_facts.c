#include <string.h>

#include "base/addr.h"
#include "config/rules.h"

/* Short names of the worker classes that come with the program. */
static const struct {
    const char *given, *name;
} workers[] = {
    {"sync", "sync"},
    {"gunicorn.workers.sync.SyncWorker", "sync"},
    {"gthread", "gthread"},
    {"gunicorn.workers.gthread.ThreadWorker", "gthread"},
    {"eventlet", "eventlet"},
    {"gunicorn.workers.geventlet.EventletWorker", "eventlet"},
    {"gevent", "gevent"},
    {"gevent_wsgi", "gevent"},
    {"gevent_pywsgi", "gevent"},
    {"gunicorn.workers.ggevent.GeventWorker", "gevent"},
    {"gunicorn.workers.ggevent.GeventPyWSGIWorker", "gevent"},
    {"tornado", "tornado"},
    {"gunicorn.workers.gtornado.TornadoWorker", "tornado"},
};

/* The worker class that will run: several threads make a gthread worker of a sync one. Empty for a
 * class of one's own. */
const struct gn_value *
gn_rule_fact_worker(struct gn_builder *b)
{
    const struct gn_candidate *c = gn_rule_winner(b, GN_S_WORKER_CLASS);
    const struct gn_candidate *threads = gn_rule_winner(b, GN_S_THREADS);
    const char *name = "";

    if (c == NULL || threads == NULL)
        return NULL;
    if (c->value->tag == GN_V_NONE)
        name = "sync";
    for (size_t i = 0; c->value->tag == GN_V_STR && i < GN_ARRAY_LEN(workers); i++) {
        if (gn_slice_eq_nocase(c->value->str, gn_slice_str(workers[i].given)))
            name = workers[i].name;
    }
    if (strcmp(name, "sync") == 0 && threads->value->i > 1)
        name = "gthread";
    return gn_value_str(&b->arena, gn_slice_str(name));
}

static bool
is_loopback(const struct gn_addr *addr)
{
    return strncmp(addr->host, "127.", 4) == 0 || strcmp(addr->host, "::1") == 0 ||
           strcmp(addr->host, "localhost") == 0;
}

/* How many of the addresses are of the kind: public TCP addresses, or Unix sockets. */
static size_t
count_binds(struct gn_builder *b, bool wants_unix, size_t *all)
{
    const struct gn_candidate *c = gn_rule_winner(b, GN_S_BIND);
    size_t n = 0;

    *all = c != NULL ? c->value->list.n : 0;
    for (size_t i = 0; i < *all; i++) {
        struct gn_slice item = c->value->list.items[i]->str;
        const char *text = gn_arena_strndup(&b->arena, item.p, item.n);
        struct gn_addr addr;

        if (text == NULL || !gn_addr_parse(text, &addr, NULL))
            continue;
        if (wants_unix)
            n += addr.kind == GN_ADDR_UNIX;
        else
            n += addr.kind != GN_ADDR_UNIX && addr.kind != GN_ADDR_FD && !is_loopback(&addr);
    }
    return n;
}

/* Others than this machine can reach it. What an inherited descriptor is bound to isn't known. */
const struct gn_value *
gn_rule_fact_public_bind(struct gn_builder *b)
{
    size_t all;

    return count_binds(b, false, &all) > 0 ? &gn_value_true : &gn_value_false;
}

/* There are no other addresses than Unix sockets. */
const struct gn_value *
gn_rule_fact_unix_bind(struct gn_builder *b)
{
    size_t all, n = count_binds(b, true, &all);

    return n > 0 && n == all ? &gn_value_true : &gn_value_false;
}

/* Something takes lines of the access log. */
const struct gn_value *
gn_rule_fact_access_log(struct gn_builder *b)
{
    static const enum gn_setting_id sinks[] = {GN_S_ACCESSLOG, GN_S_LOGCONFIG, GN_S_LOGCONFIG_DICT,
                                               GN_S_LOGCONFIG_JSON};
    const struct gn_candidate *logger = gn_rule_winner(b, GN_S_LOGGER_CLASS);
    bool is_logged = gn_rule_is_true(b, GN_S_SYSLOG) &&
                     !gn_rule_is_true(b, GN_S_DISABLE_REDIRECT_ACCESS_TO_SYSLOG);

    /* A logger class of one's own may do what it likes. */
    if (logger == NULL || logger->origin.layer != GN_LAYER_DEFAULT)
        return &gn_value_true;
    for (size_t i = 0; i < GN_ARRAY_LEN(sinks); i++)
        is_logged = is_logged || gn_rule_is_true(b, sinks[i]);
    return is_logged ? &gn_value_true : &gn_value_false;
}
