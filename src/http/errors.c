#include "http/errors.h"

#include <string.h>

const struct gn_http_error_row gn_http_errors[GN_HTTP_ERROR_COUNT] = {
#define E(id, py_class, status, reason) {#id, py_class, status, reason},
#include "http/errors.def"
#undef E
};

const char *
gn_http_reason(int status)
{
    switch (status) {
#define S(code, reason)                                                                            \
    case code:                                                                                     \
        return reason;
#include "http/status.def"
#undef S
    default:
        return "Unknown";
    }
}

static struct gn_slice
entity_of(char c)
{
    switch (c) {
    case '&':
        return GN_SLICE("&amp;");
    case '<':
        return GN_SLICE("&lt;");
    case '>':
        return GN_SLICE("&gt;");
    case '"':
        return GN_SLICE("&quot;");
    case '\'':
        return GN_SLICE("&#x27;");
    default:
        return (struct gn_slice){NULL, 0};
    }
}

static bool
append_escaped(struct gn_buf *out, const char *text)
{
    size_t n = strlen(text);
    size_t done = 0;

    for (size_t i = 0; i < n; i++) {
        struct gn_slice entity = entity_of(text[i]);

        if (entity.n == 0)
            continue;
        if (!gn_buf_append(out, text + done, i - done) || !gn_buf_append(out, entity.p, entity.n))
            return false;
        done = i + 1;
    }
    return gn_buf_append(out, text + done, n - done);
}

static bool
append_page(struct gn_buf *out, const char *reason, const char *message)
{
    return gn_buf_printf(out, "<html>\n  <head>\n    <title>%s</title>\n  </head>\n", reason) &&
           gn_buf_printf(out, "  <body>\n    <h1><p>%s</p></h1>\n    ", reason) &&
           append_escaped(out, message) && gn_buf_printf(out, "\n  </body>\n</html>\n");
}

bool
gn_http_error_response(struct gn_buf *out, int status, const char *reason, const char *message,
                       bool is_head)
{
    struct gn_buf page = {0};
    size_t before = gn_buf_len(out);
    bool ok = append_page(&page, reason, message != NULL ? message : "") &&
              gn_buf_printf(out,
                            "HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Type: text/html\r\n"
                            "Content-Length: %zu\r\n\r\n",
                            status, reason, gn_buf_len(&page)) &&
              (is_head || gn_buf_append(out, gn_buf_head(&page), gn_buf_len(&page)));

    /* Half an answer is none: the caller may still close without a word. */
    if (!ok)
        out->end = out->start + before;
    gn_buf_fini(&page);
    return ok;
}
