/* The generated settings table: every row is sound, and says what users rely on. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "config/setting.h"

enum { ADDITIONS = 11 };

/* The documented settings by name: flags, name of the value in --help (NULL: made from the name),
 * what the flag does, default as printed. Lists of addresses and names have their raw default here;
 * defaults that depend on the process are None. */
static const struct {
    const char *name, *flags, *meta;
    enum gn_cli_action action;
    const char *def;
} documented[] = {
    {"access_log_format", "--access-logformat", "STRING", GN_CLI_STORE,
     "%(h)s %(l)s %(u)s %(t)s \"%(r)s\" %(s)s %(b)s \"%(f)s\" \"%(a)s\""},
    {"accesslog", "--access-logfile", "FILE", GN_CLI_STORE, "None"},
    {"backlog", "--backlog", "INT", GN_CLI_STORE, "2048"},
    {"bind", "-b --bind", "ADDRESS", GN_CLI_APPEND, "['127.0.0.1:8000']"},
    {"ca_certs", "--ca-certs", "FILE", GN_CLI_STORE, "None"},
    {"capture_output", "--capture-output", NULL, GN_CLI_STORE_TRUE, "False"},
    {"casefold_http_method", "--casefold-http-method", NULL, GN_CLI_STORE_TRUE, "False"},
    {"cert_reqs", "--cert-reqs", NULL, GN_CLI_STORE, "0"},
    {"certfile", "--certfile", "FILE", GN_CLI_STORE, "None"},
    {"chdir", "--chdir", NULL, GN_CLI_STORE, "None"},
    {"check_config", "--check-config", NULL, GN_CLI_STORE_TRUE, "False"},
    {"child_exit", "", NULL, GN_CLI_NONE, "<ChildExit.child_exit()>"},
    {"ciphers", "--ciphers", NULL, GN_CLI_STORE, "None"},
    {"config", "-c --config", "CONFIG", GN_CLI_STORE, "./gunicorn.conf.py"},
    {"daemon", "-D --daemon", NULL, GN_CLI_STORE_TRUE, "False"},
    {"default_proc_name", "", NULL, GN_CLI_NONE, "gunicorn"},
    {"disable_redirect_access_to_syslog", "--disable-redirect-access-to-syslog", NULL,
     GN_CLI_STORE_TRUE, "False"},
    {"do_handshake_on_connect", "--do-handshake-on-connect", NULL, GN_CLI_STORE_TRUE, "False"},
    {"dogstatsd_tags", "--dogstatsd-tags", "DOGSTATSD_TAGS", GN_CLI_STORE, ""},
    {"enable_stdio_inheritance", "-R --enable-stdio-inheritance", NULL, GN_CLI_STORE_TRUE, "False"},
    {"errorlog", "--error-logfile --log-file", "FILE", GN_CLI_STORE, "-"},
    {"forwarded_allow_ips", "--forwarded-allow-ips", "STRING", GN_CLI_STORE, "127.0.0.1,::1"},
    {"forwarder_headers", "--forwarder-headers", NULL, GN_CLI_STORE, "SCRIPT_NAME,PATH_INFO"},
    {"graceful_timeout", "--graceful-timeout", "INT", GN_CLI_STORE, "30"},
    {"group", "-g --group", "GROUP", GN_CLI_STORE, "None"},
    {"header_map", "--header-map", NULL, GN_CLI_STORE, "drop"},
    {"initgroups", "--initgroups", NULL, GN_CLI_STORE_TRUE, "False"},
    {"keepalive", "--keep-alive", "INT", GN_CLI_STORE, "2"},
    {"keyfile", "--keyfile", "FILE", GN_CLI_STORE, "None"},
    {"limit_request_field_size", "--limit-request-field_size", "INT", GN_CLI_STORE, "8190"},
    {"limit_request_fields", "--limit-request-fields", "INT", GN_CLI_STORE, "100"},
    {"limit_request_line", "--limit-request-line", "INT", GN_CLI_STORE, "4094"},
    {"logconfig", "--log-config", "FILE", GN_CLI_STORE, "None"},
    {"logconfig_dict", "", NULL, GN_CLI_NONE, "{}"},
    {"logconfig_json", "--log-config-json", "FILE", GN_CLI_STORE, "None"},
    {"logger_class", "--logger-class", "STRING", GN_CLI_STORE, "gunicorn.glogging.Logger"},
    {"loglevel", "--log-level", "LEVEL", GN_CLI_STORE, "info"},
    {"max_requests", "--max-requests", "INT", GN_CLI_STORE, "0"},
    {"max_requests_jitter", "--max-requests-jitter", "INT", GN_CLI_STORE, "0"},
    {"nworkers_changed", "", NULL, GN_CLI_NONE, "<NumWorkersChanged.nworkers_changed()>"},
    {"on_exit", "", NULL, GN_CLI_NONE, "<OnExit.on_exit()>"},
    {"on_reload", "", NULL, GN_CLI_NONE, "<OnReload.on_reload()>"},
    {"on_starting", "", NULL, GN_CLI_NONE, "<OnStarting.on_starting()>"},
    {"paste", "--paste --paster", "STRING", GN_CLI_STORE, "None"},
    {"permit_obsolete_folding", "--permit-obsolete-folding", NULL, GN_CLI_STORE_TRUE, "False"},
    {"permit_unconventional_http_method", "--permit-unconventional-http-method", NULL,
     GN_CLI_STORE_TRUE, "False"},
    {"permit_unconventional_http_version", "--permit-unconventional-http-version", NULL,
     GN_CLI_STORE_TRUE, "False"},
    {"pidfile", "-p --pid", "FILE", GN_CLI_STORE, "None"},
    {"post_fork", "", NULL, GN_CLI_NONE, "<Postfork.post_fork()>"},
    {"post_request", "", NULL, GN_CLI_NONE, "<PostRequest.post_request()>"},
    {"post_worker_init", "", NULL, GN_CLI_NONE, "<PostWorkerInit.post_worker_init()>"},
    {"pre_exec", "", NULL, GN_CLI_NONE, "<PreExec.pre_exec()>"},
    {"pre_fork", "", NULL, GN_CLI_NONE, "<Prefork.pre_fork()>"},
    {"pre_request", "", NULL, GN_CLI_NONE, "<PreRequest.pre_request()>"},
    {"preload_app", "--preload", NULL, GN_CLI_STORE_TRUE, "False"},
    {"print_config", "--print-config", NULL, GN_CLI_STORE_TRUE, "False"},
    {"proc_name", "-n --name", "STRING", GN_CLI_STORE, "None"},
    {"proxy_allow_ips", "--proxy-allow-from", NULL, GN_CLI_STORE, "127.0.0.1,::1"},
    {"proxy_protocol", "--proxy-protocol", "MODE", GN_CLI_OPTIONAL, "False"},
    {"pythonpath", "--pythonpath", "STRING", GN_CLI_STORE, "None"},
    {"raw_env", "-e --env", "ENV", GN_CLI_APPEND, "[]"},
    {"raw_paste_global_conf", "--paste-global", "CONF", GN_CLI_APPEND, "[]"},
    {"reload", "--reload", NULL, GN_CLI_STORE_TRUE, "False"},
    {"reload_engine", "--reload-engine", "STRING", GN_CLI_STORE, "auto"},
    {"reload_extra_files", "--reload-extra-file", "FILES", GN_CLI_APPEND, "[]"},
    {"reuse_port", "--reuse-port", NULL, GN_CLI_STORE_TRUE, "False"},
    {"secure_scheme_headers", "", NULL, GN_CLI_NONE,
     "{'X-FORWARDED-PROTOCOL': 'ssl', 'X-FORWARDED-PROTO': 'https', 'X-FORWARDED-SSL': 'on'}"},
    {"sendfile", "--no-sendfile", NULL, GN_CLI_STORE_FALSE, "None"},
    {"spew", "--spew", NULL, GN_CLI_STORE_TRUE, "False"},
    {"ssl_context", "", NULL, GN_CLI_NONE, "<NewSSLContext.ssl_context()>"},
    {"ssl_version", "--ssl-version", NULL, GN_CLI_STORE, "2"},
    {"statsd_host", "--statsd-host", "STATSD_ADDR", GN_CLI_STORE, "None"},
    {"statsd_prefix", "--statsd-prefix", "STATSD_PREFIX", GN_CLI_STORE, ""},
    {"strip_header_spaces", "--strip-header-spaces", NULL, GN_CLI_STORE_TRUE, "False"},
    {"suppress_ragged_eofs", "--suppress-ragged-eofs", NULL, GN_CLI_STORE_TRUE, "True"},
    {"syslog", "--log-syslog", NULL, GN_CLI_STORE_TRUE, "False"},
    {"syslog_addr", "--log-syslog-to", "SYSLOG_ADDR", GN_CLI_STORE, "udp://localhost:514"},
    {"syslog_facility", "--log-syslog-facility", "SYSLOG_FACILITY", GN_CLI_STORE, "user"},
    {"syslog_prefix", "--log-syslog-prefix", "SYSLOG_PREFIX", GN_CLI_STORE, "None"},
    {"threads", "--threads", "INT", GN_CLI_STORE, "1"},
    {"timeout", "-t --timeout", "INT", GN_CLI_STORE, "30"},
    {"tmp_upload_dir", "", NULL, GN_CLI_NONE, "None"},
    {"umask", "-m --umask", "INT", GN_CLI_STORE, "0"},
    {"user", "-u --user", "USER", GN_CLI_STORE, "None"},
    {"when_ready", "", NULL, GN_CLI_NONE, "<WhenReady.when_ready()>"},
    {"worker_abort", "", NULL, GN_CLI_NONE, "<WorkerAbort.worker_abort()>"},
    {"worker_class", "-k --worker-class", "STRING", GN_CLI_STORE, "sync"},
    {"worker_connections", "--worker-connections", "INT", GN_CLI_STORE, "1000"},
    {"worker_exit", "", NULL, GN_CLI_NONE, "<WorkerExit.worker_exit()>"},
    {"worker_int", "", NULL, GN_CLI_NONE, "<WorkerInt.worker_int()>"},
    {"worker_tmp_dir", "--worker-tmp-dir", "DIR", GN_CLI_STORE, "None"},
    {"workers", "-w --workers", "INT", GN_CLI_STORE, "1"},
    {"wsgi_app", "", NULL, GN_CLI_NONE, "None"},
};

static const struct gn_setting *
find(const char *name)
{
    return gn_setting_find(gn_slice_str(name));
}

START_TEST(finds_every_name)
{
    const struct gn_setting *s = &gn_settings[_i];
    ck_assert_int_eq((int)s->id, _i);
    ck_assert_ptr_eq(find(s->name), s);

    char text[64];
    int n = snprintf(text, sizeof text, "%sx", s->name);
    ck_assert_ptr_null(gn_setting_find(gn_slice(text, (size_t)n)));
    const struct gn_setting *shorter = gn_setting_find(gn_slice(text, (size_t)n - 2));
    ck_assert_ptr_ne(shorter, s);
    ck_assert_ptr_eq(gn_setting_find(gn_slice(text, (size_t)n - 1)), s);
}
END_TEST

START_TEST(finds_nothing_else)
{
    static const char *const names[] = {"",      "a",     "zzz",          "Workers", "WORKERS",
                                        "bind ", " bind", "worker-class", "~",       "\xff"};
    for (size_t i = 0; i < GN_ARRAY_LEN(names); i++)
        ck_assert_ptr_null(find(names[i]));
    ck_assert_ptr_null(gn_setting_find(gn_slice("bind\0x", 6)));
    ck_assert_ptr_null(gn_setting_find((struct gn_slice){NULL, 0}));
}
END_TEST

START_TEST(names_are_sorted)
{
    size_t width = 0;
    for (int i = 0; i < GN_SETTING_COUNT; i++) {
        const char *name = gn_settings[gn_settings_by_name[i]].name;
        width = strlen(name) > width ? strlen(name) : width;
        if (i > 0)
            ck_assert_int_lt(strcmp(gn_settings[gn_settings_by_name[i - 1]].name, name), 0);
    }
    ck_assert_uint_eq(width, gn_setting_name_width);
    ck_assert_uint_eq(width, 34);
}
END_TEST

static int
section_index(const char *title)
{
    for (int i = 0; gn_setting_sections[i] != NULL; i++) {
        if (strcmp(gn_setting_sections[i], title) == 0)
            return i;
    }
    return -1;
}

START_TEST(row_is_complete)
{
    const struct gn_setting *s = &gn_settings[_i];
    ck_assert_int_ge(section_index(s->section), 0);
    if (_i > 0)
        ck_assert_int_ge(section_index(s->section), section_index(gn_settings[_i - 1].section));
    ck_assert_ptr_nonnull(s->cli);
    ck_assert_int_eq(s->cli[0] == NULL, s->action == GN_CLI_NONE);
    ck_assert_ptr_nonnull(s->def);
    ck_assert_ptr_nonnull(s->since);
    ck_assert_int_eq(s->is_addition, s->since[0] == 'c');
    ck_assert_int_eq(s->choices != NULL,
                     s->kind == GN_KIND_CHOICE || s->kind == GN_KIND_BOOL_CHOICE);
    ck_assert_int_eq(s->arity != NULL, s->kind == GN_KIND_HOOK);
    if (s->pending_is_fatal)
        ck_assert_ptr_nonnull(s->pending);
    ck_assert_uint_gt(strlen(s->brief), 10);
    ck_assert_uint_gt(strlen(s->desc), 10);
}
END_TEST

static size_t
field_size(enum gn_kind kind)
{
    switch (kind) {
    case GN_KIND_BOOL:
        return sizeof(bool);
    case GN_KIND_TRIBOOL:
        return sizeof(int8_t);
    case GN_KIND_CHOICE:
    case GN_KIND_BOOL_CHOICE:
        return sizeof(int);
    case GN_KIND_NONNEG_INT:
    case GN_KIND_BYTE_SIZE:
    case GN_KIND_UMASK:
    case GN_KIND_USER:
    case GN_KIND_GROUP:
        return sizeof(int64_t);
    case GN_KIND_STRING:
    case GN_KIND_DIRECTORY:
    case GN_KIND_DICT:
    case GN_KIND_STATSD:
    case GN_KIND_ANY:
        return sizeof(void *);
    case GN_KIND_CLASS:
    case GN_KIND_HOOK:
        return sizeof(struct gn_ref);
    case GN_KIND_STRING_LIST:
    case GN_KIND_FILE_LIST:
    case GN_KIND_IP_LIST:
    case GN_KIND_COMMA_LIST:
        return sizeof(struct gn_strlist);
    }
    return 0;
}

START_TEST(fields_do_not_overlap)
{
    size_t size = field_size(gn_settings[_i].kind);
    size_t next = _i + 1 < GN_SETTING_COUNT ? gn_settings[_i + 1].offset : sizeof(struct gn_cfg);
    ck_assert_uint_gt(size, 0);
    ck_assert_uint_le(gn_settings[_i].offset + size, next);
}
END_TEST

static bool
default_fits(const struct gn_setting *s)
{
    enum gn_value_tag tag = s->def->tag;
    switch (s->kind) {
    case GN_KIND_BOOL:
    case GN_KIND_BOOL_CHOICE:
        return tag == GN_V_BOOL;
    case GN_KIND_TRIBOOL:
        return tag == GN_V_BOOL || tag == GN_V_NONE;
    case GN_KIND_NONNEG_INT:
    case GN_KIND_BYTE_SIZE:
    case GN_KIND_UMASK:
        return tag == GN_V_INT && s->def->i >= 0;
    case GN_KIND_USER:
    case GN_KIND_GROUP:
    case GN_KIND_DIRECTORY:
        return tag == GN_V_NONE;
    case GN_KIND_DICT:
        return tag == GN_V_DICT;
    case GN_KIND_STRING_LIST:
    case GN_KIND_FILE_LIST:
        return tag == GN_V_LIST;
    case GN_KIND_CLASS:
    case GN_KIND_CHOICE:
    case GN_KIND_IP_LIST:
    case GN_KIND_COMMA_LIST:
        return tag == GN_V_STR;
    case GN_KIND_HOOK:
        return tag == GN_V_OBJECT && s->def->obj->handle == NULL &&
               s->def->obj->positional == s->arity[0];
    case GN_KIND_STRING:
    case GN_KIND_STATSD:
        return tag == GN_V_STR || tag == GN_V_NONE;
    case GN_KIND_ANY:
        return true;
    }
    return false;
}

START_TEST(default_fits_kind)
{
    ck_assert_msg(default_fits(&gn_settings[_i]), "%s", gn_settings[_i].name);
}
END_TEST

/* The flags of a row, separated by blanks. */
static void
join_flags(const struct gn_setting *s, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; s->cli[i] != NULL && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s", i > 0 ? " " : "", s->cli[i]);
}

START_TEST(row_is_as_documented)
{
    const struct gn_setting *s = find(documented[_i].name);
    ck_assert_msg(s != NULL, "%s is missing", documented[_i].name);
    ck_assert(!s->is_addition);

    char flags[128];
    join_flags(s, flags, sizeof flags);
    ck_assert_str_eq(flags, documented[_i].flags);
    ck_assert_int_eq((int)s->action, (int)documented[_i].action);
    ck_assert_pstr_eq(s->meta, documented[_i].meta);

    struct gn_buf printed = {0};
    ck_assert(gn_value_print(s->def, &printed));
    ck_assert(gn_buf_append(&printed, "", 1));
    ck_assert_str_eq(gn_buf_head(&printed), documented[_i].def);
    gn_buf_fini(&printed);
}
END_TEST

START_TEST(nothing_undocumented)
{
    unsigned additions = 0;
    for (int i = 0; i < GN_SETTING_COUNT; i++)
        additions += gn_settings[i].is_addition;
    ck_assert_uint_eq(additions, ADDITIONS);
    ck_assert_uint_eq(GN_ARRAY_LEN(documented), GN_SETTING_COUNT - ADDITIONS);
}
END_TEST

START_TEST(special_rows)
{
    ck_assert_str_eq(find("bind")->env, "PORT");
    ck_assert_str_eq(find("bind")->env_format, "0.0.0.0:%s");
    ck_assert_str_eq(find("workers")->env, "WEB_CONCURRENCY");
    ck_assert_str_eq(find("forwarded_allow_ips")->env, "FORWARDED_ALLOW_IPS");
    ck_assert_int_eq((int)find("workers")->cli_type, GN_CLI_INT);
    ck_assert_int_eq((int)find("umask")->cli_type, GN_CLI_UMASK);
    ck_assert_int_eq((int)find("cert_reqs")->cli_type, GN_CLI_STR);
    ck_assert_str_eq(find("header_map")->choices[GN_HEADER_MAP_DANGEROUS], "dangerous");
    ck_assert(find("header_map")->choice_ignores_case);
    ck_assert(!find("reload_engine")->choice_ignores_case);
    const int *arity = find("post_request")->arity;
    ck_assert(arity[0] == 4 && arity[1] == 2 && arity[2] == 3 && arity[3] == 0);
    ck_assert(find("raw_env")->is_secret);
    ck_assert_int_eq((int)find("bind")->apply, GN_APPLY_RELOAD);
    ck_assert_int_eq((int)find("user")->apply, GN_APPLY_RELOAD);
    ck_assert_int_eq((int)find("timeout")->apply, GN_APPLY_WORKER);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("gn_setting");
    TCase *tc = tcase_create("table");
    tcase_add_loop_test(tc, finds_every_name, 0, GN_SETTING_COUNT);
    tcase_add_test(tc, finds_nothing_else);
    tcase_add_test(tc, names_are_sorted);
    tcase_add_loop_test(tc, row_is_complete, 0, GN_SETTING_COUNT);
    tcase_add_loop_test(tc, fields_do_not_overlap, 0, GN_SETTING_COUNT);
    tcase_add_loop_test(tc, default_fits_kind, 0, GN_SETTING_COUNT);
    tcase_add_loop_test(tc, row_is_as_documented, 0, (int)GN_ARRAY_LEN(documented));
    tcase_add_test(tc, nothing_undocumented);
    tcase_add_test(tc, special_rows);
    suite_add_tcase(suite, tc);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
