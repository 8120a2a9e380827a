#include "config_support.h"

#include "config/internal.h"

/* os.path.normpath(os.path.join(dir, path)) of Python. */
static const struct {
    const char *dir, *path, *want;
} rows[] = {
    {"/a/b", "c", "/a/b/c"},
    {"/a/b", "", "/a/b"},
    {"/a/b", ".", "/a/b"},
    {"/a/b", "..", "/a"},
    {"/a/b", "../..", "/"},
    {"/a/b", "../../..", "/"},
    {"/a/b", "../c/./d//e/", "/a/c/d/e"},
    {"/a/b", "/x/../y", "/y"},
    {"/a/b", "/", "/"},
    {"/", "a", "/a"},
    {"/", "..", "/"},
    {"/a/b", "//x/y", "//x/y"},
    {"/a/b", "///x/y", "/x/y"},
    {"/a/b", "//", "//"},
    {"/a/b", "c..d/...", "/a/b/c..d/..."},
};

START_TEST(absolute)
{
    struct gn_arena a = {0};

    ck_assert_str_eq(gn_path_absolute(&a, rows[_i].dir, rows[_i].path), rows[_i].want);
    gn_arena_fini(&a);
}
END_TEST

static Suite *
make_suite(void)
{
    Suite *suite = suite_create("gn_path_absolute");
    TCase *tc = tcase_create("paths");

    tcase_add_loop_test(tc, absolute, 0, (int)GN_ARRAY_LEN(rows));
    suite_add_tcase(suite, tc);
    return suite;
}

CONFIG_TEST_MAIN(make_suite)
