#include "config/print.h"

#include <cjson/cJSON.h>

#include "config_support.h"

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

/* With `names` in a configuration file. */
static struct run
compile_both(const char *const *words, const char *const *env, const struct fake_name *names)
{
    host.names = names;
    if (names != NULL)
        put_file(dir, "gunicorn.conf.py", "");
    return compile_in(dir, words, env, &host);
}

/* The form as text; heap. */
static char *
form(const struct run *r, struct gn_cli_options options)
{
    struct gn_buf out = {0};

    ck_assert_msg(r->ok, "said: %s", r->text);
    ck_assert(gn_print_config(r->compiled.frozen, &options, &out));
    ck_assert(gn_buf_append(&out, "", 1));
    return out.data;
}

static void
assert_form(const struct run *r, struct gn_cli_options options, const char *want)
{
    char *text = form(r, options);

    ck_assert_str_eq(text, want);
    free(text);
}

static const struct gn_value three = V_INT(3), redis = V_STR("U=redis://u:pw@h/0"),
                             password = V_STR("PASSWORD=x");
static const struct gn_value *const env_items[] = {&redis, &password};
static const struct gn_value env_list = {.tag = GN_V_LIST, .list = {env_items, 2}};
static const struct fake_name file_names[] = {
    {"workers", &three, 3}, {"raw_env", &env_list, 4}, {"on_exit", &f1, 9}, {NULL, NULL, 0}};
static const char *const file_words[] = {"app:app", "-w", "5", "--threads", "2", NULL};
static const char *const file_env[] = {"WEB_CONCURRENCY=2", NULL};

START_TEST(origin)
{
    struct run r = compile_both(file_words, file_env, file_names);
    char digest[GN_DIGEST_BYTES], want[2000];

    ck_assert(gn_frozen_digest(r.compiled.frozen, digest));
    snprintf(want, sizeof(want),
             "# Configuration digest: %s\n"
             "default_proc_name = 'app:app'\n"
             "    from: command line (app:app)\n"
             "    overrides: 'gunicorn' (default)\n"
             "on_exit = <f1()>\n"
             "    from: configuration file gunicorn.conf.py:9:1\n"
             "    overrides: <OnExit.on_exit()> (default)\n"
             "raw_env = ['U=redis://u:********@h/0', 'PASSWORD=********']\n"
             "    from: configuration file gunicorn.conf.py:4:1\n"
             "    overrides: [] (default)\n"
             "threads = 2\n"
             "    from: command line word 4 (--threads)\n"
             "    overrides: 1 (default)\n"
             "workers = 5\n"
             "    from: command line word 2 (-w)\n"
             "    overrides: 3 (configuration file gunicorn.conf.py:3:1)\n"
             "    overrides: 2 (environment variable WEB_CONCURRENCY)\n"
             "    overrides: 1 (default)\n",
             digest);
    assert_form(&r, (struct gn_cli_options){.print_form = GN_PRINT_ORIGIN}, want);
    run_fini(&r);
}
END_TEST

START_TEST(origin_of_names)
{
    static const char *const asked[] = {"worker_class", "raw_env", "proc_name", NULL};
    struct run r = compile_both(file_words, file_env, file_names);
    struct gn_cli_options o = {
        .print_form = GN_PRINT_ORIGIN, .names = asked, .reveals_secrets = true};
    char *text = form(&r, o);

    ck_assert_str_eq(strchr(text, '\n') + 1, "proc_name = None\n"
                                             "    from: default\n"
                                             "    effective: 'app:app'\n"
                                             "raw_env = ['U=redis://u:pw@h/0', 'PASSWORD=x']\n"
                                             "    from: configuration file gunicorn.conf.py:4:1\n"
                                             "    overrides: [] (default)\n"
                                             "worker_class = 'sync'\n"
                                             "    from: default\n"
                                             "    effective: 'gthread'\n");
    free(text);
    run_fini(&r);
}
END_TEST

/* Every setting has its entry when all are asked for. */
START_TEST(origin_of_all)
{
    struct run r = compile_both(NULL, NULL, NULL);
    char *text =
        form(&r, (struct gn_cli_options){.print_form = GN_PRINT_ORIGIN, .prints_all = true});

    for (size_t i = 0; i < GN_SETTING_COUNT; i++) {
        char start[100];

        snprintf(start, sizeof(start), "\n%s = ", gn_settings[i].name);
        ck_assert_msg(strstr(text, start) != NULL, "%s", gn_settings[i].name);
    }
    free(text);
    run_fini(&r);
}
END_TEST

START_TEST(diff)
{
    struct run r = compile_both(file_words, file_env, file_names);

    assert_form(&r, (struct gn_cli_options){.print_form = GN_PRINT_DIFF},
                "default_proc_name: 'gunicorn' -> 'app:app' (command line (app:app))\n"
                "on_exit: <OnExit.on_exit()> -> <f1()> (gunicorn.conf.py:9:1)\n"
                "raw_env: [] -> ['U=redis://u:********@h/0', 'PASSWORD=********'] "
                "(gunicorn.conf.py:4:1)\n"
                "threads: 1 -> 2 (command line word 4 (--threads))\n"
                "workers: 1 -> 5 (command line word 2 (-w))\n");
    run_fini(&r);
}
END_TEST

/* What was set to the default is no difference. */
START_TEST(diff_of_nothing)
{
    const char *words[] = {"-w", "1", "--forwarded-allow-ips", "127.0.0.1,::1", NULL};
    struct run r = compile_both(words, NULL, NULL);

    assert_form(&r, (struct gn_cli_options){.print_form = GN_PRINT_DIFF}, "");
    assert_form(&r, (struct gn_cli_options){.print_form = GN_PRINT_YAML}, "{}\n");
    run_fini(&r);
}
END_TEST

static const struct gn_value t_plain = V_STR("web-1"), t_yes = V_STR("Yes"), t_number = V_STR("12"),
                             t_lines = V_STR("a\n\"b\\\x7f\xc3\xa9"), t_empty = V_STR(""),
                             t_key = V_STR("a b"), t_stray = V_STR("x\xff"),
                             t_statsd = V_STR("[::1]:9000"), t_hook = V_STR("hooks.one"),
                             t_ips = V_STR(" 10.0.0.1 , ::1"), t_sep = V_STR("a\xe2\x80\xa8z");
static const struct gn_value t_float = {.tag = GN_V_FLOAT, .f = 1e300};
static const struct gn_value *const t_items[] = {&t_lines, &t_float, &m_none, &m_true, &m_empty};
static const struct gn_value t_list = {.tag = GN_V_LIST, .list = {t_items, 5}};
static const struct gn_value_pair t_pairs[] = {{&t_key, &t_list}, {&t_plain, &t_empty}};
static const struct gn_value t_dict = {.tag = GN_V_DICT, .dict = {t_pairs, 2}};
static const struct gn_value_pair t_bad_pairs[] = {{&t_key, &m_bytes}};
static const struct gn_value t_bad_dict = {.tag = GN_V_DICT, .dict = {t_bad_pairs, 1}};
static const struct gn_value_pair t_int_pairs[] = {{&three, &t_key}};
static const struct gn_value t_int_dict = {.tag = GN_V_DICT, .dict = {t_int_pairs, 1}};

static const struct {
    const char *name;
    const struct gn_value *value;
    const char *yaml;
} yaml_rows[] = {
    {"proc_name", &t_plain, "proc_name: web-1\n"},
    {"proc_name", &t_yes, "proc_name: \"Yes\"\n"},
    {"proc_name", &t_number, "proc_name: \"12\"\n"},
    {"proc_name", &t_empty, "proc_name: \"\"\n"},
    {"proc_name", &t_lines, "proc_name: \"a\\n\\\"b\\\\\\u007f\xc3\xa9\"\n"},
    {"proc_name", &t_sep, "proc_name: \"a\\u2028z\"\n"},
    {"proc_name", &t_stray,
     "# proc_name: 'x\\udcff' (gunicorn.conf.py:7:1) holds text that is no UTF-8 and can't be "
     "written here\n{}\n"},
    {"on_exit", &f1,
     "# on_exit: <f1()> (gunicorn.conf.py:7:1) is a Python object and can't be written here\n{}\n"},
    {"on_exit", &t_hook, "on_exit: \"hooks.one\"\n"},
    {"statsd_host", &t_statsd, "statsd_host: \"[::1]:9000\"\n"},
    {"forwarded_allow_ips", &t_ips, "forwarded_allow_ips: \"10.0.0.1,::1\"\n"},
    {"forwarded_allow_ips", &t_empty, "forwarded_allow_ips: \"\"\n"},
    {"bind", &m_ab, "bind:\n  - a\n  - b\n"},
    {"sendfile", &m_false, "sendfile: false\n"},
    {"errorlog", &m_none, "errorlog: null\n"},
    {"workers", &m_1, "{}\n"},
    {"umask", &m_7, "umask: 7\n"},
    {"print_config", &m_true, "{}\n"},
    {"config", &t_plain, "{}\n"},
    {"logconfig_dict", &t_dict,
     "logconfig_dict:\n"
     "  \"a b\":\n"
     "    - \"a\\n\\\"b\\\\\\u007f\xc3\xa9\"\n"
     "    - 1.0e+300\n"
     "    - null\n"
     "    - true\n"
     "    - []\n"
     "  web-1: \"\"\n"},
    {"logconfig_dict", &t_bad_dict,
     "# logconfig_dict: {'a b': b'x'} (gunicorn.conf.py:7:1) holds bytes and can't be written "
     "here\n{}\n"},
    {"logconfig_dict", &t_int_dict,
     "# logconfig_dict: {3: 'a b'} (gunicorn.conf.py:7:1) has a key that is no text and can't be "
     "written here\n{}\n"},
    {"secure_scheme_headers", &m_dict, NULL},
};

START_TEST(yaml)
{
    const struct fake_name names[] = {{yaml_rows[_i].name, yaml_rows[_i].value, 7},
                                      {NULL, NULL, 0}};
    struct run r = compile_both(NULL, NULL, names);
    char *text = form(&r, (struct gn_cli_options){.print_form = GN_PRINT_YAML});

    if (yaml_rows[_i].yaml != NULL)
        ck_assert_str_eq(text, yaml_rows[_i].yaml);
    else
        ck_assert_int_eq(strncmp(text, yaml_rows[_i].name, strlen(yaml_rows[_i].name)), 0);
    free(text);
    run_fini(&r);
}
END_TEST

/* A default that a variable of the environment would replace is written. */
START_TEST(yaml_against_a_variable)
{
    const char *const words[] = {"-w", "1", NULL};
    struct run r = compile_both(words, file_env, NULL);

    assert_form(&r, (struct gn_cli_options){.print_form = GN_PRINT_YAML}, "workers: 1\n");
    run_fini(&r);
}
END_TEST

START_TEST(yaml_hides_secrets)
{
    static const char *const asked[] = {"raw_env", NULL};
    struct run r = compile_both(NULL, NULL, file_names);
    struct gn_cli_options o = {.print_form = GN_PRINT_YAML, .names = asked};

    assert_form(&r, o,
                "# raw_env: secrets are hidden; --reveal-secrets writes them\n"
                "raw_env:\n  - \"U=redis://u:********@h/0\"\n  - \"PASSWORD=********\"\n");
    o.reveals_secrets = true;
    assert_form(&r, o, "raw_env:\n  - \"U=redis://u:pw@h/0\"\n  - \"PASSWORD=x\"\n");
    run_fini(&r);
}
END_TEST

static cJSON *
parse(const struct run *r, struct gn_cli_options options)
{
    char *text;
    cJSON *top;

    options.print_form = GN_PRINT_JSON;
    text = form(r, options);
    top = cJSON_Parse(text);
    ck_assert_msg(top != NULL, "%s", text);
    free(text);
    return top;
}

static const cJSON *
path(const cJSON *at, const char *const *keys)
{
    for (; *keys != NULL; keys++) {
        at = **keys >= '0' && **keys <= '9' ? cJSON_GetArrayItem(at, **keys - '0')
                                            : cJSON_GetObjectItemCaseSensitive(at, *keys);
        ck_assert_msg(at != NULL, "%s", *keys);
    }
    return at;
}

static const struct {
    const char *keys[6];
    const char *want; /* as cJSON writes it */
} json_rows[] = {
    {{"application"}, "\"app:app\""},
    {{"settings", "workers", "kind"}, "\"nonneg_int\""},
    {{"settings", "workers", "section"}, "\"Worker Processes\""},
    {{"settings", "workers", "apply"}, "\"reload\""},
    {{"settings", "workers", "documentation"}, "\"doc/settings.md#workers\""},
    {{"settings", "workers", "default"}, "1"},
    {{"settings", "workers", "value"}, "5"},
    {{"settings", "workers", "effective"}, "5"},
    {{"settings", "workers", "source"}, "\"argv\""},
    {{"settings", "workers", "place"}, "{\"word\":2,\"text\":\"-w\"}"},
    {{"settings", "workers", "chain", "0", "value"}, "3"},
    {{"settings", "workers", "chain", "0", "source"}, "\"conf\""},
    {{"settings", "workers", "chain", "0", "place"},
     "{\"file\":\"gunicorn.conf.py\",\"line\":3,\"column\":1}"},
    {{"settings", "workers", "chain", "1", "source"}, "\"environment\""},
    {{"settings", "workers", "chain", "1", "place"}, "{\"variable\":\"WEB_CONCURRENCY\"}"},
    {{"settings", "workers", "chain", "2", "source"}, "\"default\""},
    {{"settings", "workers", "chain", "2", "place"}, "null"},
    {{"settings", "worker_class", "value"}, "\"sync\""},
    {{"settings", "worker_class", "effective"}, "\"gthread\""},
    {{"settings", "bind", "effective"}, "[\"http://127.0.0.1:8000\"]"},
    {{"settings", "sendfile", "value"}, "null"},
    {{"settings", "sendfile", "effective"}, "true"},
    {{"settings", "on_exit", "default"}, "null"},
    {{"settings", "on_exit", "value"}, "{\"type\":\"function\",\"module\":null,\"name\":\"f1\"}"},
    {{"settings", "on_reload", "value"}, "null"},
    {{"settings", "raw_env", "value"}, "[\"U=redis://u:********@h/0\",\"PASSWORD=********\"]"},
    {{"settings", "reload", "value"}, "false"},
    {{"settings", "statsd_host", "value"}, "[\"::1\",9000]"},
    {{"settings", "secure_scheme_headers", "value", "X-FORWARDED-SSL"}, "\"on\""},
};

START_TEST(json)
{
    const char *const words[] = {"app:app",       "-w",         "5", "--threads", "2",
                                 "--statsd-host", "[::1]:9000", NULL};
    struct run r = compile_both(words, file_env, file_names);
    cJSON *top = parse(&r, (struct gn_cli_options){0});
    char *text = cJSON_PrintUnformatted(path(top, json_rows[_i].keys));

    ck_assert_str_eq(text, json_rows[_i].want);
    cJSON_free(text);
    cJSON_Delete(top);
    run_fini(&r);
}
END_TEST

START_TEST(json_has_all)
{
    struct run r = compile_both(NULL, NULL, NULL);
    cJSON *top = parse(&r, (struct gn_cli_options){0});
    char digest[GN_DIGEST_BYTES];

    ck_assert(gn_frozen_digest(r.compiled.frozen, digest));
    ck_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(top, "digest")), digest);
    ck_assert(cJSON_IsNull(cJSON_GetObjectItem(top, "application")));
    ck_assert_int_eq(cJSON_GetArraySize(cJSON_GetObjectItem(top, "settings")), GN_SETTING_COUNT);
    cJSON_Delete(top);
    run_fini(&r);
}
END_TEST

/* Numbers that a double can't hold, texts that are no UTF-8. */
START_TEST(json_exact)
{
    static const char *const asked[] = {"logconfig_dict", "workers", NULL};
    static const struct gn_value big = V_INT(9007199254740993);
    static const struct gn_value_pair pairs[] = {{&t_stray, &t_stray}, {&three, &big}};
    static const struct gn_value dict = {.tag = GN_V_DICT, .dict = {pairs, 2}};
    const struct fake_name names[] = {{"logconfig_dict", &dict, 1}, {NULL, NULL, 0}};
    struct run r = compile_both(NULL, NULL, names);
    struct gn_cli_options o = {.print_form = GN_PRINT_JSON, .names = asked};
    char *text = form(&r, o);
    cJSON *top = cJSON_Parse(text);

    ck_assert_ptr_nonnull(strstr(text, "\"x\\udcff\""));
    ck_assert_ptr_nonnull(strstr(text, "9007199254740993"));
    ck_assert_int_eq(cJSON_GetArraySize(cJSON_GetObjectItem(top, "settings")), top != NULL ? 2 : 0);
    cJSON_Delete(top);
    free(text);
    run_fini(&r);
}
END_TEST

START_TEST(plain_is_the_table)
{
    struct run r = compile_both(file_words, file_env, file_names);
    struct gn_buf want = {0};

    ck_assert(gn_frozen_print(r.compiled.frozen, &want) && gn_buf_append(&want, "", 1));
    assert_form(&r, (struct gn_cli_options){0}, want.data);
    gn_buf_fini(&want);
    run_fini(&r);
}
END_TEST

static void
get_digest(const char *const *words, const struct fake_name *names, char out[GN_DIGEST_BYTES])
{
    struct run r = compile_both(words, NULL, names);

    ck_assert_msg(r.ok, "said: %s", r.text);
    ck_assert(gn_frozen_digest(r.compiled.frozen, out));
    ck_assert_int_eq((int)strspn(out, "0123456789abcdef"), GN_DIGEST_BYTES - 1);
    run_fini(&r);
}

/* Places, the order of flags and what is printed don't count; values do. */
START_TEST(digest)
{
    const char *const a[] = {"app", "-w", "2", "-n", "x", NULL};
    const char *const same[] = {"--print-config", "-n", "x", "--workers=2", "app", NULL};
    const char *const others[][8] = {{"app", "-w", "3", "-n", "x", NULL},
                                     {"app", "-w", "2", "-n", "y", NULL},
                                     {"app", "-w", "2", NULL},
                                     {"b", "-w", "2", "-n", "x", NULL},
                                     {"app", "-w", "2", "-n", "x", "-e", "A=1", NULL}};
    char first[GN_DIGEST_BYTES], second[GN_DIGEST_BYTES];

    get_digest(a, NULL, first);
    get_digest(same, NULL, second);
    ck_assert_str_eq(first, second);
    for (size_t i = 0; i < GN_ARRAY_LEN(others); i++) {
        get_digest(others[i], NULL, second);
        ck_assert_str_ne(first, second);
    }
}
END_TEST

/* The address of an object differs in every run and is no part of it; name and module are. */
START_TEST(digest_of_objects)
{
    struct gn_value_object objects[4];
    char digests[4][GN_DIGEST_BYTES];

    for (int i = 0; i < 4; i++) {
        const struct gn_value v = {.tag = GN_V_OBJECT, .obj = &objects[i]};
        const struct fake_name names[] = {{"on_exit", &v, 1}, {NULL, NULL, 0}};

        objects[i] = *f1.obj;
        objects[i].module = "m";
        objects[i].text = i == 1 ? "<function f1 at 0x2>" : "<function f1 at 0x1>";
        if (i == 2)
            objects[i].module = "other";
        if (i == 3)
            objects[i].qualname = "other";
        get_digest(NULL, names, digests[i]);
    }
    ck_assert_str_eq(digests[0], digests[1]);
    ck_assert_str_ne(digests[0], digests[2]);
    ck_assert_str_ne(digests[0], digests[3]);
}
END_TEST

static Suite *
make_suite(void)
{
    Suite *suite = suite_create("gn_print");
    TCase *tc = tcase_create("forms");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, origin);
    tcase_add_test(tc, origin_of_names);
    tcase_add_test(tc, origin_of_all);
    tcase_add_test(tc, diff);
    tcase_add_test(tc, diff_of_nothing);
    tcase_add_loop_test(tc, yaml, 0, (int)GN_ARRAY_LEN(yaml_rows));
    tcase_add_test(tc, yaml_against_a_variable);
    tcase_add_test(tc, yaml_hides_secrets);
    tcase_add_loop_test(tc, json, 0, (int)GN_ARRAY_LEN(json_rows));
    tcase_add_test(tc, json_has_all);
    tcase_add_test(tc, json_exact);
    tcase_add_test(tc, plain_is_the_table);
    tcase_add_test(tc, digest);
    tcase_add_test(tc, digest_of_objects);
    suite_add_tcase(suite, tc);
    return suite;
}

CONFIG_TEST_MAIN(make_suite)
