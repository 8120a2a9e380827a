#include "worker/resp.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#include "http/errors.h"
#include "http/response.h"
#include "worker/conn.h"

/* Pieces up to this size are copied to their framing: cheaper than gathering three places. */
enum { COPY_BYTES = 4096 };

static const char no_memory[] = "out of memory";

void
gn_resp_reset(struct gn_resp *r, struct gn_conn *c)
{
    struct gn_buf status = r->status, fields = r->fields, out = r->out;

    gn_resp_drop_rest(r);
    memset(r, 0, sizeof(*r));
    gn_buf_clear(&status);
    gn_buf_clear(&fields);
    gn_buf_clear(&out);
    r->status = status;
    r->fields = fields;
    r->out = out;
    r->conn = c;
    r->content_length = -1;
}

void
gn_resp_fini(struct gn_resp *r)
{
    gn_resp_drop_rest(r);
    gn_buf_fini(&r->status);
    gn_buf_fini(&r->fields);
    gn_buf_fini(&r->out);
}

bool
gn_resp_start(struct gn_resp *r, struct gn_slice status, const char **why)
{
    int code;

    if (!gn_http_status_check(status, &code, why))
        return false;
    gn_buf_clear(&r->status);
    gn_buf_clear(&r->fields);
    r->content_length = -1;
    r->length_at = r->length_end = 0;
    r->wants_upgrade = false;
    r->code = code;
    r->is_started = true;
    if (!gn_buf_append(&r->status, status.p, status.n)) {
        *why = no_memory;
        return false;
    }
    return true;
}

static bool
add_content_length(struct gn_resp *r, struct gn_slice name, struct gn_slice value, const char **why)
{
    int64_t length;

    if (!gn_http_content_length(value, &length)) {
        *why = "Content-Length is not a number";
        return false;
    }
    if (r->content_length >= 0) {
        if (r->content_length == length)
            return true;
        *why = "two different Content-Length fields";
        return false;
    }
    r->content_length = length;
    r->length_at = gn_buf_len(&r->fields);
    if (!gn_http_resp_field_append(&r->fields, name, value)) {
        *why = no_memory;
        return false;
    }
    r->length_end = gn_buf_len(&r->fields);
    return true;
}

bool
gn_resp_add(struct gn_resp *r, struct gn_slice name, struct gn_slice value, const char **why)
{
    if (!gn_http_field_check(name, value, why))
        return false;
    value = gn_slice_trim(value, " \t");
    switch (gn_http_resp_field_kind(name)) {
    case GN_RESP_CONTENT_LENGTH:
        return add_content_length(r, name, value, why);
    case GN_RESP_DROP:
        return true;
    case GN_RESP_CONNECTION:
        if (gn_slice_eq_nocase(value, GN_SLICE("upgrade")))
            r->wants_upgrade = true;
        return true;
    case GN_RESP_UPGRADE:
        if (!gn_slice_eq_nocase(value, GN_SLICE("websocket")))
            return true;
        break;
    case GN_RESP_KEEP:
        break;
    }
    if (!gn_http_resp_field_append(&r->fields, name, value)) {
        *why = no_memory;
        return false;
    }
    return true;
}

bool
gn_resp_hint_add(struct gn_buf *hints, struct gn_slice name, struct gn_slice value,
                 const char **why)
{
    if (!gn_http_field_check(name, value, why))
        return false;
    if (gn_http_resp_field_kind(name) != GN_RESP_KEEP ||
        gn_http_resp_field_append(hints, name, gn_slice_trim(value, " \t")))
        return true;
    *why = no_memory;
    return false;
}

void
gn_resp_send_hints(struct gn_resp *r, struct gn_slice hints)
{
    struct gn_slice line = GN_SLICE("HTTP/1.1 103 Early Hints\r\n");
    struct iovec iov[] = {
        {(void *)line.p, line.n},
        {(void *)hints.p, hints.n},
        {(void *)"\r\n", 2},
    };

    if (hints.n == 0 || r->is_head_queued || r->is_broken || r->conn->parser.head.minor < 1)
        return;
    if (!gn_conn_send(r->conn, iov, GN_ARRAY_LEN(iov), false))
        r->is_broken = r->lost_client = true;
}

static bool
append_fields(struct gn_resp *r)
{
    struct gn_slice all = gn_buf_slice(&r->fields);
    bool drops_length = r->length_end > 0 && r->has_no_body && r->code != 304 &&
                        gn_http_status_has_no_body(r->code);

    if (!drops_length)
        return gn_buf_append(&r->out, all.p, all.n);
    return gn_buf_append(&r->out, all.p, r->length_at) &&
           gn_buf_append(&r->out, all.p + r->length_end, all.n - r->length_end);
}

bool
gn_resp_queue_head(struct gn_resp *r)
{
    struct gn_conn *c = r->conn;
    const struct gn_http_head *head = &c->parser.head;
    struct gn_http_resp_start start = {
        .minor = head->minor,
        .status = gn_buf_slice(&r->status),
        .server = c->service->server,
        .date = gn_scratch_date(c->scratch),
    };

    if (r->is_head_queued)
        return true;
    r->has_no_body =
        gn_http_status_has_no_body(r->code) || gn_slice_eq(head->method, GN_SLICE("HEAD"));
    r->is_chunked = r->content_length < 0 && !r->has_no_body && head->minor >= 1;
    start.is_chunked = r->is_chunked;
    /* A body that only the end of the connection delimits can't be followed by another response;
     * behind a 1xx the client waits for the final one, which won't come. */
    r->keeps_alive = c->may_keep_alive && !r->wants_upgrade && r->code >= 200 &&
                     c->service->worker->is_alive &&
                     (r->has_no_body || r->is_chunked || r->content_length >= 0);
    start.connection = r->wants_upgrade ? GN_SLICE("Upgrade")
                       : r->keeps_alive ? GN_SLICE("keep-alive")
                                        : GN_SLICE("close");
    if (!gn_http_resp_begin(&r->out, &start) || !append_fields(r) || !gn_http_resp_end(&r->out)) {
        r->is_broken = true;
        return false;
    }
    r->is_head_queued = true;
    return true;
}

/* Cuts what exceeds the Content-Length, counts the rest. */
struct gn_slice
gn_resp_account(struct gn_resp *r, struct gn_slice data)
{
    if (r->has_no_body) {
        r->was_dropped = r->was_dropped || data.n > 0;
        return gn_slice(NULL, 0);
    }
    if (r->content_length >= 0) {
        uint64_t left = (uint64_t)r->content_length - r->body_bytes;

        if (data.n > left) {
            data.n = (size_t)left;
            r->was_cut = true;
        }
    }
    r->body_bytes += data.n;
    return data;
}

bool
gn_resp_append(struct gn_resp *r, struct gn_slice data)
{
    char head[GN_CHUNK_HEAD_BYTES];
    bool ok = true;

    if (!gn_resp_queue_head(r))
        return false;
    data = gn_resp_account(r, data);
    if (data.n == 0)
        return true;
    if (r->is_chunked)
        ok = gn_buf_append(&r->out, head, gn_http_chunk_head(head, data.n));
    ok = ok && gn_buf_append(&r->out, data.p, data.n);
    if (r->is_chunked)
        ok = ok && gn_buf_append(&r->out, "\r\n", 2);
    if (!ok)
        r->is_broken = true;
    return ok;
}

static bool
send_iov(struct gn_resp *r, struct iovec *iov, int n, bool has_more)
{
    bool ok = gn_conn_send(r->conn, iov, n, has_more);

    gn_buf_clear(&r->out);
    r->is_sent = true;
    if (!ok)
        r->is_broken = r->lost_client = true;
    return ok;
}

bool
gn_resp_send(struct gn_resp *r, struct gn_slice data)
{
    char head[GN_CHUNK_HEAD_BYTES];
    struct iovec iov[3];
    int n = 0;

    if (r->is_broken)
        return false;
    if (data.n <= COPY_BYTES)
        return gn_resp_append(r, data) && gn_resp_flush(r);
    if (!gn_resp_queue_head(r))
        return false;
    data = gn_resp_account(r, data);
    if (data.n > 0 && r->is_chunked &&
        !gn_buf_append(&r->out, head, gn_http_chunk_head(head, data.n))) {
        r->is_broken = true;
        return false;
    }
    if (gn_buf_len(&r->out) > 0)
        iov[n++] = (struct iovec){r->out.data + r->out.start, gn_buf_len(&r->out)};
    if (data.n > 0) {
        iov[n++] = (struct iovec){(void *)data.p, data.n};
        if (r->is_chunked)
            iov[n++] = (struct iovec){(void *)"\r\n", 2};
    }
    return n == 0 || send_iov(r, iov, n, false);
}

void
gn_resp_end(struct gn_resp *r)
{
    if (r->is_done)
        return;
    r->is_done = true;
    if (r->is_broken || !gn_resp_queue_head(r))
        return;
    if (r->is_chunked && gn_resp_has_tail(r))
        gn_resp_after(r, GN_SLICE("0\r\n\r\n"));
    else if (r->is_chunked && !gn_buf_append(&r->out, "0\r\n\r\n", 5))
        r->is_broken = true;
    if (!r->has_no_body && r->content_length >= 0 &&
        r->body_bytes + r->file_left < (uint64_t)r->content_length)
        r->is_short = true;
    if (r->is_short || r->is_broken)
        r->keeps_alive = false;
}

void
gn_resp_error_page(struct gn_resp *r, int code, const char *reason, const char *message)
{
    struct gn_slice method = r->conn->parser.head.method;

    gn_buf_clear(&r->status);
    gn_buf_clear(&r->fields);
    gn_buf_clear(&r->out);
    gn_resp_drop_rest(r);
    r->n_after = r->after_at = 0;
    r->code = code;
    r->content_length = -1;
    r->is_started = r->is_head_queued = r->is_done = true;
    r->is_chunked = r->keeps_alive = false;
    if (!gn_buf_printf(&r->status, "%d %s", code, reason) ||
        !gn_http_error_response(&r->out, code, reason, message,
                                gn_slice_eq(method, GN_SLICE("HEAD"))))
        r->is_broken = true;
    r->body_bytes = 0;
}

struct gn_slice
gn_resp_field(const struct gn_resp *r, struct gn_slice name)
{
    struct gn_slice rest = gn_buf_slice(&r->fields);

    while (rest.p != NULL && rest.n > 0) {
        struct gn_slice line = gn_slice_cut(&rest, '\n');
        size_t colon = gn_slice_find(line, ':');

        if (colon < line.n && gn_slice_eq_nocase(gn_slice(line.p, colon), name))
            return gn_slice_trim(gn_slice(line.p + colon + 1, line.n - colon - 1), " \t\r");
    }
    return gn_slice(NULL, 0);
}
