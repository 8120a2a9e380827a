#include "config_support.h"

#include "config/internal.h"

static char *
help_text(int columns)
{
    char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);

    ck_assert_ptr_nonnull(out);
    gn_usage_help("prog", columns, out);
    fclose(out);
    return text;
}

START_TEST(every_flag_is_in_help)
{
    char *text = help_text(80);

    ck_assert(gn_slice_starts(gn_slice_str(text),
                              GN_SLICE("usage: prog [OPTIONS] [APP_MODULE]\n\noptions:\n")));
    ck_assert_ptr_nonnull(
        strstr(text, "\n  -h, --help            show this help message and exit\n"));
    ck_assert_ptr_nonnull(strstr(text, "\n  -w INT, --workers INT\n"));
    for (size_t i = 0; i < GN_SETTING_COUNT; i++) {
        for (const char *const *flag = gn_settings[i].cli; *flag != NULL; flag++)
            ck_assert_msg(strstr(text, *flag) != NULL, "%s is missing", *flag);
    }
    free(text);
}
END_TEST

static const int widths[] = {200, 80, 60, 40, 10};

/* Lines keep to the width where the words allow it: columns less two, but eleven of text at least.
 */
START_TEST(width)
{
    char *text = help_text(widths[_i]);
    struct gn_slice rest = gn_slice_str(text);
    size_t most = widths[_i] - 2 > 35 ? (size_t)widths[_i] - 2 : 35;

    while (rest.p != NULL) {
        struct gn_slice line = gn_slice_cut(&rest, '\n');
        bool is_text = line.n > 24 && strncmp(line.p, "                        ", 24) == 0;

        if (is_text && memchr(line.p + 24, ' ', line.n - 24) != NULL)
            ck_assert_msg(line.n <= most, "%.*s", GN_SLICE_ARG(line));
    }
    free(text);
}
END_TEST

START_TEST(version)
{
    char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);

    gn_usage_version("gunicorn", out);
    fclose(out);
    ck_assert(
        gn_slice_starts(gn_slice_str(text), GN_SLICE("gunicorn (version 23.0.0) gunicorn-c ")));
    ck_assert_int_eq(text[n - 1], '\n');
    free(text);
}
END_TEST

START_TEST(every_option_once)
{
    bool seen[GN_SETTING_COUNT] = {false};
    const struct gn_setting *s;

    for (size_t i = 0; (s = gn_usage_option(i)) != NULL; i++) {
        ck_assert(!seen[s->id]);
        seen[s->id] = true;
    }
    for (size_t i = 0; i < GN_SETTING_COUNT; i++)
        ck_assert_int_eq(seen[i], gn_settings[i].cli[0] != NULL);
}
END_TEST

static Suite *
make_suite(void)
{
    Suite *suite = suite_create("gn_usage");
    TCase *tc = tcase_create("text");

    tcase_add_test(tc, every_flag_is_in_help);
    tcase_add_loop_test(tc, width, 0, (int)GN_ARRAY_LEN(widths));
    tcase_add_test(tc, version);
    tcase_add_test(tc, every_option_once);
    suite_add_tcase(suite, tc);
    return suite;
}

CONFIG_TEST_MAIN(make_suite)
