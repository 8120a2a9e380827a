#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include "config/internal.h"
#include "config/secrets.h"

/* What is worth showing of a file and of a line. */
enum { MAX_LINES = 20000, MAX_LINE_BYTES = 160 };

/* Diagnostics hide secrets; the line beside them must not give them away. A name in the line that
 * is likely to have a secret for a value is enough, as is a password in a URL. */
static bool
may_hold_secret(const char *line)
{
    static const char word_chars[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

    for (const char *p = line; *p != '\0';) {
        size_t n = strspn(p, word_chars);

        if (n > 0 && (gn_secret_is_name(gn_slice(p, n)) || strncmp(p, "raw_env", 7) == 0))
            return true;
        p += n > 0 ? n : 1;
    }
    return strstr(line, "://") != NULL && strchr(line, '@') != NULL;
}

static FILE *
open_regular(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    FILE *f = NULL;

    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        f = fdopen(fd, "r");
    if (f == NULL && fd >= 0)
        close(fd);
    return f;
}

/* A CR by itself ends a line for some readers, and their numbers are not ours. */
static bool
has_lone_cr(const char *line)
{
    const char *cr = strchr(line, '\r');

    return cr != NULL && cr[1] != '\n' && cr[1] != '\0';
}

/* Line `number` without its end; false when there is none of a reasonable length. */
static bool
read_line(const char *path, int number, char *line, size_t size)
{
    FILE *f = open_regular(path);
    bool at_start = true;
    int now = 1;
    bool ok = false;

    if (f == NULL)
        return false;
    while (!ok && now <= number && fgets(line, (int)size, f) != NULL) {
        size_t n = strlen(line);
        bool is_whole = n > 0 && line[n - 1] == '\n';

        ok = now == number && at_start && (is_whole || n + 1 < size);
        at_start = is_whole;
        now += is_whole;
        if (has_lone_cr(line)) {
            ok = false;
            break;
        }
    }
    fclose(f);
    line[strcspn(line, "\r\n")] = '\0';
    return ok;
}

/* Code points that take two columns of a terminal, or none (Unicode 15, the blocks in use). The
 * locale is not asked: it may be unset, and says no more about the terminal. */
static const struct width {
    int32_t first, last;
    int columns;
} widths[] = {
    {0x0300, 0x036f, 0},   {0x0483, 0x0489, 0},   {0x0591, 0x05bd, 0},   {0x064b, 0x065f, 0},
    {0x1100, 0x115f, 2},   {0x1ab0, 0x1aff, 0},   {0x1dc0, 0x1dff, 0},   {0x200b, 0x200f, 0},
    {0x20d0, 0x20ff, 0},   {0x231a, 0x231b, 2},   {0x23e9, 0x23ec, 2},   {0x25fd, 0x25fe, 2},
    {0x2614, 0x2615, 2},   {0x2648, 0x2653, 2},   {0x26a1, 0x26a1, 2},   {0x2705, 0x2705, 2},
    {0x2728, 0x2728, 2},   {0x274c, 0x274c, 2},   {0x2753, 0x2755, 2},   {0x2757, 0x2757, 2},
    {0x2795, 0x2797, 2},   {0x2b1b, 0x2b1c, 2},   {0x2b50, 0x2b50, 2},   {0x2e80, 0x3029, 2},
    {0x302a, 0x302d, 0},   {0x302e, 0x303e, 2},   {0x3041, 0x3098, 2},   {0x3099, 0x309a, 0},
    {0x309b, 0x4dbf, 2},   {0x4e00, 0xa4cf, 2},   {0xa960, 0xa97f, 2},   {0xac00, 0xd7a3, 2},
    {0xf900, 0xfaff, 2},   {0xfe00, 0xfe0f, 0},   {0xfe20, 0xfe2f, 0},   {0xfe30, 0xfe6f, 2},
    {0xfeff, 0xfeff, 0},   {0xff01, 0xff60, 2},   {0xffe0, 0xffe6, 2},   {0x1f300, 0x1f64f, 2},
    {0x1f680, 0x1f6ff, 2}, {0x1f7e0, 0x1f7eb, 2}, {0x1f900, 0x1f9ff, 2}, {0x1fa70, 0x1faff, 2},
    {0x20000, 0x3fffd, 2}, {0xe0100, 0xe01ef, 0},
};

static int
columns_of(int32_t c)
{
    for (size_t i = 0; i < GN_ARRAY_LEN(widths) && widths[i].first <= c; i++) {
        if (c <= widths[i].last)
            return widths[i].columns;
    }
    return 1;
}

/* Columns of a place count characters. A tab of the line is one below it as well, whatever it is
 * shown as. The place behind the last character is where something is missing. */
static bool
format_caret(struct gn_slice line, int column, struct gn_buf *shown, struct gn_buf *below)
{
    bool ok = true;
    int now = 1;

    for (size_t at = 0; ok && at < line.n; now++) {
        size_t start = at;
        int32_t c = gn_utf8_next(line, &at);
        bool is_plain = c >= ' ' && c != 0x7f && (c < 0x80 || c >= 0xa0);

        ok = is_plain || c == '\t' ? gn_buf_append(shown, line.p + start, at - start)
                                   : gn_buf_append(shown, "?", 1);
        if (ok && now < column)
            ok = c == '\t' ? gn_buf_append(below, "\t", 1)
                           : gn_buf_append(below, "  ", is_plain ? (size_t)columns_of(c) : 1);
    }
    return ok && line.n > 0 && column <= now;
}

void
gn_diag_print_source(const struct gn_diag *diag, FILE *out)
{
    const struct gn_origin *o = &diag->origin;
    char line[MAX_LINE_BYTES + 2];
    struct gn_buf shown = {0}, below = {0};
    struct gn_slice text;

    if (o->file == NULL || o->line <= 0 || o->column <= 0 || o->line > MAX_LINES ||
        (diag->setting != NULL && diag->setting->is_secret) ||
        !read_line(o->file, o->line, line, sizeof(line)) || may_hold_secret(line))
        return;
    text = gn_slice_str(line);
    if (o->line == 1 && gn_slice_starts(text, GN_SLICE("\xef\xbb\xbf")))
        text = gn_slice(text.p + 3, text.n - 3);
    if (format_caret(text, o->column, &shown, &below))
        fprintf(out, "    %.*s\n    %.*s^\n", GN_SLICE_ARG(gn_buf_slice(&shown)),
                GN_SLICE_ARG(gn_buf_slice(&below)));
    gn_buf_fini(&shown);
    gn_buf_fini(&below);
}
