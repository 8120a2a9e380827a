#include <check.h>
#include <stdlib.h>

#include "base/compiler.h"
#include "log/escape.h"

static const struct {
    struct gn_slice in;
    size_t length;
} sequences[] = {
    {{"", 0}, 0},
    {{"\0", 1}, 1},
    {{"a", 1}, 1},
    {{"\x7f", 1}, 1},
    {{"\x80", 1}, 0},
    {{"\xc1\xbf", 2}, 0},
    {{"\xc2\x80", 2}, 2},
    {{"\xc3\xa9", 2}, 2},
    {{"\xc3", 1}, 0},
    {{"\xc3(", 2}, 0},
    {{"\xdf\xbf", 2}, 2},
    {{"\xe0\x9f\xbf", 3}, 0},
    {{"\xe0\xa0\x80", 3}, 3},
    {{"\xed\x9f\xbf", 3}, 3},
    {{"\xed\xa0\x80", 3}, 0}, /* a surrogate */
    {{"\xe2\x82", 2}, 0},
    {{"\xf0\x8f\xbf\xbf", 4}, 0},
    {{"\xf0\x90\x80\x80", 4}, 4},
    {{"\xf4\x8f\xbf\xbf", 4}, 4},
    {{"\xf4\x90\x80\x80", 4}, 0},
    {{"\xf5\x80\x80\x80", 4}, 0},
    {{"\xff", 1}, 0},
};

START_TEST(utf8_length)
{
    ck_assert_uint_eq(gn_utf8_length(sequences[_i].in), sequences[_i].length);
}
END_TEST

enum { BOTH = GN_ESCAPE_QUOTE | GN_ESCAPE_TAB };

static const struct {
    struct gn_slice in;
    unsigned flags;
    const char *as_utf8, *as_latin1;
} escapes[] = {
    {{NULL, 0}, 0, "", ""},
    {{"plain text ~", 12}, BOTH, "plain text ~", "plain text ~"},
    {{"a\"b", 3}, 0, "a\"b", "a\"b"},
    {{"a\"b", 3}, BOTH, "a\\\"b", "a\\\"b"},
    {{"a\tb", 3}, 0, "a\tb", "a\tb"},
    {{"a\tb", 3}, BOTH, "a\\x09b", "a\\x09b"},
    {{"a\nb\r\0\x1b[0m\x7f", 10},
     0,
     "a\\x0ab\\x0d\\x00\\x1b[0m\\x7f",
     "a\\x0ab\\x0d\\x00\\x1b[0m\\x7f"},
    {{"\\x0a", 4}, BOTH, "\\x0a", "\\x0a"}, /* as the original: a backslash stays */
    {{"\xc3\xa9", 2}, 0, "\xc3\xa9", "\xc3\x83\xc2\xa9"},
    {{"\xe9", 1}, 0, "\\xe9", "\xc3\xa9"},
    {{"\xc2\x9b", 2}, 0, "\\x9b", "\xc3\x82\\x9b"}, /* CSI, which terminals obey */
    {{"\x9b", 1}, 0, "\\x9b", "\\x9b"},
    {{"\xc2\xa0", 2}, 0, "\xc2\xa0", "\xc3\x82\xc2\xa0"},
    {{"\xff\xfe", 2}, 0, "\\xff\\xfe", "\xc3\xbf\xc3\xbe"},
    {{"\xe2\x82\xac!", 4}, 0, "\xe2\x82\xac!", "\xc3\xa2\\x82\xc2\xac!"},
};

START_TEST(escape)
{
    struct gn_buf a = {0}, b = {0};

    ck_assert(gn_escape_utf8(&a, escapes[_i].in, escapes[_i].flags));
    ck_assert_msg(gn_slice_eq_str(gn_buf_slice(&a), escapes[_i].as_utf8), "%.*s",
                  GN_SLICE_ARG(gn_buf_slice(&a)));
    ck_assert(gn_escape_latin1(&b, escapes[_i].in, escapes[_i].flags));
    ck_assert_msg(gn_slice_eq_str(gn_buf_slice(&b), escapes[_i].as_latin1), "%.*s",
                  GN_SLICE_ARG(gn_buf_slice(&b)));
    gn_buf_fini(&a);
    gn_buf_fini(&b);
}
END_TEST

/* Whatever comes in: what comes out is one line of well-formed UTF-8 without control characters. */
START_TEST(output_is_always_clean)
{
    struct gn_buf out = {0};
    unsigned seed = (unsigned)_i;
    struct gn_slice rest;
    char in[64];

    for (int round = 0; round < 2000; round++) {
        struct gn_slice s = gn_slice(in, (size_t)(rand_r(&seed) % 64));

        for (size_t i = 0; i < s.n; i++)
            in[i] = (char)rand_r(&seed);
        gn_buf_clear(&out);
        ck_assert(round % 2 ? gn_escape_utf8(&out, s, BOTH) : gn_escape_latin1(&out, s, BOTH));
        for (rest = gn_buf_slice(&out); rest.n > 0;) {
            size_t n = gn_utf8_length(rest);

            ck_assert_uint_gt(n, 0);
            ck_assert(n > 1 || ((unsigned char)rest.p[0] >= 0x20 && rest.p[0] != 0x7f));
            rest = gn_slice(rest.p + n, rest.n - n);
        }
    }
    gn_buf_fini(&out);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("gn_escape");
    TCase *tc = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, utf8_length, 0, GN_ARRAY_LEN(sequences));
    tcase_add_loop_test(tc, escape, 0, GN_ARRAY_LEN(escapes));
    tcase_add_loop_test(tc, output_is_always_clean, 0, 4);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
