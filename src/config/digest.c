#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "config/print_int.h"

/* Every part is written with its type and length, so that no two tables are written alike. */
static bool put_value(const struct gn_value *v, struct gn_buf *out);

static bool
put_text(char type, struct gn_slice s, struct gn_buf *out)
{
    return gn_buf_printf(out, "%c%zu:", type, s.n) && gn_buf_append(out, s.p, s.n);
}

static bool
put_items(const struct gn_value *v, struct gn_buf *out)
{
    bool ok = gn_buf_printf(out, "%c%zu:", v->tag == GN_V_TUPLE ? 't' : 'l', v->list.n);

    for (size_t i = 0; ok && i < v->list.n; i++)
        ok = put_value(v->list.items[i], out);
    return ok;
}

static bool
put_pairs(const struct gn_value *v, struct gn_buf *out)
{
    bool ok = gn_buf_printf(out, "d%zu:", v->dict.n);

    for (size_t i = 0; ok && i < v->dict.n; i++)
        ok = put_value(v->dict.pairs[i].key, out) && put_value(v->dict.pairs[i].value, out);
    return ok;
}

/* str() of an object holds its address, which is another one in every run. */
static bool
put_object(const struct gn_value_object *o, struct gn_buf *out)
{
    return put_text('o', gn_slice_str(o->type_name), out) &&
           put_text('m', gn_slice_str(o->module), out) &&
           put_text('q', gn_slice_str(o->qualname), out);
}

static bool
put_value(const struct gn_value *v, struct gn_buf *out)
{
    switch (v->tag) {
    case GN_V_NONE:
        return gn_buf_append(out, "n", 1);
    case GN_V_STR:
        return put_text('s', v->str, out);
    case GN_V_BYTES:
        return put_text('b', v->str, out);
    case GN_V_BOOL:
    case GN_V_INT:
    case GN_V_BIGINT:
    case GN_V_FLOAT:
        return gn_value_repr(v, out) && gn_buf_append(out, ";", 1);
    case GN_V_LIST:
    case GN_V_TUPLE:
        return put_items(v, out);
    case GN_V_DICT:
        return put_pairs(v, out);
    case GN_V_OBJECT:
        return put_object(v->obj, out);
    }
    return false;
}

static bool
put_table(const struct gn_frozen *f, struct gn_buf *out)
{
    bool ok = put_text('a', gn_slice_str(f->app_uri), out) &&
              gn_buf_printf(out, "f%d:", gn_cfg_sendfile(f));

    for (size_t i = 0; ok && i < GN_SETTING_COUNT; i++) {
        enum gn_setting_id id = gn_settings_by_name[i];

        if (!gn_print_is_request(id))
            ok = put_text('=', gn_slice_str(gn_settings[id].name), out) &&
                 put_value(f->values[id], out);
    }
    return ok;
}

bool
gn_frozen_digest(const struct gn_frozen *f, char out[GN_DIGEST_BYTES])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    struct gn_buf text = {0};
    bool ok = put_table(f, &text) && EVP_Digest(gn_buf_head(&text), gn_buf_len(&text), digest, NULL,
                                                EVP_sha256(), NULL) == 1;

    for (size_t i = 0; ok && i < GN_DIGEST_BYTES / 2; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
    gn_buf_fini(&text);
    return ok;
}
