/* Nanoseconds per request head and GB/s of chunked bodies, ours and libhttp-parser's: `parse
 * [rounds]`.
 *
 * Each input is parsed whole from a warm buffer, as a worker does with what came in one read. The
 * parsers take turns and the best of several runs is printed; it is the one least disturbed by
 * others. The other parser's callbacks do the least that is of use: they keep where names and
 * values are. It neither looks into the target nor checks Host, as ours does. It is left out when
 * its header or its library (Debian: libhttp-parser-dev) is not there.
 *
 * A line of output: what ("head", "policy" or "body"), fields or bytes per chunk, parser, figure.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "http/body.h"
#include "http/head.h"
#include "http/policy.h"

#if __has_include(<http_parser.h>)
#include <http_parser.h>
#define HAVE_PEER 1
#else
#define HAVE_PEER 0
#endif

enum { RUNS = 9, BODY_BYTES = 1 << 18, HEAD_BYTES = 16384 };

static const char *const browser[] = {
    "Host: www.example.org",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "Accept-Language: en-US,en;q=0.5",
    "Accept-Encoding: gzip, deflate, br, zstd",
    "Referer: https://www.example.org/catalogue/list?page=3&sort=price",
    "Connection: keep-alive",
    "Cookie: session=c2Vzc2lvbi1pZC1vZi1zb21lLWxlbmd0aA; "
    "csrftoken=0123456789abcdef0123456789abcdef",
    "Upgrade-Insecure-Requests: 1",
    "Sec-Fetch-Dest: document",
    "Sec-Fetch-Mode: navigate",
    "Sec-Fetch-Site: same-origin",
    "Sec-Fetch-User: ?1",
    "Priority: u=0, i",
    "Cache-Control: max-age=0",
};

/* Parses once; false when the input is not taken whole. */
typedef bool parse_fn(char *data, size_t n);

static size_t
make_head(char *out, size_t size, size_t n_fields)
{
    size_t n = (size_t)snprintf(out, size, "GET /catalogue/item/1234?colour=blue HTTP/1.1\r\n");

    for (size_t i = 0; i < n_fields; i++) {
        if (n_fields == 3 && i > 0)
            n += (size_t)snprintf(out + n, size - n,
                                  i == 1 ? "User-Agent: curl/7.88.1\r\n" : "Accept: */*\r\n");
        else if (i < GN_ARRAY_LEN(browser))
            n += (size_t)snprintf(out + n, size - n, "%s\r\n", browser[i]);
        else
            n += (size_t)snprintf(out + n, size - n, "X-Forwarded-Item-%zu: some value %zu\r\n", i,
                                  i);
    }
    return n + (size_t)snprintf(out + n, size - n, "\r\n");
}

/* A request with a body in chunks of `step` bytes. */
static size_t
make_chunks(char *out, size_t size, size_t step)
{
    size_t n = (size_t)snprintf(out, size,
                                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");

    for (size_t at = 0; at < BODY_BYTES; at += step) {
        n += (size_t)snprintf(out + n, size - n, "%zx\r\n", step);
        memset(out + n, 'x', step);
        memcpy(out + n + step, "\r\n", 2);
        n += step + 2;
    }
    return n + (size_t)snprintf(out + n, size - n, "0\r\n\r\n");
}

/* ---- ours ---- */

static struct gn_http_parser parser;
static const struct gn_http_limits limits = {
    .request_line = 4094, .fields = 100, .field_size = 8190};

static bool
our_head(char *data, size_t n)
{
    gn_http_parser_reset(&parser);
    return gn_http_head_feed(&parser, &limits, data, n) == GN_HTTP_DONE;
}

static bool
our_body(char *data, size_t n)
{
    struct gn_http_body body;
    size_t at, total = 0;

    if (!our_head(data, n))
        return false;
    gn_http_body_init(&body, &parser.head);
    for (at = parser.head.head_bytes; !body.is_done && at < n;) {
        struct gn_slice run;
        size_t used;

        if (gn_http_body_feed(&body, data + at, n - at, &used, &run) == GN_HTTP_BAD)
            return false;
        at += used;
        total += run.n;
    }
    return total == BODY_BYTES;
}

static bool
our_policy(char *data, size_t n)
{
    static const struct gn_slice forwarder[] = {{"SCRIPT_NAME", 11}, {"PATH_INFO", 9}};
    static const struct gn_http_pair scheme[] = {{{"X-FORWARDED-PROTOCOL", 20}, {"ssl", 3}},
                                                 {{"X-FORWARDED-PROTO", 17}, {"https", 5}},
                                                 {{"X-FORWARDED-SSL", 15}, {"on", 2}}};
    static const struct gn_http_policy policy = {GN_MAP_DROP, forwarder, 2, scheme, 3};
    struct gn_http_trust trust;

    (void)data;
    (void)n;
    return gn_http_policy_apply(&policy, &parser.head, true, false, &trust, &parser.error, NULL,
                                NULL);
}

/* ---- the other one ---- */

#if HAVE_PEER

static struct {
    size_t (*execute)(http_parser *, const http_parser_settings *, const char *, size_t);
    void (*init)(http_parser *, enum http_parser_type);
    http_parser_settings settings;
    struct gn_slice target;
    struct gn_slice fields[256];
    size_t n_fields; /* names and values */
    size_t data_bytes;
    bool is_complete;
} peer;

static int
on_target(http_parser *p, const char *at, size_t n)
{
    (void)p;
    peer.target = gn_slice(at, n);
    return 0;
}

static int
on_text(http_parser *p, const char *at, size_t n)
{
    (void)p;
    if (peer.n_fields < GN_ARRAY_LEN(peer.fields))
        peer.fields[peer.n_fields++] = gn_slice(at, n);
    return 0;
}

static int
on_data(http_parser *p, const char *at, size_t n)
{
    (void)p;
    (void)at;
    peer.data_bytes += n;
    return 0;
}

static int
on_complete(http_parser *p)
{
    (void)p;
    peer.is_complete = true;
    return 0;
}

static bool
peer_head(char *data, size_t n)
{
    http_parser p;

    peer.n_fields = peer.data_bytes = 0;
    peer.is_complete = false;
    peer.init(&p, HTTP_REQUEST);
    return peer.execute(&p, &peer.settings, data, n) == n && peer.is_complete;
}

static bool
peer_body(char *data, size_t n)
{
    return peer_head(data, n) && peer.data_bytes == BODY_BYTES;
}

static bool
load_peer(void)
{
    char name[40];
    void *lib;

    snprintf(name, sizeof(name), "libhttp_parser.so.%d.%d", HTTP_PARSER_VERSION_MAJOR,
             HTTP_PARSER_VERSION_MINOR);
    lib = dlopen(name, RTLD_NOW);
    if (lib == NULL)
        return false;
    *(void **)&peer.execute = dlsym(lib, "http_parser_execute");
    *(void **)&peer.init = dlsym(lib, "http_parser_init");
    peer.settings = (http_parser_settings){.on_url = on_target,
                                           .on_header_field = on_text,
                                           .on_header_value = on_text,
                                           .on_body = on_data,
                                           .on_message_complete = on_complete};
    return peer.execute != NULL && peer.init != NULL;
}

#else

static parse_fn *const peer_head = NULL, *const peer_body = NULL;

static bool
load_peer(void)
{
    return false;
}

#endif

/* ---- measuring ---- */

/* Nanoseconds per call, or a negative number. */
static double
time_calls(parse_fn *parse, char *data, size_t n, uint64_t rounds)
{
    int64_t start = gn_clock_mono_ns();

    for (uint64_t i = 0; i < rounds; i++) {
        if (!parse(data, n))
            return -1;
    }
    return (double)(gn_clock_mono_ns() - start) / (double)rounds;
}

/* The best of several runs; `others` may be NULL. */
static bool
compare(parse_fn *ours, parse_fn *others, char *data, size_t n, uint64_t rounds, double best[2])
{
    best[0] = best[1] = 1e12;
    for (int run = 0; run < RUNS; run++) {
        double a = time_calls(ours, data, n, rounds);
        double b = others != NULL ? time_calls(others, data, n, rounds) : best[1];

        if (a < 0 || b < 0)
            return false;
        best[0] = a < best[0] ? a : best[0];
        best[1] = b < best[1] ? b : best[1];
    }
    return true;
}

static bool
measure_head(size_t n_fields, bool has_peer, uint64_t rounds)
{
    static char head[HEAD_BYTES];
    size_t n = make_head(head, sizeof(head), n_fields);
    double best[2];

    if (!compare(our_head, has_peer ? peer_head : NULL, head, n, rounds, best))
        return false;
    printf("head %zu ours %.1f\n", n_fields, best[0]);
    if (has_peer)
        printf("head %zu libhttp-parser %.1f\n", n_fields, best[1]);
    if (!our_head(head, n) || !compare(our_policy, NULL, head, n, rounds, best))
        return false;
    printf("policy %zu ours %.1f\n", n_fields, best[0]);
    return true;
}

static bool
measure_body(size_t step, bool has_peer, uint64_t rounds)
{
    size_t size = BODY_BYTES + BODY_BYTES / step * 20 + 1000;
    char *data = malloc(size);
    double best[2];
    bool ok = data != NULL;

    ok = ok && compare(our_body, has_peer ? peer_body : NULL, data, make_chunks(data, size, step),
                       rounds, best);
    if (ok) {
        printf("body %zu ours %.3f\n", step, BODY_BYTES / best[0]);
        if (has_peer)
            printf("body %zu libhttp-parser %.3f\n", step, BODY_BYTES / best[1]);
    }
    free(data);
    return ok;
}

int
main(int argc, char **argv)
{
    static const size_t counts[] = {1, 3, 8, 15, 30};
    static const size_t steps[] = {16, 256, 4096, 65536};
    uint64_t rounds = 50000;
    bool has_peer = load_peer();

    if (argc > 1 && (!gn_num_digits(gn_slice_str(argv[1]), 1000000000, &rounds) || rounds < 500)) {
        fprintf(stderr, "usage: parse [rounds, at least 500]\n");
        return 2;
    }
    for (size_t i = 0; i < GN_ARRAY_LEN(counts); i++) {
        if (!measure_head(counts[i], has_peer, rounds))
            return 1;
    }
    for (size_t i = 0; i < GN_ARRAY_LEN(steps); i++) {
        if (!measure_body(steps[i], has_peer, rounds / 500))
            return 1;
    }
    gn_http_parser_fini(&parser);
    return 0;
}
