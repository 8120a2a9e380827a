/* Where a name of a configuration file has its value from. */
#include "py/py_places.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"

enum { MAX_FILE_BYTES = 16 << 20, MAX_DEPTH = 8 };

/* What is known of the text of a module: a list. It is read when the module was imported just now,
 * and kept: what a later reload finds in the file is not what this module came from. */
enum known {
    KNOWN_SOURCE,
    KNOWN_STORES,
    KNOWN_HAS_STAR,
    KNOWN_HAS_OTHER,
    KNOWN_CANDIDATES,
    KNOWN_SPEC, /* of the module: each import has its own */
};

static void find_in_module(struct gn_py_places *p, struct gn_py *h, PyObject *module,
                           PyObject *name, PyObject *value, struct gn_py_place *place);

/* ---- columns ---- */

/* The name behind "coding:" in a comment of the line, or "" (PEP 263). */
static void
encoding_in(struct gn_slice line, char *out, size_t size)
{
    static const char chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    size_t i = 0, n = 0;

    while (i < line.n && strchr(" \t\f", line.p[i]) != NULL)
        i++;
    if (i >= line.n || line.p[i] != '#')
        return;
    for (; i + 7 < line.n; i++) {
        if (memcmp(line.p + i, "coding", 6) != 0 || (line.p[i + 6] != ':' && line.p[i + 6] != '='))
            continue;
        for (i += 7; i < line.n && (line.p[i] == ' ' || line.p[i] == '\t'); i++)
            ;
        while (i < line.n && n + 1 < size && strchr(chars, line.p[i]) != NULL)
            out[n++] = line.p[i++];
        out[n] = '\0';
        return;
    }
}

/* Line `number`, and the encoding that the first two lines name. LF, CRLF and CR end lines. */
static struct gn_slice
find_line(PyObject *source, int number, char *encoding, size_t size)
{
    const char *p = PyBytes_AS_STRING(source), *end = p + PyBytes_GET_SIZE(source);

    if (end - p >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
        p += 3;
    encoding[0] = '\0';
    for (int at = 1; p < end; at++) {
        const char *start = p;

        while (p < end && *p != '\n' && *p != '\r')
            p++;
        if (at <= 2 && encoding[0] == '\0')
            encoding_in(gn_slice(start, (size_t)(p - start)), encoding, size);
        if (at >= 2 && at >= number)
            return at == number ? gn_slice(start, (size_t)(p - start)) : gn_slice("", 0);
        if (at == number)
            return gn_slice(start, (size_t)(p - start));
        p += p + 1 < end && p[0] == '\r' && p[1] == '\n' ? 2 : 1;
    }
    return gn_slice("", 0);
}

static int
count_characters(const char *p, Py_ssize_t n)
{
    int count = 0;

    for (Py_ssize_t i = 0; i < n; i++)
        count += ((unsigned char)p[i] & 0xc0) != 0x80;
    return count;
}

/* The compiler counts bytes of UTF-8, whatever the file is written in. */
static int
column_of(PyObject *source, int line, int offset)
{
    char encoding[64];
    struct gn_slice text = find_line(source, line, encoding, sizeof(encoding));
    PyObject *decoded = NULL;
    const char *utf8 = text.p;
    Py_ssize_t n = (Py_ssize_t)text.n;

    if (offset <= 0)
        return offset + 1;
    if (encoding[0] != '\0') {
        decoded = PyUnicode_Decode(text.p, (Py_ssize_t)text.n, encoding, "strict");
        utf8 = decoded != NULL ? PyUnicode_AsUTF8AndSize(decoded, &n) : NULL;
    }
    PyErr_Clear();
    offset = utf8 != NULL && offset <= n ? count_characters(utf8, offset) : -1;
    Py_XDECREF(decoded);
    return offset + 1;
}

static void
set_place(struct gn_py_place *place, PyObject *source, PyObject *at)
{
    place->line = (int)PyLong_AsLong(PyTuple_GET_ITEM(at, 0));
    place->column = column_of(source, place->line, (int)PyLong_AsLong(PyTuple_GET_ITEM(at, 1)));
    PyErr_Clear();
}

/* ---- modules that were imported ---- */

/* As the builtin compile() does it. That one makes the types of the syntax tree first, which takes
 * longer than everything else here, so it is left to find words for what can't be compiled at all.
 */
static PyObject *
compile_source(PyObject *source, PyObject *filename)
{
    PyCompilerFlags flags = {.cf_flags = PyCF_SOURCE_IS_UTF8,
                             .cf_feature_version = PY_MINOR_VERSION};
    const char *text = PyBytes_AS_STRING(source);

    if (strlen(text) != (size_t)PyBytes_GET_SIZE(source))
        return PyObject_CallFunction(PyDict_GetItemString(PyEval_GetBuiltins(), "compile"), "OOs",
                                     source, filename, "exec");
    return Py_CompileStringObject(text, filename, Py_file_input, &flags, -1);
}

/* True when a constant of the text may be the value: `constant` is a tuple of one. */
static bool
is_value(PyObject *constant, PyObject *value)
{
    PyObject *one;
    bool result;

    if (!PyTuple_Check(constant))
        return false;
    one = PyTuple_GET_ITEM(constant, 0); /* borrowed */
    result = Py_TYPE(one) == Py_TYPE(value) && PyObject_RichCompareBool(one, value, Py_EQ) == 1;
    PyErr_Clear();
    return result;
}

/* The module of a star import; borrowed, NULL when it can't be told. */
static PyObject *
module_of_star(PyObject *importer, PyObject *star)
{
    PyObject *module = PyTuple_GET_ITEM(star, 0), *found = NULL; /* borrowed */
    const char *name = PyUnicode_Check(module) ? PyUnicode_AsUTF8(module) : "";
    long level = PyLong_AsLong(PyTuple_GET_ITEM(star, 1));
    PyObject *package = importer != NULL
                            ? PyDict_GetItemString(PyModule_GetDict(importer), "__package__")
                            : NULL; /* borrowed */
    const char *top = package != NULL && PyUnicode_Check(package) ? PyUnicode_AsUTF8(package) : "";
    char whole[512];
    int n = 0;

    whole[0] = '\0';
    if (level > 0 && top != NULL)
        n = snprintf(whole, sizeof(whole), "%s", top);
    for (long i = 1; i < level && n < (int)sizeof(whole); i++) {
        char *dot = strrchr(whole, '.');

        if (dot == NULL)
            return NULL;
        *dot = '\0';
    }
    n = (int)strlen(whole);
    if (name != NULL && name[0] != '\0')
        n += snprintf(whole + n, sizeof(whole) - (size_t)n, "%s%s", n > 0 ? "." : "", name);
    if (n > 0 && n < (int)sizeof(whole))
        found = PyDict_GetItemString(PyImport_GetModuleDict(), whole); /* borrowed */
    PyErr_Clear();
    return found != NULL && PyModule_Check(found) ? found : NULL;
}

static PyObject *
value_in(PyObject *module, PyObject *name)
{
    PyObject *value =
        module != NULL ? PyDict_GetItemWithError(PyModule_GetDict(module), name) : NULL;

    PyErr_Clear();
    return value;
}

/* New list, or NULL with or without an exception. */
static PyObject *
read_module(PyObject *file, PyObject *spec)
{
    PyObject *path = NULL, *source = NULL, *code = NULL, *stores = NULL, *known = NULL;
    struct gn_py_ways ways = {0};
    char *text = NULL;
    size_t n = 0;

    if (PyUnicode_FSConverter(file, &path))
        text = gn_fd_read_file(PyBytes_AS_STRING(path), MAX_FILE_BYTES, &n);
    if (text != NULL)
        source = PyBytes_FromStringAndSize(text, (Py_ssize_t)n);
    free(text);
    if (source != NULL)
        code = PyObject_CallFunction(PyDict_GetItemString(PyEval_GetBuiltins(), "compile"), "OOsiO",
                                     source, file, "exec", 0, Py_True);
    if (code != NULL)
        stores = gn_py_stores_gil(code, &ways);
    if (stores != NULL)
        known = Py_BuildValue("[OOOOOO]", source, ways.are_stores_known ? stores : Py_None,
                              ways.has_star ? Py_True : Py_False,
                              ways.has_other ? Py_True : Py_False, Py_None, spec);
    Py_XDECREF(path);
    Py_XDECREF(source);
    Py_XDECREF(code);
    Py_XDECREF(stores);
    return known;
}

/* What is known of the module's text; borrowed, or NULL. */
static PyObject *
known_of(struct gn_py *h, PyObject *module, PyObject *file)
{
    PyObject *spec = PyDict_GetItemString(PyModule_GetDict(module), "__spec__"); /* borrowed */
    PyObject *known;

    if (h->conf_texts == NULL)
        h->conf_texts = PyDict_New();
    if (h->conf_texts == NULL || spec == NULL)
        return NULL;
    known = PyDict_GetItemWithError(h->conf_texts, file); /* borrowed */
    if (known == NULL || PyList_GET_ITEM(known, KNOWN_SPEC) != spec) {
        known = read_module(file, spec);
        PyErr_Clear();
        if (known == NULL || PyDict_SetItem(h->conf_texts, file, known) < 0) {
            PyErr_Clear();
            Py_XDECREF(known);
            return NULL;
        }
        Py_DECREF(known); /* the dict holds it */
    }
    PyErr_Clear();
    return known;
}

static PyObject *
candidates_of(PyObject *known, PyObject *file)
{
    PyObject *candidates = PyList_GET_ITEM(known, KNOWN_CANDIDATES); /* borrowed */
    PyObject *tree;

    if (candidates != Py_None)
        return candidates;
    tree = gn_py_tree_gil(PyList_GET_ITEM(known, KNOWN_SOURCE), file);
    candidates = tree != NULL ? gn_py_candidates_gil(tree) : NULL;
    Py_XDECREF(tree);
    if (candidates != NULL)
        PyList_SetItem(known, KNOWN_CANDIDATES, candidates);
    return candidates;
}

/* Rows of the name and of the star imports that bring it, in the order of the text. */
static PyObject *
rows_of(PyObject *candidates, PyObject *module, PyObject *name)
{
    PyObject *own = PyDict_GetItemWithError(candidates, name); /* borrowed */
    PyObject *stars = PyDict_GetItemString(candidates, "*");   /* borrowed */
    PyObject *rows = PyList_New(0);
    bool ok = rows != NULL && (own == NULL || PyList_SetSlice(rows, 0, 0, own) == 0);

    for (Py_ssize_t i = 0; ok && stars != NULL && i < PyList_GET_SIZE(stars); i++) {
        PyObject *row = PyList_GET_ITEM(stars, i); /* borrowed */

        if (value_in(module_of_star(module, PyTuple_GET_ITEM(row, 2)), name) != NULL)
            ok = PyList_Append(rows, row) == 0;
    }
    if (!ok || PyList_Sort(rows) < 0)
        Py_CLEAR(rows);
    return rows;
}

static bool
is_star(PyObject *row)
{
    PyObject *last = PyTuple_GET_ITEM(row, 2);

    return PyTuple_Check(last) && PyTuple_GET_SIZE(last) == 2;
}

/* Whether the row may have given the value: 1 yes, 0 no, -1 can't be told. */
static int
may_explain(PyObject *row, PyObject *module, PyObject *name, PyObject *value)
{
    PyObject *last = PyTuple_GET_ITEM(row, 2);

    if (is_star(row))
        return value_in(module_of_star(module, last), name) == value;
    if (last == Py_None)
        return -1;
    return is_value(last, value);
}

/* The row that took effect; borrowed, NULL when it can't be told. What comes before the last
 * unconditional one did not. */
static PyObject *
choose_row(PyObject *rows, PyObject *module, PyObject *name, PyObject *value, bool has_other)
{
    Py_ssize_t start = PyList_GET_SIZE(rows) - 1;
    PyObject *chosen = NULL;
    int known = 0, unknown = 0;

    while (start > 0 && PyTuple_GET_ITEM(PyList_GET_ITEM(rows, start), 1) == Py_True)
        start--;
    for (Py_ssize_t i = start; i >= 0 && i < PyList_GET_SIZE(rows); i++) {
        PyObject *row = PyList_GET_ITEM(rows, i); /* borrowed */
        int explains = may_explain(row, module, name, value);

        if (explains == 0)
            continue;
        chosen = row;
        known += explains > 0;
        unknown += explains < 0;
    }
    if (known + unknown != 1 || (unknown > 0 && has_other))
        return NULL;
    return chosen;
}

/* From the byte code alone: a name that is stored once, in a text without other ways. True when
 * nothing more can be found. */
static bool
find_store(PyObject *known, PyObject *name, struct gn_py_place *place)
{
    PyObject *stores = PyList_GET_ITEM(known, KNOWN_STORES); /* borrowed */
    PyObject *rows;

    if (stores == Py_None || PyList_GET_ITEM(known, KNOWN_HAS_STAR) == Py_True ||
        PyList_GET_ITEM(known, KNOWN_HAS_OTHER) == Py_True)
        return false;
    rows = PyDict_GetItemWithError(stores, name); /* borrowed */
    if (rows == NULL)
        return true;
    if (PyList_GET_SIZE(rows) != 1)
        return false;
    set_place(place, PyList_GET_ITEM(known, KNOWN_SOURCE), PyList_GET_ITEM(rows, 0));
    return true;
}

/* Follows the star import to the module that has the value. */
static bool
find_behind_star(struct gn_py_places *p, struct gn_py *h, PyObject *module, PyObject *name,
                 PyObject *value, struct gn_py_place *place)
{
    struct gn_py_place found = {"", 0, 0};

    if (value_in(module, name) != value)
        return false;
    find_in_module(p, h, module, name, value, &found);
    if (found.line > 0)
        *place = found;
    return found.line > 0;
}

static void
find_candidate(struct gn_py_places *p, struct gn_py *h, PyObject *module, PyObject *file,
               PyObject *known, PyObject *name, PyObject *value, struct gn_py_place *place)
{
    PyObject *candidates = candidates_of(known, file); /* borrowed */
    PyObject *rows = candidates != NULL ? rows_of(candidates, module, name) : NULL;
    PyObject *row = NULL;

    if (rows != NULL)
        row = choose_row(rows, module, name, value,
                         PyList_GET_ITEM(known, KNOWN_HAS_OTHER) == Py_True);
    if (row != NULL &&
        (!is_star(row) || !find_behind_star(p, h, module_of_star(module, PyTuple_GET_ITEM(row, 2)),
                                            name, value, place)))
        set_place(place, PyList_GET_ITEM(known, KNOWN_SOURCE), PyTuple_GET_ITEM(row, 0));
    PyErr_Clear();
    Py_XDECREF(rows);
}

/* Files below the start directory are named from there. */
static void
name_file(struct gn_py *h, PyObject *file, char *out, size_t size)
{
    size_t n = strlen(h->start_dir);
    PyObject *path = NULL;
    const char *text;

    out[0] = '\0';
    if (PyUnicode_FSConverter(file, &path)) {
        text = PyBytes_AS_STRING(path);
        if (strncmp(text, h->start_dir, n) == 0 && text[n] == '/' && text[n + 1] != '\0')
            text += n + 1;
        if (strlen(text) < size)
            memcpy(out, text, strlen(text) + 1);
    }
    PyErr_Clear();
    Py_XDECREF(path);
}

static void
find_in_module(struct gn_py_places *p, struct gn_py *h, PyObject *module, PyObject *name,
               PyObject *value, struct gn_py_place *place)
{
    PyObject *file = PyDict_GetItemString(PyModule_GetDict(module), "__file__"); /* borrowed */
    PyObject *known;
    Py_ssize_t n = file != NULL && PyUnicode_Check(file) ? PyUnicode_GET_LENGTH(file) : 0;

    if (n < 4 || PyUnicode_ReadChar(file, n - 1) != 'y' || PyUnicode_ReadChar(file, n - 3) != '.' ||
        p->depth >= MAX_DEPTH)
        return;
    name_file(h, file, place->file, sizeof(place->file));
    known = known_of(h, module, file); /* borrowed */
    if (known == NULL || value == NULL)
        return;
    p->depth++;
    if (!find_store(known, name, place))
        find_candidate(p, h, module, file, known, name, value, place);
    p->depth--;
}

/* Reads the text of the module and of those whose names it imports, as long as it is the one that
 * they came from. */
static void
read_texts(struct gn_py *h, PyObject *module, int depth)
{
    PyObject *file = PyDict_GetItemString(PyModule_GetDict(module), "__file__"); /* borrowed */
    PyObject *known = file != NULL && PyUnicode_Check(file) ? known_of(h, module, file) : NULL;
    PyObject *candidates, *stars = NULL; /* borrowed, as is `known` */

    if (known == NULL || depth >= MAX_DEPTH || PyList_GET_ITEM(known, KNOWN_HAS_STAR) != Py_True)
        return;
    candidates = candidates_of(known, file);
    if (candidates != NULL)
        stars = PyDict_GetItemString(candidates, "*");
    for (Py_ssize_t i = 0; stars != NULL && i < PyList_GET_SIZE(stars); i++) {
        PyObject *row = PyList_GET_ITEM(stars, i);
        PyObject *other = module_of_star(module, PyTuple_GET_ITEM(row, 2));

        if (other != NULL)
            read_texts(h, other, depth + 1);
    }
}

void
gn_py_places_read_module_gil(struct gn_py *h, PyObject *module)
{
    read_texts(h, module, 0);
    PyErr_Clear();
}

void
gn_py_places_read_stars_gil(struct gn_py_places *p, struct gn_py *h)
{
    PyObject *stars = p->marks != NULL ? gn_py_marks_stars_gil(p->marks) : NULL;

    for (Py_ssize_t i = 0; stars != NULL && i < PyList_GET_SIZE(stars); i++) {
        PyObject *module = module_of_star(NULL, PyList_GET_ITEM(stars, i)); /* borrowed */

        if (module != NULL)
            read_texts(h, module, 0);
    }
    PyErr_Clear();
    Py_XDECREF(stars);
}

void
gn_py_places_find_in_module_gil(struct gn_py_places *p, struct gn_py *h, PyObject *module,
                                PyObject *name, PyObject *value, struct gn_py_place *place)
{
    *place = (struct gn_py_place){"", 0, 0};
    find_in_module(p, h, module, name, value, place);
    PyErr_Clear();
}

/* ---- the configuration file ---- */

/* True when the stores tell all: each wanted name has one place. */
static bool
is_plain(struct gn_py_places *p, const struct gn_py_ways *ways)
{
    PyObject *name, *rows;
    Py_ssize_t pos = 0, n;

    if (!ways->are_stores_known || ways->has_star || ways->has_other)
        return false;
    while (PyDict_Next(p->stores, &pos, &name, &rows)) {
        const char *text;

        if (PyList_GET_SIZE(rows) == 1)
            continue;
        text = PyUnicode_AsUTF8AndSize(name, &n);
        if (text == NULL || p->sink->wants(p->sink, gn_slice(text, (size_t)n))) {
            PyErr_Clear();
            return false;
        }
    }
    return true;
}

PyObject *
gn_py_places_compile_gil(struct gn_py_places *p, struct gn_cfg_sink *sink, PyObject *source,
                         PyObject *filename)
{
    struct gn_py_ways ways = {0};
    PyObject *code, *marked = NULL;

    p->sink = sink;
    p->source = Py_NewRef(source);
    p->filename = Py_NewRef(filename);
    code = compile_source(source, filename);
    if (code == NULL)
        return NULL;
    p->stores = gn_py_stores_gil(code, &ways);
    PyErr_Clear(); /* without places the file alone is named */
    if (p->stores == NULL || is_plain(p, &ways))
        return code;
    Py_CLEAR(p->stores);
    marked = gn_py_marks_compile_gil(&p->marks, sink, source, filename);
    PyErr_Clear();
    if (marked == NULL)
        return code;
    Py_DECREF(code);
    return marked;
}

void
gn_py_places_watch_gil(struct gn_py_places *p, PyObject *dict)
{
    if (p->marks != NULL)
        gn_py_marks_watch_gil(p->marks, dict);
}

static void
find_own_store(struct gn_py_places *p, PyObject *name, struct gn_py_place *place)
{
    PyObject *rows = PyDict_GetItemWithError(p->stores, name); /* borrowed */

    if (rows != NULL)
        set_place(place, p->source, PyList_GET_ITEM(rows, 0));
}

static void
find_marked(struct gn_py_places *p, struct gn_py *h, PyObject *name, PyObject *value,
            struct gn_py_place *place)
{
    PyObject *at = gn_py_marks_find_gil(p->marks, name, value); /* borrowed */

    if (at == NULL)
        return;
    if (PyTuple_GET_SIZE(at) == 3) {
        PyObject *module = module_of_star(NULL, PyTuple_GET_ITEM(at, 2)); /* borrowed */

        if (module != NULL && find_behind_star(p, h, module, name, value, place))
            return;
    }
    set_place(place, p->source, at);
}

static void
find_annotation(struct gn_py_places *p, PyObject *name, struct gn_py_place *place)
{
    PyObject *tree, *at;

    if (p->source == NULL)
        return;
    if (p->annotations == NULL) {
        tree = gn_py_tree_gil(p->source, p->filename);
        p->annotations = tree != NULL ? gn_py_annotations_gil(tree) : NULL;
        Py_XDECREF(tree);
    }
    at = p->annotations != NULL ? PyDict_GetItemWithError(p->annotations, name) : NULL;
    if (at != NULL)
        set_place(place, p->source, at);
}

void
gn_py_places_find_gil(struct gn_py_places *p, struct gn_py *h, PyObject *name, PyObject *value,
                      struct gn_py_place *place)
{
    *place = (struct gn_py_place){"", 0, 0};
    if (value == NULL)
        find_annotation(p, name, place);
    else if (p->marks != NULL)
        find_marked(p, h, name, value, place);
    else if (p->stores != NULL)
        find_own_store(p, name, place);
    PyErr_Clear();
}

void
gn_py_places_fini_gil(struct gn_py_places *p)
{
    Py_CLEAR(p->source);
    Py_CLEAR(p->filename);
    Py_CLEAR(p->stores);
    Py_CLEAR(p->annotations);
    gn_py_marks_free_gil(p->marks);
    p->marks = NULL;
}
