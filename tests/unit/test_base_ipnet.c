#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/ipnet.h"

/* As Python's ipaddress.ip_network(text, strict=True): the prefix, or -1 and the message. */
static const struct {
    const char *text;
    int prefix;
    const char *message;
} rows[] = {
    {"127.0.0.1", 32, NULL},
    {"10.0.0.0/8", 8, NULL},
    {"0.0.0.0/0", 0, NULL},
    {"10.0.0.0/08", 8, NULL},
    {"10.0.0.0/255.0.0.0", 8, NULL},
    {"10.0.0.0/0.255.255.255", 8, NULL},
    {"0.0.0.0/0.0.0.0", 0, NULL},
    {"::1", 128, NULL},
    {"fe80::/10", 10, NULL},
    {"::/0", 0, NULL},
    {"::ffff:1.2.3.4", 128, NULL},
    {"fe80::1%eth0", 128, NULL},
    {"10.0.0.1/8", -1, "10.0.0.1/8 has host bits set"},
    {"::1/64", -1, "::1/64 has host bits set"},
    {"10.0.0.0/33", -1, "'10.0.0.0/33' does not appear to be an IPv4 or IPv6 network"},
    {"::/129", -1, "'::/129' does not appear to be an IPv4 or IPv6 network"},
    {"10/8", -1, "'10/8' does not appear to be an IPv4 or IPv6 network"},
    {"192.168.1", -1, "'192.168.1' does not appear to be an IPv4 or IPv6 network"},
    {"010.0.0.1", -1, "'010.0.0.1' does not appear to be an IPv4 or IPv6 network"},
    {"10.0.0.0/255.0.255.0", -1,
     "'10.0.0.0/255.0.255.0' does not appear to be an IPv4 or IPv6 network"},
    {"10.0.0.0/", -1, "'10.0.0.0/' does not appear to be an IPv4 or IPv6 network"},
    {"10.0.0.0/-1", -1, "'10.0.0.0/-1' does not appear to be an IPv4 or IPv6 network"},
    {"10.0.0.0/8/8", -1, "'10.0.0.0/8/8' does not appear to be an IPv4 or IPv6 network"},
    {"fe80::1%", -1, "'fe80::1%' does not appear to be an IPv4 or IPv6 network"},
    {"fe80::1%a%b", -1, "'fe80::1%a%b' does not appear to be an IPv4 or IPv6 network"},
    {"", -1, "'' does not appear to be an IPv4 or IPv6 network"},
    {"*", -1, "'*' does not appear to be an IPv4 or IPv6 network"},
    {"localhost", -1, "'localhost' does not appear to be an IPv4 or IPv6 network"},
    {" 1.2.3.4", -1, "' 1.2.3.4' does not appear to be an IPv4 or IPv6 network"},
};

START_TEST(parse)
{
    struct gn_ipnet net;
    struct gn_err err = {0};
    bool ok = gn_ipnet_parse(gn_slice_str(rows[_i].text), &net, &err);

    if (rows[_i].message == NULL) {
        ck_assert_msg(ok, "%s", err.msg);
        ck_assert_int_eq((int)net.prefix, rows[_i].prefix);
    } else {
        ck_assert(!ok);
        ck_assert_str_eq(err.msg, rows[_i].message);
    }
    gn_err_clear(&err);
}
END_TEST

static const struct {
    const char *net, *address;
    bool has;
} members[] = {
    {"10.0.0.0/8", "10.255.255.255", true},
    {"10.0.0.0/8", "11.0.0.0", false},
    {"10.0.0.0/9", "10.127.255.255", true},
    {"10.0.0.0/9", "10.128.0.0", false},
    {"0.0.0.0/0", "255.255.255.255", true},
    {"1.2.3.4", "1.2.3.4", true},
    {"1.2.3.4", "1.2.3.5", false},
    {"1.2.3.4/31", "1.2.3.5", true},
    {"fe80::/10", "febf::1", true},
    {"fe80::/10", "fec0::1", false},
    {"::/0", "1.2.3.4", false},
    {"0.0.0.0/0", "::ffff:1.2.3.4", false},
    {"::1", "::1", true},
    {"::1", "::2", false},
    {"fe80::1%eth0", "fe80::1", true},
    {"::/128", "::1", false},
};

START_TEST(has)
{
    int family = strchr(members[_i].address, ':') != NULL ? AF_INET6 : AF_INET;
    unsigned char bits[16];
    struct gn_ipnet net;

    ck_assert(gn_ipnet_parse(gn_slice_str(members[_i].net), &net, NULL));
    ck_assert_int_eq(inet_pton(family, members[_i].address, bits), 1);
    ck_assert_int_eq(gn_ipnet_has(&net, family, bits), members[_i].has);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("gn_ipnet");
    TCase *tc = tcase_create("networks");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, parse, 0, (int)GN_ARRAY_LEN(rows));
    tcase_add_loop_test(tc, has, 0, (int)GN_ARRAY_LEN(members));
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
