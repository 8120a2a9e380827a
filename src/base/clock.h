/* Time. Deadlines use the monotonic clock only; the wall clock is for texts.
 *
 * No state: callers cache the texts for as long as the second lasts.
 */
#ifndef GN_BASE_CLOCK_H
#define GN_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define GN_NS_PER_S INT64_C(1000000000)
#define GN_NS_PER_MS INT64_C(1000000)
#define GN_NS_PER_US INT64_C(1000)

/* CLOCK_MONOTONIC in nanoseconds. */
int64_t gn_clock_mono_ns(void);

/* Seconds of a setting in nanoseconds; what would never end is cut to about 30 years, so that sums
 * with a clock can't overflow. */
static inline int64_t
gn_clock_ns_of_s(int64_t s)
{
    return (s > 1000000000 ? 1000000000 : s) * GN_NS_PER_S;
}

/* The clock of file times, which lags behind CLOCK_REALTIME by up to a tick: what is written from
 * now on has this time or a later one. */
int64_t gn_clock_file_ns(void);

/* CLOCK_REALTIME in whole seconds. */
time_t gn_clock_wall_s(void);

/* Nanoseconds since the epoch, to be compared with times of files. */
int64_t gn_clock_wall_ns(void);

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 5.6.7), always 29 bytes and a NUL; English names
 * whatever the locale. */
enum { GN_HTTP_DATE_BYTES = 30 };
void gn_clock_http_date(time_t t, char out[GN_HTTP_DATE_BYTES]);

/* "2026-11-22 13:48:16 +0000": local time with the offset of the zone; for the error log. */
enum { GN_LOG_DATE_BYTES = 32 };
void gn_clock_log_date(time_t t, char out[GN_LOG_DATE_BYTES]);

/* "22/Nov/2026:13:48:16 +0000": the date of the Common Log Format, local time. */
enum { GN_CLF_DATE_BYTES = 32 };
void gn_clock_clf_date(time_t t, char out[GN_CLF_DATE_BYTES]);

#endif
