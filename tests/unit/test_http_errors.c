#include <check.h>
#include <stdlib.h>

#include "base/compiler.h"
#include "http/errors.h"

/* Every row: a class name, an error status, and the standard reason of that status. */
START_TEST(test_row)
{
    const struct gn_http_error_row *row = &gn_http_errors[_i];

    ck_assert(row->name != NULL && row->name[0] != '\0');
    ck_assert(row->py_class != NULL && row->py_class[0] >= 'A' && row->py_class[0] <= 'Z');
    ck_assert_int_ge(row->status, 400);
    ck_assert_int_le(row->status, 599);
    ck_assert_str_eq(row->reason, gn_http_reason(row->status));
    for (int i = 0; i < _i; i++)
        ck_assert_str_ne(row->name, gn_http_errors[i].name);
}
END_TEST

/* The classes that programs import from gunicorn.http.errors. */
static const char *const classes[] = {
    "ParseException",
    "NoMoreData",
    "InvalidRequestLine",
    "InvalidRequestMethod",
    "ExpectationFailed",
    "ConfigurationProblem",
    "InvalidHTTPVersion",
    "InvalidHeader",
    "ObsoleteFolding",
    "InvalidHeaderName",
    "UnsupportedTransferCoding",
    "InvalidChunkSize",
    "ChunkMissingTerminator",
    "LimitRequestLine",
    "LimitRequestHeaders",
    "InvalidProxyLine",
    "InvalidProxyHeader",
    "ForbiddenProxyRequest",
    "InvalidSchemeHeaders",
};

START_TEST(test_class)
{
    unsigned n = 0;

    for (size_t i = 0; i < GN_HTTP_ERROR_COUNT; i++)
        n += strcmp(gn_http_errors[i].py_class, classes[_i]) == 0;
    ck_assert_msg(n > 0, "no row has %s", classes[_i]);
}
END_TEST

static const struct {
    enum gn_http_error_id id;
    int status;
} statuses[] = {
    {GN_HTTP_E_INVALID_REQUEST_LINE, 400},    {GN_HTTP_E_INVALID_HTTP_VERSION, 505},
    {GN_HTTP_E_EXPECTATION_FAILED, 417},      {GN_HTTP_E_UNSUPPORTED_TRANSFER_CODING, 501},
    {GN_HTTP_E_LIMIT_REQUEST_LINE, 414},      {GN_HTTP_E_LIMIT_REQUEST_HEADERS, 431},
    {GN_HTTP_E_FORBIDDEN_PROXY_REQUEST, 403}, {GN_HTTP_E_REQUEST_TIMEOUT, 408},
    {GN_HTTP_E_INVALID_SCHEME_HEADERS, 400},  {GN_HTTP_E_CONFIGURATION_PROBLEM, 500},
};

START_TEST(test_status)
{
    ck_assert_int_eq(gn_http_errors[statuses[_i].id].status, statuses[_i].status);
}
END_TEST

START_TEST(test_reason)
{
    int last = 0;

#define S(status, reason)                                                                          \
    ck_assert_str_eq(gn_http_reason(status), reason);                                              \
    ck_assert_int_gt(status, last);                                                                \
    last = status;
#include "http/status.def"
#undef S
    ck_assert_int_eq(last, 511);
    ck_assert_str_eq(gn_http_reason(299), "Unknown");
    ck_assert_str_eq(gn_http_reason(-1), "Unknown");
}
END_TEST

START_TEST(test_error_response)
{
    static const char want[] = "HTTP/1.1 400 Bad Request\r\n"
                               "Connection: close\r\n"
                               "Content-Type: text/html\r\n"
                               "Content-Length: 164\r\n"
                               "\r\n"
                               "<html>\n"
                               "  <head>\n"
                               "    <title>Bad Request</title>\n"
                               "  </head>\n"
                               "  <body>\n"
                               "    <h1><p>Bad Request</p></h1>\n"
                               "    &lt;b&gt; &amp; &quot;c&quot; &#x27;d&#x27;\n"
                               "  </body>\n"
                               "</html>\n";
    struct gn_buf out = {0};

    ck_assert(gn_buf_append(&out, "before", 6));
    ck_assert(gn_http_error_response(&out, 400, "Bad Request", "<b> & \"c\" 'd'", false));
    gn_buf_consume(&out, 6);
    ck_assert_uint_eq(strlen(strstr(want, "\r\n\r\n") + 4), 164);
    ck_assert(gn_slice_eq_str(gn_buf_slice(&out), want));
    gn_buf_fini(&out);
}
END_TEST

START_TEST(test_error_response_head)
{
    struct gn_buf out = {0};
    struct gn_slice s;

    ck_assert(gn_http_error_response(&out, 500, "Internal Server Error", NULL, true));
    s = gn_buf_slice(&out);
    ck_assert(gn_slice_starts(s, GN_SLICE("HTTP/1.1 500 Internal Server Error\r\n")));
    ck_assert(memmem(s.p, s.n, "Content-Length: 0\r\n", 19) == NULL);
    ck_assert(memcmp(s.p + s.n - 4, "\r\n\r\n", 4) == 0);
    ck_assert(memmem(s.p, s.n, "<html>", 6) == NULL);
    gn_buf_fini(&out);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("http errors");
    TCase *tc = tcase_create("errors");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, test_row, 0, GN_HTTP_ERROR_COUNT);
    tcase_add_loop_test(tc, test_class, 0, GN_ARRAY_LEN(classes));
    tcase_add_loop_test(tc, test_status, 0, GN_ARRAY_LEN(statuses));
    tcase_add_test(tc, test_reason);
    tcase_add_test(tc, test_error_response);
    tcase_add_test(tc, test_error_response_head);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
