#include <arpa/inet.h>
#include <check.h>
#include <stdlib.h>

#include "base/compiler.h"
#include "base/ipnet.h"

static const struct {
    const char *text;
    int family;
    unsigned prefix;
    const char *inside, *outside; /* outside: NULL when there is nothing */
} good[] = {
    {"127.0.0.1", AF_INET, 32, "127.0.0.1", "127.0.0.0"},
    {"10.0.0.0/8", AF_INET, 8, "10.255.255.255", "11.0.0.0"},
    {"10.0.0.0/255.0.0.0", AF_INET, 8, "10.1.2.3", "9.255.255.255"},
    {"10.0.0.0/0.255.255.255", AF_INET, 8, "10.1.2.3", "9.255.255.255"},
    {"192.0.2.128/25", AF_INET, 25, "192.0.2.255", "192.0.2.127"},
    {"192.0.2.6/31", AF_INET, 31, "192.0.2.7", "192.0.2.8"},
    {"0.0.0.0/0", AF_INET, 0, "255.255.255.255", NULL},
    {"::1", AF_INET6, 128, "0::1", "::2"},
    {"::/0", AF_INET6, 0, "ffff::", NULL},
    {"2001:db8::/33", AF_INET6, 33, "2001:db8:7fff::", "2001:db8:8000::"},
    {"fe80::1%eth0", AF_INET6, 128, "fe80::1", "fe80::2"},
};

START_TEST(parse_and_match)
{
    struct gn_err err = {0};
    struct gn_ipnet net;
    unsigned char addr[16];

    ck_assert_msg(gn_ipnet_parse(gn_slice_str(good[_i].text), &net, &err), "%s", err.msg);
    ck_assert_int_eq(net.family, good[_i].family);
    ck_assert_uint_eq(net.prefix, good[_i].prefix);
    ck_assert_int_eq(inet_pton(net.family, good[_i].inside, addr), 1);
    ck_assert(gn_ipnet_has(&net, net.family, addr));
    ck_assert(!gn_ipnet_has(&net, net.family == AF_INET ? AF_INET6 : AF_INET, addr));
    if (good[_i].outside != NULL) {
        ck_assert_int_eq(inet_pton(net.family, good[_i].outside, addr), 1);
        ck_assert(!gn_ipnet_has(&net, net.family, addr));
    }
}
END_TEST

static const struct {
    struct gn_slice text;
    const char *why;
} bad[] = {
    {{"10.0.0.1/8", 10}, "10.0.0.1/8 has host bits set"},
    {{"192.0.2.1/31", 12}, "192.0.2.1/31 has host bits set"},
    {{"::1/64", 6}, "::1/64 has host bits set"},
    {{"", 0}, "'' does not appear to be an IPv4 or IPv6 network"},
    {{"7", 1}, "'7' does not appear to be an IPv4 or IPv6 network"},
    {{"10/8", 4}, "'10/8' does not appear to be an IPv4 or IPv6 network"},
    {{"1.2.3", 5}, "'1.2.3' does not appear to be an IPv4 or IPv6 network"},
    {{"01.2.3.4", 8}, "'01.2.3.4' does not appear to be an IPv4 or IPv6 network"},
    {{"1.2.3.4/33", 10}, "'1.2.3.4/33' does not appear to be an IPv4 or IPv6 network"},
    {{"1.2.3.4/", 8}, "'1.2.3.4/' does not appear to be an IPv4 or IPv6 network"},
    {{"1.2.3.4/+8", 10}, "'1.2.3.4/+8' does not appear to be an IPv4 or IPv6 network"},
    {{"10.0.0.0/255.0.255.0", 20}, "'10.0.0.0/255.0.255.0' does not appear to be"},
    {{"::/129", 6}, "'::/129' does not appear to be an IPv4 or IPv6 network"},
    {{"::/ffff::", 9}, "'::/ffff::' does not appear to be an IPv4 or IPv6 network"},
    {{"fe80::1%", 8}, "'fe80::1%' does not appear to be an IPv4 or IPv6 network"},
    {{" 1.2.3.4", 8}, "' 1.2.3.4' does not appear to be an IPv4 or IPv6 network"},
    {{"1.2.3.4\0x", 9}, "'1.2.3.4"},
};

START_TEST(refuse)
{
    struct gn_err err = {0};
    struct gn_ipnet net;

    ck_assert(!gn_ipnet_parse(bad[_i].text, &net, &err));
    ck_assert_int_eq(err.code, GN_E_VALUE);
    ck_assert_msg(strstr(err.msg, bad[_i].why) != NULL, "%s", err.msg);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("gn_ipnet");
    TCase *tc = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, parse_and_match, 0, GN_ARRAY_LEN(good));
    tcase_add_loop_test(tc, refuse, 0, GN_ARRAY_LEN(bad));
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
