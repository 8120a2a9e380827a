#include "config_support.h"

/* Options of the command line that are no settings, and words that undo settings. */

static const struct {
    const char *words[8];
    const char *cmd_args;
    struct gn_cli_options want; /* without names and describe */
    const char *names;          /* joined by commas */
    const char *app;
} rows[] = {
    {{"app:app"}, NULL, {.check_timeout_s = 60}, "", "app:app"},
    {{"--print-config=origin"},
     NULL,
     {.print_form = GN_PRINT_ORIGIN, .check_timeout_s = 60},
     "",
     NULL},
    {{"--print-config=json"}, NULL, {.print_form = GN_PRINT_JSON, .check_timeout_s = 60}, "", NULL},
    {{"--print-config=yaml"}, NULL, {.print_form = GN_PRINT_YAML, .check_timeout_s = 60}, "", NULL},
    {{"--print-config=diff"}, NULL, {.print_form = GN_PRINT_DIFF, .check_timeout_s = 60}, "", NULL},
    {{"--check-config=json"}, NULL, {.check_form = GN_CHECK_JSON, .check_timeout_s = 60}, "", NULL},
    {{"--check-config=sarif"},
     NULL,
     {.check_form = GN_CHECK_SARIF, .check_timeout_s = 60},
     "",
     NULL},
    {{"--check-config=github", "--check-config=values"},
     NULL,
     {.check_form = GN_CHECK_GITHUB, .checks_values_only = true, .check_timeout_s = 60},
     "",
     NULL},
    {{"--print-config=json", "--print-config"}, NULL, {.check_timeout_s = 60}, "", NULL},
    {{"--print-config"}, "--print-config=json", {.check_timeout_s = 60}, "", NULL},
    {{"app"},
     "--print-config=json --strict",
     {.print_form = GN_PRINT_JSON, .is_strict = true, .check_timeout_s = 60},
     "",
     "app"},
    {{"--check-config=values"},
     "--check-config=json",
     {.check_form = GN_CHECK_JSON, .checks_values_only = true, .check_timeout_s = 60},
     "",
     NULL},
    {{"--strict", "--reveal-secrets", "--all", "--check-timeout", "7"},
     NULL,
     {.is_strict = true, .reveals_secrets = true, .prints_all = true, .check_timeout_s = 7},
     "",
     NULL},
    {{"--check-timeout=7"}, "--check-timeout 9", {.check_timeout_s = 7}, "", NULL},
    {{"--strict"}, "--check-timeout 9", {.is_strict = true, .check_timeout_s = 9}, "", NULL},
    {{"--print-config=json", "workers", "bind"},
     NULL,
     {.print_form = GN_PRINT_JSON, .check_timeout_s = 60},
     "workers,bind",
     NULL},
    {{"app", "--print-config=json", "bind", "bind"},
     NULL,
     {.print_form = GN_PRINT_JSON, .check_timeout_s = 60},
     "bind",
     "app"},
    {{"workers", "--print-config=json", "-w", "4", "app"},
     NULL,
     {.print_form = GN_PRINT_JSON, .check_timeout_s = 60},
     "workers",
     "app"},
    {{"--print-config=json", "workers:app"},
     NULL,
     {.print_form = GN_PRINT_JSON, .check_timeout_s = 60},
     "",
     "workers:app"},
    {{"--print-config", "workers"}, NULL, {.check_timeout_s = 60}, "", "workers"},
    {{"--check-config=json", "workers"},
     NULL,
     {.check_form = GN_CHECK_JSON, .check_timeout_s = 60},
     "",
     "workers"},
};

static struct run
compile_words(const char *const *words, const char *cmd_args)
{
    char variable[256];
    const char *env[] = {variable, "WEB_CONCURRENCY=9", NULL};

    snprintf(variable, sizeof(variable), "GUNICORN_CMD_ARGS=%s", cmd_args != NULL ? cmd_args : "");
    return compile_in("/", words, env, NULL);
}

START_TEST(options)
{
    const struct gn_cli_options *want = &rows[_i].want;
    struct run r = compile_words(rows[_i].words, rows[_i].cmd_args);
    const struct gn_cli_options *o = &r.compiled.options;
    char names[256] = "";

    ck_assert_msg(r.ok, "said: %s", r.text);
    ck_assert_int_eq(o->print_form, want->print_form);
    ck_assert_int_eq(o->check_form, want->check_form);
    ck_assert_int_eq(o->checks_values_only, want->checks_values_only);
    ck_assert_int_eq(o->is_strict, want->is_strict);
    ck_assert_int_eq(o->reveals_secrets, want->reveals_secrets);
    ck_assert_int_eq(o->prints_all, want->prints_all);
    ck_assert_int_eq(o->check_timeout_s, want->check_timeout_s);
    ck_assert_ptr_null(o->describe);
    for (size_t i = 0; o->names != NULL && o->names[i] != NULL; i++) {
        size_t n = strlen(names);

        snprintf(names + n, sizeof(names) - n, "%s%s", i > 0 ? "," : "", o->names[i]);
    }
    ck_assert_str_eq(names, rows[_i].names);
    ck_assert_pstr_eq(r.compiled.frozen->app_uri, rows[_i].app);
    run_fini(&r);
}
END_TEST

static const struct {
    const char *words[8];
    const char *cmd_args;
    enum gn_setting_id id;
    const char *value;
    int word; /* of the value's origin on the command line; 0: elsewhere */
} undone[] = {
    {{"--no-reload"}, "--reload", GN_S_RELOAD, "False", 1},
    {{"--reload"}, "--no-reload", GN_S_RELOAD, "True", 1},
    {{"--reload", "--no-reload"}, NULL, GN_S_RELOAD, "False", 2},
    {{"--no-reload", "--reload"}, NULL, GN_S_RELOAD, "True", 2},
    {{"app"}, "--daemon --no-daemon", GN_S_DAEMON, "False", 0},
    {{"--no-suppress-ragged-eofs"}, NULL, GN_S_SUPPRESS_RAGGED_EOFS, "False", 1},
    {{"--no-permit-missing-host"}, NULL, GN_S_PERMIT_MISSING_HOST, "False", 1},
    {{"--no-sendfile"}, NULL, GN_S_SENDFILE, "False", 1},
    {{"--no-sendfile", "--reset", "sendfile"}, NULL, GN_S_SENDFILE, "None", 2},
    {{"--reset", "workers"}, "-w 5", GN_S_WORKERS, "1", 1},
    {{"--reset=workers", "-w", "3"}, NULL, GN_S_WORKERS, "3", 2},
    {{"-w", "3", "--reset", "workers"}, NULL, GN_S_WORKERS, "1", 3},
    {{"app"}, "--reset workers", GN_S_WORKERS, "1", 0},
    {{"-b", "a:1", "--reset", "bind"}, NULL, GN_S_BIND, "['127.0.0.1:8000']", 3},
    {{"-b", "a:1", "--reset", "bind", "-b", "b:2"}, NULL, GN_S_BIND, "['b:2']", 5},
    {{"-b", "a:1", "-b", "b:2"}, NULL, GN_S_BIND, "['a:1', 'b:2']", 1},
    {{"--reset", "config"}, "-c missing.py", GN_S_CONFIG, "./gunicorn.conf.py", 1},
    {{"--reset", "paste"}, NULL, GN_S_PASTE, "None", 1},
    {{"--chdir", "/usr", "--reset", "chdir"}, NULL, GN_S_CHDIR, "/", 3},
    {{"--reset", "default_proc_name", "app"}, NULL, GN_S_DEFAULT_PROC_NAME, "gunicorn", 1},
    {{"--reset", "post_fork"}, NULL, GN_S_POST_FORK, "<Postfork.post_fork()>", 1},
};

START_TEST(undoing)
{
    char variable[256];
    const char *env[] = {variable, "WEB_CONCURRENCY=9", NULL};
    enum gn_setting_id id = undone[_i].id;
    const struct gn_origin *origin;
    struct run r;
    char *text;

    snprintf(variable, sizeof(variable), "GUNICORN_CMD_ARGS=%s",
             undone[_i].cmd_args != NULL ? undone[_i].cmd_args : "");
    r = compile_in("/", undone[_i].words, env, NULL);
    ck_assert_msg(r.ok, "said: %s", r.text);
    text = printed(r.compiled.frozen, id);
    ck_assert_str_eq(text, undone[_i].value);
    origin = &r.compiled.frozen->chosen[id]->origin;
    ck_assert_int_eq(origin->layer, undone[_i].word > 0 ? GN_LAYER_ARGV : GN_LAYER_CMD_ARGS);
    if (undone[_i].word > 0)
        ck_assert_int_eq(origin->word, undone[_i].word);
    free(text);
    run_fini(&r);
}
END_TEST

/* A hook of a configuration file is gone after --reset. */
START_TEST(reset_hook)
{
    const struct fake_name names[] = {{"post_fork", &f2, 1}, {NULL, NULL, 0}};
    const char *words[] = {"-c", "x.py", NULL, NULL, NULL};
    char *dir = make_dir();
    struct fake_host host = fake_host_init();
    struct run r;

    put_file(dir, "x.py", "");
    host.names = names;
    r = compile_in(dir, words, NULL, &host);
    ck_assert_msg(r.ok, "said: %s", r.text);
    ck_assert_ptr_nonnull(r.compiled.frozen->cfg.post_fork.handle);
    run_fini(&r);
    words[2] = "--reset";
    words[3] = "post_fork";
    r = compile_in(dir, words, NULL, &host);
    ck_assert_msg(r.ok, "said: %s", r.text);
    ck_assert_ptr_null(r.compiled.frozen->cfg.post_fork.handle);
    run_fini(&r);
    remove_file(dir, "x.py");
    remove_dir(dir);
}
END_TEST

static const struct {
    const char *words[4];
    const char *cmd_args;
    int status;
    const char *text;
} refused[] = {
    {{"--print-config=xml"},
     NULL,
     2,
     "argument --print-config: invalid choice: 'xml' (choose from origin, json, yaml, diff)"},
    {{"--print-config="}, NULL, 2, "argument --print-config: ignored explicit argument ''"},
    {{"--print=json"}, NULL, 2, "argument --print-config: ignored explicit argument 'json'"},
    {{"--check-config=text"}, NULL, 2, "(choose from json, sarif, github, values)"},
    {{"--check-timeout", "0"}, NULL, 2, "argument --check-timeout: invalid number of seconds: '0'"},
    {{"--check-timeout", "x"}, NULL, 2, "argument --check-timeout: invalid number of seconds: 'x'"},
    {{"--check-timeout"}, NULL, 2, "argument --check-timeout: expected one argument"},
    {{"--strict=1"}, NULL, 2, "argument --strict: ignored explicit argument '1'"},
    {{"--no-reload=1"}, NULL, 2, "argument --no-reload: ignored explicit argument '1'"},
    {{"--reset", "wrkers"},
     NULL,
     2,
     "argument --reset: there is no setting 'wrkers', did you mean workers?"},
    {{"--reset", "zzzzzzzzz"}, NULL, 2, "argument --reset: there is no setting 'zzzzzzzzz'"},
    {{"app"}, "--reset nothing_at_all", 2, "GUNICORN_CMD_ARGS: argument --reset: there is no"},
    {{"--describe"}, NULL, 2, "argument --describe: expected one argument"},
    {{"--describe", "wrkers"},
     NULL,
     1,
     "there is no setting 'wrkers' [GC209]\n  hint: did you mean 'workers'?"},
    {{"app"},
     "--describe wrkers",
     1,
     "there is no setting 'wrkers' [GC209]\n  hint: did you mean 'workers'?"},
    {{"--print-config=json", "app", "--strict", "other"}, NULL, 2, "unrecognized arguments: other"},
    {{"--no-bind"}, NULL, 2, "unrecognized arguments: --no-bind"},
    {{"--no-no-sendfile"}, NULL, 2, "unrecognized arguments: --no-no-sendfile"},
};

START_TEST(refusal)
{
    struct run r = compile_words(refused[_i].words, refused[_i].cmd_args);

    ck_assert(!r.ok);
    ck_assert_int_eq(gn_diags_exit_status(&r.diags), refused[_i].status);
    ck_assert_msg(strstr(r.text, refused[_i].text) != NULL, "said: %s", r.text);
    run_fini(&r);
}
END_TEST

/* --describe works whatever else is wrong, and its name outlives the builder. */
START_TEST(describe)
{
    const char *words[] = {"-w", "x", NULL};
    struct run r = compile_words(words, "--describe bind --nosuch");

    ck_assert(r.ok);
    ck_assert_int_eq(r.compiled.mode, GN_MODE_DESCRIBE);
    ck_assert_ptr_eq(r.compiled.options.describe, gn_settings[GN_S_BIND].name);
    ck_assert_str_eq(r.text, "");
    run_fini(&r);
}
END_TEST

/* Abbreviations: what the flags of the original make of a prefix. */

/* Who is meant by `prefix`: the id of a setting, or one of these. */
enum { NOBODY = -1, SEVERAL = -2, PROGRAM = -3 };

static int
meant_before(const char *prefix)
{
    static const char *const own[] = {"--help", "--version"};
    size_t n = strlen(prefix);
    int found = NOBODY;

    for (size_t i = 0; i < GN_ARRAY_LEN(own); i++) {
        if (strncmp(own[i], prefix, n) == 0)
            found = found == NOBODY ? PROGRAM : SEVERAL;
    }
    for (int i = 0; i < GN_SETTING_COUNT; i++) {
        for (const char *const *flag = gn_settings[i].cli; *flag != NULL; flag++) {
            if (gn_settings[i].is_addition || strncmp(*flag, prefix, n) != 0)
                continue;
            if (strcmp(*flag, prefix) == 0)
                return i;
            found = found == NOBODY ? i : SEVERAL;
        }
    }
    return found;
}

/* The same as our parser answers. */
static int
meant_now(const char *prefix)
{
    char text[64];
    char *words[] = {text, NULL};
    struct gn_inputs in = {.start_dir = "/"};
    struct gn_argv_result result;
    struct gn_builder b;
    struct gn_diags diags;
    int found = NOBODY;
    int at = meant_before(prefix);
    bool takes_value = at >= 0 && (gn_settings[at].action == GN_CLI_STORE ||
                                   gn_settings[at].action == GN_CLI_APPEND);

    snprintf(text, sizeof(text), "%s%s", prefix, takes_value ? "=1" : "");
    gn_diags_init(&diags);
    ck_assert(gn_builder_init(&b, &in, &diags, NULL));
    (void)gn_from_argv(&b, 1, words, GN_LAYER_ARGV, &result);
    for (int i = 0; i < GN_SETTING_COUNT; i++) {
        if (b.latest[i] != NULL)
            found = found == NOBODY ? i : SEVERAL;
    }
    if (result.wants_help || result.wants_version)
        found = PROGRAM;
    else if (diags.first != NULL && strstr(diags.first->message, "ambiguous option") != NULL)
        found = SEVERAL;
    for (int i = 0; i < GN_OPTION_COUNT; i++)
        ck_assert(!result.has_option[i] || i == GN_O_PRINT_CONFIG || i == GN_O_CHECK_CONFIG);
    gn_builder_fini(&b);
    gn_diags_fini(&diags);
    return found;
}

START_TEST(prefixes_keep_their_meaning)
{
    size_t tried = 0;

    for (size_t i = 0; i < GN_SETTING_COUNT; i++) {
        for (const char *const *flag = gn_settings[i].cli; *flag != NULL; flag++) {
            for (size_t n = 3; !gn_settings[i].is_addition && n <= strlen(*flag); n++) {
                char prefix[64];

                snprintf(prefix, sizeof(prefix), "%.*s", (int)n, *flag);
                if (prefix[1] != '-')
                    continue;
                ck_assert_msg(meant_now(prefix) == meant_before(prefix), "%s: %d, not %d", prefix,
                              meant_now(prefix), meant_before(prefix));
                tried++;
            }
        }
    }
    ck_assert_uint_gt(tried, 500);
}
END_TEST

/* Nothing that begins one of our words means more than it did before. */
static size_t
try_prefixes(const char *flag)
{
    size_t n = 3;

    for (; n < strlen(flag); n++) {
        char prefix[64];

        snprintf(prefix, sizeof(prefix), "%.*s", (int)n, flag);
        ck_assert_msg(meant_now(prefix) == meant_before(prefix), "%s", prefix);
    }
    return n;
}

START_TEST(additions_are_not_abbreviated)
{
    size_t tried = 0;

    for (size_t i = 0; i < GN_SETTING_COUNT; i++) {
        for (const char *const *flag = gn_settings[i].off; *flag != NULL; flag++) {
            ck_assert_int_eq(gn_settings[i].action, GN_CLI_STORE_TRUE);
            ck_assert_int_eq(meant_before(*flag), NOBODY);
            tried += try_prefixes(*flag);
        }
    }
    for (const struct gn_option *o = gn_options; o->flag != NULL; o++) {
        ck_assert_int_eq(meant_before(o->flag) >= 0, o->action == GN_CLI_OPTIONAL);
        tried += try_prefixes(o->flag);
    }
    ck_assert_uint_gt(tried, 200);
}
END_TEST

/* Each long flag that switches something on can be taken back. */
START_TEST(every_switch_has_its_opposite)
{
    for (size_t i = 0; i < GN_SETTING_COUNT; i++) {
        const struct gn_setting *s = &gn_settings[i];
        size_t longs = 0, opposites = 0;

        for (const char *const *flag = s->cli; *flag != NULL; flag++)
            longs += (*flag)[1] == '-';
        for (; s->off[opposites] != NULL; opposites++)
            ck_assert_int_eq(strncmp(s->off[opposites], "--no-", 5), 0);
        ck_assert_uint_eq(opposites, s->action == GN_CLI_STORE_TRUE ? longs : 0);
    }
}
END_TEST

static Suite *
make_suite(void)
{
    Suite *suite = suite_create("gn_cli_options");
    TCase *tc = tcase_create("words");

    tcase_set_timeout(tc, 30);
    tcase_add_loop_test(tc, options, 0, (int)GN_ARRAY_LEN(rows));
    tcase_add_loop_test(tc, undoing, 0, (int)GN_ARRAY_LEN(undone));
    tcase_add_test(tc, reset_hook);
    tcase_add_loop_test(tc, refusal, 0, (int)GN_ARRAY_LEN(refused));
    tcase_add_test(tc, describe);
    tcase_add_test(tc, prefixes_keep_their_meaning);
    tcase_add_test(tc, additions_are_not_abbreviated);
    tcase_add_test(tc, every_switch_has_its_opposite);
    suite_add_tcase(suite, tc);
    return suite;
}

CONFIG_TEST_MAIN(make_suite)
