/* PROXY headers, whole and in pieces: the same result, and only addresses that read back.
 *
 * Input: a byte that chooses the versions (bits 0 and 1), then the first bytes of a connection.
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/proxyproto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
expect(bool ok)
{
    if (!ok)
        abort();
}

/* A copy of its own, so that reading over the end is seen. */
static enum gn_proxy_result
parse(enum gn_proxy_versions versions, const uint8_t *data, size_t n, struct gn_proxy *p,
      struct gn_http_error *error)
{
    char *copy = malloc(n > 0 ? n : 1);
    enum gn_proxy_result result;

    expect(copy != NULL);
    if (n > 0)
        memcpy(copy, data, n);
    result = gn_proxy_parse(versions, copy, n, p, error);
    free(copy);
    return result;
}

static void
check_end(const struct gn_proxy *p, const struct gn_proxy_end *end)
{
    unsigned char octets[16];

    expect(memchr(end->text, '\0', sizeof(end->text)) != NULL);
    expect(inet_pton(p->family, end->text, octets) == 1);
}

static void
check_done(const struct gn_proxy *p, const uint8_t *data, size_t n)
{
    expect(p->bytes <= n);
    if (p->version == 1)
        expect(p->bytes <= GN_PROXY_V1_MAX_BYTES && data[p->bytes - 2] == '\r' &&
               data[p->bytes - 1] == '\n' && memchr(data, '\n', p->bytes - 1) == NULL);
    else
        expect(p->version == 2 && p->bytes >= 16 && p->bytes <= GN_PROXY_V2_MAX_BYTES);
    if (p->has_addresses) {
        check_end(p, &p->source);
        check_end(p, &p->destination);
    } else {
        expect(p->family == AF_UNSPEC);
    }
}

static void
check_message(const struct gn_http_error *e)
{
    expect(e->id == GN_HTTP_E_INVALID_PROXY_LINE || e->id == GN_HTTP_E_INVALID_PROXY_HEADER);
    expect(e->message[0] != '\0');
    for (const char *p = e->message; *p != '\0'; p++)
        expect(*p >= 0x20 && *p < 0x7f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum gn_proxy_result whole, split = GN_PROXY_MORE;
    struct gn_http_error error, split_error;
    struct gn_proxy a, b;
    enum gn_proxy_versions versions;

    if (size == 0)
        return 0;
    versions = (enum gn_proxy_versions)(data[0] & 3);
    data++;
    size--;
    whole = parse(versions, data, size, &a, &error);
    for (size_t n = 0; n <= size && split == GN_PROXY_MORE; n++)
        split = parse(versions, data, n, &b, &split_error);
    expect(whole == split && a.version == b.version);
    if (whole == GN_PROXY_DONE) {
        expect(memcmp(&a, &b, sizeof(a)) == 0);
        check_done(&a, data, size);
    }
    if (whole == GN_PROXY_BAD) {
        check_message(&error);
        expect(error.id == split_error.id && strcmp(error.message, split_error.message) == 0);
    }
    return 0;
}
