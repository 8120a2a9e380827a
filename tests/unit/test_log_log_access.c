#include <check.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "log/log_access.h"

#define DEFAULT_FORMAT "%(h)s %(l)s %(u)s %(t)s \"%(r)s\" %(s)s %(b)s \"%(f)s\" \"%(a)s\""

static struct gn_slice
look_up(struct gn_slice name, const char *const (*pairs)[2])
{
    for (; (*pairs)[0] != NULL; pairs++) {
        if (gn_slice_eq_str(name, (*pairs)[0]))
            return gn_slice_str((*pairs)[1]);
    }
    return gn_slice(NULL, 0);
}

static struct gn_slice
request_header(const void *ctx GN_UNUSED, struct gn_slice name)
{
    static const char *const pairs[][2] = {
        {"user-agent", "curl/7.88.1"}, {"x-q", "\xe9\"a\tb\n"}, {"x-empty", ""}, {NULL, NULL}};

    return look_up(name, pairs);
}

static struct gn_slice
response_header(const void *ctx GN_UNUSED, struct gn_slice name)
{
    static const char *const pairs[][2] = {{"x-a", "a\"b"}, {NULL, NULL}};

    return look_up(name, pairs);
}

static struct gn_slice
environ_value(const void *ctx GN_UNUSED, struct gn_slice name)
{
    static const char *const pairs[][2] = {{"wsgi.url_scheme", "http"},
                                           {"server_port", "80"},
                                           {"x.text", "\xc3\xa9\"\n"},
                                           {NULL, NULL}};

    return look_up(name, pairs);
}

static struct gn_access_record
sample(void)
{
    return (struct gn_access_record){
        .remote_addr = GN_SLICE("127.0.0.1"),
        .user = GN_SLICE("joe"),
        .method = GN_SLICE("GET"),
        .target = GN_SLICE("/a%20b?q=1\"\xe9"),
        .path = GN_SLICE("/a b"),
        .query = GN_SLICE("q=1"),
        .protocol = GN_SLICE("HTTP/1.1"),
        .status = 200,
        .sent_bytes = 1234,
        .duration_ns = 90061 * GN_NS_PER_S + 1588 * GN_NS_PER_US,
        .now = 784111777,
        .pid = 8250,
        .request_header = request_header,
        .response_header = response_header,
        .environ_value = environ_value,
    };
}

static struct gn_access_record
bare(void)
{
    return (struct gn_access_record){.status = 404, .now = 784111777, .duration_ns = -5};
}

static const struct {
    const char *format, *full, *bare;
} lines[] = {
    {DEFAULT_FORMAT,
     "127.0.0.1 - joe [06/Nov/1994:08:49:37 +0000] \"GET /a%20b?q=1\\\"\xc3\xa9 HTTP/1.1\" 200 "
     "1234 \"-\" \"curl/7.88.1\"",
     " - - [06/Nov/1994:08:49:37 +0000] \"- - -\" 404 0 \"-\" \"-\""},
    {"", "", ""},
    {"hello", "hello", "hello"},
    {"%(m)s|%(U)s|%(q)s|%(H)s|%(B)s|%(p)s", "GET|/a b|q=1|HTTP/1.1|1234|<8250>", "-|-||-|0|<0>"},
    /* Durations keep their days. */
    {"%(T)s %(M)s %(D)s %(L)s", "90061 90061001 90061001588 90061.001588", "0 0 0 0.000000"},
    {"%(T)d %(M)012d %(D)x %(B)+d", "90061 000090061001 14f80dd374 +1234", "0 000000000000 0 +0"},
    {"%(h)-12s|%(h)12s|%(h).3s|%(h)r", "127.0.0.1   |   127.0.0.1|127|'127.0.0.1'",
     "            |            ||''"},
    {"100%% %(s)s%%", "100% 200%", "100% 404%"},
    {"%({x-q}i)s", "\xc3\xa9\\\"a\\x09b\\x0a", "-"},
    {"%({X-Q}I).3s", "\xc3\xa9\\\"", "-"},
    {"[%({x-empty}i)s]", "[]", "[-]"},
    {"%({x-a}o)s %({x-b}o)s", "a\\\"b -", "- -"},
    {"%({wsgi.url_scheme}e)s %({SERVER_PORT}e)5s", "http    80", "-     -"},
    {"%({x.text}e)s", "\xc3\xa9\\\"\\x0a", "-"},
    {"%({}i)s %({i)s %(})s %({x}z)s %({x-q}i )s", "- - - - -", "- - - - -"},
    {"%(x)s %()s %((h))s %(a(b)c)s %(hh)s %(S)5s", "- - - - -     -", "- - - - -     -"},
    {"\xc3\xa9%(s)s",
     "\xc3\xa9"
     "200",
     "\xc3\xa9"
     "404"},
    {"line\n", "line\n", "line\n"},
};

static void
check_line(const struct gn_access_format *f, const struct gn_access_record *r, const char *want)
{
    struct gn_buf out = {0};

    ck_assert(gn_buf_append(&out, "..>", 3));
    gn_buf_consume(&out, 2);
    ck_assert(gn_access_format_write(f, r, &out));
    gn_buf_consume(&out, 1);
    ck_assert_msg(gn_slice_eq_str(gn_buf_slice(&out), want), "[%.*s]",
                  GN_SLICE_ARG(gn_buf_slice(&out)));
    gn_buf_fini(&out);
}

START_TEST(line)
{
    struct gn_err err = {0};
    struct gn_access_format *f = gn_access_format_new(lines[_i].format, &err);
    struct gn_access_record full = sample(), none = bare();

    ck_assert_msg(f != NULL, "%s", err.msg);
    check_line(f, &full, lines[_i].full);
    check_line(f, &none, lines[_i].bare);
    check_line(f, &full, lines[_i].full);
    gn_access_format_free(f);
}
END_TEST

static const struct {
    const char *format, *message;
} broken[] = {
    {"%", "'%' at position 1 stands alone, write '%%' for a percent sign"},
    {"100%", "'%' at position 4 stands alone, write '%%' for a percent sign"},
    {"100% (x)", "'%' at position 4 needs a name in parentheses, as in %(h)s; write '%%' for a "
                 "percent sign"},
    {"%s", "'%' at position 1 needs a name in parentheses, as in %(h)s; write '%%' for a percent "
           "sign"},
    {"%-5%", "'%' at position 1 needs a name in parentheses, as in %(h)s; write '%%' for a percent "
             "sign"},
    {"a %(h", "')' is missing for '(' at position 4"},
    {"%((h)s", "')' is missing for '(' at position 2"},
    {"%(h)", "'%(h)' at position 1: the conversion letter is missing, as in %(h)s"},
    {"%(h)s %(l)-5", "'%(l)-5' at position 7: the conversion letter is missing, as in %(h)s"},
    {"%(h)q", "'%(h)q' at position 1: unknown conversion letter"},
    {"\xc3\xa9 %(h)\xc3\xa9", "'%(h)\xc3\xa9' at position 3: unknown conversion letter"},
    {"%(h)%", "'%(h)%' at position 1: unknown conversion letter"},
    {"%(h)*s", "'%(h)*' at position 1: a width or precision must be written as a number"},
    {"%(h)2000s", "'%(h)2000' at position 1: the width is above 1000"},
    {"%(h)d", "'%(h)d' at position 1: 'h' is text, only s can follow"},
    {"%(s)s %(s)05d", "'%(s)05d' at position 7: 's' is text, only s can follow"},
    {"%(L)f", "'%(L)f' at position 1: 'L' is text, only s can follow"},
    {"%({x}i)d", "'%({x}i)d' at position 1: '{x}i' is text, only s can follow"},
    {"%(unknown)d", "'%(unknown)d' at position 1: 'unknown' is text, only s can follow"},
};

START_TEST(broken_format)
{
    struct gn_err err = {0};

    ck_assert_ptr_null(gn_access_format_new(broken[_i].format, &err));
    ck_assert_int_eq(err.code, GN_E_VALUE);
    ck_assert_str_eq(err.msg, broken[_i].message);
    ck_assert_ptr_null(gn_access_format_new(broken[_i].format, NULL));
}
END_TEST

START_TEST(environ_is_asked_for_only_when_needed)
{
    static const struct {
        const char *format;
        bool needs;
    } cases[] = {{DEFAULT_FORMAT, false},
                 {"%({a}i)s %({a}o)s", false},
                 {"%(e)s", false},
                 {"x %({a}e)s y", true},
                 {"%({a}E)s", true}};

    for (size_t i = 0; i < GN_ARRAY_LEN(cases); i++) {
        struct gn_access_format *f = gn_access_format_new(cases[i].format, NULL);

        ck_assert_ptr_nonnull(f);
        ck_assert(gn_access_format_needs_environ(f) == cases[i].needs);
        gn_access_format_free(f);
    }
    gn_access_format_free(NULL);
}
END_TEST

START_TEST(date_follows_the_second)
{
    struct gn_access_format *f = gn_access_format_new("%(t)s", NULL);
    struct gn_access_record r = sample();

    check_line(f, &r, "[06/Nov/1994:08:49:37 +0000]");
    r.now++;
    check_line(f, &r, "[06/Nov/1994:08:49:38 +0000]");
    r.now = 0;
    check_line(f, &r, "[01/Jan/1970:00:00:00 +0000]");
    gn_access_format_free(f);
}
END_TEST

/* A header of many bytes, all of which grow fourfold. */
START_TEST(large_values)
{
    struct gn_access_format *f = gn_access_format_new("<%(U)s>", NULL);
    struct gn_access_record r = sample();
    struct gn_buf out = {0};
    size_t n = 100000;
    char *big = malloc(n);

    memset(big, '\n', n);
    r.path = gn_slice(big, n);
    ck_assert(gn_access_format_write(f, &r, &out));
    ck_assert_uint_eq(gn_buf_len(&out), 4 * n + 2);
    ck_assert_int_eq(out.data[out.end - 1], '>');
    free(big);
    gn_buf_fini(&out);
    gn_access_format_free(f);
}
END_TEST

START_TEST(steady_state_keeps_its_memory)
{
    struct gn_access_format *f = gn_access_format_new(DEFAULT_FORMAT, NULL);
    struct gn_access_record r = sample();
    struct gn_buf out = {0};
    const char *data;

    ck_assert(gn_access_format_write(f, &r, &out));
    data = out.data;
    for (int i = 0; i < 1000; i++) {
        gn_buf_clear(&out);
        ck_assert(gn_access_format_write(f, &r, &out));
        ck_assert_ptr_eq(out.data, data);
    }
    gn_buf_fini(&out);
    gn_access_format_free(f);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("gn_access_format");
    TCase *tc = tcase_create("all");
    SRunner *runner;
    int failed;

    setenv("TZ", "UTC0", 1);
    tzset();
    tcase_add_loop_test(tc, line, 0, GN_ARRAY_LEN(lines));
    tcase_add_loop_test(tc, broken_format, 0, GN_ARRAY_LEN(broken));
    tcase_add_test(tc, environ_is_asked_for_only_when_needed);
    tcase_add_test(tc, date_follows_the_second);
    tcase_add_test(tc, large_values);
    tcase_add_test(tc, steady_state_keeps_its_memory);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
