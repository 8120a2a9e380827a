#include "config_support.h"

/* What a check finds out about the machine, and that only a check does so. */

enum depth { DEPTH_RUN, DEPTH_CHECK, DEPTH_VALUES, DEPTH_PRINT, DEPTH_READ, DEPTH_COUNT };

static const char *const depth_words[DEPTH_COUNT] = {
    [DEPTH_CHECK] = "--check-config",  [DEPTH_VALUES] = "--check-config=values",
    [DEPTH_PRINT] = "--print-config",  [DEPTH_READ] = "--print-config=json",
    [DEPTH_RUN] = "--no-check-config",
};

/* The directory of the test holds the file "file" and nothing else. */
static const struct {
    const char *words[3];
    const char *needle; /* of the message, or NULL: nothing to complain of */
} rows[] = {
    {{"--pid", "x.pid"}, NULL},
    {{"--pid", ""}, NULL},
    {{"--pid", "/x.pid"}, NULL},
    {{"--pid", "no/x.pid"}, "pidfile: directory"},
    {{"--pid", "file/x.pid"}, "is not a directory"},
    {{"--pid", "../."}, "is a directory"},
    {{"--access-logfile", "-"}, NULL},
    {{"--access-logfile", "no/x"}, "accesslog: directory"},
    {{"--error-logfile", "-"}, NULL},
    {{"--error-logfile", "no/x"}, "errorlog: directory"},
    {{"--worker-tmp-dir", "."}, NULL},
    {{"--worker-tmp-dir", "no"}, "worker_tmp_dir: directory"},
    {{"--worker-tmp-dir", "file"}, "is not a directory"},
    {{"--log-config", "file"}, NULL},
    {{"--log-config", "no"}, "logconfig: can't read"},
    {{"--log-config-json", "."}, "is a directory"},
    {{"--ca-certs", "file"}, "no certificates of authorities in "},
    {{"--ca-certs", "no"}, "ca_certs: can't read"},
    {{"--access-logformat", "%(h)s"}, NULL},
    {{"--access-logformat", "%(h"}, "access_log_format: "},
    {{"--bind", "fd://2"}, "descriptor 2 is not a "},
    {{"--bind", "fd://999"}, "descriptor 999 is not open"},
    {{"--bind", "127.0.0.1:0"}, NULL},
    {{"--bind", "192.0.2.1:0"}, "192.0.2.1:0: this machine does not have the address"},
    {{"--bind", "unix:x.sock"}, NULL},
    {{"--bind", "unix:file"}, "is not a socket"},
    {{"--bind", "unix:no/x.sock"}, "bind: directory"},
    {{"--bind", "unix:file/x.sock"}, "is not a directory"},
    {{"--ciphers", "NO-SUCH-NAME"}, "no cipher is left of 'NO-SUCH-NAME'"},
    {{"--cert-reqs", "2"}, NULL},
};

START_TEST(facts)
{
    size_t row = (size_t)_i / DEPTH_COUNT;
    enum depth depth = (enum depth)((size_t)_i % DEPTH_COUNT);
    const char *words[5] = {depth_words[depth]};
    bool looks = depth == DEPTH_CHECK;
    char *dir = make_dir();
    struct run r;

    for (size_t i = 0; i < 3 && rows[row].words[i] != NULL; i++)
        words[i + 1] = rows[row].words[i];
    put_file(dir, "file", "");
    r = compile_in(dir, words, NULL, NULL);
    if (looks && rows[row].needle != NULL) {
        ck_assert(!r.ok);
        ck_assert_msg(strstr(r.text, rows[row].needle) != NULL, "%s", r.text);
    } else {
        ck_assert_msg(r.ok, "%s", r.text);
    }
    run_fini(&r);
    remove_file(dir, "file");
    remove_dir(dir);
}
END_TEST

/* Certain to fail everywhere: refused at whatever depth. */
static const struct {
    const char *words[3];
    const char *needle; /* NULL: the highest value that is fine */
} limits[] = {
    {{"--umask", "0777"}, NULL},
    {{"--umask", "01000"}, "umask: 01000 is too large"},
    {{"--workers", "1024"}, NULL},
    {{"--workers", "1025"}, "workers: 1025 is too large"},
    {{"--user", "4294967294"}, NULL},
    {{"--user", "4294967295"}, "user: 4294967295 is too large"},
    {{"--group", "4294967295"}, "group: 4294967295 is too large"},
    {{"--env", "A="}, NULL},
    {{"--env", "=A"}, "raw_env: entry 1 has no name"},
    {{"--env", "="}, "raw_env: entry 1 has no name"},
};

START_TEST(range)
{
    size_t row = (size_t)_i / DEPTH_COUNT;
    const char *words[5] = {depth_words[(size_t)_i % DEPTH_COUNT], limits[row].words[0],
                            limits[row].words[1]};
    char *dir = make_dir();
    struct run r = compile_in(dir, words, NULL, NULL);

    ck_assert_int_eq(r.ok, limits[row].needle == NULL);
    if (limits[row].needle != NULL)
        ck_assert_msg(strstr(r.text, limits[row].needle) != NULL, "%s", r.text);
    run_fini(&r);
    remove_dir(dir);
}
END_TEST

/* Accounts, directories and files of another machine. */
START_TEST(values_only)
{
    static const char *const elsewhere[][2] = {
        {"--user", "no-such-user-here"},
        {"--group", "no-such-group-here"},
        {"--chdir", "no/such/place"},
        {"--reload-extra-file", "no/such/file"},
    };
    const char *words[] = {depth_words[DEPTH_VALUES], elsewhere[_i / 2][0], elsewhere[_i / 2][1],
                           NULL};
    char *dir = make_dir();
    struct run r;

    if (_i % 2 == 1)
        words[0] = depth_words[DEPTH_CHECK];
    r = compile_in(dir, words, NULL, NULL);
    ck_assert_msg(r.ok == (_i % 2 == 0), "%s", r.text);
    run_fini(&r);
    remove_dir(dir);
}
END_TEST

static Suite *
make_suite(void)
{
    Suite *suite = suite_create("gn_facts");
    TCase *tc = tcase_create("all");

    tcase_add_loop_test(tc, facts, 0, (int)GN_ARRAY_LEN(rows) * DEPTH_COUNT);
    tcase_add_loop_test(tc, range, 0, (int)GN_ARRAY_LEN(limits) * DEPTH_COUNT);
    tcase_add_loop_test(tc, values_only, 0, 8);
    suite_add_tcase(suite, tc);
    return suite;
}

CONFIG_TEST_MAIN(make_suite)
