/* Between tls_ctx.c (a context from the settings) and tls_openssl.c (sessions of it). */
#ifndef GN_NET_TLS_INT_H
#define GN_NET_TLS_INT_H

#include <openssl/ssl.h>

#include "net/tls.h"

struct gn_tls_openssl_ctx {
    struct gn_tls_ctx front; /* first */
    SSL_CTX *ssl;
    BIO_METHOD *wire;   /* the socket, with MSG_NOSIGNAL and MSG_MORE */
    bool asks_for_cert; /* cert_reqs is not 0 */
    bool has_ktls;      /* the kernel offers it */
};

extern const struct gn_tls_ops gn_tls_openssl_ops;

/* The methods of the socket's BIO; NULL without memory. */
BIO_METHOD *gn_tls_wire_new(void);

/* The reason of the oldest error in OpenSSL's queue, which is emptied. Static text. */
const char *gn_tls_reason(const char *otherwise);

#endif
