#include <check.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"

START_TEST(append_and_consume)
{
    struct gn_buf b = {0};

    ck_assert_uint_eq(gn_buf_slice(&b).n, 0);
    ck_assert(gn_buf_append(&b, "", 0));
    ck_assert_ptr_null(b.data);
    ck_assert(gn_buf_append(&b, "hello ", 6) && gn_buf_append(&b, "world", 5));
    gn_buf_consume(&b, 3);
    ck_assert(gn_slice_eq_str(gn_buf_slice(&b), "lo world"));
    gn_buf_consume(&b, 8);
    ck_assert_uint_eq(b.start, 0);
    ck_assert_uint_eq(gn_buf_len(&b), 0);
    gn_buf_fini(&b);
    ck_assert_ptr_null(b.data);
    gn_buf_fini(&b);
}
END_TEST

START_TEST(printf_grows)
{
    struct gn_buf b = {0};

    ck_assert(gn_buf_printf(&b, "%s=%d;", "a", 1));
    ck_assert(gn_buf_printf(&b, "%1000d", 5));
    ck_assert_uint_eq(gn_buf_len(&b), 1004);
    ck_assert_int_eq(strncmp(gn_buf_head(&b), "a=1;", 4), 0);
    ck_assert_int_eq(b.data[b.end - 1], '5');
    gn_buf_clear(&b);
    ck_assert_uint_eq(gn_buf_len(&b), 0);
    gn_buf_fini(&b);
}
END_TEST

START_TEST(impossible_sizes_keep_the_contents)
{
    struct gn_buf b = {0};

    ck_assert(gn_buf_append(&b, "kept", 4));
    gn_buf_consume(&b, 1);
    ck_assert(!gn_buf_reserve(&b, SIZE_MAX));
    ck_assert(!gn_buf_reserve(&b, SIZE_MAX - 1000));
    ck_assert(gn_slice_eq_str(gn_buf_slice(&b), "ept"));
    gn_buf_fini(&b);
}
END_TEST

/* Against a model: a long byte sequence, of which the buffer holds a window. */
START_TEST(random_work_keeps_order)
{
    struct gn_buf b = {0};
    unsigned long put = 0, taken = 0;
    unsigned seed = (unsigned)_i + 1;

    for (int step = 0; step < 3000; step++) {
        size_t n = (size_t)(rand_r(&seed) % 700);

        if (rand_r(&seed) % 2) {
            ck_assert(gn_buf_reserve(&b, n));
            ck_assert_uint_ge(b.size - b.end, n);
            for (size_t i = 0; i < n; i++)
                b.data[b.end++] = (char)(put++ % 251);
        } else {
            if (n > gn_buf_len(&b))
                n = gn_buf_len(&b);
            for (size_t i = 0; i < n; i++)
                ck_assert_int_eq(gn_buf_head(&b)[i], (char)(taken++ % 251));
            gn_buf_consume(&b, n);
        }
        ck_assert_uint_eq(gn_buf_len(&b), put - taken);
    }
    gn_buf_fini(&b);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("gn_buf");
    TCase *tc = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, append_and_consume);
    tcase_add_test(tc, printf_grows);
    tcase_add_test(tc, impossible_sizes_keep_the_contents);
    tcase_add_loop_test(tc, random_work_keeps_order, 0, 4);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
