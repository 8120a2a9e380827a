#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"

/* "INET host port", "INET6 host port", "UNIX path", "FD n" or "!message". */
static const struct {
    const char *text, *want, *printed;
} rows[] = {
    {"127.0.0.1:9000", "INET 127.0.0.1 9000", "http://127.0.0.1:9000"},
    {"Example.ORG", "INET example.org 8000", "http://example.org:8000"},
    {"", "INET 0.0.0.0 8000", "http://0.0.0.0:8000"},
    {":9", "INET 0.0.0.0 9", "http://0.0.0.0:9"},
    {"h:0", "INET h 0", "http://h:0"},
    {"h:65535", "INET h 65535", "http://h:65535"},
    {"tcp://h:9", "INET h 9", "http://h:9"},
    {"[::1]:80", "INET6 ::1 80", "http://[::1]:80"},
    {"[::]", "INET6 :: 8000", "http://[::]:8000"},
    {"[FE80::1%eth0]:1", "INET6 fe80::1%eth0 1", "http://[fe80::1%eth0]:1"},
    {"unix:/run/x.sock", "UNIX /run/x.sock", "unix:/run/x.sock"},
    {"unix:///run/x.sock", "UNIX /run/x.sock", "unix:/run/x.sock"},
    {"unix:x:y", "UNIX x:y", "unix:x:y"},
    {"unix:9", "INET unix 9", "http://unix:9"},
    {"unix:@x", "UNIX @x", "unix:@x"},
    {"unix:./@x", "UNIX ./@x", "unix:./@x"},
    {"unix:/s?mode=660", "UNIX /s 660 - -", "unix:/s?mode=660"},
    {"unix:///s?mode=0600", "UNIX /s 600 - -", "unix:/s?mode=600"},
    {"unix:/s?group=www&user=me", "UNIX /s - me www", "unix:/s?user=me&group=www"},
    {"unix:/s?mode=007&user=1&group=2", "UNIX /s 007 1 2", "unix:/s?mode=007&user=1&group=2"},
    {"fd://3", "FD 3", "fd://3"},
    {"unix:@", "!the name is missing after 'unix:@'", NULL},
    {"unix:?mode=660", "!the path is missing after 'unix:'", NULL},
    {"unix:@x?mode=660", "!an abstract socket has no file, and no options for one", NULL},
    {"unix:/s?", "!'' is not an option of a Unix socket (mode=, user=, group=)", NULL},
    {"unix:/s?x=1", "!'x=1' is not an option of a Unix socket (mode=, user=, group=)", NULL},
    {"unix:/s?mode", "!'mode' is not an option of a Unix socket (mode=, user=, group=)", NULL},
    {"unix:/s?mode=660&", "!'' is not an option of a Unix socket (mode=, user=, group=)", NULL},
    {"unix:/s?mode=66", "!mode=66: permissions are three octal digits (660)", NULL},
    {"unix:/s?mode=1777", "!mode=1777: permissions are three octal digits (660)", NULL},
    {"unix:/s?mode=680", "!mode=680: permissions are three octal digits (660)", NULL},
    {"unix:/s?user=", "!user=: a name or a number is wanted", NULL},
    {"unix:/s?user=a&user=b", "!user= is there twice", NULL},
    {"h:", "!the port is missing after ':'", NULL},
    {"h:65536", "!port 65536 is out of range (0 to 65535)", NULL},
    {"h:99999999999999999999", "!port 99999999999999999999 is out of range (0 to 65535)", NULL},
    {"h:-1", "!'-1' is not a port number", NULL},
    {"h:+1", "!'+1' is not a port number", NULL},
    {"h: 1", "!' 1' is not a port number", NULL},
    {"h:x", "!'x' is not a port number", NULL},
    {"a b:1", "!'a b' is not a host name", NULL},
    {"a/b", "!'a/b' is not a host name", NULL},
    {"::1", "!more than one ':' (an IPv6 address is written in brackets: [::1]:8000)", NULL},
    {"a:1:2", "!more than one ':' (an IPv6 address is written in brackets: [::1]:8000)", NULL},
    {"[::1", "!']' is missing in '[::1'", NULL},
    {"[x]:1", "!'x' is not an IPv6 address", NULL},
    {"[]", "!'' is not an IPv6 address", NULL},
    {"[::1]9", "!':' is missing after ']'", NULL},
    {"[::1]:", "!the port is missing after ':'", NULL},
    {"unix:", "!the path is missing after 'unix:'", NULL},
    {"unix://", "!the path is missing after 'unix:'", NULL},
    {"fd://", "!'' is not a descriptor number", NULL},
    {"fd://x", "!'x' is not a descriptor number", NULL},
    {"fd://99999999999", "!'99999999999' is not a descriptor number", NULL},
};

static void
describe(const struct gn_addr *a, char *out, size_t size)
{
    char mode[16];

    switch (a->kind) {
    case GN_ADDR_INET:
        snprintf(out, size, "INET %s %d", a->host, a->port);
        break;
    case GN_ADDR_INET6:
        snprintf(out, size, "INET6 %s %d", a->host, a->port);
        break;
    case GN_ADDR_UNIX:
        if (a->mode < 0 && a->user[0] == '\0' && a->group[0] == '\0') {
            snprintf(out, size, "UNIX %s", a->path);
            break;
        }
        snprintf(mode, sizeof(mode), a->mode < 0 ? "-" : "%03o", (unsigned)a->mode);
        snprintf(out, size, "UNIX %s %s %s %s", a->path, mode, a->user[0] != '\0' ? a->user : "-",
                 a->group[0] != '\0' ? a->group : "-");
        break;
    case GN_ADDR_FD:
        snprintf(out, size, "FD %d", a->fd);
        break;
    }
}

START_TEST(parse_and_print)
{
    char got[600];
    struct gn_addr a;
    struct gn_err err = {0};
    struct gn_buf b = {0};

    if (gn_addr_parse(rows[_i].text, &a, &err))
        describe(&a, got, sizeof(got));
    else
        snprintf(got, sizeof(got), "!%s", err.msg);
    ck_assert_str_eq(got, rows[_i].want);
    if (rows[_i].printed != NULL) {
        ck_assert(gn_addr_print(&a, "http", &b));
        ck_assert(gn_slice_eq_str(gn_buf_slice(&b), rows[_i].printed));
    }
    gn_buf_fini(&b);
    gn_err_clear(&err);
}
END_TEST

START_TEST(default_port)
{
    struct gn_addr a;

    ck_assert(gn_addr_parse_port("h", 8125, &a, NULL));
    ck_assert_int_eq(a.port, 8125);
    ck_assert(gn_addr_parse_port("[::1]", 8125, &a, NULL));
    ck_assert_int_eq(a.port, 8125);
    ck_assert(gn_addr_parse_port("h:1", 8125, &a, NULL));
    ck_assert_int_eq(a.port, 1);
}
END_TEST

/* The longest path fits with its NUL, one more byte does not; the same for host names. */
START_TEST(lengths)
{
    char text[400] = "unix:";
    struct gn_addr a;
    struct gn_err err = {0};

    memset(text + 5, 'p', GN_ADDR_PATH_BYTES - 1);
    ck_assert(gn_addr_parse(text, &a, &err));
    ck_assert_int_eq((int)strlen(a.path), GN_ADDR_PATH_BYTES - 1);
    text[strlen(text)] = 'p';
    ck_assert(!gn_addr_parse(text, &a, &err));
    ck_assert_ptr_nonnull(strstr(err.msg, "too long"));
    memset(text, 'h', 255);
    text[255] = '\0';
    ck_assert(gn_addr_parse(text, &a, &err));
    text[255] = 'h';
    text[256] = '\0';
    ck_assert(!gn_addr_parse(text, &a, &err));
    ck_assert_ptr_nonnull(strstr(err.msg, "too long"));
    gn_err_clear(&err);
}
END_TEST

/* Rows in different groups differ, rows of one group are equal. */
static const struct {
    const char *text;
    int group;
} equals[] = {
    {"h:1", 0},       {"H:1", 0},
    {"tcp://h:1", 0}, {"h:2", 1},
    {"g:1", 2},       {"unix:/s", 3},
    {"unix:///s", 3}, {"unix:/t", 4},
    {"fd://3", 5},    {"fd://4", 6},
    {"[::1]:1", 7},   {"[::2]:1", 8},
    {"127.0.0.1", 9}, {"127.0.0.1:8000", 9},
};

START_TEST(equal)
{
    struct gn_addr a, b;

    ck_assert(gn_addr_parse(equals[_i].text, &a, NULL));
    for (size_t j = 0; j < GN_ARRAY_LEN(equals); j++) {
        ck_assert(gn_addr_parse(equals[j].text, &b, NULL));
        ck_assert_int_eq(gn_addr_equal(&a, &b), equals[_i].group == equals[j].group);
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("gn_addr");
    TCase *tc = tcase_create("text");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, parse_and_print, 0, (int)GN_ARRAY_LEN(rows));
    tcase_add_test(tc, default_port);
    tcase_add_test(tc, lengths);
    tcase_add_loop_test(tc, equal, 0, (int)GN_ARRAY_LEN(equals));
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
