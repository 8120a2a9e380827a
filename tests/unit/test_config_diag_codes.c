#include "config_support.h"

/* Codes are for ever: in order, each once, and none without a title. */
START_TEST(codes)
{
    const struct gn_diag_kind *kind = &gn_diag_kinds[_i];

    ck_assert_uint_eq(strlen(kind->code), 5);
    ck_assert_int_eq(strncmp(kind->code, "GC", 2), 0);
    ck_assert_uint_eq(strspn(kind->code + 2, "0123456789"), 3);
    ck_assert_uint_gt(strlen(kind->title), 0);
    if (_i > 0)
        ck_assert_int_lt(strcmp(gn_diag_kinds[_i - 1].code, kind->code), 0);
}
END_TEST

static const struct {
    bool (*form)(const struct gn_diags *d, struct gn_buf *out);
    const char *empty, *wants[4];
} forms[] = {
    {gn_diags_json,
     "[]\n",
     {"\"code\":\t\"GC103\"", "\"file\":\t\"a b,%.py\"",
      "\"message\":\t\"x\xef\xbf\xbdy 5%, z: \\\"q\\\"\"", "\"hint\":\t\"do it\""}},
    {gn_diags_sarif,
     NULL,
     {"\"ruleId\":\t\"GC103\"", "\"uri\":\t\"a%20b%2C%25.py\"", "\"startColumn\":\t7",
      "workers: x\xef\xbf\xbdy 5%, z: \\\"q\\\"\\nhint: do it\\nT\\n  b\\n"}},
    {gn_diags_github,
     "",
     {"::error file=a b%2C%25.py,line=3,col=7,title=GC103 negative number::workers: ",
      " 5%25, z: \"q\"%0Ahint: do it%0AT%0A  b%0A\n", "::warning title=GC503 no worker::command",
      "word 2 (-w): workers: none\n"}},
};

START_TEST(form)
{
    const struct gn_origin file = {
        .layer = GN_LAYER_CONF, .file = "a b,%.py", .line = 3, .column = 7};
    const struct gn_origin word = {.layer = GN_LAYER_ARGV, .word = 2, .text = "-w"};
    const struct gn_setting *s = &gn_settings[GN_S_WORKERS];
    struct gn_buf out = {0};
    struct gn_diags d;
    struct gn_diag *diag;

    gn_diags_init(&d);
    ck_assert(forms[_i].form(&d, &out));
    if (forms[_i].empty != NULL)
        ck_assert(gn_slice_eq_str(gn_buf_slice(&out), forms[_i].empty));
    gn_buf_fini(&out);
    out = (struct gn_buf){0};
    diag = gn_diag_add(&d, GN_D_NEGATIVE, &file, s, "x\xffy 5%%, z: \"q\"");
    gn_diag_hint(&d, diag, "do it");
    gn_diag_detail(&d, diag, "T\n  b\n");
    gn_diag_add(&d, GN_D_NO_WORKERS, &word, s, "none");
    ck_assert(forms[_i].form(&d, &out) && gn_buf_append(&out, "", 1));
    for (size_t i = 0; i < 4; i++)
        ck_assert_msg(strstr(gn_buf_slice(&out).p, forms[_i].wants[i]) != NULL, "no %s in %s",
                      forms[_i].wants[i], gn_buf_slice(&out).p);
    gn_buf_fini(&out);
    gn_diags_fini(&d);
}
END_TEST

static const struct {
    const char *line;
    int column;
    enum gn_setting_id id;
    const char *want; /* behind the message; "" when the line is not shown */
} sources[] = {
    {"workers = x", 11, GN_S_WORKERS, "    workers = x\n              ^\n"},
    {"\tworkers: \x01", 2, GN_S_WORKERS, "    \tworkers: ?\n    \t^\n"},
    {"\xe5\x90\x8d: x", 4, GN_S_WORKERS, "    \xe5\x90\x8d: x\n        ^\n"},
    {"e\xcc\x81: x", 5, GN_S_WORKERS, "    e\xcc\x81: x\n       ^\n"},
    {"\xe4: x", 4, GN_S_WORKERS, "    ?: x\n       ^\n"},
    {"\xc2\x9b: x", 4, GN_S_WORKERS, "    ?: x\n       ^\n"},
    {"a\rworkers = x", 2, GN_S_WORKERS, ""},
    {"\xc3\xa4: x", 4, GN_S_WORKERS, "    \xc3\xa4: x\n       ^\n"},
    {"workers =", 10, GN_S_WORKERS, "    workers =\n             ^\n"},
    {"workers", 9, GN_S_WORKERS, ""},
    {"x", 1, GN_S_RAW_ENV, ""},
    {"db_password = 'x'", 1, GN_S_WORKERS, ""},
    {"x = 'redis://u:p@h'", 1, GN_S_WORKERS, ""},
    {"", 1, GN_S_WORKERS, ""},
};

START_TEST(source)
{
    char *dir = make_dir(), *text, path[4200], content[512];
    struct gn_origin o = {.layer = GN_LAYER_CONF, .file = path, .line = 2};
    struct gn_diags d;
    const char *rest;
    size_t n;

    snprintf(path, sizeof(path), "%s/c.py", dir);
    snprintf(content, sizeof(content), "first\n%s\nlast\n", sources[_i].line);
    put_file(dir, "c.py", content);
    o.column = sources[_i].column;
    gn_diags_init(&d);
    gn_diag_add(&d, GN_D_NEGATIVE, &o, &gn_settings[sources[_i].id], "x");
    text = print_diags(&d, &n);
    rest = strchr(text, '\n');
    ck_assert_ptr_nonnull(rest);
    ck_assert_str_eq(rest + 1, sources[_i].want);
    free(text);
    gn_diags_fini(&d);
    remove_file(dir, "c.py");
    remove_dir(dir);
}
END_TEST

START_TEST(colour)
{
    struct gn_diags d;
    size_t n;
    char *text;

    gn_diags_init(&d);
    d.is_coloured = true;
    gn_diag_add(&d, GN_D_NO_WORKERS, NULL, NULL, "x");
    text = print_diags(&d, &n);
    ck_assert_str_eq(text, "gunicorn: \033[1;35mwarning:\033[0m x [GC503]\n");
    free(text);
    gn_diags_fini(&d);
}
END_TEST

static Suite *
make_suite(void)
{
    Suite *suite = suite_create("gn_diag_forms");
    TCase *tc = tcase_create("forms");

    tcase_add_loop_test(tc, codes, 0, GN_DIAG_CODE_COUNT);
    tcase_add_loop_test(tc, form, 0, (int)GN_ARRAY_LEN(forms));
    tcase_add_loop_test(tc, source, 0, (int)GN_ARRAY_LEN(sources));
    tcase_add_test(tc, colour);
    suite_add_tcase(suite, tc);
    return suite;
}

CONFIG_TEST_MAIN(make_suite)
