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
    remove_file(dir, "c.yaml");
    remove_file(dir, "c.json");
    remove_dir(dir);
}

static struct run
compile_bytes(const char *name, const char *bytes, size_t n, struct fake_host *host)
{
    const char *words[] = {"-c", name, "app", NULL};
    char path[4200];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(bytes, 1, n, f), n);
    fclose(f);
    return compile_in(dir, words, NULL, host);
}

struct row {
    const char *text;
    enum gn_setting_id id;
    const char *want; /* printed; "!..." is in the messages */
};

static const struct row yaml_rows[] = {
    {"workers: 3\n", GN_S_WORKERS, "3"},
    {"", GN_S_WORKERS, "1"},
    {"# nothing\n", GN_S_WORKERS, "1"},
    {"---\n...\n", GN_S_WORKERS, "1"},
    {"{}\n", GN_S_WORKERS, "1"},
    {"%YAML 1.2\n---\nworkers: 3\n...\n", GN_S_WORKERS, "3"},
    {"\xef\xbb\xbfworkers: 3\r\nthreads: 1\r\n", GN_S_WORKERS, "3"},
    {"{\"workers\": 3, 'threads': 2}", GN_S_THREADS, "2"},
    {"workers: +3\n", GN_S_WORKERS, "3"},
    {"workers: 0x10\n", GN_S_WORKERS, "16"},
    {"umask: 0o22\n", GN_S_UMASK, "18"},
    {"umask: \"022\"\n", GN_S_UMASK, "18"},
    {"umask: 022\n", GN_S_UMASK,
     "!c.yaml:1:8: error: 022 is octal in YAML 1.1 and decimal in YAML 1.2 [GC413]\n"
     "  hint: write 0o22 or"},
    {"proc_name: 007\n", GN_S_PROC_NAME, "!c.yaml:1:12: error: 007 is octal"},
    {"workers: 0\n", GN_S_WORKERS, "0"},
    {"workers: \"4\"\n", GN_S_WORKERS,
     "!c.yaml:1:10: error: workers: must be a whole number, not the text '4' [GC116]\n"
     "  hint: write it without quotes"},
    {"workers: true\n", GN_S_WORKERS, "!must be a whole number, not true"},
    {"workers: 1.5\n", GN_S_WORKERS, "!must be a whole number, not the number 1.5"},
    {"workers: 1_000\n", GN_S_WORKERS, "!must be a whole number, not the text '1_000'"},
    {"workers: 4:30\n", GN_S_WORKERS, "!must be a whole number, not the text '4:30'"},
    {"workers:\n", GN_S_WORKERS, "!c.yaml:1:9: error: workers: must be a whole number, not null"},
    {"workers: [1]\n", GN_S_WORKERS, "!must be a whole number, not a list"},
    {"workers: -1\n", GN_S_WORKERS, "!c.yaml:1:10: error: workers: Value must be positive: -1"},
    {"workers: 99999999999999999999\n", GN_S_WORKERS,
     "!workers: the number is too large: 99999999999999999999"},
    {"workers: 0xffffffffffffffffff\n", GN_S_WORKERS, "!c.yaml:1:10: error: the number is too"},
    {"daemon: true\n", GN_S_DAEMON, "True"},
    {"daemon: FALSE\n", GN_S_DAEMON, "False"},
    {"daemon: yes\n", GN_S_DAEMON, "!daemon: must be true or false, not the text 'yes'"},
    {"daemon: on\n", GN_S_DAEMON, "!daemon: must be true or false, not the text 'on'"},
    {"daemon: \"true\"\n", GN_S_DAEMON,
     "!not the text 'true' [GC116]\n  hint: write it without quotes"},
    {"daemon: !!bool \"true\"\n", GN_S_DAEMON, "True"},
    {"daemon: 1\n", GN_S_DAEMON, "!daemon: must be true or false, not the number 1"},
    {"sendfile: ~\n", GN_S_SENDFILE, "None"},
    {"proc_name: yes\n", GN_S_PROC_NAME, "yes"},
    {"proc_name: 'null'\n", GN_S_PROC_NAME, "null"},
    {"proc_name: null\n", GN_S_PROC_NAME, "None"},
    {"proc_name: !!str 5\n", GN_S_PROC_NAME, "5"},
    {"proc_name: ! 5\n", GN_S_PROC_NAME, "5"},
    {"proc_name: 5\n", GN_S_PROC_NAME,
     "!c.yaml:1:12: error: proc_name: must be a text, not the number 5 [GC116]\n  hint: write it "
     "in"},
    {"proc_name: !x a\n", GN_S_PROC_NAME, "!c.yaml:1:12: error: the tag '!x' doesn't fit"},
    {"bind: !x [a]\n", GN_S_BIND, "!c.yaml:1:7: error: the tag '!x' is not known"},
    {"proc_name: >-\n  a\n  b\n", GN_S_PROC_NAME, "a b"},
    {"proc_name: \"\\u00e4 \\\"\"\n", GN_S_PROC_NAME, "\xc3\xa4 \""},
    {"proc_name: \"a\\0b\"\n", GN_S_PROC_NAME, "!a text must not hold a NUL byte"},
    {"bind: a:1\n", GN_S_BIND, "['a:1']"},
    {"bind:\n- a:1\n- unix:/b\n", GN_S_BIND, "['a:1', 'unix:/b']"},
    {"bind: 8000\n", GN_S_BIND, "!must be a text or a list of texts, not the number 8000"},
    {"bind:\n  - a:1\n  - 80\n", GN_S_BIND,
     "!c.yaml:3:5: error: bind: the items of the list must be texts"},
    {"bind: {a: 1}\n", GN_S_BIND, "!must be a text or a list of texts, not a mapping"},
    {"forwarded_allow_ips: [127.0.0.1, \"::1\"]\n", GN_S_FORWARDED_ALLOW_IPS,
     "['127.0.0.1', '::1']"},
    {"forwarded_allow_ips: 10.0.0.1,10.0.0.2\n", GN_S_FORWARDED_ALLOW_IPS,
     "['10.0.0.1', '10.0.0.2']"},
    {"forwarded_allow_ips: [x]\n", GN_S_FORWARDED_ALLOW_IPS, "!c.yaml:1:22: error: forwarded_all"},
    {"secure_scheme_headers: {X-A: b}\n", GN_S_SECURE_SCHEME_HEADERS, "{'X-A': 'b'}"},
    {"secure_scheme_headers: [a]\n", GN_S_SECURE_SCHEME_HEADERS, "!must be a mapping, not a list"},
    {"logconfig_dict: {a: 1, b: 1.5, c: .5e1, d: [~, {e: false}], f: -.inf}\n", GN_S_LOGCONFIG_DICT,
     "{'a': 1, 'b': 1.5, 'c': 5.0, 'd': [None, {'e': False}], 'f': -inf}"},
    {"logconfig_dict: {a: 1, b: 2, a: 3}\n", GN_S_LOGCONFIG_DICT,
     "!c.yaml:1:30: error: 'a' stands twice, first in line 1"},
    {"logconfig_dict: {1: a}\n", GN_S_LOGCONFIG_DICT,
     "!c.yaml:1:18: error: the name of an entry must be a text [GC414]\n  hint: write it in "
     "quotes"},
    {"logconfig_dict: {<<: {}}\n", GN_S_LOGCONFIG_DICT, "!c.yaml:1:18: error: merge keys"},
    {"workers: 3\nthreads: 2\nworkers: 4\n", GN_S_WORKERS,
     "!c.yaml:3:1: error: 'workers' stands twice, first in line 1"},
    {"worker: 3\n", GN_S_WORKERS,
     "!c.yaml:1:1: error: no setting has the name 'worker' [GC406]\n  hint: did you mean "
     "`workers`?"},
    {"\n  preload: true\n", GN_S_WORKERS, "!c.yaml:2:3: error: no setting has the name 'preload'"},
    {"pidfile: &p /a\nproc_name: *p\n", GN_S_PROC_NAME, "/a"},
    {"raw_env: &p [A=1]\nraw_paste_global_conf: *p\n", GN_S_RAW_PASTE_GLOBAL_CONF, "['A=1']"},
    {"proc_name: *p\n", GN_S_PROC_NAME, "!c.yaml:1:12: error: there is no value with the anchor"},
    {"bind: &p [*p]\n", GN_S_BIND, "!c.yaml:1:11: error: there is no value with the anchor &p"},
    {"workers: 3\n--- {}\n", GN_S_WORKERS, "!c.yaml:2:1: error: a second document"},
    {"- workers\n", GN_S_WORKERS, "!c.yaml:1:1: error: not a mapping of settings to values"},
    {"workers\n", GN_S_WORKERS, "!c.yaml:1:1: error: not a mapping of settings to values"},
    {"workers: [3\n", GN_S_WORKERS, "!c.yaml:2:1: error: not YAML: did not find expected"},
    {"workers:\n\tthreads: 2\n", GN_S_WORKERS,
     "!c.yaml:2:1: error: not YAML: found character that cannot start any token, while scanning "
     "for the next token [GC409]\n  hint: indent with spaces, not with tabs"},
    {"workers: 3\nproc_name: a\xff\n", GN_S_WORKERS,
     "!c.yaml:2:13: error: the byte 0xff is no UTF-8"},
    {"proc_name: \xed\xa0\x80\n", GN_S_WORKERS, "!c.yaml:1:12: error: the byte 0xed is no UTF-8"},
    {"proc_name: \xc3\xa4\xc3\xa4\nworkers: x\n", GN_S_WORKERS, "!c.yaml:2:10: error: workers"},
    {"pre_fork: hooks:one\n", GN_S_PRE_FORK,
     "!must have an arity of: 2 [GC114]\n  hint: f1 takes 1"},
    {"on_starting: hooks:one\n", GN_S_ON_STARTING, "<f1()>"},
    {"on_starting: hooks.one\n", GN_S_ON_STARTING, "<f1()>"},
    {"on_starting: null\n", GN_S_ON_STARTING, "!must be a text such as module:function, not null"},
    {"worker_class: a.b:C\n", GN_S_WORKER_CLASS, "a.b.C"},
    {"worker_class: egg:a#b\n", GN_S_WORKER_CLASS, "egg:a#b"},
};

static const struct row json_rows[] = {
    {"{\"workers\": 3}", GN_S_WORKERS, "3"},
    {"\xef\xbb\xbf {}\r\n", GN_S_WORKERS, "1"},
    {"{\"bind\": [\"a:1\", \"b:2\"]}", GN_S_BIND, "['a:1', 'b:2']"},
    {"{\"proc_name\": \"\\u00e4\\ud83d\\ude00\\\\\"}", GN_S_PROC_NAME,
     "\xc3\xa4\xf0\x9f\x98\x80\\"},
    {"{\"proc_name\": null}", GN_S_PROC_NAME, "None"},
    {"{\"daemon\": true}", GN_S_DAEMON, "True"},
    {"{\"daemon\": \"true\"}", GN_S_DAEMON, "!c.json:1:12: error: daemon: must be true or false"},
    {"{\"umask\": \"0022\"}", GN_S_UMASK, "18"},
    {"{\"logconfig_dict\": {\"a\": [1, -0, 2.5, 1E+2, null, false], \"b\": {}}}",
     GN_S_LOGCONFIG_DICT, "{'a': [1, 0, 2.5, 100.0, None, False], 'b': {}}"},
    {"{\"logconfig_dict\": {\"a\": 9007199254740993, \"b\": 12345678901234567890}}",
     GN_S_LOGCONFIG_DICT, "{'a': 9007199254740993, 'b': 12345678901234567890}"},
    {"{\"logconfig_dict\": {\"a\": 1,\n \"a\": 2}}", GN_S_LOGCONFIG_DICT,
     "!c.json:2:2: error: 'a' stands twice, first in line 1"},
    {"{\"workers\": 3,\n\"workers\": 4}", GN_S_WORKERS,
     "!c.json:2:1: error: 'workers' stands twice, first in line 1"},
    {"{\n  \"workers\": \"x\"\n}", GN_S_WORKERS,
     "!c.json:2:14: error: workers: must be a whole number, not the text 'x'"},
    {"{\"\xc3\xa4\": 1, \"workers\": -1}", GN_S_WORKERS,
     "!c.json:1:21: error: workers: Value must be positive: -1"},
    {"{\"WORKERS\": 1}", GN_S_WORKERS,
     "!c.json:1:2: error: no setting has the name 'WORKERS' [GC406]\n  hint: did you mean "
     "`workers`?"},
    {"{\"bind\": [\"a\", 5]}", GN_S_BIND, "!c.json:1:16: error: bind: the items of the list"},
    {"", GN_S_WORKERS, "!c.json:1:1: error: not JSON: the file ends too early"},
    {"{\"workers\": 3", GN_S_WORKERS, "!c.json:1:14: error: not JSON: the file ends too early"},
    {"[]", GN_S_WORKERS, "!c.json:1:1: error: not an object of settings and values"},
    {"{\"workers\": 03}", GN_S_WORKERS, "!c.json:1:13: error: not JSON: a number is written"},
    {"{\"workers\": +3}", GN_S_WORKERS, "!c.json:1:13: error: not JSON: "},
    {"{\"workers\": 3.}", GN_S_WORKERS, "!c.json:1:13: error: not JSON: a number is written"},
    {"{\"workers\": 1e999}", GN_S_WORKERS, "!c.json:1:13: error: the number is too large"},
    {"{\"workers\": 3,\n}", GN_S_WORKERS, "!c.json:2:1: error: not JSON: no comma may stand"},
    {"{\"bind\": [\"a\", ]}", GN_S_BIND, "!c.json:1:16: error: not JSON: no comma may stand"},
    {"{\"workers\": 3 // x\n}", GN_S_WORKERS, "!c.json:1:15: error: not JSON: there are no comm"},
    {"# x\n{}", GN_S_WORKERS, "!c.json:1:1: error: not JSON: there are no comments in JSON"},
    {"{'workers': 3}", GN_S_WORKERS, "!c.json:1:2: error: not JSON: texts stand in double quotes"},
    {"{\"workers\": 3} x", GN_S_WORKERS, "!c.json:1:16: error: not JSON: "},
    {"{\"workers\": yes}", GN_S_WORKERS, "!c.json:1:13: error: not JSON: neither a value nor"},
    {"{\"workers\" 3}", GN_S_WORKERS, "!c.json:1:12: error: not JSON: "},
    {"{\"workers\": 3 \"threads\": 2}", GN_S_WORKERS, "!c.json:1:15: error: not JSON: a comma"},
    {"{\"proc_name\": \"a\nb\"}", GN_S_WORKERS, "!c.json:1:17: error: not JSON: a control char"},
    {"{\"proc_name\": \"\\u0000\"}", GN_S_WORKERS, "!c.json:1:16: error: a text must not hold"},
    {"{\"proc_name\": \"\\\\u0000\"}", GN_S_PROC_NAME, "\\u0000"},
    {"{\"proc_name\": \"\\ud800\"}", GN_S_WORKERS, "!c.json:1:15: error: not JSON: a text that"},
    {"{\"proc_name\": \"abc}", GN_S_WORKERS, "!c.json:1:15: error: not JSON: a text that"},
    {"{\x01}", GN_S_WORKERS, "!c.json:1:2: error: not JSON: "},
    {"{\"proc_name\": \"\xff\"}", GN_S_WORKERS, "!c.json:1:16: error: the byte 0xff is no UTF-8"},
    {"{\"post_fork\": \"hooks:none\"}", GN_S_POST_FORK, "!c.json:1:15: error: post_fork: No modu"},
    {"{\"on_starting\": \"hooks:one\"}", GN_S_ON_STARTING, "<f1()>"},
};

static void
check_row(const struct row *row, const char *name)
{
    struct fake_host host = fake_host_init();
    struct run r = compile_bytes(name, row->text, strlen(row->text), &host);

    if (row->want[0] == '!') {
        ck_assert_int_eq(gn_diags_exit_status(&r.diags), 1);
        ck_assert_msg(strstr(r.text, row->want + 1) != NULL, "%s said: %s", row->text, r.text);
    } else {
        char *text;

        ck_assert_msg(r.ok, "%s said: %s", row->text, r.text);
        text = printed(r.compiled.frozen, row->id);
        ck_assert_str_eq(text, row->want);
        free(text);
    }
    ck_assert_int_eq(host.loads, 0);
    run_fini(&r);
}

START_TEST(yaml)
{
    check_row(&yaml_rows[_i], "c.yaml");
}
END_TEST

START_TEST(json)
{
    check_row(&json_rows[_i], "c.json");
}
END_TEST

/* Values, places, and no start of the language as long as nothing needs it. */
START_TEST(without_python)
{
    static const char text[] = "workers: 2\nworker_class: gthread\nbind:\n  - a:1\n";
    struct fake_host host = fake_host_init();
    struct run r = compile_bytes("c.yaml", text, strlen(text), &host);
    const struct gn_frozen_candidate *c;

    ck_assert_msg(r.ok, "said: %s", r.text);
    ck_assert_int_eq(host.starts, 0);
    c = r.compiled.frozen->chosen[GN_S_BIND];
    ck_assert_str_eq(c->origin.file, "c.yaml");
    ck_assert_int_eq(c->origin.line, 4);
    ck_assert_int_eq(c->origin.column, 3);
    ck_assert_int_eq(c->origin.layer, GN_LAYER_CONF);
    run_fini(&r);
}
END_TEST

START_TEST(nul_bytes)
{
    static const char yaml_text[] = "workers: 2\nproc_name: a\0b\n";
    static const char json_text[] = "{\"workers\": 2}\0";
    struct run r = compile_bytes("c.yaml", yaml_text, sizeof(yaml_text) - 1, NULL);

    ck_assert_ptr_nonnull(strstr(r.text, "c.yaml:2:13: error: a NUL byte has no place"));
    run_fini(&r);
    r = compile_bytes("c.json", json_text, sizeof(json_text) - 1, NULL);
    ck_assert_ptr_nonnull(strstr(r.text, "c.json:1:15: error: a NUL byte has no place"));
    run_fini(&r);
}
END_TEST

static char *
repeat(const char *head, const char *piece, size_t times, const char *end)
{
    size_t n = strlen(head) + times * strlen(piece) + strlen(end) + 1;
    char *text = malloc(n), *p = text;

    ck_assert_ptr_nonnull(text);
    p += snprintf(p, n, "%s", head);
    for (; times > 0; times--) {
        memcpy(p, piece, strlen(piece));
        p += strlen(piece);
    }
    snprintf(p, n - (size_t)(p - text), "%s", end);
    return text;
}

/* How large files and what they hold may get. */
static const struct {
    const char *name, *head, *piece;
    size_t times;
    const char *end;
    const char *want;
} bounds[] = {
    {"c.yaml", "logconfig_dict: {a: ", "[", 100, "", "c.yaml:1:52: error: lists and mappings"},
    {"c.yaml", "logconfig_dict: {a: ", "[", 500000, "", "nested deeper than 32 levels"},
    {"c.yaml", "logconfig_dict:\n", "- ", 40, "a\n", "nested deeper than 32 levels"},
    {"c.json", "{\"logconfig_dict\": ", "[", 100, "]", "not JSON"},
    {"c.json", "{\"logconfig_dict\": ", "{\"a\":", 200000, "",
     "c.json:1:180: error: lists and mappings are nested deeper than 32 levels [GC411]"},
    {"c.json", "{\"logconfig_dict\": ", "[", 998, "", "not JSON"},
    {"c.json", "{\"logconfig_dict\": ", "[", 999, "",
     "c.json:1:52: error: lists and mappings are nested deeper than 32 levels [GC411]"},
    {"c.json", "{\"bind\": [], \"logconfig_dict\": ", "[", 100000, "",
     "c.json:1:64: error: lists and mappings are nested deeper than 32 levels [GC411]"},
    {"c.json", "{\"logconfig_dict\": \"", "[", 2000, "", "not JSON"},
    {"c.yaml", "bind: [", "a,", 10001, "]", "c.yaml:1:20004: error: more than 10000 values"},
    {"c.yaml", "bind:\n", "- a\n", 10001, "", "c.yaml:10000:3: error: more than 10000 values"},
    {"c.json", "{\"bind\": [", "\"a\",", 10001, "\"a\"]}", "error: more than 10000 values"},
    {"c.yaml", "# ", "xxxxxxxx", 131072, "\n", "'c.yaml' can't be read: it is larger than 1 MiB"},
    {"c.json", "{}", "        ", 131072, "\n", "'c.json' can't be read: it is larger than 1 MiB"},
    {"c.yaml",
     "bind: &a [x,x,x,x,x,x,x,x,x]\nraw_env: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
     "dns_a: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\ndns_b: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
     "dns_c: [",
     "*d,", 1000, "]", "c.yaml:5:9: error: more than 10000 values, counting what aliases"},
    {"c.yaml", "a: &a [[[[[[[[[[[[[[[[[[[[x]]]]]]]]]]]]]]]]]]]]\nb: ", "[", 20,
     "*a]]]]]]]]]]]]]]]]]]]]", "c.yaml:2:24: error: lists and mappings are nested deeper"},
};

START_TEST(bounded)
{
    char *text = repeat(bounds[_i].head, bounds[_i].piece, bounds[_i].times, bounds[_i].end);
    struct run r = compile_bytes(bounds[_i].name, text, strlen(text), NULL);

    ck_assert_int_eq(gn_diags_exit_status(&r.diags), 1);
    ck_assert_msg(strstr(r.text, bounds[_i].want) != NULL, "said: %.400s", r.text);
    run_fini(&r);
    free(text);
}
END_TEST

/* Files within the bounds are read. */
START_TEST(large_enough)
{
    char *text = repeat("raw_env: [", "A=b,", 9000, "]\n");
    struct run r = compile_bytes("c.yaml", text, strlen(text), NULL);

    ck_assert_msg(r.ok, "said: %.400s", r.text);
    ck_assert_uint_eq(r.compiled.frozen->cfg.raw_env.n, 9000);
    run_fini(&r);
    free(text);
}
END_TEST

/* All problems of a file in one run, and stronger sources still win. */
START_TEST(together)
{
    static const char text[] = "workers: x\nwrong_name: 1\ntimeout: -1\ndaemon: maybe\n";
    const char *words[] = {"-c", "c.yaml", "-w", "7", "app", NULL};
    struct run r = compile_bytes("c.yaml", text, strlen(text), NULL);

    ck_assert_str_eq(
        r.text, "c.yaml:1:10: error: workers: must be a whole number, not the text 'x' [GC116]\n"
                "c.yaml:2:1: error: no setting has the name 'wrong_name' [GC406]\n"
                "c.yaml:3:10: error: timeout: Value must be positive: -1 [GC103]\n"
                "c.yaml:4:9: error: daemon: must be true or false, not the text 'maybe' [GC116]\n");
    run_fini(&r);
    put_file(dir, "c.yaml", "workers: 3\n");
    r = compile_in(dir, words, NULL, NULL);
    ck_assert_msg(r.ok, "said: %s", r.text);
    ck_assert_int_eq(r.compiled.frozen->cfg.workers, 7);
    ck_assert_int_eq(r.compiled.frozen->chosen[GN_S_WORKERS]->shadowed->origin.line, 1);
    run_fini(&r);
}
END_TEST

static Suite *
make_suite(void)
{
    Suite *suite = suite_create("gn_from_decl");
    TCase *tc = tcase_create("files");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, yaml, 0, (int)GN_ARRAY_LEN(yaml_rows));
    tcase_add_loop_test(tc, json, 0, (int)GN_ARRAY_LEN(json_rows));
    tcase_add_loop_test(tc, bounded, 0, (int)GN_ARRAY_LEN(bounds));
    tcase_add_test(tc, without_python);
    tcase_add_test(tc, nul_bytes);
    tcase_add_test(tc, large_enough);
    tcase_add_test(tc, together);
    suite_add_tcase(suite, tc);
    return suite;
}

CONFIG_TEST_MAIN(make_suite)
