/* The values that every kind is tried with, by their Python text. Included after config_support.h.
 */
#ifndef TESTS_UNIT_CONFIG_VALUES_H
#define TESTS_UNIT_CONFIG_VALUES_H

static const struct gn_value m_true = {.tag = GN_V_BOOL, .b = true};
static const struct gn_value m_none = {.tag = GN_V_NONE};
static const struct gn_value m_false = {.tag = GN_V_BOOL, .b = false};
static const struct gn_value m_0 = V_INT(0), m_7 = V_INT(7), m_minus1 = V_INT(-1);
static const struct gn_value m_float = {.tag = GN_V_FLOAT, .f = 2.5};
static const struct gn_value m_bytes = {.tag = GN_V_BYTES, .str = {"x", 1}};
static const struct gn_value m_a = V_STR("a"), m_b = V_STR("b"), m_b_blanks = V_STR(" b ");
static const struct gn_value m_1 = V_INT(1);
static const struct gn_value *const m_ab_items[] = {&m_a, &m_b_blanks};
static const struct gn_value *const m_a1_items[] = {&m_a, &m_1};
static const struct gn_value_pair m_pairs[] = {{&m_a, &m_b}};
static const struct gn_value m_empty = {.tag = GN_V_LIST};
static const struct gn_value m_ab = {.tag = GN_V_LIST, .list = {m_ab_items, 2}};
static const struct gn_value m_a1 = {.tag = GN_V_LIST, .list = {m_a1_items, 2}};
static const struct gn_value m_tuple = {.tag = GN_V_TUPLE, .list = {m_ab_items, 1}};
static const struct gn_value m_dict = {.tag = GN_V_DICT, .dict = {m_pairs, 1}};

#define M_TEXT(lit)                                                                                \
    {                                                                                              \
        "'" lit "'", &(const struct gn_value)V_STR(lit)                                            \
    }

static const struct {
    const char *name;
    const struct gn_value *value;
} matrix_values[] = {
    {"None", &m_none},
    {"True", &m_true},
    {"False", &m_false},
    {"0", &m_0},
    {"7", &m_7},
    {"-1", &m_minus1},
    {"2.5", &m_float},
    M_TEXT(""),
    M_TEXT("7"),
    M_TEXT(" 7 "),
    M_TEXT("-1"),
    M_TEXT("0x1f"),
    M_TEXT("0o17"),
    M_TEXT("0017"),
    M_TEXT("1_000"),
    M_TEXT("abc"),
    M_TEXT("true"),
    M_TEXT(" FALSE "),
    M_TEXT("yes"),
    {"b'x'", &m_bytes},
    {"[]", &m_empty},
    {"['a', ' b ']", &m_ab},
    {"['a', 1]", &m_a1},
    {"('a',)", &m_tuple},
    {"{'a': 'b'}", &m_dict},
    M_TEXT("a, b,,c "),
    M_TEXT("127.0.0.1"),
    M_TEXT("10.0.0.0/8"),
    M_TEXT("10.0.0.1/8"),
    M_TEXT("*"),
    M_TEXT("os.getcwd"),
    M_TEXT("os.nosuch"),
    M_TEXT("nosuch_mod.f"),
    {"f()", &f0},
    {"f(a)", &f1},
    {"f(a, b)", &f2},
    {"f(a, b, c)", &f3},
    {"f(a, b, c, d)", &f4},
    {"class K", &class_k},
    M_TEXT("root"),
    M_TEXT("no_such_name"),
    M_TEXT("."),
    M_TEXT("no/such/path"),
    M_TEXT("h:9"),
    M_TEXT("h:x"),
    M_TEXT("unix:///s"),
    M_TEXT("unix:9"),
    M_TEXT("poll"),
    M_TEXT("DROP "),
};

enum { MATRIX_VALUES = sizeof(matrix_values) / sizeof(matrix_values[0]) };

#endif
