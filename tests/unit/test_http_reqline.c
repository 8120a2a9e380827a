/* Hosts. The request line itself is in tests/corpus. */
#include <check.h>
#include <stdlib.h>

#include "base/compiler.h"
#include "http/head_priv.h"

#define S(lit)                                                                                     \
    {                                                                                              \
        lit, sizeof(lit) - 1                                                                       \
    }

enum { NEVER, AS_HOST, AS_AUTHORITY }; /* AS_AUTHORITY: with a port, good for both */

static const struct {
    struct gn_slice host;
    int good;
} hosts[] = {
    {S("a"), AS_HOST},
    {S("a.test"), AS_HOST},
    {S("a:"), AS_HOST},
    {S("a:0"), AS_AUTHORITY},
    {S("a:65535"), AS_AUTHORITY},
    {S("a:065535"), AS_AUTHORITY},
    {S("[::]:1"), AS_AUTHORITY},
    {S("[::1]"), AS_HOST},
    {S("[1:2:3:4:5:6:7:8]"), AS_HOST},
    {S("[1:2:3:4:5:6:1.2.3.4]"), AS_HOST},
    {S("[::FFFF:1.2.3.4]"), AS_HOST},
    {S("a%2e"), AS_HOST},
    {S(""), NEVER},
    {S(":1"), NEVER},
    {S("a:65536"), NEVER},
    {S("a:1x"), NEVER},
    {S("a: 1"), NEVER},
    {S("a:1:2"), NEVER},
    {S("[::1"), NEVER},
    {S("[::1]1"), NEVER},
    {S("[::1]:x"), NEVER},
    {S("[]"), NEVER},
    {S("[1.2.3.4]"), NEVER},
    {S("[::1/128]"), NEVER},
    {S("[::1%1]"), NEVER},
    {S("[::1\0]"), NEVER},
    {S("[1:2:3:4:5:6:7]"), NEVER},
    {S("[12345::]"), NEVER},
    {S("a%"), NEVER},
    {S("a%4"), NEVER},
    {S("a%g0"), NEVER},
    {S("a\0"), NEVER},
    {S("a,b"), NEVER},
    {S("a@b"), NEVER},
    {S("a/b"), NEVER},
    {S("a b"), NEVER},
    {S("\xc3\xa9"), NEVER},
};

START_TEST(test_host_check)
{
    ck_assert_int_eq(gn_http_host_check(hosts[_i].host, false), hosts[_i].good != NEVER);
    ck_assert_int_eq(gn_http_host_check(hosts[_i].host, true), hosts[_i].good == AS_AUTHORITY);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("http reqline");
    TCase *tc = tcase_create("reqline");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, test_host_check, 0, GN_ARRAY_LEN(hosts));
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
