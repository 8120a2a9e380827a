#include "config/builder.h"

#include <string.h>

#include "base/err.h"
#include "config/frozen.h"
#include "config/internal.h"
#include "host/host.h"

enum { ARENA_BLOCK_BYTES = 32768 };

bool
gn_builder_init(struct gn_builder *b, const struct gn_inputs *in, struct gn_diags *diags,
                struct gn_host *host)
{
    memset(b, 0, sizeof(*b));
    b->arena.block_bytes = ARENA_BLOCK_BYTES;
    b->diags = diags;
    b->host = host;
    b->sendfile_default = true;
    b->knows_worker = in->knows_worker;
    b->start_dir = gn_arena_strdup(&b->arena, in->start_dir != NULL ? in->start_dir : ".");
    return b->start_dir != NULL;
}

void
gn_builder_fini(struct gn_builder *b)
{
    /* What the sealed table does not own is nobody's. */
    if (b->host != NULL && b->host->ops->take_handles != NULL)
        b->host->ops->release_handles(b->host, b->host->ops->take_handles(b->host));
    gn_arena_fini(&b->arena);
    memset(b, 0, sizeof(*b));
}

bool
gn_builder_add(struct gn_builder *b, const struct gn_setting *s, const struct gn_value *raw,
               const struct gn_origin *origin)
{
    struct gn_candidate *c = gn_arena_alloc(&b->arena, sizeof(*c));
    struct gn_candidate **at = &b->latest[s->id];

    if (c == NULL || raw == NULL) {
        gn_diag_add(b->diags, GN_D_NO_MEMORY, origin, s, "no memory");
        return false;
    }
    c->setting = s;
    c->raw = raw;
    c->origin = *origin;
    c->base_dir = b->start_dir;
    /* Sources are read in the order of need (argv names the file), the chain has the order of
     * authority. */
    while (*at != NULL && (*at)->origin.layer > origin->layer)
        at = &(*at)->next;
    c->next = *at;
    *at = c;
    return true;
}

const char *
gn_builder_peek(const struct gn_builder *b, enum gn_setting_id id, enum gn_layer layer)
{
    for (const struct gn_candidate *c = b->latest[id]; c != NULL; c = c->next) {
        if (c->origin.layer == layer && c->raw->tag == GN_V_STR)
            return c->raw->str.p;
    }
    return NULL;
}

/* The language inside. */

static bool
start_language(struct gn_builder *b, struct gn_err *err)
{
    if (b->host == NULL)
        return gn_err_set(err, GN_E_VALUE, 0, "this needs Python, which is not available here");
    return b->host->ops->start(b->host, err);
}

const struct gn_value *
gn_builder_import(struct gn_builder *b, const char *dotted, struct gn_err *err)
{
    if (!start_language(b, err))
        return NULL;
    return b->host->ops->import_callable(b->host, &b->arena, dotted, err);
}

const struct gn_value *
gn_builder_call(struct gn_builder *b, const struct gn_value *callable, struct gn_err *err)
{
    if (!start_language(b, err))
        return NULL;
    if (b->host->ops->call_callable == NULL) {
        gn_err_set(err, GN_E_VALUE, 0, "not a class or the name of one: %s",
                   gn_value_text(&b->arena, callable, true));
        return NULL;
    }
    return b->host->ops->call_callable(b->host, &b->arena, callable, err);
}

static bool
sink_add(struct gn_cfg_sink *sink, const char *name, const struct gn_value *value, const char *file,
         int line, int column)
{
    const struct gn_names_sink *names = sink->ctx;

    return names->add(names->ctx, name, value, file, line, column);
}

static bool
sink_wants(struct gn_cfg_sink *sink, struct gn_slice name)
{
    const struct gn_names_sink *names = sink->ctx;

    return names->wants(names->ctx, name);
}

void
gn_builder_limit(const struct gn_builder *b, int64_t seconds)
{
    if (b->host != NULL && b->host->ops->limit != NULL)
        b->host->ops->limit(b->host, seconds);
}

bool
gn_builder_run_file(struct gn_builder *b, const char *location, const struct gn_names_sink *names,
                    struct gn_err *err)
{
    struct gn_names_sink copy = *names;
    struct gn_cfg_sink sink = {
        .arena = &b->arena, .add = sink_add, .wants = sink_wants, .ctx = &copy};

    if (!start_language(b, err))
        return false;
    return b->host->ops->load_config(b->host, location, &sink, err);
}

/* Validation. */

static void
validate_one(struct gn_builder *b, struct gn_candidate *c)
{
    struct gn_check check = {
        .setting = c->setting,
        .raw = c->raw,
        .arena = &b->arena,
        .base_dir = c->base_dir,
        .builder = b,
    };
    struct gn_diag *diag;

    if (gn_validate(&check)) {
        c->value = check.value;
        return;
    }
    diag = gn_diag_add(b->diags, check.code, &c->origin, c->setting, "%s", check.reason);
    if (check.hint != NULL)
        gn_diag_hint(b->diags, diag, "%s", check.hint);
    if (check.detail != NULL)
        gn_diag_detail(b->diags, diag, check.detail);
}

const struct gn_frozen *
gn_builder_freeze(struct gn_builder *b)
{
    const struct gn_frozen *f;

    for (size_t i = 0; i < GN_SETTING_COUNT; i++) {
        for (struct gn_candidate *c = b->latest[i]; c != NULL; c = c->next)
            validate_one(b, c);
        if (b->latest[i] == NULL)
            gn_diag_add(b->diags, GN_D_NO_DEFAULT, NULL, &gn_settings[i], "has no value");
    }
    gn_review(b);
    if (b->checks_facts)
        gn_facts(b);
    if (b->diags->errors > 0)
        return NULL;
    f = gn_seal(b);
    if (f == NULL)
        gn_diag_add(b->diags, GN_D_NO_MEMORY, NULL, NULL, "no memory for the settings table");
    else if (b->host != NULL && b->host->ops->take_handles != NULL)
        gn_frozen_own(f, b->host, b->host->ops->take_handles(b->host));
    return f;
}
