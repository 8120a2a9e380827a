/* Where a configuration file binds a name: which files of this folder find it out, and how.
 *
 * The file is compiled once. When its byte code stores every wanted name at one place only, and
 * there is no other way to bind names, the place is known without more work (py_stores.c). Else the
 * syntax tree is compiled with a mark behind each statement of the module level (py_marks.c): a
 * mark notes which names have another value than before, and takes part in nothing else. A place
 * that is found must explain the very object that the name has at the end; otherwise the file alone
 * is named.
 *
 * Modules (python:MODULE, star imports) are imported as ever. Their text is read again, and a place
 * is told only when no other assignment can have taken effect.
 */
#ifndef GN_PY_PY_PLACES_H
#define GN_PY_PY_PLACES_H

#include "py/py.h"

struct gn_py_place {
    char file[4096];  /* "" for the file itself */
    int line, column; /* 1-based, columns in characters; 0 when unknown */
};

struct gn_py_marks;

struct gn_py_places {
    struct gn_cfg_sink *sink; /* tells which names are wanted */
    PyObject *source, *filename;
    PyObject *stores; /* what gn_py_stores_gil found, or NULL */
    struct gn_py_marks *marks;
    PyObject *annotations;
    int depth;
};

/* Compiles the source of a configuration file; NULL with an exception. */
PyObject *gn_py_places_compile_gil(struct gn_py_places *p, struct gn_cfg_sink *sink,
                                   PyObject *source, PyObject *filename);
/* The code runs next, in the namespace `dict`. */
void gn_py_places_watch_gil(struct gn_py_places *p, PyObject *dict);
/* Right behind the run: reads the texts of modules, which may change before a reload that doesn't
 * import them anew. */
void gn_py_places_read_stars_gil(struct gn_py_places *p, struct gn_py *h);
void gn_py_places_read_module_gil(struct gn_py *h, PyObject *module);
/* Where the value of a name comes from. A NULL value: where the name is annotated. */
void gn_py_places_find_gil(struct gn_py_places *p, struct gn_py *h, PyObject *name, PyObject *value,
                           struct gn_py_place *place);
/* The same for a module that was imported. */
void gn_py_places_find_in_module_gil(struct gn_py_places *p, struct gn_py *h, PyObject *module,
                                     PyObject *name, PyObject *value, struct gn_py_place *place);
void gn_py_places_fini_gil(struct gn_py_places *p);

/* How else names get values than by statements that bind them. */
struct gn_py_ways {
    bool has_star;         /* `from module import *` */
    bool has_other;        /* globals(), exec, `global` in a function ... */
    bool are_stores_known; /* not with byte code that has no columns */
};

/* py_stores.c: a dict name -> list of (line, offset), one for each place in the code that stores
 * the name; NULL with an exception. */
PyObject *gn_py_stores_gil(PyObject *code, struct gn_py_ways *ways);

/* py_marks.c: a code object with marks, or NULL with an exception. */
PyObject *gn_py_marks_compile_gil(struct gn_py_marks **marks, struct gn_cfg_sink *sink,
                                  PyObject *source, PyObject *filename);
void gn_py_marks_watch_gil(struct gn_py_marks *marks, PyObject *dict);
/* List of (module, level) of all star imports. */
PyObject *gn_py_marks_stars_gil(struct gn_py_marks *marks);
/* Borrowed: (line, offset) or (line, offset, (module, level)) of a star import; NULL when it isn't
 * known. Never raises. */
PyObject *gn_py_marks_find_gil(struct gn_py_marks *marks, PyObject *name, PyObject *value);
void gn_py_marks_free_gil(struct gn_py_marks *marks);

/* py_lines.c */
bool gn_py_node_is(PyObject *node, const char *name);
bool gn_py_node_is_function(PyObject *node); /* or class */
PyObject *gn_py_node_place_gil(PyObject *node);
PyObject *gn_py_tree_gil(PyObject *source, PyObject *filename);
/* Adds to the dict `names` what `part` of a statement binds, blocks inside it left out: name ->
 * place. */
bool gn_py_bound_gil(PyObject *statement, PyObject *part, PyObject *names);
/* Place of the only keyword or string in the statement that is `name`, else of the statement. */
PyObject *gn_py_mention_gil(PyObject *statement, PyObject *name);
/* (module, level) of `from module import *`; NULL without an exception for other statements. */
PyObject *gn_py_star_gil(PyObject *statement);
/* All places of the module level in the order of the text: dict name -> list of (place, is it
 * conditional, constant as tuple of one or None). The name "*" has star imports, with what
 * gn_py_star_gil tells instead of a constant. */
PyObject *gn_py_candidates_gil(PyObject *tree);
/* dict: name -> place of its last annotation. */
PyObject *gn_py_annotations_gil(PyObject *tree);

#endif
