#include "config_support.h"

static char *dir;

static void
setup(void)
{
    dir = make_dir();
}

static void
teardown(void)
{
    remove_file(dir, "a.ini");
    remove_dir(dir);
}

static struct run
compile_ini(const char *text, const char *server)
{
    const char *words[] = {"--paste", "a.ini", "--paste-server", server, NULL};

    put_file(dir, "a.ini", text);
    if (server == NULL)
        words[2] = NULL;
    return compile_in(dir, words, NULL, NULL);
}

/* Values that one [server:main] gives, as configparser and PasteDeploy read it. */
static const struct {
    const char *text;
    enum gn_setting_id id;
    const char *want; /* printed; "!..." is in the messages */
} rows[] = {
    {"[server:main]\nworkers = 3\n", GN_S_WORKERS, "3"},
    {"[server:main]\nworkers=3", GN_S_WORKERS, "3"},
    {"[server:main]\r\nworkers : 3\r\n", GN_S_WORKERS, "3"},
    {"\xef\xbb\xbf[server:main]\nworkers = 3\n", GN_S_WORKERS, "3"},
    {"# a\n; b\n\n[server:main]\n  ; c\nWORKERS = 3\n", GN_S_WORKERS, "3"},
    {"[server:main] ; text behind\nworkers = 3\n", GN_S_WORKERS, "3"},
    {"[server:main]\nuse = egg:gunicorn#main\nworkers = 3\n", GN_S_WORKERS, "3"},
    {"[server:main]\nuse = egg:gunicorn\nworkers = 3\n", GN_S_WORKERS, "3"},
    {"[server:main]\nuse = egg:waitress#main\n", GN_S_WORKERS,
     "!a.ini:2: error: use: not a section for gunicorn: 'egg:waitress#main'"},
    {"[server:main]\nuse = egg:gunicorn#main\nproc_name = a ; b # c\n", GN_S_PROC_NAME,
     "a ; b # c"},
    {"[server:main]\nproc_name = a = b : c\n", GN_S_PROC_NAME, "a = b : c"},
    {"[server:main]\nproc_name =\n", GN_S_PROC_NAME, ""},
    {"[server:main]\nproc_name = a\n  b\n\n  # comment\n  c\n\n\n", GN_S_PROC_NAME, "a\nb\n\nc"},
    {"[server:main]\n proc_name = a\n workers = 2\n", GN_S_PROC_NAME, "a"},
    {"[server:main]\nproc_name = 100%%\n", GN_S_PROC_NAME, "100%"},
    {"[server:main]\nx = 1\n", GN_S_WORKERS, "!a.ini:2: error: No configuration setting for: x"},
    {"[server:main]\nworker-class = sync\n", GN_S_WORKERS, "!hint: did you mean `worker_class`?"},
    {"[server:main]\nworkers = x\n", GN_S_WORKERS,
     "!a.ini:2: error: workers: not a whole number: 'x'"},
    {"[server:main]\nworkers = 0017\n", GN_S_WORKERS,
     "!a.ini:2: error: workers: not a whole number: '0017'"},
    {"[server:main]\nworkers = 0x10\n", GN_S_WORKERS, "16"},
    {"[server:main]\numask = 022\n", GN_S_UMASK, "18"},
    {"[server:main]\ndaemon = TRUE\n", GN_S_DAEMON, "True"},
    {"[server:main]\ndaemon = yes\n", GN_S_DAEMON, "!a.ini:2: error: daemon: Invalid boolean: yes"},
    {"[server:main]\nhost = h\nport = 80\nbind = other:1\n", GN_S_BIND, "['h:80']"},
    {"[server:main]\nhost = h,g:2\n", GN_S_BIND, "['h', 'g:2']"},
    {"[server:main]\nbind = h:1\n", GN_S_BIND, "['h:1']"},
    {"[server:main]\nport = 80\n", GN_S_BIND, "['127.0.0.1:8000']"},
    {"[DEFAULT]\nworkers = 9\n[server:main]\nthreads = 2\n", GN_S_WORKERS, "1"},
    {"[DEFAULT]\nn = 9\n[server:main]\nworkers = %(n)s\n", GN_S_WORKERS, "9"},
    {"[DEFAULT]\nn = %(m)s\nm = 8\n[server:main]\nworkers = %(n)s\n", GN_S_WORKERS, "8"},
    {"[DEFAULT]\nn = 9\n[server:main]\nn2 = 1\nworkers = %(n)s\n", GN_S_WORKERS,
     "!a.ini:4: error: No configuration setting for: n2"},
    {"[server:main]\nworkers = %(nope)s\n", GN_S_WORKERS,
     "!a.ini:2: error: workers: there is no 'nope' for %(nope)s"},
    {"[server:main]\nproc_name = %(proc_name)s\n", GN_S_PROC_NAME,
     "!a.ini:2: error: proc_name: interpolation goes too deep"},
    {"[server:main]\nproc_name = 5%\n", GN_S_PROC_NAME,
     "!a.ini:2: error: proc_name: '%' must be followed by '%' or '(NAME)s'"},
    {"[server:main]\nproc_name = %(here)\n", GN_S_PROC_NAME,
     "!a.ini:2: error: proc_name: '%' must be followed"},
    {"[server:main]\nworkers = 1\nworkers = 2\n", GN_S_WORKERS,
     "!a.ini:3: error: 'workers' stands twice in [server:main]"},
    {"[server:main]\nset debug = x\nworkers = 2\n", GN_S_WORKERS, "2"},
    {"[server:main]\nset debug = %(nope)s\nworkers = 2\n", GN_S_WORKERS,
     "!a.ini:2: error: set debug: there is no 'nope' for %(nope)s [GC303]"},
    {"[DEFAULT]\ny = 1\n[server:main]\nget home = y\n", GN_S_WORKERS,
     "!a.ini:4: error: No configuration setting for: home [GC304]"},
    {"[server:main]\nworkers = 2\nget threads = y\n", GN_S_WORKERS,
     "!a.ini:3: error: get threads: there is no global variable 'y' [GC310]\n  hint: `get` takes"},
    {"[server:main]\ny = 1\nget workers = y\n", GN_S_WORKERS, "!there is no global variable 'y'"},
    {"[server:main]\nget workers =\n", GN_S_WORKERS, "!there is no global variable ''"},
    {"[server:main]\nget = x\n", GN_S_WORKERS, "!No configuration setting for: get"},
    {"[server:main]\nget workers = %(z)s\n", GN_S_WORKERS, "!get workers: there is no 'z'"},
    {"[DEFAULT]\ny = 4\n[server:main]\nget workers = y\n", GN_S_WORKERS, "4"},
    {"[DEFAULT]\ny = 4\n[server:main]\nget  WORKERS : y\n", GN_S_WORKERS, "4"},
    {"[DEFAULT]\nworkers = 4\n[server:main]\nget workers = workers\n", GN_S_WORKERS, "4"},
    {"[DEFAULT]\ny = 4\n[server:main]\nget workers = y\nworkers = 2\n", GN_S_WORKERS, "4"},
    {"[DEFAULT]\ny = 4\nz = y\n[server:main]\nget workers = %(z)s\n", GN_S_WORKERS, "4"},
    {"[DEFAULT]\ny = %(z)s\nz = 4\n[server:main]\nget workers = y\n", GN_S_WORKERS, "4"},
    {"[DEFAULT]\ny = %(z)s\nz =\n[server:main]\nget proc_name = y\n", GN_S_PROC_NAME, "%(z)s"},
    {"[DEFAULT]\ny = %(z)s\n[server:main]\nget workers = y\n", GN_S_WORKERS,
     "!a.ini:2: error: y: there is no 'z' for %(z)s"},
    {"[DEFAULT]\ny = 4\n[server:main]\nget workers = y\nset y = 5\n", GN_S_WORKERS, "5"},
    {"[DEFAULT]\nset y = %(n)s\n[server:main]\nget workers = y\nn = 1\n", GN_S_WORKERS,
     "!a.ini:5: error: No configuration setting for: n"},
    {"[DEFAULT]\nset y = 6\nget workers = y\n[server:main]\n", GN_S_WORKERS, "6"},
    {"[DEFAULT]\nset y = 6\n[server:main]\nset y = 7\nget workers = y\n", GN_S_WORKERS, "7"},
    {"[DEFAULT]\ny = 4\n[server:main]\nget workers = y\nget workers = y\n", GN_S_WORKERS,
     "!a.ini:5: error: 'get workers' stands twice in [server:main]"},
    {"[DEFAULT]\ny = 4\n[server:main]\nget workers = nosuch\nget  workers = y\n", GN_S_WORKERS,
     "4"},
    {"[DEFAULT]\nh = g\n[server:main]\nget host = h\nport = 8\n", GN_S_BIND, "['g:8']"},
    {"[DEFAULT]\ny = x\n[server:main]\nget workers = y\n", GN_S_WORKERS,
     "!a.ini:4: error: workers: not a whole number: 'x'"},
    {"[DEFAULT]\nu = egg:waitress#main\n[server:main]\nget use = u\n", GN_S_WORKERS,
     "!a.ini:4: error: use: not a section for gunicorn: 'egg:waitress#main'"},
    {"workers = 2\n[server:main]\n", GN_S_WORKERS,
     "!a.ini:1: error: an entry before the first [section]"},
    {"[server:main]\nworkers = 2\nwords\n", GN_S_WORKERS,
     "!a.ini:3: error: neither a [section] nor NAME = VALUE"},
    {"[server:main]\nworkers = 2\n= 3\n", GN_S_WORKERS,
     "!a.ini:3: error: neither a [section] nor NAME = VALUE"},
    {"[server:other]\nworkers = 2\n", GN_S_WORKERS,
     "!a.ini: error: there is no section [server:main] [GC306]\n  hint: line 1 has [server:other]"},
    {"", GN_S_WORKERS, "!there is no section [server:main]"},
    {"[server:main]\n", GN_S_WORKERS, "1"},
    {"[server:main]\nworkers = 2\n[x]\n[server:main]\nthreads = 2\n", GN_S_WORKERS,
     "!a.ini:4: error: [server:main] stands twice, first in line 1"},
    {"[x]\n[x]\n[server:main]\n", GN_S_WORKERS, "!a.ini:2: error: [x] stands twice"},
    {"[DEFAULT]\na = 2\n[server:main]\nworkers = %(a)s\n[DEFAULT]\nb = 1\n", GN_S_WORKERS, "2"},
    {"[app:main]\nworkers = 5\n[server:main]\nworkers = 2\n[app:x]\nworkers = 7\n", GN_S_WORKERS,
     "2"},
    {"[server:main\nworkers = 2\n", GN_S_WORKERS, "!a.ini:1: error: an entry before"},
};

START_TEST(entries)
{
    struct run r = compile_ini(rows[_i].text, "main");

    if (rows[_i].want[0] == '!') {
        ck_assert_int_eq(gn_diags_exit_status(&r.diags), 1);
        ck_assert_msg(strstr(r.text, rows[_i].want + 1) != NULL, "said: %s", r.text);
    } else {
        char *text;

        ck_assert_msg(r.ok, "said: %s", r.text);
        text = printed(r.compiled.frozen, rows[_i].id);
        ck_assert_str_eq(text, rows[_i].want);
        free(text);
    }
    run_fini(&r);
}
END_TEST

/* inih cuts at 200 bytes and keeps 50 of a name; nothing of that may be seen. */
START_TEST(long_texts)
{
    char text[4000], value[2001], *got;
    struct run r;

    memset(value, 'v', 2000);
    value[2000] = '\0';
    snprintf(text, sizeof(text),
             "[composite:%.100s]\nx = 1\n[server:main]\nproc_name = %s\nworkers = 4\n", value,
             value);
    r = compile_ini(text, "main");
    ck_assert_msg(r.ok, "said: %s", r.text);
    got = printed(r.compiled.frozen, GN_S_PROC_NAME);
    ck_assert_str_eq(got, value);
    ck_assert_int_eq(r.compiled.frozen->cfg.workers, 4);
    ck_assert_int_eq(r.compiled.frozen->chosen[GN_S_WORKERS]->origin.line, 5);
    free(got);
    run_fini(&r);
}
END_TEST

/* Variables of --paste-global: before [DEFAULT] for `get`, behind it for %(NAME)s. */
static const struct {
    const char *text, *first, *second;
    const char *want; /* of proc_name */
} global_rows[] = {
    {"get proc_name = v", "v=a", "w=b", "a"},
    {"get proc_name = v", "v=a", "v=b", "b"},
    {"get proc_name = v", "v", "w=", ""},
    {"get proc_name = v", "v=a=%(w)s", "w=b", "a=%(w)s"},
    {"get proc_name = d", "d=a", "w=b", "a"},
    {"get proc_name = d", "v=a", "w=b", "default"},
    {"set v = s\nget proc_name = v", "v=a", "w=b", "s"},
    {"set v = %(v)s+\nget proc_name = v", "v=a", "w=b", "a+"},
    {"proc_name = %(v)s", "v=a%(w)s", "w=b", "ab"},
    {"proc_name = %(d)s", "d=a", "w=b", "default"},
    {"get proc_name = here", "here=a", "w=b", "a"},
};

START_TEST(global_variables)
{
    const char *words[] = {"--paste",
                           "a.ini",
                           "--paste-server",
                           "main",
                           "--paste-global",
                           global_rows[_i].first,
                           "--paste-global",
                           global_rows[_i].second,
                           NULL};
    char text[200], *got;
    struct run r;

    snprintf(text, sizeof(text), "[DEFAULT]\nd = default\n[server:main]\n%s\n",
             global_rows[_i].text);
    put_file(dir, "a.ini", text);
    r = compile_in(dir, words, NULL, NULL);
    ck_assert_msg(r.ok, "said: %s", r.text);
    got = printed(r.compiled.frozen, GN_S_PROC_NAME);
    ck_assert_str_eq(got, global_rows[_i].want);
    free(got);
    run_fini(&r);
}
END_TEST

START_TEST(here_and_file)
{
    struct run r = compile_ini("[server:main]\npidfile = %(here)s/p\nerrorlog = %(__file__)s\n"
                               "get proc_name = __file__\nget chdir = here\n",
                               "main");
    char want[4200];

    ck_assert_msg(r.ok, "said: %s", r.text);
    snprintf(want, sizeof(want), "%s/p", dir);
    ck_assert_str_eq(r.compiled.frozen->cfg.pidfile, want);
    snprintf(want, sizeof(want), "%s/a.ini", dir);
    ck_assert_str_eq(r.compiled.frozen->cfg.errorlog, want);
    ck_assert_str_eq(r.compiled.frozen->cfg.proc_name, want);
    ck_assert_str_eq(r.compiled.frozen->cfg.chdir, dir);
    ck_assert_str_eq(r.compiled.frozen->cfg.default_proc_name, want);
    run_fini(&r);
}
END_TEST

START_TEST(not_without_name)
{
    struct run r = compile_ini("[server:main]\nworkers = 7\n[loggers]\nkeys = root\n", NULL);
    char want[4200];

    ck_assert_msg(r.ok, "said: %s", r.text);
    ck_assert_int_eq(r.compiled.frozen->cfg.workers, 1);
    ck_assert_ptr_nonnull(strstr(r.text, "a.ini:1: warning: [server:main] is not used with --paste "
                                         "alone; --paste-server main compiles it [GC309]\n"));
    snprintf(want, sizeof(want), "%s/a.ini", dir);
    ck_assert_str_eq(r.compiled.frozen->cfg.logconfig, want);
    run_fini(&r);
}
END_TEST

START_TEST(missing_file)
{
    const char *words[] = {"--paste", "nosuch.ini#x", NULL};
    struct run r = compile_in(dir, words, NULL, NULL);

    ck_assert_int_eq(gn_diags_exit_status(&r.diags), 1);
    ck_assert_ptr_nonnull(strstr(r.text, "command line: word 1 (--paste): error: paste: '"));
    ck_assert_ptr_nonnull(strstr(r.text, "/nosuch.ini' not found [GC307]\n"));
    run_fini(&r);
}
END_TEST

START_TEST(name_without_file)
{
    const char *words[] = {"--paste-server", "main", "app", NULL};
    struct run r = compile_in(dir, words, NULL, NULL);

    ck_assert_int_eq(gn_diags_exit_status(&r.diags), 1);
    ck_assert_ptr_nonnull(strstr(r.text, "there is no file to read [server:main] from"));
    run_fini(&r);
}
END_TEST

static Suite *
make_suite(void)
{
    Suite *suite = suite_create("gn_from_ini");
    TCase *tc = tcase_create("files");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, entries, 0, (int)GN_ARRAY_LEN(rows));
    tcase_add_loop_test(tc, global_variables, 0, (int)GN_ARRAY_LEN(global_rows));
    tcase_add_test(tc, long_texts);
    tcase_add_test(tc, here_and_file);
    tcase_add_test(tc, not_without_name);
    tcase_add_test(tc, missing_file);
    tcase_add_test(tc, name_without_file);
    suite_add_tcase(suite, tc);
    return suite;
}

CONFIG_TEST_MAIN(make_suite)
