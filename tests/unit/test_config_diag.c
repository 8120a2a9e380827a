#include "config_support.h"

static const struct {
    struct gn_origin origin;
    const char *diag, *text; /* as the diagnostic begins, as the origin prints */
} places[] = {
    {{.layer = GN_LAYER_DEFAULT}, "gunicorn: error: x [GC104]\n", "default"},
    {{.layer = GN_LAYER_ENV, .variable = "PORT"},
     "environment: PORT: error: x [GC104]\n",
     "environment variable PORT"},
    {{.layer = GN_LAYER_PASTE, .file = "a.ini", .line = 3},
     "a.ini:3: error: x [GC104]\n",
     "a.ini:3"},
    {{.layer = GN_LAYER_PASTE, .file = "a.ini"}, "a.ini: error: x [GC104]\n", "a.ini"},
    {{.layer = GN_LAYER_CONF, .file = "c.py", .line = 3, .column = 11},
     "c.py:3:11: error: x [GC104]\n",
     "c.py:3:11"},
    {{.layer = GN_LAYER_CMD_ARGS, .variable = "GUNICORN_CMD_ARGS", .word = 2, .text = "--bind"},
     "GUNICORN_CMD_ARGS: word 2 (--bind): error: x [GC104]\n",
     "GUNICORN_CMD_ARGS word 2 (--bind)"},
    {{.layer = GN_LAYER_CMD_ARGS, .variable = "GUNICORN_CMD_ARGS"},
     "GUNICORN_CMD_ARGS: error: x [GC104]\n",
     "GUNICORN_CMD_ARGS"},
    {{.layer = GN_LAYER_ARGV, .word = 1, .text = "-w"},
     "command line: word 1 (-w): error: x [GC104]\n",
     "command line word 1 (-w)"},
};

START_TEST(place)
{
    struct gn_diags d;
    struct gn_buf b = {0};
    size_t n;
    char *text;

    gn_diags_init(&d);
    gn_diag_add(&d, GN_D_NOT_NUMBER, &places[_i].origin, NULL, "x");
    text = print_diags(&d, &n);
    ck_assert_str_eq(text, places[_i].diag);
    ck_assert(gn_origin_print(&places[_i].origin, &b));
    ck_assert(gn_slice_eq_str(gn_buf_slice(&b), places[_i].text));
    free(text);
    gn_buf_fini(&b);
    gn_diags_fini(&d);
}
END_TEST

START_TEST(order_and_copies)
{
    struct gn_diags d;
    char file[] = "b.py";
    struct gn_origin conf = {.layer = GN_LAYER_CONF, .file = file, .line = 9, .column = 5};
    struct gn_origin argv = {.layer = GN_LAYER_ARGV, .word = 2, .text = "-w"};
    struct gn_origin env = {.layer = GN_LAYER_ENV, .variable = "PORT"};
    const struct gn_setting *s = &gn_settings[GN_S_WORKERS];
    struct gn_diag *one;
    size_t n;
    char *text;

    gn_diags_init(&d);
    gn_diag_add(&d, GN_D_UNRECOGNIZED, &argv, NULL, "usage %d", 1);
    gn_diag_add(&d, GN_D_NO_MEMORY, NULL, NULL, "nowhere");
    gn_diag_add(&d, GN_D_NO_WORKERS, &argv, s, "word");
    one = gn_diag_add(&d, GN_D_NEGATIVE, &conf, s, "late\nline");
    gn_diag_hint(&d, one, "look at %s", "it");
    gn_diag_detail(&d, one, "Traceback\n  more\n");
    conf.line = 10;
    gn_diag_add(&d, GN_D_NEGATIVE, &conf, s, "later");
    conf.line = 9;
    conf.column = 1;
    gn_diag_add(&d, GN_D_NEGATIVE, &conf, s, "early");
    gn_diag_add(&d, GN_D_NEGATIVE, &conf, s, "early again");
    gn_diag_add(&d, GN_D_NOT_NUMBER, &env, s, "variable");
    gn_diag_add(&d, GN_D_AMBIGUOUS, NULL, NULL, "usage 2");
    file[0] = 'X';
    text = print_diags(&d, &n);
    ck_assert_str_eq(text, "environment: PORT: error: workers: variable [GC104]\n"
                           "b.py:9:1: error: workers: early [GC103]\n"
                           "b.py:9:1: error: workers: early again [GC103]\n"
                           "b.py:9:5: error: workers: late?line [GC103]\n"
                           "  hint: look at it\n"
                           "Traceback\n  more\n"
                           "b.py:10:5: error: workers: later [GC103]\n"
                           "command line: word 2 (-w): warning: workers: word [GC503]\n"
                           "gunicorn: error: nowhere [GC901]\n"
                           "usage: gunicorn [OPTIONS] [APP_MODULE]\n"
                           "gunicorn: error: usage 2 [GC202]\n"
                           "gunicorn: error: usage 1 [GC201]\n");
    ck_assert_int_eq((int)d.errors, 8);
    ck_assert_int_eq((int)d.usage, 2);
    ck_assert_int_eq((int)d.warnings, 1);
    free(text);
    gn_diags_fini(&d);
}
END_TEST

static const struct {
    enum gn_diag_code codes[3];
    bool is_strict;
    int n, status;
} statuses[] = {
    {{GN_D_LIMIT}, false, 0, 0},
    {{GN_D_LIMIT}, false, 1, 0},
    {{GN_D_LIMIT}, true, 1, 1},
    {{GN_D_LIMIT, GN_D_NEGATIVE}, false, 2, 1},
    {{GN_D_UNRECOGNIZED}, false, 1, 2},
    {{GN_D_UNRECOGNIZED}, true, 1, 2},
    {{GN_D_NEGATIVE, GN_D_UNRECOGNIZED}, false, 2, 2},
};

START_TEST(exit_status)
{
    struct gn_diags d;

    gn_diags_init(&d);
    d.is_strict = statuses[_i].is_strict;
    for (int i = 0; i < statuses[_i].n; i++)
        gn_diag_add(&d, statuses[_i].codes[i], NULL, NULL, "x");
    ck_assert_int_eq(gn_diags_exit_status(&d), statuses[_i].status);
    gn_diags_fini(&d);
}
END_TEST

/* What a caller without memory hands on. */
START_TEST(no_diagnostic)
{
    struct gn_diags d;

    gn_diags_init(&d);
    gn_diag_hint(&d, NULL, "x");
    gn_diag_detail(&d, NULL, "x");
    ck_assert_ptr_null(d.first);
    gn_diags_fini(&d);
}
END_TEST

static Suite *
make_suite(void)
{
    Suite *suite = suite_create("gn_diags");
    TCase *tc = tcase_create("list");

    tcase_add_loop_test(tc, place, 0, (int)GN_ARRAY_LEN(places));
    tcase_add_test(tc, order_and_copies);
    tcase_add_loop_test(tc, exit_status, 0, (int)GN_ARRAY_LEN(statuses));
    tcase_add_test(tc, no_diagnostic);
    suite_add_tcase(suite, tc);
    return suite;
}

CONFIG_TEST_MAIN(make_suite)
