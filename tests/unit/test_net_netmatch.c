#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "net/netmatch.h"

static struct sockaddr_storage
peer(const char *text)
{
    struct sockaddr_storage ss = {0};
    struct sockaddr_in *sin = (struct sockaddr_in *)&ss;
    struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)&ss;

    if (strcmp(text, "unix") == 0)
        ss.ss_family = AF_UNIX;
    else if (inet_pton(AF_INET, text, &sin->sin_addr) == 1)
        ss.ss_family = AF_INET;
    else if (inet_pton(AF_INET6, text, &sin6->sin6_addr) == 1)
        ss.ss_family = AF_INET6;
    return ss;
}

static const struct {
    const char *items[4];
    const char *peer;
    bool matches;
} cases[] = {
    {{NULL}, "127.0.0.1", false},
    {{NULL}, "unix", true}, /* whoever reaches a Unix socket is trusted, as documented */
    {{NULL}, "other family", false},
    {{"*"}, "other family", true},
    {{"*"}, "203.0.113.9", true},
    {{"127.0.0.1"}, "unix", true},
    {{"127.0.0.1"}, "127.0.0.1", true},
    {{"127.0.0.1"}, "127.0.0.2", false},
    {{"127.0.0.1"}, "::1", false},
    {{"127.0.0.1"}, "::ffff:127.0.0.1", false}, /* mapped addresses are IPv6, as the original */
    {{"::ffff:127.0.0.1"}, "::ffff:127.0.0.1", true},
    {{"127.0.0.1", "::1"}, "::1", true},
    {{"::1"}, "0:0:0:0:0:0:0:1", true},
    {{"10.0.0.0/8"}, "10.255.0.1", true},
    {{"10.0.0.0/8"}, "11.0.0.1", false},
    {{"10.0.0.0/9"}, "10.127.255.255", true},
    {{"10.0.0.0/9"}, "10.128.0.0", false},
    {{"192.0.2.7/32"}, "192.0.2.7", true},
    {{"192.0.2.7/32"}, "192.0.2.6", false},
    {{"0.0.0.0/0"}, "8.8.8.8", true},
    {{"0.0.0.0/0"}, "::1", false},
    {{"fe80::/10"}, "febf::1", true},
    {{"fe80::/10"}, "fec0::1", false},
    {{"10.0.0.0/8", "192.168.0.0/16", "2001:db8::/32"}, "2001:db8:1::9", true},
    {{"10.0.0.0/8", "192.168.0.0/16", "2001:db8::/32"}, "192.169.0.1", false},
};

START_TEST(match)
{
    struct sockaddr_storage ss = peer(cases[_i].peer);
    struct gn_netlist *l;
    size_t n = 0;

    while (n < GN_ARRAY_LEN(cases[_i].items) && cases[_i].items[n] != NULL)
        n++;
    l = gn_netlist_new(cases[_i].items, n, NULL);
    ck_assert_ptr_nonnull(l);
    ck_assert(gn_netlist_match(l, &ss) == cases[_i].matches);
    gn_netlist_free(l);
}
END_TEST

static const char *const broken[] = {
    "10.0.0.1/8",  "::1/64",    "localhost", "10/8",      "1.2.3", "01.2.3.4", "10.0.0.0/33",
    "10.0.0.0/-1", "10.0.0.0/", "",          " 10.0.0.1", "**",    "::/129",
};

START_TEST(broken_item)
{
    const char *items[2] = {"127.0.0.1", broken[_i]};
    struct gn_err err = {0};

    ck_assert_ptr_null(gn_netlist_new(items, 2, &err));
    ck_assert_int_eq(err.code, GN_E_VALUE);
    ck_assert_ptr_nonnull(strstr(err.msg, broken[_i]));
    gn_netlist_free(NULL);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("gn_netlist");
    TCase *tc = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, match, 0, GN_ARRAY_LEN(cases));
    tcase_add_loop_test(tc, broken_item, 0, GN_ARRAY_LEN(broken));
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
