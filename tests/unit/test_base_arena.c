#include <check.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/arena.h"

START_TEST(memory_is_zeroed_and_aligned)
{
    static const size_t sizes[] = {0, 1, 15, 16, 17, 4095, 4096, 4097, 100000, 3};
    struct gn_arena a = {0};

    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < GN_ARRAY_LEN(sizes); i++) {
            unsigned char *p = gn_arena_alloc(&a, sizes[i]);

            ck_assert_ptr_nonnull(p);
            ck_assert_uint_eq((uintptr_t)p % alignof(max_align_t), 0);
            for (size_t k = 0; k < sizes[i]; k++)
                ck_assert_uint_eq(p[k], 0);
            memset(p, 0xa5, sizes[i]);
        }
        gn_arena_reset(&a);
    }
    gn_arena_fini(&a);
    ck_assert_ptr_null(a.head);
    gn_arena_fini(&a);
}
END_TEST

START_TEST(impossible_sizes_are_refused)
{
    struct gn_arena a = {0};

    ck_assert_ptr_null(gn_arena_alloc(&a, SIZE_MAX));
    ck_assert_ptr_null(gn_arena_alloc(&a, SIZE_MAX / 2 + 1));
    gn_arena_fini(&a);
}
END_TEST

START_TEST(reset_keeps_the_first_block)
{
    struct gn_arena a = {.block_bytes = 64};
    void *first = gn_arena_alloc(&a, 16);

    for (int i = 0; i < 50; i++)
        ck_assert_ptr_nonnull(gn_arena_alloc(&a, 48));
    gn_arena_reset(&a);
    ck_assert_ptr_eq(gn_arena_alloc(&a, 16), first);
    gn_arena_fini(&a);
}
END_TEST

START_TEST(copies_and_texts)
{
    struct gn_arena a = {0};
    struct gn_slice s = gn_arena_slice(&a, gn_slice("a\0b", 3));
    struct gn_slice none = gn_arena_slice(&a, gn_slice(NULL, 0));
    char *big = gn_arena_printf(&a, "%5000d", 7);

    ck_assert(gn_slice_eq(s, gn_slice("a\0b", 3)));
    ck_assert_int_eq(s.p[3], '\0');
    ck_assert_ptr_nonnull(none.p);
    ck_assert_uint_eq(none.n, 0);
    ck_assert_str_eq(gn_arena_strdup(&a, "text"), "text");
    ck_assert_str_eq(gn_arena_strndup(&a, "text", 2), "te");
    ck_assert_uint_eq(strlen(big), 5000);
    ck_assert_int_eq(big[4999], '7');
    gn_arena_fini(&a);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("gn_arena");
    TCase *tc = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, memory_is_zeroed_and_aligned);
    tcase_add_test(tc, impossible_sizes_are_refused);
    tcase_add_test(tc, reset_keeps_the_first_block);
    tcase_add_test(tc, copies_and_texts);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
