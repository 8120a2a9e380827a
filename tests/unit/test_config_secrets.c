#include "config/secrets.h"

#include "config_support.h"

static const struct {
    const char *name;
    bool is_secret;
} names[] = {
    {"DB_PASSWORD", true},  {"password", true},
    {"MYSQL_PASSWD", true}, {"SECRET_KEY", true},
    {"apiKey", true},       {"APIKEY", true},
    {"SENTRY_DSN", true},   {"GITHUB_TOKEN", true},
    {"TOKENS", true},       {"AWS_CREDENTIALS", true},
    {"PGPASS", true},       {"DB_PWD", true},
    {"PASSPHRASE", true},   {"BASIC_AUTH", true},
    {"PWD", false},         {"OLDPWD", false},
    {"PATH", false},        {"KEYBOARD", false},
    {"DSN_HOST", false},    {"PASSAGE", false},
    {"AUTHOR", false},      {"", false},
    {"A", false},           {"LANG", false},
};

START_TEST(name)
{
    ck_assert_msg(gn_secret_is_name(gn_slice_str(names[_i].name)) == names[_i].is_secret, "%s",
                  names[_i].name);
}
END_TEST

static const struct {
    enum gn_setting_id id;
    const char *given, *shown;
} texts[] = {
    {GN_S_RAW_ENV, "A=1", "A=1"},
    {GN_S_RAW_ENV, "DB_PASSWORD=x y=z", "DB_PASSWORD=********"},
    {GN_S_RAW_ENV, "db_password=", "db_password="},
    {GN_S_RAW_ENV, "PGOPTIONS=host=h password=geheim", "PGOPTIONS=host=h password=********"},
    {GN_S_RAW_ENV, "URL=redis://:geheim@h:1/0", "URL=redis://:********@h:1/0"},
    {GN_S_RAW_ENV, "URL=postgres://u:p/w@x@h/db", "URL=postgres://u:********@h/db"},
    {GN_S_RAW_ENV, "U=a://u:p@h b://v:q@i", "U=a://u:********@h b://v:********@i"},
    {GN_S_RAW_ENV, "U=http://h:80/x", "U=http://h:80/x"},
    {GN_S_RAW_ENV, "U=ssh://git@h/x", "U=ssh://git@h/x"},
    {GN_S_RAW_ENV, "U=http://u:@h/x", "U=http://u:@h/x"},
    {GN_S_RAW_ENV, "", ""},
    {GN_S_RAW_ENV, "=", "="},
    {GN_S_RAW_ENV, "U=://", "U=://"},
    {GN_S_RAW_PASTE_GLOBAL_CONF, "secret=1", "secret=********"},
    {GN_S_PROC_NAME, "http://u:p@h", "http://u:********@h"},
    {GN_S_PROC_NAME, "password=1", "password=1"},
};

START_TEST(text)
{
    struct gn_value item = {.tag = GN_V_STR, .str = gn_slice_str(texts[_i].given)};
    const struct gn_value *items[] = {&item};
    struct gn_value list = {.tag = GN_V_LIST, .list = {items, 1}};
    bool is_same = strcmp(texts[_i].given, texts[_i].shown) == 0;
    const struct gn_setting *s = &gn_settings[texts[_i].id];
    struct gn_arena a = {0};
    const struct gn_value *shown = gn_secret_hide(&a, s, &list);

    ck_assert_int_eq(shown == &list, is_same);
    ck_assert_msg(gn_slice_eq_str(shown->list.items[0]->str, texts[_i].shown), "%.*s",
                  GN_SLICE_ARG(shown->list.items[0]->str));
    gn_arena_fini(&a);
}
END_TEST

START_TEST(nested_names)
{
    static const struct gn_value key = V_STR("Password"), plain = V_STR("user"), x = V_STR("x"),
                                 number = V_INT(5);
    static const struct gn_value_pair inner_pairs[] = {{&key, &x}, {&plain, &x}};
    static const struct gn_value inner = {.tag = GN_V_DICT, .dict = {inner_pairs, 2}};
    static const struct gn_value_pair pairs[] = {{&plain, &inner}, {&key, &number}};
    static const struct gn_value dict = {.tag = GN_V_DICT, .dict = {pairs, 2}};
    struct gn_arena a = {0};
    struct gn_buf out = {0};
    const struct gn_value *shown = gn_secret_hide(&a, &gn_settings[GN_S_LOGCONFIG_DICT], &dict);

    ck_assert_ptr_nonnull(shown);
    ck_assert(gn_value_repr(shown, &out) && gn_buf_append(&out, "", 1));
    ck_assert_str_eq(gn_buf_head(&out), "{'user': {'Password': '********', 'user': 'x'}, "
                                        "'Password': '********'}");
    gn_buf_fini(&out);
    gn_arena_fini(&a);
}
END_TEST

START_TEST(origin_word)
{
    struct gn_origin o = {.layer = GN_LAYER_ARGV, .word = 1, .text = "--env=MY_TOKEN=abc"};
    struct gn_arena a = {0};

    ck_assert(gn_secret_hide_origin(&a, &gn_settings[GN_S_RAW_ENV], &o));
    ck_assert_str_eq(o.text, "--env=MY_TOKEN=********");
    o.text = "-w";
    ck_assert(gn_secret_hide_origin(&a, &gn_settings[GN_S_WORKERS], &o));
    ck_assert_str_eq(o.text, "-w");
    o.text = NULL;
    ck_assert(gn_secret_hide_origin(&a, &gn_settings[GN_S_WORKERS], &o));
    ck_assert_ptr_null(o.text);
    gn_arena_fini(&a);
}
END_TEST

static Suite *
make_suite(void)
{
    Suite *suite = suite_create("gn_secret");
    TCase *tc = tcase_create("hide");

    tcase_add_loop_test(tc, name, 0, (int)GN_ARRAY_LEN(names));
    tcase_add_loop_test(tc, text, 0, (int)GN_ARRAY_LEN(texts));
    tcase_add_test(tc, nested_names);
    tcase_add_test(tc, origin_word);
    suite_add_tcase(suite, tc);
    return suite;
}

CONFIG_TEST_MAIN(make_suite)
