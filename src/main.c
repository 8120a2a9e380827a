/* The program: argv in, exit status out. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arbiter/arbiter.h"
#include "base/clock.h"
#include "base/proc.h"
#include "config/compile.h"
#include "config/print.h"
#include "host/host.h"
#include "net/tls.h"
#include "py/py_host.h"
#include "worker/worker.h"

enum { DEFAULT_COLUMNS = 80 };

extern char **environ;

static const char *
program_name(const char *argv0)
{
    const char *slash = strrchr(argv0, '/');

    return slash != NULL ? slash + 1 : argv0;
}

/* A heap copy of a NULL-terminated list of strings: the original memory becomes the process title.
 */
static char **
copy_strings(char *const *from)
{
    size_t n = 0;
    char **copy;

    while (from[n] != NULL)
        n++;
    copy = calloc(n + 1, sizeof(*copy));
    for (size_t i = 0; copy != NULL && i < n; i++) {
        copy[i] = strdup(from[i]);
        if (copy[i] == NULL)
            return NULL;
    }
    return copy;
}

/* The current directory, spelled as in PWD when that names the same one. */
static char *
start_directory(void)
{
    const char *pwd = getenv("PWD");
    struct stat a, b;

    if (pwd != NULL && pwd[0] == '/' && stat(pwd, &a) == 0 && stat(".", &b) == 0 &&
        a.st_dev == b.st_dev && a.st_ino == b.st_ino)
        return strdup(pwd);
    return getcwd(NULL, 0);
}

/* As argparse decides: COLUMNS, else the terminal, else 80; two columns stay free there, which
 * usage.c knows. */
static int
terminal_columns(void)
{
    const char *text = getenv("COLUMNS");
    struct winsize size;
    int columns;
    char end;

    if (text != NULL && sscanf(text, "%d%c", &columns, &end) == 1 && columns > 0)
        return columns;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return DEFAULT_COLUMNS;
}

/* Programs read the forms of a check from the standard output: what user code prints there would
 * spoil them, and goes to standard error. */
static void
divert_output(void *ctx, const struct gn_cli_options *options)
{
    int *saved_fd = ctx;

    if (options->check_form == GN_CHECK_TEXT || *saved_fd >= 0)
        return;
    fflush(stdout);
    *saved_fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (*saved_fd >= 0)
        dup2(STDERR_FILENO, STDOUT_FILENO);
}

static void
restore_output(struct gn_host *host, int *saved_fd)
{
    if (*saved_fd < 0)
        return;
    host->ops->flush(host);
    fflush(stdout);
    dup2(*saved_fd, STDOUT_FILENO);
    close(*saved_fd);
    *saved_fd = -1;
}

/* The table of --print-config has the standard output for itself. */
static enum gn_check_form
form_of(const struct gn_compiled *compiled)
{
    return compiled->mode == GN_MODE_PRINT ? GN_CHECK_TEXT : compiled->options.check_form;
}

/* True for a terminal whose user doesn't refuse colours (https://no-color.org). */
static bool
wants_colour(void)
{
    const char *refusal = getenv("NO_COLOR");

    return isatty(STDERR_FILENO) && (refusal == NULL || refusal[0] == '\0');
}

/* Prints what was found, in the form that was asked for. False without memory. */
static bool
report(struct gn_diags *diags, enum gn_check_form form, const char *prog)
{
    struct gn_buf out = {0};
    bool ok = true;

    switch (form) {
    case GN_CHECK_TEXT:
        diags->is_coloured = wants_colour();
        gn_diags_print(diags, prog, stderr);
        break;
    case GN_CHECK_JSON:
        ok = gn_diags_json(diags, &out);
        break;
    case GN_CHECK_SARIF:
        ok = gn_diags_sarif(diags, &out);
        break;
    case GN_CHECK_GITHUB:
        ok = gn_diags_github(diags, &out);
        break;
    }
    if (ok)
        fwrite(gn_buf_slice(&out).p, 1, gn_buf_len(&out), stdout);
    else
        fprintf(stderr, "%s: no memory for the report\n", prog);
    gn_buf_fini(&out);
    return ok;
}

static int
print_error(const char *what, const struct gn_err *err)
{
    char text[sizeof(err->msg) + 128];

    fflush(stdout);
    if (what != NULL)
        fprintf(stderr, "\n%s\n\n", what);
    if (err->detail != NULL)
        fputs(err->detail, stderr);
    else
        fprintf(stderr, "Error: %s\n", gn_err_text(err, text, sizeof(text)));
    return GN_EXIT_ERROR;
}

static bool
has_application(const struct gn_frozen *f)
{
    return f->app_uri != NULL || f->cfg.paste != NULL;
}

/* What the hook returns must be usable; the rest of TLS is checked by the settings compiler. */
static bool
check_tls_hook(struct gn_host *host, const struct gn_frozen *f, struct gn_err *err)
{
    struct gn_tls_ctx *tls;

    if (!gn_tls_is_wanted(&f->cfg) || f->cfg.ssl_context.handle == NULL)
        return true;
    tls = host->ops->tls_context(host, f, err);
    if (tls == NULL)
        gn_err_prefix(err, "ssl_context");
    gn_tls_ctx_free(tls);
    return tls != NULL;
}

static bool
become_worker(const struct gn_frozen *f, struct gn_err *err)
{
    return gn_proc_set_owner((uid_t)f->cfg.user, (gid_t)f->cfg.group, f->cfg.initgroups, err);
}

/* What the server would do with the table before it binds: the directory, the paths, the
 * environment, the import. True with `err` filled: a remark. */
static bool
check_application(struct gn_host *host, const struct gn_frozen *f, bool is_check,
                  struct gn_err *err)
{
    /* Workers are their own user before they load it; a master that loads it is not. */
    bool changes_owner = is_check && !f->cfg.preload_app;

    /* The Python environment may be named relative to where we were started. */
    if (!host->ops->start(host, err))
        return false;
    host->ops->stream_output(host);
    if (chdir(f->cfg.chdir) != 0)
        return gn_err_set(err, GN_E_IO, errno, "can't chdir to '%s'", f->cfg.chdir);
    if (!host->ops->apply_env(host, f, err) || !host->ops->apply_paths(host, f, err))
        return false;
    if (!check_tls_hook(host, f, err))
        return false;
    if (changes_owner && !become_worker(f, err))
        return false;
    if (!host->ops->load_app(host, f, NULL, err)) {
        if (changes_owner)
            host->ops->explain_paths(host, err);
        return false;
    }
    if (is_check && !become_worker(f, err))
        return false;
    /* Modules that are imported later would be missing. */
    if (is_check)
        host->ops->explain_paths(host, err);
    return true;
}

/* What fails behind the compiler: as the original says it, or as one more diagnostic. */
static int
fail(struct gn_diags *diags, enum gn_check_form form, enum gn_diag_code code, struct gn_err *err)
{
    char text[sizeof(err->msg) + 128];
    struct gn_diag *diag;

    if (form == GN_CHECK_TEXT) {
        print_error(code == GN_D_APP_FAILED ? "Error while loading the application:" : NULL, err);
    } else {
        diag = gn_diag_add(diags, code, NULL, NULL, "%s", gn_err_text(err, text, sizeof(text)));
        if (err->detail != NULL)
            gn_diag_detail(diags, diag, err->detail);
    }
    gn_err_clear(err);
    return GN_EXIT_ERROR;
}

/* The application is loaded in a child, so that nothing that it does stays behind here. */
struct load_job {
    struct gn_host *host;
    const struct gn_frozen *frozen;
    bool is_check;
};

static bool
load_work(void *ctx, struct gn_err *err)
{
    const struct load_job *job = ctx;
    bool ok;

    job->host->ops->after_fork(job->host, true);
    ok = check_application(job->host, job->frozen, job->is_check, err);
    job->host->ops->flush(job->host);
    return ok;
}

static void
load_end(void *ctx)
{
    const struct load_job *job = ctx;

    job->host->ops->finish(job->host);
}

/* Every end but the one by a loaded application is an error, whatever status the child leaves. */
static bool
check_in_child(struct gn_host *host, const struct gn_compiled *compiled, struct gn_err *err)
{
    int64_t timeout_s = compiled->options.check_timeout_s;
    struct load_job ctx = {
        .host = host, .frozen = compiled->frozen, .is_check = compiled->mode == GN_MODE_CHECK};
    struct gn_proc_job job = {
        .work = load_work, .end = load_end, .ctx = &ctx, .timeout_ns = gn_clock_ns_of_s(timeout_s)};
    struct gn_proc_outcome outcome = {0};
    bool has_child;

    host->ops->flush(host);
    host->ops->before_fork(host);
    has_child = gn_proc_run_child(&job, &outcome, err);
    host->ops->after_fork(host, false);
    if (!has_child)
        return false;
    if (gn_proc_tell(&outcome, "the application", timeout_s, err))
        return true;
    if (outcome.how != GN_PROC_RESULT)
        err->code = GN_E_APP_LOAD;
    return false;
}

static bool
print_table(struct gn_host *host, const struct gn_compiled *compiled, struct gn_err *err)
{
    struct gn_buf out = {0};
    bool ok;

    /* What a configuration file has printed comes first. */
    host->ops->flush(host);
    ok = gn_print_config(compiled->frozen, &compiled->options, &out);
    if (ok)
        fwrite(gn_buf_slice(&out).p, 1, gn_buf_len(&out), stdout);
    gn_buf_fini(&out);
    return ok || gn_err_set(err, GN_E_MEMORY, 0, "no memory for the table of settings");
}

/* The added forms are for reading: a table without application can be read as well. */
static bool
is_for_reading(const struct gn_compiled *compiled)
{
    return compiled->mode == GN_MODE_PRINT && compiled->options.print_form != GN_PRINT_PLAIN;
}

/* What does not hinder the start; in the text form everything else was printed before. */
static int
remark(struct gn_diags *diags, enum gn_check_form form, const struct gn_err *err)
{
    struct gn_diags own, *to = diags;
    char text[sizeof(err->msg) + 128];
    int status;

    gn_diags_init(&own);
    if (form == GN_CHECK_TEXT)
        to = &own;
    own.is_strict = diags->is_strict;
    gn_diag_add(to, GN_D_LESS_RIGHT, NULL, NULL, "%s", gn_err_text(err, text, sizeof(text)));
    report(&own, GN_CHECK_TEXT, "gunicorn");
    status = gn_diags_exit_status(to);
    gn_diags_fini(&own);
    return status;
}

static int
check(struct gn_host *host, const struct gn_compiled *compiled, struct gn_diags *diags)
{
    enum gn_check_form form = form_of(compiled);
    const struct gn_worker_ops *ops;
    const char *worker_name;
    struct gn_err err = {0};
    int status = GN_EXIT_OK;

    if (!has_application(compiled->frozen) && !is_for_reading(compiled) &&
        !compiled->options.checks_values_only) {
        gn_err_set(&err, GN_E_VALUE, 0, "No application module specified.");
        return fail(diags, form, GN_D_NO_APP, &err);
    }
    if (compiled->mode == GN_MODE_PRINT && !print_table(host, compiled, &err))
        return fail(diags, form, GN_D_NO_MEMORY, &err);
    ops = gn_worker_find(compiled->frozen, &worker_name, &err);
    if (ops == NULL) {
        status = fail(diags, form, GN_D_WORKER_FAILED, &err);
    } else if (has_application(compiled->frozen) && !compiled->options.checks_values_only) {
        if (!check_in_child(host, compiled, &err))
            status = fail(diags, form, GN_D_APP_FAILED, &err);
        else if (err.code != GN_E_NONE)
            status = remark(diags, form, &err);
    }
    gn_err_clear(&err);
    return status;
}

static int
serve(const struct gn_inputs *in, struct gn_host *host, const struct gn_compiled *compiled)
{
    struct gn_arbiter_start start = {.inputs = in, .host = host, .frozen = compiled->frozen};
    struct gn_err err = {0};
    int status;

    if (!has_application(compiled->frozen)) {
        gn_err_set(&err, GN_E_VALUE, 0, "No application module specified.");
        status = print_error(NULL, &err);
    } else if (!host->ops->start(host, &err)) {
        status = print_error(NULL, &err);
    } else {
        status = gn_arbiter_run(&start);
    }
    gn_err_clear(&err);
    return status;
}

static int
run(struct gn_inputs *in, struct gn_host *host)
{
    int saved_fd = -1;
    const char *prog = program_name(in->argv[0]);
    struct gn_compiled compiled = {0};
    struct gn_diags diags;
    int status;
    bool ok;

    gn_diags_init(&diags);
    in->on_options = divert_output;
    in->ctx = &saved_fd;
    ok = gn_compile(in, host, &diags, &compiled);
    /* The next compilation is a reload. */
    in->on_options = NULL;
    in->ctx = NULL;
    if (ok && compiled.mode != GN_MODE_CHECK)
        restore_output(host, &saved_fd);
    fflush(stdout);
    if (form_of(&compiled) == GN_CHECK_TEXT)
        report(&diags, GN_CHECK_TEXT, prog);
    if (compiled.mode == GN_MODE_HELP) {
        gn_usage_help(prog, terminal_columns(), stdout);
        status = GN_EXIT_OK;
    } else if (compiled.mode == GN_MODE_VERSION) {
        gn_usage_version(prog, stdout);
        status = GN_EXIT_OK;
    } else if (compiled.mode == GN_MODE_DESCRIBE) {
        gn_usage_describe(gn_setting_find(gn_slice_str(compiled.options.describe)), stdout);
        status = GN_EXIT_OK;
    } else if (!ok) {
        status = gn_diags_exit_status(&diags);
    } else if (compiled.mode == GN_MODE_RUN) {
        gn_diags_fini(&diags);
        gn_diags_init(&diags);
        status = serve(in, host, &compiled);
    } else {
        status = check(host, &compiled, &diags);
        host->ops->finish(host);
    }
    restore_output(host, &saved_fd);
    if (form_of(&compiled) != GN_CHECK_TEXT && !report(&diags, form_of(&compiled), prog))
        status = GN_EXIT_ERROR;
    gn_diags_fini(&diags);
    if (compiled.frozen != NULL)
        gn_frozen_unref(compiled.frozen);
    return status;
}

/* A closed standard descriptor would become the number of a socket or log file, and print() would
 * write there. */
static void
open_standard_descriptors(void)
{
    int fd;

    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

/* What whoever has started us said to this process alone: it must not reach programs that the
 * application starts, nor workers. The settings compiler and the arbiter have a copy. */
static void
forget_private_environment(void)
{
    static const char *const names[] = {"GUNICORN_PID",  "GUNICORN_FD",    "LISTEN_PID",
                                        "LISTEN_FDS",    "LISTEN_FDNAMES", "NOTIFY_SOCKET",
                                        "WATCHDOG_USEC", "WATCHDOG_PID"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unsetenv(names[i]);
}

/* Half a table must not pass for a whole one. The stream remembers what failed before. */
static int
output_status(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    fputs("gunicorn: the standard output could not be written\n", stderr);
    return status == GN_EXIT_OK ? GN_EXIT_ERROR : status;
}

int
main(int argc, char **argv)
{
    char **args = copy_strings(argv);
    char **env = copy_strings(environ);
    char *start_dir = start_directory();
    struct gn_inputs in = {.argc = argc,
                           .argv = args,
                           .envp = env,
                           .start_dir = start_dir,
                           .knows_worker = gn_worker_is_known};
    struct gn_host *host;
    int status;

    open_standard_descriptors();
    if (args == NULL || env == NULL || argc < 1) {
        fputs("gunicorn: no memory\n", stderr);
        return GN_EXIT_ERROR;
    }
    if (start_dir == NULL) {
        fprintf(stderr, "gunicorn: the current directory can't be used: %s\n", strerror(errno));
        return GN_EXIT_ERROR;
    }
    gn_proc_title_init(argc, argv, environ);
    forget_private_environment();
    host = gn_host_python(argc, args, start_dir);
    if (host == NULL)
        return GN_EXIT_ERROR;
    status = run(&in, host);
    host->ops->stop(host);
    return output_status(status);
}
