/* Connections with several requests, whole and in pieces: the same events.
 *
 * Input: a byte of switches, a byte with the number of pieces, 2 bytes per cut, a byte with the
 * limit of the bodies (0: none), then the bytes of the connection.
 */
#include "stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_CUTS = 8, MAX_SINGLE_BYTES = 512 };

static void
make_limits(unsigned switches, struct gn_http_limits *l)
{
    *l = (struct gn_http_limits){.request_line = 4094, .fields = 100, .field_size = 8190};
    l->permit_obsolete_folding = (switches & 1) != 0;
    l->strip_header_spaces = (switches & 2) != 0;
    l->permit_unconventional_method = (switches & 4) != 0;
    l->permit_unconventional_version = (switches & 8) != 0;
    l->casefold_method = (switches & 16) != 0;
    l->permit_missing_host = (switches & 32) != 0;
    if (switches & 64) {
        l->request_line = 40;
        l->fields = 3;
        l->field_size = 30;
    }
    if (switches & 128)
        l->request_line = l->field_size = 0;
}

static int
by_offset(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;

    return (x > y) - (x < y);
}

static void
must_be_same(struct gn_buf *a, struct gn_buf *b)
{
    stream_must(gn_slice_eq(gn_buf_slice(a), gn_buf_slice(b)));
    gn_buf_clear(b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t ends[MAX_SINGLE_BYTES + 1];
    struct gn_buf whole = {0}, other = {0};
    struct gn_http_limits limits;
    struct gn_slice bytes;
    uint64_t max_body;
    size_t n;

    if (size < 3 + 2 * MAX_CUTS)
        return 0;
    make_limits(data[0], &limits);
    n = data[1] % (MAX_CUTS + 1);
    max_body = data[2] > 0 ? data[2] : UINT64_MAX;
    bytes = gn_slice((const char *)data + 3 + 2 * MAX_CUTS, size - 3 - 2 * MAX_CUTS);
    for (size_t i = 0; i < n; i++)
        ends[i] = (size_t)(data[3 + 2 * i] << 8 | data[4 + 2 * i]) % (bytes.n + 1);
    qsort(ends, n, sizeof(*ends), by_offset);
    ends[n++] = bytes.n;

    stream_run(&limits, max_body, bytes, &bytes.n, 1, &whole);
    stream_run(&limits, max_body, bytes, ends, n, &other);
    must_be_same(&whole, &other);
    if (bytes.n <= MAX_SINGLE_BYTES) {
        for (size_t i = 0; i < bytes.n; i++)
            ends[i] = i + 1;
        stream_run(&limits, max_body, bytes, ends, bytes.n, &other);
        must_be_same(&whole, &other);
    }
    gn_buf_fini(&whole);
    gn_buf_fini(&other);
    return 0;
}
