#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/compiler.h"

static const struct {
    time_t t;
    const char *zone, *http, *log, *clf;
} dates[] = {
    {784111777, "UTC0", "Sun, 06 Nov 1994 08:49:37 GMT", "1994-11-06 08:49:37 +0000",
     "06/Nov/1994:08:49:37 +0000"},
    {0, "UTC0", "Thu, 01 Jan 1970 00:00:00 GMT", "1970-01-01 00:00:00 +0000",
     "01/Jan/1970:00:00:00 +0000"},
    {951782400, "CET-1CEST,M3.5.0,M10.5.0/3", "Tue, 29 Feb 2000 00:00:00 GMT",
     "2000-02-29 01:00:00 +0100", "29/Feb/2000:01:00:00 +0100"},
    {1785585600, "CET-1CEST,M3.5.0,M10.5.0/3", "Sat, 01 Aug 2026 12:00:00 GMT",
     "2026-08-01 14:00:00 +0200", "01/Aug/2026:14:00:00 +0200"},
    {1785585600, "NST3:30", "Sat, 01 Aug 2026 12:00:00 GMT", "2026-08-01 08:30:00 -0330",
     "01/Aug/2026:08:30:00 -0330"},
    {1785585600, "XXX0:30", "Sat, 01 Aug 2026 12:00:00 GMT", "2026-08-01 11:30:00 -0030",
     "01/Aug/2026:11:30:00 -0030"},
    {4102444799, "UTC0", "Thu, 31 Dec 2099 23:59:59 GMT", "2099-12-31 23:59:59 +0000",
     "31/Dec/2099:23:59:59 +0000"},
    /* What cannot be split into a date prints as the epoch. */
    {INT64_MAX, "UTC0", "Thu, 01 Jan 1970 00:00:00 GMT", "1970-01-01 00:00:00 +0000",
     "01/Jan/1970:00:00:00 +0000"},
};

START_TEST(texts)
{
    char http[GN_HTTP_DATE_BYTES], line[GN_LOG_DATE_BYTES], clf[GN_CLF_DATE_BYTES];

    ck_assert_int_eq(setenv("TZ", dates[_i].zone, 1), 0);
    tzset();
    gn_clock_http_date(dates[_i].t, http);
    ck_assert_str_eq(http, dates[_i].http);
    gn_clock_log_date(dates[_i].t, line);
    ck_assert_str_eq(line, dates[_i].log);
    gn_clock_clf_date(dates[_i].t, clf);
    ck_assert_str_eq(clf, dates[_i].clf);
}
END_TEST

START_TEST(clocks_agree_with_the_system)
{
    int64_t a = gn_clock_mono_ns(), b = gn_clock_mono_ns();
    time_t now = gn_clock_wall_s(), later = time(NULL);

    ck_assert_int_gt(a, 0);
    ck_assert_int_ge(b, a);
    ck_assert_int_le(now, later);
    ck_assert_int_ge(now, later - 60);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("gn_clock");
    TCase *tc = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, texts, 0, GN_ARRAY_LEN(dates));
    tcase_add_test(tc, clocks_agree_with_the_system);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
