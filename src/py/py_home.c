/* Which Python environment the interpreter starts in.
 *
 * libpython finds sys.prefix from the name of an executable, and falls back without a word when
 * that can't be used. So the environment is chosen and checked here: GUNICORN_PYTHON, a pyvenv.cfg
 * beside the program as it was called, VIRTUAL_ENV, CONDA_PREFIX (only when it holds the very
 * libpython that runs), else the Python of the build.
 */
#include "py/py.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define VERSION_TEXT Py_STRINGIFY(PY_MAJOR_VERSION) "." Py_STRINGIFY(PY_MINOR_VERSION)

enum { MAX_CFG_BYTES = 65536 };

static bool
is_file(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static bool
join(char out[PATH_MAX], const char *dir, const char *name)
{
    return snprintf(out, PATH_MAX, "%s/%s", dir, name) < PATH_MAX;
}

/* DIR of DIR/bin/program, when DIR/pyvenv.cfg exists. */
static bool
venv_of_program(const char *program, char dir[PATH_MAX])
{
    char cfg[PATH_MAX];
    char *slash;

    if (snprintf(dir, PATH_MAX, "%s", program) >= PATH_MAX)
        return false;
    for (int i = 0; i < 2; i++) {
        slash = strrchr(dir, '/');
        if (slash == NULL)
            return false;
        *slash = '\0';
    }
    return join(cfg, dir, "pyvenv.cfg") && is_file(cfg);
}

/* `path` as seen from `start_dir`; empty, which nothing can be opened by, when it is too long. */
static void
absolute(const char *start_dir, const char *path, char out[PATH_MAX])
{
    bool is_absolute = path[0] == '/';

    if (snprintf(out, PATH_MAX, "%s%s%s", is_absolute ? "" : start_dir, is_absolute ? "" : "/",
                 path) >= PATH_MAX)
        out[0] = '\0';
}

/* argv[0] as the shell found it, links unresolved, absolute. */
static bool
program_path(const char *argv0, const char *start_dir, char out[PATH_MAX])
{
    char relative[PATH_MAX];

    if (strchr(argv0, '/') != NULL) {
        absolute(start_dir, argv0, out);
        return true;
    }
    for (struct gn_slice rest = gn_slice_str(getenv("PATH")); rest.p != NULL;) {
        struct gn_slice dir = gn_slice_cut(&rest, ':');

        if (dir.n == 0 || dir.n >= PATH_MAX / 2)
            continue;
        if (snprintf(relative, PATH_MAX, "%.*s/%s", GN_SLICE_ARG(dir), argv0) >= PATH_MAX)
            continue;
        absolute(start_dir, relative, out);
        if (is_file(out) && access(out, X_OK) == 0)
            return true;
    }
    return false;
}

/* "3.11" must be the version that pyvenv.cfg tells ("version = 3.11.2" or "version_info = ..."). */
static bool
check_version(const char *dir, const char *source, struct gn_err *err)
{
    char path[PATH_MAX];
    char *text;
    size_t n;
    bool ok = true;

    if (!join(path, dir, "pyvenv.cfg") || (text = gn_fd_read_file(path, MAX_CFG_BYTES, &n)) == NULL)
        return true; /* no virtual environment: nothing to compare */
    for (struct gn_slice rest = gn_slice(text, n); rest.p != NULL && ok;) {
        struct gn_slice line = gn_slice_cut(&rest, '\n');
        struct gn_slice key = gn_slice_trim(gn_slice_cut(&line, '='), " \t\r");
        struct gn_slice value = line.p != NULL ? gn_slice_trim(line, " \t\r") : line;

        if (!gn_slice_eq(key, GN_SLICE("version")) && !gn_slice_eq(key, GN_SLICE("version_info")))
            continue;
        if (!gn_slice_starts(value, GN_SLICE(VERSION_TEXT)) ||
            (value.n > sizeof(VERSION_TEXT) - 1 && value.p[sizeof(VERSION_TEXT) - 1] != '.'))
            ok = gn_err_set(err, GN_E_VALUE, 0,
                            "%s: the virtual environment %s is for Python %.*s, this gunicorn is "
                            "for Python " VERSION_TEXT,
                            source, dir, GN_SLICE_ARG(value));
    }
    free(text);
    return ok;
}

/* DIR/bin/python3 and its site-packages can be used. `executable` receives the path. */
static bool
check_home(const char *dir, const char *source, char executable[PATH_MAX], struct gn_err *err)
{
    char path[PATH_MAX];
    bool has_cfg = join(path, dir, "pyvenv.cfg") && is_file(path);

    if (access(dir, R_OK | X_OK) != 0)
        return gn_err_set(err, GN_E_IO, errno, "%s: the Python environment %s can't be read",
                          source, dir);
    if (!has_cfg && strcmp(source, "VIRTUAL_ENV") == 0)
        return gn_err_set(err, GN_E_VALUE, 0,
                          "%s: %s is no virtual environment: it has no pyvenv.cfg", source, dir);
    if (!check_version(dir, source, err))
        return false;
    if (!join(executable, dir, "bin/python3") || access(executable, X_OK) != 0)
        return gn_err_set(err, GN_E_IO, errno, "%s: %s/bin/python3 can't be used", source, dir);
    /* A virtual environment has site-packages, any other prefix (conda's) the library itself. */
    if (!join(path, dir,
              has_cfg ? "lib/python" VERSION_TEXT "/site-packages" : "lib/python" VERSION_TEXT) ||
        access(path, R_OK | X_OK) != 0)
        return gn_err_set(err, GN_E_IO, errno, "%s: %s can't be read", source, path);
    return true;
}

/* GUNICORN_PYTHON names a directory (of an environment) or its interpreter. */
static bool
is_named_python(const char *path)
{
    const char *slash = strrchr(path, '/');

    return strncmp(slash != NULL ? slash + 1 : path, "python", 6) == 0;
}

static bool
explicit_home(const char *given, char executable[PATH_MAX], struct gn_err *err)
{
    char dir[PATH_MAX];
    struct stat st;

    if (stat(given, &st) == 0 && S_ISDIR(st.st_mode))
        return check_home(given, "GUNICORN_PYTHON", executable, err);
    if (!is_file(given) || access(given, X_OK) != 0 || !is_named_python(given))
        return gn_err_set(err, GN_E_VALUE, 0,
                          "GUNICORN_PYTHON: %s is neither a Python environment nor an interpreter",
                          given);
    if (venv_of_program(given, dir))
        return check_home(dir, "GUNICORN_PYTHON", executable, err);
    snprintf(executable, PATH_MAX, "%s", given);
    return true;
}

/* A conda environment is usable only when its libpython is the one that is loaded. */
static bool
has_our_libpython(const char *dir)
{
    char theirs[PATH_MAX];
    struct stat a, b;
    Dl_info info;

    if (!join(theirs, dir, "lib/libpython" VERSION_TEXT ".so.1.0"))
        return false;
    return dladdr((void *)(uintptr_t)Py_InitializeFromConfig, &info) != 0 &&
           info.dli_fname != NULL && stat(info.dli_fname, &a) == 0 && stat(theirs, &b) == 0 &&
           a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* A variable's path, absolute and without slashes at its end; NULL when it is not set. */
static const char *
path_variable(const char *name, const char *start_dir, char out[PATH_MAX])
{
    const char *given = getenv(name);
    size_t n;

    if (given == NULL || given[0] == '\0')
        return NULL;
    absolute(start_dir, given, out);
    n = strlen(out);
    while (n > 1 && out[n - 1] == '/')
        out[--n] = '\0';
    return out;
}

static bool
choose(const char *argv0, const char *start_dir, char executable[PATH_MAX], struct gn_err *err)
{
    char program[PATH_MAX], dir[PATH_MAX], variable[PATH_MAX];
    const char *given = path_variable("GUNICORN_PYTHON", start_dir, variable);
    ssize_t n;

    if (given != NULL)
        return explicit_home(given, executable, err);
    if (program_path(argv0, start_dir, program) && venv_of_program(program, dir))
        return check_home(dir, "the program's virtual environment", executable, err);
    n = readlink("/proc/self/exe", program, sizeof(program) - 1);
    program[n > 0 ? n : 0] = '\0';
    if (n > 0 && venv_of_program(program, dir))
        return check_home(dir, "the program's virtual environment", executable, err);
    given = path_variable("VIRTUAL_ENV", start_dir, variable);
    if (given != NULL)
        return check_home(given, "VIRTUAL_ENV", executable, err);
    given = path_variable("CONDA_PREFIX", start_dir, variable);
    if (given != NULL && has_our_libpython(given))
        return check_home(given, "CONDA_PREFIX", executable, err);
    snprintf(executable, PATH_MAX, "%s", GN_PYTHON_EXECUTABLE);
    return true;
}

bool
gn_py_home_apply(PyConfig *config, const char *argv0, const char *start_dir, struct gn_err *err)
{
    char executable[PATH_MAX];
    PyStatus status;

    if (!choose(argv0, start_dir, executable, err))
        return false;
    status = PyConfig_SetBytesString(config, &config->program_name, executable);
    if (!PyStatus_Exception(status))
        status = PyConfig_SetBytesString(config, &config->executable, executable);
    if (PyStatus_Exception(status))
        return gn_err_set(err, GN_E_PYTHON, 0, "Python can't be started: %s", status.err_msg);
    return true;
}
