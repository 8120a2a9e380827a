#include "config/compile.h"

#include <string.h>

#include "base/err.h"
#include "config/internal.h"

static const char cmd_args_variable[] = "GUNICORN_CMD_ARGS";

enum { DEFAULT_CHECK_TIMEOUT_S = 60 };

struct compiler {
    struct gn_builder b;
    const struct gn_inputs *in;
    struct gn_argv_result argv, cmd_args;
};

static void
read_cmd_args(struct compiler *c)
{
    const char *text = gn_env_get(c->in->envp, cmd_args_variable);
    const struct gn_origin origin = {.layer = GN_LAYER_CMD_ARGS, .variable = cmd_args_variable};
    struct gn_err err = {0};
    char **words;
    int n;

    if (text == NULL)
        return;
    words = gn_argv_split(&c->b.arena, gn_slice_str(text), &n, &err);
    if (words == NULL) {
        gn_diag_add(c->b.diags, GN_D_QUOTING, &origin, NULL, "%s", err.msg);
        gn_err_clear(&err);
        return;
    }
    (void)gn_from_argv(&c->b, n, words, GN_LAYER_CMD_ARGS, &c->cmd_args);
}

static const struct gn_candidate *
find_candidate(const struct gn_builder *b, enum gn_setting_id id, enum gn_layer layer)
{
    const struct gn_candidate *c = b->latest[id];

    while (c != NULL && c->origin.layer != layer)
        c = c->next;
    return c;
}

/* Observed: --paste counts on the command line only. `[server:NAME]` is read when asked for by
 * name. */
static void
read_ini(struct compiler *c)
{
    const char *path = gn_builder_peek(&c->b, GN_S_PASTE, GN_LAYER_ARGV);
    const char *name = gn_builder_peek(&c->b, GN_S_PASTE_SERVER, GN_LAYER_ARGV);
    const struct gn_candidate *asked = find_candidate(&c->b, GN_S_PASTE_SERVER, GN_LAYER_ARGV);

    struct gn_diag *diag;

    if (path != NULL && path[0] != '\0') {
        gn_from_ini(&c->b, path, name);
        return;
    }
    if (asked == NULL)
        return;
    diag = gn_diag_add(c->b.diags, GN_D_INI_FILE, &asked->origin, asked->setting,
                       "there is no file to read [server:%s] from", name != NULL ? name : "");
    gn_diag_hint(c->b.diags, diag, "add --paste FILE");
}

/* -c on the command line, else in the variable; an empty one falls through to the default file. */
static void
read_conf(struct compiler *c)
{
    static const enum gn_layer layers[] = {GN_LAYER_ARGV, GN_LAYER_CMD_ARGS};
    const struct gn_origin none = {.layer = GN_LAYER_DEFAULT};

    for (size_t i = 0; i < GN_ARRAY_LEN(layers); i++) {
        const struct gn_candidate *found = find_candidate(&c->b, GN_S_CONFIG, layers[i]);
        const char *given = gn_builder_peek(&c->b, GN_S_CONFIG, layers[i]);

        /* --reset config: the default file again, which may be missing. */
        if (found != NULL && found->raw == found->setting->def)
            break;
        if (given != NULL && given[0] != '\0') {
            gn_from_conf(&c->b, given, &find_candidate(&c->b, GN_S_CONFIG, layers[i])->origin);
            return;
        }
    }
    gn_from_conf(&c->b, NULL, &none);
}

/* The application names the process until a configuration file does. */
static bool
name_process(struct compiler *c)
{
    const struct gn_candidate *now = c->b.latest[GN_S_DEFAULT_PROC_NAME];
    const char *ini = gn_builder_peek(&c->b, GN_S_PASTE, GN_LAYER_ARGV);
    const char *text = c->b.app_uri;
    struct gn_origin origin = {.layer = GN_LAYER_ARGV, .text = c->b.app_uri};

    if (now != NULL && now->origin.layer >= GN_LAYER_CONF)
        return true;
    if (ini != NULL && ini[0] != '\0')
        text = gn_path_absolute(&c->b.arena, c->b.start_dir, gn_ini_path(&c->b.arena, ini));
    if (text == NULL)
        return true;
    return gn_builder_add(&c->b, &gn_settings[GN_S_DEFAULT_PROC_NAME],
                          gn_value_str(&c->b.arena, gn_slice_str(text)), &origin);
}

static enum gn_mode
mode_of(const struct gn_frozen *f)
{
    if (f->cfg.print_config)
        return GN_MODE_PRINT;
    return f->cfg.check_config ? GN_MODE_CHECK : GN_MODE_RUN;
}

static bool
is_asked(const struct gn_builder *b, enum gn_setting_id id)
{
    const struct gn_candidate *c = b->latest[id];

    return c != NULL && c->raw->tag == GN_V_BOOL && c->raw->b;
}

/* A check looks at this machine as well, unless told otherwise. A table can be printed anywhere. */
static void
choose_depth(struct gn_builder *b, const struct gn_cli_options *options)
{
    bool prints = is_asked(b, GN_S_PRINT_CONFIG), checks = is_asked(b, GN_S_CHECK_CONFIG);

    b->diags->shows_notes = checks && !prints;
    b->checks_values_only = options->checks_values_only && checks && !prints;
    b->checks_facts = !options->checks_values_only && checks && !prints;
}

/* Nobody waits for ever for a check; a start takes the time that it takes. */
static void
limit_time(const struct gn_builder *b)
{
    bool is_check = is_asked(b, GN_S_PRINT_CONFIG) || is_asked(b, GN_S_CHECK_CONFIG);

    gn_builder_limit(b, is_check ? b->check_timeout_s : 0);
}

/* -h, --version and --describe work whatever else is wrong; the first of the first two wins. */
static bool
wants_text(const struct gn_argv_result *r, struct gn_compiled *out)
{
    if (!r->wants_help && !r->wants_version) {
        out->mode = GN_MODE_DESCRIBE;
        return r->options.describe != NULL;
    }
    out->mode = r->wants_help ? GN_MODE_HELP : GN_MODE_VERSION;
    return true;
}

/* Replaces the text of --describe, which may live in the builder, by the name of the setting. */
static bool
find_described(const struct gn_argv_result *r, struct gn_diags *diags, struct gn_compiled *out)
{
    struct gn_slice name = gn_slice_str(r->options.describe);
    const struct gn_setting *s = gn_setting_find(name);
    const struct gn_setting *near = gn_near_setting(name);
    struct gn_diag *diag;

    out->options.describe = s != NULL ? s->name : NULL;
    if (s != NULL)
        return true;
    out->mode = GN_MODE_RUN;
    diag = gn_diag_add(diags, GN_D_NO_SETTING, &r->described, NULL, "there is no setting '%s'",
                       r->options.describe);
    if (near != NULL)
        gn_diag_hint(diags, diag, "did you mean '%s'?", near->name);
    return false;
}

static bool
compile_text(struct compiler *c, const struct gn_argv_result *r, struct gn_compiled *out)
{
    gn_diags_fini(c->b.diags);
    gn_diags_init(c->b.diags);
    return out->mode != GN_MODE_DESCRIBE || find_described(r, c->b.diags, out);
}

/* Options of the command line go before those of the variable, one by one. */
static void
merge_options(const struct compiler *c, struct gn_compiled *out)
{
    const struct gn_cli_options *a = &c->argv.options, *v = &c->cmd_args.options;
    const bool *has = c->argv.has_option;
    const struct gn_argv_result *named = c->argv.n_names > 0 ? &c->argv : &c->cmd_args;

    out->options = (struct gn_cli_options){
        .print_form = has[GN_O_PRINT_CONFIG] ? a->print_form : v->print_form,
        .check_form = has[GN_O_CHECK_CONFIG] ? a->check_form : v->check_form,
        .checks_values_only = a->checks_values_only || v->checks_values_only,
        .is_strict = a->is_strict || v->is_strict,
        .reveals_secrets = a->reveals_secrets || v->reveals_secrets,
        .prints_all = a->prints_all || v->prints_all,
        .check_timeout_s = has[GN_O_CHECK_TIMEOUT] ? a->check_timeout_s : v->check_timeout_s,
    };
    if (out->options.check_timeout_s == 0)
        out->options.check_timeout_s = DEFAULT_CHECK_TIMEOUT_S;
    for (size_t i = 0; i < named->n_names; i++)
        out->names[i] = gn_settings[named->names[i]].name;
    out->names[named->n_names] = NULL;
    out->options.names = named->n_names > 0 ? out->names : NULL;
}

static bool
compile(struct compiler *c, struct gn_compiled *out)
{
    bool argv_ok = gn_from_argv(&c->b, c->in->argc > 0 ? c->in->argc - 1 : 0, c->in->argv + 1,
                                GN_LAYER_ARGV, &c->argv);

    read_cmd_args(c);
    if (wants_text(&c->argv, out))
        return compile_text(c, &c->argv, out);
    if (wants_text(&c->cmd_args, out))
        return compile_text(c, &c->cmd_args, out);
    merge_options(c, out);
    c->b.diags->is_strict = out->options.is_strict;
    c->b.check_timeout_s = out->options.check_timeout_s;
    if (c->in->on_options != NULL)
        c->in->on_options(c->in->ctx, &out->options);
    out->mode = GN_MODE_RUN;
    c->b.app_uri = c->argv.app_uri;
    if (!gn_from_defaults(&c->b) || !gn_from_env(&c->b, c->in->envp))
        return false;
    read_ini(c);
    limit_time(&c->b);
    /* No user code is run for a command line that will be refused. */
    if (argv_ok)
        read_conf(c);
    if (!name_process(c))
        return false;
    choose_depth(&c->b, &out->options);
    out->frozen = gn_builder_freeze(&c->b);
    if (out->frozen != NULL)
        out->mode = mode_of(out->frozen);
    return out->frozen != NULL;
}

bool
gn_compile(const struct gn_inputs *in, struct gn_host *host, struct gn_diags *diags,
           struct gn_compiled *out)
{
    struct compiler c = {.in = in};
    bool ok;

    memset(out, 0, sizeof(*out));
    if (!gn_builder_init(&c.b, in, diags, host)) {
        gn_diag_add(diags, GN_D_NO_MEMORY, NULL, NULL, "no memory");
        return false;
    }
    ok = compile(&c, out);
    gn_builder_fini(&c.b);
    return ok;
}

/* Oldest first, as the sources have added them. */
static bool
add_history(struct gn_builder *b, const struct gn_setting *s, const struct gn_frozen_candidate *c)
{
    return c == NULL ||
           (add_history(b, s, c->shadowed) && gn_builder_add(b, s, c->raw, &c->origin));
}

const struct gn_frozen *
gn_compile_with(const struct gn_frozen *base, const struct gn_inputs *in, struct gn_host *host,
                const struct gn_setting *s, const struct gn_value *raw, struct gn_diags *diags)
{
    const struct gn_origin origin = {.layer = GN_LAYER_CODE};
    const struct gn_frozen *f = NULL;
    struct gn_builder b;
    bool ok = gn_builder_init(&b, in, diags, host);

    b.sendfile_default = base->sendfile_default;
    b.app_uri = base->app_uri;
    for (size_t i = 0; ok && i < GN_SETTING_COUNT; i++)
        ok = add_history(&b, &gn_settings[i], base->chosen[i]);
    if (ok && gn_builder_add(&b, s, raw, &origin))
        f = gn_builder_freeze(&b);
    gn_builder_fini(&b);
    return f;
}
