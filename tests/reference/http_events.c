/* Prints what the request parser makes of inputs: the C side of test_differential.py.
 *
 * Standard input is a sequence of records: the length of the rest as 4 bytes, a byte of switches, a
 * byte with the size of the pieces (0: all at once), 2 bytes each for request_line, fields and
 * field_size, 8 bytes for the largest body (0: unlimited), then the bytes of a connection. Numbers
 * are big endian. Standard output has one line of JSON per record, see tests/fuzz/stream.h.
 */
#include <stdio.h>

#include "../fuzz/stream.h"

enum { OPTION_BYTES = 16, MAX_INPUT_BYTES = 1 << 24 };

static uint64_t
number(const unsigned char *p, size_t n)
{
    uint64_t value = 0;

    while (n-- > 0)
        value = value << 8 | *p++;
    return value;
}

static void
run_pieces(const struct gn_http_limits *limits, uint64_t max_body, struct gn_slice data,
           size_t step, struct gn_buf *out)
{
    size_t n_ends = 0;
    size_t *ends;

    if (step == 0)
        step = data.n > 0 ? data.n : 1;
    ends = calloc(data.n / step + 1, sizeof(*ends));
    stream_must(ends != NULL);
    for (size_t end = step; end < data.n; end += step)
        ends[n_ends++] = end;
    ends[n_ends++] = data.n;
    stream_run(limits, max_body, data, ends, n_ends, out);
    free(ends);
}

static bool
run_record(const unsigned char *p, size_t n)
{
    const struct gn_http_limits limits = {
        .request_line = (size_t)number(p + 2, 2),
        .fields = (size_t)number(p + 4, 2),
        .field_size = (size_t)number(p + 6, 2),
        .permit_obsolete_folding = (p[0] & 1) != 0,
        .strip_header_spaces = (p[0] & 2) != 0,
        .permit_unconventional_method = (p[0] & 4) != 0,
        .permit_unconventional_version = (p[0] & 8) != 0,
        .casefold_method = (p[0] & 16) != 0,
        .permit_missing_host = (p[0] & 32) != 0,
    };
    uint64_t max_body = number(p + 8, 8);
    struct gn_slice data = gn_slice((const char *)p + OPTION_BYTES, n - OPTION_BYTES);
    struct gn_buf out = {0};
    bool ok;

    run_pieces(&limits, max_body > 0 ? max_body : UINT64_MAX, data, p[1], &out);
    ok = fwrite(gn_buf_head(&out), 1, gn_buf_len(&out), stdout) == gn_buf_len(&out);
    gn_buf_fini(&out);
    return ok;
}

int
main(void)
{
    unsigned char length[4];

    while (fread(length, 1, sizeof(length), stdin) == sizeof(length)) {
        size_t n = (size_t)number(length, sizeof(length));
        unsigned char *record;
        bool ok;

        if (n < OPTION_BYTES || n > MAX_INPUT_BYTES)
            return 2;
        record = malloc(n);
        ok = record != NULL && fread(record, 1, n, stdin) == n && run_record(record, n);
        free(record);
        if (!ok)
            return 2;
    }
    return fflush(stdout) == 0 && !ferror(stdin) ? 0 : 2;
}
