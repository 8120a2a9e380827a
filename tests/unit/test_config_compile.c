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
    remove_file(dir, "other.py");
    remove_file(dir, "site.conf");
    remove_dir(dir);
}

static const struct gn_value n_2 = V_INT(2), n_3 = V_INT(3),
                             n_float = {.tag = GN_V_FLOAT, .f = 2.5};
static const struct gn_value t_x = V_STR("x"), t_dir = V_STR("/tmp"), t_bind = V_STR("h:1");
static const struct gn_value t_app = V_STR("mod:app"), t_dotted = V_STR("hooks.one");

static struct run
compile_names(const struct fake_name *names, const char *const *words, const char *const *env)
{
    put_file(dir, "gunicorn.conf.py", "");
    host.names = names;
    return compile_in(dir, words, env, &host);
}

/* The five sources of one setting: each row leaves out the strongest of the row before. */
static const struct {
    bool argv, cmd_args, conf, env;
    enum gn_layer layer;
    int64_t workers;
    const char *origin;
} sources[] = {
    {true, true, true, true, GN_LAYER_ARGV, 5, "command line word 1 (-w)"},
    {false, true, true, true, GN_LAYER_CMD_ARGS, 4, "GUNICORN_CMD_ARGS word 1 (-w)"},
    {false, false, true, true, GN_LAYER_CONF, 3, "gunicorn.conf.py:7:1"},
    {false, false, false, true, GN_LAYER_ENV, 2, "environment variable WEB_CONCURRENCY"},
    {false, false, false, false, GN_LAYER_DEFAULT, 1, "default"},
};

START_TEST(order_of_sources)
{
    const struct fake_name names[] = {{"workers", &n_3, 7}, {NULL, NULL, 0}};
    const char *words[] = {"-w", "5", "app", NULL};
    const char *env[] = {"WEB_CONCURRENCY=2", "GUNICORN_CMD_ARGS=-w 4", NULL};
    const char *none[] = {"WEB_CONCURRENC=9", NULL, NULL};
    struct gn_buf text = {0};
    const struct gn_frozen_candidate *c;
    struct run r;
    int depth = 0;

    if (sources[_i].env)
        none[0] = env[0];
    if (sources[_i].cmd_args)
        none[1] = env[1];
    r = compile_names(sources[_i].conf ? names : NULL, words + (sources[_i].argv ? 0 : 2), none);
    ck_assert_msg(r.ok, "said: %s", r.text);
    ck_assert_int_eq(r.compiled.frozen->cfg.workers, sources[_i].workers);
    c = r.compiled.frozen->chosen[GN_S_WORKERS];
    ck_assert_int_eq(c->origin.layer, sources[_i].layer);
    ck_assert(gn_origin_print(&c->origin, &text));
    ck_assert(gn_slice_eq_str(gn_buf_slice(&text), sources[_i].origin));
    for (; c != NULL; c = c->shadowed)
        depth++;
    ck_assert_int_eq(depth, 5 - _i);
    gn_buf_fini(&text);
    run_fini(&r);
}
END_TEST

/* Bad values of weaker sources are errors although something overrides them. */
START_TEST(overridden_values_are_checked)
{
    const struct fake_name names[] = {{"workers", &n_float, 3}, {NULL, NULL, 0}};
    const char *words[] = {"-w", "5", "app", NULL};
    const char *env[] = {"WEB_CONCURRENCY=x", "GUNICORN_CMD_ARGS=-w -1", NULL};
    struct run r = compile_names(names, words, env);

    ck_assert_int_eq(gn_diags_exit_status(&r.diags), 1);
    ck_assert_str_eq(
        r.text,
        "environment: WEB_CONCURRENCY: error: workers: not a whole number: 'x' [GC104]\n"
        "gunicorn.conf.py:3:1: error: workers: not a whole number: 2.5 [GC104]\n"
        "GUNICORN_CMD_ARGS: word 1 (-w): error: workers: Value must be positive: -1 [GC103]\n");
    run_fini(&r);
}
END_TEST

static const struct {
    const char *env;
    enum gn_setting_id id;
    const char *want; /* printed, or "!" and the diagnostics */
} variables[] = {
    {"PORT=5000", GN_S_BIND, "['0.0.0.0:5000']"},
    {"PORT=", GN_S_BIND,
     "!environment: PORT: error: bind: '0.0.0.0:': the port is missing after ':' [GC111]\n"},
    {"PORT=99999", GN_S_BIND,
     "!environment: PORT: error: bind: '0.0.0.0:99999': port 99999 is out of range (0 to 65535) "
     "[GC111]\n"},
    {"PORT=abc", GN_S_BIND,
     "!environment: PORT: error: bind: '0.0.0.0:abc': 'abc' is not a port number [GC111]\n"},
    {"port=5", GN_S_BIND, "['127.0.0.1:8000']"},
    {"WEB_CONCURRENCY=010", GN_S_WORKERS, "10"},
    {"WEB_CONCURRENCY= 3 ", GN_S_WORKERS, "3"},
    {"WEB_CONCURRENCY=", GN_S_WORKERS,
     "!environment: WEB_CONCURRENCY: error: workers: not a whole number: '' [GC104]\n"},
    {"WEB_CONCURRENCY=0x10", GN_S_WORKERS,
     "!environment: WEB_CONCURRENCY: error: workers: not a whole number: '0x10' [GC104]\n"},
    {"WEB_CONCURRENCY=-1", GN_S_WORKERS,
     "!environment: WEB_CONCURRENCY: error: workers: Value must be positive: -1 [GC103]\n"},
    {"WEB_CONCURRENCY=99999999999999999999", GN_S_WORKERS,
     "!environment: WEB_CONCURRENCY: error: workers: the number is too large: "
     "99999999999999999999 [GC105]\n"},
    {"FORWARDED_ALLOW_IPS=*", GN_S_FORWARDED_ALLOW_IPS, "['*']"},
    {"FORWARDED_ALLOW_IPS=", GN_S_FORWARDED_ALLOW_IPS, "[]"},
    {"FORWARDED_ALLOW_IPS=10.0.0.0/8, ::1", GN_S_FORWARDED_ALLOW_IPS, "['10.0.0.0/8', '::1']"},
    {"FORWARDED_ALLOW_IPS=x", GN_S_FORWARDED_ALLOW_IPS,
     "!environment: FORWARDED_ALLOW_IPS: error: forwarded_allow_ips: 'x' does not appear to be an "
     "IPv4 or IPv6 network [GC112]\n"},
    {"GUNICORN_CMD_ARGS=-w 'x", GN_S_WORKERS,
     "!GUNICORN_CMD_ARGS: error: No closing quotation [GC208]\n"},
    {"SENDFILE=0", GN_S_SENDFILE, "None"},
};

START_TEST(environment)
{
    const char *words[] = {"app", NULL};
    const char *env[] = {variables[_i].env, NULL};
    struct run r = compile_in(dir, words, env, NULL);
    const char *want = variables[_i].want;

    if (want[0] == '!') {
        ck_assert_int_eq(gn_diags_exit_status(&r.diags), 1);
        ck_assert_str_eq(r.text, want + 1);
    } else {
        char *text;

        ck_assert_msg(r.ok, "said: %s", r.text);
        text = printed(r.compiled.frozen, variables[_i].id);
        ck_assert_str_eq(text, want);
        free(text);
    }
    run_fini(&r);
}
END_TEST

START_TEST(version_with_broken_environment)
{
    const char *words[] = {"--version", NULL};
    const char *env[] = {"WEB_CONCURRENCY=x", "GUNICORN_CMD_ARGS='", NULL};
    struct run r = compile_in(dir, words, env, &host);

    ck_assert(r.ok);
    ck_assert_int_eq(r.compiled.mode, GN_MODE_VERSION);
    ck_assert_ptr_null(r.compiled.frozen);
    ck_assert_str_eq(r.text, "");
    ck_assert_int_eq(host.starts, 0);
    run_fini(&r);
}
END_TEST

static const struct {
    const char *env; /* or NULL */
    int8_t value;    /* of the setting; -2: not set */
    bool effective;
} sendfiles[] = {
    {NULL, -2, true},          {"SENDFILE=yes", -2, true},  {"SENDFILE=Y", -2, true},
    {"SENDFILE=1", -2, true},  {"SENDFILE=TRUE", -2, true}, {"SENDFILE=on", -2, false},
    {"SENDFILE=", -2, false},  {"SENDFILE=0", 1, true},     {"SENDFILE=1", 0, false},
    {"SENDFILE=0", -1, false},
};

START_TEST(sendfile)
{
    const struct gn_value *value =
        sendfiles[_i].value < 0 ? &m_none : gn_value_bool(sendfiles[_i].value);
    const struct fake_name names[] = {{sendfiles[_i].value == -2 ? "_" : "sendfile", value, 1},
                                      {NULL, NULL, 0}};
    const char *words[] = {"app", NULL};
    const char *env[] = {sendfiles[_i].env, NULL};
    struct run r = compile_names(names, words, env);

    ck_assert_msg(r.ok, "said: %s", r.text);
    ck_assert_int_eq(gn_cfg_sendfile(r.compiled.frozen), sendfiles[_i].effective);
    run_fini(&r);
}
END_TEST

/* Which file is read. */
static const struct {
    const char *words[4];
    const char *env;
    const char *file; /* put there, or NULL */
    const char *read; /* end of the location that the language gets; NULL: nothing */
    const char *text; /* diagnostics */
} files[] = {
    {{"app", NULL}, NULL, NULL, NULL, ""},
    {{"app", NULL}, NULL, "gunicorn.conf.py", "/./gunicorn.conf.py", ""},
    {{"app", "-c", "other.py", NULL}, NULL, "other.py", "/other.py", ""},
    {{"app", "-c", "file:other.py", NULL}, NULL, "other.py", "/other.py", ""},
    {{"app", NULL}, "GUNICORN_CMD_ARGS=-c other.py", "other.py", "/other.py", ""},
    {{"app", "-c", "other.py", NULL},
     "GUNICORN_CMD_ARGS=-c nosuch.py",
     "other.py",
     "/other.py",
     ""},
    {{"app", "-c", "", NULL}, "GUNICORN_CMD_ARGS=-c other.py", "other.py", "/other.py", ""},
    {{"app", "-c", "", NULL}, NULL, "gunicorn.conf.py", "/./gunicorn.conf.py", ""},
    {{"app", "-c", "python:pkg.mod", NULL}, NULL, NULL, "python:pkg.mod", ""},
    {{"app", "-c", "nosuch.py", NULL},
     NULL,
     NULL,
     NULL,
     "command line: word 2 (-c): error: config: 'nosuch.py' doesn't exist [GC401]\n"},
    {{"app", NULL},
     "GUNICORN_CMD_ARGS=-c nosuch.py",
     NULL,
     NULL,
     "GUNICORN_CMD_ARGS: word 1 (-c): error: config: 'nosuch.py' doesn't exist [GC401]\n"},
    {{"app", "-c", "/", NULL},
     NULL,
     NULL,
     NULL,
     "command line: word 2 (-c): error: config: '/' is a directory [GC401]\n"},
    {{"app", "-c", "site.conf", NULL},
     NULL,
     "site.conf",
     "/site.conf",
     "command line: word 2 (-c): warning: config: 'site.conf' has no Python extension (.py); it is "
     "read as Python [GC402]\n"},
};

START_TEST(file)
{
    const char *env[] = {files[_i].env, NULL};
    size_t n, m;
    struct run r;

    if (files[_i].file != NULL)
        put_file(dir, files[_i].file, "");
    r = compile_in(dir, files[_i].words, env, &host);
    ck_assert_str_eq(r.text, files[_i].text);
    ck_assert_int_eq(host.loads, files[_i].read != NULL);
    /* No language is started without a file. */
    ck_assert_int_eq(host.starts, files[_i].read != NULL);
    if (files[_i].read != NULL) {
        n = strlen(host.location);
        m = strlen(files[_i].read);
        ck_assert_msg(n >= m && strcmp(host.location + n - m, files[_i].read) == 0, "read %s",
                      host.location);
    }
    run_fini(&r);
}
END_TEST

START_TEST(no_file_is_run_for_a_bad_command_line)
{
    const char *words[] = {"app", "--nosuch", NULL};
    struct run r = compile_names(NULL, words, NULL);

    ck_assert_int_eq(gn_diags_exit_status(&r.diags), 2);
    ck_assert_int_eq(host.loads, 0);
    run_fini(&r);
}
END_TEST

START_TEST(file_that_raises)
{
    const char *words[] = {"app", NULL};
    char detail[5000], want[6000];
    struct run r;

    snprintf(
        detail, sizeof(detail),
        "Traceback (most recent call last):\n  File \"%s/./gunicorn.conf.py\", line 4, in "
        "<module>\n  File \"/usr/lib/x.py\", line 9, in f\nZeroDivisionError: division by zero\n",
        dir);
    snprintf(
        want, sizeof(want),
        "gunicorn.conf.py:4: error: Failed to read config file: ZeroDivisionError: division by "
        "zero [GC403]\n%s",
        detail);
    host.failure = "ZeroDivisionError: division by zero";
    host.detail = detail;
    host.line = 4;
    r = compile_names(NULL, words, NULL);
    ck_assert_int_eq(gn_diags_exit_status(&r.diags), 1);
    ck_assert_str_eq(r.text, want);
    run_fini(&r);
}
END_TEST

static const struct gn_value t_variable = V_STR("A=b");
static const struct {
    const char *name;
    const struct gn_value *value;
    const char *setting; /* NULL: no word about it */
} misses[] = {
    {"worker", &n_2, "workers"},
    {"bindd", &t_bind, "bind"},
    {"WORKERS", &n_2, "workers"},
    {"access_logfile", &t_x, "accesslog"},
    {"preload", &m_true, "preload_app"},
    {"env", &t_variable, "raw_env"},
    {"env", &t_x, NULL},
    {"env", &m_empty, NULL},
    {"name", &t_x, "proc_name"},
    {"keep_alive", &n_2, "keepalive"},
    {"log_level", &t_x, "loglevel"},
    {"wrokers", &n_2, "workers"},
    {"on_start", &f1, "on_starting"},
    {"postfork", &f2, "post_fork"},
    {"tmieout", &n_2, "timeout"},
    {"os", &f1, NULL},
    {"_workers", &n_2, NULL},
    {"cpu_count", &n_2, NULL},
    {"worker", &class_k, NULL},
    {"usher", &f1, NULL},
    {"multiprocessing", &t_x, NULL},
    {"host", &t_x, NULL},
};

START_TEST(near_misses)
{
    const struct fake_name names[] = {{misses[_i].name, misses[_i].value, 5}, {NULL, NULL, 0}};
    const char *words[] = {"app", NULL};
    struct run r = compile_names(names, words, NULL);
    char want[300] = "";

    if (misses[_i].setting != NULL)
        snprintf(want, sizeof(want),
                 "gunicorn.conf.py:5:1: warning: '%s' is not a setting and has no effect: did you "
                 "mean `%s`? [GC405]\n",
                 misses[_i].name, misses[_i].setting);
    ck_assert_msg(r.ok, "said: %s", r.text);
    ck_assert_str_eq(r.text, want);
    run_fini(&r);
}
END_TEST

START_TEST(no_word_about_constants)
{
    const struct fake_name names[] = {{"WORKERS", &n_2, 1}, {"workers", &n_2, 2}, {NULL, NULL, 0}};
    const char *words[] = {"app", NULL};
    struct run r = compile_names(names, words, NULL);

    ck_assert_str_eq(r.text, "");
    run_fini(&r);
}
END_TEST

/* What is right in form and known to fail, or to have no effect. */
static const struct {
    const char *words[8];
    const char *text;
    int status;
} reviews[] = {
    {{"app", "-b", "h:x", NULL},
     "command line: word 2 (-b): error: bind: 'h:x': 'x' is not a port number [GC111]\n",
     1},
    {{"app", "-b", "::1", NULL},
     "command line: word 2 (-b): error: bind: '::1': more than one ':' (an IPv6 address is written "
     "in brackets: [::1]:8000) [GC111]\n",
     1},
    {{"app", "-b", "h:1", "-b", "H:1", NULL},
     "command line: word 2 (-b): error: bind: the same address twice: 'H:1' [GC117]\n",
     1},
    {{"app", "-b", "h:1", "-b", "h:1", "--reuse-port", NULL}, "", 0},
    {{"app", "-e", "SECRET", NULL},
     "command line: word 2 (-e): error: raw_env: entry 1 is not of the form NAME=VALUE [GC118]\n",
     1},
    {{"app", "-w", "0", NULL},
     "command line: word 2 (-w): warning: workers: no worker will be started [GC503]\n",
     0},
    {{"app", "--log-level", "loud", NULL},
     "command line: word 2 (--log-level): warning: loglevel: unknown level 'loud', info is used "
     "[GC502]\n"
     "  hint: one of: debug, info, warning, error, critical\n",
     0},
    {{"app", "--log-level", "DEBUG", NULL}, "", 0},
    {{"app", "--limit-request-line", "8191", NULL},
     "command line: word 2 (--limit-request-line): warning: limit_request_line: 8191 is more than "
     "8190, which is used [GC504]\n",
     0},
    {{"app", "--limit-request-fields", "32769", NULL},
     "command line: word 2 (--limit-request-fields): warning: limit_request_fields: 32769 is more "
     "than 32768, which is used [GC504]\n",
     0},
    {{"app", "--max-requests-jitter", "5", NULL},
     "command line: word 2 (--max-requests-jitter): warning: max_requests_jitter: has no effect "
     "without max_requests [GC505]\n",
     0},
    {{"app", "-w", "-1", "--timeout", "-2", "-u", "no_such_user", NULL},
     "command line: word 2 (-w): error: workers: Value must be positive: -1 [GC103]\n"
     "command line: word 4 (--timeout): error: timeout: Value must be positive: -2 [GC103]\n"
     "command line: word 6 (-u): error: user: No such user: 'no_such_user' [GC109]\n",
     1},
    {{"app", "-n", "a\nb", "--reload-engine", "x\ny", NULL},
     "command line: word 4 (--reload-engine): error: reload_engine: Invalid reload_engine: "
     "'x\\ny' [GC106]\n"
     "  hint: one of: auto, poll, inotify\n",
     1},
};

START_TEST(review)
{
    struct run r = compile_in(dir, reviews[_i].words, NULL, NULL);

    ck_assert_str_eq(r.text, reviews[_i].text);
    ck_assert_int_eq(gn_diags_exit_status(&r.diags), reviews[_i].status);
    run_fini(&r);
}
END_TEST

/* A setting that this build does not do: said when it is used, silent at its default. */
START_TEST(pending)
{
    for (size_t i = 0; i < GN_SETTING_COUNT; i++) {
        const struct gn_setting *s = &gn_settings[i];
        const char *words[] = {"app", s->cli[0], NULL};
        struct run r;

        if (s->pending == NULL || s->action != GN_CLI_STORE_TRUE || s->def->b)
            continue;
        r = compile_in(dir, words, NULL, NULL);
        ck_assert_ptr_nonnull(strstr(r.text, s->pending));
        ck_assert_int_eq(gn_diags_exit_status(&r.diags), s->pending_is_fatal);
        run_fini(&r);
    }
}
END_TEST

/* Code in the server changes one value; everything else, histories included, stays. */
START_TEST(with_one_value_more)
{
    static const struct gn_value many = V_STR("many"), four = V_STR("4");
    const struct fake_name names[] = {{"workers", &n_3, 7}, {"threads", &n_2, 8}, {NULL, NULL, 0}};
    const char *words[] = {"app", NULL};
    char *argv[] = {(char *)(uintptr_t) "gunicorn", NULL};
    const struct gn_inputs in = {.argc = 1, .argv = argv, .start_dir = dir};
    const struct gn_setting *s = &gn_settings[GN_S_WORKERS];
    struct run r = compile_names(names, words, NULL);
    const struct gn_frozen *base = r.compiled.frozen, *f;
    const struct gn_frozen_candidate *c;
    struct gn_buf text = {0};
    struct gn_diags diags;

    ck_assert(r.ok);
    gn_diags_init(&diags);
    f = gn_compile_with(base, &in, &host.host, s, &four, &diags);
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(f->cfg.workers, 4);
    ck_assert_int_eq(base->cfg.workers, 3);
    ck_assert_int_eq(f->cfg.threads, 2);
    ck_assert_str_eq(f->app_uri, "app");
    c = f->chosen[GN_S_WORKERS];
    ck_assert_int_eq(c->origin.layer, GN_LAYER_CODE);
    ck_assert(gn_origin_print(&c->origin, &text));
    ck_assert_str_eq(gn_buf_head(&text), "cfg.set()");
    ck_assert_int_eq(c->shadowed->origin.layer, GN_LAYER_CONF);
    ck_assert_int_eq(c->shadowed->origin.line, 7);
    ck_assert_int_eq(c->shadowed->shadowed->origin.layer, GN_LAYER_DEFAULT);
    ck_assert_ptr_null(gn_compile_with(f, &in, &host.host, s, &many, &diags));
    ck_assert_uint_eq(diags.errors, 1);
    ck_assert_int_eq(diags.first->origin.layer, GN_LAYER_CODE);
    gn_buf_fini(&text);
    gn_diags_fini(&diags);
    gn_frozen_unref(f);
    run_fini(&r);
}
END_TEST

START_TEST(hooks)
{
    const struct fake_name names[] = {{"on_exit", &t_dotted, 1},     {"post_request", &f2, 2},
                                      {"pre_fork", &f2, 3},          {"wsgi_app", &t_app, 4},
                                      {"worker_class", &class_k, 5}, {NULL, NULL, 0}};
    struct run r = compile_names(names, NULL, NULL);
    const struct gn_cfg *cfg;

    ck_assert_msg(r.ok, "said: %s", r.text);
    cfg = &r.compiled.frozen->cfg;
    ck_assert_str_eq(cfg->on_exit.name, "f1");
    ck_assert_ptr_eq(cfg->on_exit.handle, f1_object.handle);
    ck_assert_int_eq(cfg->post_request.positional, 2);
    ck_assert_ptr_null(cfg->on_starting.handle);
    ck_assert_ptr_eq(cfg->worker_class.handle, class_k_object.handle);
    ck_assert_str_eq(r.compiled.frozen->app_uri, "mod:app");
    ck_assert_str_eq(cfg->default_proc_name, "gunicorn");
    run_fini(&r);
}
END_TEST

START_TEST(process_name_of_the_application)
{
    const struct fake_name names[] = {
        {"default_proc_name", &t_x, 1}, {"chdir", &t_dir, 2}, {NULL, NULL, 0}};
    const char *words[] = {"mod:other", NULL};
    struct run r = compile_in(dir, words, NULL, NULL);

    ck_assert_str_eq(r.compiled.frozen->cfg.default_proc_name, "mod:other");
    ck_assert_str_eq(r.compiled.frozen->cfg.chdir, dir);
    run_fini(&r);
    r = compile_names(names, words, NULL);
    ck_assert_str_eq(r.compiled.frozen->cfg.default_proc_name, "x");
    ck_assert_str_eq(r.compiled.frozen->cfg.chdir, "/tmp");
    run_fini(&r);
}
END_TEST

START_TEST(file_needs_a_language)
{
    const char *words[] = {"app", NULL};
    struct run r;

    put_file(dir, "gunicorn.conf.py", "");
    r = compile_in(dir, words, NULL, NULL);
    ck_assert_int_eq(gn_diags_exit_status(&r.diags), 1);
    ck_assert_ptr_nonnull(strstr(r.text, "gunicorn.conf.py: error: Failed to read config file"));
    run_fini(&r);
}
END_TEST

static Suite *
make_suite(void)
{
    Suite *suite = suite_create("gn_compile");
    TCase *tc = tcase_create("sources");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, order_of_sources, 0, (int)GN_ARRAY_LEN(sources));
    tcase_add_test(tc, overridden_values_are_checked);
    tcase_add_loop_test(tc, environment, 0, (int)GN_ARRAY_LEN(variables));
    tcase_add_test(tc, version_with_broken_environment);
    tcase_add_loop_test(tc, sendfile, 0, (int)GN_ARRAY_LEN(sendfiles));
    tcase_add_loop_test(tc, file, 0, (int)GN_ARRAY_LEN(files));
    tcase_add_test(tc, no_file_is_run_for_a_bad_command_line);
    tcase_add_test(tc, file_that_raises);
    tcase_add_loop_test(tc, near_misses, 0, (int)GN_ARRAY_LEN(misses));
    tcase_add_test(tc, no_word_about_constants);
    tcase_add_loop_test(tc, review, 0, (int)GN_ARRAY_LEN(reviews));
    tcase_add_test(tc, pending);
    tcase_add_test(tc, with_one_value_more);
    tcase_add_test(tc, hooks);
    tcase_add_test(tc, process_name_of_the_application);
    tcase_add_test(tc, file_needs_a_language);
    suite_add_tcase(suite, tc);
    return suite;
}

CONFIG_TEST_MAIN(make_suite)
