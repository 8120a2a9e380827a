#include <string.h>

#include "base/addr.h"
#include "config/frozen.h"
#include "config/internal.h"

/* Winner of a setting, or NULL when it was refused. */
static const struct gn_candidate *
winner(const struct gn_builder *b, enum gn_setting_id id)
{
    const struct gn_candidate *c = b->latest[id];

    return c != NULL && c->value != NULL ? c : NULL;
}

static const struct gn_value *
default_value(const struct gn_builder *b, enum gn_setting_id id)
{
    for (const struct gn_candidate *c = b->latest[id]; c != NULL; c = c->next) {
        if (c->origin.layer == GN_LAYER_DEFAULT)
            return c->value;
    }
    return NULL;
}

static int64_t
number(const struct gn_builder *b, enum gn_setting_id id)
{
    const struct gn_candidate *c = winner(b, id);

    return c != NULL && c->value->tag == GN_V_INT ? c->value->i : 0;
}

static bool
is_true(const struct gn_builder *b, enum gn_setting_id id)
{
    const struct gn_candidate *c = winner(b, id);

    return c != NULL && c->value->tag == GN_V_BOOL && c->value->b;
}

static void
warn(struct gn_builder *b, enum gn_diag_code code, const struct gn_candidate *c, const char *text)
{
    gn_diag_add(b->diags, code, &c->origin, c->setting, "%s", text);
}

static bool
parse_item(struct gn_builder *b, const struct gn_value *item, struct gn_addr *addr,
           struct gn_err *err)
{
    const char *text = gn_arena_strndup(&b->arena, item->str.p, item->str.n);

    return text != NULL && gn_addr_parse(text, addr, err);
}

/* Two listeners at one place can't work, unless the kernel is asked to share it. */
static void
review_same_address(struct gn_builder *b, const struct gn_candidate *c, size_t at,
                    const struct gn_addr *addr)
{
    struct gn_addr other;

    for (size_t i = 0; i < at; i++) {
        if (parse_item(b, c->value->list.items[i], &other, NULL) && gn_addr_equal(&other, addr) &&
            other.port != 0)
            gn_diag_add(b->diags, GN_D_SAME_ADDRESS, &c->origin, c->setting,
                        "the same address twice: %s",
                        gn_value_text(&b->arena, c->value->list.items[at], true));
    }
}

static void
review_bind(struct gn_builder *b, const struct gn_candidate *c)
{
    bool shares = is_true(b, GN_S_REUSE_PORT);

    for (size_t i = 0; i < c->value->list.n; i++) {
        const struct gn_value *item = c->value->list.items[i];
        struct gn_err err = {0};
        struct gn_addr addr;

        if (!parse_item(b, item, &addr, &err))
            gn_diag_add(b->diags, GN_D_BAD_ADDRESS, &c->origin, c->setting, "%s: %s",
                        gn_value_text(&b->arena, item, true), err.msg);
        else if (!shares || addr.kind == GN_ADDR_UNIX)
            review_same_address(b, c, i, &addr);
        gn_err_clear(&err);
    }
    if (c->value->list.n == 0)
        warn(b, GN_D_NO_BIND, c, "no address to listen on");
}

static void
review_raw_env(struct gn_builder *b, const struct gn_candidate *c)
{
    for (size_t i = 0; i < c->value->list.n; i++) {
        struct gn_slice item = c->value->list.items[i]->str;

        /* The text may be a secret whose name was forgotten: it is not shown. */
        if (gn_slice_find(item, '=') == 0)
            gn_diag_add(b->diags, GN_D_RAW_ENV, &c->origin, c->setting, "entry %zu has no name",
                        i + 1);
        else if (gn_slice_find(item, '=') == item.n)
            gn_diag_add(b->diags, GN_D_RAW_ENV, &c->origin, c->setting,
                        "entry %zu is not of the form NAME=VALUE", i + 1);
    }
}

static void
review_loglevel(struct gn_builder *b, const struct gn_candidate *c)
{
    static const char *const levels[] = {"debug", "info", "warning", "error", "critical"};
    struct gn_diag *diag;

    for (size_t i = 0; c->value->tag == GN_V_STR && i < GN_ARRAY_LEN(levels); i++) {
        if (gn_slice_eq_nocase(c->value->str, gn_slice_str(levels[i])))
            return;
    }
    diag = gn_diag_add(b->diags, GN_D_LOG_LEVEL, &c->origin, c->setting,
                       "unknown level %s, info is used", gn_value_text(&b->arena, c->value, true));
    gn_diag_hint(b->diags, diag, "one of: debug, info, warning, error, critical");
}

static void
refuse_above(struct gn_builder *b, const struct gn_candidate *c, int64_t most, const char *text)
{
    if (c->value->tag == GN_V_INT && c->value->i > most)
        gn_diag_add(b->diags, GN_D_TOO_LARGE, &c->origin, c->setting,
                    "%lld is too large, at most %s", (long long)c->value->i, text);
}

static void
review_umask(struct gn_builder *b, const struct gn_candidate *c)
{
    refuse_above(b, c, 0777, "0777 (octal)");
}

/* The highest number means "no change" to the kernel: nobody can run as that. */
static void
review_owner(struct gn_builder *b, const struct gn_candidate *c)
{
    if (c->value->tag == GN_V_INT && c->value->i < 0)
        gn_diag_add(b->diags, GN_D_NEGATIVE, &c->origin, c->setting, "Value must be positive: %lld",
                    (long long)c->value->i);
    refuse_above(b, c, (int64_t)UINT32_MAX - 1, "4294967294 is possible");
}

static void
review_workers(struct gn_builder *b, const struct gn_candidate *c)
{
    if (c->value->i > GN_MAX_WORKERS)
        gn_diag_add(b->diags, GN_D_TOO_LARGE, &c->origin, c->setting,
                    "%lld is too many, at most %d are supported", (long long)c->value->i,
                    GN_MAX_WORKERS);
    if (number(b, GN_S_WORKERS) == 0)
        warn(b, GN_D_NO_WORKERS, c, "no worker will be started");
}

static void
review_limit(struct gn_builder *b, const struct gn_candidate *c, int64_t most)
{
    if (c->value->i > most)
        gn_diag_add(b->diags, GN_D_LIMIT, &c->origin, c->setting,
                    "%lld is more than %lld, which is used", (long long)c->value->i,
                    (long long)most);
}

static void
review_request_line(struct gn_builder *b, const struct gn_candidate *c)
{
    review_limit(b, c, GN_MAX_REQUEST_LINE);
}

static void
review_request_fields(struct gn_builder *b, const struct gn_candidate *c)
{
    review_limit(b, c, GN_MAX_REQUEST_FIELDS);
}

static void
review_worker_class(struct gn_builder *b, const struct gn_candidate *c)
{
    struct gn_diag *diag;

    if (b->knows_worker == NULL || c->value->tag == GN_V_NONE ||
        (c->value->tag == GN_V_STR &&
         b->knows_worker(gn_arena_strndup(&b->arena, c->value->str.p, c->value->str.n))))
        return;
    diag = gn_diag_add(b->diags, GN_D_UNKNOWN_WORKER, &c->origin, c->setting,
                       "%s is not a worker class of this version",
                       gn_value_text(&b->arena, c->value, true));
    gn_diag_hint(b->diags, diag, "use sync or gthread");
}

static void
review_jitter(struct gn_builder *b, const struct gn_candidate *c)
{
    if (number(b, GN_S_MAX_REQUESTS_JITTER) > 0 && number(b, GN_S_MAX_REQUESTS) == 0)
        warn(b, GN_D_JITTER, c, "has no effect without max_requests");
}

static void
review_scheme_headers(struct gn_builder *b, const struct gn_candidate *c)
{
    for (size_t i = 0; i < c->value->dict.n; i++) {
        const struct gn_value_pair *pair = &c->value->dict.pairs[i];

        if (pair->key->tag != GN_V_STR || pair->value->tag != GN_V_STR)
            gn_diag_add(b->diags, GN_D_SCHEME_HEADER, &c->origin, c->setting,
                        "%s has no effect: names and values are texts",
                        gn_value_text(&b->arena, pair->key, true));
    }
}

static const struct {
    enum gn_setting_id id;
    void (*review)(struct gn_builder *b, const struct gn_candidate *c);
} reviews[] = {
    {GN_S_BIND, review_bind},
    {GN_S_RAW_ENV, review_raw_env},
    {GN_S_LOGLEVEL, review_loglevel},
    {GN_S_WORKER_CLASS, review_worker_class},
    {GN_S_WORKERS, review_workers},
    {GN_S_UMASK, review_umask},
    {GN_S_USER, review_owner},
    {GN_S_GROUP, review_owner},
    {GN_S_LIMIT_REQUEST_LINE, review_request_line},
    {GN_S_LIMIT_REQUEST_FIELDS, review_request_fields},
    {GN_S_MAX_REQUESTS_JITTER, review_jitter},
    {GN_S_SECURE_SCHEME_HEADERS, review_scheme_headers},
};

/* What this build does not do yet, and what is going away: said when it is asked for. */
static void
review_status(struct gn_builder *b, const struct gn_candidate *c)
{
    const struct gn_setting *s = c->setting;

    if (c->origin.layer == GN_LAYER_DEFAULT || gn_value_equal(c->value, default_value(b, s->id)))
        return;
    if (s->pending != NULL)
        gn_diag_add(b->diags, s->pending_is_fatal ? GN_D_PENDING_ERROR : GN_D_PENDING, &c->origin,
                    s, "%s", s->pending);
    if (s->deprecated != NULL)
        gn_diag_add(b->diags, GN_D_DEPRECATED, &c->origin, s, "%s", s->deprecated);
}

void
gn_review(struct gn_builder *b)
{
    for (size_t i = 0; i < GN_ARRAY_LEN(reviews); i++) {
        const struct gn_candidate *c = winner(b, reviews[i].id);

        if (c != NULL)
            reviews[i].review(b, c);
    }
    for (size_t i = 0; i < GN_SETTING_COUNT; i++) {
        const struct gn_candidate *c = winner(b, (enum gn_setting_id)i);

        if (c != NULL)
            review_status(b, c);
    }
}
