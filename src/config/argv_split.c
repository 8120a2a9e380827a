#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "config/compile.h"

/* States of the splitter; the text is taken octet by octet, as no UTF-8 sequence holds ASCII. */
enum state { BLANK, WORD, SINGLE, DOUBLE, ESCAPED, ESCAPED_IN_DOUBLE };

struct splitter {
    struct gn_arena *arena;
    struct gn_buf word;
    char **words;
    int n, room;
    bool no_memory;
};

static bool
end_word(struct splitter *s)
{
    if (s->n + 1 >= s->room) {
        int room = s->room * 2 + 8;
        char **more = gn_arena_alloc(s->arena, (size_t)room * sizeof(*more));

        if (more == NULL)
            return false;
        if (s->n > 0)
            memcpy(more, s->words, (size_t)s->n * sizeof(*more));
        s->words = more;
        s->room = room;
    }
    s->words[s->n] = gn_arena_strndup(s->arena, gn_buf_slice(&s->word).p, gn_buf_len(&s->word));
    gn_buf_clear(&s->word);
    return s->words[s->n++] != NULL;
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static enum state
open_state(char c)
{
    return c == '\'' ? SINGLE : c == '"' ? DOUBLE : c == '\\' ? ESCAPED : WORD;
}

static enum state
step(struct splitter *s, enum state state, char c)
{
    enum state next = state;
    bool keep = false;

    switch (state) {
    case BLANK:
    case WORD:
        if (is_blank(c)) {
            if (state == WORD && !end_word(s))
                s->no_memory = true;
            return BLANK;
        }
        next = open_state(c);
        keep = next == WORD;
        break;
    case SINGLE:
        next = c == '\'' ? WORD : SINGLE;
        keep = c != '\'';
        break;
    case DOUBLE:
        next = c == '"' ? WORD : c == '\\' ? ESCAPED_IN_DOUBLE : DOUBLE;
        keep = next == DOUBLE;
        break;
    case ESCAPED:
        next = WORD;
        keep = true;
        break;
    case ESCAPED_IN_DOUBLE:
        /* Inside double quotes a backslash is special before itself and the quote only. */
        if (c != '\\' && c != '"' && !gn_buf_append(&s->word, "\\", 1))
            s->no_memory = true;
        next = DOUBLE;
        keep = true;
        break;
    }
    if (keep && !gn_buf_append(&s->word, &c, 1))
        s->no_memory = true;
    return next;
}

char **
gn_argv_split(struct gn_arena *a, struct gn_slice text, int *n, struct gn_err *err)
{
    struct splitter s = {.arena = a};
    enum state state = BLANK;
    bool ok = true;

    for (size_t i = 0; i < text.n && !s.no_memory; i++)
        state = step(&s, state, text.p[i]);
    if (state == SINGLE || state == DOUBLE)
        ok = gn_err_set(err, GN_E_VALUE, 0, "No closing quotation");
    else if (state == ESCAPED || state == ESCAPED_IN_DOUBLE)
        ok = gn_err_set(err, GN_E_VALUE, 0, "No escaped character");
    else if (state == WORD)
        s.no_memory = s.no_memory || !end_word(&s);
    if (ok && s.words == NULL && !s.no_memory) {
        s.words = gn_arena_alloc(a, sizeof(*s.words));
        s.no_memory = s.words == NULL;
    }
    gn_buf_fini(&s.word);
    if (s.no_memory)
        ok = gn_err_set(err, GN_E_MEMORY, 0, "no memory");
    *n = ok ? s.n : 0;
    return ok ? s.words : NULL;
}
