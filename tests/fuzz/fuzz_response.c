/* Responses of hostile applications: what is sent is one response, with the body that was meant.
 *
 * Input: a byte of switches (HTTP/1.1, HEAD, keep-alive), the status, a byte with the number of
 * fields, names and values, then pieces of the body. Each text is a byte with its length, then the
 * text.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/body.h"
#include "http/chars.h"
#include "http/response.h"
#include "worker/conn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The lines of the head, read again. */
struct head {
    int code;
    size_t server, date, connection, length, coding; /* how often they are there */
    uint64_t content_length;
    struct gn_slice persistence;
};

static void
expect(bool ok)
{
    if (!ok)
        abort();
}

static struct gn_slice
take_text(struct gn_slice *in)
{
    size_t n = in->n > 0 ? (unsigned char)in->p[0] : 0;
    struct gn_slice text;

    if (in->n == 0)
        return *in;
    if (n > in->n - 1)
        n = in->n - 1;
    text = gn_slice(in->p + 1, n);
    *in = gn_slice(in->p + 1 + n, in->n - 1 - n);
    return text;
}

static void
read_field(struct head *h, struct gn_slice line)
{
    struct gn_slice value = line;
    struct gn_slice name = gn_slice_cut(&value, ':');

    expect(gn_http_all(name, GN_CH_TOKEN) && value.p != NULL && value.n > 0 && value.p[0] == ' ');
    value = gn_slice_trim(value, " \t");
    h->server += gn_slice_eq_nocase(name, GN_SLICE("server"));
    h->date += gn_slice_eq_nocase(name, GN_SLICE("date"));
    if (gn_slice_eq_nocase(name, GN_SLICE("connection"))) {
        h->connection++;
        h->persistence = value;
    }
    if (gn_slice_eq_nocase(name, GN_SLICE("content-length"))) {
        h->length++;
        for (size_t i = 0; i < value.n; i++) {
            expect(value.p[i] >= '0' && value.p[i] <= '9');
            h->content_length = h->content_length * 10 + (uint64_t)(value.p[i] - '0');
        }
        expect(value.n > 0 && h->content_length <= INT64_MAX);
    }
    if (gn_slice_eq_nocase(name, GN_SLICE("transfer-encoding"))) {
        h->coding++;
        expect(gn_slice_eq_str(value, "chunked"));
    }
}

/* Every line ends by CRLF and has no other control character but HTAB. */
static void
read_head(struct gn_slice *in, int minor, struct head *h)
{
    struct gn_slice line;

    memset(h, 0, sizeof(*h));
    for (size_t number = 0;; number++) {
        line = gn_slice(in->p, gn_slice_find(*in, '\r'));
        expect(line.n + 1 < in->n && in->p[line.n + 1] == '\n');
        *in = gn_slice(in->p + line.n + 2, in->n - line.n - 2);
        expect(gn_http_scan_text(line.p, line.p + line.n) == line.p + line.n);
        if (number == 0) {
            expect(line.n >= 13 && line.p[12] == ' ' && line.p[7] == '0' + minor);
            expect(gn_slice_starts(line, GN_SLICE("HTTP/1.")) && line.p[8] == ' ');
            h->code = (line.p[9] - '0') * 100 + (line.p[10] - '0') * 10 + (line.p[11] - '0');
            expect(h->code >= 100 && h->code <= 999);
        } else if (line.n == 0) {
            return;
        } else {
            read_field(h, line);
        }
    }
}

static void
check_chunks(struct gn_slice in, struct gn_slice meant)
{
    const struct gn_http_head head = {.content_length = -1, .is_chunked = true};
    struct gn_http_body body;

    gn_http_body_init(&body, &head);
    while (!body.is_done) {
        struct gn_slice run;
        size_t used;

        expect(in.n > 0);
        expect(gn_http_body_feed(&body, in.p, in.n, &used, &run) != GN_HTTP_BAD);
        expect(run.n <= meant.n && (run.n == 0 || memcmp(run.p, meant.p, run.n) == 0));
        meant = gn_slice(meant.p + run.n, meant.n - run.n);
        in = gn_slice(in.p + used, in.n - used);
    }
    expect(in.n == 0 && meant.n == 0);
}

static void
check_response(const struct gn_resp *r, bool is_head, int minor, struct gn_slice meant)
{
    struct gn_slice in = gn_buf_slice(&r->out);
    struct head h;

    read_head(&in, minor, &h);
    expect(h.code == r->code && h.server == 1 && h.date == 1 && h.connection == 1);
    expect(h.length + h.coding <= 1 && (minor == 1 || h.coding == 0));
    if (is_head || gn_http_status_has_no_body(h.code)) {
        expect(in.n == 0 && h.coding == 0);
    } else if (h.length > 0) {
        uint64_t n = h.content_length < meant.n ? h.content_length : meant.n;

        expect(gn_slice_eq(in, gn_slice(meant.p, (size_t)n)));
        expect(!r->keeps_alive || n == h.content_length);
    } else if (h.coding > 0) {
        check_chunks(in, meant);
    } else {
        expect(gn_slice_eq(in, meant) && !r->keeps_alive);
    }
    if (r->keeps_alive)
        expect(gn_slice_eq_str(h.persistence, "keep-alive"));
}

/* False when the application's head was refused. */
static bool
respond(struct gn_resp *r, struct gn_slice in, struct gn_buf *meant)
{
    struct gn_slice status = take_text(&in);
    size_t fields = in.n > 0 ? (unsigned char)in.p[0] % 16 : 0;
    const char *why = NULL;

    if (in.n > 0)
        in = gn_slice(in.p + 1, in.n - 1);
    if (!gn_resp_start(r, status, &why)) {
        expect(why != NULL);
        return false;
    }
    while (fields-- > 0) {
        struct gn_slice name = take_text(&in);
        struct gn_slice value = take_text(&in);

        if (!gn_resp_add(r, name, value, &why)) {
            expect(why != NULL);
            return false;
        }
    }
    while (in.n > 0) {
        struct gn_slice piece = take_text(&in);

        expect(gn_resp_append(r, piece) && gn_buf_append(meant, piece.p, piece.n));
    }
    gn_resp_end(r);
    return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct gn_worker worker = {.is_alive = true};
    static struct gn_service service;
    struct gn_conn c = {.fd = -1};
    struct gn_buf meant = {0};

    if (size < 1)
        return 0;
    service.worker = &worker;
    service.server = GN_SLICE("gunicorn");
    c.service = &service;
    c.scratch = &service.scratch;
    c.parser.head.minor = data[0] & 1;
    c.parser.head.method = data[0] & 2 ? GN_SLICE("HEAD") : GN_SLICE("GET");
    c.may_keep_alive = (data[0] & 4) != 0;
    gn_resp_reset(&c.resp, &c);
    if (respond(&c.resp, gn_slice((const char *)data + 1, size - 1), &meant))
        check_response(&c.resp, (data[0] & 2) != 0, data[0] & 1, gn_buf_slice(&meant));
    gn_resp_fini(&c.resp);
    gn_buf_fini(&meant);
    return 0;
}
