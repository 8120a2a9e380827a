/* Nanoseconds per request head, by number of header fields: `parse [rounds]`.
 *
 * Each head is parsed whole from a warm buffer, policy included, as a worker does for a request
 * that came in one read. The best of several runs is printed; it is the one least disturbed by
 * others.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "http/body.h"
#include "http/head.h"
#include "http/policy.h"

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

static bool
measure(size_t n_fields, uint64_t rounds)
{
    static const struct gn_http_limits limits = {
        .request_line = 4094, .fields = 100, .field_size = 8190};
    static const struct gn_slice forwarder[] = {{"SCRIPT_NAME", 11}, {"PATH_INFO", 9}};
    static const struct gn_http_pair scheme[] = {{{"X-FORWARDED-PROTOCOL", 20}, {"ssl", 3}},
                                                 {{"X-FORWARDED-PROTO", 17}, {"https", 5}},
                                                 {{"X-FORWARDED-SSL", 15}, {"on", 2}}};
    static const struct gn_http_policy policy = {GN_MAP_DROP, forwarder, 2, scheme, 3};
    struct gn_http_parser parser = {0};
    struct gn_http_trust trust;
    char head[16384];
    size_t n = make_head(head, sizeof(head), n_fields);
    double best = 1e9, best_policy = 1e9;

    for (int run = 0; run < 7; run++) {
        int64_t start = gn_clock_mono_ns();
        int64_t middle;

        for (uint64_t i = 0; i < rounds; i++) {
            gn_http_parser_reset(&parser);
            if (gn_http_head_feed(&parser, &limits, head, n) != GN_HTTP_DONE)
                return false;
        }
        middle = gn_clock_mono_ns();
        for (uint64_t i = 0; i < rounds; i++) {
            if (!gn_http_policy_apply(&policy, &parser.head, true, false, &trust, &parser.error,
                                      NULL, NULL))
                return false;
        }
        if ((double)(middle - start) / (double)rounds < best)
            best = (double)(middle - start) / (double)rounds;
        if ((double)(gn_clock_mono_ns() - middle) / (double)rounds < best_policy)
            best_policy = (double)(gn_clock_mono_ns() - middle) / (double)rounds;
    }
    printf("%3zu fields, %4zu bytes: %7.1f ns parse, %6.1f ns policy\n", n_fields, n, best,
           best_policy);
    gn_http_parser_fini(&parser);
    return true;
}

int
main(int argc, char **argv)
{
    static const size_t counts[] = {1, 3, 8, 15, 30};
    uint64_t rounds = 200000;

    if (argc > 1 && !gn_num_digits(gn_slice_str(argv[1]), 1000000000, &rounds)) {
        fprintf(stderr, "usage: parse [rounds]\n");
        return 2;
    }
    for (size_t i = 0; i < GN_ARRAY_LEN(counts); i++) {
        if (!measure(counts[i], rounds))
            return 1;
    }
    return 0;
}
