#include <check.h>
#include <stdlib.h>

#include "base/compiler.h"
#include "base/slice.h"

static const struct {
    struct gn_slice a, b;
    bool same, same_nocase, starts;
} pairs[] = {
    {{NULL, 0}, {NULL, 0}, true, true, true},
    {{"", 0}, {NULL, 0}, true, true, true},
    {{"a", 1}, {NULL, 0}, false, false, true},
    {{"a", 1}, {"A", 1}, false, true, false},
    {{"Content-Length", 14}, {"content-length", 14}, false, true, false},
    {{"@[`{", 4}, {"`{@[", 4}, false, false, false}, /* neighbours of the letters don't fold */
    {{"\xc4", 1}, {"\xe4", 1}, false, false, false}, /* Latin-1 letters neither */
    {{"a\0b", 3}, {"a\0c", 3}, false, false, false},
    {{"a\0b", 3}, {"a\0", 2}, false, false, true},
    {{"ab", 2}, {"abc", 3}, false, false, false},
};

START_TEST(compare)
{
    struct gn_slice a = pairs[_i].a, b = pairs[_i].b;

    ck_assert(gn_slice_eq(a, b) == pairs[_i].same);
    ck_assert(gn_slice_eq_nocase(a, b) == pairs[_i].same_nocase);
    ck_assert(gn_slice_starts(a, b) == pairs[_i].starts);
}
END_TEST

START_TEST(fold_letters)
{
    for (int c = 0; c < 256; c++) {
        bool is_upper = c >= 'A' && c <= 'Z', is_lower = c >= 'a' && c <= 'z';

        ck_assert_int_eq(gn_ascii_lower((unsigned char)c), is_upper ? c + 32 : c);
        ck_assert_int_eq(gn_ascii_upper((unsigned char)c), is_lower ? c - 32 : c);
    }
}
END_TEST

static const struct {
    struct gn_slice in;
    const char *set, *out;
} trims[] = {
    {{NULL, 0}, " ", ""}, {{"   ", 3}, " ", ""},   {{" \ta b\t ", 7}, " \t", "a b"},
    {{"a", 1}, " ", "a"}, {{"xax", 3}, "", "xax"},
};

START_TEST(trim)
{
    ck_assert(gn_slice_eq_str(gn_slice_trim(trims[_i].in, trims[_i].set), trims[_i].out));
}
END_TEST

START_TEST(trim_keeps_nul)
{
    /* NUL ends the set and is no member of it. */
    ck_assert_uint_eq(gn_slice_trim(gn_slice(" \0 ", 3), " ").n, 1);
}
END_TEST

static const struct {
    const char *in;
    size_t n;
    const char *parts[4];
} cuts[] = {
    {"", 1, {""}},           {"a", 1, {"a"}}, {"a,b", 2, {"a", "b"}}, {",a,", 3, {"", "a", ""}},
    {",,", 3, {"", "", ""}},
};

START_TEST(cut)
{
    struct gn_slice rest = gn_slice_str(cuts[_i].in);
    size_t n = 0;

    while (rest.p != NULL) {
        struct gn_slice part = gn_slice_cut(&rest, ',');

        ck_assert_uint_lt(n, cuts[_i].n);
        ck_assert(gn_slice_eq_str(part, cuts[_i].parts[n]));
        n++;
    }
    ck_assert_uint_eq(n, cuts[_i].n);
}
END_TEST

START_TEST(find)
{
    ck_assert_uint_eq(gn_slice_find(gn_slice(NULL, 0), 'a'), 0);
    ck_assert_uint_eq(gn_slice_find(GN_SLICE("ab"), 'b'), 1);
    ck_assert_uint_eq(gn_slice_find(GN_SLICE("ab"), 'c'), 2);
    ck_assert_uint_eq(gn_slice_str(NULL).n, 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("gn_slice");
    TCase *tc = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, compare, 0, GN_ARRAY_LEN(pairs));
    tcase_add_test(tc, fold_letters);
    tcase_add_loop_test(tc, trim, 0, GN_ARRAY_LEN(trims));
    tcase_add_test(tc, trim_keeps_nul);
    tcase_add_loop_test(tc, cut, 0, GN_ARRAY_LEN(cuts));
    tcase_add_test(tc, find);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
