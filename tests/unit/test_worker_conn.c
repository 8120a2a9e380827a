#include "test_worker_support.h"

#include <sched.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

static struct bench b;

static void
setup(void)
{
    bench_init(&b);
    bench_connect(&b, 0);
}

static void
setup_wide(void)
{
    static const char *const words[] = {"--limit-request-line", "0", "--limit-request-field_size",
                                        "0", NULL};

    bench_init_with(&b, words);
    bench_connect(&b, 0);
}

static void
setup_silent(void)
{
    bench_init(&b);
}

static void
teardown(void)
{
    bench_fini(&b);
}

static const char get[] = "GET /path?q=1 HTTP/1.1\r\nHost: example.org\r\nX-One: first\r\n\r\n";

static void
check_get(void)
{
    const struct gn_http_head *h = &b.c->parser.head;

    ck_assert_slice_eq(h->method, "GET");
    ck_assert_slice_eq(h->path, "/path");
    ck_assert_slice_eq(h->query, "q=1");
    ck_assert_slice_eq(h->host, "example.org");
    ck_assert_ptr_nonnull(gn_http_find(h, GN_SLICE("x-one")));
    ck_assert_slice_eq(gn_http_find(h, GN_SLICE("X-One"))->value, "first");
}

/* ---- gn_conn_accept ---- */

START_TEST(accept_without_a_client)
{
    errno = 0;
    ck_assert_ptr_null(gn_conn_accept(&b.service, &b.listener));
    ck_assert_int_eq(errno, EAGAIN);
}
END_TEST

START_TEST(accept_knows_the_peer)
{
    struct sockaddr_in sin;
    socklen_t len = sizeof(sin);

    ck_assert_int_eq(getsockname(b.client, (struct sockaddr *)&sin, &len), 0);
    ck_assert_str_eq(b.c->peer_text, "127.0.0.1");
    ck_assert_int_eq(b.c->peer_port, ntohs(sin.sin_port));
    ck_assert(b.c->is_trusted);
    ck_assert_int_eq(b.c->state, GN_CONN_HEAD);
    ck_assert_int_ne(fcntl(b.c->fd, F_GETFL) & O_NONBLOCK, 0);
    ck_assert_int_ne(fcntl(b.c->fd, F_GETFD) & FD_CLOEXEC, 0);
}
END_TEST

/* A connection made from the memory of an earlier one knows nothing of it. */
START_TEST(accept_reuses_memory)
{
    for (int i = 0; i < 2 * GN_SERVICE_SPARE + 3; i++) {
        ck_assert_int_eq(bench_feed_str(&b, get), GN_CONN_READY);
        check_get();
        bench_disconnect(&b);
        bench_connect(&b, 0);
        ck_assert_uint_eq(gn_buf_len(&b.c->in), 0);
        ck_assert_uint_eq(gn_buf_len(&b.c->resp.out), 0);
        ck_assert_int_eq(b.c->state, GN_CONN_HEAD);
    }
}
END_TEST

/* ---- gn_conn_read: heads ---- */

START_TEST(head_whole)
{
    ck_assert_int_eq(bench_feed_str(&b, get), GN_CONN_READY);
    check_get();
    ck_assert_int_ne(b.c->started_ns, 0);
}
END_TEST

START_TEST(head_in_two)
{
    size_t n = sizeof(get) - 1;

    for (size_t cut = 1; cut < n; cut++) {
        ck_assert_int_eq(bench_feed(&b, get, cut), GN_CONN_WAIT);
        ck_assert_int_eq(gn_conn_read(b.c), GN_CONN_WAIT);
        ck_assert_int_eq(bench_feed(&b, get + cut, n - cut), GN_CONN_READY);
        check_get();
        bench_disconnect(&b);
        bench_connect(&b, 0);
    }
}
END_TEST

START_TEST(head_byte_by_byte)
{
    size_t n = sizeof(get) - 1;

    for (size_t i = 0; i < n; i++)
        ck_assert_int_eq(bench_feed(&b, get + i, 1), i + 1 < n ? GN_CONN_WAIT : GN_CONN_READY);
    check_get();
}
END_TEST

/* Reading the end of the stream. */
START_TEST(head_cut_off)
{
    bench_client_ends(&b);
    ck_assert_int_eq(gn_conn_read(b.c), GN_CONN_EOF);
    bench_disconnect(&b);
    bench_connect(&b, 0);
    ck_assert_int_eq(bench_feed(&b, get, 30), GN_CONN_WAIT);
    bench_client_ends(&b);
    ck_assert_int_eq(gn_conn_read(b.c), GN_CONN_EOF);
}
END_TEST

START_TEST(head_and_end_together)
{
    bench_send(&b, get, sizeof(get) - 1);
    bench_client_ends(&b);
    ck_assert_int_eq(gn_conn_read(b.c), GN_CONN_READY);
    check_get();
}
END_TEST

static const struct {
    const char *head;
    const char *answer;
} bad_heads[] = {
    {"nonsense\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n"},
    {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "},
    {"GET / HTTP/1.1\r\nHost: x\r\nA B: c\r\n\r\n", "HTTP/1.1 400 "},
    {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: magic\r\n\r\n", "HTTP/1.1 501 "},
    {"GET / HTTP/3.7\r\nHost: x\r\n\r\n", "HTTP/1.1 505 "},
    {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "HTTP/1.1 400 "},
    {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab", "HTTP/1.1 400 "},
};

START_TEST(head_refused)
{
    struct gn_buf got = {0};

    ck_assert_int_eq(bench_feed_str(&b, bad_heads[_i].head), GN_CONN_BAD);
    ck_assert(gn_resp_flush(&b.c->resp));
    bench_receive_all(&b, &got);
    ck_assert_msg(gn_slice_starts(gn_buf_slice(&got), gn_slice_str(bad_heads[_i].answer)), "%.*s",
                  GN_SLICE_ARG(gn_buf_slice(&got)));
    ck_assert(bench_log_has(&b, "Invalid request from ip=127.0.0.1: "));
    gn_buf_fini(&got);
}
END_TEST

/* ---- heads that end where the buffer does ---- */

/* A head of exactly `n` bytes. */
static char *
long_head(size_t n)
{
    static const char start[] = "GET /long HTTP/1.1\r\nHost: example.org\r\nX-Fill: ";
    char *head = malloc(n + 1);

    ck_assert_ptr_nonnull(head);
    memset(head, 'f', n);
    memcpy(head, start, sizeof(start) - 1);
    memcpy(head + n - 4, "\r\n\r\n", 5);
    return head;
}

static void
check_long(size_t n)
{
    const struct gn_http_head *h = &b.c->parser.head;

    ck_assert_slice_eq(h->method, "GET");
    ck_assert_slice_eq(h->path, "/long");
    ck_assert_slice_eq(h->host, "example.org");
    ck_assert_uint_eq(h->head_bytes, n);
    ck_assert_uint_eq(h->n_fields, 2);
    for (size_t i = 0; i < h->fields[1].value.n; i++) {
        if (h->fields[1].value.p[i] != 'f')
            ck_abort_msg("byte %zu of the long value is wrong", i);
    }
}

static const size_t long_sizes[] = {4096, 8191, 8192, 8193, 9216, 9217, 16384, 20000};
static const size_t long_pieces[] = {100, 1000, 4096, 8190, 8191, 8192, 8193};

START_TEST(long_head_in_pieces)
{
    size_t n = long_sizes[_i];
    char *head = long_head(n);

    for (size_t k = 0; k < GN_ARRAY_LEN(long_pieces); k++) {
        for (size_t at = 0; at < n; at += long_pieces[k]) {
            size_t piece = n - at < long_pieces[k] ? n - at : long_pieces[k];

            ck_assert_int_eq(bench_feed(&b, head + at, piece),
                             at + piece < n ? GN_CONN_WAIT : GN_CONN_READY);
        }
        check_long(n);
        bench_disconnect(&b);
        bench_connect(&b, 0);
    }
    free(head);
}
END_TEST

/* The client stops after `n` bytes of a longer head, in pieces, and its time is up. What answers it
 * and logs it looks at the slices of the unfinished head: they must not point into a buffer that
 * has moved (the address sanitizer watches). */
START_TEST(long_head_expires)
{
    size_t n = long_sizes[_i];
    char *head = long_head(n + 100);

    for (size_t k = 0; k < GN_ARRAY_LEN(long_pieces); k++) {
        struct gn_buf got = {0};

        for (size_t at = 0; at < n; at += long_pieces[k]) {
            size_t piece = n - at < long_pieces[k] ? n - at : long_pieces[k];

            ck_assert_int_eq(bench_feed(&b, head + at, piece), GN_CONN_WAIT);
        }
        ck_assert_slice_eq(b.c->parser.head.method, "GET");
        ck_assert_slice_eq(b.c->parser.head.target, "/long");
        ck_assert_int_eq(gn_conn_expire(b.c), GN_CONN_BAD);
        ck_assert_int_eq(b.c->resp.code, 408);
        gn_service_log_access(&b.service, b.c, NULL, NULL);
        ck_assert(gn_resp_flush(&b.c->resp));
        bench_receive_all(&b, &got);
        ck_assert(gn_slice_starts(gn_buf_slice(&got), GN_SLICE("HTTP/1.1 408 ")));
        gn_buf_fini(&got);
        bench_disconnect(&b);
        bench_connect(&b, 0);
    }
    free(head);
}
END_TEST

/* ---- gn_conn_expire ---- */

START_TEST(expire_of_a_silent_client)
{
    ck_assert_int_eq(gn_conn_read(b.c), GN_CONN_WAIT);
    ck_assert_int_eq(gn_conn_expire(b.c), GN_CONN_EOF);
    ck_assert_uint_eq(gn_buf_len(&b.c->resp.out), 0);
}
END_TEST

START_TEST(expire_within_a_body)
{
    ck_assert_int_eq(
        bench_feed_str(&b, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab"),
        GN_CONN_WAIT);
    ck_assert_int_eq(b.c->state, GN_CONN_BODY);
    ck_assert_int_eq(gn_conn_expire(b.c), GN_CONN_BAD);
    ck_assert_int_eq(b.c->resp.code, 408);
}
END_TEST

/* 30 seconds at 500 bytes per second: a client with an interest in its request. */
START_TEST(expire_within_a_body_at_a_fair_pace)
{
    static const char zeros[15000];
    bool is_fair = _i != 0;

    b.service.io_timeout_ns = 30 * GN_NS_PER_S;
    ck_assert_int_eq(
        bench_feed_str(&b, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n"),
        GN_CONN_WAIT);
    ck_assert_int_eq(bench_feed(&b, zeros, is_fair ? 15000 : 14999), GN_CONN_WAIT);
    ck_assert_int_eq(gn_conn_expire(b.c), is_fair ? GN_CONN_READY : GN_CONN_BAD);
}
END_TEST

/* ---- pipelining ---- */

static void
next_request(bool expected)
{
    ck_assert(gn_conn_drain_body(b.c));
    ck_assert(gn_conn_next(b.c));
    ck_assert_int_eq(b.c->state, GN_CONN_HEAD);
    ck_assert_int_eq(gn_buf_len(&b.c->in) > 0, expected);
    if (expected)
        ck_assert_int_eq(gn_conn_parse(b.c), GN_CONN_READY);
}

START_TEST(pipeline_of_heads)
{
    static const char burst[] = "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n"
                                "GET /22 HTTP/1.1\r\nHost: y\r\nX-A: b\r\n\r\n"
                                "DELETE /333 HTTP/1.0\r\n\r\n";

    ck_assert_int_eq(bench_feed_str(&b, burst), GN_CONN_READY);
    ck_assert_slice_eq(b.c->parser.head.target, "/1");
    ck_assert(!gn_conn_request_is_consumed(b.c));
    next_request(true);
    ck_assert_slice_eq(b.c->parser.head.target, "/22");
    ck_assert_slice_eq(b.c->parser.head.host, "y");
    next_request(true);
    ck_assert_slice_eq(b.c->parser.head.method, "DELETE");
    ck_assert_slice_eq(b.c->parser.head.target, "/333");
    ck_assert_uint_eq(b.c->parser.head.n_fields, 0);
    ck_assert(gn_conn_request_is_consumed(b.c));
    next_request(false);
    ck_assert_int_eq(gn_conn_read(b.c), GN_CONN_WAIT);
    ck_assert_int_eq(bench_feed_str(&b, get), GN_CONN_READY);
    check_get();
}
END_TEST

/* The second request arrives in part with the first one. */
START_TEST(pipeline_at_every_cut)
{
    size_t n = sizeof(get) - 1;
    char two[2 * sizeof(get)];

    snprintf(two, sizeof(two), "%s%s", get, get);
    for (size_t cut = n; cut < 2 * n; cut++) {
        ck_assert_int_eq(bench_feed(&b, two, cut), GN_CONN_READY);
        check_get();
        ck_assert(gn_conn_drain_body(b.c));
        ck_assert(gn_conn_next(b.c));
        if (gn_buf_len(&b.c->in) > 0)
            ck_assert_int_eq(gn_conn_parse(b.c), GN_CONN_WAIT);
        ck_assert_int_eq(bench_feed(&b, two + cut, 2 * n - cut), GN_CONN_READY);
        check_get();
        bench_disconnect(&b);
        bench_connect(&b, 0);
    }
}
END_TEST

/* ---- bodies ---- */

enum how { BY_NEXT, BY_SMALL_READS, BY_LARGE_READS, HOW_COUNT };

/* Reads the body to its end; `got` receives the data. */
static enum gn_body_result
read_body(enum how how, struct gn_buf *got)
{
    static char place[70000];
    enum gn_body_result result;
    struct gn_slice run;
    size_t n;

    for (;;) {
        if (how == BY_NEXT) {
            result = gn_conn_body_next(b.c, &run);
            if (result != GN_BODY_DATA)
                return result;
            ck_assert_uint_gt(run.n, 0);
            n = run.n > 3 ? run.n / 2 : run.n;
            ck_assert(gn_buf_append(got, run.p, n));
            gn_conn_body_take(b.c, n);
            continue;
        }
        result = gn_conn_body_read(b.c, place, how == BY_SMALL_READS ? 7 : sizeof(place), &n);
        if (result != GN_BODY_DATA) {
            ck_assert_uint_eq(n, 0);
            return result;
        }
        ck_assert_uint_gt(n, 0);
        ck_assert(gn_buf_append(got, place, n));
    }
}

/* Data without a period that divides a buffer. */
static void
fill(char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (char)('a' + i % 23);
}

static void
check_filled(const struct gn_buf *got, size_t n)
{
    struct gn_slice s = gn_buf_slice(got);

    ck_assert_uint_eq(s.n, n);
    for (size_t i = 0; i < n; i++) {
        if (s.p[i] != (char)('a' + i % 23))
            ck_abort_msg("byte %zu of %zu is wrong", i, n);
    }
}

/* A request with a body of `size` bytes, with a length or in chunks of `step`. */
static void
make_request(struct gn_buf *out, size_t size, size_t step)
{
    char *data = malloc(size + 1);

    ck_assert_ptr_nonnull(data);
    fill(data, size);
    ck_assert(gn_buf_printf(out, "POST /body HTTP/1.1\r\nHost: x\r\n"));
    if (step == 0) {
        ck_assert(gn_buf_printf(out, "Content-Length: %zu\r\n\r\n", size));
        ck_assert(gn_buf_append(out, data, size));
    } else {
        ck_assert(gn_buf_printf(out, "Transfer-Encoding: chunked\r\n\r\n"));
        for (size_t at = 0; at < size; at += step) {
            size_t n = size - at < step ? size - at : step;

            ck_assert(gn_buf_printf(out, "%zx;ext=1\r\n", n));
            ck_assert(gn_buf_append(out, data + at, n));
            ck_assert(gn_buf_append(out, "\r\n", 2));
        }
        ck_assert(gn_buf_printf(out, "0\r\nTrailer: x\r\n\r\n"));
    }
    free(data);
}

static const struct {
    size_t size, step;
} bodies[] = {{0, 0},      {1, 0},      {100, 0},      {8000, 0},    {8192, 0},
              {60000, 0},  {65536, 0},  {65537, 0},    {200000, 0},  {0, 10},
              {1, 1},      {300, 1},    {8000, 100},   {8192, 8192}, {60000, 7},
              {65536, 64}, {65537, 64}, {70000, 7000}, {200000, 999}};

struct sender {
    pthread_t id;
    int fd;
    const char *p;
    size_t n;
};

static void *
sender_main(void *arg)
{
    struct sender *s = arg;

    while (s->n > 0) {
        ssize_t n = send(s->fd, s->p, s->n < 10000 ? s->n : 10000, MSG_NOSIGNAL);

        if (n <= 0)
            break;
        s->p += n;
        s->n -= (size_t)n;
    }
    return NULL;
}

/* What the loop does until the request can run. */
static enum gn_conn_event
read_until_ready(void)
{
    enum gn_conn_event event;

    while ((event = gn_conn_read(b.c)) == GN_CONN_WAIT) {
        struct pollfd p = {.fd = b.c->fd, .events = POLLIN};

        ck_assert_int_eq(poll(&p, 1, WAIT_MS), 1);
    }
    return event;
}

/* Every body read in every way, and a request behind it that must be found. */
START_TEST(body_and_next_request)
{
    struct gn_buf out = {0};
    struct sender s = {.fd = b.client};
    size_t body_end;

    make_request(&out, bodies[_i].size, bodies[_i].step);
    body_end = gn_buf_len(&out);
    ck_assert(gn_buf_append(&out, get, sizeof(get) - 1));
    for (int how = 0; how < HOW_COUNT; how++) {
        struct gn_buf got = {0};

        s.p = out.data;
        s.n = gn_buf_len(&out);
        ck_assert_uint_lt(body_end, s.n);
        ck_assert_int_eq(pthread_create(&s.id, NULL, sender_main, &s), 0);
        ck_assert_int_eq(read_until_ready(), GN_CONN_READY);
        ck_assert_int_eq(read_body(how, &got), GN_BODY_END);
        ck_assert_int_eq(read_body(how, &got), GN_BODY_END);
        check_filled(&got, bodies[_i].size);
        ck_assert(gn_conn_drain_body(b.c));
        ck_assert(gn_conn_next(b.c));
        if (gn_buf_len(&b.c->in) == 0 || gn_conn_parse(b.c) == GN_CONN_WAIT)
            ck_assert_int_eq(read_until_ready(), GN_CONN_READY);
        check_get();
        ck_assert_int_eq(pthread_join(s.id, NULL), 0);
        gn_buf_fini(&got);
        ck_assert(gn_conn_drain_body(b.c));
        ck_assert(gn_conn_next(b.c));
        ck_assert_uint_eq(gn_buf_len(&b.c->in), 0);
    }
    gn_buf_fini(&out);
}
END_TEST

/* Small bodies are complete before the application sees the request, wherever the bytes are cut. */
START_TEST(small_body_is_collected_at_every_cut)
{
    struct gn_buf out = {0};
    size_t steps[] = {0, 3, 11};

    for (size_t k = 0; k < GN_ARRAY_LEN(steps); k++) {
        gn_buf_clear(&out);
        make_request(&out, 11, steps[k]);
        for (size_t cut = 1; cut < gn_buf_len(&out); cut++) {
            struct gn_buf got = {0};

            ck_assert_int_eq(bench_feed(&b, out.data, cut), GN_CONN_WAIT);
            ck_assert_int_eq(bench_feed(&b, out.data + cut, gn_buf_len(&out) - cut), GN_CONN_READY);
            ck_assert_int_eq(read_body(BY_NEXT, &got), GN_BODY_END);
            ck_assert(gn_conn_request_is_consumed(b.c));
            check_filled(&got, 11);
            gn_buf_fini(&got);
            bench_disconnect(&b);
            bench_connect(&b, 0);
        }
    }
    gn_buf_fini(&out);
}
END_TEST

START_TEST(chunked_body_byte_by_byte)
{
    struct gn_buf out = {0}, got = {0};

    make_request(&out, 50, 7);
    for (size_t i = 0; i < gn_buf_len(&out); i++)
        ck_assert_int_eq(bench_feed(&b, out.data + i, 1),
                         i + 1 < gn_buf_len(&out) ? GN_CONN_WAIT : GN_CONN_READY);
    ck_assert_int_eq(read_body(BY_SMALL_READS, &got), GN_BODY_END);
    check_filled(&got, 50);
    gn_buf_fini(&out);
    gn_buf_fini(&got);
}
END_TEST

static const char *const cut_bodies[] = {"Content-Length: 5\r\n\r\nab",
                                         "Transfer-Encoding: chunked\r\n\r\n",
                                         "Transfer-Encoding: chunked\r\n\r\n5\r\nab",
                                         "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n"};

/* It may have closed its sending side only; no warning, since most have just gone. */
START_TEST(small_body_of_a_client_that_leaves)
{
    ck_assert_int_eq(bench_feed_str(&b, "POST / HTTP/1.1\r\nHost: x\r\n"), GN_CONN_WAIT);
    ck_assert_int_eq(bench_feed_str(&b, cut_bodies[_i]), GN_CONN_WAIT);
    bench_client_ends(&b);
    ck_assert_int_eq(gn_conn_read(b.c), GN_CONN_BAD);
    ck_assert_int_eq(b.c->resp.code, 400);
    ck_assert(!bench_log_has(&b, "[WARNING]"));
}
END_TEST

static const struct {
    const char *rest; /* of a request with a limit of 10 bytes */
    enum gn_conn_event event;
} limited[] = {
    {"Content-Length: 10\r\n\r\n0123456789", GN_CONN_READY},
    {"Content-Length: 11\r\n\r\n", GN_CONN_BAD},
    {"Content-Length: 11\r\nExpect: 100-continue\r\n\r\n", GN_CONN_BAD},
    {"Content-Length: 9223372036854775807\r\n\r\n", GN_CONN_BAD},
    {"Transfer-Encoding: chunked\r\n\r\n4\r\n0123\r\n6\r\n456789\r\n0\r\n\r\n", GN_CONN_READY},
    {"Transfer-Encoding: chunked\r\n\r\n4\r\n0123\r\n7\r\n", GN_CONN_BAD},
    {"Transfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\n", GN_CONN_BAD},
};

START_TEST(body_over_the_limit)
{
    b.service.body_max_bytes = 10;
    ck_assert_int_eq(bench_feed_str(&b, "POST / HTTP/1.1\r\nHost: x\r\n"), GN_CONN_WAIT);
    ck_assert_int_eq(bench_feed_str(&b, limited[_i].rest), limited[_i].event);
    if (limited[_i].event == GN_CONN_READY)
        return;
    ck_assert_int_eq(b.c->resp.code, 413);
    ck_assert(bench_log_has(&b, "Invalid request from ip=127.0.0.1: Request body is too large"));
}
END_TEST

/* With "Expect", so that nothing is waited for before the application is called. */
static const char large[] =
    "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\nExpect: 100-continue\r\n\r\nabc";
static const char large_chunked[] =
    "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n"
    "3\r\nabc\r\n";

START_TEST(large_body_is_left_to_the_application)
{
    struct gn_buf got = {0};

    ck_assert_int_eq(bench_feed_str(&b, large), GN_CONN_READY);
    ck_assert(!gn_conn_request_is_consumed(b.c));
    bench_client_ends(&b);
    ck_assert_int_eq(read_body(_i, &got), GN_BODY_GONE);
    ck_assert_int_eq(b.c->body_state, GN_BODY_GONE);
    ck_assert_slice_eq(gn_buf_slice(&got), "abc");
    ck_assert(!gn_conn_drain_body(b.c));
    gn_buf_fini(&got);
}
END_TEST

/* Of a large body the beginning is there before the application is called, in one go or in pieces
 * of `large_pieces[_i]`. */
static const size_t large_pieces[] = {20000, 65536, 99997};

START_TEST(large_body_begins_before_the_application)
{
    static const char head[] = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nabc";
    static const char zeros[100000];
    struct gn_buf got = {0};
    size_t sent = 3;

    ck_assert_int_eq(bench_feed_str(&b, head), GN_CONN_WAIT);
    for (size_t n = large_pieces[_i]; sent < GN_CONN_PREFETCH_BYTES; sent += n) {
        bool is_enough = sent - 3 + n >= GN_CONN_PREFETCH_BYTES;

        ck_assert_int_eq(b.c->state, GN_CONN_BODY);
        ck_assert_int_eq(bench_feed(&b, zeros, n), is_enough ? GN_CONN_READY : GN_CONN_WAIT);
    }
    bench_send(&b, zeros, 100000 - sent);
    ck_assert_int_eq(read_body(1, &got), GN_BODY_END);
    ck_assert_uint_eq(gn_buf_len(&got), 100000);
    ck_assert_int_eq(memcmp(got.data, "abc", 4), 0);
    gn_buf_fini(&got);
}
END_TEST

START_TEST(body_of_a_silent_client)
{
    struct gn_buf got = {0};

    b.service.body_timeout_ns = GN_NS_PER_S / 20;
    ck_assert_int_eq(bench_feed_str(&b, large), GN_CONN_READY);
    ck_assert_int_eq(read_body(_i, &got), GN_BODY_TIMEOUT);
    ck_assert_slice_eq(gn_buf_slice(&got), "abc");
    gn_buf_fini(&got);
}
END_TEST

/* Sends a piece whenever the server has taken the one before, so that the server has to wait. */
static void *
follower_main(void *arg)
{
    static const char piece[10000];
    size_t left = *(size_t *)arg;

    while (left > 0) {
        size_t n = left < sizeof(piece) ? left : sizeof(piece);
        int there = 1;

        while (there > 0 && ioctl(b.c->fd, FIONREAD, &there) == 0)
            sched_yield();
        if (send(b.client, piece, n, MSG_NOSIGNAL) != (ssize_t)n)
            break;
        left -= n;
    }
    return NULL;
}

/* The application was busy for longer than clients may be silent: the client is not to blame. */
START_TEST(slow_application_is_no_slow_client)
{
    struct gn_buf got = {0};
    size_t rest = 100000 - 3;
    pthread_t id;

    ck_assert_int_eq(bench_feed_str(&b, large), GN_CONN_READY);
    b.c->started_ns -= 10 * b.service.io_timeout_ns;
    ck_assert_int_eq(pthread_create(&id, NULL, follower_main, &rest), 0);
    ck_assert_int_eq(read_body(_i, &got), GN_BODY_END);
    ck_assert_int_eq(pthread_join(id, NULL), 0);
    ck_assert_uint_eq(gn_buf_len(&got), 100000);
    gn_buf_fini(&got);
}
END_TEST

START_TEST(body_when_the_worker_leaves)
{
    struct gn_buf got = {0};

    ck_assert_int_eq(bench_feed_str(&b, large), GN_CONN_READY);
    b.worker.quits_now = true;
    ck_assert_int_eq(gn_fd_write(b.worker.wake_fd[1], "", 1), 1);
    ck_assert_int_eq(read_body(_i, &got), GN_BODY_STOP);
    ck_assert_slice_eq(gn_buf_slice(&got), "abc");
    gn_buf_fini(&got);
}
END_TEST

START_TEST(body_with_broken_chunks)
{
    struct gn_buf got = {0};

    ck_assert_int_eq(bench_feed_str(&b, large_chunked), GN_CONN_READY);
    bench_send(&b, "3\r\nabcX", 7);
    bench_await_bytes(&b, 7);
    ck_assert_int_eq(read_body(_i, &got), GN_BODY_BAD);
    ck_assert_slice_eq(gn_buf_slice(&got), "abcabc");
    ck_assert_int_eq(gn_http_errors[b.c->body.error.id].status, 400);
    ck_assert(!gn_conn_drain_body(b.c));
    gn_buf_fini(&got);
}
END_TEST

/* ---- Expect ---- */

static const char expecting[] =
    "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n";

START_TEST(continue_is_sent_once_and_late)
{
    static const char answer[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct gn_buf got = {0}, sent = {0};
    struct pollfd p = {.fd = b.client, .events = POLLIN};

    ck_assert_int_eq(bench_feed_str(&b, expecting), GN_CONN_READY);
    ck_assert_int_eq(poll(&p, 1, 0), 0);
    b.service.body_timeout_ns = GN_NS_PER_S / 20;
    ck_assert_int_eq(read_body(BY_NEXT, &got), GN_BODY_TIMEOUT);
    ck_assert(b.c->continue_sent);
    bench_receive_all(&b, &sent);
    ck_assert_slice_eq(gn_buf_slice(&sent), answer);
    gn_buf_fini(&got);
    gn_buf_fini(&sent);
}
END_TEST

START_TEST(continue_before_the_body)
{
    struct gn_buf got = {0};

    ck_assert_int_eq(bench_feed_str(&b, expecting), GN_CONN_READY);
    bench_send(&b, "ok", 2);
    bench_await_bytes(&b, 2);
    ck_assert_int_eq(read_body(BY_NEXT, &got), GN_BODY_END);
    ck_assert_slice_eq(gn_buf_slice(&got), "ok");
    gn_buf_fini(&got);
}
END_TEST

/* Nobody can tell whether the body comes when the application has not asked for it. */
START_TEST(continue_that_was_not_sent_ends_the_connection)
{
    ck_assert_int_eq(bench_feed_str(&b, expecting), GN_CONN_READY);
    ck_assert(!gn_conn_drain_body(b.c));
}
END_TEST

/* ---- gn_conn_drain_body ---- */

START_TEST(drain_of_a_collected_body)
{
    struct gn_buf out = {0};

    make_request(&out, 5000, _i == 0 ? 0 : 100);
    ck_assert(gn_buf_append(&out, get, sizeof(get) - 1));
    ck_assert_int_eq(bench_feed(&b, out.data, gn_buf_len(&out)), GN_CONN_READY);
    next_request(true);
    check_get();
    gn_buf_fini(&out);
}
END_TEST

START_TEST(drain_after_a_part_was_read)
{
    struct gn_buf out = {0};
    struct gn_slice run;

    make_request(&out, 5000, _i == 0 ? 0 : 100);
    ck_assert(gn_buf_append(&out, get, sizeof(get) - 1));
    ck_assert_int_eq(bench_feed(&b, out.data, gn_buf_len(&out)), GN_CONN_READY);
    ck_assert_int_eq(gn_conn_body_next(b.c, &run), GN_BODY_DATA);
    gn_conn_body_take(b.c, 1);
    next_request(true);
    check_get();
    gn_buf_fini(&out);
}
END_TEST

START_TEST(drain_does_not_wait)
{
    ck_assert_int_eq(bench_feed_str(&b, large), GN_CONN_READY);
    b.c->continue_sent = true;
    ck_assert(!gn_conn_drain_body(b.c));
}
END_TEST

/* ---- gn_conn_linger_read ---- */

START_TEST(linger_until_the_client_ends)
{
    ck_assert_int_eq(bench_feed_str(&b, get), GN_CONN_READY);
    ck_assert(!gn_conn_linger_read(b.c));
    bench_send(&b, large, sizeof(large) - 1);
    bench_await_bytes(&b, sizeof(large) - 1);
    ck_assert(!gn_conn_linger_read(b.c));
    bench_client_ends(&b);
    ck_assert(gn_conn_linger_read(b.c));
}
END_TEST

START_TEST(linger_is_bounded)
{
    char block[8192];
    size_t sent = 0;
    bool is_over = false;

    memset(block, 'x', sizeof(block));
    while (!is_over && sent < 4 * GN_CONN_LINGER_BYTES) {
        bench_send(&b, block, sizeof(block));
        bench_await_bytes(&b, sizeof(block));
        sent += sizeof(block);
        is_over = gn_conn_linger_read(b.c);
    }
    ck_assert(is_over);
    ck_assert_uint_gt(sent, GN_CONN_LINGER_BYTES);
    ck_assert_uint_le(sent, GN_CONN_LINGER_BYTES + 2 * sizeof(block));
}
END_TEST

/* ---- sending ---- */

START_TEST(send_through_small_buffers)
{
    size_t sizes[] = {1, 100000, 0, 300001};
    struct gn_buf all = {0};
    struct iovec iov[GN_ARRAY_LEN(sizes)];
    static struct taker t;
    size_t at = 0;

    bench_disconnect(&b);
    bench_connect(&b, SMALL_BUFFER);
    b.c->started_ns = gn_clock_mono_ns();
    ck_assert(gn_buf_reserve(&all, 400002));
    fill(all.data, 400002);
    for (size_t i = 0; i < GN_ARRAY_LEN(sizes); at += sizes[i++])
        iov[i] = (struct iovec){all.data + at, sizes[i]};
    taker_start(&t, b.client);
    ck_assert(gn_conn_send(b.c, iov, GN_ARRAY_LEN(sizes), false));
    gn_conn_close(b.c);
    taker_join(&t);
    check_filled(&t.got, 400002);
    gn_buf_fini(&t.got);
    gn_buf_fini(&all);
}
END_TEST

START_TEST(send_to_a_client_that_does_not_read)
{
    static char block[1 << 20];
    struct iovec iov = {block, sizeof(block)};

    bench_disconnect(&b);
    bench_connect(&b, SMALL_BUFFER);
    b.service.io_timeout_ns = GN_NS_PER_S / 20;
    b.c->started_ns = gn_clock_mono_ns();
    ck_assert(!gn_conn_send(b.c, &iov, 1, false));
}
END_TEST

START_TEST(send_to_a_client_that_is_gone)
{
    static char block[1 << 20];
    struct linger hard = {.l_onoff = 1};
    struct iovec iov = {block, sizeof(block)};
    struct pollfd p = {.fd = b.c->fd, .events = POLLIN};

    setsockopt(b.client, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    gn_fd_close(&b.client);
    ck_assert_int_eq(poll(&p, 1, WAIT_MS), 1);
    ck_assert(!gn_conn_send(b.c, &iov, 1, false));
}
END_TEST

/* The loop never waits: what the socket does not take is dropped, and the response is known as
 * broken. */
START_TEST(send_some_takes_what_fits)
{
    struct gn_buf got = {0};

    ck_assert(gn_buf_append(&b.c->resp.out, "short", 5));
    gn_conn_send_some(b.c);
    ck_assert(!b.c->resp.is_broken);
    ck_assert_uint_eq(gn_buf_len(&b.c->resp.out), 0);
    bench_receive_all(&b, &got);
    ck_assert_slice_eq(gn_buf_slice(&got), "short");
    gn_buf_fini(&got);
}
END_TEST

START_TEST(send_some_does_not_wait)
{
    bench_disconnect(&b);
    bench_connect(&b, SMALL_BUFFER);
    ck_assert(gn_buf_reserve(&b.c->resp.out, 4 << 20));
    memset(b.c->resp.out.data, 'x', 4 << 20);
    b.c->resp.out.end = 4 << 20;
    gn_conn_send_some(b.c);
    ck_assert(b.c->resp.is_broken);
    ck_assert_uint_eq(gn_buf_len(&b.c->resp.out), 0);
}
END_TEST

START_TEST(sendfile_wants_regular_files)
{
    ck_assert(!gn_conn_can_sendfile(b.worker.wake_fd[0]));
    ck_assert(!gn_conn_can_sendfile(b.client));
    ck_assert(!gn_conn_can_sendfile(-1));
    ck_assert_uint_eq(gn_conn_file_size(-1), 0);
}
END_TEST

/* ---- suites ---- */

static TCase *
add_case(Suite *suite, const char *name, void (*start)(void))
{
    TCase *tc = tcase_create(name);

    tcase_add_checked_fixture(tc, start, teardown);
    tcase_set_timeout(tc, 60);
    suite_add_tcase(suite, tc);
    return tc;
}

static void
add_bodies(Suite *suite)
{
    TCase *tc = add_case(suite, "gn_conn_body", setup);

    tcase_add_loop_test(tc, body_and_next_request, 0, (int)GN_ARRAY_LEN(bodies));
    tcase_add_test(tc, small_body_is_collected_at_every_cut);
    tcase_add_test(tc, chunked_body_byte_by_byte);
    tcase_add_loop_test(tc, small_body_of_a_client_that_leaves, 0, (int)GN_ARRAY_LEN(cut_bodies));
    tcase_add_loop_test(tc, body_over_the_limit, 0, (int)GN_ARRAY_LEN(limited));
    tcase_add_loop_test(tc, large_body_is_left_to_the_application, 0, HOW_COUNT);
    tcase_add_loop_test(tc, large_body_begins_before_the_application, 0,
                        (int)GN_ARRAY_LEN(large_pieces));
    tcase_add_loop_test(tc, body_of_a_silent_client, 0, HOW_COUNT);
    tcase_add_loop_test(tc, slow_application_is_no_slow_client, 0, HOW_COUNT);
    tcase_add_loop_test(tc, body_when_the_worker_leaves, 0, HOW_COUNT);
    tcase_add_loop_test(tc, body_with_broken_chunks, 0, HOW_COUNT);
    tcase_add_test(tc, continue_is_sent_once_and_late);
    tcase_add_test(tc, continue_before_the_body);
    tcase_add_test(tc, continue_that_was_not_sent_ends_the_connection);
    tc = add_case(suite, "gn_conn_drain_body", setup);
    tcase_add_loop_test(tc, drain_of_a_collected_body, 0, 2);
    tcase_add_loop_test(tc, drain_after_a_part_was_read, 0, 2);
    tcase_add_test(tc, drain_does_not_wait);
    tc = add_case(suite, "gn_conn_linger_read", setup);
    tcase_add_test(tc, linger_until_the_client_ends);
    tcase_add_test(tc, linger_is_bounded);
}

static Suite *
conn_suite(void)
{
    Suite *suite = suite_create("conn");
    TCase *tc = add_case(suite, "gn_conn_accept", setup_silent);

    tcase_add_test(tc, accept_without_a_client);
    tc = add_case(suite, "gn_conn_read", setup);
    tcase_add_test(tc, accept_knows_the_peer);
    tcase_add_test(tc, accept_reuses_memory);
    tcase_add_test(tc, head_whole);
    tcase_add_test(tc, head_in_two);
    tcase_add_test(tc, head_byte_by_byte);
    tcase_add_test(tc, head_cut_off);
    tcase_add_test(tc, head_and_end_together);
    tcase_add_loop_test(tc, head_refused, 0, (int)GN_ARRAY_LEN(bad_heads));
    tcase_add_test(tc, expire_of_a_silent_client);
    tcase_add_test(tc, expire_within_a_body);
    tcase_add_loop_test(tc, expire_within_a_body_at_a_fair_pace, 0, 2);
    tc = add_case(suite, "gn_conn_read (long heads)", setup_wide);
    tcase_add_loop_test(tc, long_head_in_pieces, 0, (int)GN_ARRAY_LEN(long_sizes));
    tcase_add_loop_test(tc, long_head_expires, 0, (int)GN_ARRAY_LEN(long_sizes));
    tc = add_case(suite, "gn_conn_next", setup);
    tcase_add_test(tc, pipeline_of_heads);
    tcase_add_test(tc, pipeline_at_every_cut);
    add_bodies(suite);
    tc = add_case(suite, "gn_conn_send", setup);
    tcase_add_test(tc, send_through_small_buffers);
    tcase_add_test(tc, send_to_a_client_that_does_not_read);
    tcase_add_test(tc, send_to_a_client_that_is_gone);
    tcase_add_test(tc, send_some_takes_what_fits);
    tcase_add_test(tc, send_some_does_not_wait);
    tcase_add_test(tc, sendfile_wants_regular_files);
    return suite;
}

int
main(void)
{
    return bench_run_suite(conn_suite());
}
