/* What the tests of src/config share: plain values, a host that imports from a table, a compile
 * call with words and variables. Everything static; each program has its own copy. */
#ifndef TESTS_UNIT_CONFIG_SUPPORT_H
#define TESTS_UNIT_CONFIG_SUPPORT_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "config/compile.h"
#include "host/host.h"

#define V_STR(lit)                                                                                 \
    {                                                                                              \
        .tag = GN_V_STR, .str = {(lit), sizeof(lit) - 1 }                                          \
    }
#define V_INT(n)                                                                                   \
    {                                                                                              \
        .tag = GN_V_INT, .i = (n)                                                                  \
    }
#define V_FUNCTION(obj_name, count)                                                                \
    static const struct gn_value_object obj_name##_object = {.handle = (void *)0x10,               \
                                                             .type_name = "function",              \
                                                             .text = "<function " #obj_name ">",   \
                                                             .qualname = #obj_name,                \
                                                             .is_callable = true,                  \
                                                             .positional = (count)};               \
    static const struct gn_value obj_name GN_UNUSED = {.tag = GN_V_OBJECT,                         \
                                                       .obj = &obj_name##_object}

V_FUNCTION(f0, 0);
V_FUNCTION(f1, 1);
V_FUNCTION(f2, 2);
V_FUNCTION(f3, 3);
V_FUNCTION(f4, 4);
static const struct gn_value_object class_k_object = {.handle = (void *)0x20,
                                                      .type_name = "type",
                                                      .text = "<class K>",
                                                      .qualname = "K",
                                                      .is_callable = true,
                                                      .is_class = true,
                                                      .positional = 0};
static const struct gn_value class_k GN_UNUSED = {.tag = GN_V_OBJECT, .obj = &class_k_object};

/* One name of a configuration file. */
struct fake_name {
    const char *name;
    const struct gn_value *value;
    int line;
};

/* A language whose files are lists of names. */
struct fake_host {
    struct gn_host host;
    const struct fake_name *names; /* ends with a NULL name */
    const char *failure;           /* load_config fails with it */
    const char *detail;            /* its traceback */
    int line;                      /* where it was raised */
    int starts, loads;
    char location[512]; /* of the last file */
};

static struct fake_host *
fake_of(struct gn_host *host)
{
    return (struct fake_host *)(void *)host;
}

static bool
fake_start(struct gn_host *host, struct gn_err *err GN_UNUSED)
{
    fake_of(host)->starts++;
    return true;
}

static bool
fake_load(struct gn_host *host, const char *location, struct gn_cfg_sink *sink, struct gn_err *err)
{
    struct fake_host *f = fake_of(host);

    f->loads++;
    snprintf(f->location, sizeof(f->location), "%s", location);
    if (f->failure != NULL) {
        gn_err_set(err, GN_E_PYTHON, 0, "%s", f->failure);
        err->detail = f->detail != NULL ? strdup(f->detail) : NULL;
        err->line = f->line;
        return false;
    }
    for (const struct fake_name *n = f->names; n != NULL && n->name != NULL; n++) {
        if (sink->wants(sink, gn_slice_str(n->name)) &&
            !sink->add(sink, n->name, n->value, location, n->line, 1))
            return false;
    }
    return true;
}

static const struct gn_value *
fake_import(struct gn_host *host GN_UNUSED, struct gn_arena *a GN_UNUSED, const char *dotted,
            struct gn_err *err)
{
    if (strcmp(dotted, "os.getcwd") == 0)
        return &f0;
    if (strcmp(dotted, "hooks.one") == 0)
        return &f1;
    if (strncmp(dotted, "os.", 3) == 0)
        gn_err_set(err, GN_E_PYTHON, 0, "Can not load '%s' from 'os'", dotted + 3);
    else
        gn_err_set(err, GN_E_PYTHON, 0, "No module named '%.*s'", (int)strcspn(dotted, "."),
                   dotted);
    return NULL;
}

static const struct gn_value *
fake_call(struct gn_host *host GN_UNUSED, struct gn_arena *a GN_UNUSED,
          const struct gn_value *callable, struct gn_err *err)
{
    if (callable->obj->positional == 0)
        return &gn_value_none;
    gn_err_set(err, GN_E_PYTHON, 0, "%s() misses arguments", callable->obj->qualname);
    return NULL;
}

static const struct gn_host_ops fake_ops = {
    .start = fake_start,
    .load_config = fake_load,
    .import_callable = fake_import,
    .call_callable = fake_call,
};

static struct fake_host fake_host_init(void) GN_UNUSED;
static struct fake_host
fake_host_init(void)
{
    struct fake_host f = {.host = {.ops = &fake_ops}};

    return f;
}

/* A compilation and what it said. */
struct run {
    struct gn_diags diags;
    struct gn_compiled compiled;
    char *text; /* diagnostics as printed */
    size_t text_bytes;
    bool ok;
};

static char *
print_diags(const struct gn_diags *d, size_t *n)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, n);

    ck_assert_ptr_nonnull(out);
    gn_diags_print(d, "gunicorn", out);
    fclose(out);
    return text;
}

/* `words` and `env` end with NULL; the words come after the program's name. */
static struct run compile_in(const char *dir, const char *const *words, const char *const *env,
                             struct fake_host *host) GN_UNUSED;
static struct run
compile_in(const char *dir, const char *const *words, const char *const *env,
           struct fake_host *host)
{
    static char *const no_env[] = {NULL};
    char *argv[64] = {(char *)(uintptr_t) "gunicorn"};
    struct gn_inputs in = {.argc = 1, .argv = argv, .envp = no_env, .start_dir = dir};
    struct run r = {0};

    for (; words != NULL && *words != NULL && in.argc < 63; words++)
        argv[in.argc++] = (char *)(uintptr_t)*words;
    if (env != NULL)
        in.envp = (char *const *)(uintptr_t)env;
    gn_diags_init(&r.diags);
    r.ok = gn_compile(&in, host != NULL ? &host->host : NULL, &r.diags, &r.compiled);
    r.text = print_diags(&r.diags, &r.text_bytes);
    return r;
}

static void run_fini(struct run *r) GN_UNUSED;
static void
run_fini(struct run *r)
{
    gn_frozen_unref(r->compiled.frozen);
    gn_diags_fini(&r->diags);
    free(r->text);
}

/* The printed form of one setting; heap. */
static char *printed(const struct gn_frozen *f, enum gn_setting_id id) GN_UNUSED;
static char *
printed(const struct gn_frozen *f, enum gn_setting_id id)
{
    struct gn_buf b = {0};
    char *text;

    ck_assert_ptr_nonnull(f);
    ck_assert(gn_value_print(f->values[id], &b));
    text = strndup(gn_buf_slice(&b).p, gn_buf_len(&b));
    gn_buf_fini(&b);
    return text;
}

/* An empty directory of its own for each call; the caller removes it by remove_dir. */
static char *make_dir(void) GN_UNUSED;
static char *
make_dir(void)
{
    const char *top = getenv("TMPDIR");
    char path[4096];

    snprintf(path, sizeof(path), "%s/gn-config-XXXXXX", top != NULL ? top : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(path));
    return strdup(path);
}

static void put_file(const char *dir, const char *name, const char *text) GN_UNUSED;
static void
put_file(const char *dir, const char *name, const char *text)
{
    char path[4200];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
}

static void remove_file(const char *dir, const char *name) GN_UNUSED;
static void
remove_file(const char *dir, const char *name)
{
    char path[4200];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    unlink(path);
}

static void remove_dir(char *dir) GN_UNUSED;
static void
remove_dir(char *dir)
{
    rmdir(dir);
    free(dir);
}

/* A main that runs one suite. */
#define CONFIG_TEST_MAIN(make_suite)                                                               \
    int main(void)                                                                                 \
    {                                                                                              \
        SRunner *runner = srunner_create(make_suite());                                            \
        int failed;                                                                                \
                                                                                                   \
        srunner_run_all(runner, CK_ENV);                                                           \
        failed = srunner_ntests_failed(runner);                                                    \
        srunner_free(runner);                                                                      \
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;                                          \
    }

#endif
