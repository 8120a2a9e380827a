#include "config/facts.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "base/fd.h"

/* Whether TLS could be offered with what the settings name. All goes through a context as the
 * server makes it, so that the system's policy (least sizes of keys, openssl.cnf) counts. Nothing
 * of OpenSSL is touched unless one of the settings is there. */

enum { SOON_DAYS = 14, MAX_PASSWORD_BYTES = 4096 };

struct tls {
    struct gn_facts *f;
    SSL_CTX *ctx;
    const struct gn_candidate *cert, *key, *ca, *password; /* NULL when not set */
    const char *cert_path, *key_path, *ca_path;            /* NULL when it can't be read */
    char *secret;
    bool asked; /* OpenSSL wanted a password */
};

/* The reason that OpenSSL gives; clears its list. The last entry may name a library only. */
static const char *
reason(void)
{
    unsigned long code =
        ERR_COMMON_ERROR(ERR_peek_last_error()) ? ERR_peek_error() : ERR_peek_last_error();
    const char *text = ERR_reason_error_string(code);

    if (ERR_SYSTEM_ERROR(code))
        text = strerror(ERR_GET_REASON(code));
    ERR_clear_error();
    return text != NULL ? text : "unknown error";
}

static struct gn_diag *complain(struct tls *t, const struct gn_candidate *c, enum gn_diag_code code,
                                const char *fmt, ...) GN_PRINTF(4, 5);

static struct gn_diag *
complain(struct tls *t, const struct gn_candidate *c, enum gn_diag_code code, const char *fmt, ...)
{
    const char *text;
    va_list ap;

    va_start(ap, fmt);
    text = gn_arena_vprintf(&t->f->b->arena, fmt, ap);
    va_end(ap);
    return gn_diag_add(t->f->b->diags, code, &c->origin, c->setting, "%s",
                       text != NULL ? text : "no memory");
}

static void
hint(struct tls *t, struct gn_diag *diag, const char *text)
{
    gn_diag_hint(t->f->b->diags, diag, "%s", text);
}

/* The setting when somebody has set it; its file in *path when that can be read (else the looks
 * tell). */
static const struct gn_candidate *
file_setting(struct tls *t, const char *name, const char **path)
{
    const struct gn_setting *s = gn_setting_find(gn_slice_str(name));
    const struct gn_candidate *c = s != NULL ? gn_fact_winner(t->f->b, s->id) : NULL;
    const char *text = c != NULL ? gn_fact_text(t->f, c->value) : NULL;
    const char *whole = gn_fact_path(t->f, text);
    struct stat st = {0};
    int fd;

    *path = NULL;
    if (whole == NULL)
        return NULL;
    /* The master makes the context, workers inherit it. */
    gn_look_master(t->f, c, GN_LOOK_READ, whole);
    /* As the server reads it: nobody waits for the writer of a FIFO. */
    fd = open(whole, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return c;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        *path = whole;
    else if (!S_ISDIR(st.st_mode)) /* the value says so of a directory */
        complain(t, c, GN_D_NO_FILE, "%s is no regular file", whole);
    gn_fd_close(&fd);
    return c;
}

/* ---- certificate ---- */

static const char *
when(struct tls *t, const ASN1_TIME *time)
{
    BIO *bio = BIO_new(BIO_s_mem());
    const char *text = NULL;
    char *p;
    long n;

    if (bio != NULL && ASN1_TIME_print(bio, time) == 1) {
        n = BIO_get_mem_data(bio, &p);
        text = gn_arena_strndup(&t->f->b->arena, p, (size_t)n);
    }
    BIO_free(bio);
    return text != NULL ? text : "?";
}

static const char *
subject(struct tls *t, const X509 *cert)
{
    BIO *bio = BIO_new(BIO_s_mem());
    const char *text = NULL;
    char *p;
    long n;

    if (bio != NULL &&
        X509_NAME_print_ex(bio, X509_get_subject_name(cert), 0, XN_FLAG_ONELINE) >= 0) {
        n = BIO_get_mem_data(bio, &p);
        text = gn_arena_strndup(&t->f->b->arena, p, (size_t)n);
    }
    BIO_free(bio);
    return text != NULL && text[0] != '\0' ? text : "(no subject)";
}

/* Clients refuse it outside of its time. */
static void
check_time(struct tls *t, const X509 *cert, bool is_own)
{
    enum gn_diag_code wrong = is_own ? GN_D_CERT_TIME : GN_D_CERT_SOON;
    const ASN1_TIME *from = X509_get0_notBefore(cert), *to = X509_get0_notAfter(cert);
    const char *which = is_own ? "the certificate" : "a certificate of the chain";
    int days = 0, seconds = 0;

    if (X509_cmp_current_time(from) > 0)
        complain(t, t->cert, wrong, "%s of %s is not valid before %s", which, subject(t, cert),
                 when(t, from));
    if (X509_cmp_current_time(to) < 0)
        complain(t, t->cert, wrong, "%s of %s has expired at %s", which, subject(t, cert),
                 when(t, to));
    else if (ASN1_TIME_diff(&days, &seconds, NULL, to) == 1 && days < SOON_DAYS)
        complain(t, t->cert, GN_D_CERT_SOON, "%s of %s expires at %s, in %d days", which,
                 subject(t, cert), when(t, to), days);
}

static void
check_times(struct tls *t)
{
    STACK_OF(X509) *chain = NULL;

    check_time(t, SSL_CTX_get0_certificate(t->ctx), true);
    SSL_CTX_get0_chain_certs(t->ctx, &chain);
    for (int i = 0; chain != NULL && i < sk_X509_num(chain); i++)
        check_time(t, sk_X509_value(chain, i), false);
}

/* ---- key ---- */

/* The first line of the file, without its end. */
static char *
read_secret(const char *path)
{
    size_t n;
    char *text = gn_fd_read_file(path, MAX_PASSWORD_BYTES, &n);

    if (text != NULL)
        text[strcspn(text, "\r\n")] = '\0';
    return text;
}

/* OpenSSL would ask on the terminal otherwise. */
static int
give_secret(char *out, int size, int writes, void *ctx)
{
    struct tls *t = ctx;
    size_t n = t->secret != NULL ? strlen(t->secret) : 0;

    (void)writes;
    t->asked = true;
    if (n == 0 || n > (size_t)size)
        return -1;
    memcpy(out, t->secret, n);
    return (int)n;
}

static void
check_key(struct tls *t)
{
    const struct gn_candidate *c = t->key != NULL ? t->key : t->cert;
    const char *path = t->key != NULL ? t->key_path : t->cert_path;
    struct gn_diag *diag;
    unsigned long code;

    if (path == NULL)
        return;
    if (SSL_CTX_use_PrivateKey_file(t->ctx, path, SSL_FILETYPE_PEM) == 1 &&
        SSL_CTX_check_private_key(t->ctx) == 1) {
        ERR_clear_error();
        return;
    }
    code = ERR_peek_last_error();
    if (t->asked && t->secret == NULL && t->password != NULL) {
        /* The file with the password can't be read, which was reported. */
    } else if (t->asked && t->secret == NULL) {
        diag = complain(t, c, GN_D_BAD_KEY, "the key in %s is encrypted", path);
        hint(t, diag, "name the file with its password by keyfile_password_file");
    } else if (t->asked) {
        complain(t, t->password != NULL ? t->password : c, GN_D_BAD_KEY,
                 "the password does not open the key in %s", path);
    } else if ((ERR_GET_LIB(code) == ERR_LIB_SSL &&
                ERR_GET_REASON(code) == SSL_R_NO_CERTIFICATE_ASSIGNED) ||
               (ERR_GET_LIB(code) == ERR_LIB_X509 &&
                (ERR_GET_REASON(code) == X509_R_KEY_VALUES_MISMATCH ||
                 ERR_GET_REASON(code) == X509_R_KEY_TYPE_MISMATCH))) {
        /* A key of another kind finds no certificate of its kind. */
        diag =
            complain(t, c, GN_D_BAD_KEY, "the key in %s does not belong to the certificate", path);
        hint(t, diag, "`openssl x509 -noout -pubkey` and `openssl pkey -pubout` show both");
    } else if (t->key == NULL) {
        diag = complain(t, c, GN_D_BAD_KEY, "no private key in %s: %s", path, reason());
        hint(t, diag, "name the file with the key by keyfile");
    } else {
        complain(t, c, GN_D_BAD_KEY, "no usable private key in %s: %s", path, reason());
    }
    ERR_clear_error();
}

static void
check_pair(struct tls *t)
{
    if (t->cert_path == NULL)
        return;
    if (SSL_CTX_use_certificate_chain_file(t->ctx, t->cert_path) != 1) {
        complain(t, t->cert, GN_D_BAD_CERT, "no usable certificate in %s: %s", t->cert_path,
                 reason());
        return;
    }
    check_times(t);
    check_key(t);
}

/* ---- the rest ---- */

static void
check_ca(struct tls *t)
{
    if (t->ca_path != NULL && SSL_CTX_load_verify_locations(t->ctx, t->ca_path, NULL) != 1)
        complain(t, t->ca, GN_D_BAD_CERT, "no certificates of authorities in %s: %s", t->ca_path,
                 reason());
    ERR_clear_error();
}

/* OpenSSL drops names that it doesn't know and complains only when nothing is left. */
static void
check_ciphers(struct tls *t)
{
    const struct gn_candidate *c = gn_fact_winner(t->f->b, GN_S_CIPHERS);
    const char *text = c != NULL ? gn_fact_text(t->f, c->value) : NULL;
    struct gn_diag *diag;

    if (text == NULL || SSL_CTX_set_cipher_list(t->ctx, text) == 1)
        return;
    diag = complain(t, c, GN_D_BAD_CIPHERS, "no cipher is left of %s: %s",
                    gn_value_text(&t->f->b->arena, c->value, true), reason());
    hint(t, diag, "`openssl ciphers -v LIST` shows what a list means");
}

void
gn_facts_tls(struct gn_facts *f)
{
    struct tls t = {.f = f};
    const char *password_path;
    const struct gn_candidate *ciphers = gn_fact_winner(f->b, GN_S_CIPHERS);

    t.cert = file_setting(&t, "certfile", &t.cert_path);
    t.key = file_setting(&t, "keyfile", &t.key_path);
    t.ca = file_setting(&t, "ca_certs", &t.ca_path);
    t.password = file_setting(&t, "keyfile_password_file", &password_path);
    if (t.cert == NULL && t.ca == NULL &&
        (ciphers == NULL || ciphers->origin.layer == GN_LAYER_DEFAULT))
        return;
    t.ctx = SSL_CTX_new(TLS_server_method());
    if (t.ctx == NULL) {
        gn_diag_add(f->b->diags, GN_D_BAD_CERT, NULL, NULL, "TLS can't be used here: %s", reason());
        return;
    }
    t.secret = password_path != NULL ? read_secret(password_path) : NULL;
    SSL_CTX_set_default_passwd_cb(t.ctx, give_secret);
    SSL_CTX_set_default_passwd_cb_userdata(t.ctx, &t);
    check_pair(&t);
    check_ca(&t);
    check_ciphers(&t);
    SSL_CTX_free(t.ctx);
    if (t.secret != NULL)
        OPENSSL_cleanse(t.secret, strlen(t.secret));
    free(t.secret);
}
