#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "base/err.h"

START_TEST(set_fills_everything)
{
    struct gn_err err = {0};
    char text[600];

    ck_assert(!gn_err_set(&err, GN_E_IO, ENOENT, "can't open '%s'", "x"));
    ck_assert_int_eq(err.code, GN_E_IO);
    ck_assert_int_eq(err.sys, ENOENT);
    ck_assert_str_eq(err.msg, "can't open 'x'");
    ck_assert_str_eq(gn_err_text(&err, text, sizeof(text)),
                     "can't open 'x': No such file or directory");
    gn_err_set(&err, GN_E_VALUE, 0, "plain");
    ck_assert_str_eq(gn_err_text(&err, text, sizeof(text)), "plain");
    ck_assert(!gn_err_set(NULL, GN_E_VALUE, 0, "nobody listens"));
    gn_err_prefix(NULL, "nobody");
    gn_err_clear(NULL);
}
END_TEST

START_TEST(set_frees_the_old_detail)
{
    struct gn_err err = {0};

    gn_err_set(&err, GN_E_PYTHON, 0, "first");
    err.detail = strdup("Traceback\n");
    gn_err_set(&err, GN_E_VALUE, 0, "second");
    ck_assert_ptr_null(err.detail);
    err.detail = strdup("again\n");
    err.status = 4;
    gn_err_clear(&err);
    ck_assert_ptr_null(err.detail);
    ck_assert_int_eq(err.status, 0);
    ck_assert_str_eq(err.msg, "");
}
END_TEST

START_TEST(old_texts_may_be_arguments)
{
    struct gn_err err = {0};

    gn_err_set(&err, GN_E_VALUE, 0, "inner");
    err.detail = strdup("detail");
    gn_err_set(&err, GN_E_VALUE, 0, "outer(%s, %s)", err.msg, err.detail);
    ck_assert_str_eq(err.msg, "outer(inner, detail)");
    gn_err_prefix(&err, "<%s>", err.msg);
    ck_assert_str_eq(err.msg, "<outer(inner, detail)>: outer(inner, detail)");
    gn_err_clear(&err);
}
END_TEST

START_TEST(long_texts_are_cut)
{
    struct gn_err err = {0};
    char big[1000];

    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    gn_err_set(&err, GN_E_VALUE, 0, "%s", big);
    ck_assert_uint_eq(strlen(err.msg), sizeof(err.msg) - 1);
    gn_err_prefix(&err, "file.c");
    ck_assert_uint_eq(strlen(err.msg), sizeof(err.msg) - 1);
    ck_assert_int_eq(strncmp(err.msg, "file.c: xxx", 11), 0);
    gn_err_prefix(&err, "%s", big);
    ck_assert_int_eq(strncmp(err.msg, "file.c: xxx", 11), 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("gn_err");
    TCase *tc = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, set_fills_everything);
    tcase_add_test(tc, set_frees_the_old_detail);
    tcase_add_test(tc, old_texts_may_be_arguments);
    tcase_add_test(tc, long_texts_are_cut);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
