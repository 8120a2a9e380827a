#include <check.h>
#include <stdlib.h>

#include "base/compiler.h"
#include "http/chars.h"

#define ALNUM "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

/* The classes as the RFCs list them; NULL for those that are ranges. */
static const struct {
    enum gn_http_class set;
    const char *members;
} listed[] = {
    {GN_CH_TOKEN, "!#$%&'*+-.^_`|~" ALNUM},
    {GN_CH_NAME, "-._~!$&'()*+;=" ALNUM},
    {GN_CH_UNUSUAL, "abcdefghijklmnopqrstuvwxyz#"},
    {GN_CH_UNDERSCORE, "_"},
};

START_TEST(test_listed_classes)
{
    for (int c = 0; c < 256; c++) {
        bool is_member = c != 0 && strchr(listed[_i].members, c) != NULL;

        ck_assert_msg(gn_http_is((char)c, listed[_i].set) == is_member, "octet %d", c);
    }
}
END_TEST

START_TEST(test_range_classes)
{
    for (int c = 0; c < 256; c++) {
        bool is_visible = c > 32 && c != 127;

        ck_assert_int_eq(gn_http_is((char)c, GN_CH_FRAGMENT), is_visible);
        ck_assert_int_eq(gn_http_is((char)c, GN_CH_QUERY), is_visible && c != '#');
        ck_assert_int_eq(gn_http_is((char)c, GN_CH_PATH), is_visible && c != '#' && c != '?');
        ck_assert_int_eq(gn_http_is((char)c, GN_CH_TEXT), is_visible || c == 32 || c == 9);
        ck_assert_int_eq(gn_http_is_blank((char)c), c == 32 || c == 9);
        ck_assert_int_eq(gn_http_is_digit((char)c), c >= '0' && c <= '9');
    }
}
END_TEST

START_TEST(test_hex)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    unsigned n_digits = 0;

    for (unsigned i = 0; i < 32; i++)
        ck_assert_uint_eq(gn_http_hex[(unsigned char)digits[i]], i & 15);
    for (unsigned c = 0; c < 256; c++)
        n_digits += gn_http_hex[c] != GN_HEX_NONE;
    ck_assert_uint_eq(n_digits, 22);
}
END_TEST

/* Each octet at each place of inputs around the width of a vector step. */
START_TEST(test_scan_text)
{
    for (size_t n = 0; n <= 40; n++) {
        char *text = malloc(n + 1);

        ck_assert_ptr_nonnull(text);
        memset(text, 'v', n);
        ck_assert_ptr_eq(gn_http_scan_text(text, text + n), text + n);
        for (size_t at = 0; at < n; at++) {
            for (int c = 0; c < 256; c++) {
                const char *want = gn_http_is((char)c, GN_CH_TEXT) ? text + n : text + at;

                text[at] = (char)c;
                ck_assert_ptr_eq(gn_http_scan_text(text, text + n), want);
            }
            text[at] = 'v';
        }
        free(text);
    }
}
END_TEST

START_TEST(test_scan_text_finds_first)
{
    char text[64];

    memset(text, '\n', sizeof(text));
    for (size_t at = 0; at < sizeof(text); at++) {
        ck_assert_ptr_eq(gn_http_scan_text(text, text + sizeof(text)), text + at);
        text[at] = 'a';
    }
}
END_TEST

START_TEST(test_all)
{
    ck_assert(gn_http_all(GN_SLICE("X-Name"), GN_CH_TOKEN));
    ck_assert(!gn_http_all(GN_SLICE("X Name"), GN_CH_TOKEN));
    ck_assert(!gn_http_all(GN_SLICE("Name:"), GN_CH_TOKEN));
    ck_assert(!gn_http_all(GN_SLICE("a\0b"), GN_CH_TOKEN));
    ck_assert(!gn_http_all(GN_SLICE(""), GN_CH_TOKEN));
}
END_TEST

static const struct {
    const char *in, *out;
} trims[] = {
    {"", ""},           {" ", ""},          {"\t \t", ""},
    {"a", "a"},         {" a b\t", "a b"},  {"\x0b a", "\x0b a"},
    {"a\xa0", "a\xa0"}, {"a\r\n", "a\r\n"},
};

START_TEST(test_trim)
{
    ck_assert(gn_slice_eq_str(gn_http_trim(gn_slice_str(trims[_i].in)), trims[_i].out));
}
END_TEST

START_TEST(test_next_element)
{
    struct gn_slice rest = GN_SLICE(" a ,,b\t, c d");
    static const char *const want[] = {"a", "", "b", "c d"};
    struct gn_slice element;

    for (size_t i = 0; i < GN_ARRAY_LEN(want); i++) {
        ck_assert(gn_http_next_element(&rest, &element));
        ck_assert(gn_slice_eq_str(element, want[i]));
    }
    ck_assert(!gn_http_next_element(&rest, &element));
}
END_TEST

START_TEST(test_token_is)
{
    ck_assert(gn_http_token_is(GN_SLICE("Keep-Alive"), GN_SLICE("keep-alive")));
    ck_assert(gn_http_token_is(GN_SLICE("keep-alive"), GN_SLICE("keep-alive")));
    ck_assert(!gn_http_token_is(GN_SLICE("keep-aliv"), GN_SLICE("keep-alive")));
    ck_assert(!gn_http_token_is(GN_SLICE("keep_alive"), GN_SLICE("keep-alive")));
    /* No other token byte may look like a letter, digit or '-'. */
    for (int c = 0; c < 256; c++) {
        char one = (char)c;
        unsigned n = 0;

        if (!gn_http_is(one, GN_CH_TOKEN))
            continue;
        for (const char *p = "abcdefghijklmnopqrstuvwxyz0123456789-"; *p != '\0'; p++)
            n += gn_http_token_is(gn_slice(&one, 1), gn_slice(p, 1));
        ck_assert_uint_eq(n, strchr("-" ALNUM, c) != NULL);
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("http chars");
    TCase *tc = tcase_create("chars");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, test_listed_classes, 0, GN_ARRAY_LEN(listed));
    tcase_add_test(tc, test_range_classes);
    tcase_add_test(tc, test_hex);
    tcase_add_test(tc, test_scan_text);
    tcase_add_test(tc, test_scan_text_finds_first);
    tcase_add_test(tc, test_all);
    tcase_add_loop_test(tc, test_trim, 0, GN_ARRAY_LEN(trims));
    tcase_add_test(tc, test_next_element);
    tcase_add_test(tc, test_token_is);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
