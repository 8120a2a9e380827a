/* The life of a parser: reuse, moving buffers, what it writes. Accepting and refusing is in
 * tests/corpus. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/compiler.h"
#include "http/head.h"

static const struct gn_http_limits defaults = {
    .request_line = 4094, .fields = 100, .field_size = 8190};

static enum gn_http_result
feed_text(struct gn_http_parser *p, const struct gn_http_limits *limits, const char *text,
          char *buf)
{
    size_t n = strlen(text);

    memcpy(buf, text, n);
    return gn_http_head_feed(p, limits, buf, n);
}

START_TEST(test_reset_keeps_nothing)
{
    struct gn_http_parser p = {0};
    struct gn_http_field *fields;
    char a[256], b[256];

    ck_assert_int_eq(feed_text(&p, &defaults,
                               "POST http://x/y?q#f HTTP/1.0\r\nHost: a\r\nContent-Length: 5\r\n"
                               "Connection: close, upgrade\r\nUpgrade: x\r\n\r\nhello",
                               a),
                     GN_HTTP_DONE);
    ck_assert_int_eq(p.head.content_length, 5);
    fields = p.head.fields;
    gn_http_parser_reset(&p);
    ck_assert_int_eq(feed_text(&p, &defaults, "GET / HTTP/1.1\r\nHost: b\r\n\r\n", b),
                     GN_HTTP_DONE);
    ck_assert_ptr_eq(p.head.fields, fields);
    ck_assert_uint_eq(p.head.n_fields, 1);
    ck_assert_int_eq(p.head.content_length, -1);
    ck_assert(!p.head.wants_close && !p.head.wants_upgrade && !p.head.is_chunked);
    ck_assert(gn_slice_eq_str(p.head.host, "b"));
    ck_assert_uint_eq(p.head.authority.n, 0);
    ck_assert_uint_eq(p.head.query.n, 0);
    ck_assert_uint_eq(p.head.fragment.n, 0);
    gn_http_parser_fini(&p);
    ck_assert_ptr_null(p.head.fields);
    gn_http_parser_fini(&p);
}
END_TEST

START_TEST(test_reset_after_error)
{
    struct gn_http_parser p = {0};
    char a[256];

    ck_assert_int_eq(feed_text(&p, &defaults, "BAD\r\n\r\n", a), GN_HTTP_BAD);
    ck_assert_int_eq(feed_text(&p, &defaults, "GET / HTTP/1.1\r\nHost: b\r\n\r\n", a), GN_HTTP_BAD);
    gn_http_parser_reset(&p);
    ck_assert_str_eq(p.error.message, "");
    ck_assert_int_eq(feed_text(&p, &defaults, "GET / HTTP/1.1\r\nHost: b\r\n\r\n", a),
                     GN_HTTP_DONE);
    ck_assert_int_eq(gn_http_head_feed(&p, &defaults, a, 27), GN_HTTP_DONE);
    gn_http_parser_fini(&p);
}
END_TEST

/* Slices follow a buffer that moves while fields are read. */
START_TEST(test_moved_buffer)
{
    static const char text[] = "GET /p?q#f HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nX-B: 2\r\n\r\n";
    size_t n = sizeof(text) - 1;
    struct gn_http_parser p = {0};
    char *first = malloc(n), *second = malloc(n);

    ck_assert(first != NULL && second != NULL);
    memcpy(first, text, n);
    memcpy(second, text, n);
    ck_assert_int_eq(gn_http_head_feed(&p, &defaults, first, n - 5), GN_HTTP_MORE);
    memset(first, 'z', n);
    free(first);
    ck_assert_int_eq(gn_http_head_feed(&p, &defaults, second, n), GN_HTTP_DONE);
    ck_assert_ptr_eq(p.head.method.p, second);
    ck_assert(gn_slice_eq_str(p.head.path, "/p"));
    ck_assert(gn_slice_eq_str(p.head.query, "q"));
    ck_assert(gn_slice_eq_str(p.head.fragment, "f"));
    ck_assert(gn_slice_eq_str(p.head.host, "a"));
    ck_assert(gn_slice_eq_str(p.head.fields[1].name, "X-A"));
    ck_assert(gn_slice_eq_str(p.head.fields[2].value, "2"));
    free(second);
    gn_http_parser_fini(&p);
}
END_TEST

START_TEST(test_head_bytes)
{
    struct gn_http_parser p = {0};
    char a[256];

    ck_assert_int_eq(feed_text(&p, &defaults, "\r\nGET / HTTP/1.1\r\nHost: b\r\n\r\nrest", a),
                     GN_HTTP_DONE);
    ck_assert_uint_eq(p.head.head_bytes, 29);
    gn_http_parser_fini(&p);
}
END_TEST

/* The buffer is written only where an option asks for it. */
START_TEST(test_writes)
{
    static const char text[] = "get / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n";
    struct gn_http_limits limits = defaults;
    struct gn_http_parser p = {0};
    char a[256];

    limits.permit_unconventional_method = limits.permit_obsolete_folding = true;
    limits.casefold_method = true;
    ck_assert_int_eq(feed_text(&p, &limits, text, a), GN_HTTP_DONE);
    ck_assert(memcmp(a, "GET / HTTP/1.1\r\nHost: a\r\nX: 1 2", 31) == 0);
    gn_http_parser_reset(&p);
    limits.casefold_method = false;
    ck_assert_int_eq(feed_text(&p, &limits, "get / HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n", a),
                     GN_HTTP_DONE);
    ck_assert(memcmp(a, "get / HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n", 33) == 0);
    gn_http_parser_fini(&p);
}
END_TEST

START_TEST(test_many_fields)
{
    struct gn_http_limits limits = defaults;
    struct gn_http_parser p = {0};
    size_t size = 40000 * 9;
    char *text = malloc(size);
    size_t n;

    ck_assert_ptr_nonnull(text);
    limits.fields = 40000; /* more than the setting can be: GN_HTTP_MAX_FIELDS holds */
    n = (size_t)snprintf(text, size, "GET / HTTP/1.0\r\n");
    for (int i = 0; i < GN_HTTP_MAX_FIELDS; i++)
        n += (size_t)snprintf(text + n, size - n, "X: %d\r\n", i % 10);
    memcpy(text + n, "\r\nX: y", 6);
    ck_assert_int_eq(gn_http_head_feed(&p, &limits, text, n + 2), GN_HTTP_DONE);
    ck_assert_uint_eq(p.head.n_fields, GN_HTTP_MAX_FIELDS);
    ck_assert(gn_slice_eq_str(p.head.fields[GN_HTTP_MAX_FIELDS - 1].value, "7"));
    gn_http_parser_reset(&p);
    memcpy(text + n, "X: 1\r\n", 6);
    ck_assert_int_eq(gn_http_head_feed(&p, &limits, text, n + 6), GN_HTTP_BAD);
    ck_assert_int_eq(p.error.id, GN_HTTP_E_LIMIT_REQUEST_HEADERS);
    free(text);
    gn_http_parser_fini(&p);
}
END_TEST

START_TEST(test_find)
{
    struct gn_http_parser p = {0};
    char a[256];
    const struct gn_http_field *f;

    ck_assert_int_eq(
        feed_text(&p, &defaults, "GET / HTTP/1.1\r\nHost: b\r\nX-Two: 1\r\nx-two: 2\r\n\r\n", a),
        GN_HTTP_DONE);
    f = gn_http_find(&p.head, GN_SLICE("X-TWO"));
    ck_assert_ptr_nonnull(f);
    ck_assert(gn_slice_eq_str(f->value, "1"));
    ck_assert_ptr_null(gn_http_find(&p.head, GN_SLICE("X-Tw")));
    ck_assert_ptr_null(gn_http_find(&p.head, GN_SLICE("X_Two")));
    gn_http_parser_fini(&p);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("http head");
    TCase *tc = tcase_create("head");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, test_reset_keeps_nothing);
    tcase_add_test(tc, test_reset_after_error);
    tcase_add_test(tc, test_moved_buffer);
    tcase_add_test(tc, test_head_bytes);
    tcase_add_test(tc, test_writes);
    tcase_add_test(tc, test_many_fields);
    tcase_add_test(tc, test_find);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
