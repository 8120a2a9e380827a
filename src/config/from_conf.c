#include <errno.h>
#include <string.h>

#include <sys/stat.h>

#include "config/decl.h"

/* A name of the file that is no setting and looks like one. */
struct near_miss {
    const char *name;
    const struct gn_setting *setting;  /* that was meant, or NULL */
    const struct gn_other_name *other; /* or what it is in other versions */
    struct gn_origin origin;
    struct near_miss *next;
};

struct reader {
    struct gn_builder *b;
    const char *location; /* what the language was given */
    const char *shown;    /* how the file is called in messages */
    struct near_miss *misses, **last_miss;
    bool has[GN_SETTING_COUNT];
};

/* Exactly that name, and no likely one for a variable of the file's own. */
static const struct gn_other_name *
known_elsewhere(struct gn_slice name)
{
    const struct gn_other_name *other = gn_other_name_find(name);

    return other != NULL && other->is != GN_NAME_COMMON && gn_slice_eq_str(name, other->name)
               ? other
               : NULL;
}

static bool
wants(void *ctx GN_UNUSED, struct gn_slice name)
{
    return gn_setting_find(name) != NULL || known_elsewhere(name) != NULL ||
           gn_near_setting(name) != NULL;
}

/* A text of the environment is NAME=VALUE: what is often called `env` is something else. */
static bool
is_variable(const struct gn_value *v)
{
    if (v->tag == GN_V_LIST || v->tag == GN_V_TUPLE)
        return v->list.n > 0 && is_variable(v->list.items[0]);
    return v->tag == GN_V_STR && gn_slice_find(v->str, '=') < v->str.n;
}

/* Functions, classes and modules of a file are its own business, unless a function was meant. */
static bool
may_be_meant(const struct gn_setting *s, const struct gn_value *value)
{
    bool is_object = value->tag == GN_V_OBJECT;

    if (s->kind == GN_KIND_HOOK)
        return is_object && value->obj->is_callable && !value->obj->is_class;
    if (s->id == GN_S_RAW_ENV)
        return is_variable(value);
    return !is_object;
}

static bool
note_miss(struct reader *r, const char *name, const struct gn_value *value,
          const struct gn_origin *origin)
{
    const struct gn_other_name *other = known_elsewhere(gn_slice_str(name));
    const struct gn_setting *s = other != NULL ? other->use : gn_near_setting(gn_slice_str(name));
    struct near_miss *miss;

    if (value == NULL || (other == NULL && (s == NULL || !may_be_meant(s, value))))
        return true;
    miss = gn_arena_alloc(&r->b->arena, sizeof(*miss));
    if (miss == NULL)
        return false;
    miss->name = gn_arena_strdup(&r->b->arena, name);
    miss->setting = s;
    miss->other = other;
    miss->origin = *origin;
    *r->last_miss = miss;
    r->last_miss = &miss->next;
    return miss->name != NULL;
}

static bool
add(void *ctx, const char *name, const struct gn_value *value, const char *file, int line,
    int column)
{
    struct reader *r = ctx;
    const struct gn_setting *s = gn_setting_find(gn_slice_str(name));
    bool is_main = file == NULL || strcmp(file, r->location) == 0;
    struct gn_origin origin = {
        .layer = GN_LAYER_CONF,
        .file = is_main ? r->shown : gn_arena_strdup(&r->b->arena, file),
        .line = line,
        .column = column,
    };

    if (s != NULL && value == NULL) {
        struct gn_diag *diag = gn_diag_add(r->b->diags, GN_D_ANNOTATION, &origin, s,
                                           "an annotation without a value sets nothing");

        gn_diag_hint(r->b->diags, diag, "write `%s = ...`", name);
        return true;
    }
    if (s == NULL)
        return note_miss(r, name, value, &origin);
    r->has[s->id] = true;
    return gn_builder_add(r->b, s, value, &origin);
}

static void
report_other(struct reader *r, const struct near_miss *m)
{
    static const enum gn_diag_code codes[] = {
        [GN_NAME_REMOVED] = GN_D_OLD_NAME,
        [GN_NAME_NEWER] = GN_D_NEW_NAME,
        [GN_NAME_NEEDLESS] = GN_D_NEEDLESS_NAME,
    };

    gn_diag_add(r->b->diags, codes[m->other->is], &m->origin, NULL, "'%s' has no effect: %s",
                m->name, m->other->text);
}

/* A file that sets `workers` may well have a WORKERS of its own: only what is missing is worth a
 * word. */
static void
report_misses(struct reader *r)
{
    for (const struct near_miss *m = r->misses; m != NULL; m = m->next) {
        if (m->setting != NULL && r->has[m->setting->id])
            continue;
        if (m->other != NULL)
            report_other(r, m);
        else
            gn_diag_add(r->b->diags, GN_D_NEAR_MISS, &m->origin, NULL,
                        "'%s' is not a setting and has no effect: did you mean `%s`?", m->name,
                        m->setting->name);
    }
}

static void
report_failure(struct reader *r, struct gn_err *err)
{
    char text[sizeof(err->msg) + 128];
    struct gn_origin origin = {.layer = GN_LAYER_CONF, .file = r->shown, .line = err->line};
    struct gn_diag *diag;

    gn_err_text(err, text, sizeof(text));
    diag = gn_diag_add(r->b->diags, GN_D_CONF_FAILED, &origin, NULL,
                       "Failed to read config file: %s", text);
    if (err->detail != NULL)
        gn_diag_detail(r->b->diags, diag, err->detail);
    gn_err_clear(err);
}

static bool
run(struct gn_builder *b, const char *location, const char *shown)
{
    struct reader r = {.b = b, .location = location, .shown = shown};
    struct gn_names_sink names = {.add = add, .wants = wants, .ctx = &r};
    struct gn_err err = {0};

    r.last_miss = &r.misses;
    if (!gn_builder_run_file(b, location, &names, &err)) {
        report_failure(&r, &err);
        return false;
    }
    report_misses(&r);
    return true;
}

static bool
has_python_extension(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *dot = strrchr(slash != NULL ? slash : path, '.');

    return dot != NULL && (strcmp(dot, ".py") == 0 || strcmp(dot, ".pyc") == 0);
}

/* A file that may not be seen is not a missing one. */
static void
report_absent(struct gn_builder *b, const char *path, const struct gn_origin *origin, int sys)
{
    if (sys == ENOENT)
        gn_diag_add(b->diags, GN_D_CONF_FILE, origin, &gn_settings[GN_S_CONFIG],
                    "'%s' doesn't exist", path);
    else
        gn_diag_add(b->diags, GN_D_CONF_FILE, origin, &gn_settings[GN_S_CONFIG],
                    "'%s' can't be read: %s", path, strerror(sys));
}

/* `path` as written; `origin` tells who wrote it. */
static bool
run_path(struct gn_builder *b, const char *path, const struct gn_origin *origin)
{
    const char *shown = strncmp(path, "./", 2) == 0 ? path + 2 : path;
    const char *whole = gn_path_join(&b->arena, b->start_dir, path);
    struct stat st;

    if (whole == NULL || stat(whole, &st) != 0) {
        report_absent(b, path, origin, whole == NULL ? ENOMEM : errno);
        return false;
    }
    if (S_ISDIR(st.st_mode)) {
        gn_diag_add(b->diags, GN_D_CONF_FILE, origin, &gn_settings[GN_S_CONFIG],
                    "'%s' is a directory", path);
        return false;
    }
    if (gn_decl_is_name(path))
        return gn_from_decl(b, whole, shown, origin);
    if (!has_python_extension(path))
        gn_diag_add(b->diags, GN_D_CONF_EXTENSION, origin, &gn_settings[GN_S_CONFIG],
                    "'%s' has no Python extension (.py); it is read as Python", path);
    return run(b, whole, shown);
}

bool
gn_from_conf(struct gn_builder *b, const char *given, const struct gn_origin *origin)
{
    const char *const default_path = gn_settings[GN_S_CONFIG].def->str.p;
    const char *whole;
    struct stat st;

    if (given != NULL && strncmp(given, "python:", 7) == 0)
        return run(b, given, given + 7);
    if (given != NULL)
        return run_path(b, strncmp(given, "file:", 5) == 0 ? given + 5 : given, origin);
    whole = gn_path_join(&b->arena, b->start_dir, default_path);
    if (whole == NULL || stat(whole, &st) != 0)
        return true;
    return run_path(b, default_path, origin);
}
