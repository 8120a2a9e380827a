#include "worker/service.h"

#include <string.h>
#include <unistd.h>

#include "config/frozen.h"
#include "host/host.h"
#include "log/log.h"
#include "worker/conn.h"

static void
init_limits(struct gn_service *s, const struct gn_cfg *cfg)
{
    s->limits = (struct gn_http_limits){
        .request_line = (size_t)cfg->limit_request_line,
        .fields = (size_t)cfg->limit_request_fields,
        .field_size = (size_t)cfg->limit_request_field_size,
        .permit_obsolete_folding = cfg->permit_obsolete_folding,
        .strip_header_spaces = cfg->strip_header_spaces,
        .permit_unconventional_method = cfg->permit_unconventional_http_method,
        .permit_unconventional_version = cfg->permit_unconventional_http_version,
        .casefold_method = cfg->casefold_http_method,
        .permit_missing_host = cfg->permit_missing_host,
    };
    s->body_max_bytes =
        cfg->limit_request_body > 0 ? (uint64_t)cfg->limit_request_body : UINT64_MAX;
}

static void
init_timeouts(struct gn_service *s, const struct gn_cfg *cfg)
{
    int64_t head = cfg->client_header_timeout > 0 ? cfg->client_header_timeout : cfg->timeout;
    int64_t body = cfg->client_body_timeout > 0 ? cfg->client_body_timeout : cfg->timeout;

    s->io_timeout_ns = gn_clock_ns_of_s(cfg->timeout);
    s->head_timeout_ns = gn_clock_ns_of_s(head);
    s->body_timeout_ns = gn_clock_ns_of_s(body);
}

/* An upper-case copy in the arena. */
static struct gn_slice
upper_copy(struct gn_arena *a, struct gn_slice s)
{
    char *copy = gn_arena_strndup(a, s.p, s.n);

    for (size_t i = 0; copy != NULL && i < s.n; i++)
        copy[i] = (char)gn_ascii_upper((unsigned char)copy[i]);
    return gn_slice(copy, copy != NULL ? s.n : 0);
}

static bool
init_policy(struct gn_service *s, const struct gn_cfg *cfg, struct gn_err *err)
{
    size_t n = cfg->forwarder_headers.n;
    const struct gn_value *dict = cfg->secure_scheme_headers;
    size_t n_pairs = 0;
    struct gn_slice *names = gn_arena_alloc(&s->arena, (n + 1) * sizeof(*names));
    struct gn_http_pair *pairs = gn_arena_alloc(&s->arena, (dict->dict.n + 1) * sizeof(*pairs));

    if (names == NULL || pairs == NULL)
        return gn_err_set(err, GN_E_MEMORY, 0, "no memory");
    for (size_t i = 0; i < n; i++)
        names[i] = upper_copy(&s->arena, gn_slice_str(cfg->forwarder_headers.v[i]));
    for (size_t i = 0; i < dict->dict.n; i++) {
        const struct gn_value_pair *pair = &dict->dict.pairs[i];

        /* The settings compiler has warned that others have no effect. */
        if (pair->key->tag != GN_V_STR || pair->value->tag != GN_V_STR)
            continue;
        pairs[n_pairs].name = upper_copy(&s->arena, pair->key->str);
        pairs[n_pairs++].value = gn_arena_slice(&s->arena, pair->value->str);
    }
    s->policy = (struct gn_http_policy){
        .header_map = cfg->header_map == GN_HEADER_MAP_REFUSE      ? GN_MAP_REFUSE
                      : cfg->header_map == GN_HEADER_MAP_DANGEROUS ? GN_MAP_DANGEROUS
                                                                   : GN_MAP_DROP,
        .forwarder_headers = names,
        .n_forwarder_headers = n,
        .secure_scheme_headers = pairs,
        .n_secure_scheme_headers = n_pairs,
    };
    return true;
}

static bool
init_proxy(struct gn_service *s, const struct gn_cfg *cfg, struct gn_err *err)
{
    switch (cfg->proxy_protocol) {
    case GN_PROXY_PROTOCOL_V1:
        s->proxy_versions = GN_PROXY_V1;
        break;
    case GN_PROXY_PROTOCOL_V2:
        s->proxy_versions = GN_PROXY_V2;
        break;
    case GN_PROXY_PROTOCOL_AUTO:
        s->proxy_versions = GN_PROXY_AUTO;
        break;
    default:
        return true;
    }
    s->proxy_allow = gn_netlist_new(cfg->proxy_allow_ips.v, cfg->proxy_allow_ips.n, err);
    return s->proxy_allow != NULL;
}

bool
gn_service_init(struct gn_service *s, struct gn_worker *w, struct gn_err *err)
{
    const struct gn_cfg *cfg = &w->frozen->cfg;

    memset(s, 0, sizeof(*s));
    s->worker = w;
    s->loop_thread = pthread_self();
    s->server = GN_SLICE("gunicorn");
    if (w->host->ops->server_text != NULL &&
        !w->host->ops->server_text(w->host, &s->arena, &s->server))
        gn_log(w->log, GN_WARN, "gunicorn.SERVER can't be sent in the field Server");
    s->use_sendfile = gn_cfg_sendfile(w->frozen);
    init_limits(s, cfg);
    init_timeouts(s, cfg);
    if (!init_policy(s, cfg, err) || !init_proxy(s, cfg, err))
        return false;
    s->forwarded_allow =
        gn_netlist_new(cfg->forwarded_allow_ips.v, cfg->forwarded_allow_ips.n, err);
    if (s->forwarded_allow == NULL)
        return false;
    if (gn_log_access_fd(w->log) >= 0 && cfg->access_log_format != NULL) {
        s->access_format = gn_access_format_new(cfg->access_log_format, err);
        if (s->access_format == NULL)
            return false;
    }
    return true;
}

void
gn_service_fini(struct gn_service *s)
{
    while (s->n_spare > 0)
        gn_conn_destroy(s->spare[--s->n_spare]);
    if (s->forwarded_allow != NULL)
        gn_netlist_free(s->forwarded_allow);
    if (s->proxy_allow != NULL)
        gn_netlist_free(s->proxy_allow);
    if (s->access_format != NULL)
        gn_access_format_free(s->access_format);
    gn_arena_fini(&s->arena);
    gn_buf_fini(&s->scratch.line);
    memset(s, 0, sizeof(*s));
}

void
gn_service_log_dropped(struct gn_service *s, struct gn_slice name)
{
    for (size_t i = 0; i < s->n_dropped; i++) {
        if (gn_slice_eq_nocase(s->dropped[i], name))
            return;
    }
    /* Clients choose the names: memory and log are not theirs to fill. */
    if (s->n_dropped == GN_SERVICE_DROPPED)
        return;
    s->dropped[s->n_dropped++] = gn_arena_slice(&s->arena, name);
    gn_log(s->worker->log, GN_WARN,
           "Header field dropped by header_map, here and from now on: %.*s (its name can't be told "
           "from another in the environ)",
           GN_SLICE_ARG(name));
    if (s->n_dropped == GN_SERVICE_DROPPED)
        gn_log(s->worker->log, GN_WARN, "More names that header_map drops will not be told.");
}

bool
gn_service_hold(struct gn_service *s, struct gn_resp *r)
{
    size_t bytes = gn_resp_rest_bytes(r) + 1;
    size_t before = atomic_fetch_add(&s->held_bytes, bytes);

    if (before > 0 && (before + bytes > GN_SERVICE_HELD_BYTES || s->n_held >= GN_SERVICE_HELD)) {
        atomic_fetch_sub(&s->held_bytes, bytes);
        return false;
    }
    atomic_fetch_add(&s->n_held, 1);
    r->held_bytes = bytes;
    return true;
}

void
gn_service_let_go(struct gn_service *s, struct gn_resp *r)
{
    if (r->held_bytes == 0)
        return;
    atomic_fetch_sub(&s->held_bytes, r->held_bytes);
    atomic_fetch_sub(&s->n_held, 1);
    r->held_bytes = 0;
}

const char *
gn_scratch_date(struct gn_scratch *t)
{
    time_t now = gn_clock_wall_s();

    if (now != t->date_at) {
        gn_clock_http_date(now, t->date);
        t->date_at = now;
    }
    return t->date;
}

/* What the look-ups of one access line need. */
struct access_ctx {
    const struct gn_conn *conn;
    struct gn_slice (*environ_value)(const void *ctx, struct gn_slice name);
    const void *environ_ctx;
};

static struct gn_slice
request_header(const void *ctx, struct gn_slice name)
{
    const struct gn_conn *c = ((const struct access_ctx *)ctx)->conn;
    const struct gn_http_field *f = gn_http_find(&c->parser.head, name);

    return f != NULL ? f->value : gn_slice(NULL, 0);
}

static struct gn_slice
response_header(const void *ctx, struct gn_slice name)
{
    const struct gn_conn *c = ((const struct access_ctx *)ctx)->conn;

    return gn_resp_field(&c->resp, name);
}

static struct gn_slice
environ_value(const void *ctx, struct gn_slice name)
{
    const struct access_ctx *a = ctx;

    return a->environ_value != NULL ? a->environ_value(a->environ_ctx, name) : gn_slice(NULL, 0);
}

void
gn_service_log_access(struct gn_service *s, struct gn_conn *c,
                      struct gn_slice (*lookup)(const void *ctx, struct gn_slice name),
                      const void *environ_ctx)
{
    const struct gn_http_head *h = &c->parser.head;
    struct access_ctx ctx = {c, lookup, environ_ctx};
    struct gn_access_record r = {
        .remote_addr = gn_slice_str(gn_conn_remote_text(c)),
        .method = h->method,
        .target = h->target,
        .path = h->path,
        .query = h->query,
        .protocol = h->version,
        .status = c->resp.code,
        .sent_bytes = c->resp.body_bytes,
        .pid = s->worker->pid,
        .request_header = request_header,
        .response_header = response_header,
        .environ_value = environ_value,
        .ctx = &ctx,
    };
    const struct gn_http_field *auth;
    char user[256];

    if (s->access_format == NULL || c->is_logged)
        return;
    c->is_logged = true;
    auth = gn_http_find(h, GN_SLICE("authorization"));
    if (auth != NULL)
        r.user = gn_basic_user(auth->value, user, sizeof(user));
    r.duration_ns = gn_clock_mono_ns() - c->started_ns;
    r.now = gn_clock_wall_s();
    gn_buf_clear(&c->scratch->line);
    if (gn_access_format_write(s->access_format, &r, &c->scratch->line))
        gn_log_access_write(s->worker->log, gn_buf_slice(&c->scratch->line));
}
