#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/fd.h"
#include "log/log.h"
#include "net/listener.h"

static char dir[64], sock_path[96], log_path[96];
static struct gn_log *lg;
static struct gn_listener_options options;

static void
setup(void)
{
    struct gn_log_options o = {.level = GN_INFO, .owner = geteuid(), .group = getegid()};

    snprintf(dir, sizeof(dir), "%s", "/tmp/gn-net-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(sock_path, sizeof(sock_path), "%s/s", dir);
    snprintf(log_path, sizeof(log_path), "%s/log", dir);
    o.error_path = log_path;
    lg = gn_log_open(&o, NULL);
    ck_assert_ptr_nonnull(lg);
    options = (struct gn_listener_options){
        .backlog = 64, .waits = true, .uid = geteuid(), .gid = getegid()};
}

static void
teardown(void)
{
    gn_log_close(lg);
    unlink(sock_path);
    unlink(log_path);
    rmdir(dir);
}

static struct gn_addr
address(const char *text)
{
    struct gn_addr a;

    ck_assert(gn_addr_parse(text, &a, NULL));
    return a;
}

static struct gn_addr
unix_address(void)
{
    char text[128];

    snprintf(text, sizeof(text), "unix:%s", sock_path);
    return address(text);
}

static struct gn_listener
must_open(struct gn_addr addr)
{
    struct gn_listener l;
    struct gn_err err = {0};

    ck_assert_msg(gn_listener_open(&l, &addr, &options, lg, &err), "%s", err.msg);
    return l;
}

static int
option(int fd, int level, int name)
{
    socklen_t n = sizeof(int);
    int value = -1;

    ck_assert_int_eq(getsockopt(fd, level, name, &value, &n), 0);
    return value;
}

static void
check_common(const struct gn_listener *l)
{
    ck_assert_int_ge(l->fd, 0);
    ck_assert_int_ne(fcntl(l->fd, F_GETFL) & O_NONBLOCK, 0);
    ck_assert_int_ne(fcntl(l->fd, F_GETFD) & FD_CLOEXEC, 0);
    ck_assert_int_eq(option(l->fd, SOL_SOCKET, SO_ACCEPTCONN), 1);
}

static char *
log_text(void)
{
    size_t n;
    char *text = gn_fd_read_file(log_path, 1 << 20, &n);

    ck_assert_ptr_nonnull(text);
    return text;
}

static size_t
count_in_log(const char *needle)
{
    char *text = log_text(), *p = text;
    size_t n = 0;

    for (; (p = strstr(p, needle)) != NULL; p++)
        n++;
    free(text);
    return n;
}

static const struct {
    const char *bind, *text_form, *name;
    bool is_tls;
} tcp[] = {
    {"127.0.0.1:0", "http://127.0.0.1:%d", "127.0.0.1", false},
    {"localhost:0", "http://127.0.0.1:%d", "127.0.0.1", false},
    {"127.0.0.1:0", "https://127.0.0.1:%d", "127.0.0.1", true},
    {"[::1]:0", "http://[::1]:%d", "::1", false},
    {"[::1]:0", "https://[::1]:%d", "::1", true},
};

START_TEST(tcp_listener)
{
    char text[128], port[16];
    struct gn_listener l;
    int probe = socket(AF_INET6, SOCK_STREAM, 0);

    if (probe < 0 && strchr(tcp[_i].bind, '[') != NULL)
        return;
    gn_fd_close(&probe);
    options.is_tls = tcp[_i].is_tls;
    l = must_open(address(tcp[_i].bind));
    check_common(&l);
    ck_assert_int_gt(l.addr.port, 0);
    snprintf(text, sizeof(text), "%.*s%d", (int)strlen(tcp[_i].text_form) - 2, tcp[_i].text_form,
             l.addr.port);
    ck_assert_str_eq(l.text, text);
    ck_assert_str_eq(l.server_name, tcp[_i].name);
    snprintf(port, sizeof(port), "%d", l.addr.port);
    ck_assert_str_eq(l.server_port, port);
    ck_assert_int_eq(option(l.fd, SOL_SOCKET, SO_REUSEADDR), 1);
    ck_assert_int_eq(option(l.fd, SOL_SOCKET, SO_REUSEPORT), 0);
    ck_assert_int_ne(option(l.fd, IPPROTO_TCP, TCP_NODELAY), 0);
    gn_listener_close(&l, true);
    ck_assert_int_eq(l.fd, -1);
    gn_listener_close(&l, true);
    ck_assert_uint_eq(count_in_log("\n"), 0);
}
END_TEST

START_TEST(reuse_port)
{
    struct gn_listener a, b;

    options.reuse_port = true;
    a = must_open(address("127.0.0.1:0"));
    b = must_open(a.addr);
    ck_assert_int_eq(a.addr.port, b.addr.port);
    ck_assert_int_eq(option(b.fd, SOL_SOCKET, SO_REUSEPORT), 1);
    gn_listener_close(&a, false);
    gn_listener_close(&b, false);
}
END_TEST

START_TEST(backlog)
{
    struct gn_listener l;
    struct tcp_info info;
    socklen_t n = sizeof(info);

    options.backlog = 7;
    l = must_open(address("127.0.0.1:0"));
    ck_assert_int_eq(getsockopt(l.fd, IPPROTO_TCP, TCP_INFO, &info, &n), 0);
    ck_assert_uint_eq(info.tcpi_sacked, 7); /* of a listening socket: its backlog */
    gn_listener_close(&l, false);
}
END_TEST

static const struct {
    mode_t mask, mode;
} modes[] = {{0, 0777}, {022, 0755}, {0117, 0660}, {0777, 0}};

START_TEST(unix_listener)
{
    mode_t old = umask(077);
    struct gn_listener l;
    struct stat st;
    char text[128];

    options.umask = modes[_i].mask;
    l = must_open(unix_address());
    ck_assert_uint_eq(umask(old), 077); /* that of the process is as it was */
    check_common(&l);
    snprintf(text, sizeof(text), "unix:%s", sock_path);
    ck_assert_str_eq(l.text, text);
    ck_assert_str_eq(l.server_name, "");
    ck_assert_str_eq(l.server_port, "");
    ck_assert_int_eq(lstat(sock_path, &st), 0);
    ck_assert(S_ISSOCK(st.st_mode));
    ck_assert_uint_eq(st.st_mode & 07777, modes[_i].mode);
    ck_assert(l.owns_path);
    gn_listener_close(&l, true);
    ck_assert_int_ne(lstat(sock_path, &st), 0);
}
END_TEST

START_TEST(unix_socket_is_handed_over)
{
    struct gn_listener l;
    struct stat st;

    if (geteuid() != 0)
        return;
    options.uid = 65534;
    options.gid = 65533;
    l = must_open(unix_address());
    ck_assert_int_eq(lstat(sock_path, &st), 0);
    ck_assert_uint_eq(st.st_uid, 65534);
    ck_assert_uint_eq(st.st_gid, 65533);
    gn_listener_close(&l, true);
}
END_TEST

START_TEST(stale_socket_is_replaced)
{
    struct gn_listener l = must_open(unix_address());
    struct stat st;

    gn_listener_close(&l, false);
    ck_assert_int_eq(lstat(sock_path, &st), 0);
    l = must_open(unix_address());
    check_common(&l);
    ck_assert_uint_eq(count_in_log("\n"), 0);
    gn_listener_close(&l, true);
}
END_TEST

START_TEST(foreign_socket_is_left_alone)
{
    struct gn_listener ours = must_open(unix_address()), theirs;
    struct stat st;

    ck_assert_int_eq(unlink(sock_path), 0);
    theirs = must_open(unix_address());
    gn_listener_close(&ours, true);
    ck_assert_int_eq(lstat(sock_path, &st), 0);
    gn_listener_close(&theirs, true);
    ck_assert_int_ne(lstat(sock_path, &st), 0);
}
END_TEST

static void
check_failure(struct gn_addr addr, const char *message)
{
    struct gn_err err = {0};
    struct gn_listener l;
    char text[700];

    ck_assert(!gn_listener_open(&l, &addr, &options, lg, &err));
    ck_assert_int_eq(l.fd, -1);
    ck_assert_str_eq(gn_err_text(&err, text, sizeof(text)), message);
}

START_TEST(other_files_are_left_alone)
{
    char message[200];
    struct stat st;
    int fd = open(sock_path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

    gn_fd_close(&fd);
    snprintf(message, sizeof(message), "'%s' is not a socket", sock_path);
    check_failure(unix_address(), message);
    ck_assert_int_eq(lstat(sock_path, &st), 0);
    ck_assert(S_ISREG(st.st_mode));
    ck_assert_uint_eq(count_in_log("\n"), 0);
}
END_TEST

/* Each takes four seconds: five tries, one second apart. */
START_TEST(address_in_use)
{
    bool is_unix = _i == 1;
    struct gn_listener l = must_open(is_unix ? unix_address() : address("127.0.0.1:0"));
    char shown[128], line[256], message[300];
    int64_t start = gn_clock_mono_ns();
    struct stat st;

    if (is_unix)
        snprintf(shown, sizeof(shown), "%s", sock_path);
    else
        snprintf(shown, sizeof(shown), "('127.0.0.1', %d)", l.addr.port);
    snprintf(message, sizeof(message), "Can't connect to %s: %s", shown,
             is_unix ? "another server listens there, stop it or choose another path"
                     : "another program listens there, stop it or choose another port "
                       "(`ss -ltnp` names it)");
    check_failure(l.addr, message);
    ck_assert_int_ge(gn_clock_mono_ns() - start, 4 * GN_NS_PER_S);
    snprintf(line, sizeof(line), "] [ERROR] Connection in use: %s\n", shown);
    ck_assert_uint_eq(count_in_log(line), 5);
    snprintf(line, sizeof(line),
             "] [ERROR] connection to %s failed: [Errno 98] Address already in use\n", shown);
    ck_assert_uint_eq(count_in_log(line), 5);
    ck_assert_uint_eq(count_in_log("\n"), 10);
    check_common(&l);
    ck_assert(!is_unix || lstat(sock_path, &st) == 0);
    gn_listener_close(&l, true);
}
END_TEST

START_TEST(address_that_becomes_free)
{
    struct gn_listener l = must_open(address("127.0.0.1:0")), other;
    int64_t deadline = gn_clock_mono_ns() + 30 * GN_NS_PER_S;
    int status;
    pid_t child = fork();

    if (child == 0) {
        /* The copy of the parent's socket would keep the port busy for ever. */
        gn_fd_close(&l.fd);
        _exit(gn_listener_open(&other, &l.addr, &options, lg, NULL) ? 0 : 1);
    }
    while (count_in_log("Connection in use") == 0) {
        ck_assert_int_lt(gn_clock_mono_ns(), deadline);
        poll(NULL, 0, 10);
    }
    gn_listener_close(&l, false);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

static const struct {
    const char *bind, *message, *line;
} hopeless[] = {
    {"unix:/nonexistent/s", "Can't connect to /nonexistent/s: the directory does not exist",
     "connection to /nonexistent/s failed: [Errno 2] No such file or directory\n"},
    /* No name server is asked for a name with an empty part. */
    {"a..b:80", "Can't connect to ('a..b', 80): the host name is unknown, check the setting bind",
     "connection to ('a..b', 80) failed: [Errno -2] Name or service not known\n"},
};

/* Nothing that waiting could change: one try, one line. */
START_TEST(hopeless_address)
{
    check_failure(address(hopeless[_i].bind), hopeless[_i].message);
    ck_assert_uint_eq(count_in_log(hopeless[_i].line), 1);
    ck_assert_uint_eq(count_in_log("\n"), 1);
}
END_TEST

START_TEST(inherited)
{
    struct gn_listener l = must_open(address("127.0.0.1:0")), again;
    int given = dup(l.fd);
    char bind_text[32];

    snprintf(bind_text, sizeof(bind_text), "fd://%d", given);
    again = must_open(address(bind_text));
    check_common(&again);
    ck_assert_str_eq(again.text, l.text);
    ck_assert_str_eq(again.server_port, l.server_port);
    ck_assert(again.is_inherited);
    ck_assert_int_ne(again.fd, given);
    ck_assert_int_ne(fcntl(given, F_GETFD) & FD_CLOEXEC, 0);
    gn_listener_close(&again, true);
    ck_assert_int_eq(option(given, SOL_SOCKET, SO_ACCEPTCONN), 1);
    gn_fd_close(&given);
    gn_listener_close(&l, false);
}
END_TEST

START_TEST(inherited_unix_path_stays)
{
    struct gn_listener l = must_open(unix_address()), again;
    char bind_text[32], text[128];
    struct stat st;

    snprintf(bind_text, sizeof(bind_text), "fd://%d", l.fd);
    again = must_open(address(bind_text));
    snprintf(text, sizeof(text), "unix:%s", sock_path);
    ck_assert_str_eq(again.text, text);
    gn_listener_close(&again, true);
    ck_assert_int_eq(lstat(sock_path, &st), 0);
    gn_listener_close(&l, true);
}
END_TEST

START_TEST(inherited_abstract_name)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    socklen_t n = offsetof(struct sockaddr_un, sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct gn_listener l;
    char bind_text[32], text[64];

    snprintf(text, sizeof(text), "unix:@gn-test-%d", getpid());
    memcpy(sun.sun_path + 1, text + 6, strlen(text + 6));
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&sun, n + 1 + (socklen_t)strlen(text + 6)), 0);
    ck_assert_int_eq(listen(fd, 1), 0);
    snprintf(bind_text, sizeof(bind_text), "fd://%d", fd);
    l = must_open(address(bind_text));
    ck_assert_str_eq(l.text, text);
    gn_listener_close(&l, true);
    gn_fd_close(&fd);
}
END_TEST

static int
make_unusable(int kind)
{
    switch (kind) {
    case 0:
        return open("/dev/null", O_RDWR | O_CLOEXEC);
    case 1:
        return socket(AF_INET, SOCK_STREAM, 0); /* does not listen */
    case 2:
        return socket(AF_INET, SOCK_DGRAM, 0);
    default:
        return 1000; /* not open */
    }
}

START_TEST(inherited_must_listen)
{
    int fd = make_unusable(_i);
    char bind_text[32], message[200];

    snprintf(bind_text, sizeof(bind_text), "fd://%d", fd);
    if (_i == 1 || _i == 2)
        snprintf(message, sizeof(message), "Can't use %s: it is not a listening stream socket",
                 bind_text);
    else
        snprintf(message, sizeof(message), "Can't use %s as a listening socket: %s", bind_text,
                 strerror(_i == 0 ? ENOTSOCK : EBADF));
    check_failure(address(bind_text), message);
    if (_i < 3)
        close(fd);
}
END_TEST

/* Accepted connections send at once what they have. */
START_TEST(nodelay_is_inherited_by_connections)
{
    struct gn_listener l = must_open(address("127.0.0.1:0"));
    struct sockaddr_storage ss;
    socklen_t n = sizeof(ss);
    int client = socket(AF_INET, SOCK_STREAM, 0), server;
    struct pollfd ready = {.fd = l.fd, .events = POLLIN};

    ck_assert_int_eq(getsockname(l.fd, (struct sockaddr *)&ss, &n), 0);
    ck_assert_int_eq(connect(client, (struct sockaddr *)&ss, n), 0);
    ck_assert_int_eq(poll(&ready, 1, 30000), 1);
    server = accept(l.fd, NULL, NULL);
    ck_assert_int_ge(server, 0);
    ck_assert_int_ne(option(server, IPPROTO_TCP, TCP_NODELAY), 0);
    gn_fd_close(&server);
    gn_fd_close(&client);
    gn_listener_close(&l, false);
}
END_TEST

/* ---- options of a path, abstract names, sockets that others opened ---- */

static struct gn_addr
address_with(const char *options_text)
{
    char text[192];

    snprintf(text, sizeof(text), "unix:%s%s", sock_path, options_text);
    return address(text);
}

START_TEST(options_of_a_path)
{
    struct gn_listener l;
    struct gn_err err = {0};
    struct gn_addr other;
    struct stat st;

    options.umask = 077;
    l = must_open(address_with(geteuid() == 0 ? "?mode=660&user=65534&group=0" : "?mode=660"));
    ck_assert_int_eq(lstat(sock_path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0660);
    ck_assert_uint_eq(st.st_uid, geteuid() == 0 ? 65534 : geteuid());
    /* A reload that asks for something else, for the same socket. */
    other = address_with("?mode=600");
    options.backlog = 7;
    ck_assert_msg(gn_listener_adjust(&l, &other, &options, &err), "%s", err.msg);
    ck_assert_int_eq(lstat(sock_path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
    ck_assert_uint_eq(st.st_uid, geteuid());
    gn_listener_close(&l, true);
    other = address_with("?user=no-such-account");
    ck_assert(!gn_listener_open(&l, &other, &options, lg, &err));
    ck_assert_ptr_nonnull(strstr(err.msg, "its user or group is unknown"));
    ck_assert_int_ne(lstat(sock_path, &st), 0);
    gn_err_clear(&err);
}
END_TEST

START_TEST(abstract_name)
{
    struct gn_listener l, again;
    struct gn_err err = {0};
    struct gn_addr addr;
    char text[64];

    snprintf(text, sizeof(text), "unix:@gn-test-%d", (int)getpid());
    addr = address(text);
    l = must_open(addr);
    ck_assert_str_eq(l.text, text);
    ck_assert(!l.owns_path);
    ck_assert(gn_listener_is_at(l.fd, &addr));
    options.waits = false;
    ck_assert(!gn_listener_open(&again, &addr, &options, lg, &err));
    gn_err_clear(&err);
    gn_listener_close(&l, true);
    l = must_open(addr);
    gn_listener_close(&l, true);
}
END_TEST

/* Which of these a socket that was opened with the first word stands at. */
static const struct {
    const char *opened, *asked;
    bool is_there;
} places[] = {
    {"127.0.0.1:0", "127.0.0.1:0", true},
    {"127.0.0.1:0", "localhost:0", true},
    {"127.0.0.1:0", "127.0.0.1:1", false},
    {"127.0.0.1:0", "127.0.0.2:0", false},
    {"127.0.0.1:0", "[::1]:0", false},
    {"127.0.0.1:0", "0.0.0.0:0", false},
    {"127.0.0.1:0", "unix:/x", false},
    {"127.0.0.1:0", "fd://3", false},
    {"[::1]:0", "[::1]:0", true},
    {"[::1]:0", "[::]:0", false},
    {"unix:@gn-place", "unix:@gn-place", true},
    {"unix:@gn-place", "unix:@gn-places", false},
    {"unix:@gn-place", "unix:gn-place", false},
    {"unix:@gn-place", "127.0.0.1:0", false},
};

START_TEST(place_of_a_socket)
{
    struct gn_addr asked = address(places[_i].asked);
    struct gn_listener l = must_open(address(places[_i].opened));

    ck_assert_int_eq(gn_listener_is_at(l.fd, &asked), places[_i].is_there);
    gn_listener_close(&l, true);
}
END_TEST

START_TEST(adopted_socket)
{
    struct gn_addr addr = unix_address();
    struct gn_listener first = must_open(addr), second;
    struct gn_err err = {0};
    struct stat st;
    int fd = dup(first.fd);

    ck_assert(gn_listener_is_listening(fd));
    ck_assert(gn_listener_is_at(fd, &addr));
    ck_assert_msg(gn_listener_adopt(&second, &addr, fd, &options, &err), "%s", err.msg);
    ck_assert_str_eq(second.text, first.text);
    ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
    gn_listener_close(&first, false);
    ck_assert_int_eq(lstat(sock_path, &st), 0);
    gn_listener_close(&second, true); /* the file has passed over to it */
    ck_assert_int_ne(lstat(sock_path, &st), 0);
    ck_assert(!gn_listener_is_listening(-1));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("gn_listener");
    TCase *tc = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, tcp_listener, 0, GN_ARRAY_LEN(tcp));
    tcase_add_test(tc, reuse_port);
    tcase_add_test(tc, backlog);
    tcase_add_loop_test(tc, unix_listener, 0, GN_ARRAY_LEN(modes));
    tcase_add_test(tc, unix_socket_is_handed_over);
    tcase_add_test(tc, stale_socket_is_replaced);
    tcase_add_test(tc, foreign_socket_is_left_alone);
    tcase_add_test(tc, other_files_are_left_alone);
    tcase_add_loop_test(tc, address_in_use, 0, 2);
    tcase_add_test(tc, address_that_becomes_free);
    tcase_add_loop_test(tc, hopeless_address, 0, GN_ARRAY_LEN(hopeless));
    tcase_add_loop_test(tc, inherited_must_listen, 0, 4);
    tcase_add_test(tc, inherited);
    tcase_add_test(tc, inherited_unix_path_stays);
    tcase_add_test(tc, inherited_abstract_name);
    tcase_add_test(tc, nodelay_is_inherited_by_connections);
    tcase_add_test(tc, options_of_a_path);
    tcase_add_test(tc, abstract_name);
    tcase_add_loop_test(tc, place_of_a_socket, 0, GN_ARRAY_LEN(places));
    tcase_add_test(tc, adopted_socket);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
