#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/un.h>

#include "base/compiler.h"
#include "net/addr.h"

static const struct {
    int family;
    const char *in, *out;
    unsigned scope;
    uint16_t port;
} peers[] = {
    {AF_INET, "127.0.0.1", "127.0.0.1", 0, 8000},
    {AF_INET, "255.255.255.255", "255.255.255.255", 0, 65535},
    {AF_INET6, "::1", "::1", 0, 1},
    {AF_INET6, "2001:db8:0:0:0:0:0:1", "2001:db8::1", 0, 80},
    {AF_INET6, "::ffff:10.0.0.1", "::ffff:10.0.0.1", 0, 80},
    {AF_INET6, "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
     "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 0, 80},
    {AF_INET6, "fe80::1", "fe80::1%lo", 1, 80}, /* 1 is the loopback interface */
    {AF_INET6, "fe80::1", "fe80::1", 999999, 80},
};

START_TEST(peer_text)
{
    struct sockaddr_storage ss = {.ss_family = (sa_family_t)peers[_i].family};
    char text[GN_ADDR_TEXT_BYTES];
    int port = -1;

    if (peers[_i].family == AF_INET) {
        struct sockaddr_in *sin = (struct sockaddr_in *)&ss;

        ck_assert_int_eq(inet_pton(AF_INET, peers[_i].in, &sin->sin_addr), 1);
        sin->sin_port = htons(peers[_i].port);
    } else {
        struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)&ss;

        ck_assert_int_eq(inet_pton(AF_INET6, peers[_i].in, &sin6->sin6_addr), 1);
        sin6->sin6_port = htons(peers[_i].port);
        sin6->sin6_scope_id = peers[_i].scope;
    }
    gn_peer_text(&ss, text, &port);
    ck_assert_str_eq(text, peers[_i].out);
    ck_assert_int_eq(port, peers[_i].port);
}
END_TEST

START_TEST(unix_peers_have_no_text)
{
    struct sockaddr_storage ss = {.ss_family = AF_UNIX};
    char text[GN_ADDR_TEXT_BYTES] = "old";
    int port = 7;

    memcpy(((struct sockaddr_un *)&ss)->sun_path, "/run/x", 7);
    gn_peer_text(&ss, text, &port);
    ck_assert_str_eq(text, "");
    ck_assert_int_eq(port, 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("gn_peer");
    TCase *tc = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, peer_text, 0, GN_ARRAY_LEN(peers));
    tcase_add_test(tc, unix_peers_have_no_text);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
