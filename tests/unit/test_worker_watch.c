#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "worker/watch.h"

static char dir[64];
static struct gn_watch_set set;

static void
set_up(void)
{
    snprintf(dir, sizeof(dir), "%s/gn-watch-XXXXXX", P_tmpdir);
    ck_assert_ptr_nonnull(mkdtemp(dir));
    memset(&set, 0, sizeof(set));
}

static void
tear_down(void)
{
    char command[128];

    gn_watch_set_fini(&set);
    snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    ck_assert_int_eq(system(command), 0);
}

static const char *
path_of(const char *name)
{
    static char path[256];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}

static void
put(const char *name, const char *text)
{
    FILE *f = fopen(path_of(name), "we");

    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
}

static void
set_time(const char *name, int64_t s)
{
    struct timespec t[2] = {{.tv_sec = s}, {.tv_sec = s}};

    ck_assert_int_eq(utimensat(AT_FDCWD, path_of(name), t, 0), 0);
}

START_TEST(files_are_kept_once_and_in_order)
{
    char name[32];

    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "/no/such/%d", (i * 7919) % 500);
        ck_assert(gn_watch_set_add(&set, name));
    }
    ck_assert_uint_eq(set.n, 500);
    for (size_t i = 1; i < set.n; i++)
        ck_assert_int_lt(strcmp(set.files[i - 1].path, set.files[i].path), 0);
    ck_assert_ptr_null(gn_watch_set_changed(&set));
}
END_TEST

static void
rewrite(void)
{
    put("a", "longer");
}

static void
touch_file(void)
{
    set_time("a", 2000);
}

/* Same length, same time: only the file is another one. */
static void
replace_file(void)
{
    char from[256];

    put("b", "two");
    set_time("b", 1000);
    snprintf(from, sizeof(from), "%s", path_of("b"));
    ck_assert_int_eq(rename(from, path_of("a")), 0);
}

static void
remove_file(void)
{
    ck_assert_int_eq(unlink(path_of("a")), 0);
}

static void
do_nothing(void)
{
}

static const struct {
    void (*act)(void);
    bool changes;
} acts[] = {
    {do_nothing, false},  {rewrite, true},      {touch_file, true},
    {replace_file, true}, {remove_file, false},
};

START_TEST(changes)
{
    const char *changed;

    put("a", "one");
    set_time("a", 1000);
    gn_watch_set_add(&set, path_of("a"));
    acts[_i].act();
    changed = gn_watch_set_changed(&set);
    if (acts[_i].changes)
        ck_assert_str_eq(changed, path_of("a"));
    else
        ck_assert_ptr_null(changed);
}
END_TEST

START_TEST(a_file_that_comes_or_comes_back)
{
    put("a", "one");
    set_time("a", 1000);
    gn_watch_set_add(&set, path_of("a"));
    gn_watch_set_add(&set, path_of("new"));
    remove_file();
    ck_assert_ptr_null(gn_watch_set_changed(&set));
    put("new", "");
    ck_assert_str_eq(gn_watch_set_changed(&set), path_of("new"));
    unlink(path_of("new"));
    put("a", "two");
    ck_assert_str_eq(gn_watch_set_changed(&set), path_of("a"));
}
END_TEST

START_TEST(written_after_the_start)
{
    set.since_ns = gn_clock_wall_ns() - 10 * GN_NS_PER_S;
    put("old", "");
    set_time("old", 1000);
    put("future", "");
    set_time("future", gn_clock_wall_s() + 100000);
    gn_watch_set_add(&set, path_of("old"));
    gn_watch_set_add(&set, path_of("future"));
    ck_assert_ptr_null(gn_watch_set_changed(&set));
    put("fresh", "");
    gn_watch_set_add(&set, path_of("fresh"));
    ck_assert_str_eq(gn_watch_set_changed(&set), path_of("fresh"));
}
END_TEST

START_TEST(patterns)
{
    put("a.html", "");
    put("b.html", "");
    put("c.txt", "");
    put("[d]", "");
    gn_watch_set_add_glob(&set, path_of("*.html"));
    ck_assert_uint_eq(set.n, 2);
    gn_watch_set_add_glob(&set, path_of("*.none"));
    ck_assert_uint_eq(set.n, 2);
    gn_watch_set_add_glob(&set, path_of("[d]"));
    gn_watch_set_add_glob(&set, path_of("missing"));
    ck_assert_uint_eq(set.n, 4);
}
END_TEST

START_TEST(tracebacks)
{
    gn_watch_set_add_traceback(&set, "Traceback (most recent call last):\n"
                                     "  File \"/srv/app.py\", line 3, in <module>\n    import x\n"
                                     "  File \"<frozen importlib._bootstrap>\", line 1, in f\n"
                                     "  File \"/srv/x y.py\", line 1\n    def f(\n"
                                     "  File \"/srv/app.py\", line 9\n  File \"/cut");
    ck_assert_uint_eq(set.n, 2);
    ck_assert_str_eq(set.files[0].path, "/srv/app.py");
    ck_assert_str_eq(set.files[1].path, "/srv/x y.py");
    gn_watch_set_add_traceback(&set, NULL);
    ck_assert_uint_eq(set.n, 2);
}
END_TEST

/* True when the engine says within a few turns that something happened. */
static bool
is_noticed(struct gn_watch_engine *e, int stop_fd)
{
    for (int turns = 0; turns < 30; turns++)
        if (gn_watch_engine_wait(e, stop_fd))
            return true;
    return false;
}

START_TEST(engine_reports)
{
    struct gn_watch_engine e;
    int stop_fd = eventfd(0, EFD_CLOEXEC);
    bool is_new;

    gn_watch_engine_init(&e, _i == 1);
    ck_assert_int_eq(e.fd >= 0, _i == 1);
    gn_watch_set_add(&set, path_of("a"));
    gn_watch_set_add(&set, "/no/such/folder/b");
    ck_assert(gn_watch_engine_follow(&e, &set, &is_new));
    ck_assert(is_new);
    ck_assert(gn_watch_engine_follow(&e, &set, &is_new));
    ck_assert(!is_new);
    put("a", "one");
    ck_assert(is_noticed(&e, stop_fd));
    ck_assert_ptr_nonnull(gn_watch_set_changed(&set));
    gn_watch_engine_fini(&e);
    close(stop_fd);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("watch");
    TCase *tc = tcase_create("watch");
    SRunner *sr = srunner_create(s);
    int failed;

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, files_are_kept_once_and_in_order);
    tcase_add_loop_test(tc, changes, 0, (int)(sizeof(acts) / sizeof(acts[0])));
    tcase_add_test(tc, a_file_that_comes_or_comes_back);
    tcase_add_test(tc, written_after_the_start);
    tcase_add_test(tc, patterns);
    tcase_add_test(tc, tracebacks);
    tcase_add_loop_test(tc, engine_reports, 0, 2);
    tcase_set_timeout(tc, 60);
    suite_add_tcase(s, tc);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? 0 : 1;
}
