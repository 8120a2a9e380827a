/* The calls of the body decoder: what is consumed when. Accepting and refusing is in tests/corpus.
 */
#include <check.h>
#include <stdlib.h>

#include "base/compiler.h"
#include "http/body.h"

static void
start(struct gn_http_body *b, bool is_chunked, int64_t length)
{
    struct gn_http_head head = {.is_chunked = is_chunked, .content_length = length};

    memset(b, 0xa5, sizeof(*b));
    gn_http_body_init(b, &head);
}

START_TEST(test_no_body)
{
    static const int64_t lengths[] = {-1, 0};

    for (size_t i = 0; i < GN_ARRAY_LEN(lengths); i++) {
        struct gn_http_body b;
        struct gn_slice out;
        size_t used = 99;

        start(&b, false, lengths[i]);
        ck_assert(b.is_done && !b.is_chunked);
        ck_assert_int_eq(gn_http_body_feed(&b, "GET", 3, &used, &out), GN_HTTP_DONE);
        ck_assert_uint_eq(used, 0);
        ck_assert_uint_eq(out.n, 0);
    }
}
END_TEST

START_TEST(test_length)
{
    static const char data[] = "abcdefgh";
    struct gn_http_body b;
    struct gn_slice out;
    size_t used;

    start(&b, false, 6);
    ck_assert(!b.is_done);
    ck_assert_uint_eq(b.left, 6);
    ck_assert_int_eq(gn_http_body_feed(&b, data, 0, &used, &out), GN_HTTP_MORE);
    ck_assert_uint_eq(used, 0);
    ck_assert_int_eq(gn_http_body_feed(&b, data, 4, &used, &out), GN_HTTP_MORE);
    ck_assert_uint_eq(used, 4);
    ck_assert_ptr_eq(out.p, data);
    ck_assert_uint_eq(out.n, 4);
    ck_assert_uint_eq(b.left, 2);
    ck_assert_int_eq(gn_http_body_feed(&b, data + 4, 4, &used, &out), GN_HTTP_DONE);
    ck_assert_uint_eq(used, 2);
    ck_assert(gn_slice_eq_str(out, "ef"));
    ck_assert(b.is_done);
    ck_assert_int_eq(gn_http_body_feed(&b, data + 6, 2, &used, &out), GN_HTTP_DONE);
    ck_assert_uint_eq(used, 0);
}
END_TEST

/* One run of data per call; the framing around it is consumed along. */
START_TEST(test_chunks)
{
    static const char data[] = "3\r\nabc\r\n2;x\r\nde\r\n0\r\nT: 1\r\n\r\nnext";
    struct gn_slice left = {data, sizeof(data) - 1};
    struct gn_http_body b;
    struct gn_slice out;
    size_t used;

    start(&b, true, -1);
    ck_assert(b.is_chunked && !b.is_done);
    ck_assert_int_eq(gn_http_body_feed(&b, left.p, left.n, &used, &out), GN_HTTP_MORE);
    ck_assert(gn_slice_eq_str(out, "abc"));
    ck_assert_ptr_eq(out.p, data + 3);
    left = gn_slice(left.p + used, left.n - used);
    ck_assert_int_eq(gn_http_body_feed(&b, left.p, left.n, &used, &out), GN_HTTP_DONE);
    ck_assert(gn_slice_eq_str(out, "de"));
    ck_assert(b.is_done);
    ck_assert(gn_slice_eq_str(gn_slice(left.p + used, left.n - used), "next"));
    ck_assert_int_eq(gn_http_body_feed(&b, "x", 1, &used, &out), GN_HTTP_DONE);
    ck_assert_uint_eq(used, 0);
    ck_assert_uint_eq(out.n, 0);
}
END_TEST

/* Met as soon as it can be known, and lasting as every error. */
START_TEST(test_limit)
{
    static const char chunks[] = "4\r\nabcd\r\n2\r\n";
    struct gn_http_body b;
    struct gn_slice out;
    size_t used;

    start(&b, false, 6);
    ck_assert(gn_http_body_limit(&b, 6));
    ck_assert_int_eq(gn_http_body_feed(&b, "abcdef", 6, &used, &out), GN_HTTP_DONE);
    start(&b, false, 0);
    ck_assert(gn_http_body_limit(&b, 0));
    start(&b, false, 6);
    ck_assert(!gn_http_body_limit(&b, 5));
    ck_assert_int_eq(b.error.id, GN_HTTP_E_LIMIT_REQUEST_BODY);
    ck_assert_int_eq(gn_http_body_feed(&b, "a", 1, &used, &out), GN_HTTP_BAD);
    ck_assert_uint_eq(used, 0);

    start(&b, true, -1);
    ck_assert(gn_http_body_limit(&b, 5));
    ck_assert_int_eq(gn_http_body_feed(&b, chunks, 9, &used, &out), GN_HTTP_MORE);
    ck_assert(gn_slice_eq_str(out, "abcd"));
    ck_assert_uint_eq(used, 9);
    ck_assert_int_eq(gn_http_body_feed(&b, chunks + 9, 3, &used, &out), GN_HTTP_BAD);
    ck_assert_int_eq(b.error.id, GN_HTTP_E_LIMIT_REQUEST_BODY);
}
END_TEST

START_TEST(test_error_lasts)
{
    struct gn_http_body b;
    struct gn_slice out;
    size_t used;

    start(&b, true, -1);
    ck_assert_int_eq(gn_http_body_feed(&b, "3\r\nabcX", 7, &used, &out), GN_HTTP_BAD);
    ck_assert_int_eq(b.error.id, GN_HTTP_E_CHUNK_MISSING_TERMINATOR);
    ck_assert(gn_slice_eq_str(out, "abc"));
    ck_assert_int_eq(gn_http_body_feed(&b, "\r\n0\r\n\r\n", 7, &used, &out), GN_HTTP_BAD);
    ck_assert_uint_eq(used, 0);
    ck_assert_uint_eq(out.n, 0);
    ck_assert(!b.is_done);
}
END_TEST

/* A chunk of 2^62 bytes is counted, not added up. */
START_TEST(test_large_chunks)
{
    struct gn_http_body b;
    struct gn_slice out;
    size_t used;

    start(&b, true, -1);
    ck_assert_int_eq(gn_http_body_feed(&b, "4000000000000000\r\nab", 20, &used, &out),
                     GN_HTTP_MORE);
    ck_assert_uint_eq(b.left, (UINT64_C(1) << 62) - 2);
    ck_assert(gn_slice_eq_str(out, "ab"));
}
END_TEST

/* A byte after the other; what comes without framing is known within data only. */
START_TEST(test_run_left)
{
    static const char data[] = "12\r\nabcdefghijklmnopqr\r\n0\r\n\r\n";
    struct gn_http_body b;
    struct gn_slice out;
    size_t used;

    start(&b, false, 3);
    ck_assert_uint_eq(gn_http_body_run_left(&b), 3);
    start(&b, true, -1);
    for (size_t i = 0; i < sizeof(data) - 1; i++) {
        uint64_t left = i >= 4 && i < 22 ? 22 - i : 0;

        ck_assert_uint_eq(gn_http_body_run_left(&b), left);
        ck_assert_int_ne(gn_http_body_feed(&b, data + i, 1, &used, &out), GN_HTTP_BAD);
    }
    ck_assert(b.is_done);
    ck_assert_uint_eq(gn_http_body_run_left(&b), 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("http body");
    TCase *tc = tcase_create("body");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, test_no_body);
    tcase_add_test(tc, test_length);
    tcase_add_test(tc, test_chunks);
    tcase_add_test(tc, test_limit);
    tcase_add_test(tc, test_error_lasts);
    tcase_add_test(tc, test_large_chunks);
    tcase_add_test(tc, test_run_left);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
