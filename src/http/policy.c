#include "http/policy.h"

#include "http/chars.h"
#include "http/head_priv.h"

/* Settings hold names in upper case, fields as they came. */
static bool
name_is(struct gn_slice name, struct gn_slice upper)
{
    if (name.n != upper.n)
        return false;
    for (size_t i = 0; i < name.n; i++) {
        if (gn_ascii_upper((unsigned char)name.p[i]) != (unsigned char)upper.p[i])
            return false;
    }
    return true;
}

/* Every scheme header must say the same; one that is not among the settings' values says http. */
static bool
scheme_said(const struct gn_http_policy *p, const struct gn_http_field *f, bool *has_said,
            bool *is_https)
{
    for (size_t i = 0; i < p->n_secure_scheme_headers; i++) {
        const struct gn_http_pair *pair = &p->secure_scheme_headers[i];
        bool says_https;

        if (!name_is(f->name, pair->name))
            continue;
        says_https = gn_slice_eq(f->value, pair->value);
        if (*has_said && says_https != *is_https)
            return false;
        *has_said = true;
        *is_https = says_https;
    }
    return true;
}

static bool
is_forwarder(const struct gn_http_policy *p, struct gn_slice name)
{
    for (size_t i = 0; i < p->n_forwarder_headers; i++) {
        if (name_is(name, p->forwarder_headers[i]) ||
            gn_slice_eq(p->forwarder_headers[i], GN_SLICE("*")))
            return true;
    }
    return false;
}

/* A trusted SCRIPT_NAME or PATH_INFO; two that differ leave no way to know which one the proxy has
 * set. */
static bool
take_forwarded(struct gn_http_trust *out, const struct gn_http_field *f, struct gn_http_error *e)
{
    struct gn_slice *slot;

    if (name_is(f->name, GN_SLICE("SCRIPT_NAME")))
        slot = &out->script_name;
    else if (name_is(f->name, GN_SLICE("PATH_INFO")))
        slot = &out->path_info;
    else
        return true;
    if (slot->p != NULL && !gn_slice_eq(*slot, f->value))
        return gn_http_fail_quote(e, GN_HTTP_E_INVALID_HEADER, "Invalid HTTP Header:", f->name);
    *slot = f->value;
    return true;
}

/* Eight parameters: what is known of a request, and where the findings go. */
bool /* NOLINTNEXTLINE(readability-function-size) */
gn_http_policy_apply(const struct gn_http_policy *p, struct gn_http_head *h, bool peer_is_trusted,
                     bool is_tls, struct gn_http_trust *out, struct gn_http_error *error,
                     void (*on_drop)(void *ctx, struct gn_slice name), void *ctx)
{
    bool has_said = false;

    *out = (struct gn_http_trust){.is_https = is_tls};
    for (size_t i = 0; i < h->n_fields; i++) {
        struct gn_http_field *f = &h->fields[i];

        if (peer_is_trusted && !scheme_said(p, f, &has_said, &out->is_https))
            return gn_http_fail(error, GN_HTTP_E_INVALID_SCHEME_HEADERS,
                                "Contradictory scheme headers");
        f->flags = (uint8_t)(f->flags & ~GN_FIELD_DROP);
        if (peer_is_trusted && is_forwarder(p, f->name)) {
            if (!take_forwarded(out, f, error))
                return false;
            continue;
        }
        if (!(f->flags & GN_FIELD_UNDERSCORE) || p->header_map == GN_MAP_DANGEROUS)
            continue;
        if (p->header_map == GN_MAP_REFUSE)
            return gn_http_fail_quote(error, GN_HTTP_E_INVALID_HEADER_NAME,
                                      "Invalid HTTP header name:", f->name);
        f->flags |= GN_FIELD_DROP;
        if (on_drop != NULL)
            on_drop(ctx, f->name);
    }
    return true;
}
