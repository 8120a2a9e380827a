#include "py/py.h"

static const char *const texts[GN_PY_INTERN_COUNT] = {
#define S(id, text) text,
#include "py/py_intern.def"
#undef S
};

bool
gn_py_intern_init_gil(struct gn_py *h)
{
    for (size_t i = 0; i < GN_PY_INTERN_COUNT; i++) {
        h->intern[i] = PyUnicode_InternFromString(texts[i]);
        if (h->intern[i] == NULL)
            return false;
    }
    return true;
}
