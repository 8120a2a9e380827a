/* A whole master under test: in a child process, without a language, with workers that do as
 * told.
 *
 * A test writes a configuration and what the workers shall do, starts the server, sends signals
 * and waits for lines in its log and for processes. Everything lies in a directory of the test's
 * own. All waiting is by condition. / */
#ifndef TEST_ARBITER_SUPPORT_H
#define TEST_ARBITER_SUPPORT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <check.h>

#include "base/compiler.h"

enum { MAX_CHILDREN = 64, DEADLINE_S = 30 };

struct server {
    pid_t pid;
    char dir[64];
};

/* Makes the directory, an empty configuration, and workers that simply serve. */
void server_init(struct server *s);
/* Kills what still runs and removes the directory. */
void server_fini(struct server *s);

/* The configuration file's text: lines `name=1`, `name='text'`, `name=True`, `name=@2` (a hook
 * with two parameters), each of which may be a list: `name=['a', 'b']` is written `name+='a'`
 * twice. "%D" is the directory. */
void server_conf(struct server *s, const char *text);

/* What workers do that start from now on; `id` 0 means all without an order of their own.
 *   serve       beat, end at TERM
 *   exit N      end with status N before having booted
 *   late N      boot, then end with status N
 *   wait        don't boot before the file "go" exists
 *   deaf        boot and beat, ignore TERM and QUIT
 *   stuck       boot, then neither beat nor end at TERM; end at ABRT
 *   tired       serve, and ask to be replaced when the file "go" or "leave" exists
 *   frozen      like stuck; after ABRT the time goes on being written to the file "frozen"
 *   segv        boot, then die by SIGSEGV */
void server_orders(struct server *s, int id, const char *orders);

void server_start(struct server *s);
void server_signal(struct server *s, int signo);
/* Waits for the end; 256 + signal when it was killed. */
int server_status(struct server *s);

/* The log so far; free it. */
char *server_log(const struct server *s);
int log_count(const struct server *s, const char *needle);
/* Fails the test, showing the log, when the line doesn't come `times` times. */
void log_await(const struct server *s, const char *needle, int times);
/* Fails the test when `first` does not come before `second`, or one of them not at all. */
void log_order(const struct server *s, const char *first, const char *second);

/* Processes whose parent is the server, zombies left out. */
int server_children(const struct server *s, pid_t out[MAX_CHILDREN]);
/* Waits until there are exactly `n`, and all have booted. */
void children_await(const struct server *s, int n, pid_t out[MAX_CHILDREN]);
/* Waits until a process is gone. */
void gone_await(const struct server *s, pid_t pid);

char *path_of(const struct server *s, const char *name, char out[PATH_MAX]);
bool exists(const struct server *s, const char *name);
void touch(const struct server *s, const char *name);

/* Hooks of the master call this, when it is set, beside being logged as "hook NAME"; false makes
 * them fail. */
extern bool (*hook_does)(const char *name);

/* Retries `condition` until it holds; fails the test with the log otherwise. */
#define AWAIT(s, condition)                                                                        \
    do {                                                                                           \
        long long tries_ = (long long)DEADLINE_S * 100;                                            \
        while (!(condition) && tries_-- > 0)                                                       \
            nap();                                                                                 \
        if (tries_ <= 0)                                                                           \
            fail_with_log((s), __FILE__, __LINE__, #condition);                                    \
    } while (0)

void nap(void);
void fail_with_log(const struct server *s, const char *file, int line, const char *what);

/* Runs a suite of this one case; the exit status of the program. */
int run_case(const char *suite, TCase *tc);

#endif
