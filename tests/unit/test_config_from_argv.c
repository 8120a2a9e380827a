#include "config_support.h"

#include "config_argv_rows.h"

/* The settings that differ from the defaults, one "name = value" per line, sorted; those of the
 * machine and of the mode are left out. Heap. */
static char *
changed(const struct gn_frozen *f, const struct gn_frozen *base)
{
    static const enum gn_setting_id skip[] = {GN_S_CHDIR, GN_S_DEFAULT_PROC_NAME, GN_S_PRINT_CONFIG,
                                              GN_S_USER, GN_S_GROUP};
    struct gn_buf b = {0};
    char *text;

    for (size_t i = 0; i < GN_SETTING_COUNT; i++) {
        enum gn_setting_id id = gn_settings_by_name[i];
        bool is_skipped = gn_value_equal(f->values[id], base->values[id]);

        for (size_t j = 0; j < GN_ARRAY_LEN(skip); j++)
            is_skipped = is_skipped || id == skip[j];
        if (is_skipped)
            continue;
        ck_assert(
            gn_buf_printf(&b, "%s%s = ", gn_buf_len(&b) > 0 ? "\n" : "", gn_settings[id].name));
        ck_assert(gn_value_print(f->values[id], &b));
    }
    text = strndup(gn_buf_slice(&b).p, gn_buf_len(&b));
    gn_buf_fini(&b);
    return text;
}

static struct run
compile_row(const char *const *words, const char *cmd_args, const char *dir)
{
    char variable[1024];
    const char *env[] = {variable, NULL};

    snprintf(variable, sizeof(variable), "GUNICORN_CMD_ARGS=%s", cmd_args != NULL ? cmd_args : "");
    return compile_in(dir, words, cmd_args != NULL ? env : NULL, NULL);
}

static char *dir;

static void
setup(void)
{
    dir = make_dir();
}

static void
teardown(void)
{
    remove_dir(dir);
}

START_TEST(as_the_original)
{
    struct run r = compile_row(argv_rows[_i].words, argv_rows[_i].cmd_args, dir);
    struct run base = compile_row(NULL, NULL, dir);
    char *text;

    ck_assert_msg(gn_diags_exit_status(&r.diags) == argv_rows[_i].status, "status %d, said: %s",
                  gn_diags_exit_status(&r.diags), r.text);
    if (argv_rows[_i].status == 0) {
        text = changed(r.compiled.frozen, base.compiled.frozen);
        ck_assert_str_eq(text, argv_rows[_i].text);
        free(text);
    } else {
        ck_assert_msg(strstr(r.text, argv_rows[_i].text) != NULL, "said: %s", r.text);
    }
    run_fini(&r);
    run_fini(&base);
}
END_TEST

static const struct {
    const char *words[8];
    const char *want; /* app_uri, or "!" and what the message holds */
} apps[] = {
    {{"app:app", NULL}, "app:app"},
    {{"app:app", "other:app", NULL}, "app:app"},
    {{"-w", "2", "app:app", NULL}, "app:app"},
    {{"--", "--app", NULL}, "--app"},
    {{"--", "a", "b", NULL}, "a"},
    {{"a", "--", "b", NULL}, "a"},
    {{"--", "--", "x", NULL}, "--"},
    {{"a", "-w", "2", "b", NULL}, "!unrecognized arguments: b [GC201]\n"},
    {{"a", "-w", "2", "--", "b", NULL}, "!unrecognized arguments: -- b [GC201]\n"},
    {{"--nosuch", "x", "app", NULL}, "!unrecognized arguments: --nosuch [GC201]\n"},
    {{"-5", NULL}, "-5"},
    {{"-x y", NULL}, "-x y"},
    {{"-", NULL}, "-"},
};

START_TEST(positional)
{
    struct run r = compile_row(apps[_i].words, NULL, dir);

    if (apps[_i].want[0] == '!') {
        ck_assert_int_eq(gn_diags_exit_status(&r.diags), 2);
        ck_assert_msg(strstr(r.text, apps[_i].want + 1) != NULL, "said: %s", r.text);
    } else {
        ck_assert_msg(r.ok, "said: %s", r.text);
        ck_assert_str_eq(r.compiled.frozen->app_uri, apps[_i].want);
    }
    run_fini(&r);
}
END_TEST

/* A flag of ours is exact, and no documented prefix becomes ambiguous by it. */
static const struct {
    const char *words[5];
    const char *want; /* NULL: good; else what the message holds */
} additions[] = {
    {{"--permit-missing-host", NULL}, NULL},
    {{"--permit-missing", NULL}, "unrecognized arguments: --permit-missing [GC201]\n"},
    {{"--permit-o", NULL}, NULL},
    {{"--paste-s", "x", NULL}, "unrecognized arguments: --paste-s [GC201]\n"},
    {{"--paste-", "x=y", NULL}, NULL},
    {{"--permit", NULL},
     "ambiguous option: --permit could match --permit-obsolete-folding, "
     "--permit-unconventional-http-method, --permit-unconventional-http-version [GC202]\n"},
};

START_TEST(own_flags)
{
    struct run r = compile_row(additions[_i].words, NULL, dir);

    if (additions[_i].want == NULL)
        ck_assert_msg(r.ok, "said: %s", r.text);
    else
        ck_assert_msg(strstr(r.text, additions[_i].want) != NULL, "said: %s", r.text);
    run_fini(&r);
}
END_TEST

/* A flag with an optional value takes no word that may be the application. */
static const struct {
    const char *words[7];
    const char *cmd_args;
    enum gn_proxy_protocol want;
    const char *app; /* NULL: none */
} optional[] = {
    {{"app", NULL}, NULL, GN_PROXY_PROTOCOL_OFF, "app"},
    {{"--proxy-protocol", "app", NULL}, NULL, GN_PROXY_PROTOCOL_AUTO, "app"},
    {{"app", "--proxy-protocol", NULL}, NULL, GN_PROXY_PROTOCOL_AUTO, "app"},
    {{"--proxy-protocol=v1", "app", NULL}, NULL, GN_PROXY_PROTOCOL_V1, "app"},
    {{"--proxy-protocol=V2", "app", NULL}, NULL, GN_PROXY_PROTOCOL_V2, "app"},
    {{"--proxy-protocol=on", "app", NULL}, NULL, GN_PROXY_PROTOCOL_AUTO, "app"},
    {{"--proxy-protocol=off", "app", NULL}, NULL, GN_PROXY_PROTOCOL_OFF, "app"},
    {{"--proxy-p=v2", "app", NULL}, NULL, GN_PROXY_PROTOCOL_V2, "app"},
    {{"--proxy-protocol", "v1", "app", NULL}, NULL, GN_PROXY_PROTOCOL_V1, "app"},
    {{"--proxy-protocol", "v2", "-w", "2", "app", NULL}, NULL, GN_PROXY_PROTOCOL_V2, "app"},
    {{"app", "--proxy-protocol", "auto", NULL}, NULL, GN_PROXY_PROTOCOL_AUTO, "app"},
    {{"--proxy-protocol", "v2", NULL}, NULL, GN_PROXY_PROTOCOL_AUTO, "v2"},
    {{"--proxy-protocol", "auto", "-w", "2", NULL}, NULL, GN_PROXY_PROTOCOL_AUTO, "auto"},
    {{"--proxy-protocol", "V1", "app", NULL}, NULL, GN_PROXY_PROTOCOL_AUTO, "V1"},
    {{"--proxy-protocol", "--", "v1", NULL}, NULL, GN_PROXY_PROTOCOL_AUTO, "v1"},
    {{"app", NULL}, "--proxy-protocol v2", GN_PROXY_PROTOCOL_V2, "app"},
    {{"--proxy-protocol=off", "app", NULL}, "--proxy-protocol", GN_PROXY_PROTOCOL_OFF, "app"},
};

START_TEST(optional_value)
{
    struct run r = compile_row(optional[_i].words, optional[_i].cmd_args, dir);

    ck_assert_msg(r.ok, "said: %s", r.text);
    ck_assert_int_eq(r.compiled.frozen->cfg.proxy_protocol, (int)optional[_i].want);
    ck_assert_pstr_eq(r.compiled.frozen->app_uri, optional[_i].app);
    run_fini(&r);
}
END_TEST

START_TEST(origins)
{
    const char *words[] = {"-b", "h:1", "--bind=h:2", "--workers=3", "-DR", NULL};
    struct run r = compile_row(words, "app -t 9", dir);
    const struct gn_frozen *f = r.compiled.frozen;
    const struct gn_origin *o;

    ck_assert_msg(r.ok, "said: %s", r.text);
    o = &f->chosen[GN_S_BIND]->origin;
    ck_assert_int_eq(o->layer, GN_LAYER_ARGV);
    ck_assert_int_eq(o->word, 1);
    ck_assert_str_eq(o->text, "-b");
    ck_assert_int_eq((int)f->cfg.bind.n, 2);
    ck_assert_str_eq(f->cfg.bind.v[1], "h:2");
    o = &f->chosen[GN_S_ENABLE_STDIO_INHERITANCE]->origin;
    ck_assert_int_eq(o->word, 5);
    o = &f->chosen[GN_S_TIMEOUT]->origin;
    ck_assert_int_eq(o->layer, GN_LAYER_CMD_ARGS);
    ck_assert_int_eq(o->word, 2);
    ck_assert_ptr_null(f->app_uri);
    run_fini(&r);
}
END_TEST

static const struct {
    const char *words[6];
    const char *cmd_args;
    enum gn_mode mode;
} modes[] = {
    {{"--version", NULL}, NULL, GN_MODE_VERSION},
    {{"-v", NULL}, NULL, GN_MODE_VERSION},
    {{"--vers", NULL}, NULL, GN_MODE_VERSION},
    {{"-h", NULL}, NULL, GN_MODE_HELP},
    {{"-w", "x", "-h", NULL}, NULL, GN_MODE_HELP},
    {{"-h", "--version", NULL}, NULL, GN_MODE_HELP},
    {{"--version", "--nosuch", NULL}, NULL, GN_MODE_VERSION},
    {{"app", NULL}, "--version", GN_MODE_VERSION},
    {{"-Dh", NULL}, NULL, GN_MODE_HELP},
    {{"app", "--check-config", NULL}, NULL, GN_MODE_CHECK},
    {{"app", "--print-config", NULL}, NULL, GN_MODE_PRINT},
    {{"app", "--print-config", "--check-config", NULL}, NULL, GN_MODE_PRINT},
    {{"app", NULL}, "--check-config", GN_MODE_CHECK},
    {{"app", NULL}, NULL, GN_MODE_RUN},
};

START_TEST(mode)
{
    struct run r = compile_row(modes[_i].words, modes[_i].cmd_args, dir);

    ck_assert_msg(r.ok, "said: %s", r.text);
    ck_assert_int_eq(r.compiled.mode, modes[_i].mode);
    ck_assert_int_eq(gn_diags_exit_status(&r.diags), 0);
    run_fini(&r);
}
END_TEST

START_TEST(all_errors_in_one_run)
{
    const char *words[] = {"-w", "x", "--nosuch", "-t", NULL};
    struct run r = compile_row(words, "--backlog y -b h:z", dir);

    ck_assert_int_eq(gn_diags_exit_status(&r.diags), 2);
    ck_assert_ptr_nonnull(strstr(r.text, "invalid int value: 'x'"));
    ck_assert_ptr_nonnull(strstr(r.text, "argument -t/--timeout: expected one argument"));
    ck_assert_ptr_nonnull(strstr(r.text, "unrecognized arguments: --nosuch"));
    ck_assert_ptr_nonnull(strstr(r.text, "GUNICORN_CMD_ARGS: argument --backlog: invalid int"));
    ck_assert_ptr_nonnull(strstr(r.text, "GUNICORN_CMD_ARGS: word 3 (-b): error: bind: 'h:z'"));
    run_fini(&r);
}
END_TEST

static Suite *
make_suite(void)
{
    Suite *suite = suite_create("gn_from_argv");
    TCase *tc = tcase_create("words");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, as_the_original, 0, (int)GN_ARRAY_LEN(argv_rows));
    tcase_add_loop_test(tc, positional, 0, (int)GN_ARRAY_LEN(apps));
    tcase_add_loop_test(tc, own_flags, 0, (int)GN_ARRAY_LEN(additions));
    tcase_add_loop_test(tc, optional_value, 0, (int)GN_ARRAY_LEN(optional));
    tcase_add_test(tc, origins);
    tcase_add_loop_test(tc, mode, 0, (int)GN_ARRAY_LEN(modes));
    tcase_add_test(tc, all_errors_in_one_run);
    suite_add_tcase(suite, tc);
    return suite;
}

CONFIG_TEST_MAIN(make_suite)
