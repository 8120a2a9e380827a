/* src/net/tls*.c: contexts from settings, sessions over a pair of sockets with OpenSSL's client at
 * the other end.
 */
#include "net/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <check.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/buf.h"
#include "base/fd.h"

enum { PATH_BYTES = 128 };

static char dir[64];
static struct gn_cfg cfg;
static struct gn_err err;
static enum gn_setting_id at;
static struct gn_tls_ctx *ctx;
static struct gn_tls *server;
static SSL_CTX *client_ctx;
static SSL *client;
static int pair[2];

/* ---- keys and certificates ---- */

static const char *
path_of(const char *name)
{
    static char paths[8][PATH_BYTES];
    static int turn;
    char *path = paths[turn++ % 8];

    snprintf(path, PATH_BYTES, "%s/%s", dir, name);
    return path;
}

static void
write_text(const char *name, const char *text)
{
    FILE *f = fopen(path_of(name), "w");

    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    ck_assert_int_eq(fclose(f), 0);
}

static void
write_key(const char *name, EVP_PKEY *key, const char *password)
{
    FILE *f = fopen(path_of(name), "w");

    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(
        PEM_write_PKCS8PrivateKey(f, key, password != NULL ? EVP_aes_128_cbc() : NULL, password,
                                  password != NULL ? (int)strlen(password) : 0, NULL, NULL),
        1);
    ck_assert_int_eq(fclose(f), 0);
}

static void
add_alt_names(X509 *cert)
{
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(
        NULL, NULL, NID_subject_alt_name,
        "DNS:one.example,email:a@example.org,DNS:two.example,URI:urn:x,IP:127.0.0.1");

    ck_assert_ptr_nonnull(ext);
    ck_assert_int_eq(X509_add_ext(cert, ext, -1), 1);
    X509_EXTENSION_free(ext);
}

/* A self-signed certificate. */
static X509 *
make_cert(EVP_PKEY *key, const char *common_name)
{
    X509 *cert = X509_new();
    X509_NAME *name;

    ck_assert_ptr_nonnull(cert);
    ck_assert_int_eq(X509_set_version(cert, 2), 1);
    ck_assert_int_eq(ASN1_INTEGER_set(X509_get_serialNumber(cert), 0x1234), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    name = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const unsigned char *)"Ex\xc3\xa4mple",
                               -1, -1, 0);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1,
                               -1, 0);
    X509_set_issuer_name(cert, name);
    add_alt_names(cert);
    ck_assert_int_gt(X509_sign(cert, key, EVP_sha256()), 0);
    return cert;
}

static void
write_pair(const char *cert_name, const char *key_name, const char *common_name)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = make_cert(key, common_name);
    FILE *f = fopen(path_of(cert_name), "w");

    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(PEM_write_X509(f, cert), 1);
    ck_assert_int_eq(fclose(f), 0);
    write_key(key_name, key, NULL);
    if (strcmp(key_name, "key.pem") == 0)
        write_key("locked.pem", key, "open sesame");
    X509_free(cert);
    EVP_PKEY_free(key);
}

static void
make_dir(void)
{
    snprintf(dir, sizeof(dir), "%s/gn-tls-XXXXXX", P_tmpdir);
    ck_assert_ptr_nonnull(mkdtemp(dir));
    write_pair("cert.pem", "key.pem", "localhost");
    write_pair("client.pem", "client_key.pem", "somebody");
    write_text("junk.pem", "this is no PEM\n");
    write_text("empty.pem", "");
    write_text("password", "open sesame\nsecond line\n");
    write_text("wrong", "open barley\n");
}

static void
remove_dir(void)
{
    static const char *const names[] = {"cert.pem",   "key.pem",        "client.pem",
                                        "locked.pem", "client_key.pem", "junk.pem",
                                        "empty.pem",  "password",       "wrong"};

    for (size_t i = 0; i < GN_ARRAY_LEN(names); i++)
        unlink(path_of(names[i]));
    rmdir(dir);
}

/* ---- one session ---- */

static void
setup(void)
{
    memset(&cfg, 0, sizeof(cfg));
    cfg.certfile = path_of("cert.pem");
    cfg.keyfile = path_of("key.pem");
    cfg.suppress_ragged_eofs = true;
    pair[0] = pair[1] = -1;
}

static void
teardown(void)
{
    gn_tls_free(server);
    server = NULL;
    SSL_free(client);
    client = NULL;
    SSL_CTX_free(client_ctx);
    client_ctx = NULL;
    gn_tls_ctx_free(ctx);
    ctx = NULL;
    gn_fd_close(&pair[0]);
    gn_fd_close(&pair[1]);
    gn_err_clear(&err);
}

static void
make_context(void)
{
    ctx = gn_tls_ctx_new(&cfg, true, &at, &err);
    ck_assert_msg(ctx != NULL, "%s", err.msg);
}

static void
connect_pair(void)
{
    if (client_ctx == NULL)
        client_ctx = SSL_CTX_new(TLS_client_method());
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    server = gn_tls_open(ctx, pair[0]);
    ck_assert_ptr_nonnull(server);
    client = SSL_new(client_ctx);
    ck_assert_ptr_nonnull(client);
    ck_assert_int_eq(SSL_set_fd(client, pair[1]), 1);
    SSL_set_connect_state(client);
}

/* Both ends in turn until the server has a verdict and the client can't go on. */
static enum gn_tls_step
shake_hands(void)
{
    enum gn_tls_step step = GN_TLS_WAIT;

    for (int i = 0; i < 20 && step == GN_TLS_WAIT; i++) {
        short events = 0;

        SSL_do_handshake(client);
        step = gn_tls_handshake(server, &events);
        if (step == GN_TLS_WAIT)
            ck_assert_int_eq(events, POLLIN);
    }
    SSL_do_handshake(client);
    ERR_clear_error();
    return step;
}

static void
establish(void)
{
    make_context();
    connect_pair();
    ck_assert_int_eq(shake_hands(), GN_TLS_DONE);
    ck_assert(server->is_up);
}

static void
client_says(const char *text)
{
    ck_assert_int_eq(SSL_write(client, text, (int)strlen(text)), (int)strlen(text));
}

/* ---- contexts ---- */

struct bad {
    const char *certfile, *keyfile, *password_file, *ca_certs, *ciphers;
    int64_t cert_reqs;
    enum gn_setting_id at;
    const char *text;
};

static const struct bad bad[] = {
    {"none.pem", "key.pem", NULL, NULL, NULL, 0, GN_S_CERTFILE, "can't read"},
    {"cert.pem", "none.pem", NULL, NULL, NULL, 0, GN_S_KEYFILE, "can't read"},
    {NULL, "key.pem", NULL, NULL, NULL, 0, GN_S_KEYFILE, "no effect without certfile"},
    {"junk.pem", "key.pem", NULL, NULL, NULL, 0, GN_S_CERTFILE, "no usable certificate"},
    {"empty.pem", "key.pem", NULL, NULL, NULL, 0, GN_S_CERTFILE, "no usable certificate"},
    {"key.pem", "key.pem", NULL, NULL, NULL, 0, GN_S_CERTFILE, "no usable certificate"},
    {"cert.pem", "junk.pem", NULL, NULL, NULL, 0, GN_S_KEYFILE, "no usable private key"},
    {"cert.pem", NULL, NULL, NULL, NULL, 0, GN_S_CERTFILE, "no usable private key"},
    {"cert.pem", "client_key.pem", NULL, NULL, NULL, 0, GN_S_KEYFILE, "does not belong"},
    {"cert.pem", "locked.pem", NULL, NULL, NULL, 0, GN_S_KEYFILE, "set keyfile_password_file"},
    {"cert.pem", "locked.pem", "wrong", NULL, NULL, 0, GN_S_KEYFILE, "can't be decrypted"},
    {"cert.pem", "locked.pem", "none", NULL, NULL, 0, GN_S_KEYFILE_PASSWORD_FILE, "can't read"},
    {"cert.pem", "key.pem", NULL, "none.pem", NULL, 0, GN_S_CA_CERTS, "can't read"},
    {"cert.pem", "key.pem", NULL, "junk.pem", NULL, 0, GN_S_CA_CERTS, "no usable certificate"},
    {"cert.pem", "key.pem", NULL, NULL, "NONSENSE", 0, GN_S_CIPHERS, "NONSENSE"},
    {"cert.pem", "key.pem", NULL, NULL, NULL, 2, GN_S_CERT_REQS, "ca_certs"},
    {"cert.pem", "key.pem", NULL, "cert.pem", NULL, 3, GN_S_CERT_REQS, "3 is not 0, 1 or 2"},
};

static const char *
in_dir(const char *name)
{
    return name != NULL ? path_of(name) : NULL;
}

START_TEST(context_refuses)
{
    const struct bad *row = &bad[_i];

    cfg.certfile = in_dir(row->certfile);
    cfg.keyfile = in_dir(row->keyfile);
    cfg.keyfile_password_file = in_dir(row->password_file);
    cfg.ca_certs = in_dir(row->ca_certs);
    cfg.ciphers = row->ciphers;
    cfg.cert_reqs = row->cert_reqs;
    ck_assert_ptr_null(gn_tls_ctx_new(&cfg, true, &at, &err));
    ck_assert_msg(strstr(err.msg, row->text) != NULL, "%s", err.msg);
    ck_assert_str_eq(gn_settings[at].name, gn_settings[row->at].name);
    ck_assert_uint_eq(ERR_peek_error(), 0);
}
END_TEST

START_TEST(context_takes_a_locked_key)
{
    cfg.keyfile = path_of("locked.pem");
    cfg.keyfile_password_file = path_of("password");
    make_context();
}
END_TEST

/* ---- handshakes ---- */

START_TEST(handshake_of_each_version)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

    client_ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_max_proto_version(client_ctx, versions[_i]);
    establish();
    ck_assert_int_eq(SSL_version(client), versions[_i]);
}
END_TEST

START_TEST(handshake_too_old)
{
    client_ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(client_ctx, 0);
    SSL_CTX_set_min_proto_version(client_ctx, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(client_ctx, TLS1_1_VERSION);
    make_context();
    connect_pair();
    ck_assert_int_eq(shake_hands(), GN_TLS_FAILED);
    ck_assert_str_ne(server->why, "");
    ck_assert(!server->is_up);
    gn_tls_end(server);
}
END_TEST

START_TEST(handshake_garbage)
{
    static const char junk[] = "\x16\x03\x01\x00\x05junk!";

    make_context();
    connect_pair();
    ck_assert_int_eq(write(pair[1], junk, sizeof(junk) - 1), sizeof(junk) - 1);
    ck_assert_int_eq(gn_tls_handshake(server, &(short){0}), GN_TLS_FAILED);
    ck_assert_str_ne(server->why, "");
}
END_TEST

START_TEST(handshake_cut_off)
{
    make_context();
    connect_pair();
    SSL_do_handshake(client);
    ck_assert_int_eq(gn_tls_handshake(server, &(short){0}), GN_TLS_WAIT);
    ck_assert_int_eq(shutdown(pair[1], SHUT_WR), 0);
    ck_assert_int_eq(gn_tls_handshake(server, &(short){0}), GN_TLS_LEFT);
}
END_TEST

START_TEST(handshake_alpn)
{
    static const struct {
        const char *offer;
        enum gn_tls_step step;
        const char *chosen;
    } rows[] = {
        {"\x08http/1.1", GN_TLS_DONE, "http/1.1"},
        {"\x02h2\x08http/1.1", GN_TLS_DONE, "http/1.1"},
        {"\x08http/1.0", GN_TLS_DONE, "http/1.0"},
        {"\x02h2", GN_TLS_FAILED, ""},
    };
    const unsigned char *chosen;
    unsigned n;

    make_context();
    connect_pair();
    SSL_set_alpn_protos(client, (const unsigned char *)rows[_i].offer,
                        (unsigned)strlen(rows[_i].offer));
    ck_assert_int_eq(shake_hands(), rows[_i].step);
    SSL_get0_alpn_selected(client, &chosen, &n);
    ck_assert_uint_eq(n, strlen(rows[_i].chosen));
    ck_assert_int_eq(memcmp(chosen != NULL ? (const char *)chosen : "", rows[_i].chosen, n), 0);
}
END_TEST

/* ---- bytes ---- */

START_TEST(recv_and_the_end)
{
    char got[100];
    short events = 0;

    establish();
    errno = 0;
    ck_assert_int_eq(gn_tls_recv(server, got, sizeof(got), &events), -1);
    ck_assert_int_eq(errno, EAGAIN);
    ck_assert_int_eq(events, POLLIN);
    ck_assert(!server->has_more);
    client_says("one");
    client_says("two");
    ck_assert_int_eq(gn_tls_recv(server, got, sizeof(got), &events), 3);
    ck_assert_int_eq(memcmp(got, "one", 3), 0);
    /* The other record was read from the socket already: no edge will tell of it. */
    ck_assert(server->has_more);
    ck_assert_int_eq(gn_tls_recv(server, got, sizeof(got), &events), 3);
    ck_assert(!server->has_more);
    SSL_shutdown(client);
    ck_assert_int_eq(gn_tls_recv(server, got, sizeof(got), &events), 0);
}
END_TEST

/* With suppress_ragged_eofs the end of the socket is an end, without it a reset. */
START_TEST(recv_ragged_end)
{
    char got[100];
    ssize_t n;

    cfg.suppress_ragged_eofs = _i == 1;
    establish();
    client_says("one");
    ck_assert_int_eq(shutdown(pair[1], SHUT_WR), 0);
    ck_assert_int_eq(gn_tls_recv(server, got, sizeof(got), &(short){0}), 3);
    errno = 0;
    n = gn_tls_recv(server, got, sizeof(got), &(short){0});
    ck_assert_int_eq(n, _i == 1 ? 0 : -1);
    ck_assert_int_eq(errno, _i == 1 ? 0 : ECONNRESET);
}
END_TEST

START_TEST(recv_broken_record)
{
    static const char junk[] = "\x17\x03\x03\x00\x20 thirty-two bytes of nonsense ....";
    char got[100];

    establish();
    ck_assert_int_gt(write(pair[1], junk, sizeof(junk) - 1), 0);
    errno = 0;
    ck_assert_int_eq(gn_tls_recv(server, got, sizeof(got), &(short){0}), -1);
    ck_assert_int_eq(errno, ECONNRESET);
    gn_tls_end(server); /* nothing is said on a broken session */
}
END_TEST

/* A full socket: EAGAIN, and nothing is lost or sent twice. */
START_TEST(send_with_back_pressure)
{
    enum { TOTAL = 3 << 20 };
    char *data = malloc(TOTAL), *got = malloc(TOTAL);
    size_t sent = 0, received = 0;
    int refused = 0;

    ck_assert(data != NULL && got != NULL);
    for (size_t i = 0; i < TOTAL; i++)
        data[i] = (char)(i * 2654435761u >> 13);
    establish();
    while (received < TOTAL) {
        short events = 0;
        ssize_t put =
            sent < TOTAL ? gn_tls_send(server, data + sent, TOTAL - sent, false, &events) : -1;
        int n;

        if (put > 0) {
            sent += (size_t)put;
            continue;
        }
        if (sent < TOTAL) {
            ck_assert_int_eq(errno, EAGAIN);
            ck_assert_int_eq(events, POLLOUT);
            refused++;
        }
        while ((n = SSL_read(client, got + received, (int)(TOTAL - received))) > 0)
            received += (size_t)n;
    }
    ck_assert_int_gt(refused, 0);
    ck_assert_int_eq(memcmp(data, got, TOTAL), 0);
    free(data);
    free(got);
}
END_TEST

START_TEST(send_to_nobody)
{
    char byte = 'x';
    ssize_t n;

    establish();
    gn_fd_close(&pair[1]);
    n = gn_tls_send(server, &byte, 1, false, &(short){0});
    ck_assert_int_eq(n, -1);
    ck_assert_int_eq(errno, EPIPE);
}
END_TEST

START_TEST(end_says_close_notify)
{
    char got[10];

    establish();
    ck_assert_int_eq(gn_tls_send(server, "bye", 3, true, &(short){0}), 3);
    gn_tls_end(server);
    gn_tls_end(server);
    ck_assert_int_eq(shutdown(pair[0], SHUT_WR), 0);
    ck_assert_int_eq(SSL_read(client, got, sizeof(got)), 3);
    ck_assert_int_eq(SSL_read(client, got, sizeof(got)), 0);
    ck_assert_int_eq(SSL_get_shutdown(client), SSL_RECEIVED_SHUTDOWN);
}
END_TEST

/* A ticket of one session is good for the next one. */
START_TEST(tickets_resume)
{
    SSL_SESSION *session;
    char got[10];

    client_ctx = SSL_CTX_new(TLS_client_method());
    if (_i == 1)
        SSL_CTX_set_max_proto_version(client_ctx, TLS1_2_VERSION);
    establish();
    (void)SSL_read(client, got, sizeof(got)); /* tickets of 1.3 come after the handshake */
    session = SSL_get1_session(client);
    gn_tls_free(server);
    SSL_shutdown(client);
    SSL_free(client);
    gn_fd_close(&pair[0]);
    gn_fd_close(&pair[1]);
    connect_pair();
    ck_assert_int_eq(SSL_set_session(client, session), 1);
    ck_assert_int_eq(shake_hands(), GN_TLS_DONE);
    ck_assert_int_eq(SSL_session_reused(client), 1);
    SSL_SESSION_free(session);
}
END_TEST

/* ---- facts ---- */

static bool
collect(void *to, const char *name, struct gn_slice value)
{
    return gn_buf_printf(to, "%s=%.*s\n", name, GN_SLICE_ARG(value));
}

static bool
refuse(void *calls, const char *name, struct gn_slice value)
{
    (void)name;
    (void)value;
    ++*(int *)calls;
    return false;
}

START_TEST(facts_of_a_session)
{
    struct gn_buf facts = {0};
    int calls = 0;

    make_context();
    connect_pair();
    SSL_set_tlsext_host_name(client, "example.org");
    ck_assert_int_eq(shake_hands(), GN_TLS_DONE);
    ck_assert(gn_tls_facts(server, collect, &facts));
    ck_assert(gn_buf_append(&facts, "", 1));
    ck_assert_ptr_nonnull(strstr(facts.data, "SSL_PROTOCOL=TLSv1.3\n"));
    ck_assert_ptr_nonnull(strstr(facts.data, "SSL_CIPHER=TLS_"));
    ck_assert_ptr_nonnull(strstr(facts.data, "SSL_SESSION_RESUMED=Initial\n"));
    ck_assert_ptr_nonnull(strstr(facts.data, "SSL_TLS_SNI=example.org\n"));
    ck_assert_ptr_null(strstr(facts.data, "SSL_CLIENT"));
    gn_buf_fini(&facts);
    ck_assert(!gn_tls_facts(server, refuse, &calls));
    ck_assert_int_eq(calls, 1);
}
END_TEST

START_TEST(facts_of_a_client)
{
    static const char *const lines[] = {
        "SSL_CLIENT_VERIFY=SUCCESS\n",
        "SSL_CLIENT_S_DN=CN=somebody,O=Ex\xc3\xa4mple\n",
        "SSL_CLIENT_S_DN_CN=somebody\n",
        "SSL_CLIENT_I_DN=CN=somebody,O=Ex\xc3\xa4mple\n",
        "SSL_CLIENT_I_DN_CN=somebody\n",
        "SSL_CLIENT_M_SERIAL=1234\n",
        "SSL_CLIENT_SAN_DNS_0=one.example\n",
        "SSL_CLIENT_SAN_DNS_1=two.example\n",
        "SSL_CLIENT_SAN_Email_0=a@example.org\n",
        "SSL_CLIENT_SAN_URI_0=urn:x\n",
        "SSL_CLIENT_V_START=",
        "SSL_CLIENT_CERT=-----BEGIN CERTIFICATE-----\n",
    };
    struct gn_buf facts = {0};

    cfg.ca_certs = path_of("client.pem");
    cfg.cert_reqs = 2;
    client_ctx = SSL_CTX_new(TLS_client_method());
    ck_assert_int_eq(SSL_CTX_use_certificate_chain_file(client_ctx, path_of("client.pem")), 1);
    ck_assert_int_eq(
        SSL_CTX_use_PrivateKey_file(client_ctx, path_of("client_key.pem"), SSL_FILETYPE_PEM), 1);
    establish();
    ck_assert(gn_tls_facts(server, collect, &facts));
    ck_assert(gn_buf_append(&facts, "", 1));
    for (size_t i = 0; i < GN_ARRAY_LEN(lines); i++)
        ck_assert_msg(strstr(facts.data, lines[i]) != NULL, "%s in\n%s", lines[i], facts.data);
    gn_buf_fini(&facts);
}
END_TEST

/* Required, refused: whoever shows none, or one that nobody of ours has signed. */
START_TEST(client_is_refused)
{
    cfg.ca_certs = path_of("cert.pem");
    cfg.cert_reqs = 2;
    client_ctx = SSL_CTX_new(TLS_client_method());
    if (_i == 1) {
        SSL_CTX_use_certificate_chain_file(client_ctx, path_of("client.pem"));
        SSL_CTX_use_PrivateKey_file(client_ctx, path_of("client_key.pem"), SSL_FILETYPE_PEM);
    }
    make_context();
    connect_pair();
    ck_assert_int_eq(shake_hands(), GN_TLS_FAILED);
    ck_assert_msg(strstr(server->why, "certificate") != NULL, "%s", server->why);
}
END_TEST

START_TEST(client_is_optional)
{
    struct gn_buf facts = {0};

    cfg.ca_certs = path_of("cert.pem");
    cfg.cert_reqs = 1;
    establish();
    ck_assert(gn_tls_facts(server, collect, &facts));
    ck_assert(gn_buf_append(&facts, "", 1));
    ck_assert_ptr_nonnull(strstr(facts.data, "SSL_CLIENT_VERIFY=NONE\n"));
    ck_assert_ptr_null(strstr(facts.data, "SSL_CLIENT_S_DN"));
    gn_buf_fini(&facts);
}
END_TEST

START_TEST(facts_of_no_certificate)
{
    int calls = 0;

    ck_assert(gn_tls_cert_facts((const unsigned char *)"junk", 4, refuse, &calls));
    ck_assert_int_eq(calls, 0);
}
END_TEST

static bool
collect_entry(void *to, const char *part, const char *name, struct gn_slice value)
{
    return gn_buf_printf(to, "%s/%s=%.*s\n", part, name != NULL ? name : "", GN_SLICE_ARG(value));
}

static bool
refuse_entry(void *calls, const char *part, const char *name, struct gn_slice value)
{
    (void)part;
    (void)name;
    (void)value;
    ++*(int *)calls;
    return false;
}

START_TEST(entries_of_a_certificate)
{
    static const char *const lines[] = {
        "serialNumber/=1234\n",
        "subject/organizationName=Ex\xc3\xa4mple\nsubject/commonName=somebody\n",
        "issuer/commonName=somebody\n",
        "notBefore/=",
        " GMT\nnotAfter/=",
        "subjectAltName/DNS=one.example\nsubjectAltName/email=a@example.org\n",
        "subjectAltName/URI=urn:x\nsubjectAltName/IP Address=127.0.0.1\n",
    };
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = make_cert(key, "somebody");
    unsigned char *der = NULL;
    size_t n = (size_t)i2d_X509(cert, &der);
    struct gn_buf entries = {0};
    bool is_cert = false;
    int calls = 0;

    ck_assert(gn_tls_cert_walk(der, n, collect_entry, &entries, &is_cert) && is_cert);
    ck_assert(gn_buf_append(&entries, "", 1));
    for (size_t i = 0; i < GN_ARRAY_LEN(lines); i++)
        ck_assert_msg(strstr(entries.data, lines[i]) != NULL, "%s in\n%s", lines[i], entries.data);
    ck_assert(!gn_tls_cert_walk(der, n, refuse_entry, &calls, &is_cert));
    ck_assert_int_eq(calls, 1);
    ck_assert(gn_tls_cert_walk(der, n / 2, refuse_entry, &calls, &is_cert) && !is_cert);
    gn_buf_fini(&entries);
    OPENSSL_free(der);
    X509_free(cert);
    EVP_PKEY_free(key);
}
END_TEST

START_TEST(plain_text)
{
    ck_assert(gn_tls_is_plain_text('G') && gn_tls_is_plain_text('z'));
    ck_assert(!gn_tls_is_plain_text(0x16) && !gn_tls_is_plain_text(0x80));
    ck_assert(!gn_tls_is_plain_text('\r') && !gn_tls_is_plain_text(0));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("net tls");
    TCase *tc = tcase_create("tls");
    SRunner *runner;
    int failed;

    tcase_add_unchecked_fixture(tc, make_dir, remove_dir);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, context_refuses, 0, (int)GN_ARRAY_LEN(bad));
    tcase_add_test(tc, context_takes_a_locked_key);
    tcase_add_loop_test(tc, handshake_of_each_version, 0, 2);
    tcase_add_test(tc, handshake_too_old);
    tcase_add_test(tc, handshake_garbage);
    tcase_add_test(tc, handshake_cut_off);
    tcase_add_loop_test(tc, handshake_alpn, 0, 4);
    tcase_add_test(tc, recv_and_the_end);
    tcase_add_loop_test(tc, recv_ragged_end, 0, 2);
    tcase_add_test(tc, recv_broken_record);
    tcase_add_test(tc, send_with_back_pressure);
    tcase_add_test(tc, send_to_nobody);
    tcase_add_test(tc, end_says_close_notify);
    tcase_add_loop_test(tc, tickets_resume, 0, 2);
    tcase_add_test(tc, facts_of_a_session);
    tcase_add_test(tc, facts_of_a_client);
    tcase_add_loop_test(tc, client_is_refused, 0, 2);
    tcase_add_test(tc, client_is_optional);
    tcase_add_test(tc, facts_of_no_certificate);
    tcase_add_test(tc, entries_of_a_certificate);
    tcase_add_test(tc, plain_text);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
