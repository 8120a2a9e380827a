#include "config/internal.h"

/* None of user and group stands for the effective ids, which their validators know; the directory
 * is the one that the program was started in. */
bool
gn_from_defaults(struct gn_builder *b)
{
    const struct gn_origin origin = {.layer = GN_LAYER_DEFAULT};
    bool ok = true;

    for (size_t i = 0; ok && i < GN_SETTING_COUNT; i++) {
        const struct gn_setting *s = &gn_settings[i];
        const struct gn_value *def = s->def;

        if (s->kind == GN_KIND_DIRECTORY && def->tag == GN_V_NONE)
            def = gn_value_str(&b->arena, gn_slice_str(b->start_dir));
        ok = gn_builder_add(b, s, def, &origin);
    }
    return ok;
}
