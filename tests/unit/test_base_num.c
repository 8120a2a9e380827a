#include <check.h>
#include <stdlib.h>

#include "base/compiler.h"
#include "base/num.h"

static const struct {
    struct gn_slice text;
    uint64_t max;
    bool digits_ok, hex_ok;
    uint64_t digits, hex;
} plain[] = {
    {{"", 0}, 99, false, false, 0, 0},
    {{"0", 1}, 0, true, true, 0, 0},
    {{"007", 3}, 7, true, true, 7, 7},
    {{"10", 2}, 10, true, false, 10, 0},
    {{"10", 2}, 16, true, true, 10, 16},
    {{"a", 1}, 10, false, true, 0, 10},
    {{"fF", 2}, 255, false, true, 0, 255},
    {{"g", 1}, 99, false, false, 0, 0},
    {{"+1", 2}, 99, false, false, 0, 0},
    {{"-1", 2}, 99, false, false, 0, 0},
    {{" 1", 2}, 99, false, false, 0, 0},
    {{"1 ", 2}, 99, false, false, 0, 0},
    {{"1_0", 3}, 99, false, false, 0, 0},
    {{"1\0", 2}, 99, false, false, 0, 0},
    {{"0x1", 3}, 99, false, false, 0, 0},
    {{"\xb2", 1}, 99, false, false, 0, 0},
    {{"18446744073709551615", 20}, UINT64_MAX, true, false, UINT64_MAX, 0},
    {{"18446744073709551616", 20}, UINT64_MAX, false, false, 0, 0},
    {{"99999999999999999999999", 23}, UINT64_MAX, false, false, 0, 0},
    {{"ffffffffffffffff", 16}, UINT64_MAX, false, true, 0, UINT64_MAX},
    {{"0ffffffffffffffff", 17}, UINT64_MAX, false, true, 0, UINT64_MAX},
    {{"1ffffffffffffffff", 17}, UINT64_MAX, false, false, 0, 0},
};

START_TEST(digits_and_hex)
{
    uint64_t n = 0;

    ck_assert(gn_num_digits(plain[_i].text, plain[_i].max, &n) == plain[_i].digits_ok);
    if (plain[_i].digits_ok)
        ck_assert_uint_eq(n, plain[_i].digits);
    ck_assert(gn_num_hex(plain[_i].text, plain[_i].max, &n) == plain[_i].hex_ok);
    if (plain[_i].hex_ok)
        ck_assert_uint_eq(n, plain[_i].hex);
}
END_TEST

/* Expected results are those of Python's int(text, base). */
static const struct {
    const char *text;
    int base;
    enum gn_num_result result;
    int64_t value;
} python[] = {
    {"", 0, GN_NUM_SYNTAX, 0},
    {" ", 10, GN_NUM_SYNTAX, 0},
    {"-", 10, GN_NUM_SYNTAX, 0},
    {"5", 10, GN_NUM_OK, 5},
    {" \t\n+5\r\f\v", 0, GN_NUM_OK, 5},
    {"+ 5", 10, GN_NUM_SYNTAX, 0},
    {"--5", 10, GN_NUM_SYNTAX, 0},
    {"-5", 0, GN_NUM_OK, -5},
    {"007", 10, GN_NUM_OK, 7},
    {"007", 0, GN_NUM_SYNTAX, 0},
    {"0", 0, GN_NUM_OK, 0},
    {"-000", 0, GN_NUM_OK, 0},
    {"0_0", 0, GN_NUM_OK, 0},
    {"0_1", 0, GN_NUM_SYNTAX, 0},
    {"1_000", 10, GN_NUM_OK, 1000},
    {"1__0", 10, GN_NUM_SYNTAX, 0},
    {"_1", 10, GN_NUM_SYNTAX, 0},
    {"1_", 10, GN_NUM_SYNTAX, 0},
    {"0x1f", 0, GN_NUM_OK, 31},
    {"-0X1F", 0, GN_NUM_OK, -31},
    {"0x_1f", 0, GN_NUM_OK, 31},
    {"0x__1", 0, GN_NUM_SYNTAX, 0},
    {"0x", 0, GN_NUM_SYNTAX, 0},
    {"0x_", 0, GN_NUM_SYNTAX, 0},
    {"0xg", 0, GN_NUM_SYNTAX, 0},
    {"0x1f", 10, GN_NUM_SYNTAX, 0},
    {"0o17", 0, GN_NUM_OK, 15},
    {"0O18", 0, GN_NUM_SYNTAX, 0},
    {"0b101", 0, GN_NUM_OK, 5},
    {"0B102", 0, GN_NUM_SYNTAX, 0},
    {"1.0", 10, GN_NUM_SYNTAX, 0},
    {"1e3", 10, GN_NUM_SYNTAX, 0},
    {"True", 10, GN_NUM_SYNTAX, 0},
    {"9223372036854775807", 10, GN_NUM_OK, INT64_MAX},
    {"9223372036854775808", 10, GN_NUM_RANGE, 0},
    {"-9223372036854775808", 10, GN_NUM_OK, INT64_MIN},
    {"-9223372036854775809", 10, GN_NUM_RANGE, 0},
    {"99999999999999999999999999", 10, GN_NUM_RANGE, 0},
    {"99999999999999999999999999x", 10, GN_NUM_SYNTAX, 0},
};

START_TEST(python_int)
{
    int64_t n = 0;

    ck_assert_int_eq(gn_num_python_int(gn_slice_str(python[_i].text), python[_i].base, &n),
                     python[_i].result);
    if (python[_i].result == GN_NUM_OK)
        ck_assert_int_eq(n, python[_i].value);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("gn_num");
    TCase *tc = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, digits_and_hex, 0, GN_ARRAY_LEN(plain));
    tcase_add_loop_test(tc, python_int, 0, GN_ARRAY_LEN(python));
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
