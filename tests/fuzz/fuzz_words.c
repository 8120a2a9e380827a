/* Shell words of GUNICORN_CMD_ARGS: what is split is never longer than the text, and words that are
 * quoted and joined again split into the same words.
 *
 * Input: the text.
 */
#include "config_target.h"

/* As shlex.quote() does it. */
static bool
quote(const char *word, struct gn_buf *out)
{
    bool ok = gn_buf_append(out, "'", 1);

    for (; ok && *word != '\0'; word++) {
        if (*word == '\'')
            ok = gn_buf_append(out, "'\"'\"'", 5);
        else
            ok = gn_buf_append(out, word, 1);
    }
    return ok && gn_buf_append(out, "' ", 2);
}

static void
check_round_trip(struct gn_arena *a, int n, char *const *words)
{
    struct gn_buf text = {0};
    struct gn_err err = {0};
    char **again;
    int m;

    for (int i = 0; i < n; i++)
        expect(quote(words[i], &text));
    again = gn_argv_split(a, gn_buf_slice(&text), &m, &err);
    expect(again != NULL && m == n);
    for (int i = 0; i < n; i++)
        expect(strcmp(words[i], again[i]) == 0);
    gn_buf_fini(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gn_arena arena = {0};
    struct gn_err err = {0};
    char *text = malloc(size + 1);
    size_t total = 0;
    char **words;
    int n = -1;

    expect(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    /* A copy of exactly the size: reading over its end is seen. */
    words = gn_argv_split(&arena, gn_slice(text, size), &n, &err);
    expect((words == NULL) == (err.msg[0] != '\0'));
    if (words != NULL) {
        for (int i = 0; i < n; i++)
            total += strlen(words[i]);
        expect(total <= size && words[n] == NULL);
        check_round_trip(&arena, n, words);
    }
    gn_err_clear(&err);
    gn_arena_fini(&arena);
    free(text);
    return 0;
}
