#include <check.h>
#include <stdlib.h>

#include "base/compiler.h"
#include "log/log_access.h"

/* Expected results are those that the original logs. */
static const struct {
    const char *header, *user; /* NULL: none */
} cases[] = {
    {"Basic am9lOnB3", "joe"},
    {"BASIC  am9lMjpwdw==", "joe2"},
    {"basic am9lMw==", "joe3"}, /* no colon */
    {"Basic am9l!OnB3", "joe"}, /* other octets are skipped */
    {"Basic am9l OnB3", "joe"},
    {"Basic am9lOnB", NULL}, /* an incomplete group */
    {"Basic am9lOnB3==", "joe"},
    {"Basic OnB3", NULL},              /* ":pw" */
    {"Basic asO2Cjo=", "j\xc3\xb6\n"}, /* escaped where it is written */
    {"Basic /zo=", NULL},              /* not UTF-8 */
    {"Basic YTr/", NULL},              /* the password is not UTF-8 */
    {"Basic YTrD", NULL},              /* it ends within a character */
    {"Basic YTrDKA==", NULL},
    {"Basic YTrDqQ==", "a"},
    {"Basic", NULL},
    {"Basic ", NULL},
    {"Basic YSBiOmM= x", "a b"},
    {"Basic YSJiOmM=", "a\"b"},
    {"Bearer abc", NULL},
    {"Basic\tdGFiOmM=", NULL},
    {"Basic am9lOn-_", NULL},
    {"Basic YQ==YQ==", "a"},
    {"Basic =YTph", "a"},
    {"", NULL},
};

START_TEST(user)
{
    char buf[64];
    struct gn_slice got = gn_basic_user(gn_slice_str(cases[_i].header), buf, sizeof(buf));

    if (cases[_i].user == NULL) {
        ck_assert_ptr_null(got.p);
    } else {
        ck_assert_ptr_nonnull(got.p);
        ck_assert(gn_slice_eq_str(got, cases[_i].user));
    }
}
END_TEST

START_TEST(room)
{
    char buf[3];
    struct gn_slice four = gn_slice_str("Basic YWJjZDpwYXNzd29yZA=="); /* abcd:password */
    struct gn_slice three = gn_slice_str("Basic YWJjOnBhc3N3b3Jk");    /* abc:password */

    ck_assert(gn_slice_eq_str(gn_basic_user(three, buf, sizeof(buf)), "abc"));
    ck_assert_ptr_null(gn_basic_user(four, buf, sizeof(buf)).p);
    ck_assert_ptr_null(gn_basic_user(gn_slice(NULL, 0), buf, sizeof(buf)).p);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("gn_basic_user");
    TCase *tc = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, user, 0, GN_ARRAY_LEN(cases));
    tcase_add_test(tc, room);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
