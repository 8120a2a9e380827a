#include "config/print.h"

#include <string.h>

#include "config/print_int.h"
#include "config/secrets.h"

enum { ARENA_BLOCK_BYTES = 16384 };

bool
gn_print_is_request(enum gn_setting_id id)
{
    return id == GN_S_CONFIG || id == GN_S_CHECK_CONFIG || id == GN_S_PRINT_CONFIG;
}

bool
gn_print_is_named(const struct gn_printer *p, const struct gn_setting *s)
{
    const char *const *name = p->options->names;

    for (; name != NULL && *name != NULL; name++) {
        if (strcmp(*name, s->name) == 0)
            return true;
    }
    return false;
}

bool
gn_print_is_asked(const struct gn_printer *p, const struct gn_setting *s)
{
    return p->options->names == NULL || p->options->names[0] == NULL || gn_print_is_named(p, s);
}

const struct gn_value *
gn_print_default(const struct gn_frozen *f, enum gn_setting_id id)
{
    const struct gn_frozen_candidate *c = f->chosen[id];

    while (c->shadowed != NULL && c->origin.layer != GN_LAYER_DEFAULT)
        c = c->shadowed;
    return c->value;
}

const struct gn_value *
gn_print_shown(struct gn_printer *p, const struct gn_setting *s, const struct gn_value *v)
{
    return p->options->reveals_secrets ? v : gn_secret_hide(&p->arena, s, v);
}

bool
gn_print_shown_origin(struct gn_printer *p, const struct gn_setting *s,
                      const struct gn_origin *from, struct gn_origin *to)
{
    *to = *from;
    return p->options->reveals_secrets || gn_secret_hide_origin(&p->arena, s, to);
}

bool
gn_print_side(const struct gn_value *v, struct gn_buf *out)
{
    return v->tag == GN_V_OBJECT ? gn_value_print(v, out) : gn_value_repr(v, out);
}

bool
gn_print_is_utf8(struct gn_slice s)
{
    for (size_t at = 0; at < s.n;) {
        if (gn_utf8_next(s, &at) < 0)
            return false;
    }
    return true;
}

/* Controls, and what a reader of YAML or an editor takes for a line break or a mark. */
static bool
is_escaped(int32_t cp)
{
    return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x2028 || cp == 0x2029 || cp == 0xfeff ||
           cp == 0xfffe || cp == 0xffff;
}

static bool
put_char(int32_t cp, struct gn_slice bytes, struct gn_buf *out)
{
    if (cp < 0)
        return gn_buf_printf(out, "\\udc%02x", (unsigned)(unsigned char)bytes.p[0]);
    if (cp == '"' || cp == '\\')
        return gn_buf_printf(out, "\\%c", (char)cp);
    if (cp == '\n')
        return gn_buf_append(out, "\\n", 2);
    if (is_escaped(cp))
        return gn_buf_printf(out, "\\u%04x", (unsigned)cp);
    return gn_buf_append(out, bytes.p, bytes.n);
}

bool
gn_print_quoted(struct gn_slice s, struct gn_buf *out)
{
    bool ok = gn_buf_append(out, "\"", 1);

    for (size_t at = 0; ok && at < s.n;) {
        size_t from = at;
        int32_t cp = gn_utf8_next(s, &at);

        ok = put_char(cp, gn_slice(s.p + from, at - from), out);
    }
    return ok && gn_buf_append(out, "\"", 1);
}

bool
gn_print_config(const struct gn_frozen *f, const struct gn_cli_options *options, struct gn_buf *out)
{
    struct gn_printer p = {.f = f, .options = options, .out = out};
    bool ok = false;

    p.arena.block_bytes = ARENA_BLOCK_BYTES;
    switch (options->print_form) {
    case GN_PRINT_PLAIN:
        ok = gn_frozen_print(f, out);
        break;
    case GN_PRINT_ORIGIN:
        ok = gn_print_origin(&p);
        break;
    case GN_PRINT_JSON:
        ok = gn_print_json(&p);
        break;
    case GN_PRINT_YAML:
        ok = gn_print_yaml(&p);
        break;
    case GN_PRINT_DIFF:
        ok = gn_print_diff(&p);
        break;
    }
    gn_arena_fini(&p.arena);
    return ok;
}
