/* What an application may know of a client's certificate. */
#include "net/tls.h"

#include <stdio.h>

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

/* Names with more entries are cut: the certificate as a whole is there too. */
enum { MAX_ALT_NAMES = 100 };

struct facts {
    const X509 *cert;
    gn_tls_fact_fn *emit;
    void *ctx;
    BIO *text; /* where values are printed */
};

/* Hands out what was printed, and makes room for the next. */
static bool
emit_printed(struct facts *f, const char *name)
{
    char *p;
    long n = BIO_get_mem_data(f->text, &p);
    bool ok = n < 0 || f->emit(f->ctx, name, gn_slice(p, (size_t)n));

    (void)BIO_reset(f->text);
    return ok;
}

/* As RFC 2253 writes it: "CN=client,O=Example"; characters beyond ASCII as UTF-8. */
static bool
emit_name(struct facts *f, const char *fact, const X509_NAME *name)
{
    if (X509_NAME_print_ex(f->text, name, 0,
                           (XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB)) < 0)
        (void)BIO_reset(f->text);
    return emit_printed(f, fact);
}

static bool
emit_common_name(struct facts *f, const char *fact, const X509_NAME *name)
{
    int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    unsigned char *utf8 = NULL;
    int n;
    bool ok = true;

    if (at < 0)
        return true;
    n = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    if (n >= 0)
        ok = f->emit(f->ctx, fact, gn_slice((const char *)utf8, (size_t)n));
    OPENSSL_free(utf8);
    return ok;
}

static bool
emit_serial(struct facts *f)
{
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(f->cert), NULL);
    char *text = number != NULL ? BN_bn2hex(number) : NULL;
    bool ok = text == NULL || f->emit(f->ctx, "SSL_CLIENT_M_SERIAL", gn_slice_str(text));

    OPENSSL_free(text);
    BN_free(number);
    return ok;
}

static bool
emit_time(struct facts *f, const char *fact, const ASN1_TIME *time)
{
    if (ASN1_TIME_print(f->text, time) != 1)
        (void)BIO_reset(f->text);
    return emit_printed(f, fact);
}

/* Alternative names of the kinds that identify somebody, numbered per kind. */
static bool
emit_alt_names(struct facts *f)
{
    static const struct {
        int type;
        const char *name;
    } kinds[] = {
        {GEN_EMAIL, "Email"},
        {GEN_DNS, "DNS"},
        {GEN_URI, "URI"},
    };
    GENERAL_NAMES *all = X509_get_ext_d2i(f->cert, NID_subject_alt_name, NULL, NULL);
    int count[GN_ARRAY_LEN(kinds)] = {0};
    bool ok = true;

    for (int i = 0; ok && i < sk_GENERAL_NAME_num(all) && i < MAX_ALT_NAMES; i++) {
        int type;
        const ASN1_STRING *value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(all, i), &type);
        char name[64];

        for (size_t k = 0; ok && k < GN_ARRAY_LEN(kinds); k++) {
            if (type != kinds[k].type)
                continue;
            snprintf(name, sizeof(name), "SSL_CLIENT_SAN_%s_%d", kinds[k].name, count[k]++);
            ok = f->emit(f->ctx, name,
                         gn_slice((const char *)ASN1_STRING_get0_data(value),
                                  (size_t)ASN1_STRING_length(value)));
        }
    }
    GENERAL_NAMES_free(all);
    return ok;
}

static bool
emit_pem(struct facts *f)
{
    if (PEM_write_bio_X509(f->text, (X509 *)f->cert) != 1)
        (void)BIO_reset(f->text);
    return emit_printed(f, "SSL_CLIENT_CERT");
}

static bool
emit_all(struct facts *f)
{
    const X509_NAME *subject = X509_get_subject_name(f->cert);
    const X509_NAME *issuer = X509_get_issuer_name(f->cert);

    return emit_name(f, "SSL_CLIENT_S_DN", subject) &&
           emit_common_name(f, "SSL_CLIENT_S_DN_CN", subject) &&
           emit_name(f, "SSL_CLIENT_I_DN", issuer) &&
           emit_common_name(f, "SSL_CLIENT_I_DN_CN", issuer) && emit_serial(f) &&
           emit_time(f, "SSL_CLIENT_V_START", X509_get0_notBefore(f->cert)) &&
           emit_time(f, "SSL_CLIENT_V_END", X509_get0_notAfter(f->cert)) && emit_alt_names(f) &&
           emit_pem(f);
}

bool
gn_tls_cert_facts(const unsigned char *der, size_t n, gn_tls_fact_fn *emit, void *ctx)
{
    X509 *cert = d2i_X509(NULL, &der, (long)n);
    struct facts f = {.cert = cert, .emit = emit, .ctx = ctx, .text = BIO_new(BIO_s_mem())};
    bool ok = cert == NULL || f.text == NULL || emit_all(&f);

    BIO_free(f.text);
    X509_free(cert);
    ERR_clear_error();
    return ok;
}

/* ---- entries, for a dict as Python's ssl module has it ---- */

struct walk {
    const X509 *cert;
    gn_tls_entry_fn *emit;
    void *ctx;
    BIO *text;
};

static bool
walk_printed(struct walk *w, const char *part, const char *name)
{
    char *p;
    long n = BIO_get_mem_data(w->text, &p);
    bool ok = w->emit(w->ctx, part, name, gn_slice(p, n > 0 ? (size_t)n : 0));

    (void)BIO_reset(w->text);
    return ok;
}

static bool
walk_name(struct walk *w, const char *part, const X509_NAME *name)
{
    bool ok = true;

    for (int i = 0; ok && i < X509_NAME_entry_count(name); i++) {
        const X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, i);
        unsigned char *utf8 = NULL;
        char kind[64];
        int n = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(entry));

        OBJ_obj2txt(kind, sizeof(kind), X509_NAME_ENTRY_get_object(entry), 0);
        if (n >= 0)
            ok = w->emit(w->ctx, part, kind, gn_slice((const char *)utf8, (size_t)n));
        OPENSSL_free(utf8);
    }
    return ok;
}

/* As GENERAL_NAME_print writes them: "DNS:one.example"; the word before the colon is the name. */
static bool
walk_alt_names(struct walk *w)
{
    static const char part[] = "subjectAltName";
    GENERAL_NAMES *all = X509_get_ext_d2i(w->cert, NID_subject_alt_name, NULL, NULL);
    bool ok = true;

    for (int i = 0; ok && i < sk_GENERAL_NAME_num(all) && i < MAX_ALT_NAMES; i++) {
        char kind[32];
        size_t colon, length;
        struct gn_slice line;
        char *p;
        long n;

        GENERAL_NAME_print(w->text, sk_GENERAL_NAME_value(all, i));
        n = BIO_get_mem_data(w->text, &p);
        line = gn_slice(p, n > 0 ? (size_t)n : 0);
        colon = gn_slice_find(line, ':');
        length = colon < sizeof(kind) - 1 ? colon : sizeof(kind) - 1;
        if (colon < line.n) {
            snprintf(kind, sizeof(kind), "%.*s", (int)length, line.p);
            ok = w->emit(w->ctx, part, kind, gn_slice(line.p + colon + 1, line.n - colon - 1));
        }
        (void)BIO_reset(w->text);
    }
    GENERAL_NAMES_free(all);
    return ok;
}

static bool
walk_time(struct walk *w, const char *part, const ASN1_TIME *time)
{
    ASN1_TIME_print(w->text, time);
    return walk_printed(w, part, NULL);
}

static bool
walk_all(struct walk *w)
{
    i2a_ASN1_INTEGER(w->text, X509_get0_serialNumber(w->cert));
    return walk_printed(w, "serialNumber", NULL) &&
           walk_name(w, "subject", X509_get_subject_name(w->cert)) &&
           walk_name(w, "issuer", X509_get_issuer_name(w->cert)) &&
           walk_time(w, "notBefore", X509_get0_notBefore(w->cert)) &&
           walk_time(w, "notAfter", X509_get0_notAfter(w->cert)) && walk_alt_names(w);
}

bool
gn_tls_cert_walk(const unsigned char *der, size_t n, gn_tls_entry_fn *emit, void *ctx,
                 bool *is_cert)
{
    X509 *cert = d2i_X509(NULL, &der, (long)n);
    struct walk w = {.cert = cert, .emit = emit, .ctx = ctx, .text = BIO_new(BIO_s_mem())};
    bool ok = cert == NULL || w.text == NULL || walk_all(&w);

    *is_cert = cert != NULL;
    BIO_free(w.text);
    X509_free(cert);
    ERR_clear_error();
    return ok;
}
