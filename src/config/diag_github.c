#include <string.h>

#include "config/diag.h"
#include "config/setting.h"

/* Workflow commands end a property at ',' and ':', and a line at its end. */
static bool
put_escaped(const char *text, bool is_property, struct gn_buf *out)
{
    bool ok = true;

    for (const char *p = text; ok && *p != '\0'; p++) {
        if (strchr("%\r\n", *p) != NULL || (is_property && strchr(":,", *p) != NULL))
            ok = gn_buf_printf(out, "%%%02X", (unsigned char)*p);
        else
            ok = gn_buf_printf(out, "%c", *p);
    }
    return ok;
}

static bool
put_place(const struct gn_origin *o, struct gn_buf *out)
{
    bool ok = true;

    if (o->file == NULL)
        return true;
    ok = gn_buf_printf(out, "file=") && put_escaped(o->file, true, out) && gn_buf_printf(out, ",");
    if (ok && o->line > 0)
        ok = gn_buf_printf(out, "line=%d,", o->line);
    if (ok && o->line > 0 && o->column > 0)
        ok = gn_buf_printf(out, "col=%d,", o->column);
    return ok;
}

/* A place that is no file is said in the message. */
static bool
put_message(const struct gn_diag *diag, struct gn_buf *out)
{
    const struct gn_origin *o = &diag->origin;
    struct gn_buf place = {0};
    bool ok = true;

    if (o->file == NULL && o->layer != GN_LAYER_DEFAULT)
        ok = gn_origin_print(o, &place) && gn_buf_printf(&place, ": ") &&
             gn_buf_append(&place, "", 1) && put_escaped(gn_buf_slice(&place).p, false, out);
    gn_buf_fini(&place);
    if (ok && diag->setting != NULL)
        ok = gn_buf_printf(out, "%s: ", diag->setting->name);
    ok = ok && put_escaped(diag->message, false, out);
    if (ok && diag->hint != NULL)
        ok = gn_buf_printf(out, "%%0Ahint: ") && put_escaped(diag->hint, false, out);
    if (ok && diag->detail != NULL)
        ok = gn_buf_printf(out, "%%0A") && put_escaped(diag->detail, false, out);
    return ok && gn_buf_printf(out, "\n");
}

bool
gn_diags_github(const struct gn_diags *d, struct gn_buf *out)
{
    bool ok = true;

    for (const struct gn_diag *p = d->first; ok && p != NULL; p = p->next) {
        ok = gn_buf_printf(out, "::%s ",
                           p->severity == GN_NOTE ? "notice" : gn_severity_name(p->severity)) &&
             put_place(&p->origin, out) &&
             gn_buf_printf(out, "title=%s ", gn_diag_kinds[p->code].code) &&
             put_escaped(gn_diag_kinds[p->code].title, true, out) && gn_buf_printf(out, "::") &&
             put_message(p, out);
    }
    return ok;
}
