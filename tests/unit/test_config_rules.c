#include "config/rules.h"
#include "config_support.h"

static const struct gn_value sent_dict_key = V_STR("X-P"), sent_dict_value = V_INT(1),
                             sent_dict_text = V_STR("https");
static const struct gn_value_pair odd_pairs[] = {{&sent_dict_key, &sent_dict_value}},
                                  good_pairs[] = {{&sent_dict_key, &sent_dict_text}};
static const struct gn_value odd_headers = {.tag = GN_V_DICT, .dict = {odd_pairs, 1}},
                             good_headers = {.tag = GN_V_DICT, .dict = {good_pairs, 1}},
                             no_items = {.tag = GN_V_LIST}, minus_five = V_INT(-5);

/* A configuration, and whether a code is reported at a setting. Each rule has rows of both kinds
 * (the last test sees to it). */
static const struct {
    const char *code;
    enum gn_setting_id id;
    bool fires;
    const char *words[12];
    struct fake_name names[2]; /* of a configuration file */
} rows[] = {
    {"GC103", GN_S_USER, true, {NULL}, {{"user", &minus_five, 1}}},
    {"GC103", GN_S_USER, false, {"-u", "5"}, {{0}}},
    {"GC103", GN_S_GROUP, true, {NULL}, {{"group", &minus_five, 1}}},
    {"GC103", GN_S_GROUP, false, {"-g", "5"}, {{0}}},
    {"GC105", GN_S_USER, true, {"-u", "4294967295"}, {{0}}},
    {"GC105", GN_S_USER, false, {"-u", "4294967294"}, {{0}}},
    {"GC105", GN_S_GROUP, true, {"-g", "4294967295"}, {{0}}},
    {"GC105", GN_S_GROUP, false, {"-g", "4294967294"}, {{0}}},
    {"GC111", GN_S_BIND, true, {"-b", "h:x"}, {{0}}},
    {"GC111", GN_S_BIND, false, {"-b", "h:1"}, {{0}}},
    {"GC117", GN_S_BIND, true, {"-b", "h:1", "-b", "H:1"}, {{0}}},
    {"GC529", GN_S_BACKLOG, true, {"--backlog", "0"}, {{0}}},
    {"GC529", GN_S_BACKLOG, false, {"--backlog", "1"}, {{0}}},
    {"GC529", GN_S_THREADS, true, {"--threads", "0"}, {{0}}},
    {"GC529", GN_S_THREADS, false, {"--threads", "1"}, {{0}}},
    {"GC117", GN_S_BIND, true, {"-b", "unix:/a", "-b", "unix:/a", "--reuse-port"}, {{0}}},
    {"GC117", GN_S_BIND, false, {"-b", "fd://7", "-b", "fd://7"}, {{0}}},
    {"GC528", GN_S_BIND, true, {"-b", "fd://7", "-b", "fd://7"}, {{0}}},
    {"GC117", GN_S_BIND, false, {"-b", "unix:/a", "-b", "unix:/b"}, {{0}}},
    {"GC528", GN_S_BIND, false, {"-b", "h:1", "-b", "h:1"}, {{0}}},
    {"GC528", GN_S_BIND, false, {"-b", "unix:/a", "-b", "unix:/a"}, {{0}}},
    {"GC117", GN_S_BIND, false, {"-b", "h:1", "-b", "h:2"}, {{0}}},
    {"GC117", GN_S_BIND, false, {"-b", "h:0", "-b", "h:0"}, {{0}}},
    {"GC117", GN_S_BIND, false, {"-b", "h:1", "-b", "h:1", "--reuse-port"}, {{0}}},
    {"GC118", GN_S_RAW_ENV, true, {"-e", "A"}, {{0}}},
    {"GC118", GN_S_RAW_ENV, true, {"-e", "=A"}, {{0}}},
    {"GC118", GN_S_RAW_ENV, false, {"-e", "A=B"}, {{0}}},
    {"GC119", GN_S_WORKER_CLASS, true, {"-k", "nosuch"}, {{0}}},
    {"GC119", GN_S_WORKER_CLASS, false, {"-k", "sync"}, {{0}}},
    {"GC123", GN_S_KEYFILE, true, {"--keyfile", "k"}, {{0}}},
    {"GC123", GN_S_KEYFILE, false, {"--keyfile", "k", "--certfile", "c"}, {{0}}},
    {"GC501", GN_S_BIND, true, {NULL}, {{"bind", &no_items, 1}}},
    {"GC501", GN_S_BIND, false, {NULL}, {{0}}},
    {"GC502", GN_S_LOGLEVEL, true, {"--log-level", "loud"}, {{0}}},
    {"GC502", GN_S_LOGLEVEL, true, {NULL}, {{"loglevel", &gn_value_none, 1}}},
    {"GC502", GN_S_LOGLEVEL, false, {"--log-level", "Debug"}, {{0}}},
    {"GC503", GN_S_WORKERS, true, {"-w", "0"}, {{0}}},
    {"GC503", GN_S_WORKERS, false, {"-w", "1"}, {{0}}},
    {"GC505", GN_S_MAX_REQUESTS_JITTER, true, {"--max-requests-jitter", "5"}, {{0}}},
    {"GC505",
     GN_S_MAX_REQUESTS_JITTER,
     false,
     {"--max-requests-jitter", "5", "--max-requests", "9"},
     {{0}}},
    {"GC506",
     GN_S_SECURE_SCHEME_HEADERS,
     true,
     {NULL},
     {{"secure_scheme_headers", &odd_headers, 1}}},
    {"GC506",
     GN_S_SECURE_SCHEME_HEADERS,
     false,
     {NULL},
     {{"secure_scheme_headers", &good_headers, 1}}},
    {"GC509", GN_S_CA_CERTS, true, {"--ca-certs", "c"}, {{0}}},
    {"GC509", GN_S_CA_CERTS, false, {"--ca-certs", "c", "--certfile", "c"}, {{0}}},
    {"GC509", GN_S_CERT_REQS, true, {"--cert-reqs", "2"}, {{0}}},
    {"GC509", GN_S_CERT_REQS, false, {"--cert-reqs", "0"}, {{0}}},
    {"GC509", GN_S_CIPHERS, true, {"--ciphers", "c"}, {{0}}},
    {"GC509", GN_S_CIPHERS, false, {"--ciphers", "c", "--certfile", "c"}, {{0}}},
    {"GC509", GN_S_DO_HANDSHAKE_ON_CONNECT, true, {"--do-handshake-on-connect"}, {{0}}},
    {"GC509",
     GN_S_DO_HANDSHAKE_ON_CONNECT,
     false,
     {"--do-handshake-on-connect", "--certfile", "c"},
     {{0}}},
    {"GC509",
     GN_S_SUPPRESS_RAGGED_EOFS,
     true,
     {NULL},
     {{"suppress_ragged_eofs", &gn_value_false, 1}}},
    {"GC509", GN_S_SUPPRESS_RAGGED_EOFS, false, {"--suppress-ragged-eofs"}, {{0}}},
    {"GC510", GN_S_KEEPALIVE, true, {"--keep-alive", "5"}, {{0}}},
    {"GC510", GN_S_KEEPALIVE, false, {"--keep-alive", "2"}, {{0}}},
    {"GC510", GN_S_KEEPALIVE, false, {"--keep-alive", "0"}, {{0}}},
    {"GC510", GN_S_KEEPALIVE, false, {"--keep-alive", "5", "--threads", "2"}, {{0}}},
    {"GC510", GN_S_KEEPALIVE, false, {"--keep-alive", "5", "-k", "my.Worker"}, {{0}}},
    {"GC510", GN_S_WORKER_CONNECTIONS, true, {"--worker-connections", "5"}, {{0}}},
    {"GC510", GN_S_WORKER_CONNECTIONS, true, {"--worker-connections", "5", "-k", "tornado"}, {{0}}},
    {"GC510", GN_S_WORKER_CONNECTIONS, false, {"--worker-connections", "1000"}, {{0}}},
    {"GC510", GN_S_WORKER_CONNECTIONS, false, {"--worker-connections", "5", "-k", "gevent"}, {{0}}},
    {"GC510", GN_S_THREADS, true, {"--threads", "5", "-k", "gevent"}, {{0}}},
    {"GC510", GN_S_THREADS, false, {"--threads", "5", "-k", "sync"}, {{0}}},
    {"GC510", GN_S_THREADS, false, {"--threads", "1", "-k", "gevent"}, {{0}}},
    {"GC511", GN_S_STATSD_PREFIX, true, {"--statsd-prefix", "x"}, {{0}}},
    {"GC511", GN_S_STATSD_PREFIX, false, {"--statsd-prefix", "x", "--statsd-host", "h:1"}, {{0}}},
    {"GC511", GN_S_DOGSTATSD_TAGS, true, {"--dogstatsd-tags", "x"}, {{0}}},
    {"GC511", GN_S_DOGSTATSD_TAGS, false, {"--dogstatsd-tags", "x", "--statsd-host", "h:1"}, {{0}}},
    {"GC512", GN_S_SYSLOG_ADDR, true, {"--log-syslog-to", "udp://h:1"}, {{0}}},
    {"GC512", GN_S_SYSLOG_ADDR, false, {"--log-syslog-to", "udp://h:1", "--log-syslog"}, {{0}}},
    {"GC512", GN_S_SYSLOG_PREFIX, true, {"--log-syslog-prefix", "x"}, {{0}}},
    {"GC512", GN_S_SYSLOG_PREFIX, false, {"--log-syslog-prefix", "x", "--log-syslog"}, {{0}}},
    {"GC512", GN_S_SYSLOG_FACILITY, true, {"--log-syslog-facility", "mail"}, {{0}}},
    {"GC512", GN_S_SYSLOG_FACILITY, false, {"--log-syslog-facility", "user"}, {{0}}},
    {"GC512",
     GN_S_DISABLE_REDIRECT_ACCESS_TO_SYSLOG,
     true,
     {"--disable-redirect-access-to-syslog"},
     {{0}}},
    {"GC512",
     GN_S_DISABLE_REDIRECT_ACCESS_TO_SYSLOG,
     false,
     {"--disable-redirect-access-to-syslog", "--log-syslog"},
     {{0}}},
    {"GC513", GN_S_INITGROUPS, true, {"--initgroups"}, {{0}}},
    {"GC513", GN_S_INITGROUPS, false, {"--initgroups", "-u", "54321"}, {{0}}},
    {"GC514", GN_S_ACCESS_LOG_FORMAT, true, {"--access-logformat", "x"}, {{0}}},
    {"GC514",
     GN_S_ACCESS_LOG_FORMAT,
     true,
     {"--access-logformat", "x", "--log-syslog", "--disable-redirect-access-to-syslog"},
     {{0}}},
    {"GC514",
     GN_S_ACCESS_LOG_FORMAT,
     false,
     {"--access-logformat", "x", "--access-logfile", "-"},
     {{0}}},
    {"GC514", GN_S_ACCESS_LOG_FORMAT, false, {"--access-logformat", "x", "--log-syslog"}, {{0}}},
    {"GC514",
     GN_S_ACCESS_LOG_FORMAT,
     false,
     {"--access-logformat", "x", "--log-config", "f"},
     {{0}}},
    {"GC514",
     GN_S_ACCESS_LOG_FORMAT,
     false,
     {"--access-logformat", "x", "--logger-class", "my.Logger"},
     {{0}}},
    {"GC515", GN_S_RELOAD_EXTRA_FILES, true, {"--reload-extra-file", "/dev/null"}, {{0}}},
    {"GC515",
     GN_S_RELOAD_EXTRA_FILES,
     false,
     {"--reload-extra-file", "/dev/null", "--reload"},
     {{0}}},
    {"GC515", GN_S_RELOAD_ENGINE, true, {"--reload-engine", "poll"}, {{0}}},
    {"GC515", GN_S_RELOAD_ENGINE, false, {"--reload-engine", "poll", "--reload"}, {{0}}},
    {"GC516", GN_S_PROXY_ALLOW_IPS, true, {"--proxy-allow-from", "10.0.0.1"}, {{0}}},
    {"GC516",
     GN_S_PROXY_ALLOW_IPS,
     true,
     {"--proxy-allow-from", "10.0.0.1", "--proxy-protocol=off"},
     {{0}}},
    {"GC516",
     GN_S_PROXY_ALLOW_IPS,
     false,
     {"--proxy-allow-from", "10.0.0.1", "--proxy-protocol"},
     {{0}}},
    {"GC516",
     GN_S_PROXY_ALLOW_IPS,
     false,
     {"--proxy-allow-from", "10.0.0.1", "--proxy-protocol=v2"},
     {{0}}},
    {"GC517", GN_S_RAW_PASTE_GLOBAL_CONF, true, {"--paste-global", "a=b"}, {{0}}},
    {"GC517",
     GN_S_RAW_PASTE_GLOBAL_CONF,
     false,
     {"--paste-global", "a=b", "--paste", "f.ini"},
     {{0}}},
    {"GC518", GN_S_REUSE_PORT, true, {"--reuse-port", "-b", "unix:/a"}, {{0}}},
    {"GC518", GN_S_REUSE_PORT, false, {"--reuse-port", "-b", "unix:/a", "-b", "h:1"}, {{0}}},
    {"GC519", GN_S_CERT_REQS, true, {"--cert-reqs", "2", "--certfile", "c"}, {{0}}},
    {"GC519",
     GN_S_CERT_REQS,
     false,
     {"--cert-reqs", "2", "--certfile", "c", "--ca-certs", "c"},
     {{0}}},
    {"GC519",
     GN_S_CERT_REQS,
     false,
     {"--cert-reqs", "2", "--certfile", "c"},
     {{"ssl_context", &f2, 1}}},
    {"GC520", GN_S_RELOAD, true, {"--reload", "--preload"}, {{0}}},
    {"GC520", GN_S_RELOAD, false, {"--reload"}, {{0}}},
    {"GC521", GN_S_DAEMON, true, {"-D"}, {{0}}},
    {"GC521", GN_S_DAEMON, false, {"-D", "--error-logfile", "f"}, {{0}}},
    {"GC521", GN_S_DAEMON, false, {"-D", "--log-syslog"}, {{0}}},
    {"GC521", GN_S_DAEMON, false, {"-D", "-R"}, {{0}}},
    {"GC521", GN_S_ACCESSLOG, true, {"-D", "--access-logfile", "-"}, {{0}}},
    {"GC521", GN_S_ACCESSLOG, false, {"-D", "--access-logfile", "f"}, {{0}}},
    {"GC522", GN_S_HEADER_MAP, true, {"--header-map", "dangerous"}, {{0}}},
    {"GC522", GN_S_HEADER_MAP, false, {"--header-map", "refuse"}, {{0}}},
    {"GC522", GN_S_CASEFOLD_HTTP_METHOD, true, {"--casefold-http-method"}, {{0}}},
    {"GC522", GN_S_CASEFOLD_HTTP_METHOD, false, {NULL}, {{0}}},
    {"GC522", GN_S_PERMIT_OBSOLETE_FOLDING, true, {"--permit-obsolete-folding"}, {{0}}},
    {"GC522", GN_S_PERMIT_OBSOLETE_FOLDING, false, {NULL}, {{0}}},
    {"GC522",
     GN_S_PERMIT_UNCONVENTIONAL_HTTP_METHOD,
     true,
     {"--permit-unconventional-http-method"},
     {{0}}},
    {"GC522", GN_S_PERMIT_UNCONVENTIONAL_HTTP_METHOD, false, {NULL}, {{0}}},
    {"GC522",
     GN_S_PERMIT_UNCONVENTIONAL_HTTP_VERSION,
     true,
     {"--permit-unconventional-http-version"},
     {{0}}},
    {"GC522", GN_S_PERMIT_UNCONVENTIONAL_HTTP_VERSION, false, {NULL}, {{0}}},
    {"GC522", GN_S_STRIP_HEADER_SPACES, true, {"--strip-header-spaces"}, {{0}}},
    {"GC522", GN_S_STRIP_HEADER_SPACES, false, {NULL}, {{0}}},
    {"GC523", GN_S_LIMIT_REQUEST_LINE, true, {"--limit-request-line", "0"}, {{0}}},
    {"GC523", GN_S_LIMIT_REQUEST_LINE, false, {"--limit-request-line", "9"}, {{0}}},
    {"GC523", GN_S_LIMIT_REQUEST_FIELD_SIZE, true, {"--limit-request-field_size", "0"}, {{0}}},
    {"GC523", GN_S_LIMIT_REQUEST_FIELD_SIZE, false, {"--limit-request-field_size", "9"}, {{0}}},
    {"GC524", GN_S_FORWARDED_ALLOW_IPS, true, {"--forwarded-allow-ips", "*", "-b", ":1"}, {{0}}},
    {"GC524",
     GN_S_FORWARDED_ALLOW_IPS,
     true,
     {"--forwarded-allow-ips", "*", "-b", "[::]:1"},
     {{0}}},
    {"GC524", GN_S_FORWARDED_ALLOW_IPS, false, {"--forwarded-allow-ips", "*"}, {{0}}},
    {"GC524",
     GN_S_FORWARDED_ALLOW_IPS,
     false,
     {"--forwarded-allow-ips", "*", "-b", "[::1]:1"},
     {{0}}},
    {"GC524",
     GN_S_FORWARDED_ALLOW_IPS,
     false,
     {"--forwarded-allow-ips", "*", "-b", "unix:/a"},
     {{0}}},
    {"GC524",
     GN_S_FORWARDED_ALLOW_IPS,
     false,
     {"--forwarded-allow-ips", "10.0.0.1", "-b", ":1"},
     {{0}}},
    {"GC525", GN_S_TIMEOUT, true, {"-t", "0"}, {{0}}},
    {"GC525", GN_S_TIMEOUT, false, {"-t", "0", "--threads", "2"}, {{0}}},
    {"GC526", GN_S_RELOAD, true, {"--reload", "-D"}, {{0}}},
    {"GC526", GN_S_RELOAD, false, {"--reload"}, {{0}}},
    {"GC527",
     GN_S_ACCESS_LOG_FORMAT,
     true,
     {"--access-logformat", "[%(t)s]", "--access-logfile", "-"},
     {{0}}},
    {"GC527",
     GN_S_ACCESS_LOG_FORMAT,
     false,
     {"--access-logformat", "%(t)s", "--access-logfile", "-"},
     {{0}}},
};

static bool
knows_sync(const char *name)
{
    return strcmp(name, "nosuch") != 0;
}

static bool
is_reported(const struct gn_diags *d, const char *code, enum gn_setting_id id)
{
    for (const struct gn_diag *p = d->first; p != NULL; p = p->next) {
        if (strcmp(gn_diag_kinds[p->code].code, code) == 0 && p->setting == &gn_settings[id])
            return true;
    }
    return false;
}

START_TEST(row)
{
    static char *const no_env[] = {NULL};
    char *dir = make_dir(), *argv[16] = {(char *)(uintptr_t) "gunicorn", (char *)(uintptr_t) "app"};
    struct gn_inputs in = {
        .argc = 2, .argv = argv, .envp = no_env, .start_dir = dir, .knows_worker = knows_sync};
    struct fake_host host = fake_host_init();
    struct gn_compiled compiled;
    struct gn_diags diags;

    for (const char *const *word = rows[_i].words; *word != NULL; word++)
        argv[in.argc++] = (char *)(uintptr_t)*word;
    if (rows[_i].names[0].name != NULL) {
        put_file(dir, "gunicorn.conf.py", "");
        host.names = rows[_i].names;
    }
    gn_diags_init(&diags);
    (void)!gn_compile(&in, &host.host, &diags, &compiled);
    ck_assert_msg(is_reported(&diags, rows[_i].code, rows[_i].id) == rows[_i].fires,
                  "row %d: %s at %s", _i, rows[_i].code, gn_settings[rows[_i].id].name);
    gn_frozen_unref(compiled.frozen);
    gn_diags_fini(&diags);
    remove_file(dir, "gunicorn.conf.py");
    remove_dir(dir);
}
END_TEST

static bool
has_row(const char *code, enum gn_setting_id id, bool fires)
{
    for (size_t i = 0; i < GN_ARRAY_LEN(rows); i++) {
        if (strcmp(rows[i].code, code) == 0 && rows[i].id == id && rows[i].fires == fires)
            return true;
    }
    return false;
}

/* Every rule has a code that exists, and rows above for each of its settings. */
START_TEST(rule)
{
    const struct gn_rule *r = &gn_rules[_i];
    int n = 0;

    while (n < GN_DIAG_CODE_COUNT && strcmp(gn_diag_kinds[n].code, r->code) != 0)
        n++;
    ck_assert_msg(n < GN_DIAG_CODE_COUNT, "there is no %s", r->code);
    for (size_t i = 0; i < r->n_settings; i++) {
        for (int fires = 0; fires < 2; fires++)
            ck_assert_msg(has_row(r->code, r->settings[i], fires), "no row: %s at %s, %d", r->code,
                          gn_settings[r->settings[i]].name, fires);
    }
}
END_TEST

/* Numbers above the highest: refused, or taken as the highest. */
static const struct {
    enum gn_setting_id id;
    const char *flag, *most, *above;
    const char *code;
} bounds[] = {
    {GN_S_WORKERS, "-w", "1024", "1025", "GC105"},
    {GN_S_UMASK, "-m", "0777", "01000", "GC105"},
    {GN_S_CERT_REQS, "--cert-reqs", "2", "3", "GC105"},
    {GN_S_LIMIT_REQUEST_LINE, "--limit-request-line", "8190", "8191", "GC504"},
    {GN_S_LIMIT_REQUEST_FIELDS, "--limit-request-fields", "32768", "32769", "GC504"},
};

START_TEST(bound)
{
    bool is_cap = strcmp(bounds[_i].code, "GC504") == 0;

    for (int above = 0; above < 2; above++) {
        const char *words[] = {"app", bounds[_i].flag, above ? bounds[_i].above : bounds[_i].most,
                               NULL};
        struct run r = compile_in("/", words, NULL, NULL);

        ck_assert_int_eq(is_reported(&r.diags, bounds[_i].code, bounds[_i].id), above);
        ck_assert_int_eq(r.ok, is_cap || !above);
        if (bounds[_i].id == GN_S_LIMIT_REQUEST_LINE)
            ck_assert_int_eq(r.compiled.frozen->cfg.limit_request_line, 8190);
        if (bounds[_i].id == GN_S_LIMIT_REQUEST_FIELDS)
            ck_assert_int_eq(r.compiled.frozen->cfg.limit_request_fields, 32768);
        run_fini(&r);
    }
}
END_TEST

/* Every setting with a bound is among them. */
START_TEST(all_bounds)
{
    for (size_t i = 0; i < GN_SETTING_COUNT; i++) {
        bool has_one = gn_settings[i].max > 0 || gn_settings[i].cap > 0, is_tested = false;

        for (size_t j = 0; j < GN_ARRAY_LEN(bounds); j++)
            is_tested = is_tested || bounds[j].id == gn_settings[i].id;
        ck_assert_msg(has_one == is_tested, "%s", gn_settings[i].name);
    }
}
END_TEST

/* Notes are for those who ask for a check. */
START_TEST(notes)
{
    const char *words[] = {"app", "-t", "0", "--strict", _i ? "--check-config" : NULL, NULL};
    struct run r = compile_in("/", words, NULL, NULL);

    ck_assert(r.ok);
    ck_assert_uint_eq(r.diags.notes, 1);
    ck_assert_uint_eq(r.diags.warnings + r.diags.errors, 0);
    ck_assert_str_eq(r.text,
                     _i ? "command line: word 2 (-t): note: timeout: a worker that hangs is "
                          "never restarted [GC525]\n"
                        : "");
    run_fini(&r);
}
END_TEST

static Suite *
make_suite(void)
{
    Suite *suite = suite_create("gn_rules");
    TCase *tc = tcase_create("rules");

    tcase_add_loop_test(tc, row, 0, (int)GN_ARRAY_LEN(rows));
    tcase_add_loop_test(tc, rule, 0, (int)gn_rule_count);
    tcase_add_loop_test(tc, bound, 0, (int)GN_ARRAY_LEN(bounds));
    tcase_add_test(tc, all_bounds);
    tcase_add_loop_test(tc, notes, 0, 2);
    suite_add_tcase(suite, tc);
    return suite;
}

CONFIG_TEST_MAIN(make_suite)
