#include "worker/slot.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/num.h"
#include "config/frozen.h"
#include "log/log.h"

/* ---- what runs ---- */

struct text {
    char *p;
    size_t n, room;
};

static void
put(struct text *t, struct gn_slice s, size_t keep)
{
    size_t room = t->room > keep ? t->room - keep : 0;
    size_t n = s.n < room ? s.n : room;

    memcpy(t->p + t->n, s.p, n);
    t->n += n;
    t->room -= n;
}

static void
write_texts(struct gn_slot_run *run, const struct gn_conn *c)
{
    const struct gn_http_head *h = &c->parser.head;
    struct gn_slice peer = gn_slice_str(gn_conn_remote_text(c));
    struct text line = {run->line, 0, GN_SLOT_LINE_BYTES - 1};
    struct text from = {run->peer, 0, GN_SLOT_PEER_BYTES - 1};

    /* The version stays readable behind a target that is cut. */
    put(&line, gn_slice(h->method.p, h->method.n < 32 ? h->method.n : 32), 0);
    put(&line, GN_SLICE(" "), 0);
    put(&line, h->target, h->version.n + 1);
    put(&line, GN_SLICE(" "), 0);
    put(&line, h->version, 0);
    run->line[line.n] = '\0';
    put(&from, peer, 0);
    run->peer[from.n] = '\0';
}

static struct gn_slot_run *
run_of(const struct gn_worker *w, const struct gn_conn *c)
{
    size_t number = c->scratch->number;

    return number < GN_SLOT_RUNS ? &w->slot->runs[number] : NULL;
}

void
gn_slot_begin(struct gn_worker *w, const struct gn_conn *c, int64_t now)
{
    struct gn_slot_run *run = run_of(w, c);
    unsigned seq;

    if (c->scratch->thread == NULL)
        atomic_store_explicit(&w->slot->beat_ns, now, memory_order_relaxed);
    atomic_store_explicit(&c->scratch->since_ns, now, memory_order_release);
    if (run == NULL)
        return;
    seq = atomic_load_explicit(&run->seq, memory_order_relaxed);
    atomic_store_explicit(&run->seq, seq + 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    write_texts(run, c);
    atomic_store_explicit(&run->seq, seq + 2, memory_order_release);
    atomic_store_explicit(&run->since_ns, now, memory_order_release);
}

void
gn_slot_end(struct gn_worker *w, const struct gn_conn *c)
{
    struct gn_slot_run *run = run_of(w, c);

    atomic_store_explicit(&c->scratch->since_ns, 0, memory_order_release);
    if (run != NULL)
        atomic_store_explicit(&run->since_ns, 0, memory_order_release);
}

void
gn_slot_count(struct gn_worker *w, const struct gn_conn *c)
{
    atomic_store_explicit(&w->slot->requests, w->requests, memory_order_relaxed);
    if (c->resp.code >= 500)
        atomic_fetch_add_explicit(&w->slot->errors, 1, memory_order_relaxed);
}

/* ---- memory ---- */

/* Resident pages are the second number of /proc/self/statm. */
static uint64_t
resident_bytes(void)
{
    size_t n;
    char *text = gn_fd_read_file("/proc/self/statm", 256, &n);
    struct gn_slice rest, word;
    uint64_t pages = 0;

    if (text == NULL)
        return 0;
    rest = gn_slice(text, n);
    gn_slice_cut(&rest, ' ');
    word = gn_slice_cut(&rest, ' ');
    if (!gn_num_digits(word, UINT32_MAX, &pages))
        pages = 0;
    free(text);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

void
gn_slot_measure(struct gn_worker *w, int64_t now)
{
    uint64_t work = w->requests + 1;
    uint64_t limit = (uint64_t)w->frozen->cfg.max_worker_memory;
    uint64_t bytes;

    if (now - w->measured_ns < GN_NS_PER_S || w->measured_at == work)
        return;
    w->measured_ns = now;
    w->measured_at = work;
    bytes = resident_bytes();
    atomic_store_explicit(&w->slot->memory_bytes, bytes, memory_order_relaxed);
    if (limit > 0 && bytes > limit && gn_worker_ask_to_leave(w, GN_LEAVE_MEMORY))
        gn_log(w->log, GN_INFO,
               "Autorestarting worker after current request. It uses %.1f MiB, more than "
               "max_worker_memory",
               (double)bytes / 1048576.0);
}
