#include <check.h>
#include <stdlib.h>

#include "base/compiler.h"
#include "base/slice.h"
#include "log/format_spec.h"

/* Expected texts are what Python 3.11 prints for `"%" + spec % 1412`, or `... % 'ab"\xe9'`. */
static const struct {
    const char *spec, *out;
} numbers[] = {
    {"d", "1412"},
    {"i", "1412"},
    {"u", "1412"},
    {"hd", "1412"},
    {"ld", "1412"},
    {"Ld", "1412"},
    {"05.3d", "01412"},
    {"-08d", "1412    "},
    {"+08d", "+0001412"},
    {"#o", "0o2604"},
    {"#X", "0X584"},
    {"x", "584"},
    {".6d", "001412"},
    {"010x", "0000000584"},
    {"#010x", "0x00000584"},
    {" d", " 1412"},
    {"8.2f", " 1412.00"},
    {"08.2f", "01412.00"},
    {"#.0f", "1412."},
    {".0d", "1412"},
    {"-+8d", "+1412   "},
    {"F", "1412.000000"},
    {"g", "1412"},
    {"#g", "1412.00"},
    {"e", "1.412000e+03"},
    {"E", "1.412000E+03"},
    {".1e", "1.4e+03"},
    {".2G", "1.4E+03"},
    {"+ d", "+1412"},
    {"3d", "1412"},
    {"012.1f", "0000001412.0"},
};

START_TEST(number)
{
    const char *at = numbers[_i].spec;
    struct gn_format_spec spec;
    struct gn_buf out = {0};

    ck_assert_ptr_null(gn_format_spec_parse(&at, &spec));
    ck_assert_int_eq(*at, '\0');
    ck_assert(!gn_format_is_text(&spec));
    ck_assert(gn_format_number(&out, &spec, 1412));
    ck_assert_msg(gn_slice_eq_str(gn_buf_slice(&out), numbers[_i].out), "%s: %.*s",
                  numbers[_i].spec, GN_SLICE_ARG(gn_buf_slice(&out)));
    gn_buf_fini(&out);
}
END_TEST

static const struct {
    const char *spec, *in, *out;
} texts[] = {
    {"s", "ab\"\xc3\xa9", "ab\"\xc3\xa9"},
    {"05s", "ab\"\xc3\xa9", " ab\"\xc3\xa9"},
    {"-6s", "ab\"\xc3\xa9", "ab\"\xc3\xa9  "},
    {".s", "abc", ""},
    {".0s", "abc", ""},
    {".4s", "ab\"\xc3\xa9z", "ab\"\xc3\xa9"},
    {".3s", "ab\"\xc3\xa9z", "ab\""},
    {"-10.2s", "abc", "ab        "},
    {"10.2s", "abc", "        ab"},
    {"3s", "", "   "},
    {"+ s", "x", "x"},
    {"r", "ab\"\xc3\xa9", "'ab\"\xc3\xa9'"},
    {"a", "ab\"\xc3\xa9", "'ab\"\\xe9'"},
    {"a", "\xe2\x82\xac\xf0\x9f\x98\x80", "'\\u20ac\\U0001f600'"},
    {"r", "it's", "\"it's\""},
    {"r", "it's \"x\"", "'it\\'s \"x\"'"},
    {"r", "a\\b", "'a\\\\b'"},
    {"8r", "ab", "    'ab'"},
    {".2r", "ab", "'a"},
};

START_TEST(text)
{
    const char *at = texts[_i].spec;
    struct gn_format_spec spec;
    struct gn_buf out = {0};

    ck_assert_ptr_null(gn_format_spec_parse(&at, &spec));
    ck_assert(gn_format_is_text(&spec));
    ck_assert(gn_buf_append(&out, "..>", 3));
    gn_buf_consume(&out, 2); /* positions count from the head of the buffer */
    ck_assert(gn_buf_append(&out, texts[_i].in, strlen(texts[_i].in)));
    ck_assert(gn_format_shape(&out, 1, &spec));
    ck_assert(gn_slice_starts(gn_buf_slice(&out), GN_SLICE(">")));
    gn_buf_consume(&out, 1);
    ck_assert_msg(gn_slice_eq_str(gn_buf_slice(&out), texts[_i].out), "%s: [%.*s]", texts[_i].spec,
                  GN_SLICE_ARG(gn_buf_slice(&out)));
    gn_buf_fini(&out);
}
END_TEST

static const struct {
    const char *spec, *why, *rest;
} broken[] = {
    {"", "the conversion letter is missing, as in %(h)s", ""},
    {"-5", "the conversion letter is missing, as in %(h)s", ""},
    {"h", "the conversion letter is missing, as in %(h)s", ""},
    {"q!", "unknown conversion letter", "!"},
    {"c!", "unknown conversion letter", "!"},
    {"%!", "unknown conversion letter", "!"},
    {"lls", "unknown conversion letter", "s"},
    {"\xc3\xa9!", "unknown conversion letter", "!"},
    {"*s", "a width or precision must be written as a number", "s"},
    {".*s", "a width or precision must be written as a number", "s"},
    {"10015s", "the width is above 1000", "s"},
    {"99999999999999999999s", "the width is above 1000", "s"},
    {".10015s", "the precision is above 1000", "s"},
};

START_TEST(broken_spec)
{
    const char *at = broken[_i].spec;
    struct gn_format_spec spec;
    const char *why = gn_format_spec_parse(&at, &spec);

    ck_assert_ptr_nonnull(why);
    ck_assert_str_eq(why, broken[_i].why);
    ck_assert_str_eq(at, broken[_i].rest);
}
END_TEST

START_TEST(limits)
{
    static const char *const specs[] = {"1000.1000d", "1000.1000f", "#1000.1000g", "-01000.1000e"};
    struct gn_buf out = {0};

    for (size_t i = 0; i < GN_ARRAY_LEN(specs); i++) {
        struct gn_format_spec spec;
        const char *at = specs[i];

        ck_assert_ptr_null(gn_format_spec_parse(&at, &spec));
        gn_buf_clear(&out);
        ck_assert(gn_format_number(&out, &spec, UINT64_MAX));
        ck_assert_uint_ge(gn_buf_len(&out), 1000);
    }
    gn_buf_clear(&out);
    ck_assert(gn_format_decimal(&out, 0) && gn_format_decimal(&out, UINT64_MAX));
    ck_assert(gn_slice_eq_str(gn_buf_slice(&out), "018446744073709551615"));
    gn_buf_fini(&out);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("gn_format");
    TCase *tc = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, number, 0, GN_ARRAY_LEN(numbers));
    tcase_add_loop_test(tc, text, 0, GN_ARRAY_LEN(texts));
    tcase_add_loop_test(tc, broken_spec, 0, GN_ARRAY_LEN(broken));
    tcase_add_test(tc, limits);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
