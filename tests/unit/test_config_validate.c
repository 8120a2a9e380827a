#include "config_support.h"

#include "config/internal.h"
#include "config_values.h"

#include "config_matrix.h"

/* `text` with <DIR>, <EUID> and <EGID> filled in; heap. */
static char *
fill_in(const char *text, const char *dir)
{
    struct gn_buf b = {0};
    char *out;

    while (*text != '\0') {
        if (strncmp(text, "<DIR>", 5) == 0) {
            ck_assert(gn_buf_printf(&b, "%s", dir));
            text += 5;
        } else if (strncmp(text, "<EUID>", 6) == 0 || strncmp(text, "<EGID>", 6) == 0) {
            ck_assert(gn_buf_printf(&b, "%u", text[2] == 'U' ? geteuid() : getegid()));
            text += 6;
        } else {
            ck_assert(gn_buf_append(&b, text++, 1));
        }
    }
    out = strndup(gn_buf_slice(&b).p, gn_buf_len(&b));
    gn_buf_fini(&b);
    return out;
}

/* "=REPR" or "!REASON" of one value; in the arena. */
static const char *
outcome(struct gn_builder *b, const struct gn_setting *s, const struct gn_value *v)
{
    struct gn_check c = {
        .setting = s, .raw = v, .arena = &b->arena, .base_dir = b->start_dir, .builder = b};
    const char *text;

    if (!gn_validate(&c))
        return gn_arena_printf(&b->arena, "!%s", c.reason);
    text = c.value->tag == GN_V_OBJECT ? c.value->obj->qualname
                                       : gn_value_text(&b->arena, c.value, true);
    return gn_arena_printf(&b->arena, "=%s", text);
}

START_TEST(every_value_with_every_kind)
{
    const struct gn_setting *s = &gn_settings[matrix_kinds[_i].id];
    struct fake_host host = fake_host_init();
    struct gn_builder b;
    struct gn_diags d;
    char *dir = make_dir();
    struct gn_inputs in = {.start_dir = dir};

    gn_diags_init(&d);
    ck_assert(gn_builder_init(&b, &in, &d, &host.host));
    for (size_t i = 0; i < MATRIX_VALUES; i++) {
        char *want = fill_in(matrix_kinds[_i].want[i], dir);
        const char *got = outcome(&b, s, matrix_values[i].value);

        ck_assert_msg(strcmp(got, want) == 0, "%s = %s: got %s, want %s", s->name,
                      matrix_values[i].name, got, want);
        free(want);
    }
    gn_builder_fini(&b);
    gn_diags_fini(&d);
    remove_dir(dir);
}
END_TEST

static const struct {
    enum gn_setting_id id;
    struct gn_value value;
    const char *want;
} more[] = {
    {GN_S_UMASK, V_STR("022"), "=18"},
    {GN_S_UMASK, V_STR("08"), "!not a whole number: '08'"},
    {GN_S_UMASK, V_STR("0o22"), "=18"},
    {GN_S_BACKLOG, V_STR("9223372036854775807"), "=9223372036854775807"},
    {GN_S_BACKLOG, V_STR("9223372036854775808"), "!the number is too large: 9223372036854775808"},
    {GN_S_BACKLOG,
     {.tag = GN_V_BIGINT, .str = {"100000000000000000000", 21}},
     "!the number is too large: 100000000000000000000"},
    {GN_S_PROC_NAME,
     {.tag = GN_V_STR, .str = {"a\0b", 3}},
     "!a text must not hold a NUL byte: 'a\\x00b'"},
    {GN_S_BIND,
     {.tag = GN_V_STR, .str = {"a\0b", 3}},
     "!a text must not hold a NUL byte: 'a\\x00b'"},
    {GN_S_PROC_NAME, V_STR("  "), "=''"},
    {GN_S_BIND, V_STR("  "), "=['']"},
    {GN_S_PROXY_ALLOW_IPS, V_STR("10.0.0.0/8, ::1 ,fe80::/10,*"),
     "=['10.0.0.0/8', '::1', 'fe80::/10', '*']"},
    {GN_S_PROXY_ALLOW_IPS, V_STR("fe80::1/10"), "!fe80::1/10 has host bits set"},
    {GN_S_PROXY_ALLOW_IPS, V_STR("10.0.0.0/255.0.0.0"), "=['10.0.0.0/255.0.0.0']"},
    {GN_S_PROXY_ALLOW_IPS, V_STR("10/8"), "!'10/8' does not appear to be an IPv4 or IPv6 network"},
    {GN_S_STATSD_HOST, V_STR("[::1]:9"), "=('::1', 9)"},
    {GN_S_STATSD_HOST, V_STR("fd://3"), "=3"},
    {GN_S_STATSD_HOST, V_STR(":9"), "=('0.0.0.0', 9)"},
    {GN_S_RELOAD_EXTRA_FILES, V_STR("*.py"), "=['*.py']"},
    {GN_S_CHDIR, V_STR("/tmp/../tmp/./"), "='/tmp'"},
    {GN_S_CHDIR, V_STR("/dev/null"), "!Not a directory: '/dev/null'"},
    {GN_S_ON_EXIT, V_STR("hooks.one"), "=f1"},
    {GN_S_PROXY_PROTOCOL, {.tag = GN_V_BOOL, .b = true}, "=True"},
    {GN_S_PROXY_PROTOCOL, {.tag = GN_V_BOOL, .b = false}, "=False"},
    {GN_S_PROXY_PROTOCOL, {.tag = GN_V_NONE}, "=None"},
    {GN_S_PROXY_PROTOCOL, V_STR("true"), "=True"},
    {GN_S_PROXY_PROTOCOL, V_STR(" FALSE "), "=False"},
    {GN_S_PROXY_PROTOCOL, V_STR("on"), "=True"},
    {GN_S_PROXY_PROTOCOL, V_STR("off"), "=False"},
    {GN_S_PROXY_PROTOCOL, V_STR("v1"), "='v1'"},
    {GN_S_PROXY_PROTOCOL, V_STR(" V2 "), "='v2'"},
    {GN_S_PROXY_PROTOCOL, V_STR("auto"), "='auto'"},
    {GN_S_PROXY_PROTOCOL, V_STR("v3"), "!Invalid boolean: v3"},
    {GN_S_PROXY_PROTOCOL, V_STR(""), "!Invalid boolean: "},
    {GN_S_PROXY_PROTOCOL, {.tag = GN_V_INT, .i = 1}, "!Invalid type for casting: 1"},
};

START_TEST(more_values)
{
    struct fake_host host = fake_host_init();
    struct gn_inputs in = {.start_dir = "/"};
    struct gn_builder b;
    struct gn_diags d;

    gn_diags_init(&d);
    ck_assert(gn_builder_init(&b, &in, &d, &host.host));
    ck_assert_str_eq(outcome(&b, &gn_settings[more[_i].id], &more[_i].value), more[_i].want);
    gn_builder_fini(&b);
    gn_diags_fini(&d);
}
END_TEST

/* Defaults are values like any other: each must pass its own kind. */
START_TEST(every_default_is_valid)
{
    struct gn_inputs in = {.start_dir = "/"};
    struct gn_builder b;
    struct gn_diags d;

    gn_diags_init(&d);
    ck_assert(gn_builder_init(&b, &in, &d, NULL));
    ck_assert(gn_from_defaults(&b));
    for (size_t i = 0; i < GN_SETTING_COUNT; i++) {
        const char *got = outcome(&b, &gn_settings[i], b.latest[i]->raw);

        ck_assert_msg(got[0] == '=', "%s: %s", gn_settings[i].name, got);
    }
    gn_builder_fini(&b);
    gn_diags_fini(&d);
}
END_TEST

static Suite *
make_suite(void)
{
    Suite *suite = suite_create("gn_validate");
    TCase *tc = tcase_create("kinds");

    tcase_add_loop_test(tc, every_value_with_every_kind, 0, (int)GN_ARRAY_LEN(matrix_kinds));
    tcase_add_loop_test(tc, more_values, 0, (int)GN_ARRAY_LEN(more));
    tcase_add_test(tc, every_default_is_valid);
    suite_add_tcase(suite, tc);
    return suite;
}

CONFIG_TEST_MAIN(make_suite)
