/* --check-timeout for what runs in the checking process itself: configuration files, and modules
 * that hooks are named in.
 *
 * The first alarm raises TimeoutError where the code is, so that the traceback shows what it waits
 * for. Code that catches it, or doesn't come back to Python, ends the process a little later.
 */
#include "py/py.h"

#include <errno.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/proc.h"

enum {
    GRACE_S = 2, /* between raising and ending */
    STATUS = 1,  /* of a check that has found an error */
};

static volatile sig_atomic_t is_armed, was_raised;

static void
on_alarm(int number)
{
    static const char text[] =
        "gunicorn: the configuration was not read in time (see --check-timeout)\n";
    int saved = errno;

    if (!is_armed)
        return;
    if (was_raised) {
        ssize_t put = write(STDERR_FILENO, text, sizeof(text) - 1);

        (void)put;
        gn_proc_end_now(STATUS);
    }
    was_raised = 1;
    PyErr_SetInterruptEx(number);
    errno = saved;
}

/* Runs between two lines of Python or in a system call. */
static PyObject *
raise_timeout(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    const struct gn_py *h = PyCapsule_GetPointer(self, NULL);

    (void)args;
    (void)nargs;
    if (h == NULL)
        return NULL;
    if (!is_armed)
        Py_RETURN_NONE;
    return PyErr_Format(PyExc_TimeoutError, "not done within %lld s (see --check-timeout)",
                        (long long)h->limit_s);
}

static PyMethodDef raise_timeout_def = {"handle_check_timeout",
                                        (PyCFunction)(void (*)(void))raise_timeout, METH_FASTCALL,
                                        "Raises TimeoutError in what a check waits for."};

/* signal.signal(SIGALRM, handler); what was there before, or NULL with an exception. Behind the
 * module `signal`, which needs `enum`: that alone takes longer than many a file. */
static PyObject *
set_handler(PyObject *handler)
{
    PyObject *module = PyImport_ImportModule("_signal");
    PyObject *before =
        module != NULL ? PyObject_CallMethod(module, "signal", "iO", SIGALRM, handler) : NULL;

    Py_XDECREF(module);
    return before;
}

static void
set_timer(int64_t first_s, int64_t then_s)
{
    struct itimerval timer = {.it_value = {.tv_sec = gn_clock_ns_of_s(first_s) / GN_NS_PER_S},
                              .it_interval = {.tv_sec = then_s}};

    setitimer(ITIMER_REAL, &timer, NULL);
}

void
gn_py_limit_begin_gil(struct gn_py *h)
{
    PyObject *capsule = NULL, *handler = NULL;
    struct sigaction own = {.sa_handler = on_alarm};

    if (h->limit_s <= 0)
        return;
    capsule = PyCapsule_New(h, NULL, NULL);
    if (capsule != NULL)
        handler = PyCFunction_New(&raise_timeout_def, capsule);
    if (handler != NULL)
        h->limit_before = set_handler(handler);
    Py_XDECREF(capsule);
    Py_XDECREF(handler);
    if (h->limit_before == NULL) {
        PyErr_Clear();
        return;
    }
    /* No SA_RESTART: waiting calls of Python end, and see the exception. */
    sigaction(SIGALRM, &own, NULL);
    was_raised = 0;
    is_armed = 1;
    set_timer(h->limit_s, GRACE_S);
}

void
gn_py_limit_end_gil(struct gn_py *h)
{
    PyObject *mine;

    if (h->limit_before == NULL)
        return;
    is_armed = 0;
    set_timer(0, 0);
    mine = set_handler(h->limit_before);
    if (mine == NULL)
        PyErr_Clear();
    Py_XDECREF(mine);
    Py_CLEAR(h->limit_before);
}

void
gn_py_limit(struct gn_host *host, int64_t seconds)
{
    gn_py_of(host)->limit_s = seconds;
}
