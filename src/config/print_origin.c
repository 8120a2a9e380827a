#include "config/print_int.h"

/* Kind of source and place: "configuration file gunicorn.conf.py:12:11". The other sources name
 * themselves. */
static bool
print_place(struct gn_printer *p, const struct gn_setting *s, const struct gn_origin *from)
{
    struct gn_origin origin;
    const char *what = from->layer == GN_LAYER_CONF    ? "configuration file "
                       : from->layer == GN_LAYER_PASTE ? "Paster file "
                                                       : "";

    return gn_print_shown_origin(p, s, from, &origin) && gn_buf_printf(p->out, "%s", what) &&
           gn_origin_print(&origin, p->out);
}

static bool
print_shadowed(struct gn_printer *p, const struct gn_setting *s,
               const struct gn_frozen_candidate *c)
{
    const struct gn_value *v = gn_print_shown(p, s, c->value);

    return v != NULL && gn_buf_printf(p->out, "    overrides: ") && gn_print_side(v, p->out) &&
           gn_buf_printf(p->out, " (") && print_place(p, s, &c->origin) &&
           gn_buf_printf(p->out, ")\n");
}

static bool
print_effective(struct gn_printer *p, const struct gn_setting *s)
{
    const struct gn_value *v = gn_print_effective(p, s->id);

    if (v == NULL)
        return true;
    v = gn_print_shown(p, s, v);
    return v != NULL && gn_buf_printf(p->out, "    effective: ") && gn_print_side(v, p->out) &&
           gn_buf_append(p->out, "\n", 1);
}

static bool
print_setting(struct gn_printer *p, const struct gn_setting *s)
{
    const struct gn_frozen_candidate *c = p->f->chosen[s->id];
    const struct gn_value *v = gn_print_shown(p, s, c->value);
    bool ok = v != NULL && gn_buf_printf(p->out, "%s = ", s->name) && gn_print_side(v, p->out) &&
              gn_buf_printf(p->out, "\n    from: ") && print_place(p, s, &c->origin) &&
              gn_buf_append(p->out, "\n", 1) && print_effective(p, s);

    for (c = c->shadowed; ok && c != NULL; c = c->shadowed)
        ok = print_shadowed(p, s, c);
    return ok;
}

/* What was set, or asked for by name. */
static bool
is_shown(const struct gn_printer *p, const struct gn_setting *s)
{
    if (p->options->prints_all)
        return gn_print_is_asked(p, s);
    if (gn_print_is_named(p, s))
        return true;
    if (!gn_print_is_asked(p, s) || (gn_print_is_request(s->id) && s->id != GN_S_CONFIG))
        return false;
    return p->f->chosen[s->id]->origin.layer != GN_LAYER_DEFAULT;
}

bool
gn_print_origin(struct gn_printer *p)
{
    char digest[GN_DIGEST_BYTES];
    bool ok = gn_frozen_digest(p->f, digest) &&
              gn_buf_printf(p->out, "# Configuration digest: %s\n", digest);

    for (size_t i = 0; ok && i < GN_SETTING_COUNT; i++) {
        const struct gn_setting *s = &gn_settings[gn_settings_by_name[i]];

        if (is_shown(p, s))
            ok = print_setting(p, s);
    }
    return ok;
}
