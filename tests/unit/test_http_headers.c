/* Names that the server knows. Field syntax and framing are in tests/corpus. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/compiler.h"
#include "http/head.h"

static const struct {
    const char *name;
    enum gn_http_known known;
} names[] = {
    {"Host", GN_KNOWN_HOST},
    {"Content-Length", GN_KNOWN_CONTENT_LENGTH},
    {"Content-Type", GN_KNOWN_CONTENT_TYPE},
    {"Transfer-Encoding", GN_KNOWN_TRANSFER_ENCODING},
    {"Connection", GN_KNOWN_CONNECTION},
    {"Expect", GN_KNOWN_EXPECT},
    {"Upgrade", GN_KNOWN_UPGRADE},
    {"Cookie", GN_KNOWN_COOKIE},
    {"Authorization", GN_KNOWN_AUTHORIZATION},
    {"User-Agent", GN_KNOWN_USER_AGENT},
    {"Referer", GN_KNOWN_REFERER},
    {"Accept", GN_KNOWN_ACCEPT},
    {"Accept-Encoding", GN_KNOWN_ACCEPT_ENCODING},
    {"Accept-Language", GN_KNOWN_ACCEPT_LANGUAGE},
    /* Near misses: same length, first and last letter. */
    {"Hart", GN_KNOWN_NONE},
    {"Content_Length", GN_KNOWN_NONE},
    {"Cantent-Length", GN_KNOWN_NONE},
    {"Content-Typ", GN_KNOWN_NONE},
    {"Transfer_Encoding", GN_KNOWN_NONE},
    {"Transfer-Encodin", GN_KNOWN_NONE},
    {"Transfer-Encodings", GN_KNOWN_NONE},
    {"X-Host", GN_KNOWN_NONE},
    {"X", GN_KNOWN_NONE},
};

static int
known_of(const char *name, uint8_t *flags)
{
    static const struct gn_http_limits limits = {.permit_missing_host = true};
    struct gn_http_parser p = {0};
    char text[200];
    int n = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n%s: 1\r\n\r\n", name);
    int known;

    (void)gn_http_head_feed(&p, &limits, text, (size_t)n);
    ck_assert_uint_eq(p.head.n_fields, 1);
    known = p.head.fields[0].known;
    *flags = p.head.fields[0].flags;
    gn_http_parser_fini(&p);
    return known;
}

START_TEST(test_known)
{
    char lower[40], upper[40];
    size_t n = strlen(names[_i].name) + 1;
    uint8_t flags;

    for (size_t i = 0; i < n; i++) {
        lower[i] = (char)gn_ascii_lower((unsigned char)names[_i].name[i]);
        upper[i] = (char)gn_ascii_upper((unsigned char)names[_i].name[i]);
    }
    ck_assert_int_eq(known_of(names[_i].name, &flags), names[_i].known);
    ck_assert_int_eq(flags, strchr(names[_i].name, '_') != NULL ? GN_FIELD_UNDERSCORE : 0);
    ck_assert_int_eq(known_of(lower, &flags), names[_i].known);
    ck_assert_int_eq(known_of(upper, &flags), names[_i].known);
}
END_TEST

START_TEST(test_all_known_are_listed)
{
    bool is_listed[GN_KNOWN_COUNT] = {false};

    for (size_t i = 0; i < GN_ARRAY_LEN(names); i++)
        is_listed[names[i].known] = true;
    for (int i = 0; i < GN_KNOWN_COUNT; i++)
        ck_assert_msg(is_listed[i], "no row for %d", i);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("http headers");
    TCase *tc = tcase_create("headers");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, test_known, 0, GN_ARRAY_LEN(names));
    tcase_add_test(tc, test_all_known_are_listed);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
