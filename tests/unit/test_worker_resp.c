#include "test_worker_support.h"

static struct bench b;

static void
setup(void)
{
    bench_init(&b);
    bench_connect(&b, 0);
}

static void
teardown(void)
{
    bench_fini(&b);
}

/* Makes the connection hold this request; whether the engine would keep it alive is `keep`. */
static void
ask(const char *method, int minor, bool keep)
{
    char head[100];

    snprintf(head, sizeof(head), "%s / HTTP/1.%d\r\nHost: x\r\n\r\n", method, minor);
    ck_assert_int_eq(bench_feed_str(&b, head), GN_CONN_READY);
    b.c->may_keep_alive = keep;
}

static void
start(const char *status)
{
    const char *why = NULL;

    ck_assert_msg(gn_resp_start(&b.c->resp, gn_slice_str(status), &why), "%s: %s", status, why);
}

static bool
add(const char *name, const char *value, const char **why)
{
    return gn_resp_add(&b.c->resp, gn_slice_str(name), gn_slice_str(value), why);
}

/* "Name: value" lines, separated by '|'. */
static void
add_all(const char *fields)
{
    struct gn_slice rest = gn_slice_str(fields);
    const char *why = NULL;

    while (rest.p != NULL && rest.n > 0) {
        struct gn_slice line = gn_slice_cut(&rest, '|');
        size_t colon = gn_slice_find(line, ':');

        ck_assert_msg(gn_resp_add(&b.c->resp, gn_slice(line.p, colon),
                                  gn_slice(line.p + colon + 1, line.n - colon - 1), &why),
                      "%.*s: %s", GN_SLICE_ARG(line), why);
    }
}

/* What the client has got, its date taken out. */
static char *
received(void)
{
    struct gn_buf got = {0};
    char *date, *end;

    bench_receive_all(&b, &got);
    ck_assert(gn_buf_append(&got, "", 1));
    date = strstr(got.data, "Date: ");
    if (date != NULL) {
        end = strstr(date, "\r\n");
        ck_assert_ptr_nonnull(end);
        ck_assert_int_eq(end - date, 6 + 29);
        memmove(date, end + 2, strlen(end + 2) + 1);
    }
    return got.data;
}

/* ---- framing ---- */

#define OK11 "HTTP/1.1 200 OK\r\nServer: gunicorn\r\n"
#define OK10 "HTTP/1.0 200 OK\r\nServer: gunicorn\r\n"
#define CLOSE "Connection: close\r\n"
#define KEEP "Connection: keep-alive\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n"

/* One response in a few lines. */
/* clang-format off */
static const struct {
    const char *method;
    int minor;
    bool keep;
    const char *status;
    const char *fields;  /* of the application, separated by '|' */
    const char *body[4]; /* in pieces */
    const char *bytes;   /* on the wire, without the date */
    bool keeps_alive;
    bool was_cut, is_short;
    unsigned body_bytes; /* without framing */
} responses[] = {
    /* a length */
    {"GET", 1, true, "200 OK", "Content-Length:5", {"hello"},
     OK11 KEEP "Content-Length: 5\r\n\r\nhello", true, false, false, 5},
    {"GET", 1, false, "200 OK", "Content-Length:5", {"hel", "lo"},
     OK11 CLOSE "Content-Length: 5\r\n\r\nhello", false, false, false, 5},
    {"GET", 0, true, "200 OK", "Content-Length:5", {"hello"},
     OK10 KEEP "Content-Length: 5\r\n\r\nhello", true, false, false, 5},
    {"GET", 1, true, "200 OK", "Content-Length:0", {NULL},
     OK11 KEEP "Content-Length: 0\r\n\r\n", true, false, false, 0},
    {"GET", 1, true, "200 OK", "content-length: 5 |X-A:b", {"hello"},
     OK11 KEEP "content-length: 5\r\nX-A: b\r\n\r\nhello", true, false, false, 5},
    {"GET", 1, true, "200 OK", "Content-Length:5|Content-Length:5", {"hello"},
     OK11 KEEP "Content-Length: 5\r\n\r\nhello", true, false, false, 5},
    /* chunks */
    {"GET", 1, true, "200 OK", "", {"hello"},
     OK11 KEEP CHUNKED "\r\n5\r\nhello\r\n0\r\n\r\n", true, false, false, 5},
    {"GET", 1, false, "200 OK", "", {"one", "", "twelve bytes"},
     OK11 CLOSE CHUNKED "\r\n3\r\none\r\nc\r\ntwelve bytes\r\n0\r\n\r\n", false, false, false,
     15},
    {"GET", 1, true, "200 OK", "", {NULL},
     OK11 KEEP CHUNKED "\r\n0\r\n\r\n", true, false, false, 0},
    {"GET", 1, true, "200 OK", "Transfer-Encoding:gzip", {"hello"},
     OK11 KEEP CHUNKED "\r\n5\r\nhello\r\n0\r\n\r\n", true, false, false, 5},
    /* delimited by the end of the connection */
    {"GET", 0, true, "200 OK", "", {"hel", "lo"},
     OK10 CLOSE "\r\nhello", false, false, false, 5},
    /* without a body, whatever the application gives */
    {"HEAD", 1, true, "200 OK", "Content-Length:5", {"hello"},
     OK11 KEEP "Content-Length: 5\r\n\r\n", true, false, false, 0},
    {"HEAD", 1, true, "200 OK", "", {"hello"},
     OK11 KEEP "\r\n", true, false, false, 0},
    {"HEAD", 0, true, "200 OK", "", {"hello"},
     OK10 KEEP "\r\n", true, false, false, 0},
    {"GET", 1, true, "102 Processing", "Content-Length:1", {"x"},
     "HTTP/1.1 102 Processing\r\nServer: gunicorn\r\n" CLOSE "\r\n", false, false, false, 0},
    {"GET", 1, true, "204 No Content", "", {"x"},
     "HTTP/1.1 204 No Content\r\nServer: gunicorn\r\n" KEEP "\r\n", true, false, false, 0},
    {"GET", 1, true, "204 No Content", "X-A:1|Content-Length:4|X-B:2", {"body"},
     "HTTP/1.1 204 No Content\r\nServer: gunicorn\r\n" KEEP "X-A: 1\r\nX-B: 2\r\n\r\n", true,
     false, false, 0},
    {"GET", 1, true, "304 Not Modified", "Content-Length:4", {"body"},
     "HTTP/1.1 304 Not Modified\r\nServer: gunicorn\r\n" KEEP "Content-Length: 4\r\n\r\n", true,
     false, false, 0},
    /* too much, too little */
    {"GET", 1, true, "200 OK", "Content-Length:4", {"lo", "ng", "er"},
     OK11 KEEP "Content-Length: 4\r\n\r\nlong", true, true, false, 4},
    {"GET", 1, true, "200 OK", "Content-Length:4", {"longer"},
     OK11 KEEP "Content-Length: 4\r\n\r\nlong", true, true, false, 4},
    {"GET", 1, true, "200 OK", "Content-Length:0", {"x"},
     OK11 KEEP "Content-Length: 0\r\n\r\n", true, true, false, 0},
    {"GET", 1, true, "200 OK", "Content-Length:9", {"short"},
     OK11 KEEP "Content-Length: 9\r\n\r\nshort", false, false, true, 5},
    {"HEAD", 1, true, "200 OK", "Content-Length:9", {NULL},
     OK11 KEEP "Content-Length: 9\r\n\r\n", true, false, false, 0},
    /* fields that are the server's */
    {"GET", 1, true, "200 OK",
     "Connection:close|Server:mine|Date:never|Keep-Alive:5|Content-Length:1", {"x"},
     OK11 KEEP "Content-Length: 1\r\n\r\nx", true, false, false, 1},
    {"GET", 1, true, "101 Switching Protocols", "Connection:Upgrade|Upgrade:websocket", {NULL},
     "HTTP/1.1 101 Switching Protocols\r\nServer: gunicorn\r\nConnection: Upgrade\r\n"
     "Upgrade: websocket\r\n\r\n", false, false, false, 0},
    {"GET", 1, true, "200 OK", "Upgrade:h2c|Content-Length:1", {"x"},
     OK11 KEEP "Content-Length: 1\r\n\r\nx", true, false, false, 1},
    /* a status of three digits alone */
    {"GET", 1, true, "200", "Content-Length:1", {"x"},
     "HTTP/1.1 200 \r\nServer: gunicorn\r\n" KEEP "Content-Length: 1\r\n\r\nx", true, false,
     false, 1},
};
/* clang-format on */

static void
check_response(int i, bool sends)
{
    struct gn_resp *r = &b.c->resp;
    char *got;

    ask(responses[i].method, responses[i].minor, responses[i].keep);
    start(responses[i].status);
    add_all(responses[i].fields);
    for (size_t k = 0; k < 4 && responses[i].body[k] != NULL; k++) {
        struct gn_slice piece = gn_slice_str(responses[i].body[k]);

        ck_assert(sends ? gn_resp_send(r, piece) : gn_resp_append(r, piece));
    }
    ck_assert_int_eq(r->is_sent, sends && responses[i].body[0] != NULL);
    gn_resp_end(r);
    gn_resp_end(r);
    ck_assert(gn_resp_flush(r));
    ck_assert(r->is_done && r->is_sent && !r->is_broken);
    ck_assert_int_eq(r->keeps_alive, responses[i].keeps_alive);
    ck_assert_int_eq(r->was_cut, responses[i].was_cut);
    ck_assert_int_eq(r->is_short, responses[i].is_short);
    ck_assert_uint_eq(r->body_bytes, responses[i].body_bytes);
    got = received();
    ck_assert_str_eq(got, responses[i].bytes);
    free(got);
}

START_TEST(appended)
{
    check_response(_i, false);
}
END_TEST

START_TEST(sent)
{
    check_response(_i, true);
}
END_TEST

/* A worker that is about to leave says so. */
START_TEST(leaving_worker_closes)
{
    char *got;

    ask("GET", 1, true);
    b.worker.is_alive = false;
    start("200 OK");
    add_all("Content-Length:1");
    ck_assert(gn_resp_append(&b.c->resp, GN_SLICE("x")));
    gn_resp_end(&b.c->resp);
    ck_assert(gn_resp_flush(&b.c->resp));
    ck_assert(!b.c->resp.keeps_alive);
    got = received();
    ck_assert_str_eq(got, OK11 CLOSE "Content-Length: 1\r\n\r\nx");
    free(got);
}
END_TEST

START_TEST(head_leaves_once)
{
    char *got;

    ask("GET", 1, true);
    start("200 OK");
    add_all("Content-Length:2");
    ck_assert(gn_resp_queue_head(&b.c->resp));
    ck_assert(gn_resp_queue_head(&b.c->resp));
    ck_assert(gn_resp_flush(&b.c->resp));
    ck_assert(gn_resp_queue_head(&b.c->resp));
    ck_assert(gn_resp_send(&b.c->resp, GN_SLICE("ok")));
    ck_assert(gn_resp_flush(&b.c->resp));
    got = received();
    ck_assert_str_eq(got, OK11 KEEP "Content-Length: 2\r\n\r\nok");
    free(got);
}
END_TEST

/* ---- gn_resp_start, gn_resp_add ---- */

START_TEST(second_start_forgets_the_first)
{
    char *got;

    ask("GET", 1, true);
    start("200 OK");
    add_all("Content-Length:100|X-First:1|Connection:upgrade");
    start("503 Sorry");
    add_all("X-Second:2|Content-Length:5");
    ck_assert(gn_resp_append(&b.c->resp, GN_SLICE("sorry")));
    gn_resp_end(&b.c->resp);
    ck_assert(gn_resp_flush(&b.c->resp));
    got = received();
    ck_assert_str_eq(got, "HTTP/1.1 503 Sorry\r\nServer: gunicorn\r\n" KEEP
                          "X-Second: 2\r\nContent-Length: 5\r\n\r\nsorry");
    ck_assert_int_eq(b.c->resp.code, 503);
    free(got);
}
END_TEST

static const char *const bad_statuses[] = {
    "", "OK", "20 OK", "2000 OK", "200OK", "200 OK\r\nX: y", "200 \n", "099 Low"};

START_TEST(bad_status)
{
    const char *why = NULL;

    ask("GET", 1, true);
    ck_assert(!gn_resp_start(&b.c->resp, gn_slice_str(bad_statuses[_i]), &why));
    ck_assert_ptr_nonnull(why);
    ck_assert(!b.c->resp.is_started);
}
END_TEST

static const char *const bad_fields[][2] = {{"", "x"},
                                            {"A B", "x"},
                                            {"A:B", "x"},
                                            {"A\r\nB", "x"},
                                            {"A", "x\r\nB: y"},
                                            {"A", "x\ny"},
                                            {"A", "\x01"},
                                            {"A\xe9", "x"},
                                            {"Content-Length", "-1"},
                                            {"Content-Length", "+1"},
                                            {"Content-Length", "1_0"},
                                            {"Content-Length", "99999999999999999999"}};

START_TEST(bad_field)
{
    const char *why = NULL;

    ask("GET", 1, true);
    start("200 OK");
    ck_assert(!add(bad_fields[_i][0], bad_fields[_i][1], &why));
    ck_assert_ptr_nonnull(why);
    ck_assert_uint_eq(gn_buf_len(&b.c->resp.fields), 0);
}
END_TEST

START_TEST(two_lengths)
{
    const char *why = NULL;

    ask("GET", 1, true);
    start("200 OK");
    ck_assert(add("Content-Length", "5", &why));
    ck_assert(!add("content-length", "6", &why));
    ck_assert_ptr_nonnull(why);
    ck_assert_int_eq(b.c->resp.content_length, 5);
}
END_TEST

/* ---- gn_resp_field ---- */

static const struct {
    const char *name, *value; /* NULL: not there */
} look_ups[] = {
    {"x-one", "first"},      {"x-two", "with: colon"}, {"x-empty", ""},  {"x-many", "a"},
    {"content-length", "3"}, {"x-on", NULL},           {"x-one:", NULL}, {"", NULL},
    {"server", NULL},        {"connection", NULL}};

START_TEST(look_up)
{
    struct gn_slice found;

    ask("GET", 1, true);
    ck_assert_ptr_null(gn_resp_field(&b.c->resp, gn_slice_str(look_ups[_i].name)).p);
    start("200 OK");
    add_all("X-One:first|X-TWO: with: colon |X-Empty:|X-Many:a|X-Many:b|Content-Length:3|Server:s");
    found = gn_resp_field(&b.c->resp, gn_slice_str(look_ups[_i].name));
    if (look_ups[_i].value == NULL) {
        ck_assert_ptr_null(found.p);
    } else {
        ck_assert_ptr_nonnull(found.p);
        ck_assert_slice_eq(found, look_ups[_i].value);
    }
}
END_TEST

/* ---- gn_resp_error_page ---- */

START_TEST(error_page_replaces_what_was_queued)
{
    char *got;

    ask("GET", 1, true);
    start("200 OK");
    add_all("X-Secret:1");
    ck_assert(gn_resp_append(&b.c->resp, GN_SLICE("half of a page")));
    gn_resp_error_page(&b.c->resp, 500, "Internal Server Error", "<reason>");
    gn_resp_end(&b.c->resp);
    ck_assert(gn_resp_flush(&b.c->resp));
    ck_assert(!b.c->resp.keeps_alive);
    ck_assert_int_eq(b.c->resp.code, 500);
    got = received();
    ck_assert_ptr_eq(strstr(got, "HTTP/1.1 500 Internal Server Error\r\n"), got);
    ck_assert_ptr_nonnull(strstr(got, CLOSE));
    ck_assert_ptr_nonnull(strstr(got, "&lt;reason&gt;"));
    ck_assert_ptr_null(strstr(got, "half"));
    ck_assert_ptr_null(strstr(got, "X-Secret"));
    ck_assert_ptr_null(strstr(got, "0\r\n\r\n"));
    free(got);
}
END_TEST

START_TEST(error_page_for_head)
{
    char *got, *body;

    ask("HEAD", 1, true);
    gn_resp_error_page(&b.c->resp, 500, "Internal Server Error", "");
    ck_assert(gn_resp_flush(&b.c->resp));
    got = received();
    body = strstr(got, "\r\n\r\n");
    ck_assert_ptr_nonnull(body);
    ck_assert_str_eq(body, "\r\n\r\n");
    free(got);
}
END_TEST

/* ---- flush, send, sendfile against a slow client ---- */

enum { LARGE = 400000 };

static char *
large_data(void)
{
    char *p = malloc(LARGE);

    ck_assert_ptr_nonnull(p);
    for (size_t i = 0; i < LARGE; i++)
        p[i] = (char)('a' + i % 23);
    return p;
}

static void
check_large(struct taker *t, const char *data, const char *before, const char *after)
{
    struct gn_slice got = gn_buf_slice(&t->got);
    struct gn_slice tail = gn_slice_str(after);
    const char *body = memmem(got.p, got.n, "\r\n\r\n", 4);
    size_t first = strlen(before);

    ck_assert_ptr_nonnull(body);
    body += 4;
    ck_assert_uint_eq(got.n - (size_t)(body - got.p), first + LARGE + tail.n);
    ck_assert_int_eq(memcmp(body, before, first), 0);
    ck_assert_int_eq(memcmp(body + first, data, LARGE), 0);
    ck_assert_int_eq(memcmp(body + first + LARGE, tail.p, tail.n), 0);
    gn_buf_fini(&t->got);
}

enum way { APPENDED, SENT, FROM_FILE, WAYS };

static void
give_large(enum way way, const char *data)
{
    struct gn_resp *r = &b.c->resp;
    bool unsupported = true;
    FILE *f;

    if (way == APPENDED) {
        ck_assert(gn_resp_append(r, gn_slice(data, LARGE)));
        return;
    }
    if (way == SENT) {
        ck_assert(gn_resp_send(r, gn_slice(data, LARGE)));
        return;
    }
    f = tmpfile();
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite("skipped", 1, 7, f), 7);
    ck_assert_uint_eq(fwrite(data, 1, LARGE, f), LARGE);
    ck_assert_int_eq(fflush(f), 0);
    ck_assert(gn_resp_sendfile(r, fileno(f), 7, LARGE, &unsupported));
    ck_assert(!unsupported);
    ck_assert(gn_resp_keep_file(r));
    fclose(f);
}

START_TEST(small_buffers)
{
    static struct taker t;
    bool is_chunked = _i >= WAYS;
    char *data = large_data();

    bench_disconnect(&b);
    bench_connect(&b, SMALL_BUFFER);
    ask("GET", 1, false);
    start("200 OK");
    if (!is_chunked)
        add_all("Content-Length:400000");
    taker_start(&t, b.client);
    give_large(_i % WAYS, data);
    gn_resp_end(&b.c->resp);
    ck_assert(gn_resp_flush(&b.c->resp));
    ck_assert_uint_eq(b.c->resp.body_bytes, LARGE);
    ck_assert(!b.c->resp.is_broken && !b.c->resp.is_short);
    gn_conn_close(b.c);
    taker_join(&t);
    if (is_chunked)
        check_large(&t, data, "61a80\r\n", "\r\n0\r\n\r\n");
    else
        check_large(&t, data, "", "");
    free(data);
}
END_TEST

/* Nobody reads: the response is given up, and nothing more is tried. */
START_TEST(client_that_does_not_read)
{
    char *data = large_data();

    bench_disconnect(&b);
    bench_connect(&b, SMALL_BUFFER);
    ask("GET", 1, true);
    b.service.io_timeout_ns = GN_NS_PER_S / 20;
    start("200 OK");
    add_all("Content-Length:400000");
    ck_assert(!gn_resp_send(&b.c->resp, gn_slice(data, LARGE)));
    ck_assert(b.c->resp.is_broken);
    ck_assert(!gn_resp_send(&b.c->resp, GN_SLICE("more")));
    gn_resp_end(&b.c->resp);
    ck_assert(!gn_resp_flush(&b.c->resp));
    ck_assert(b.c->resp.is_broken);
    free(data);
}
END_TEST

START_TEST(file_is_cut_to_the_length)
{
    bool unsupported = true;
    FILE *f = tmpfile();
    char *got;

    ck_assert_ptr_nonnull(f);
    ck_assert_int_ge(fputs("0123456789", f), 0);
    ck_assert_int_eq(fflush(f), 0);
    ask("GET", 1, true);
    start("200 OK");
    add_all("Content-Length:4");
    ck_assert(gn_resp_sendfile(&b.c->resp, fileno(f), 3, 7, &unsupported));
    ck_assert(!unsupported);
    gn_resp_end(&b.c->resp);
    ck_assert(gn_resp_flush(&b.c->resp));
    ck_assert(b.c->resp.keeps_alive);
    got = received();
    ck_assert_str_eq(got, OK11 KEEP "Content-Length: 4\r\n\r\n3456");
    free(got);
    fclose(f);
}
END_TEST

/* The head promised a chunk of the size that the file had. */
START_TEST(file_that_became_shorter)
{
    bool unsupported = true;
    FILE *f = tmpfile();

    ck_assert_ptr_nonnull(f);
    ck_assert_int_ge(fputs("0123456789", f), 0);
    ck_assert_int_eq(fflush(f), 0);
    ask("GET", 1, true);
    start("200 OK");
    ck_assert(gn_resp_sendfile(&b.c->resp, fileno(f), 0, 20, &unsupported));
    ck_assert(!unsupported);
    gn_resp_end(&b.c->resp);
    ck_assert(!gn_resp_flush(&b.c->resp));
    ck_assert(b.c->resp.is_broken && b.c->resp.is_short);
    fclose(f);
}
END_TEST

START_TEST(no_sendfile_from_a_pipe)
{
    bool unsupported = false;
    char *got;

    ask("GET", 1, true);
    start("200 OK");
    add_all("Content-Length:2");
    ck_assert(gn_resp_sendfile(&b.c->resp, b.worker.wake_fd[0], 0, 2, &unsupported));
    ck_assert(unsupported);
    ck_assert(!b.c->resp.is_sent);
    ck_assert(gn_resp_send(&b.c->resp, GN_SLICE("ok")));
    got = received();
    ck_assert_str_eq(got, OK11 KEEP "Content-Length: 2\r\n\r\nok");
    free(got);
}
END_TEST

/* ---- gn_resp_reset ---- */

START_TEST(next_response_knows_nothing_of_the_last)
{
    char *got;

    ask("HEAD", 1, true);
    start("500 Broken");
    add_all("X-Old:1|Content-Length:5|Connection:upgrade");
    gn_resp_end(&b.c->resp);
    ck_assert(gn_conn_drain_body(b.c));
    ck_assert(gn_conn_next(b.c));
    ck_assert_int_eq(b.c->resp.code, 0);
    ck_assert_int_eq(b.c->resp.content_length, -1);
    ask("GET", 1, true);
    start("200 OK");
    ck_assert(gn_resp_append(&b.c->resp, GN_SLICE("new")));
    gn_resp_end(&b.c->resp);
    ck_assert(gn_resp_flush(&b.c->resp));
    got = received();
    ck_assert_str_eq(got, OK11 KEEP CHUNKED "\r\n3\r\nnew\r\n0\r\n\r\n");
    free(got);
}
END_TEST

/* ---- suites ---- */

static TCase *
add_case(Suite *suite, const char *name)
{
    TCase *tc = tcase_create(name);

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    suite_add_tcase(suite, tc);
    return tc;
}

/* ---- early hints ---- */

static const struct {
    const char *name, *value;
    const char *line; /* as it is sent; NULL: refused */
} hint_fields[] = {
    {"Link", "</a.css>; rel=preload", "Link: </a.css>; rel=preload\r\n"},
    {"X-A", " b\t", "X-A: b\r\n"},
    {"Content-Length", "5", ""},
    {"Connection", "close", ""},
    {"Transfer-Encoding", "chunked", ""},
    {"Server", "mine", ""},
    {"Link", "a\r\nX: y", NULL},
    {"Li nk", "a", NULL},
};

START_TEST(hint_field)
{
    struct gn_buf hints = {0};
    const char *why = NULL;
    bool ok = gn_resp_hint_add(&hints, gn_slice_str(hint_fields[_i].name),
                               gn_slice_str(hint_fields[_i].value), &why);

    ck_assert_int_eq(ok, hint_fields[_i].line != NULL);
    if (ok)
        ck_assert(gn_slice_eq(gn_buf_slice(&hints), gn_slice_str(hint_fields[_i].line)));
    else
        ck_assert_ptr_nonnull(why);
    gn_buf_fini(&hints);
}
END_TEST

#define HINT "HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n"

/* Sent before the head, as often as wanted; without effect behind it. */
START_TEST(hints_come_before_the_head)
{
    struct gn_slice hints = GN_SLICE("Link: <a>\r\n");
    char *got;

    ask("GET", 1, true);
    gn_resp_send_hints(&b.c->resp, hints);
    gn_resp_send_hints(&b.c->resp, gn_slice(NULL, 0));
    start("200 OK");
    gn_resp_send_hints(&b.c->resp, hints);
    ck_assert(gn_resp_append(&b.c->resp, GN_SLICE("hello")));
    gn_resp_send_hints(&b.c->resp, hints);
    gn_resp_end(&b.c->resp);
    ck_assert(gn_resp_flush(&b.c->resp));
    got = received();
    ck_assert_str_eq(got, HINT HINT OK11 KEEP CHUNKED "\r\n5\r\nhello\r\n0\r\n\r\n");
    free(got);
}
END_TEST

START_TEST(no_hints_for_http_1_0)
{
    char *got;

    ask("GET", 0, false);
    gn_resp_send_hints(&b.c->resp, GN_SLICE("Link: <a>\r\n"));
    start("200 OK");
    gn_resp_end(&b.c->resp);
    ck_assert(gn_resp_flush(&b.c->resp));
    got = received();
    ck_assert_str_eq(got, OK10 CLOSE "\r\n");
    free(got);
}
END_TEST

static Suite *
resp_suite(void)
{
    Suite *suite = suite_create("resp");
    TCase *tc = add_case(suite, "gn_resp_append");

    tcase_add_loop_test(tc, appended, 0, (int)GN_ARRAY_LEN(responses));
    tc = add_case(suite, "gn_resp_send");
    tcase_add_loop_test(tc, sent, 0, (int)GN_ARRAY_LEN(responses));
    tcase_add_test(tc, leaving_worker_closes);
    tcase_add_test(tc, head_leaves_once);
    tc = add_case(suite, "gn_resp_start");
    tcase_add_test(tc, second_start_forgets_the_first);
    tcase_add_loop_test(tc, bad_status, 0, (int)GN_ARRAY_LEN(bad_statuses));
    tc = add_case(suite, "gn_resp_add");
    tcase_add_loop_test(tc, bad_field, 0, (int)GN_ARRAY_LEN(bad_fields));
    tcase_add_test(tc, two_lengths);
    tc = add_case(suite, "gn_resp_field");
    tcase_add_loop_test(tc, look_up, 0, (int)GN_ARRAY_LEN(look_ups));
    tc = add_case(suite, "gn_resp_error_page");
    tcase_add_test(tc, error_page_replaces_what_was_queued);
    tcase_add_test(tc, error_page_for_head);
    tc = add_case(suite, "gn_resp_flush");
    tcase_add_loop_test(tc, small_buffers, 0, 2 * WAYS);
    tcase_add_test(tc, client_that_does_not_read);
    tc = add_case(suite, "gn_resp_sendfile");
    tcase_add_test(tc, file_is_cut_to_the_length);
    tcase_add_test(tc, file_that_became_shorter);
    tcase_add_test(tc, no_sendfile_from_a_pipe);
    tc = add_case(suite, "gn_resp_send_hints");
    tcase_add_loop_test(tc, hint_field, 0, (int)GN_ARRAY_LEN(hint_fields));
    tcase_add_test(tc, hints_come_before_the_head);
    tcase_add_test(tc, no_hints_for_http_1_0);
    tc = add_case(suite, "gn_resp_reset");
    tcase_add_test(tc, next_response_knows_nothing_of_the_last);
    return suite;
}

int
main(void)
{
    return bench_run_suite(resp_suite());
}
