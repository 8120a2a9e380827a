#include "test_arbiter_support.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "arbiter/arbiter_int.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/num.h"
#include "host/host_null.h"

bool (*hook_does)(const char *name);

/* ---- waiting ---- */

void
nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
}

char *
path_of(const struct server *s, const char *name, char out[PATH_MAX])
{
    snprintf(out, PATH_MAX, "%s/%s", s->dir, name);
    return out;
}

bool
exists(const struct server *s, const char *name)
{
    char path[PATH_MAX];
    struct stat st;

    return lstat(path_of(s, name, path), &st) == 0;
}

static char *
read_text(const struct server *s, const char *name)
{
    char path[PATH_MAX];
    size_t n;
    char *text = gn_fd_read_file(path_of(s, name, path), 16 << 20, &n);

    return text != NULL ? text : strdup("");
}

/* By rename, so that a reader never sees a half of it. */
static void
write_text(const struct server *s, const char *name, const char *text)
{
    char path[PATH_MAX], tmp[PATH_MAX], own[32];
    FILE *f;

    /* Test and workers write at the same time. */
    snprintf(own, sizeof(own), "tmp.%d", (int)getpid());
    f = fopen(path_of(s, own, tmp), "we");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_ge(fputs(text, f), 0);
    ck_assert_int_eq(fclose(f), 0);
    ck_assert_int_eq(rename(tmp, path_of(s, name, path)), 0);
}

void
touch(const struct server *s, const char *name)
{
    write_text(s, name, "");
}

char *
server_log(const struct server *s)
{
    return read_text(s, "log");
}

void
fail_with_log(const struct server *s, const char *file, int line, const char *what)
{
    char *text = server_log(s);

    fprintf(stderr, "---- log of the server ----\n%s----\n", text);
    free(text);
    ck_abort_msg("%s:%d: waited in vain for: %s", file, line, what);
}

int
log_count(const struct server *s, const char *needle)
{
    char *text = server_log(s);
    int n = 0;

    for (const char *p = text; (p = strstr(p, needle)) != NULL; p++)
        n++;
    free(text);
    return n;
}

void
log_await(const struct server *s, const char *needle, int times)
{
    long tries = DEADLINE_S * 100L;

    while (log_count(s, needle) < times && tries-- > 0)
        nap();
    if (tries <= 0)
        fail_with_log(s, __FILE__, __LINE__, needle);
}

void
log_order(const struct server *s, const char *first, const char *second)
{
    char *text = server_log(s);
    const char *a = strstr(text, first), *b = strstr(text, second);

    ck_assert_msg(a != NULL && b != NULL && a < b, "not first \"%s\", then \"%s\", in:\n%s", first,
                  second, text);
    free(text);
}

/* ---- the configuration: a language of one line ---- */

static const struct gn_value *
parse_hook(struct gn_arena *a, const char *name, const char *text)
{
    struct gn_value_object *o = gn_arena_alloc(a, sizeof(*o));
    struct gn_value *v = gn_arena_alloc(a, sizeof(*v));

    *o = (struct gn_value_object){
        .handle = gn_arena_strdup(a, name),
        .type_name = "function",
        .text = "<function>",
        .qualname = gn_arena_strdup(a, name),
        .is_callable = true,
        .positional = text[0] - '0',
    };
    *v = (struct gn_value){.tag = GN_V_OBJECT, .obj = o};
    return v;
}

static const struct gn_value *
parse_value(struct gn_arena *a, const char *name, const char *text)
{
    size_t n = strlen(text);
    int64_t i;

    if (text[0] == '@')
        return parse_hook(a, name, text + 1);
    if (text[0] == '\'')
        return gn_value_str(a, gn_slice(text + 1, n - 2));
    if (strcmp(text, "True") == 0 || strcmp(text, "False") == 0)
        return gn_value_bool(text[0] == 'T');
    if (gn_num_python_int(gn_slice(text, n), 10, &i) == GN_NUM_OK)
        return gn_value_int(a, i);
    return gn_value_str(a, gn_slice(text, n));
}

/* `name+=value`: this one and those that follow with the same name make a list. */
static const struct gn_value *
parse_list(struct gn_arena *a, const char *name, const char *text, char **rest)
{
    const struct gn_value **items = gn_arena_alloc(a, 16 * sizeof(*items));
    struct gn_value *v = gn_arena_alloc(a, sizeof(*v));
    size_t n = 0, len = strlen(name);

    items[n++] = parse_value(a, name, text);
    while (*rest != NULL && strncmp(*rest, name, len) == 0 && strncmp(*rest + len, "+=", 2) == 0) {
        char *line = strsep(rest, "\n");

        items[n++] = parse_value(a, name, line + len + 2);
    }
    *v = (struct gn_value){.tag = GN_V_LIST, .list = {.items = items, .n = n}};
    return v;
}

static bool
load_config(struct gn_host *host GN_UNUSED, const char *location, struct gn_cfg_sink *sink,
            struct gn_err *err)
{
    size_t n;
    char *text = gn_fd_read_file(location, 1 << 20, &n), *rest = text, *line;
    int number = 0;

    if (text == NULL)
        return gn_err_set(err, GN_E_IO, errno, "%s", location);
    while ((line = strsep(&rest, "\n")) != NULL) {
        char *value = strchr(line, '=');
        const struct gn_value *v;
        bool is_list;

        number++;
        if (value == NULL)
            continue;
        is_list = value[-1] == '+';
        value[is_list ? -1 : 0] = '\0';
        line = gn_arena_strdup(sink->arena, line);
        v = is_list ? parse_list(sink->arena, line, value + 1, &rest)
                    : parse_value(sink->arena, line, value + 1);
        sink->add(sink, line, v, "conf.py", number, 1);
    }
    free(text);
    return true;
}

void
server_conf(struct server *s, const char *text)
{
    char out[8192] = "";
    const char *mark;
    size_t n = 0;

    for (; (mark = strstr(text, "%D")) != NULL; text = mark + 2)
        n += (size_t)snprintf(out + n, sizeof(out) - n, "%.*s%s", (int)(mark - text), text, s->dir);
    snprintf(out + n, sizeof(out) - n, "%s", text);
    write_text(s, "conf.py", out);
}

/* ---- the workers ---- */

static struct server *running;
static volatile sig_atomic_t got_term, got_abort, got_usr1;

static void
on_end(int signo)
{
    if (signo == SIGABRT)
        got_abort = 1;
    else if (signo == SIGUSR1)
        got_usr1 = 1;
    else
        got_term = signo;
}

void
server_orders(struct server *s, int id, const char *orders)
{
    char name[32];

    snprintf(name, sizeof(name), "orders.%d", id);
    write_text(s, name, orders);
}

static char *
my_orders(const struct gn_worker *w)
{
    char name[32];
    char *text;

    snprintf(name, sizeof(name), "orders.%d", w->id);
    text = read_text(running, name);
    if (text[0] != '\0')
        return text;
    free(text);
    return read_text(running, "orders.0");
}

static void
come_up(struct gn_worker *w, const char *orders)
{
    char name[64];

    signal(SIGUSR1, on_end);
    gn_worker_beat(w);
    if (strncmp(orders, "stuck", 5) == 0 || strncmp(orders, "frozen", 6) == 0) {
        strcpy(w->slot->runs[0].line, "GET /stuck HTTP/1.1");
        strcpy(w->slot->runs[0].peer, "192.0.2.7");
        atomic_store(&w->slot->runs[0].since_ns, gn_clock_mono_ns());
        atomic_store(&w->slot->state, GN_SLOT_BUSY);
    } else {
        atomic_store(&w->slot->state, GN_SLOT_IDLE);
    }
    gn_log(w->log, GN_INFO, "up: id %d age %d listeners %d pid %d", w->id, (int)w->age,
           (int)w->n_listeners, (int)w->pid);
    snprintf(name, sizeof(name), "up.%d", (int)w->pid);
    touch(running, name);
}

/* Shows how long the process has lived after ABRT. */
static void
write_time(int64_t since)
{
    char text[32];

    snprintf(text, sizeof(text), "%lld", (long long)((gn_clock_mono_ns() - since) / GN_NS_PER_MS));
    write_text(running, "frozen", text);
}

static void
be_frozen(struct gn_worker *w)
{
    int64_t since;

    while (!got_abort)
        nap();
    since = gn_clock_mono_ns();
    gn_log(w->log, GN_INFO, "got ABRT");
    for (;;) {
        write_time(since);
        nap();
    }
}

static int
serve(struct gn_worker *w, const char *orders)
{
    bool beats = strncmp(orders, "stuck", 5) != 0;
    bool is_deaf = !beats || strncmp(orders, "deaf", 4) == 0;
    bool is_tired = strncmp(orders, "tired", 5) == 0;

    while (!got_abort && (got_term == 0 || is_deaf)) {
        if (beats)
            gn_worker_beat(w);
        if (is_tired && (exists(running, "go") || exists(running, "leave"))) {
            is_tired = false;
            atomic_store(&w->slot->leaves, GN_LEAVE_REQUESTS);
            gn_log(w->log, GN_INFO, "asks to leave");
            (void)gn_fd_write(w->notify_fd, "", 1);
        }
        if (got_usr1) {
            got_usr1 = 0;
            gn_log_reopen(w->log, NULL);
            gn_log(w->log, GN_INFO, "reopened by pid %d", (int)w->pid);
        }
        nap();
    }
    if (got_abort)
        return GN_EXIT_ERROR;
    gn_log(w->log, GN_INFO, "Worker exiting (pid: %d) %s drain %d", (int)w->pid,
           got_term == SIGTERM ? "term" : "quit", atomic_load(&w->slot->drain));
    return GN_EXIT_OK;
}

/* The double of src/worker. */
int
gn_worker_main(struct gn_worker *w)
{
    char *orders = my_orders(w);
    int status = atoi(orders + strcspn(orders, "0123456789"));
    struct sigaction sa = {.sa_handler = on_end};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (strncmp(orders, "exit", 4) == 0)
        goto out;
    sigaction(SIGTERM, &sa, NULL);
    sigaction(SIGQUIT, &sa, NULL);
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGABRT, &sa, NULL);
    while (strncmp(orders, "wait", 4) == 0 && !exists(running, "go")) {
        if (got_term != 0)
            goto out;
        nap();
    }
    come_up(w, orders);
    if (strncmp(orders, "late", 4) == 0)
        goto out;
    if (strncmp(orders, "segv", 4) == 0) {
        signal(SIGSEGV, SIG_DFL);
        raise(SIGSEGV);
    }
    if (strncmp(orders, "frozen", 6) == 0)
        be_frozen(w);
    status = serve(w, orders);
out:
    free(orders);
    return status;
}

const struct gn_worker_ops *
gn_worker_find(const struct gn_frozen *f, const char **log_name, struct gn_err *err)
{
    static const struct gn_worker_ops ops = {.name = "sync"};

    if (f->cfg.worker_class.name != NULL && strcmp(f->cfg.worker_class.name, "sync") != 0) {
        gn_err_set(err, GN_E_VALUE, 0, "worker_class: no such class");
        return NULL;
    }
    *log_name = "sync";
    return &ops;
}

void
gn_worker_beat(struct gn_worker *w)
{
    atomic_store(&w->slot->beat_ns, gn_clock_mono_ns());
}

/* ---- the server ---- */

static bool
run_hook(struct gn_host *host GN_UNUSED, const struct gn_frozen *f GN_UNUSED, enum gn_hook_id id,
         const struct gn_hook_args *args, struct gn_err *err)
{
    static const char *const names[GN_HOOK_COUNT] = {
        [GN_HOOK_ON_STARTING] = "on_starting", [GN_HOOK_ON_RELOAD] = "on_reload",
        [GN_HOOK_WHEN_READY] = "when_ready",   [GN_HOOK_PRE_FORK] = "pre_fork",
        [GN_HOOK_CHILD_EXIT] = "child_exit",   [GN_HOOK_NWORKERS_CHANGED] = "nworkers_changed",
        [GN_HOOK_ON_EXIT] = "on_exit",
    };

    if (id == GN_HOOK_NWORKERS_CHANGED)
        gn_log(args->arbiter->log, GN_INFO, "hook %s %d %d", names[id], args->new_value,
               args->old_value);
    else
        gn_log(args->arbiter->log, GN_INFO, "hook %s", names[id]);
    if (hook_does == NULL || hook_does(names[id]))
        return true;
    return gn_err_set(err, GN_E_PYTHON, 0, "the hook %s raised", names[id]);
}

static bool
load_app(struct gn_host *host GN_UNUSED, const struct gn_frozen *f GN_UNUSED, struct gn_log *log,
         struct gn_err *err)
{
    gn_log(log, GN_INFO, "application loaded in the master");
    if (exists(running, "broken"))
        return gn_err_set(err, GN_E_PYTHON, 0, "the application is broken");
    return true;
}

static int
run_server(const struct server *s)
{
    char conf[PATH_MAX], log[PATH_MAX];
    /* What USR2 starts. */
    char *argv[] = {(char[]){"/bin/false"},
                    (char[]){"-c"},
                    path_of(s, "conf.py", conf),
                    (char[]){"--error-logfile"},
                    path_of(s, "log", log),
                    (char[]){"app:app"},
                    NULL};
    char *envp[] = {NULL};
    struct gn_inputs in = {.argc = 6, .argv = argv, .envp = envp, .start_dir = s->dir};
    struct gn_host_null_script script = {
        .load_config = load_config, .load_app = load_app, .run_hook = run_hook};
    struct gn_compiled out = {.frozen = NULL};
    struct gn_diags diags;
    struct gn_arbiter_start start = {.inputs = &in, .host = gn_host_null()};
    int status;

    gn_host_null_play(&script);
    gn_diags_init(&diags);
    if (!gn_compile(&in, start.host, &diags, &out)) {
        gn_diags_print(&diags, "gunicorn", stderr);
        _exit(99);
    }
    gn_diags_fini(&diags);
    start.frozen = out.frozen;
    status = gn_arbiter_run(&start);
    gn_frozen_unref(out.frozen);
    return status;
}

void
server_init(struct server *s)
{
    snprintf(s->dir, sizeof(s->dir), "%s/gn-arbiter-XXXXXX", P_tmpdir);
    ck_assert_ptr_nonnull(mkdtemp(s->dir));
    s->pid = 0;
    server_conf(s, "bind='127.0.0.1:0'\n");
    server_orders(s, 0, "serve");
    hook_does = NULL;
}

void
server_start(struct server *s)
{
    char path[PATH_MAX];

    running = s;
    fflush(NULL);
    s->pid = fork();
    ck_assert_int_ge(s->pid, 0);
    if (s->pid != 0)
        return;
    /* A group of its own, and an end with that of the test: nothing outlives one that fails. */
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* libcheck's handlers would kill what they take for the test. */
    signal(SIGALRM, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    if (chdir(s->dir) != 0 || freopen(path_of(s, "stdout", path), "we", stdout) == NULL ||
        freopen(path_of(s, "stderr", path), "we", stderr) == NULL)
        _exit(98);
    /* Not _exit: what the master has lost is then seen by the leak detector. */
    exit(run_server(s));
}

void
server_signal(struct server *s, int signo)
{
    ck_assert_int_eq(kill(s->pid, signo), 0);
}

int
server_status(struct server *s)
{
    long tries = DEADLINE_S * 100L;
    int status;

    while (waitpid(s->pid, &status, WNOHANG) == 0) {
        if (tries-- <= 0)
            fail_with_log(s, __FILE__, __LINE__, "the end of the server");
        nap();
    }
    kill(-s->pid, SIGKILL);
    s->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

void
server_fini(struct server *s)
{
    DIR *d = opendir(s->dir);
    struct dirent *e;

    if (s->pid > 0) {
        kill(-s->pid, SIGKILL);
        waitpid(s->pid, NULL, 0);
    }
    while (d != NULL && (e = readdir(d)) != NULL)
        unlinkat(dirfd(d), e->d_name, 0);
    if (d != NULL)
        closedir(d);
    rmdir(s->dir);
}

/* ---- processes ---- */

/* Parent of a living process; 0 for a zombie and for none. */
static pid_t
parent_of(pid_t pid)
{
    char path[64], state;
    const char *after;
    size_t n;
    char *text;
    int ppid = 0;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    text = gn_fd_read_file(path, 4096, &n);
    after = text != NULL ? strrchr(text, ')') : NULL;
    if (after == NULL || sscanf(after, ") %c %d", &state, &ppid) != 2 || state == 'Z')
        ppid = 0;
    free(text);
    return ppid;
}

int
server_children(const struct server *s, pid_t out[MAX_CHILDREN])
{
    DIR *d = opendir("/proc");
    struct dirent *e;
    int n = 0;

    ck_assert_ptr_nonnull(d);
    while ((e = readdir(d)) != NULL && n < MAX_CHILDREN) {
        pid_t pid = (pid_t)atoi(e->d_name);

        if (pid > 0 && parent_of(pid) == s->pid)
            out[n++] = pid;
    }
    closedir(d);
    return n;
}

static bool
are_up(const struct server *s, int n, pid_t out[MAX_CHILDREN])
{
    char name[64];

    if (server_children(s, out) != n)
        return false;
    for (int i = 0; i < n; i++) {
        snprintf(name, sizeof(name), "up.%d", (int)out[i]);
        if (!exists(s, name))
            return false;
    }
    return true;
}

void
children_await(const struct server *s, int n, pid_t out[MAX_CHILDREN])
{
    AWAIT(s, are_up(s, n, out));
}

void
gone_await(const struct server *s, pid_t pid)
{
    AWAIT(s, parent_of(pid) == 0);
}

int
run_case(const char *suite, TCase *tc)
{
    Suite *su = suite_create(suite);
    SRunner *sr;
    int failed;

    tcase_set_timeout(tc, 3 * DEADLINE_S);
    suite_add_tcase(su, tc);
    sr = srunner_create(su);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
