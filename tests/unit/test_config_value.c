#include "config_support.h"

#include <math.h>

#include "config_values.h"

/* repr() and str() as CPython 3.11 gives them. */
static const struct {
    struct gn_value value;
    const char *repr, *print;
} rows[] = {
    {{.tag = GN_V_NONE}, "None", "None"},
    {{.tag = GN_V_BOOL, .b = true}, "True", "True"},
    {V_INT(INT64_MIN), "-9223372036854775808", "-9223372036854775808"},
    {{.tag = GN_V_BIGINT, .str = {"123456789012345678901", 21}},
     "123456789012345678901",
     "123456789012345678901"},
    {V_STR(""), "''", ""},
    {V_STR("it's"), "\"it's\"", "it's"},
    {V_STR("\"it's\""), "'\"it\\'s\"'", "\"it's\""},
    {V_STR("a\\b\n\r\t\x01\x7f"), "'a\\\\b\\n\\r\\t\\x01\\x7f'", "a\\b\n\r\t\x01\x7f"},
    {V_STR("\xc3\xa9\xf0\x9f\x90\x8d"), "'\xc3\xa9\xf0\x9f\x90\x8d'", "\xc3\xa9\xf0\x9f\x90\x8d"},
    {V_STR("\xc2\xa0\xc2\xad\xe2\x80\xa8\xee\x80\x80"), "'\\xa0\\xad\\u2028\\ue000'",
     "\xc2\xa0\xc2\xad\xe2\x80\xa8\xee\x80\x80"},
    {V_STR("\xff\xc3(\xed\xa0\x80"), "'\\udcff\\udcc3(\\udced\\udca0\\udc80'",
     "\xff\xc3(\xed\xa0\x80"},
    {{.tag = GN_V_STR, .str = {"a\0b", 3}}, "'a\\x00b'", NULL},
    {{.tag = GN_V_BYTES, .str = {"a'\xff\n", 4}}, "b\"a'\\xff\\n\"", NULL},
    {{.tag = GN_V_LIST}, "[]", "[]"},
    {{.tag = GN_V_LIST, .list = {m_a1_items, 2}}, "['a', 1]", "['a', 1]"},
    {{.tag = GN_V_TUPLE}, "()", "()"},
    {{.tag = GN_V_TUPLE, .list = {m_a1_items, 1}}, "('a',)", "('a',)"},
    {{.tag = GN_V_TUPLE, .list = {m_a1_items, 2}}, "('a', 1)", "('a', 1)"},
    {{.tag = GN_V_DICT}, "{}", "{}"},
    {{.tag = GN_V_DICT, .dict = {m_pairs, 1}}, "{'a': 'b'}", "{'a': 'b'}"},
    {{.tag = GN_V_OBJECT, .obj = &f1_object}, "<function f1>", "<f1()>"},
    {{.tag = GN_V_OBJECT, .obj = &class_k_object}, "<class K>", "<K()>"},
};

START_TEST(repr_and_print)
{
    struct gn_buf b = {0};

    ck_assert(gn_value_repr(&rows[_i].value, &b));
    ck_assert_msg(gn_slice_eq_str(gn_buf_slice(&b), rows[_i].repr), "got %.*s, want %s",
                  GN_SLICE_ARG(gn_buf_slice(&b)), rows[_i].repr);
    gn_buf_clear(&b);
    if (rows[_i].print != NULL) {
        ck_assert(gn_value_print(&rows[_i].value, &b));
        ck_assert(gn_slice_eq_str(gn_buf_slice(&b), rows[_i].print));
    }
    gn_buf_fini(&b);
}
END_TEST

static const struct {
    double f;
    const char *repr;
} floats[] = {
    {0.0, "0.0"},        {-0.0, "-0.0"},
    {1.0, "1.0"},        {2.5, "2.5"},
    {0.1, "0.1"},        {-1234.5678, "-1234.5678"},
    {0.0001, "0.0001"},  {0.00001, "1e-05"},
    {1.5e-7, "1.5e-07"}, {1e15, "1000000000000000.0"},
    {1e16, "1e+16"},     {123456789012345680.0, "1.2345678901234568e+17"},
    {1e100, "1e+100"},   {0.1 + 0.2, "0.30000000000000004"},
    {100.0, "100.0"},    {1e22, "1e+22"},
    {5e-324, "5e-324"},  {INFINITY, "inf"},
    {-INFINITY, "-inf"}, {NAN, "nan"},
};

START_TEST(repr_of_float)
{
    struct gn_value v = {.tag = GN_V_FLOAT, .f = floats[_i].f};
    struct gn_buf b = {0};

    ck_assert(gn_value_repr(&v, &b));
    ck_assert_msg(gn_slice_eq_str(gn_buf_slice(&b), floats[_i].repr), "got %.*s, want %s",
                  GN_SLICE_ARG(gn_buf_slice(&b)), floats[_i].repr);
    gn_buf_fini(&b);
}
END_TEST

/* The values of the table are all different, and each equals a copy of itself. */
START_TEST(equal)
{
    for (int i = 0; i < MATRIX_VALUES; i++) {
        struct gn_value copy = *matrix_values[i].value;

        ck_assert(gn_value_equal(matrix_values[i].value, &copy));
        for (int j = 0; j < MATRIX_VALUES; j++)
            ck_assert_int_eq(gn_value_equal(matrix_values[i].value, matrix_values[j].value),
                             i == j);
    }
    ck_assert(!gn_value_equal(&m_true, NULL));
}
END_TEST

START_TEST(constructors)
{
    struct gn_arena a = {0};
    char text[] = "abc";
    const struct gn_value *v = gn_value_str(&a, gn_slice(text, 3));

    text[0] = 'x';
    ck_assert_str_eq(v->str.p, "abc");
    ck_assert_ptr_eq(gn_value_bool(true), &gn_value_true);
    ck_assert_ptr_eq(gn_value_bool(false), &gn_value_false);
    ck_assert_int_eq(gn_value_int(&a, -5)->i, -5);
    gn_arena_fini(&a);
}
END_TEST

static Suite *
make_suite(void)
{
    Suite *suite = suite_create("gn_value");
    TCase *tc = tcase_create("text");

    tcase_add_loop_test(tc, repr_and_print, 0, (int)GN_ARRAY_LEN(rows));
    tcase_add_loop_test(tc, repr_of_float, 0, (int)GN_ARRAY_LEN(floats));
    tcase_add_test(tc, equal);
    tcase_add_test(tc, constructors);
    suite_add_tcase(suite, tc);
    return suite;
}

CONFIG_TEST_MAIN(make_suite)
