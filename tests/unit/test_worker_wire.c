/* src/worker/wire.c: a connection that speaks TLS, with OpenSSL's client at the other end. */
#include "test_worker_support.h"

#include <sys/uio.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "net/tls.h"
#include "worker/wire.h"

static struct bench b;
static char cert_path[64], key_path[64];
static SSL_CTX *client_ctx;
static SSL *client;

/* ---- a certificate, a server, a client ---- */

static FILE *
make_file(char *path, size_t size)
{
    int fd;

    snprintf(path, size, "%s/gn-wire-XXXXXX", P_tmpdir);
    fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    return fdopen(fd, "w");
}

static void
make_cert(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    FILE *f = make_file(cert_path, sizeof(cert_path));

    ck_assert(key != NULL && cert != NULL && f != NULL);
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                               (const unsigned char *)"localhost", -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    ck_assert_int_gt(X509_sign(cert, key, EVP_sha256()), 0);
    PEM_write_X509(f, cert);
    fclose(f);
    f = make_file(key_path, sizeof(key_path));
    ck_assert_ptr_nonnull(f);
    PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
    fclose(f);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static void
setup_with(const char *more)
{
    const char *words[] = {"--certfile", cert_path, "--keyfile", key_path, more, NULL};
    enum gn_setting_id at;
    struct gn_err err = {0};

    make_cert();
    bench_init_with(&b, words);
    b.worker.tls = gn_tls_ctx_new(&b.worker.frozen->cfg, false, &at, &err);
    ck_assert_msg(b.worker.tls != NULL, "%s", err.msg);
    bench_connect(&b, 0);
    ck_assert_int_eq(gn_fd_set_nonblock(b.client, true), 0);
    client_ctx = SSL_CTX_new(TLS_client_method());
    client = SSL_new(client_ctx);
    ck_assert_ptr_nonnull(client);
    SSL_set_fd(client, b.client);
    SSL_set_connect_state(client);
}

static void
setup(void)
{
    setup_with(NULL);
}

static void
setup_proxy(void)
{
    setup_with("--proxy-protocol=v1");
}

static void
teardown(void)
{
    struct gn_tls_ctx *tls = b.worker.tls;

    SSL_free(client);
    SSL_CTX_free(client_ctx);
    bench_fini(&b);
    gn_tls_ctx_free(tls);
    unlink(cert_path);
    unlink(key_path);
}

/* Until the server has something to read. */
static void
await_server(void)
{
    struct pollfd p = {.fd = b.c->fd, .events = POLLIN};

    ck_assert_int_eq(poll(&p, 1, WAIT_MS), 1);
}

static void
establish(void)
{
    enum gn_conn_event event = GN_CONN_WAIT;

    while (b.c->state == GN_CONN_HANDSHAKE) {
        SSL_do_handshake(client);
        await_server();
        event = gn_conn_read(b.c);
        ck_assert_int_eq(event, GN_CONN_WAIT);
    }
    ck_assert_int_eq(b.c->state, GN_CONN_HEAD);
    SSL_do_handshake(client);
    ck_assert(SSL_is_init_finished(client));
}

static void
say(const char *text)
{
    ck_assert_int_eq(SSL_write(client, text, (int)strlen(text)), (int)strlen(text));
    await_server();
}

static const char get[] = "GET /path HTTP/1.1\r\nHost: x\r\n\r\n";

/* ---- handshakes ---- */

START_TEST(handshake_then_request)
{
    ck_assert_int_eq(b.c->state, GN_CONN_HANDSHAKE);
    ck_assert_int_eq(gn_conn_read(b.c), GN_CONN_WAIT);
    ck_assert_int_eq(gn_wire_recv_events(b.c), POLLIN);
    establish();
    say(get);
    ck_assert_int_eq(gn_conn_read(b.c), GN_CONN_READY);
    ck_assert_slice_eq(b.c->parser.head.path, "/path");
    ck_assert(b.c->trust.is_https);
    ck_assert(!b.c->has_more);
}
END_TEST

START_TEST(handshake_of_plain_text)
{
    struct gn_buf got = {0};

    bench_send(&b, get, sizeof(get) - 1);
    await_server();
    ck_assert_int_eq(gn_conn_read(b.c), GN_CONN_BAD);
    ck_assert_ptr_null(b.c->tls);
    gn_conn_send_some(b.c);
    ck_assert(gn_wire_half_close(b.c));
    ck_assert(gn_fd_set_nonblock(b.client, false) == 0);
    while (gn_buf_len(&got) < 12) {
        ck_assert(gn_buf_reserve(&got, 4096));
        ssize_t n = recv(b.client, got.data + got.end, 4096, 0);

        ck_assert_int_gt(n, 0);
        got.end += (size_t)n;
    }
    ck_assert_int_eq(memcmp(got.data, "HTTP/1.1 400", 12), 0);
    gn_buf_fini(&got);
}
END_TEST

START_TEST(handshake_fails)
{
    bench_send(&b, "\x16\x03\x01\x00\x04junk", 9);
    await_server();
    ck_assert_int_eq(gn_conn_read(b.c), GN_CONN_BAD);
    ck_assert_uint_eq(gn_buf_len(&b.c->resp.out), 0);
    ck_assert(bench_log_has(&b, "TLS handshake with ip=127.0.0.1 failed: "));
}
END_TEST

START_TEST(handshake_left)
{
    if (_i == 1) {
        SSL_do_handshake(client);
        await_server();
        ck_assert_int_eq(gn_conn_read(b.c), GN_CONN_WAIT);
    }
    bench_client_ends(&b);
    ck_assert_int_eq(gn_conn_read(b.c), GN_CONN_EOF);
    ck_assert(!bench_log_has(&b, "failed"));
}
END_TEST

START_TEST(handshake_expires)
{
    ck_assert_int_eq(gn_conn_read(b.c), GN_CONN_WAIT);
    ck_assert_int_eq(gn_conn_expire(b.c), GN_CONN_EOF);
}
END_TEST

/* The header comes in two pieces before the hello, or inside TLS. */
START_TEST(proxy_header)
{
    static const char header[] = "PROXY TCP4 192.0.2.7 198.51.100.1 1234 443\r\n";
    size_t cut = sizeof(header) - 1;

    if (_i == 0) {
        bench_send(&b, header, 5);
        await_server();
        ck_assert_int_eq(gn_conn_read(b.c), GN_CONN_WAIT);
        bench_send(&b, header + 5, cut - 5);
        bench_await_bytes(&b, cut);
        ck_assert_int_eq(gn_conn_read(b.c), GN_CONN_WAIT);
        ck_assert(b.c->proxy.has_addresses);
    }
    establish();
    if (_i == 1)
        say(header);
    if (_i == 1)
        ck_assert_int_eq(gn_conn_read(b.c), GN_CONN_WAIT);
    say(get);
    ck_assert_int_eq(gn_conn_read(b.c), GN_CONN_READY);
    ck_assert_str_eq(gn_conn_remote_text(b.c), "192.0.2.7");
}
END_TEST

START_TEST(proxy_header_is_bad)
{
    char junk[200];

    memset(junk, 'x', sizeof(junk));
    memcpy(junk, "PROXY ", 6);
    bench_send(&b, junk, sizeof(junk));
    bench_await_bytes(&b, sizeof(junk));
    ck_assert_int_eq(gn_conn_read(b.c), GN_CONN_BAD);
    ck_assert_ptr_null(b.c->tls);
    ck_assert_int_eq(memcmp(gn_buf_head(&b.c->resp.out), "HTTP/1.1 400", 12), 0);
}
END_TEST

/* ---- bytes ---- */

/* Several pieces become one record, which the client gets by one read. */
START_TEST(sendv_joins)
{
    struct iovec iov[] = {{(void *)(uintptr_t) "one ", 4},
                          {(void *)(uintptr_t) "two ", 4},
                          {(void *)(uintptr_t) "three", 5}};
    char got[100];
    int n;

    establish();
    ck_assert(gn_conn_send(b.c, iov, 3, false));
    while ((n = SSL_read(client, got, sizeof(got))) <= 0)
        ck_assert_int_eq(SSL_get_error(client, n), SSL_ERROR_WANT_READ);
    ck_assert_int_eq(n, 13);
    ck_assert_int_eq(memcmp(got, "one two three", 13), 0);
}
END_TEST

static ssize_t
send_now(struct gn_slice data)
{
    ssize_t n = gn_wire_send_now(b.c, data, false);

    return n < 0 && errno == EAGAIN ? 0 : n;
}

START_TEST(send_now_takes_what_fits)
{
    size_t size = 32 << 20, received = 0;
    char *data = malloc(size), *got = malloc(size);
    ssize_t sent;

    ck_assert(data != NULL && got != NULL);
    for (size_t i = 0; i < size; i++)
        data[i] = (char)(i * 2654435761u >> 11);
    establish();
    sent = send_now(gn_slice(data, size));
    ck_assert_int_gt(sent, 0);
    ck_assert_int_lt(sent, (ssize_t)size);
    ck_assert_int_eq(send_now(gn_slice(data + sent, size - (size_t)sent)), 0);
    ck_assert_int_eq(gn_wire_send_events(b.c), POLLOUT);
    while (received < size) {
        int n = SSL_read(client, got + received, (int)(size - received));

        if (n > 0)
            received += (size_t)n;
        else if ((size_t)sent < size)
            sent += send_now(gn_slice(data + sent, size - (size_t)sent));
    }
    ck_assert_int_eq(memcmp(data, got, size), 0);
    free(data);
    free(got);
}
END_TEST

START_TEST(file_in_pieces)
{
    char path[64], got[4096];
    FILE *f = make_file(path, sizeof(path));
    off_t offset = 100;
    size_t total = 0;
    uint64_t sent = 0;
    ssize_t n;

    ck_assert_ptr_nonnull(f);
    for (int i = 0; i < 20000; i++)
        fputc(i % 251, f);
    fflush(f);
    establish();
    while ((n = gn_wire_sendfile(b.c, fileno(f), &offset, 30000 - (size_t)sent)) > 0)
        sent += (uint64_t)n;
    ck_assert_int_eq(n, 0);
    ck_assert_uint_eq(sent, 19900);
    ck_assert_int_eq(offset, 20000);
    while (total < 19900) {
        int got_bytes = SSL_read(client, got, sizeof(got));

        for (int i = 0; i < got_bytes; i++)
            ck_assert_int_eq((unsigned char)got[i], (int)((100 + total + (size_t)i) % 251));
        total += got_bytes > 0 ? (size_t)got_bytes : 0;
    }
    fclose(f);
    unlink(path);
}
END_TEST

/* A response that is whole ends with close_notify, a broken one must not. */
START_TEST(close_tells)
{
    char got[10];
    int n;

    establish();
    b.c->resp.is_broken = _i == 1;
    gn_conn_close(b.c);
    ck_assert_ptr_null(b.c->tls);
    while ((n = SSL_read(client, got, sizeof(got))) < 0 &&
           SSL_get_error(client, n) == SSL_ERROR_WANT_READ)
        continue;
    ck_assert_int_eq(SSL_get_shutdown(client) & SSL_RECEIVED_SHUTDOWN,
                     _i == 1 ? 0 : SSL_RECEIVED_SHUTDOWN);
    ERR_clear_error();
}
END_TEST

static void
add_case(Suite *suite, const char *name, void (*fixture)(void), const TTest *const *tests,
         const int *loops)
{
    TCase *tc = tcase_create(name);

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, fixture, teardown);
    for (size_t i = 0; tests[i] != NULL; i++)
        tcase_add_loop_test(tc, tests[i], 0, loops[i]);
    suite_add_tcase(suite, tc);
}

int
main(void)
{
    Suite *suite = suite_create("worker wire");
    const TTest *const plain[] = {handshake_then_request,
                                  handshake_of_plain_text,
                                  handshake_fails,
                                  handshake_left,
                                  handshake_expires,
                                  sendv_joins,
                                  send_now_takes_what_fits,
                                  file_in_pieces,
                                  close_tells,
                                  NULL};
    const TTest *const proxy[] = {proxy_header, proxy_header_is_bad, NULL};

    add_case(suite, "wire", setup, plain, (const int[]){1, 1, 1, 2, 1, 1, 1, 1, 2});
    add_case(suite, "proxy", setup_proxy, proxy, (const int[]){2, 1});
    return bench_run_suite(suite);
}
