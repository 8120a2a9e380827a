#include "config_support.h"

#include "base/err.h"

/* Words with '|' between; a want that begins with '!' is the error. Python's shlex.split. */
static const struct {
    const char *text, *want;
} rows[] = {
    {"", ""},
    {"   \t\r\n ", ""},
    {"a", "a|"},
    {" a  b\tc\n", "a|b|c|"},
    {"'a b' \"c d\"", "a b|c d|"},
    {"a'b c'd", "ab cd|"},
    {"'' \"\"", "||"},
    {"a''b", "ab|"},
    {"\\a \\ b \\\\", "a| b|\\|"},
    {"\"a\\\"b\" \"a\\\\b\" \"a\\nb\" \"a\\$b\"", "a\"b|a\\b|a\\nb|a\\$b|"},
    {"'a\\'b", "a\\b|"},
    {"# a #b", "#|a|#b|"},
    {"--name='x y' -w4", "--name=x y|-w4|"},
    {"\"it's\"", "it's|"},
    {"\xc3\xa9 \xc2\xa0x", "\xc3\xa9|\xc2\xa0x|"},
    {"a \"b", "!No closing quotation"},
    {"'", "!No closing quotation"},
    {"a\\", "!No escaped character"},
    {"\"a\\", "!No escaped character"},
    {"a\\\nb", "a\nb|"},
};

START_TEST(split)
{
    struct gn_arena a = {0};
    struct gn_err err = {0};
    struct gn_buf got = {0};
    int n = -1;
    char **words = gn_argv_split(&a, gn_slice_str(rows[_i].text), &n, &err);

    if (rows[_i].want[0] == '!') {
        ck_assert_ptr_null(words);
        ck_assert_str_eq(err.msg, rows[_i].want + 1);
    } else {
        ck_assert_ptr_nonnull(words);
        for (int i = 0; i < n; i++)
            ck_assert(gn_buf_printf(&got, "%s|", words[i]));
        ck_assert_ptr_null(words[n]);
        ck_assert(gn_slice_eq_str(gn_buf_slice(&got), rows[_i].want));
    }
    gn_buf_fini(&got);
    gn_arena_fini(&a);
}
END_TEST

START_TEST(many_words)
{
    struct gn_arena a = {0};
    struct gn_buf text = {0};
    int n;
    char **words;

    for (int i = 0; i < 1000; i++)
        ck_assert(gn_buf_printf(&text, "w%d ", i));
    words = gn_argv_split(&a, gn_buf_slice(&text), &n, NULL);
    ck_assert_ptr_nonnull(words);
    ck_assert_int_eq(n, 1000);
    ck_assert_str_eq(words[999], "w999");
    ck_assert_ptr_null(words[1000]);
    gn_buf_fini(&text);
    gn_arena_fini(&a);
}
END_TEST

static Suite *
make_suite(void)
{
    Suite *suite = suite_create("gn_argv_split");
    TCase *tc = tcase_create("words");

    tcase_add_loop_test(tc, split, 0, (int)GN_ARRAY_LEN(rows));
    tcase_add_test(tc, many_words);
    suite_add_tcase(suite, tc);
    return suite;
}

CONFIG_TEST_MAIN(make_suite)
