#include <check.h>
#include <stdlib.h>

#include "base/addr.h"
#include "base/compiler.h"

static const struct {
    const char *in, *out;
    enum gn_addr_kind kind;
} good[] = {
    {"127.0.0.1:80", "http://127.0.0.1:80", GN_ADDR_INET},
    {"127.0.0.1", "http://127.0.0.1:8000", GN_ADDR_INET},
    {":80", "http://0.0.0.0:80", GN_ADDR_INET},
    {"LocalHost:1", "http://localhost:1", GN_ADDR_INET},
    {"tcp://127.0.0.1:80", "http://127.0.0.1:80", GN_ADDR_INET},
    {"0.0.0.0:0", "http://0.0.0.0:0", GN_ADDR_INET},
    {"h:65535", "http://h:65535", GN_ADDR_INET},
    {"[::1]:80", "http://[::1]:80", GN_ADDR_INET6},
    {"[::1]", "http://[::1]:8000", GN_ADDR_INET6},
    {"[FE80::1%eth0]:80", "http://[fe80::1%eth0]:80", GN_ADDR_INET6},
    {"unix:/run/x.sock", "unix:/run/x.sock", GN_ADDR_UNIX},
    {"unix:///run/x.sock", "unix:/run/x.sock", GN_ADDR_UNIX},
    {"unix:relative", "unix:relative", GN_ADDR_UNIX},
    {"unix:@x", "unix:@x", GN_ADDR_UNIX}, /* a plain file, as the original */
    {"unix:9", "http://unix:9", GN_ADDR_INET},
    {"fd://3", "fd://3", GN_ADDR_FD},
};

START_TEST(parse_and_print)
{
    struct gn_buf out = {0};
    struct gn_err err = {0};
    struct gn_addr a, b;

    ck_assert_msg(gn_addr_parse(good[_i].in, &a, &err), "%s", err.msg);
    ck_assert_int_eq(a.kind, good[_i].kind);
    ck_assert(gn_addr_print(&a, "http", &out));
    ck_assert_msg(gn_slice_eq_str(gn_buf_slice(&out), good[_i].out), "%.*s",
                  GN_SLICE_ARG(gn_buf_slice(&out)));
    gn_buf_fini(&out);
    /* Equal to itself, and to nothing else of the table that prints another text. */
    for (size_t i = 0; i < GN_ARRAY_LEN(good); i++) {
        ck_assert(gn_addr_parse(good[i].in, &b, NULL));
        ck_assert(gn_addr_equal(&a, &b) == (strcmp(good[i].out, good[_i].out) == 0));
    }
}
END_TEST

static const struct {
    const char *in, *why;
} bad[] = {
    {"h:", "the port is missing"},
    {"h:x", "'x' is not a port number"},
    {"h:-1", "'-1' is not a port number"},
    {"h:65536", "port 65536 is out of range"},
    {"h:99999999999999999999", "port 99999999999999999999 is out of range"},
    {"::1", "more than one ':'"},
    {"a:1:2", "more than one ':'"},
    {"[::1", "']' is missing"},
    {"[::1]80", "':' is missing after ']'"},
    {"[::1]:", "the port is missing"},
    {"[127.0.0.1]:80", "'127.0.0.1' is not an IPv6 address"},
    {"a b:1", "'a b' is not a host name"},
    {"http://h:1", "more than one ':'"},
    {"unix:", "the path is missing"},
    {"unix://", "the path is missing"},
    {"fd://", "'' is not a descriptor number"},
    {"fd://x", "'x' is not a descriptor number"},
    {"fd://-1", "'-1' is not a descriptor number"},
    {"fd://2147483648", "'2147483648' is not a descriptor number"},
};

START_TEST(refuse)
{
    struct gn_err err = {0};
    struct gn_addr a;

    ck_assert(!gn_addr_parse(bad[_i].in, &a, &err));
    ck_assert_int_eq(err.code, GN_E_VALUE);
    ck_assert_msg(strstr(err.msg, bad[_i].why) != NULL, "%s", err.msg);
}
END_TEST

START_TEST(lengths)
{
    char text[400] = "unix:/";
    struct gn_addr a;

    memset(text + 6, 'x', 106);
    ck_assert(gn_addr_parse(text, &a, NULL));
    ck_assert_uint_eq(strlen(a.path), 107);
    text[112] = 'x';
    ck_assert(!gn_addr_parse(text, &a, NULL));
    memset(text, 'h', 255);
    text[255] = '\0';
    ck_assert(gn_addr_parse(text, &a, NULL));
    text[255] = 'h';
    ck_assert(!gn_addr_parse(text, &a, NULL));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("gn_addr");
    TCase *tc = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, parse_and_print, 0, GN_ARRAY_LEN(good));
    tcase_add_loop_test(tc, refuse, 0, GN_ARRAY_LEN(bad));
    tcase_add_test(tc, lengths);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
