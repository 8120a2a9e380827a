#include "config_support.h"

#include <signal.h>
#include <stdio.h>

#include <sys/wait.h>

#include "config_values.h"

static char *dir;
static struct fake_host host;

static void
setup(void)
{
    dir = make_dir();
    host = fake_host_init();
}

static void
teardown(void)
{
    remove_file(dir, "gunicorn.conf.py");
    remove_dir(dir);
}

static struct run
compile_words(const char *const *words)
{
    return compile_in(dir, words, NULL, &host);
}

/* Every part of the table that a careless writer may reach. */
static void *
part(const struct gn_frozen *f, int which)
{
    const void *parts[] = {
        &f->cfg.workers,
        f->cfg.bind.v,
        f->cfg.bind.v[0],
        f->values[GN_S_BIND],
        f->chosen[GN_S_BIND],
        f->chosen[GN_S_BIND]->shadowed,
        f->chosen[GN_S_BIND]->raw,
        f->chosen[GN_S_BIND]->origin.text,
        f->app_uri,
        f->start_dir,
        f->cfg.secure_scheme_headers->dict.pairs,
        f->cfg.on_exit.name,
    };

    return which < (int)GN_ARRAY_LEN(parts) ? (void *)(uintptr_t)parts[which] : NULL;
}

enum { PARTS = 12 };

START_TEST(a_write_is_fatal)
{
    const char *words[] = {"app", "-b", "h:1", NULL};
    struct run r = compile_words(words);
    volatile char *p = part(r.compiled.frozen, _i);
    int status;
    pid_t pid;

    ck_assert_ptr_nonnull((const void *)(uintptr_t)p);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        signal(SIGSEGV, SIG_DFL);
        *p = 'x';
        _exit(0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), SIGSEGV);
    run_fini(&r);
}
END_TEST

START_TEST(print)
{
    const char *words[] = {"app:app", "-w", "3", "--print-config", "-b", "h:1", "-b", "h:2", NULL};
    struct run r = compile_words(words);
    struct gn_buf b = {0};
    struct gn_slice rest;
    size_t lines = 0;
    const char *last = "";

    ck_assert(gn_frozen_print(r.compiled.frozen, &b));
    ck_assert(gn_buf_append(&b, "", 1));
    ck_assert_ptr_nonnull(strstr(b.data, "\nworkers                            = 3\n"));
    ck_assert_ptr_nonnull(
        strstr(b.data, "\nbind                               = ['h:1', 'h:2']\n"));
    ck_assert_ptr_nonnull(strstr(b.data, "\nprint_config                       = True\n"));
    ck_assert_ptr_nonnull(strstr(b.data, "\ncheck_config                       = False\n"));
    ck_assert_ptr_nonnull(
        strstr(b.data, "\nconfig                             = ./gunicorn.conf.py\n"));
    ck_assert_ptr_nonnull(strstr(b.data, "\ndogstatsd_tags                     = \n"));
    ck_assert_ptr_nonnull(strstr(b.data, "\ndefault_proc_name                  = app:app\n"));
    ck_assert_ptr_nonnull(
        strstr(b.data, "\non_starting                        = <OnStarting.on_starting()>\n"));
    ck_assert_ptr_nonnull(
        strstr(b.data, "\nforwarded_allow_ips                = ['127.0.0.1', '::1']\n"));
    rest = gn_slice(b.data, gn_buf_len(&b) - 1);
    while (rest.n > 0) {
        struct gn_slice line = gn_slice_cut(&rest, '\n');

        ck_assert_int_lt(strncmp(last, line.p, 34), 0);
        ck_assert_int_eq(memcmp(line.p + 34, " = ", 3), 0);
        last = line.p;
        lines++;
    }
    ck_assert_int_eq((int)lines, GN_SETTING_COUNT);
    gn_buf_fini(&b);
    run_fini(&r);
}
END_TEST

START_TEST(owner_and_directory)
{
    const char *words[] = {"app", "--chdir", "..", NULL};
    struct run r = compile_words(words);
    size_t n;

    ck_assert_msg(r.ok, "said: %s", r.text);
    ck_assert_int_eq(r.compiled.frozen->cfg.user, geteuid());
    ck_assert_int_eq(r.compiled.frozen->cfg.group, getegid());
    n = strlen(r.compiled.frozen->cfg.chdir);
    ck_assert_int_eq(strncmp(dir, r.compiled.frozen->cfg.chdir, n), 0);
    ck_assert_int_eq(dir[n], '/');
    ck_assert_str_eq(r.compiled.frozen->start_dir, dir);
    run_fini(&r);
}
END_TEST

static const struct {
    const char *flag, *value;
    size_t offset;
    int64_t want;
} limits[] = {
    {"--limit-request-line", "9000", offsetof(struct gn_cfg, limit_request_line), 8190},
    {"--limit-request-line", "0", offsetof(struct gn_cfg, limit_request_line), 0},
    {"--limit-request-line", "8190", offsetof(struct gn_cfg, limit_request_line), 8190},
    {"--limit-request-fields", "40000", offsetof(struct gn_cfg, limit_request_fields), 32768},
    {"--limit-request-field_size", "99999", offsetof(struct gn_cfg, limit_request_field_size),
     99999},
};

START_TEST(limits_are_clamped)
{
    const char *words[] = {"app", limits[_i].flag, limits[_i].value, NULL};
    struct run r = compile_words(words);
    const char *cfg = (const char *)&r.compiled.frozen->cfg;

    ck_assert_int_eq(*(const int64_t *)(const void *)(cfg + limits[_i].offset), limits[_i].want);
    run_fini(&r);
}
END_TEST

struct lines {
    char text[2000];
};

static void
take_line(void *ctx, const struct gn_setting *s GN_UNUSED, const char *text)
{
    struct lines *l = ctx;
    size_t n = strlen(l->text);

    snprintf(l->text + n, sizeof(l->text) - n, "%s\n", text);
}

START_TEST(differences)
{
    const char *older[] = {"app", "-w", "2", "-n", "x", "-e", "A=1", NULL};
    const char *newer[] = {"app", "-w", "4", "-e", "A=2", NULL};
    static const struct gn_value three = V_INT(3);
    const struct fake_name names[] = {{"timeout", &three, 3}, {"on_exit", &f1, 9}, {NULL, NULL, 0}};
    struct lines l = {""};
    struct run a = compile_words(older), b;

    host.names = names;
    put_file(dir, "gunicorn.conf.py", "");
    b = compile_words(newer);
    ck_assert(gn_frozen_diff(a.compiled.frozen, a.compiled.frozen, take_line, &l));
    ck_assert_str_eq(l.text, "");
    ck_assert(gn_frozen_diff(a.compiled.frozen, b.compiled.frozen, take_line, &l));
    ck_assert_str_eq(l.text, "on_exit: <OnExit.on_exit()> -> <f1()> (gunicorn.conf.py:9:1)\n"
                             "proc_name: 'x' -> None (default)\n"
                             "raw_env: ['A=1'] -> ['A=2'] (command line word 4 (-e))\n"
                             "timeout: 30 -> 3 (gunicorn.conf.py:3:1)\n"
                             "workers: 2 -> 4 (command line word 2 (-w))\n");
    run_fini(&a);
    run_fini(&b);
}
END_TEST

START_TEST(references)
{
    const char *words[] = {"app", NULL};
    struct run r = compile_words(words);
    const struct gn_frozen *f = gn_frozen_ref(r.compiled.frozen);

    ck_assert_ptr_eq(f, r.compiled.frozen);
    run_fini(&r);
    ck_assert_str_eq(f->app_uri, "app");
    gn_frozen_unref(f);
    gn_frozen_unref(NULL);
}
END_TEST

/* More than the first pages hold. */
START_TEST(large_table)
{
    enum { ITEMS = 5000 };
    struct gn_value *texts = calloc(ITEMS, sizeof(*texts));
    const struct gn_value **items = calloc(ITEMS, sizeof(const struct gn_value *));
    struct gn_value list = {.tag = GN_V_LIST, .list = {items, ITEMS}};
    const struct fake_name names[] = {{"raw_env", &list, 1}, {NULL, NULL, 0}};
    struct run r;

    for (int i = 0; i < ITEMS; i++) {
        texts[i] = (struct gn_value)V_STR("NAME=value of some length");
        items[i] = &texts[i];
    }
    host.names = names;
    put_file(dir, "gunicorn.conf.py", "");
    r = compile_words(NULL);
    ck_assert_msg(r.ok, "said: %s", r.text);
    free(texts);
    free(items);
    ck_assert_int_eq((int)r.compiled.frozen->cfg.raw_env.n, ITEMS);
    ck_assert_str_eq(r.compiled.frozen->cfg.raw_env.v[ITEMS - 1], "NAME=value of some length");
    ck_assert_ptr_null(r.compiled.frozen->cfg.raw_env.v[ITEMS]);
    run_fini(&r);
}
END_TEST

/* Pages of the process in memory. */
static long
resident_pages(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    long total = 0, resident = 0;

    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fscanf(f, "%ld %ld", &total, &resident), 2);
    fclose(f);
    return resident;
}

/* A master compiles at every reload: nothing may stay behind. Under AddressSanitizer the freed
 * memory is kept for a while, so there the leak check at the end is what tells. */
START_TEST(no_growth)
{
    const char *words[] = {"app", "-b", "h:1", "-w", "2", "-e", "A=1", NULL};
    long before = 0, after;
#ifdef __SANITIZE_ADDRESS__
    const int rounds = 300;
    const long allowed = 100000;
#else
    const int rounds = 10000;
    const long allowed = 64;
#endif

    for (int i = 0; i < rounds; i++) {
        struct run r = compile_words(words);

        ck_assert(r.ok);
        run_fini(&r);
        if (i == 100)
            before = resident_pages();
    }
    after = resident_pages();
    ck_assert_msg(after - before <= allowed, "from %ld to %ld pages", before, after);
}
END_TEST

static Suite *
make_suite(void)
{
    Suite *suite = suite_create("gn_frozen");
    TCase *tc = tcase_create("table");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, a_write_is_fatal, 0, PARTS);
    tcase_add_test(tc, print);
    tcase_add_test(tc, owner_and_directory);
    tcase_add_loop_test(tc, limits_are_clamped, 0, (int)GN_ARRAY_LEN(limits));
    tcase_add_test(tc, differences);
    tcase_add_test(tc, references);
    tcase_add_test(tc, large_table);
    tcase_add_test(tc, no_growth);
    suite_add_tcase(suite, tc);
    return suite;
}

CONFIG_TEST_MAIN(make_suite)
