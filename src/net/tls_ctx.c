/* The OpenSSL context that follows from the settings. */
#include "net/tls_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/fd.h"

enum { PASSWORD_FILE_BYTES = 4096, MAX_PEM_BYTES = 16 << 20 };

/* What the steps share. */
struct plan {
    const struct gn_cfg *cfg;
    struct gn_tls_openssl_ctx *ctx;
    bool may_sendfile;
    enum gn_setting_id *at;
    struct gn_err *err;
};

static bool
blame(struct plan *p, enum gn_setting_id id)
{
    *p->at = id;
    return false;
}

const char *
gn_tls_reason(const char *otherwise)
{
    const char *text = ERR_reason_error_string(ERR_peek_error());

    ERR_clear_error();
    return text != NULL ? text : otherwise;
}

/* ---- certificate and key ---- */

/* OpenSSL says little about files: what the system says comes first. */
static bool
can_read(struct plan *p, enum gn_setting_id id, const char *path)
{
    size_t n;
    char *text = gn_fd_read_file(path, MAX_PEM_BYTES, &n);

    if (text == NULL) {
        gn_err_set(p->err, GN_E_IO, errno, "can't read '%s'", path);
        return blame(p, id);
    }
    OPENSSL_cleanse(text, n);
    free(text);
    return true;
}

static bool
use_certificate(struct plan *p)
{
    const char *path = p->cfg->certfile;

    if (path == NULL) {
        gn_err_set(p->err, GN_E_VALUE, 0, "has no effect without certfile");
        return blame(p, GN_S_KEYFILE);
    }
    if (!can_read(p, GN_S_CERTFILE, path))
        return false;
    if (SSL_CTX_use_certificate_chain_file(p->ctx->ssl, path) == 1)
        return true;
    gn_err_set(p->err, GN_E_VALUE, 0, "no usable certificate in '%s': %s", path,
               gn_tls_reason("unknown reason"));
    return blame(p, GN_S_CERTFILE);
}

/* The first line of the file, wiped and freed by the caller. */
static char *
read_password(struct plan *p, const char *path, size_t *size)
{
    char *text = gn_fd_read_file(path, PASSWORD_FILE_BYTES, size);

    if (text == NULL) {
        gn_err_set(p->err, GN_E_IO, errno, "can't read '%s'", path);
        blame(p, GN_S_KEYFILE_PASSWORD_FILE);
        return NULL;
    }
    text[strcspn(text, "\r\n")] = '\0';
    return text;
}

struct password {
    char *text; /* or NULL */
    bool was_asked;
};

/* Called for an encrypted key only. Without a password it must fail: nobody may be asked. */
static int
give_password(char *buf, int size, int is_writing, void *ctx)
{
    struct password *password = ctx;
    size_t n;

    (void)is_writing;
    if (password == NULL)
        return -1;
    password->was_asked = true;
    n = password->text != NULL ? strlen(password->text) : 0;
    if (n == 0 || n > (size_t)size)
        return -1;
    memcpy(buf, password->text, n);
    return (int)n;
}

static bool
blame_key(struct plan *p, const char *path, const struct password *password)
{
    unsigned long code = ERR_peek_last_error();

    if (ERR_GET_LIB(code) == ERR_LIB_X509 && ERR_GET_REASON(code) == X509_R_KEY_VALUES_MISMATCH)
        gn_err_set(p->err, GN_E_VALUE, 0,
                   "the key in '%s' does not belong to the certificate in '%s'", path,
                   p->cfg->certfile);
    else if (password->was_asked && password->text == NULL)
        gn_err_set(p->err, GN_E_VALUE, 0, "the key in '%s' is encrypted: set keyfile_password_file",
                   path);
    else if (password->was_asked)
        gn_err_set(p->err, GN_E_VALUE, 0,
                   "the key in '%s' can't be decrypted with the password in '%s'", path,
                   p->cfg->keyfile_password_file);
    else
        gn_err_set(p->err, GN_E_VALUE, 0, "no usable private key in '%s': %s", path,
                   gn_tls_reason("unknown reason"));
    ERR_clear_error();
    return blame(p, p->cfg->keyfile != NULL ? GN_S_KEYFILE : GN_S_CERTFILE);
}

static bool
use_key(struct plan *p)
{
    const struct gn_cfg *cfg = p->cfg;
    const char *path = cfg->keyfile != NULL ? cfg->keyfile : cfg->certfile;
    struct password password = {NULL, false};
    size_t size = 0;
    bool ok;

    if (cfg->keyfile != NULL && !can_read(p, GN_S_KEYFILE, path))
        return false;
    if (cfg->keyfile_password_file != NULL) {
        password.text = read_password(p, cfg->keyfile_password_file, &size);
        if (password.text == NULL)
            return false;
    }
    SSL_CTX_set_default_passwd_cb(p->ctx->ssl, give_password);
    SSL_CTX_set_default_passwd_cb_userdata(p->ctx->ssl, &password);
    ok = SSL_CTX_use_PrivateKey_file(p->ctx->ssl, path, SSL_FILETYPE_PEM) == 1 &&
         SSL_CTX_check_private_key(p->ctx->ssl) == 1;
    SSL_CTX_set_default_passwd_cb_userdata(p->ctx->ssl, NULL);
    if (!ok)
        blame_key(p, path, &password);
    if (password.text != NULL)
        OPENSSL_cleanse(password.text, size);
    free(password.text);
    return ok;
}

/* ---- clients, ciphers, protocols ---- */

static bool
use_authorities(struct plan *p)
{
    const char *path = p->cfg->ca_certs;
    STACK_OF(X509_NAME) * names;

    if (path == NULL)
        return true;
    if (!can_read(p, GN_S_CA_CERTS, path))
        return false;
    if (SSL_CTX_load_verify_locations(p->ctx->ssl, path, NULL) != 1) {
        gn_err_set(p->err, GN_E_VALUE, 0, "no usable certificate in '%s': %s", path,
                   gn_tls_reason("unknown reason"));
        return blame(p, GN_S_CA_CERTS);
    }
    /* Clients choose among their certificates by these names. */
    names = SSL_load_client_CA_file(path);
    if (names != NULL)
        SSL_CTX_set_client_CA_list(p->ctx->ssl, names);
    ERR_clear_error();
    return true;
}

/* The numbers are those of Python's ssl.VerifyMode. */
static bool
use_cert_reqs(struct plan *p)
{
    static const int modes[] = {SSL_VERIFY_NONE, SSL_VERIFY_PEER,
                                SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT};
    int64_t reqs = p->cfg->cert_reqs;

    if (reqs < 0 || reqs >= (int64_t)GN_ARRAY_LEN(modes)) {
        gn_err_set(p->err, GN_E_VALUE, 0, "%lld is not 0, 1 or 2", (long long)reqs);
        return blame(p, GN_S_CERT_REQS);
    }
    if (reqs == 2 && p->cfg->ca_certs == NULL) {
        gn_err_set(p->err, GN_E_VALUE, 0,
                   "client certificates are required, but ca_certs names nobody who signs them");
        return blame(p, GN_S_CERT_REQS);
    }
    SSL_CTX_set_verify(p->ctx->ssl, modes[reqs], NULL);
    p->ctx->asks_for_cert = reqs != 0;
    return true;
}

static bool
use_ciphers(struct plan *p)
{
    const char *ciphers = p->cfg->ciphers;

    if (ciphers == NULL || SSL_CTX_set_cipher_list(p->ctx->ssl, ciphers) == 1)
        return true;
    gn_err_set(p->err, GN_E_VALUE, 0, "no cipher can be used from '%s': %s", ciphers,
               gn_tls_reason("unknown reason"));
    return blame(p, GN_S_CIPHERS);
}

/* A client that offers protocols and not ours is refused (RFC 7301 3.2): it must not take what we
 * say for something else. */
static int
choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_n, const unsigned char *in,
                unsigned in_n, void *arg)
{
    static const unsigned char ours[] = "\x08http/1.1\x08http/1.0";
    unsigned char *chosen;

    (void)ssl;
    (void)arg;
    if (SSL_select_next_proto(&chosen, out_n, ours, sizeof(ours) - 1, in, in_n) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/* Versions below 1.2 are never spoken; an administrator may have asked for more by openssl.cnf,
 * which the context has taken over already. */
static bool
use_protocols(struct plan *p)
{
    SSL_CTX *ssl = p->ctx->ssl;
    long lowest = SSL_CTX_get_min_proto_version(ssl);

    if ((lowest == 0 || lowest < TLS1_2_VERSION) &&
        SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) != 1) {
        gn_err_set(p->err, GN_E_VALUE, 0, "TLS 1.2 can't be used: %s",
                   gn_tls_reason("unknown reason"));
        return blame(p, GN_S_CERTFILE);
    }
    SSL_CTX_set_alpn_select_cb(ssl, choose_protocol, NULL);
    return true;
}

/* Tickets carry the whole session: nothing is kept here, and any worker can go on with it. */
static bool
use_tickets(struct plan *p)
{
    static const unsigned char context[] = "gunicorn";

    SSL_CTX_set_session_cache_mode(p->ctx->ssl, SSL_SESS_CACHE_OFF);
    return SSL_CTX_set_session_id_context(p->ctx->ssl, context, sizeof(context) - 1) == 1;
}

static bool
kernel_has_tls(void)
{
    size_t n;
    char *names = gn_fd_read_file("/proc/sys/net/ipv4/tcp_available_ulp", 4096, &n);
    bool has = names != NULL && strstr(names, "tls") != NULL;

    free(names);
    return has;
}

static void
use_options(struct plan *p)
{
    uint64_t options = SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                       SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA;

    if (p->cfg->suppress_ragged_eofs)
        options |= SSL_OP_IGNORE_UNEXPECTED_EOF;
    p->ctx->has_ktls = p->may_sendfile && kernel_has_tls();
    if (p->ctx->has_ktls)
        options |= SSL_OP_ENABLE_KTLS;
    SSL_CTX_set_options(p->ctx->ssl, options);
    SSL_CTX_set_mode(p->ctx->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(p->ctx->ssl, 1);
    SSL_CTX_set_dh_auto(p->ctx->ssl, 1);
}

struct gn_tls_ctx *
gn_tls_ctx_new(const struct gn_cfg *cfg, bool may_sendfile, enum gn_setting_id *at,
               struct gn_err *err)
{
    struct gn_tls_openssl_ctx *ctx = calloc(1, sizeof(*ctx));
    struct plan p = {.cfg = cfg, .ctx = ctx, .may_sendfile = may_sendfile, .at = at, .err = err};

    *at = GN_S_CERTFILE;
    if (ctx == NULL) {
        gn_err_set(err, GN_E_MEMORY, 0, "no memory");
        return NULL;
    }
    ctx->front.ops = &gn_tls_openssl_ops;
    ERR_clear_error();
    ctx->ssl = SSL_CTX_new(TLS_server_method());
    ctx->wire = gn_tls_wire_new();
    if (ctx->ssl == NULL || ctx->wire == NULL || !use_tickets(&p)) {
        gn_err_set(err, GN_E_VALUE, 0, "TLS can't be set up: %s", gn_tls_reason("no memory"));
    } else if (use_protocols(&p) && use_ciphers(&p) && use_certificate(&p) && use_key(&p) &&
               use_authorities(&p) && use_cert_reqs(&p)) {
        use_options(&p);
        return &ctx->front;
    }
    gn_tls_ctx_free(&ctx->front);
    return NULL;
}
