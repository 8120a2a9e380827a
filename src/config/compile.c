#include "config/compile.h"

#include <string.h>

#include "base/err.h"
#include "config/internal.h"

static const char cmd_args_variable[] = "GUNICORN_CMD_ARGS";

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
        gn_diag_add(c->b.diags, GN_ERROR, &origin, NULL, "%s", err.msg);
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
    diag = gn_diag_add(c->b.diags, GN_ERROR, &asked->origin, asked->setting,
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
        const char *given = gn_builder_peek(&c->b, GN_S_CONFIG, layers[i]);

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

/* -h and --version work whatever else is wrong, and the first of them wins. */
static bool
wants_text(const struct gn_argv_result *r, struct gn_compiled *out)
{
    out->mode = r->wants_help ? GN_MODE_HELP : GN_MODE_VERSION;
    return r->wants_help || r->wants_version;
}

static bool
compile(struct compiler *c, struct gn_compiled *out)
{
    bool argv_ok = gn_from_argv(&c->b, c->in->argc > 0 ? c->in->argc - 1 : 0, c->in->argv + 1,
                                GN_LAYER_ARGV, &c->argv);
    struct gn_diags *diags = c->b.diags;

    read_cmd_args(c);
    if (wants_text(&c->argv, out) || wants_text(&c->cmd_args, out)) {
        gn_diags_fini(diags);
        gn_diags_init(diags);
        return true;
    }
    out->mode = GN_MODE_RUN;
    c->b.app_uri = c->argv.app_uri;
    if (!gn_from_defaults(&c->b) || !gn_from_env(&c->b, c->in->envp))
        return false;
    read_ini(c);
    /* No user code is run for a command line that will be refused. */
    if (argv_ok)
        read_conf(c);
    if (!name_process(c))
        return false;
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
        gn_diag_add(diags, GN_ERROR, NULL, NULL, "no memory");
        return false;
    }
    ok = compile(&c, out);
    gn_builder_fini(&c.b);
    return ok;
}
