/* Bodies, whole and in pieces: the same data and the same end, never a byte of the next message.
 *
 * Input: a byte that chooses the framing (0: chunked, else a Content-Length), a byte that chooses
 * the pieces, then the bytes behind the head.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "http/body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    enum gn_http_result result;
    struct gn_http_body body;
    struct gn_buf decoded;
    size_t used;
};

static void
expect(bool ok)
{
    if (!ok)
        abort();
}

/* `step` 0: all at once. Each piece is a copy of its own, so that reading over its end is seen. */
static void
run(const struct gn_http_head *head, const char *data, size_t n, size_t step, struct outcome *o)
{
    memset(o, 0, sizeof(*o));
    gn_http_body_init(&o->body, head);
    o->result = o->body.is_done ? GN_HTTP_DONE : GN_HTTP_MORE;
    while (o->result == GN_HTTP_MORE && o->used < n) {
        size_t piece = step == 0 || n - o->used < step ? n - o->used : step;
        char *bytes = malloc(piece);
        struct gn_slice out;
        size_t used;

        expect(bytes != NULL);
        memcpy(bytes, data + o->used, piece);
        o->result = gn_http_body_feed(&o->body, bytes, piece, &used, &out);
        expect(used <= piece && used > 0 && out.n <= used);
        expect(gn_buf_append(&o->decoded, out.p, out.n));
        expect(o->body.is_done == (o->result == GN_HTTP_DONE));
        free(bytes);
        o->used += used;
    }
}

static void
check_same(const struct outcome *a, const struct outcome *b)
{
    expect(a->result == b->result);
    expect(gn_slice_eq(gn_buf_slice(&a->decoded), gn_buf_slice(&b->decoded)));
    expect(a->used == b->used);
    if (a->result == GN_HTTP_BAD) {
        expect(a->body.error.id == b->body.error.id);
        expect(strcmp(a->body.error.message, b->body.error.message) == 0);
        expect(a->body.error.message[0] != '\0');
    }
}

/* What ends a message, ends it for everybody: "CRLF CRLF" with the last chunk, or the count. */
static void
check_end(const struct gn_http_head *head, const struct outcome *o, const char *data)
{
    if (head->is_chunked)
        expect(o->used >= 5 && memcmp(data + o->used - 4, "\r\n\r\n", 4) == 0);
    else
        expect(o->used == (size_t)(head->content_length > 0 ? head->content_length : 0) &&
               gn_buf_len(&o->decoded) == o->used);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gn_http_head head = {.content_length = -1};
    struct outcome whole, split;

    if (size < 2)
        return 0;
    head.is_chunked = data[0] == 0;
    if (!head.is_chunked)
        head.content_length = data[0] - 2;
    run(&head, (const char *)data + 2, size - 2, 0, &whole);
    run(&head, (const char *)data + 2, size - 2, (size_t)data[1] % 32 + 1, &split);
    check_same(&whole, &split);
    if (whole.result == GN_HTTP_DONE)
        check_end(&head, &whole, (const char *)data + 2);
    gn_buf_fini(&whole.decoded);
    gn_buf_fini(&split.decoded);
    return 0;
}
