#include "config/origin.h"

static bool
print_word(const struct gn_origin *o, const char *what, struct gn_buf *out)
{
    bool ok = gn_buf_printf(out, "%s", what);

    if (ok && o->word > 0)
        ok = gn_buf_printf(out, " word %d", o->word);
    if (ok && o->text != NULL)
        ok = gn_buf_printf(out, " (%s)", o->text);
    return ok;
}

static bool
print_file(const struct gn_origin *o, struct gn_buf *out)
{
    bool ok = gn_buf_printf(out, "%s", o->file != NULL ? o->file : "?");

    if (ok && o->line > 0)
        ok = gn_buf_printf(out, ":%d", o->line);
    if (ok && o->line > 0 && o->column > 0)
        ok = gn_buf_printf(out, ":%d", o->column);
    return ok;
}

bool
gn_origin_print(const struct gn_origin *o, struct gn_buf *out)
{
    switch (o->layer) {
    case GN_LAYER_DEFAULT:
        return gn_buf_printf(out, "default");
    case GN_LAYER_ENV:
        return gn_buf_printf(out, "environment variable %s", o->variable);
    case GN_LAYER_PASTE:
    case GN_LAYER_CONF:
        return print_file(o, out);
    case GN_LAYER_CMD_ARGS:
        return print_word(o, o->variable != NULL ? o->variable : "GUNICORN_CMD_ARGS", out);
    case GN_LAYER_ARGV:
        return print_word(o, "command line", out);
    case GN_LAYER_CODE:
        return gn_buf_printf(out, "cfg.set()");
    }
    return false;
}
