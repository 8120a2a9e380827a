#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>

#include "base/addr.h"
#include "config/print_int.h"

static const struct gn_value *
text_value(struct gn_printer *p, const char *text)
{
    return gn_value_str(&p->arena, gn_slice_str(text));
}

/* One class serves both, and the number of threads decides. */
static const struct gn_value *
worker_class(struct gn_printer *p)
{
    const struct gn_ref *ref = &p->f->cfg.worker_class;
    bool is_sync =
        ref->handle == NULL && (ref->name == NULL || strcmp(ref->name, "sync") == 0 ||
                                strcmp(ref->name, "gunicorn.workers.sync.SyncWorker") == 0);

    return is_sync && p->f->cfg.threads > 1 ? text_value(p, "gthread") : NULL;
}

static const struct gn_value *
sendfile(struct gn_printer *p)
{
    return p->f->cfg.sendfile < 0 ? gn_value_bool(gn_cfg_sendfile(p->f)) : NULL;
}

static const struct gn_value *
listener(struct gn_printer *p, const char *text)
{
    bool is_tls = p->f->cfg.certfile != NULL || p->f->cfg.keyfile != NULL;
    const struct gn_value *v = NULL;
    struct gn_buf shown = {0};
    struct gn_addr addr;

    if (!gn_addr_parse(text, &addr, NULL))
        v = text_value(p, text);
    else if (gn_addr_print(&addr, is_tls ? "https" : "http", &shown))
        v = gn_value_str(&p->arena, gn_buf_slice(&shown));
    gn_buf_fini(&shown);
    return v;
}

/* The parsed addresses, as the log shows them. */
static const struct gn_value *
bind(struct gn_printer *p)
{
    const struct gn_strlist *from = &p->f->cfg.bind;
    struct gn_value *v = gn_arena_alloc(&p->arena, sizeof(*v));
    const struct gn_value **items =
        gn_arena_alloc(&p->arena, (from->n + 1) * sizeof(const struct gn_value *));

    if (v == NULL || items == NULL)
        return NULL;
    for (size_t i = 0; i < from->n; i++) {
        items[i] = listener(p, from->v[i]);
        if (items[i] == NULL)
            return NULL;
    }
    *v = (struct gn_value){.tag = GN_V_LIST, .list = {items, from->n}};
    return v;
}

static const struct gn_value *
user(struct gn_printer *p)
{
    const struct passwd *entry = getpwuid((uid_t)p->f->cfg.user);

    return entry != NULL ? text_value(p, entry->pw_name) : NULL;
}

static const struct gn_value *
group(struct gn_printer *p)
{
    const struct group *entry = getgrgid((gid_t)p->f->cfg.group);

    return entry != NULL ? text_value(p, entry->gr_name) : NULL;
}

/* Nobody reads it in decimal. */
static const struct gn_value *
umask_octal(struct gn_printer *p)
{
    char *text = gn_arena_printf(&p->arena, "0o%llo", (unsigned long long)p->f->cfg.umask);

    return p->f->cfg.umask > 7 && text != NULL ? text_value(p, text) : NULL;
}

static const struct gn_value *
standard_stream(struct gn_printer *p, const char *path, const char *name)
{
    return path != NULL && strcmp(path, "-") == 0 ? text_value(p, name) : NULL;
}

static const struct gn_value *
errorlog(struct gn_printer *p)
{
    return standard_stream(p, p->f->cfg.errorlog, "standard error");
}

static const struct gn_value *
accesslog(struct gn_printer *p)
{
    return standard_stream(p, p->f->cfg.accesslog, "standard output");
}

/* A format alone logs nothing. */
static const struct gn_value *
access_log_format(struct gn_printer *p)
{
    const struct gn_cfg *c = &p->f->cfg;
    const struct gn_value *dict = c->logconfig_dict;
    bool has_dict = dict != NULL && dict->tag == GN_V_DICT && dict->dict.n > 0;
    bool has_syslog = c->syslog && !c->disable_redirect_access_to_syslog;

    if (c->accesslog != NULL || c->logconfig != NULL || c->logconfig_json != NULL || has_dict ||
        has_syslog)
        return NULL;
    return &gn_value_none;
}

/* The name of the processes. */
static const struct gn_value *
proc_name(struct gn_printer *p)
{
    const struct gn_frozen *f = p->f;
    bool is_default = f->chosen[GN_S_DEFAULT_PROC_NAME]->origin.layer == GN_LAYER_DEFAULT;

    if (f->cfg.proc_name != NULL)
        return NULL;
    if (is_default && f->app_uri != NULL)
        return text_value(p, f->app_uri);
    return f->cfg.default_proc_name != NULL ? text_value(p, f->cfg.default_proc_name) : NULL;
}

/* The positional argument wins. */
static const struct gn_value *
wsgi_app(struct gn_printer *p)
{
    return p->f->app_uri != NULL ? text_value(p, p->f->app_uri) : NULL;
}

/* The parser has limits of its own. */
static const struct gn_value *
limit_request_line(struct gn_printer *p)
{
    return gn_value_int(&p->arena, p->f->cfg.limit_request_line);
}

static const struct gn_value *
limit_request_fields(struct gn_printer *p)
{
    return gn_value_int(&p->arena, p->f->cfg.limit_request_fields);
}

static const struct {
    enum gn_setting_id id;
    const struct gn_value *(*find)(struct gn_printer *p);
} rows[] = {
    {GN_S_ACCESS_LOG_FORMAT, access_log_format},
    {GN_S_ACCESSLOG, accesslog},
    {GN_S_BIND, bind},
    {GN_S_ERRORLOG, errorlog},
    {GN_S_GROUP, group},
    {GN_S_LIMIT_REQUEST_FIELDS, limit_request_fields},
    {GN_S_LIMIT_REQUEST_LINE, limit_request_line},
    {GN_S_PROC_NAME, proc_name},
    {GN_S_SENDFILE, sendfile},
    {GN_S_UMASK, umask_octal},
    {GN_S_USER, user},
    {GN_S_WORKER_CLASS, worker_class},
    {GN_S_WSGI_APP, wsgi_app},
};

const struct gn_value *
gn_print_effective(struct gn_printer *p, enum gn_setting_id id)
{
    for (size_t i = 0; i < GN_ARRAY_LEN(rows); i++) {
        const struct gn_value *v;

        if (rows[i].id != id)
            continue;
        v = rows[i].find(p);
        return v != NULL && !gn_value_equal(v, p->f->values[id]) ? v : NULL;
    }
    return NULL;
}
