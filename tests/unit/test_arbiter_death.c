#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arbiter/arbiter_int.h"
#include "test_arbiter_support.h"

static char dir[64];

static void
make_dir(void)
{
    snprintf(dir, sizeof(dir), "%s/gn-death-XXXXXX", P_tmpdir);
    ck_assert_ptr_nonnull(mkdtemp(dir));
}

/* Writes `text` to a path below the directory, whose parents are made. */
static char *
write_below(const char *name, const char *text, char out[PATH_MAX])
{
    FILE *f;

    snprintf(out, PATH_MAX, "%s/%s", dir, name);
    for (char *slash = out + strlen(dir) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        mkdir(out, 0700);
        *slash = '/';
    }
    f = fopen(out, "we");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
    return out;
}

static void
remove_dir(void)
{
    char command[128];

    snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    ck_assert_int_eq(system(command), 0);
}

static const struct {
    const char *self; /* /proc/self/cgroup */
    const char *name; /* of the file below the root, or NULL */
    const char *text; /* in it */
    int64_t want;
} groups[] = {
    {"0::/\n", "memory.events", "low 0\nhigh 0\nmax 8\noom 2\noom_kill 3\n", 3},
    {"0::/system.slice/web.service\n", "system.slice/web.service/memory.events",
     "oom 1\noom_kill 12\noom_group_kill 5\n", 12},
    {"0::/a\n", "a/memory.events", "oom_kill 0", 0},
    {"4:cpu,cpuacct:/x\n7:memory:/web\n0::/u\n", "memory/web/memory.oom_control",
     "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n", 4},
    {"0::/a\n", "b/memory.events", "oom_kill 1\n", -1},
    {"0::/a\n", "a/memory.events", "oom_kill many\n", -1},
    {"0::/a\n", "a/memory.events", "", -1},
    {"", NULL, NULL, -1},
    {"nonsense\n:\n::\n", NULL, NULL, -1},
};

START_TEST(kills_of_a_control_group)
{
    char self[PATH_MAX], file[PATH_MAX];

    make_dir();
    write_below("self", groups[_i].self, self);
    if (groups[_i].name != NULL)
        write_below(groups[_i].name, groups[_i].text, file);
    ck_assert_int_eq(gn_arb_oom_kills(self, dir), groups[_i].want);
    remove_dir();
}
END_TEST

START_TEST(no_control_group_at_all)
{
    ck_assert_int_eq(gn_arb_oom_kills("/nonexistent/cgroup", "/nonexistent"), -1);
}
END_TEST

static struct gn_slot slots[2];

static void
set_run(struct gn_slot_run *run, const char *line, const char *peer, int64_t since)
{
    snprintf(run->line, sizeof(run->line), "%s", line);
    snprintf(run->peer, sizeof(run->peer), "%s", peer);
    atomic_store(&run->seq, 2);
    atomic_store(&run->since_ns, since);
}

START_TEST(runs_are_read_whole_or_not_at_all)
{
    struct gn_arb_run out[GN_SLOT_RUNS];

    memset(slots, 0, sizeof(slots));
    ck_assert_uint_eq(gn_arb_runs(&slots[0], out), 0);
    set_run(&slots[0].runs[1], "GET /a HTTP/1.1", "192.0.2.1", 7);
    set_run(&slots[0].runs[3], "GET /half", "", 8);
    atomic_store(&slots[0].runs[3].seq, 5);
    set_run(&slots[0].runs[GN_SLOT_RUNS - 1], "PUT /b HTTP/1.0", "", 9);
    set_run(&slots[0].runs[4], "GET /over HTTP/1.1", "", 0);
    ck_assert_uint_eq(gn_arb_runs(&slots[0], out), 2);
    ck_assert_str_eq(out[0].line, "GET /a HTTP/1.1");
    ck_assert_str_eq(out[0].peer, "192.0.2.1");
    ck_assert_int_eq(out[0].since_ns, 7);
    ck_assert_str_eq(out[1].line, "PUT /b HTTP/1.0");
}
END_TEST

START_TEST(score_adds_up)
{
    struct gn_arbiter arb = {.past = {.accepted = 100, .requests = 90, .errors = 1}};
    struct gn_arb_worker w[2] = {{.w.slot = &slots[0]}, {.w.slot = &slots[1]}};
    struct gn_arb_score score;

    memset(slots, 0, sizeof(slots));
    TAILQ_INIT(&arb.workers);
    TAILQ_INSERT_TAIL(&arb.workers, &w[0], link);
    TAILQ_INSERT_TAIL(&arb.workers, &w[1], link);
    atomic_store(&slots[0].state, GN_SLOT_BUSY);
    atomic_store(&slots[0].requests, 5);
    atomic_store(&slots[0].errors, 2);
    atomic_store(&slots[0].memory_bytes, 1000);
    atomic_store(&slots[1].state, GN_SLOT_BOOTING);
    atomic_store(&slots[1].accepted, 3);
    gn_arb_score(&arb, &score);
    ck_assert_int_eq(score.busy, 1);
    ck_assert_int_eq(score.booting, 1);
    ck_assert_int_eq(score.idle + score.exiting, 0);
    ck_assert_uint_eq(score.counts.accepted, 103);
    ck_assert_uint_eq(score.counts.requests, 95);
    ck_assert_uint_eq(score.counts.errors, 3);
    ck_assert_uint_eq(score.memory_bytes, 1000);
    /* A worker that ends takes nothing away. */
    gn_arb_score_keep(&arb, &slots[0]);
    TAILQ_REMOVE(&arb.workers, &w[0], link);
    gn_arb_score(&arb, &score);
    ck_assert_int_eq(score.busy, 0);
    ck_assert_uint_eq(score.counts.requests, 95);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("death");

    tcase_add_loop_test(tc, kills_of_a_control_group, 0, (int)GN_ARRAY_LEN(groups));
    tcase_add_test(tc, no_control_group_at_all);
    tcase_add_test(tc, runs_are_read_whole_or_not_at_all);
    tcase_add_test(tc, score_adds_up);
    return run_case("gn_arb_explain", tc);
}
