#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "http/policy.h"

static const struct gn_slice forwarder[] = {
    {"SCRIPT_NAME", 11}, {"PATH_INFO", 9}, {"REMOTE_USER", 11}};
static const struct gn_http_pair scheme[] = {{{"X-FORWARDED-PROTOCOL", 20}, {"ssl", 3}},
                                             {{"X-FORWARDED-PROTO", 17}, {"https", 5}},
                                             {{"X-FORWARDED-SSL", 15}, {"on", 2}}};

enum peer { TRUSTED = 1, TLS = 2 };

/* Result: "https" or "http", or the name of the error. Dropped: names in order, each followed by a
 * space. */
static const struct policy_row {
    const char *fields;
    enum gn_http_header_map map;
    unsigned peer;
    const char *result;
    const char *dropped;
    const char *script_name; /* NULL: none */
    const char *path_info;
} rows[] = {
    /* Scheme headers: documented scenarios, values case-sensitive, names not. */
    {"", GN_MAP_DROP, TRUSTED, "http", "", NULL, NULL},
    {"", GN_MAP_DROP, TRUSTED | TLS, "https", "", NULL, NULL},
    {"", GN_MAP_DROP, TLS, "https", "", NULL, NULL},
    {"X-Forwarded-Proto: https\r\n", GN_MAP_DROP, TRUSTED, "https", "", NULL, NULL},
    {"x-forwarded-proto: https\r\n", GN_MAP_DROP, TRUSTED, "https", "", NULL, NULL},
    {"X-Forwarded-Proto: https\r\n", GN_MAP_DROP, 0, "http", "", NULL, NULL},
    {"X-Forwarded-Proto: http\r\n", GN_MAP_DROP, TRUSTED, "http", "", NULL, NULL},
    {"X-Forwarded-Proto: http\r\n", GN_MAP_DROP, TRUSTED | TLS, "http", "", NULL, NULL},
    {"X-Forwarded-Proto: http\r\n", GN_MAP_DROP, TLS, "https", "", NULL, NULL},
    {"X-Forwarded-Proto: HTTPS\r\n", GN_MAP_DROP, TRUSTED, "http", "", NULL, NULL},
    {"X-Forwarded-Proto: https, http\r\n", GN_MAP_DROP, TRUSTED, "http", "", NULL, NULL},
    {"X-Forwarded-Ssl: on\r\n", GN_MAP_DROP, TRUSTED, "https", "", NULL, NULL},
    {"X-Forwarded-Ssl: off\r\n", GN_MAP_DROP, TRUSTED, "http", "", NULL, NULL},
    {"X-Forwarded-Protocol: ssl\r\n", GN_MAP_DROP, TRUSTED, "https", "", NULL, NULL},
    {"X-Forwarded-Proto: https\r\nX-Forwarded-Ssl: on\r\n", GN_MAP_DROP, TRUSTED, "https", "", NULL,
     NULL},
    {"X-Forwarded-Proto: https\r\nX-Forwarded-Proto: https\r\n", GN_MAP_DROP, TRUSTED, "https", "",
     NULL, NULL},
    {"X-Forwarded-Ssl: on\r\nX-Forwarded-Proto: http\r\n", GN_MAP_DROP, TRUSTED,
     "INVALID_SCHEME_HEADERS", "", NULL, NULL},
    {"X-Forwarded-Proto: https\r\nX-Forwarded-Proto: http\r\n", GN_MAP_DROP, TRUSTED,
     "INVALID_SCHEME_HEADERS", "", NULL, NULL},
    {"X-Forwarded-Proto: http\r\nX-Forwarded-Protocol: ssl\r\n", GN_MAP_DROP, TRUSTED,
     "INVALID_SCHEME_HEADERS", "", NULL, NULL},
    {"X-Forwarded-Ssl: on\r\nX-Forwarded-Proto: http\r\n", GN_MAP_DROP, 0, "http", "", NULL, NULL},
    {"X_Forwarded_Proto: https\r\n", GN_MAP_DROP, TRUSTED, "http", "X_Forwarded_Proto ", NULL,
     NULL},
    {"X_Forwarded_Proto: https\r\n", GN_MAP_DANGEROUS, TRUSTED, "http", "", NULL, NULL},
    /* Names with underscores. */
    {"X_A: 1\r\nX-B: 2\r\n_: 3\r\n", GN_MAP_DROP, 0, "http", "X_A _ ", NULL, NULL},
    {"X_A: 1\r\nX-B: 2\r\n", GN_MAP_DROP, TRUSTED, "http", "X_A ", NULL, NULL},
    {"Content_Length: 5\r\nTransfer_Encoding: chunked\r\n", GN_MAP_DROP, TRUSTED, "http",
     "Content_Length Transfer_Encoding ", NULL, NULL},
    {"X_A: 1\r\n", GN_MAP_REFUSE, 0, "INVALID_HEADER_NAME", "", NULL, NULL},
    {"X-A: 1\r\n", GN_MAP_REFUSE, 0, "http", "", NULL, NULL},
    {"X_A: 1\r\n", GN_MAP_DANGEROUS, 0, "http", "", NULL, NULL},
    /* Forwarder headers. */
    {"SCRIPT_NAME: /app\r\n", GN_MAP_DROP, TRUSTED, "http", "", "/app", NULL},
    {"script_name: /app\r\n", GN_MAP_REFUSE, TRUSTED, "http", "", "/app", NULL},
    {"SCRIPT_NAME: /app\r\n", GN_MAP_DROP, 0, "http", "SCRIPT_NAME ", NULL, NULL},
    {"SCRIPT_NAME: /app\r\n", GN_MAP_REFUSE, 0, "INVALID_HEADER_NAME", "", NULL, NULL},
    {"SCRIPT_NAME: /app\r\n", GN_MAP_DANGEROUS, 0, "http", "", NULL, NULL},
    {"SCRIPT-NAME: /app\r\n", GN_MAP_DROP, TRUSTED, "http", "", NULL, NULL},
    {"SCRIPT_NAME:\r\n", GN_MAP_DROP, TRUSTED, "http", "", "", NULL},
    {"SCRIPT_NAME: /a\r\nScript_Name: /a\r\n", GN_MAP_DROP, TRUSTED, "http", "", "/a", NULL},
    {"SCRIPT_NAME: /a\r\nSCRIPT_NAME: /b\r\n", GN_MAP_DROP, TRUSTED, "INVALID_HEADER", "", NULL,
     NULL},
    {"PATH_INFO: /x\r\nREMOTE_USER: joe\r\nX_O: 1\r\n", GN_MAP_DROP, TRUSTED, "http", "X_O ", NULL,
     "/x"},
    {"REMOTE_USER: joe\r\n", GN_MAP_DROP, 0, "http", "REMOTE_USER ", NULL, NULL},
};

static void
note_drop(void *ctx, struct gn_slice name)
{
    ck_assert(gn_buf_append(ctx, name.p, name.n) && gn_buf_append(ctx, " ", 1));
}

static void
check_value(struct gn_slice got, const char *want)
{
    if (want == NULL)
        ck_assert_ptr_null(got.p);
    else
        ck_assert(got.p != NULL && gn_slice_eq_str(got, want));
}

/* DROP is set on exactly the fields that were told. */
static void
check_flags(const struct gn_http_head *h, const char *dropped)
{
    struct gn_buf names = {0};

    for (size_t i = 0; i < h->n_fields; i++) {
        if (h->fields[i].flags & GN_FIELD_DROP)
            note_drop(&names, h->fields[i].name);
    }
    ck_assert(gn_slice_eq_str(gn_buf_slice(&names), dropped));
    gn_buf_fini(&names);
}

START_TEST(test_apply)
{
    static const struct gn_http_limits limits = {.permit_missing_host = true};
    const struct policy_row *row = &rows[_i];
    const struct gn_http_policy policy = {row->map, forwarder, GN_ARRAY_LEN(forwarder), scheme,
                                          GN_ARRAY_LEN(scheme)};
    struct gn_http_parser p = {0};
    struct gn_http_trust trust;
    struct gn_http_error error = {0};
    struct gn_buf dropped = {0};
    char text[400];
    int n = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n%s\r\n", row->fields);
    bool ok;

    ck_assert_int_eq(gn_http_head_feed(&p, &limits, text, (size_t)n), GN_HTTP_DONE);
    ok = gn_http_policy_apply(&policy, &p.head, (row->peer & TRUSTED) != 0, (row->peer & TLS) != 0,
                              &trust, &error, note_drop, &dropped);
    if (!ok) {
        ck_assert_str_eq(gn_http_errors[error.id].name, row->result);
        ck_assert_str_ne(error.message, "");
    } else {
        ck_assert_str_eq(trust.is_https ? "https" : "http", row->result);
        ck_assert(gn_slice_eq_str(gn_buf_slice(&dropped), row->dropped));
        check_flags(&p.head, row->dropped);
        check_value(trust.script_name, row->script_name);
        check_value(trust.path_info, row->path_info);
    }
    /* Again, without listener: the same. */
    ck_assert_int_eq(gn_http_policy_apply(&policy, &p.head, (row->peer & TRUSTED) != 0,
                                          (row->peer & TLS) != 0, &trust, &error, NULL, NULL),
                     ok);
    if (ok)
        check_flags(&p.head, row->dropped);
    gn_buf_fini(&dropped);
    gn_http_parser_fini(&p);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("http policy");
    TCase *tc = tcase_create("policy");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, test_apply, 0, GN_ARRAY_LEN(rows));
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
