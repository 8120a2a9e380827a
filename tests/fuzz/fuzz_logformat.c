/* Access log formats and the values that they print.
 *
 * Input: the format, a NUL, then the octets that stand for every text of the request. Whatever they
 * are, a format with printable text only must give one line of well-formed UTF-8.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "log/escape.h"
#include "log/log_access.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct gn_slice
look_up(const void *ctx, struct gn_slice name)
{
    const struct gn_slice *text = ctx;

    return name.n % 2 == 0 ? *text : gn_slice(NULL, 0);
}

static bool
is_clean(struct gn_slice s)
{
    while (s.n > 0) {
        size_t n = gn_utf8_length(s);

        if (n == 0 || (n == 1 && ((unsigned char)s.p[0] < 0x20 || s.p[0] == 0x7f)))
            return false;
        s = gn_slice(s.p + n, s.n - n);
    }
    return true;
}

static void
write_line(const struct gn_access_format *f, struct gn_slice text, bool must_be_clean)
{
    char user[64];
    struct gn_access_record r = {
        .remote_addr = GN_SLICE("::1"),
        .user = gn_basic_user(text, user, sizeof(user)),
        .method = text,
        .target = text,
        .path = text,
        .query = text,
        .protocol = text,
        .status = 200,
        .sent_bytes = UINT64_MAX,
        .duration_ns = INT64_MAX,
        .now = 784111777,
        .pid = 1,
        .request_header = look_up,
        .response_header = look_up,
        .environ_value = look_up,
        .ctx = &text,
    };
    struct gn_buf out = {0};

    if (!gn_access_format_write(f, &r, &out))
        abort();
    if (must_be_clean && !is_clean(gn_buf_slice(&out)))
        abort();
    gn_buf_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *nul = size > 0 ? memchr(data, 0, size) : NULL;
    struct gn_slice format = gn_slice((const char *)data, size), text = gn_slice(NULL, 0);
    struct gn_access_format *f;
    struct gn_err err = {0};
    char *copy;

    if (nul != NULL) {
        format.n = (size_t)(nul - data);
        text = gn_slice((const char *)nul + 1, size - format.n - 1);
    }
    copy = malloc(format.n + 1);
    if (copy == NULL)
        return 0;
    if (format.n > 0)
        memcpy(copy, format.p, format.n);
    copy[format.n] = '\0';
    f = gn_access_format_new(copy, &err);
    if ((f == NULL) != (err.msg[0] != '\0'))
        abort();
    if (f != NULL)
        write_line(f, text, is_clean(format));
    gn_access_format_free(f);
    free(copy);
    return 0;
}
