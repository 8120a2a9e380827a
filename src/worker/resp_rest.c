/* Sending what the application has produced: bytes at hand, pieces that an object of the language
 * keeps, a file. No step waits for the client, so that anybody may take it: the thread that ran the
 * request, or later the loop. */
#include "worker/resp.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "host/host.h"
#include "http/response.h"
#include "worker/conn.h"
#include "worker/wire.h"

enum {
    IOV_COUNT = 64,
    FILE_STEP_BYTES = 1 << 20,
    TURN_BYTES = 8 << 20, /* in one step; then others have their turn */
};

/* ---- what is left ---- */

static struct gn_slice
after_of(const struct gn_resp *r)
{
    return gn_slice(r->after + r->after_at, (size_t)(r->n_after - r->after_at));
}

bool
gn_resp_has_tail(const struct gn_resp *r)
{
    return r->piece_at < r->n_pieces || r->file_left > 0 || r->after_at < r->n_after;
}

bool
gn_resp_has_rest(const struct gn_resp *r)
{
    return !r->is_broken && (gn_buf_len(&r->out) > 0 || gn_resp_has_tail(r));
}

size_t
gn_resp_rest_bytes(const struct gn_resp *r)
{
    size_t n = gn_buf_len(&r->out);

    for (size_t i = r->piece_at; i < r->n_pieces; i++)
        n += r->pieces[i].n;
    return n;
}

void
gn_resp_drop_rest(struct gn_resp *r)
{
    struct gn_host *host;

    if (r->held_bytes > 0)
        gn_service_let_go(r->conn->service, r);
    if (r->owner != NULL) {
        host = r->conn->service->worker->host;
        host->ops->release(host, r->owner);
    }
    if (r->owns_file)
        close(r->file_fd);
    r->owner = NULL;
    r->pieces = NULL;
    r->n_pieces = r->piece_at = 0;
    r->owns_file = false;
    r->file_left = 0;
}

/* ---- queueing ---- */

/* Chunked, everything that follows is one chunk. */
static bool
begin_chunk(struct gn_resp *r, uint64_t bytes)
{
    char head[GN_CHUNK_HEAD_BYTES];

    if (!r->is_chunked)
        return true;
    if (!gn_buf_append(&r->out, head, gn_http_chunk_head(head, (size_t)bytes))) {
        r->is_broken = true;
        return false;
    }
    gn_resp_after(r, GN_SLICE("\r\n"));
    return true;
}

void
gn_resp_after(struct gn_resp *r, struct gn_slice text)
{
    memcpy(r->after + r->n_after, text.p, text.n);
    r->n_after = (unsigned char)(r->n_after + text.n);
}

void
gn_resp_pieces(struct gn_resp *r, struct gn_slice *pieces, size_t n, void *owner)
{
    uint64_t bytes = 0;
    size_t kept = 0;

    r->owner = owner;
    if (r->is_broken || !gn_resp_queue_head(r))
        return;
    for (size_t i = 0; i < n; i++) {
        struct gn_slice piece = gn_resp_account(r, pieces[i]);

        if (piece.n > 0)
            pieces[kept++] = piece;
        bytes += piece.n;
    }
    if (kept == 0 || !begin_chunk(r, bytes))
        return;
    r->pieces = pieces;
    r->n_pieces = kept;
}

bool
gn_resp_sendfile(struct gn_resp *r, int fd, off_t offset, uint64_t count, bool *unsupported)
{
    *unsupported = false;
    if (r->is_broken || !gn_resp_queue_head(r))
        return false;
    if (r->has_no_body || count == 0)
        return true;
    if (r->content_length >= 0 && count > (uint64_t)r->content_length - r->body_bytes)
        count = (uint64_t)r->content_length - r->body_bytes;
    if (!gn_conn_can_sendfile(fd)) {
        *unsupported = true;
        return true;
    }
    if (!begin_chunk(r, count))
        return false;
    r->file_fd = fd;
    r->file_at = offset;
    r->file_left = count;
    return true;
}

bool
gn_resp_keep_file(struct gn_resp *r)
{
    int fd;

    if (r->file_left == 0 || r->owns_file || r->is_broken)
        return true;
    fd = fcntl(r->file_fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return false;
    r->file_fd = fd;
    r->owns_file = true;
    return true;
}

/* ---- sending ---- */

static int
fill(const struct gn_resp *r, struct iovec iov[IOV_COUNT], bool *has_more)
{
    struct gn_slice after = after_of(r);
    size_t i = r->piece_at;
    int n = 0;

    if (gn_buf_len(&r->out) > 0)
        iov[n++] = (struct iovec){r->out.data + r->out.start, gn_buf_len(&r->out)};
    for (; i < r->n_pieces && n < IOV_COUNT - 1; i++)
        iov[n++] = (struct iovec){(void *)r->pieces[i].p, r->pieces[i].n};
    *has_more = i < r->n_pieces || r->file_left > 0;
    if (!*has_more && after.n > 0)
        iov[n++] = (struct iovec){(void *)after.p, after.n};
    return n;
}

static void
advance(struct gn_resp *r, size_t n)
{
    size_t out = gn_buf_len(&r->out);
    size_t take = n < out ? n : out;

    gn_buf_consume(&r->out, take);
    n -= take;
    while (n > 0 && r->piece_at < r->n_pieces) {
        struct gn_slice *piece = &r->pieces[r->piece_at];

        take = n < piece->n ? n : piece->n;
        piece->p += take;
        piece->n -= take;
        n -= take;
        if (piece->n == 0)
            r->piece_at++;
    }
    r->after_at = (unsigned char)(r->after_at + n);
}

/* Bytes sent, or -1 with errno. */
static ssize_t
send_bytes(struct gn_resp *r, bool closes)
{
    struct iovec iov[IOV_COUNT];
    bool has_more;
    int n = fill(r, iov, &has_more);
    ssize_t sent;

    if (n == 0)
        return 0;
    sent = gn_wire_sendv(r->conn, iov, n, closes || has_more);
    if (sent > 0)
        advance(r, (size_t)sent);
    return sent;
}

static ssize_t
send_file(struct gn_resp *r)
{
    size_t want = r->file_left < FILE_STEP_BYTES ? (size_t)r->file_left : FILE_STEP_BYTES;
    ssize_t sent = gn_wire_sendfile(r->conn, r->file_fd, &r->file_at, want);

    if (sent > 0) {
        r->file_left -= (uint64_t)sent;
        r->body_bytes += (uint64_t)sent;
    } else if (sent == 0) {
        /* It became shorter while it was sent: the framing promised more. */
        r->is_broken = r->is_short = true;
    }
    return sent;
}

static enum gn_resp_step
failed(struct gn_resp *r)
{
    if (errno == EAGAIN)
        return GN_RESP_WAIT;
    r->is_broken = r->lost_client = true;
    return GN_RESP_OUT;
}

enum gn_resp_step
gn_resp_step(struct gn_resp *r)
{
    size_t moved = 0;
    bool closes;

    if (!gn_resp_has_rest(r))
        return GN_RESP_OUT;
    /* When the connection is closed next, the kernel keeps the last bytes until then, so that they
     * leave in one segment with the FIN. */
    closes = r->is_done && !r->keeps_alive && gn_conn_request_is_consumed(r->conn);
    while (gn_resp_has_rest(r)) {
        bool is_file = gn_buf_len(&r->out) == 0 && r->file_left > 0;
        ssize_t n = is_file ? send_file(r) : send_bytes(r, closes);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return failed(r);
        r->is_sent = true;
        r->conn->io_bytes += (size_t)n;
        moved += (size_t)n;
        if (moved > TURN_BYTES && gn_resp_has_rest(r))
            return GN_RESP_MORE;
    }
    return GN_RESP_OUT;
}

static bool
flush(struct gn_resp *r)
{
    for (;;) {
        switch (gn_resp_step(r)) {
        case GN_RESP_OUT:
            return !r->is_broken;
        case GN_RESP_MORE:
            gn_conn_beat(r->conn);
            break;
        case GN_RESP_WAIT:
            if (!gn_conn_wait_writable(r->conn)) {
                r->is_broken = r->lost_client = true;
                return false;
            }
            break;
        }
    }
}

bool
gn_resp_flush(struct gn_resp *r)
{
    return flush(r);
}
