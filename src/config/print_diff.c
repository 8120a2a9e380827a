#include "config/print_int.h"

static bool
print_line(struct gn_printer *p, const struct gn_setting *s)
{
    const struct gn_value *from = gn_print_shown(p, s, gn_print_default(p->f, s->id));
    const struct gn_value *to = gn_print_shown(p, s, p->f->values[s->id]);
    struct gn_origin origin;

    return from != NULL && to != NULL &&
           gn_print_shown_origin(p, s, &p->f->chosen[s->id]->origin, &origin) &&
           gn_buf_printf(p->out, "%s: ", s->name) && gn_print_side(from, p->out) &&
           gn_buf_printf(p->out, " -> ") && gn_print_side(to, p->out) &&
           gn_buf_printf(p->out, " (") && gn_origin_print(&origin, p->out) &&
           gn_buf_printf(p->out, ")\n");
}

static bool
is_shown(const struct gn_printer *p, const struct gn_setting *s)
{
    if (!gn_print_is_asked(p, s))
        return false;
    if (p->options->prints_all)
        return true;
    if (gn_print_is_request(s->id) && s->id != GN_S_CONFIG && !gn_print_is_named(p, s))
        return false;
    return !gn_value_equal(p->f->values[s->id], gn_print_default(p->f, s->id));
}

bool
gn_print_diff(struct gn_printer *p)
{
    bool ok = true;

    for (size_t i = 0; ok && i < GN_SETTING_COUNT; i++) {
        const struct gn_setting *s = &gn_settings[gn_settings_by_name[i]];

        if (is_shown(p, s))
            ok = print_line(p, s);
    }
    return ok;
}
