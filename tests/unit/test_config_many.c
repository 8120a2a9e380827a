/* Thousands of compilations in one process: none leaves memory behind. The files are generated from
 * a fixed seed, so a failure can be repeated. */
#include "config_support.h"

#include <unistd.h>

#include "config/internal.h"

enum {
    ROUNDS = 10000,
    WARM_UP = 1000, /* until the allocator has what it needs */
    SLACK_KIB = 2048,
    MAX_ENTRIES = 6,
};

static char *dir;
static uint64_t state;

static unsigned
pick(unsigned n)
{
    /* xorshift64 */
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state % n);
}

static long
resident_kib(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    long pages = 0, resident = 0;

    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fscanf(f, "%ld %ld", &pages, &resident), 2);
    fclose(f);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

/* A setting and values for it in the four forms; the last two are wrong in most. */
static const char *const names[] = {
    "workers", "threads", "bind",    "proc_name", "timeout", "daemon",
    "umask",   "raw_env", "pidfile", "loglevel",  "nosuch",  "preload_app",
};

static const char *const values[] = {
    "1",       "16",   "\"text\"", "true",       "false",       "[\"a:1\", \"b:2\"]",
    "\"022\"", "null", "-1",       "{\"a\": 1}", "\"\\u00e4\"", "0.5",
    "\"x",     "[",    "}",        "\xff",
};

static void
write_json(struct gn_buf *out)
{
    unsigned n = pick(MAX_ENTRIES);
    bool ok = gn_buf_printf(out, "{");

    for (unsigned i = 0; ok && i < n; i++)
        ok = gn_buf_printf(out, "%s\"%s\": %s", i == 0 ? "" : ", ",
                           names[pick(GN_ARRAY_LEN(names))], values[pick(GN_ARRAY_LEN(values))]);
    ck_assert(ok && gn_buf_printf(out, pick(20) == 0 ? "," : "}"));
}

static void
write_yaml(struct gn_buf *out)
{
    for (unsigned n = pick(MAX_ENTRIES); n > 0; n--)
        ck_assert(gn_buf_printf(out, "%s: %s%s\n", names[pick(GN_ARRAY_LEN(names))],
                                pick(8) == 0    ? "&a "
                                : pick(30) == 0 ? "*"
                                                : "",
                                values[pick(GN_ARRAY_LEN(values))]));
}

static void
write_ini(struct gn_buf *out)
{
    ck_assert(gn_buf_printf(out, "[DEFAULT]\nn = %u\n[server:main]\n", pick(9)));
    for (unsigned n = pick(MAX_ENTRIES); n > 0; n--)
        ck_assert(gn_buf_printf(out, "%s = %s%s\n", names[pick(GN_ARRAY_LEN(names))],
                                pick(5) == 0 ? "%(n)s" : "", values[pick(GN_ARRAY_LEN(values))]));
}

static const char *const words_of_flags[] = {
    "-w",
    "--workers=3",
    "4",
    "--threads",
    "x",
    "--daemon",
    "-b",
    "a:1",
    "--umask",
    "022",
    "--nosuch",
    "--log",
    "--timeout=-1",
    "--check-config",
    "app:app",
    "-e",
    "A=1",
    "--proc",
    "--help",
    "'",
};

static struct run
compile_words(void)
{
    const char *words[MAX_ENTRIES + 1] = {NULL};
    char variable[200];
    const char *env[] = {variable, NULL};

    for (unsigned i = pick(MAX_ENTRIES); i > 0; i--)
        words[i - 1] = words_of_flags[pick(GN_ARRAY_LEN(words_of_flags))];
    snprintf(variable, sizeof(variable), "GUNICORN_CMD_ARGS=%s %s",
             words_of_flags[pick(GN_ARRAY_LEN(words_of_flags))],
             words_of_flags[pick(GN_ARRAY_LEN(words_of_flags))]);
    return compile_in(dir, words, pick(3) == 0 ? env : NULL, NULL);
}

static struct run
compile_generated(unsigned form)
{
    static const struct {
        const char *name;
        void (*write)(struct gn_buf *out);
        const char *words[6];
    } forms[] = {
        {"c.json", write_json, {"-c", "c.json", "app"}},
        {"c.yaml", write_yaml, {"-c", "c.yaml", "app"}},
        {"c.ini", write_ini, {"--paste", "c.ini", "--paste-server", "main"}},
    };
    struct gn_buf text = {0};
    char *z;

    if (form == GN_ARRAY_LEN(forms))
        return compile_words();
    forms[form].write(&text);
    z = strndup(gn_buf_slice(&text).p, gn_buf_len(&text));
    put_file(dir, forms[form].name, z);
    free(z);
    gn_buf_fini(&text);
    return compile_in(dir, forms[form].words, NULL, NULL);
}

/* Under the sanitizers freed memory is kept for a while, so there only the leak check counts. */
static bool
is_sanitized(void)
{
#ifdef __SANITIZE_ADDRESS__
    return true;
#else
    return false;
#endif
}

START_TEST(constant_memory)
{
    unsigned good[4] = {0}, bad[4] = {0};
    long before = 0;

    dir = make_dir();
    state = 0x9e3779b97f4a7c15u;
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct run r = compile_generated(i % 4);

        ck_assert_msg(r.ok == (r.diags.errors == 0), "round %u: %s", i, r.text);
        if (r.ok)
            good[i % 4]++;
        else
            bad[i % 4]++;
        run_fini(&r);
        if (i == WARM_UP)
            before = resident_kib();
    }
    if (!is_sanitized())
        ck_assert_int_le(resident_kib(), before + SLACK_KIB);
    for (unsigned form = 0; form < 4; form++) {
        ck_assert_uint_gt(good[form], ROUNDS / 100);
        ck_assert_uint_gt(bad[form], ROUNDS / 100);
    }
    remove_file(dir, "c.json");
    remove_file(dir, "c.yaml");
    remove_file(dir, "c.ini");
    remove_dir(dir);
}
END_TEST

static Suite *
make_suite(void)
{
    Suite *suite = suite_create("gn_compile");
    TCase *tc = tcase_create("many");

    tcase_set_timeout(tc, 300);
    tcase_add_test(tc, constant_memory);
    suite_add_tcase(suite, tc);
    return suite;
}

CONFIG_TEST_MAIN(make_suite)
