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
    }
    fclose(f);
    line[strcspn(line, "\r\n")] = '\0';
    return ok;
}

void
gn_diag_print_source(const struct gn_diag *diag, FILE *out)
{
    const struct gn_origin *o = &diag->origin;
    char line[MAX_LINE_BYTES + 2];
    int columns = 0;

    if (o->file == NULL || o->line <= 0 || o->column <= 0 || o->line > MAX_LINES ||
        (diag->setting != NULL && diag->setting->is_secret) ||
        !read_line(o->file, o->line, line, sizeof(line)) || may_hold_secret(line))
        return;
    for (char *p = line; *p != '\0'; p++) {
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = *p == '\t' ? ' ' : '?';
        columns += ((unsigned char)*p & 0xc0) != 0x80;
    }
    /* The place behind the last character is where something is missing. */
    if (columns == 0 || o->column > columns + 1)
        return;
    fprintf(out, "    %s\n    %*s\n", line, o->column, "^");
}
