#include <check.h>
#include <stdlib.h>

#include "base/compiler.h"
#include "http/response.h"

#define S(lit)                                                                                     \
    {                                                                                              \
        lit, sizeof(lit) - 1                                                                       \
    }

static const struct {
    struct gn_slice status;
    int code; /* 0: refused */
} statuses[] = {
    {S("200 OK"), 200},
    {S("200"), 200},
    {S("404 "), 404},
    {S("299 a\tb \xe9"), 299},
    {S("100 Continue"), 100},
    {S("599 x"), 599},
    {S("999 x"), 999},
    {S("99 x"), 0},
    {S("099 x"), 0},
    {S("000 x"), 0},
    {S("600 x"), 600},
    {S("998 x"), 998},
    {S("2000 x"), 0},
    {S("200OK"), 0},
    {S("200\tOK"), 0},
    {S("OK"), 0},
    {S(""), 0},
    {S("20"), 0},
    {S(" 200 OK"), 0},
    {S("+20 OK"), 0},
    {S("2x0 OK"), 0},
    {S("200 OK\r\nX: y"), 0},
    {S("200 O\nK"), 0},
    {S("200 O\rK"), 0},
    {S("200 O\0K"), 0},
    {S("200 O\x7fK"), 0},
    {S("None"), 0},
};

START_TEST(test_status_check)
{
    const char *why = NULL;
    int code = 0;
    bool ok = gn_http_status_check(statuses[_i].status, &code, &why);

    ck_assert_int_eq(ok, statuses[_i].code != 0);
    ck_assert_int_eq(code, statuses[_i].code);
    ck_assert_int_eq(why == NULL, ok);
}
END_TEST

static const struct {
    struct gn_slice name, value;
    bool ok;
} fields[] = {
    {S("Content-Type"), S("text/html"), true},
    {S("X"), S(""), true},
    {S("!#$%&'*+-.^_`|~9"), S(" a\tb \xff"), true},
    {S(""), S("a"), false},
    {S("X Y"), S("a"), false},
    {S("X:"), S("a"), false},
    {S("X\r\n"), S("a"), false},
    {S("X\xe9"), S("a"), false},
    {S("X\0"), S("a"), false},
    {S("X"), S("a\r\nSet-Cookie: b"), false},
    {S("X"), S("a\n"), false},
    {S("X"), S("\r"), false},
    {S("X"), S("a\0b"), false},
    {S("X"), S("a\x1b"), false},
    {S("X"), S("\x7f"), false},
    {S("X"), S("a long value that is more than sixteen bytes\x01"), false},
};

START_TEST(test_field_check)
{
    const char *why = NULL;

    ck_assert_int_eq(gn_http_field_check(fields[_i].name, fields[_i].value, &why), fields[_i].ok);
    ck_assert_int_eq(why == NULL, fields[_i].ok);
}
END_TEST

static const struct {
    struct gn_slice text;
    int64_t length; /* -1: refused */
} lengths[] = {
    {S("0"), 0},    {S("12"), 12},  {S(" 12\t"), 12}, {S("9223372036854775807"), INT64_MAX},
    {S("-2"), -1},  {S("+2"), -1},  {S("0_2"), -1},   {S("9223372036854775808"), -1},
    {S(""), -1},    {S("1 2"), -1}, {S("2.0"), -1},   {S("two"), -1},
    {S("0x2"), -1},
};

START_TEST(test_content_length)
{
    int64_t length = -1;

    ck_assert_int_eq(gn_http_content_length(lengths[_i].text, &length), lengths[_i].length >= 0);
    ck_assert_int_eq(length, lengths[_i].length);
}
END_TEST

static const struct {
    const char *name;
    enum gn_http_resp_field kind;
} kinds[] = {
    {"Content-Length", GN_RESP_CONTENT_LENGTH},
    {"content-length", GN_RESP_CONTENT_LENGTH},
    {"Connection", GN_RESP_CONNECTION},
    {"CONNECTION", GN_RESP_CONNECTION},
    {"Upgrade", GN_RESP_UPGRADE},
    {"Keep-Alive", GN_RESP_DROP},
    {"Proxy-Authenticate", GN_RESP_DROP},
    {"Proxy-Authorization", GN_RESP_DROP},
    {"TE", GN_RESP_DROP},
    {"Trailers", GN_RESP_DROP},
    {"Transfer-Encoding", GN_RESP_DROP},
    {"Server", GN_RESP_DROP},
    {"Date", GN_RESP_DROP},
    {"Dato", GN_RESP_KEEP},
    {"Content-Type", GN_RESP_KEEP},
    {"Set-Cookie", GN_RESP_KEEP},
    {"X-Server", GN_RESP_KEEP},
    {"Content_Length", GN_RESP_KEEP},
};

START_TEST(test_field_kind)
{
    ck_assert_int_eq(gn_http_resp_field_kind(gn_slice_str(kinds[_i].name)), kinds[_i].kind);
}
END_TEST

START_TEST(test_status_has_no_body)
{
    for (int code = 100; code < 600; code++)
        ck_assert_int_eq(gn_http_status_has_no_body(code),
                         code < 200 || code == 204 || code == 304);
}
END_TEST

static const struct {
    struct gn_http_resp_start start;
    const char *want;
} heads[] = {
    {{1, S("200 OK"), S("gunicorn"), "Sun, 06 Nov 1994 08:49:37 GMT", S("close"), true},
     "HTTP/1.1 200 OK\r\nServer: gunicorn\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
     "Connection: close\r\nTransfer-Encoding: chunked\r\n"},
    {{0, S("404 Nothing"), S("x"), "D", S("keep-alive"), false},
     "HTTP/1.0 404 Nothing\r\nServer: x\r\nDate: D\r\nConnection: keep-alive\r\n"},
    {{2, S("204"), S(""), NULL, S(""), false}, "HTTP/1.1 204 \r\n"},
};

START_TEST(test_begin)
{
    struct gn_buf out = {0};

    ck_assert(gn_http_resp_begin(&out, &heads[_i].start));
    ck_assert(gn_slice_eq_str(gn_buf_slice(&out), heads[_i].want));
    gn_buf_fini(&out);
}
END_TEST

START_TEST(test_append)
{
    struct gn_buf out = {0};

    ck_assert(gn_http_resp_field_append(&out, GN_SLICE("X-A"), GN_SLICE("1")));
    ck_assert(gn_http_resp_field_append(&out, GN_SLICE("b"), GN_SLICE("")));
    ck_assert(gn_http_resp_end(&out));
    ck_assert(gn_slice_eq_str(gn_buf_slice(&out), "X-A: 1\r\nb: \r\n\r\n"));
    gn_buf_fini(&out);
}
END_TEST

static const struct {
    size_t n;
    const char *want;
} chunks[] = {
    {0, "0\r\n"},       {1, "1\r\n"},
    {15, "f\r\n"},      {16, "10\r\n"},
    {0x1a3, "1a3\r\n"}, {65536, "10000\r\n"},
    {0xfff, "fff\r\n"}, {SIZE_MAX, "ffffffffffffffff\r\n"},
};

START_TEST(test_chunk_head)
{
    char out[GN_CHUNK_HEAD_BYTES];
    size_t n = gn_http_chunk_head(out, chunks[_i].n);

    ck_assert(gn_slice_eq_str(gn_slice(out, n), chunks[_i].want));
}
END_TEST

static const struct {
    struct gn_slice in, out;
} quoted[] = {
    {S("/a%2Fb%2fc"), S("/a/b/c")},
    {S("%25%20%C3%A9"), S("% \xc3\xa9")},
    {S("%00%0D%0A"), S("\0\r\n")},
    {S("%zz%"), S("%zz%")},
    {S("%4"), S("%4")},
    {S("%4g"), S("%4g")},
    {S("%%41"), S("%A")},
    {S("%2541"), S("%41")},
    {S("a+b"), S("a+b")},
    {S(""), S("")},
    {S("%FF\xe9"), S("\xff\xe9")},
};

START_TEST(test_unquote)
{
    char out[32], same[32];
    size_t n = gn_http_unquote(quoted[_i].in, out);

    ck_assert(gn_slice_eq(gn_slice(out, n), quoted[_i].out));
    if (quoted[_i].in.n > 0)
        memcpy(same, quoted[_i].in.p, quoted[_i].in.n);
    n = gn_http_unquote(gn_slice(same, quoted[_i].in.n), same);
    ck_assert(gn_slice_eq(gn_slice(same, n), quoted[_i].out));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("http response");
    TCase *tc = tcase_create("response");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, test_status_check, 0, GN_ARRAY_LEN(statuses));
    tcase_add_loop_test(tc, test_field_check, 0, GN_ARRAY_LEN(fields));
    tcase_add_loop_test(tc, test_content_length, 0, GN_ARRAY_LEN(lengths));
    tcase_add_loop_test(tc, test_field_kind, 0, GN_ARRAY_LEN(kinds));
    tcase_add_test(tc, test_status_has_no_body);
    tcase_add_loop_test(tc, test_begin, 0, GN_ARRAY_LEN(heads));
    tcase_add_test(tc, test_append);
    tcase_add_loop_test(tc, test_chunk_head, 0, GN_ARRAY_LEN(chunks));
    tcase_add_loop_test(tc, test_unquote, 0, GN_ARRAY_LEN(quoted));
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
