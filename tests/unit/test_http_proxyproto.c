#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/compiler.h"
#include "http/proxyproto.h"

#define REST "GET / HTTP/1.1\r\n"
#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

/* The bytes of a literal, NUL included where it is written. */
/* clang-format off */
#define BYTES(lit) {(lit), sizeof(lit) - 1}
/* clang-format on */

static const struct row {
    enum gn_proxy_versions versions;
    struct gn_slice data;
    const char *want; /* see describe() */
} rows[] = {
    /* Version 1, section 2.1. */
    {GN_PROXY_AUTO, BYTES("PROXY TCP4 192.0.2.7 198.51.100.1 5432 80\r\n" REST),
     "done 43: v1 TCP4 192.0.2.7 5432 198.51.100.1 80"},
    {GN_PROXY_V1, BYTES("PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n"),
     "done 44: v1 TCP4 0.0.0.0 0 255.255.255.255 65535"},
    {GN_PROXY_V1, BYTES("PROXY TCP6 2001:0DB8::0007 ::1 1 2\r\n" REST),
     "done 36: v1 TCP6 2001:db8::7 1 ::1 2"},
    {GN_PROXY_V1, BYTES("PROXY TCP6 ::ffff:192.0.2.7 :: 1 2\r\n"),
     "done 36: v1 TCP6 ::ffff:192.0.2.7 1 :: 2"},
    {GN_PROXY_V1,
     BYTES("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
           "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
     "done 104: v1 TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 "
     "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535"},
    {GN_PROXY_V1, BYTES("PROXY UNKNOWN\r\n" REST), "done 15: v1 none"},
    {GN_PROXY_V1, BYTES("PROXY UNKNOWN \r\n" REST), "done 16: v1 none"},
    {GN_PROXY_V1, BYTES("PROXY UNKNOWN what \x01\xff ever\r\n" REST), "done 28: v1 none"},
    {GN_PROXY_V1,
     BYTES("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
           "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n" REST),
     "done 107: v1 none"},
    {GN_PROXY_V1,
     BYTES("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
           "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535 \r\n" REST),
     "bad v1"},
    {GN_PROXY_V1, BYTES("PROXY UNKNOWN\n" REST), "bad v1"},
    {GN_PROXY_V1, BYTES("PROXY UNKNOWN\r" REST), "bad v1"},
    {GN_PROXY_V1, BYTES("PROXY UNKNOWN a\0b\r\n" REST), "bad v1"},
    {GN_PROXY_V1, BYTES("PROXY UNKNOWNS\r\n"), "bad v1"},
    {GN_PROXY_V1, BYTES("PROXY unknown\r\n"), "bad v1"},
    {GN_PROXY_V1, BYTES("PROXY \r\n"), "bad v1"},
    {GN_PROXY_V1, BYTES("PROXY TCP4\r\n"), "bad v1"},
    {GN_PROXY_V1, BYTES("PROXY TCP4 \r\n"), "bad v1"},
    {GN_PROXY_V1, BYTES("PROXY TCP5 192.0.2.7 198.51.100.1 1 2\r\n"), "bad v1"},
    {GN_PROXY_V1, BYTES("PROXY UDP4 192.0.2.7 198.51.100.1 1 2\r\n"), "bad v1"},
    {GN_PROXY_V1, BYTES("PROXY tcp4 192.0.2.7 198.51.100.1 1 2\r\n"), "bad v1"},
    {GN_PROXY_V1, BYTES("PROXY  TCP4 192.0.2.7 198.51.100.1 1 2\r\n"), "bad v1"},
    {GN_PROXY_V1, BYTES("PROXY TCP4  192.0.2.7 198.51.100.1 1 2\r\n"), "bad v1"},
    {GN_PROXY_V1, BYTES("PROXY TCP4 192.0.2.7 198.51.100.1 1  2\r\n"), "bad v1"},
    {GN_PROXY_V1, BYTES("PROXY TCP4 192.0.2.7 198.51.100.1 1 2 \r\n"), "bad v1"},
    {GN_PROXY_V1, BYTES("PROXY TCP4 192.0.2.7\t198.51.100.1 1 2\r\n"), "bad v1"},
    {GN_PROXY_V1, BYTES("PROXY TCP4 192.0.2.7 198.51.100.1 1\r\n"), "bad v1"},
    {GN_PROXY_V1, BYTES("PROXY TCP4 192.0.2.7 198.51.100.1 1 2 3\r\n"), "bad v1"},
    {GN_PROXY_V1, BYTES("PROXY TCP4 192.0.2.777 198.51.100.1 1 2\r\n"), "bad v1"},
    {GN_PROXY_V1, BYTES("PROXY TCP4 192.0.2.07 198.51.100.1 1 2\r\n"), "bad v1"},
    {GN_PROXY_V1, BYTES("PROXY TCP4 192.0.2 198.51.100.1 1 2\r\n"), "bad v1"},
    {GN_PROXY_V1, BYTES("PROXY TCP4 0xc0000207 198.51.100.1 1 2\r\n"), "bad v1"},
    {GN_PROXY_V1, BYTES("PROXY TCP4 192.0.2.7 localhost 1 2\r\n"), "bad v1"},
    {GN_PROXY_V1, BYTES("PROXY TCP4 ::1 ::1 1 2\r\n"), "bad v1"},
    {GN_PROXY_V1, BYTES("PROXY TCP6 192.0.2.7 198.51.100.1 1 2\r\n"), "bad v1"},
    {GN_PROXY_V1, BYTES("PROXY TCP6 [::1] ::1 1 2\r\n"), "bad v1"},
    {GN_PROXY_V1, BYTES("PROXY TCP6 fe80::1%lo ::1 1 2\r\n"), "bad v1"},
    {GN_PROXY_V1, BYTES("PROXY TCP6 0000:0000:0000:0000:0000:0000:0000:0000:0000:00 :: 1 2\r\n"),
     "bad v1"},
    {GN_PROXY_V1, BYTES("PROXY TCP4 192.0.2.7 198.51.100.1 65536 2\r\n"), "bad v1"},
    {GN_PROXY_V1, BYTES("PROXY TCP4 192.0.2.7 198.51.100.1 1 99999999999999999999\r\n"), "bad v1"},
    {GN_PROXY_V1, BYTES("PROXY TCP4 192.0.2.7 198.51.100.1 -1 2\r\n"), "bad v1"},
    {GN_PROXY_V1, BYTES("PROXY TCP4 192.0.2.7 198.51.100.1 +1 2\r\n"), "bad v1"},
    {GN_PROXY_V1, BYTES("PROXY TCP4 192.0.2.7 198.51.100.1 1_0 2\r\n"), "bad v1"},
    {GN_PROXY_V1, BYTES("PROXY TCP4 192.0.2.7 198.51.100.1 007 2\r\n"), "bad v1"},
    {GN_PROXY_V1, BYTES("PROXY TCP4 192.0.2.7 198.51.100.1 1 00\r\n"), "bad v1"},
    {GN_PROXY_V1, BYTES("PROXY TCP4 192.0.2.7 198.51.100.1 http 2\r\n"), "bad v1"},
    {GN_PROXY_V1, BYTES("PROXY TCP4 192.0.2.7\0 198.51.100.1 1 2\r\n"), "bad v1"},
    {GN_PROXY_V1, BYTES("PROXY / HTTP/1.1\r\nHost: x\r\n\r\n"), "bad v1"},
    {GN_PROXY_V1, BYTES("PROXY TCP4 192.0.2.7 198.51.100.1 1 2"), "more v1"},
    {GN_PROXY_V1, BYTES("PROXY TCP4 192.0.2.7 198.51.100.1 1 2\r"), "more v1"},
    {GN_PROXY_AUTO, BYTES("PROXY"), "more"},
    {GN_PROXY_AUTO, BYTES(""), "more"},

    /* No header at all. */
    {GN_PROXY_OFF, BYTES("PROXY UNKNOWN\r\n"), "none"},
    {GN_PROXY_OFF, BYTES(""), "none"},
    {GN_PROXY_AUTO, BYTES("GET / HTTP/1.1\r\n"), "none"},
    {GN_PROXY_AUTO, BYTES("PROPFIND / HTTP/1.1\r\n"), "none"},
    {GN_PROXY_AUTO, BYTES("PROXYING / HTTP/1.1\r\n"), "none"},
    {GN_PROXY_AUTO, BYTES("proxy TCP4"), "none"},
    {GN_PROXY_AUTO, BYTES(" PROXY TCP4"), "none"},
    {GN_PROXY_AUTO, BYTES("\r\nGET / HTTP/1.1\r\n"), "none"},
    {GN_PROXY_AUTO, BYTES("\r\n\r\n\0\r\nQUIT\r"), "none"},
    {GN_PROXY_V2, BYTES("PROXY UNKNOWN\r\n"), "none"},
    {GN_PROXY_V2, BYTES("P"), "none"},
    {GN_PROXY_V1, BYTES(SIGNATURE "\x21\x11"), "none"},
    {GN_PROXY_V1, BYTES("\r\n"), "none"},
    {GN_PROXY_AUTO, BYTES("\r\n"), "more"},

    /* Version 2, section 2.2. */
    {GN_PROXY_AUTO,
     BYTES(SIGNATURE "\x21\x11\0\x0c\xc0\0\x02\x07\xc6\x33\x64\x01\x15\x38\0\x50" REST),
     "done 28: v2 TCP4 192.0.2.7 5432 198.51.100.1 80"},
    {GN_PROXY_V2,
     BYTES(SIGNATURE "\x21\x21\0\x24"
                     "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07"
                     "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"
                     "\xff\xff\0\0"),
     "done 52: v2 TCP6 2001:db8::7 65535 2001:db8::1 0"},
    {GN_PROXY_V2,
     BYTES(SIGNATURE "\x21\x11\0\x13\xc0\0\x02\x07\xc6\x33\x64\x01\x15\x38\0\x50"
                     "\x03\0\x04"
                     "abcd" REST),
     "done 35: v2 TCP4 192.0.2.7 5432 198.51.100.1 80"},
    /* A TLV that says it is longer than the header is nobody's. */
    {GN_PROXY_V2,
     BYTES(SIGNATURE "\x21\x11\0\x0f\xc0\0\x02\x07\xc6\x33\x64\x01\x15\x38\0\x50"
                     "\x03\xff\xff" REST),
     "done 31: v2 TCP4 192.0.2.7 5432 198.51.100.1 80"},
    {GN_PROXY_V2, BYTES(SIGNATURE "\x20\0\0\0" REST), "done 16: v2 none"},
    {GN_PROXY_V2, BYTES(SIGNATURE "\x20\xff\0\x02xy" REST), "done 18: v2 none"},
    {GN_PROXY_V2,
     BYTES(SIGNATURE "\x20\x11\0\x0c\xc0\0\x02\x07\xc6\x33\x64\x01\x15\x38\0\x50" REST),
     "done 28: v2 none"},
    {GN_PROXY_V2, BYTES(SIGNATURE "\x21\0\0\0" REST), "done 16: v2 none"},
    {GN_PROXY_V2, BYTES(SIGNATURE "\x21\x01\0\x03xyz" REST), "done 19: v2 none"},
    {GN_PROXY_V2, BYTES(SIGNATURE "\x21\x31\0\xd7"), "bad v2"},
    {GN_PROXY_V2, BYTES(SIGNATURE "\x21\x31\0\xd8"), "more v2"},
    {GN_PROXY_V2, BYTES(SIGNATURE "\x11\x11\0\x0c\xc0\0\x02\x07\xc6\x33\x64\x01\x15\x38\0\x50"),
     "bad v2"},
    {GN_PROXY_V2, BYTES(SIGNATURE "\x31\x11\0\x0c\xc0\0\x02\x07\xc6\x33\x64\x01\x15\x38\0\x50"),
     "bad v2"},
    {GN_PROXY_V2, BYTES(SIGNATURE "\x22\x11\0\x0c\xc0\0\x02\x07\xc6\x33\x64\x01\x15\x38\0\x50"),
     "bad v2"},
    {GN_PROXY_V2, BYTES(SIGNATURE "\x2f\0\0\0"), "bad v2"},
    {GN_PROXY_V2, BYTES(SIGNATURE "\x21\x12\0\x0c\xc0\0\x02\x07\xc6\x33\x64\x01\x15\x38\0\x50"),
     "bad v2"},
    {GN_PROXY_V2, BYTES(SIGNATURE "\x21\x10\0\x0c\xc0\0\x02\x07\xc6\x33\x64\x01\x15\x38\0\x50"),
     "bad v2"},
    {GN_PROXY_V2, BYTES(SIGNATURE "\x21\x22\0\x24"), "bad v2"},
    {GN_PROXY_V2, BYTES(SIGNATURE "\x21\x32\0\xd8"), "bad v2"},
    {GN_PROXY_V2, BYTES(SIGNATURE "\x21\x41\0\x0c"), "bad v2"},
    {GN_PROXY_V2, BYTES(SIGNATURE "\x21\x13\0\x0c"), "bad v2"},
    {GN_PROXY_V2, BYTES(SIGNATURE "\x21\x02\0\0"), "bad v2"},
    {GN_PROXY_V2, BYTES(SIGNATURE "\x21\x11\0\x0b\xc0\0\x02\x07\xc6\x33\x64\x01\x15\x38\0"),
     "bad v2"},
    {GN_PROXY_V2, BYTES(SIGNATURE "\x21\x11\0\0" REST), "bad v2"},
    {GN_PROXY_V2, BYTES(SIGNATURE "\x21\x21\0\x23"), "bad v2"},
    {GN_PROXY_V2, BYTES(SIGNATURE "\x21\x11\0"), "more v2"},
    {GN_PROXY_V2, BYTES(SIGNATURE "\x21\x11\0\x0c\xc0\0\x02\x07\xc6\x33\x64\x01\x15\x38\0"),
     "more v2"},
    {GN_PROXY_V2, BYTES(SIGNATURE "\x20\0\xff\xff"), "more v2"},
    {GN_PROXY_V2, BYTES(SIGNATURE), "more v2"},
};

static void
describe(enum gn_proxy_result result, const struct gn_proxy *p, char *out, size_t size)
{
    static const char *const names[] = {"more", "none", "done", "bad"};
    int n = snprintf(out, size, "%s", names[result]);

    if (result == GN_PROXY_DONE)
        n += snprintf(out + n, size - (size_t)n, " %zu:", p->bytes);
    if (p->version != 0)
        n += snprintf(out + n, size - (size_t)n, " v%d", p->version);
    if (result != GN_PROXY_DONE)
        return;
    if (!p->has_addresses)
        snprintf(out + n, size - (size_t)n, " none");
    else
        snprintf(out + n, size - (size_t)n, " %s %s %u %s %u", gn_proxy_family_name(p),
                 p->source.text, p->source.port, p->destination.text, p->destination.port);
}

/* A copy without a byte behind it, so that reading over the end is seen. */
static enum gn_proxy_result
parse_copy(enum gn_proxy_versions versions, struct gn_slice s, struct gn_proxy *p,
           struct gn_http_error *e)
{
    char *copy = malloc(s.n > 0 ? s.n : 1);
    enum gn_proxy_result result;

    ck_assert_ptr_nonnull(copy);
    memcpy(copy, s.p, s.n);
    memset(p, 0x5a, sizeof(*p));
    memset(e, 0, sizeof(*e));
    result = gn_proxy_parse(versions, copy, s.n, p, e);
    free(copy);
    return result;
}

START_TEST(proxy_parse)
{
    const struct row *row = &rows[_i];
    struct gn_http_error error;
    struct gn_proxy p;
    char got[256];

    describe(parse_copy(row->versions, row->data, &p, &error), &p, got, sizeof(got));
    ck_assert_str_eq(got, row->want);
    ck_assert_int_eq(error.message[0] != '\0', strncmp(got, "bad", 3) == 0);
}
END_TEST

/* Byte by byte: MORE until the result of the whole is reached. */
START_TEST(proxy_parse_split)
{
    const struct row *row = &rows[_i];
    enum gn_proxy_result result = GN_PROXY_MORE;
    struct gn_http_error error;
    struct gn_proxy p;
    char got[256];

    for (size_t n = 0; n <= row->data.n && result == GN_PROXY_MORE; n++)
        result = parse_copy(row->versions, gn_slice(row->data.p, n), &p, &error);
    describe(result, &p, got, sizeof(got));
    ck_assert_str_eq(got, row->want);
}
END_TEST

START_TEST(proxy_parse_v1_endless)
{
    char data[4096];
    struct gn_http_error error;
    struct gn_proxy p;

    memset(data, '1', sizeof(data));
    memcpy(data, "PROXY TCP4 ", 11);
    ck_assert_int_eq(gn_proxy_parse(GN_PROXY_V1, data, 106, &p, &error), GN_PROXY_MORE);
    ck_assert_int_eq(gn_proxy_parse(GN_PROXY_V1, data, 107, &p, &error), GN_PROXY_BAD);
    ck_assert_int_eq(gn_proxy_parse(GN_PROXY_V1, data, sizeof(data), &p, &error), GN_PROXY_BAD);
    ck_assert_int_eq(error.id, GN_HTTP_E_INVALID_PROXY_LINE);
    ck_assert_int_eq(strncmp(error.message, "Invalid PROXY line: 'PROXY TCP4 111", 35), 0);
}
END_TEST

/* The longest header that the length field can tell, and a Unix client. */
START_TEST(proxy_parse_v2_longest)
{
    static char data[GN_PROXY_V2_MAX_BYTES + 3];
    struct gn_http_error error;
    struct gn_proxy p;

    memset(data, 'x', sizeof(data));
    memcpy(data, SIGNATURE "\x21\x31\xff\xff", 16);
    ck_assert_int_eq(gn_proxy_parse(GN_PROXY_V2, data, GN_PROXY_V2_MAX_BYTES - 1, &p, &error),
                     GN_PROXY_MORE);
    ck_assert_int_eq(gn_proxy_parse(GN_PROXY_V2, data, sizeof(data), &p, &error), GN_PROXY_DONE);
    ck_assert_uint_eq(p.bytes, GN_PROXY_V2_MAX_BYTES);
    ck_assert(!p.has_addresses);
    ck_assert_int_eq(p.family, AF_UNSPEC);
}
END_TEST

/* What is quoted of a bad line is printable. */
START_TEST(proxy_parse_message)
{
    static const char line[] = "PROXY TCP4 <b>\xff\x01 2 3 4\r\n";
    struct gn_http_error error;
    struct gn_proxy p;

    ck_assert_int_eq(gn_proxy_parse(GN_PROXY_V1, line, sizeof(line) - 1, &p, &error), GN_PROXY_BAD);
    ck_assert_str_eq(error.message, "Invalid PROXY line: 'PROXY TCP4 <b>\\xff\\x01 2 3 4'");
    ck_assert(!p.has_addresses);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("http_proxyproto");
    TCase *tc = tcase_create("gn_proxy_parse");
    SRunner *sr;
    int failed;

    tcase_add_loop_test(tc, proxy_parse, 0, (int)GN_ARRAY_LEN(rows));
    tcase_add_loop_test(tc, proxy_parse_split, 0, (int)GN_ARRAY_LEN(rows));
    tcase_add_test(tc, proxy_parse_v1_endless);
    tcase_add_test(tc, proxy_parse_v2_longest);
    tcase_add_test(tc, proxy_parse_message);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
