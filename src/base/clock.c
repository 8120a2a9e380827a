#include "base/clock.h"

#include <string.h>

static const char month_names[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char day_names[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

int64_t
gn_clock_mono_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * GN_NS_PER_S + ts.tv_nsec;
}

int64_t
gn_clock_wall_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * GN_NS_PER_S + t.tv_nsec;
}

int64_t
gn_clock_file_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME_COARSE, &t);
    return t.tv_sec * GN_NS_PER_S + t.tv_nsec;
}

time_t
gn_clock_wall_s(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME_COARSE, &ts);
    return ts.tv_sec;
}

static char *
put2(char *p, int n)
{
    *p++ = (char)('0' + n / 10 % 10);
    *p++ = (char)('0' + n % 10);
    return p;
}

static char *
put_name(char *p, const char name[4])
{
    memcpy(p, name, 3);
    return p + 3;
}

/* Four digits; years that need more are none that a running server sees. */
static char *
put_year(char *p, const struct tm *tm)
{
    int year = (tm->tm_year + 1900) % 10000;

    return put2(put2(p, year / 100), year % 100);
}

static char *
put_clock(char *p, const struct tm *tm)
{
    p = put2(p, tm->tm_hour);
    *p++ = ':';
    p = put2(p, tm->tm_min);
    *p++ = ':';
    return put2(p, tm->tm_sec);
}

static char *
put_zone(char *p, const struct tm *tm)
{
    long minutes = tm->tm_gmtoff / 60;

    *p++ = minutes < 0 ? '-' : '+';
    if (minutes < 0)
        minutes = -minutes;
    return put2(put2(p, (int)(minutes / 60)), (int)(minutes % 60));
}

/* A time that the C library cannot split up becomes the epoch: the texts keep their form. */
static void
split(time_t t, struct tm *(*convert)(const time_t *, struct tm *), struct tm *tm)
{
    time_t epoch = 0;

    memset(tm, 0, sizeof(*tm));
    if (convert(&t, tm) == NULL || tm->tm_year < -1900)
        convert(&epoch, tm);
}

void
gn_clock_http_date(time_t t, char out[GN_HTTP_DATE_BYTES])
{
    char *p = out;
    struct tm tm;

    split(t, gmtime_r, &tm);
    p = put_name(p, day_names[tm.tm_wday]);
    *p++ = ',';
    *p++ = ' ';
    p = put2(p, tm.tm_mday);
    *p++ = ' ';
    p = put_name(p, month_names[tm.tm_mon]);
    *p++ = ' ';
    p = put_year(p, &tm);
    *p++ = ' ';
    p = put_clock(p, &tm);
    memcpy(p, " GMT", sizeof(" GMT"));
}

void
gn_clock_log_date(time_t t, char out[GN_LOG_DATE_BYTES])
{
    char *p = out;
    struct tm tm;

    split(t, localtime_r, &tm);
    p = put_year(p, &tm);
    *p++ = '-';
    p = put2(p, tm.tm_mon + 1);
    *p++ = '-';
    p = put2(p, tm.tm_mday);
    *p++ = ' ';
    p = put_clock(p, &tm);
    *p++ = ' ';
    p = put_zone(p, &tm);
    *p = '\0';
}

void
gn_clock_clf_date(time_t t, char out[GN_CLF_DATE_BYTES])
{
    char *p = out;
    struct tm tm;

    split(t, localtime_r, &tm);
    p = put2(p, tm.tm_mday);
    *p++ = '/';
    p = put_name(p, month_names[tm.tm_mon]);
    *p++ = '/';
    p = put_year(p, &tm);
    *p++ = ':';
    p = put_clock(p, &tm);
    *p++ = ' ';
    p = put_zone(p, &tm);
    *p = '\0';
}
