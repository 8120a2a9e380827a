"""The generator of the settings table: what it makes of the schema, and of mistakes in it.

Every mistake must be reported with file, line and column, all mistakes in one run, and nothing may
be written then.
"""
import os
import pathlib
import subprocess

import pytest

SOURCE = pathlib.Path(os.environ.get("GN_TOP_SRCDIR") or pathlib.Path(__file__).parents[2])
BUILD = pathlib.Path(os.environ.get("GN_TOP_BUILDDIR") or SOURCE / "build")
TOOL = BUILD / "tools" / "gen-settings"
SCHEMA = SOURCE / "schema" / "settings.yaml"

# Line numbers in the tests below count from the first line of this text.
GOOD = """\
sections:
  - First
  - Second Part
settings:
  - name: alpha
    section: First
    order: 10
    cli: [-a, --alpha]
    meta: WORD
    kind: string
    action: store
    default: 'x'
    apply: start
    brief: First letter.
    desc: |
      Text of "alpha" with a \\ and ??/ in it.
      A second line: ä.
  - name: on_event
    section: Second Part
    kind: hook
    default: OnEvent.on_event
    arity: [2, 1]
    apply: worker
    brief: A hook.
    desc: Text.
  - name: mode
    section: Second Part
    order: 5
    cli: [--mode]
    kind: choice
    action: store
    default: fast
    choices: [fast, slow]
    ignore_case: true
    env: MODE_VARIABLE
    env_format: 'x%s'
    apply: reload
    since: 'c 1.0'
    pending: not done
    pending_fatal: true
    addition: true
    brief: A choice.
    desc: Text.
  - name: home
    section: Second Part
    order: 20
    cli: [--home]
    kind: directory
    action: store
    default: ~
    dynamic: cwd
    apply: start
    brief: A directory.
    desc: Text.
  - name: loud
    section: Second Part
    order: 30
    cli: [-l, --loud]
    kind: bool
    action: store_true
    default: false
    apply: start
    brief: A switch.
    desc: Text.
options:
  - cli: [--loud]
    action: optional
    meta: HOW
    choices: [very, little]
    brief: Another form of it.
    desc: Text.
  - cli: [--undo]
    action: append
    meta: SETTING
    brief: Undoes a setting.
    desc: Text.
"""

# With `GOOD` before it, a schema that has one of everything; its first line is line 75.
RULES = """\
rules:
  - code: GC505
    settings: [alpha, mode]
    when: [it is changed, loud is true or alpha = y, mode not in fast, '@worker in sync gthread']
    message: 'the value is {}'
    hint: Do something.
  - code: GC111
    settings: [alpha]
    check: bad_address
    message: '{}'
names:
  - {name: gamma, is: removed, use: alpha, text: use alpha}
  - {name: delta, is: common, text: an own thing}
"""
RULE_LINE = GOOD.count("\n") + 1


def run(*arguments):
    return subprocess.run([TOOL, *arguments], capture_output=True, text=True, timeout=50)


def complaints(tmp_path, text):
    """Writes `text` as schema, runs the generator, and returns the lines that it printed."""
    path = tmp_path / "schema.yaml"
    path.write_text(text, encoding="utf-8")
    outputs = [tmp_path / name for name in ("h", "t", "i")]
    done = run("--header", outputs[0], "--table", outputs[1], "--help-inc", outputs[2], path)
    lines = done.stderr.splitlines()
    if lines:
        assert done.returncode == 1
        assert [o for o in outputs if o.exists()] == []
        assert all(line.startswith(f"{path}:") for line in lines), lines
    else:
        assert done.returncode == 0
        assert all(o.stat().st_size > 0 for o in outputs)
    assert done.stdout == ""
    return [line[len(str(path)) + 1:].replace(" error:", "", 1) for line in lines]


def edit(*replacements):
    text = GOOD
    for old, new in replacements:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def test_good_schema_has_no_complaints(tmp_path):
    assert complaints(tmp_path, GOOD) == []


MISTAKES = [
    # reading
    ("top key", [("sections:", "more: 1\nsections:")], "1:1: unknown key 'more' at the top"),
    ("top key twice", [("settings:", "sections: [A]\nsettings:")],
     "4:1: 'sections' is given twice"),
    ("no mapping", [("  - name: on_event\n", "  - word\n  - name: on_event\n")],
     "18:5: a setting must be a mapping, this is text"),
    # shape of fields
    ("unknown field", [("    meta: WORD", "    mata: WORD")], "9:5: unknown field 'mata'"),
    ("missing field", [("    brief: A hook.\n", "")], "18:5: field 'brief' is missing"),
    ("missing default", [("    default: 'x'\n", "")], "5:5: field 'default' is missing"),
    ("field twice", [("    meta: WORD", "    meta: WORD\n    meta: TEXT")],
     "10:5: field 'meta' is given twice"),
    ("number as text", [("meta: WORD", "meta: 12")],
     "9:11: meta must be text, this is a bare word that needs quotes to be text"),
    ("yes as text", [("meta: WORD", "meta: yes")],
     "9:11: meta must be text, this is a bare word that needs quotes to be text"),
    ("nothing as text", [("meta: WORD", "meta:")], "9:10: meta must be text, this is nothing"),
    ("list as text", [("meta: WORD", "meta: [A]")], "9:11: meta must be text, this is a list"),
    ("empty text", [("meta: WORD", "meta: ''")], "9:11: meta is empty"),
    ("two lines", [("meta: WORD", 'meta: "A\\nB"')],
     "9:11: meta must be one line without control characters"),
    ("NUL", [("meta: WORD", 'meta: "A\\0B"')], "9:11: meta must not hold a NUL"),
    ("blank at the end", [("meta: WORD", "meta: 'A '")], "9:11: meta begins or ends with a blank"),
    ("tab in a block", [('Text of "alpha"', 'Text of\t"alpha"')],
     "15:11: desc holds a tab or a carriage return"),
    ("text as list", [("cli: [--mode]", "cli: --mode")], "29:10: cli must be a list, this is text"),
    ("empty list", [("cli: [--mode]", "cli: []")],
     "29:10: cli is an empty list; leave it out instead"),
    ("text as truth", [("ignore_case: true", "ignore_case: 'true'")],
     "34:18: ignore_case must be true or false"),
    ("text as number", [("order: 10", "order: ten")], "7:12: order must be a whole number"),
    ("words as arity", [("arity: [2, 1]", "arity: [2, one]")],
     "22:16: arity must hold whole numbers, this is text"),
    # names, sections
    ("upper case name", [("name: alpha", "name: Alpha")],
     "5:11: name 'Alpha' must be lower-case letters, digits and '_'"),
    ("long name", [("name: alpha", "name: " + "a" * 35)],
     "5:11: name '" + "a" * 35 + "' is longer than 34 characters"),
    ("C word", [("name: alpha", "name: default")],
     "5:11: name 'default' is a word of the C language"),
    ("name twice", [("name: mode", "name: alpha")], "26:11: name 'alpha' is already used in line 5"),
    ("order twice", [("order: 5", "order: 10")], "28:12: order '10' is already used in line 7"),
    ("unknown section", [("section: Second Part\n    order: 20", "section: Third\n    order: 20")],
     "45:14: unknown section 'Third'"),
    ("section order", [("  - First\n  - Second Part", "  - Second Part\n  - First")],
     "19:14: section 'Second Part' must not come after section 'First'"),
    ("empty section", [("  - First\n", "  - First\n  - Void\n")],
     "3:5: section 'Void' has no setting"),
    ("section twice", [("  - First\n", "  - First\n  - First\n")],
     "3:5: section 'First' is given twice"),
    # flags
    ("flag twice", [("cli: [--mode]", "cli: [--alpha]")],
     "29:11: flag '--alpha' is already used in line 8"),
    ("flag twice in one", [("cli: [--mode]", "cli: [--mode, --mode]")],
     "29:19: flag '--mode' is already used in line 29"),
    ("flag form", [("cli: [--mode]", "cli: [--mode, -mo]")],
     "29:19: flag '-mo' is neither of the form -x nor --word-word"),
    ("flag of the program", [("cli: [--mode]", "cli: [--mode, -h]")],
     "29:19: flag '-h' is taken by the program itself"),
    ("only short", [("cli: [-a, --alpha]", "cli: [-a]")],
     "8:10: a setting with flags needs a long one"),
    ("no action", [("    meta: WORD\n", ""), ("    kind: string\n    action: store", "    kind: string")],
     "5:5: field 'action' is missing: the setting has flags"),
    ("unknown action", [("kind: choice\n    action: store", "kind: choice\n    action: fetch")],
     "31:13: unknown action 'fetch'"),
    ("action without flags", [("    kind: hook", "    kind: hook\n    action: store")],
     "21:13: action 'store' of a setting without flags"),
    ("action none", [("kind: choice\n    action: store", "kind: choice\n    action: none")],
     "31:13: action 'none' of a setting with flags"),
    ("action and kind", [("kind: choice\n    action: store", "kind: choice\n    action: append")],
     "31:13: action 'append' doesn't fit kind 'choice'"),
    ("flags of a hook", [("    kind: hook",
                          "    order: 1\n    cli: [--hook]\n    action: store\n    kind: hook")],
     "21:10: a setting of kind 'hook' can't have flags"),
    ("order without flags", [("    kind: hook", "    order: 1\n    kind: hook")],
     "20:12: 'order' is only allowed with flags"),
    ("meta without value", [("    kind: hook", "    meta: X\n    kind: hook")],
     "20:11: 'meta' is only allowed with a flag that takes a value"),
    ("unknown type", [("    kind: string", "    type: long\n    kind: string")],
     "10:11: unknown type 'long'"),
    ("type and kind", [("    kind: string", "    type: int\n    kind: string")],
     "10:11: type 'int' doesn't fit the kind"),
    # kinds and defaults
    ("unknown kind", [("kind: string", "kind: text")], "10:11: unknown kind 'text'"),
    ("default of string", [("default: 'x'", "default: 1")],
     "12:14: the default doesn't fit kind 'string': it must be text or ~"),
    ("default of hook", [("default: OnEvent.on_event", "default: on_event")],
     "21:14: the default doesn't fit kind 'hook': it must be a qualified name such as Class.method"),
    ("default of choice", [("default: fast", "default: quick")],
     "32:14: the default doesn't fit kind 'choice': it must be one of 'choices', or ~"),
    ("default of directory", [("default: ~", "default: /")],
     "50:14: the default doesn't fit kind 'directory': it must be ~, with 'dynamic'"),
    ("no dynamic", [("    dynamic: cwd\n", "")], "44:5: field 'dynamic' is missing: the kind needs it"),
    ("wrong dynamic", [("dynamic: cwd", "dynamic: euid")],
     "51:14: dynamic must be cwd for kind 'directory'"),
    ("dynamic elsewhere", [("    kind: hook", "    dynamic: cwd\n    kind: hook")],
     "20:14: 'dynamic' is only allowed with kinds directory, user and group"),
    ("no choices", [("    choices: [fast, slow]\n    ignore_case: true\n", ""),
                    ("default: fast", "default: ~")],
     "26:5: field 'choices' is missing: the kind is choice"),
    ("no bool choices", [("    choices: [fast, slow]\n    ignore_case: true\n", ""),
                         ("kind: choice\n    action: store", "kind: bool_choice\n    action: optional"),
                         ("default: fast", "default: false")],
     "26:5: field 'choices' is missing: the kind is bool_choice"),
    ("default of bool choice", [("    ignore_case: true\n", ""), ("default: fast", "default: slow"),
                                ("kind: choice\n    action: store",
                                 "kind: bool_choice\n    action: optional")],
     "32:14: the default doesn't fit kind 'bool_choice': it must be true or false"),
    ("action of bool choice", [("    ignore_case: true\n", ""), ("default: fast", "default: true"),
                               ("kind: choice", "kind: bool_choice")],
     "31:13: action 'store' doesn't fit kind 'bool_choice'"),
    ("choices elsewhere", [("    kind: string", "    choices: [x]\n    kind: string")],
     "10:14: 'choices' is only allowed with kinds choice and bool_choice"),
    ("choice twice", [("[fast, slow]", "[fast, fast]")], "33:21: choice 'fast' is given twice"),
    ("choice form", [("[fast, slow]", "[fast, So-so]")],
     "33:21: choice 'So-so' must be lower-case letters, digits and '_'"),
    ("no arity", [("    arity: [2, 1]\n", "")],
     "18:5: field 'arity' is missing: the kind is hook"),
    ("arity elsewhere", [("    kind: string", "    arity: [1]\n    kind: string")],
     "10:12: 'arity' is only allowed with kind hook"),
    ("arity zero", [("arity: [2, 1]", "arity: [2, 0]")], "22:16: arity 0 is not one of 1 to 9"),
    ("arity twice", [("arity: [2, 1]", "arity: [2, 2]")], "22:16: arity 2 is given twice"),
    # environment, history, texts
    ("variable", [("env: MODE_VARIABLE", "env: mode")],
     "35:10: env 'mode' must be upper-case letters, digits and '_'"),
    ("format without %s", [("'x%s'", "'x'")],
     "36:17: env_format must hold '%s' once and no other '%'"),
    ("format with two", [("'x%s'", "'%s%d'")],
     "36:17: env_format must hold '%s' once and no other '%'"),
    ("format alone", [("    env: MODE_VARIABLE\n", "")],
     "35:17: 'env_format' is only allowed with 'env'"),
    ("hook from environment", [("    kind: hook", "    env: HOOK\n    kind: hook")],
     "20:10: 'env' is only allowed with a kind that can be given as text"),
    ("unknown apply", [("apply: worker", "apply: later")], "23:12: unknown apply class 'later'"),
    ("version form", [("'c 1.0'", "'c one'")],
     "38:12: since 'c one' is not of the form 1.2, 1.2.3 or c 1.2"),
    ("addition without since", [("    since: 'c 1.0'\n", "")],
     "40:15: 'addition' is only allowed with since of the form c 1.2"),
    ("since without addition", [("    addition: true\n", "")],
     "38:12: since 'c 1.0' is only allowed with 'addition: true'"),
    ("fatal without pending", [("    pending: not done\n", "")],
     "39:20: 'pending_fatal' is only allowed with 'pending'"),
    ("brief without stop", [("A hook.", "A hook")], "24:12: brief must end with a full stop"),
    # options
    ("option without text", [("    brief: Undoes a setting.\n", "")],
     "72:5: field 'brief' is missing"),
    ("field of a setting", [("    brief: Undoes", "    env: UNDO\n    brief: Undoes")],
     "75:10: 'env' is only allowed in a setting"),
    ("short option", [("cli: [--undo]", "cli: [-u]")],
     "72:10: an option has one flag, which is a long one"),
    ("two flags", [("cli: [--undo]", "cli: [--undo, --redo]")],
     "72:10: an option has one flag, which is a long one"),
    ("flag of a setting", [("cli: [--undo]", "cli: [--alpha]")],
     "72:10: flag '--alpha' is already used in line 8"),
    ("nothing to extend", [("  - cli: [--loud]", "  - cli: [--silent]")],
     "66:10: there is no setting with the switch '--silent' to extend"),
    ("forms missing", [("    choices: [very, little]\n", "")],
     "66:5: field 'choices' is missing: the action is optional"),
    ("forms elsewhere", [("    action: append\n", "    action: append\n    choices: [a]\n")],
     "74:14: 'choices' is only allowed with action optional"),
    ("action of an option", [("action: append", "action: store_false")],
     "73:13: unknown action 'store_false' of an option"),
    ("no name of the value", [("    meta: SETTING\n", "")],
     "72:5: field 'meta' is missing: the option takes a value"),
    ("option without stop", [("Undoes a setting.", "Undoes a setting")],
     "75:12: brief must end with a full stop"),
]


# Lines count from the first one of RULES, which is 0.
RULE_MISTAKES = [
    ("unknown field", "    hint:", "    hnt:", "5:5: unknown field 'hnt'"),
    ("field twice", "    hint: Do", "    message: x\n    hint: Do",
     "5:5: field 'message' is given twice"),
    ("no code", "  - code: GC111\n    settings", "  - settings", "6:5: field 'code' is missing"),
    ("code", "GC505", "GX505", "1:11: code 'GX505' is not of the form GC123"),
    ("no settings", "    settings: [alpha, mode]\n", "", "1:5: field 'settings' is missing"),
    ("unknown setting", "[alpha, mode]", "[alpha, mood]", "2:23: unknown setting 'mood'"),
    ("setting twice", "[alpha, mode]", "[mode, mode]", "2:22: setting 'mode' is given twice"),
    ("nothing to hold", "    check: bad_address\n", "", "6:5: a rule needs 'when' or 'check'"),
    ("unknown check", "bad_address", "bad_adress", "8:12: unknown check 'bad_adress'"),
    ("finding not shown", "message: '{}'", "message: bad",
     "9:14: the message of a check must hold '{}', the finding"),
    ("full stop", "value is {}'", "value is {}.'", "4:14: message must not end with a full stop"),
    ("condition is no text", "it is changed", "[it]", "3:12: when must be text, this is a list"),
    ("no test", "it is changed", "it", "3:14: test is missing at the end"),
    ("unknown test", "it is changed", "it is charged", "3:15: unknown test 'is'"),
    ("unknown subject", "it is changed", "its is true", "3:12: unknown setting 'its'"),
    ("unknown fact", "@worker", "@wrker", "3:73: unknown fact '@wrker'"),
    ("no value", "alpha = y", "alpha =", "3:50: value is missing at the end"),
    ("two values", "alpha = y", "alpha = y z",
     "3:53: unknown word behind a test, other than 'or': 'z'"),
    ("nothing behind or", " or alpha = y", " or", "3:42: setting is missing at the end"),
    ("switch compared", "loud is true", "loud = yes",
     "3:27: a switch is compared by 'is true' and 'is false'"),
    ("no number", "alpha = y", "alpha > 4", "3:43: only numbers are above or below"),
    ("no choice", "mode not in fast", "mode = quick",
     "3:54: the setting is compared with something that is none of its choices"),
    ("no list", "alpha = y", "alpha has y", "3:43: only a list 'has'"),
    ("fact that is no text", "@worker in sync gthread", "@unix_bind = x",
     "3:73: a fact that is no text can only be true or false"),
    ("fact that is a text", "@worker in sync gthread", "@worker is true",
     "3:73: a fact that is a text can only be compared"),
    ("name of a setting", "name: gamma", "name: mode", "11:12: 'mode' is a setting"),
    ("name twice", "name: delta", "name: gamma", "12:12: name 'gamma' is given twice"),
    ("form of a name", "name: delta", "name: Delta",
     "12:12: name 'Delta' must be lower-case letters, digits and '_'"),
    ("class of a name", "is: common", "is: old",
     "12:23: 'is' must be removed, newer, needless or common"),
    ("use of a name", "use: alpha", "use: beta", "11:37: unknown setting 'beta'"),
    ("text of a name", ", text: an own thing", "", "12:5: field 'text' is missing"),
]


@pytest.mark.parametrize("old, new, expected", [m[1:] for m in RULE_MISTAKES],
                         ids=[m[0] for m in RULE_MISTAKES])
def test_mistake_in_a_rule_is_reported_with_its_place(tmp_path, old, new, expected):
    assert RULES.count(old) == 1
    line, rest = expected.split(":", 1)
    assert complaints(tmp_path, GOOD + RULES.replace(old, new)) == [
        f"{RULE_LINE + int(line)}:{rest}"]


def test_secret_value_in_a_message(tmp_path):
    schema = GOOD.replace("    brief: First letter.", "    secret: true\n    brief: First letter.")
    lines = complaints(tmp_path, schema + RULES)
    assert lines == [f"{RULE_LINE + 3}:16: the message shows the value of 'alpha', which is secret"]


def test_rules_as_a_table(tmp_path):
    assert complaints(tmp_path, GOOD + RULES) == []
    done = run("--rules", tmp_path / "rules.inc", tmp_path / "schema.yaml")
    assert (done.returncode, done.stderr) == (0, "")
    table = (tmp_path / "rules.inc").read_text(encoding="utf-8")
    for part in ('.code = "GC505"', ".is_it = true, .is_last = true}", ".id = GN_S_LOUD}",
                 ".fact = gn_rule_fact_worker", ".check = gn_rule_check_bad_address",
                 "gn_rule_count = 2;", ".use = &gn_settings[GN_S_ALPHA]", ".is = GN_NAME_COMMON"):
        assert part in table, part


BOUNDS = [
    ("kind", "    kind: string\n", "    kind: string\n    max: 5\n",
     "11:10: 'max' is only allowed with kinds nonneg_int and umask"),
    ("both", "    kind: string\n    action: store\n    default: 'x'\n",
     "    kind: nonneg_int\n    action: store\n    default: 5\n    max: 6\n    cap: 7\n",
     "14:10: 'cap' is only allowed with no 'max' beside it"),
    ("default", "    kind: string\n    action: store\n    default: 'x'\n",
     "    kind: nonneg_int\n    action: store\n    default: 5\n    max: 4\n",
     "13:10: the default is above 'max'"),
]


@pytest.mark.parametrize("old, new, expected", [m[1:] for m in BOUNDS], ids=[m[0] for m in BOUNDS])
def test_mistake_in_a_bound(tmp_path, old, new, expected):
    assert complaints(tmp_path, edit((old, new))) == [expected]


@pytest.mark.parametrize("replacements, expected", [m[1:] for m in MISTAKES],
                         ids=[m[0] for m in MISTAKES])
def test_mistake_is_reported_with_its_place(tmp_path, replacements, expected):
    assert complaints(tmp_path, edit(*replacements)) == [expected]


def test_text_that_is_no_yaml(tmp_path):
    lines = complaints(tmp_path, edit(("    kind: string", "\tkind: string")))
    assert len(lines) == 1
    assert lines[0].startswith("10:1: found ")


def test_second_document(tmp_path):
    assert complaints(tmp_path, GOOD + "---\n- more\n") == [
        "78:1: the file must hold one YAML document"]


@pytest.mark.parametrize("kind, good, bad", [
    ("string_list", ["[]", "[a, 'b']"], ["~", "a", "[1]"]),
    ("file_list", ["[]"], ["~", "{}"]),
    ("nonneg_int", ["0", "4094"], ["~", "-1", "'1'", "1.5", "0x10", "007", "99999999999"]),
    ("umask", ["18"], ["~", "'022'"]),
    ("bool", ["true", "false"], ["~", "1", "yes", "'true'"]),
    ("tribool", ["true", "false", "~"], ["0", "no"]),
    ("class", ["a.B"], ["~", "[a]"]),
    ("ip_list", ["'127.0.0.1,::1'", "''"], ["~", "[a]"]),
    ("comma_list", ["'A,B'"], ["~", "1"]),
    ("statsd", ["~", "'h:1'"], ["1", "[]"]),
    ("any", ["~", "2", "true", "text"], ["[]", "{}"]),
    ("dict", ["{}", "{A: b}"], ["~", "[]", "{A: 1}", "{A: [b]}"]),
])
def test_default_fits_kind(tmp_path, kind, good, bad):
    base = edit(("    order: 10\n    cli: [-a, --alpha]\n    meta: WORD\n", ""),
                ("    kind: string\n    action: store\n", f"    kind: {kind}\n"))
    for default in good:
        assert complaints(tmp_path, base.replace("default: 'x'", f"default: {default}")) == []
        for output in ("h", "t", "i"):
            (tmp_path / output).unlink()
    for default in bad:
        lines = complaints(tmp_path, base.replace("default: 'x'", f"default: {default}"))
        assert len(lines) == 1, (default, lines)
        assert lines[0].startswith(f"8:14: the default doesn't fit kind '{kind}': it must be ")


def test_all_mistakes_are_reported_in_the_order_of_the_file(tmp_path):
    text = edit(("brief: A choice.", "brief: A choice"), ("name: alpha", "name: Alpha"),
                ("arity: [2, 1]", "arity: []"), ("kind: directory", "kind: folder"))
    assert complaints(tmp_path, text) == [
        "5:11: name 'Alpha' must be lower-case letters, digits and '_'",
        "22:12: arity is an empty list; leave it out instead",
        "42:12: brief must end with a full stop",
        "48:11: unknown kind 'folder'",
    ]


@pytest.mark.parametrize("text, expected", [
    ("", ["1:1: the file is empty"]),
    ("- a\n", ["1:1: the file must be a mapping of 'sections' and 'settings'"]),
    ("sections: [A]\n", ["1:1: 'settings' is missing", "1:12: section 'A' has no setting"]),
    ("sections: [A]\nsettings: []\n", ["1:12: section 'A' has no setting",
                                       "2:11: 'settings' must be a list that is not empty"]),
    ("settings: 1\n", ["1:1: 'sections' is missing",
                       "1:11: 'settings' must be a list that is not empty"]),
])
def test_file_without_settings(tmp_path, text, expected):
    assert complaints(tmp_path, text) == expected


def test_missing_schema(tmp_path):
    done = run(tmp_path / "none.yaml")
    assert (done.returncode, done.stderr) == (
        1, f"{tmp_path}/none.yaml:1:1: error: No such file or directory\n")


@pytest.mark.parametrize("words", [[], ["--header"], ["--nothing", "x", "y"], ["a", "b"]])
def test_usage(words):
    done = run(*words)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: gen-settings ")


def test_output_that_cannot_be_written(tmp_path):
    target = tmp_path / "missing" / "file.h"
    done = run("--header", target, SCHEMA)
    assert (done.returncode, done.stderr) == (1, f"{target}: error: No such file or directory\n")


def test_generated_c_compiles_and_holds_the_values(tmp_path):
    """The output of the small schema, used by a program as src/config/setting.c uses the real one."""
    (tmp_path / "schema.yaml").write_text(GOOD, encoding="utf-8")
    config = tmp_path / "config"
    config.mkdir()
    done = run("--header", config / "settings_gen.h", "--table", config / "settings_table.inc",
               "--help-inc", config / "settings_help.inc", tmp_path / "schema.yaml")
    assert (done.returncode, done.stderr) == (0, "")
    program = tmp_path / "program.c"
    program.write_text(r"""
#include "config/setting.h"
#include <stdio.h>
const struct gn_value gn_value_none = {.tag = GN_V_NONE};
const struct gn_value gn_value_false = {.tag = GN_V_BOOL};
#include "config/settings_table.inc"
#include "config/settings_help.inc"
int main(void)
{
    const struct gn_setting *a = &gn_settings[GN_S_ALPHA], *m = &gn_settings[GN_S_MODE];
    printf("%s|%s|%s", a->name, a->section, a->desc);
    printf("%s %s %s\n", a->cli[0], a->cli[1], a->def->str.p);
    const struct gn_setting *h = &gn_settings[GN_S_ON_EVENT];
    printf("%s %d %d %d\n", h->def->obj->qualname, h->arity[0], h->arity[1], h->arity[2]);
    printf("%s %s %s %d %d %d\n", m->choices[GN_MODE_SLOW], m->env, m->env_format,
           m->choice_ignores_case, m->pending_is_fatal, m->is_addition);
    for (int i = 0; i < GN_SETTING_COUNT; i++)
        printf("%s ", gn_settings[gn_settings_by_name[i]].name);
    printf("%zu\n", gn_setting_name_width);
    const struct gn_option *o = gn_options;
    printf("%s %s %s %s %d\n", gn_settings[GN_S_LOUD].off[0], o[GN_O_LOUD].flag,
           o[GN_O_LOUD].choices[1], o[GN_O_UNDO].flag, o[GN_OPTION_COUNT].flag == NULL);
    for (size_t i = 0; i < sizeof help_settings / sizeof *help_settings; i++)
        printf("%s|%s|%s\n", help_settings[i].invocation, help_settings[i].brief,
               help_settings[i].def);
    for (size_t i = 0; help_options[i].invocation != NULL; i++)
        printf("%s|%s\n", help_options[i].invocation, help_options[i].brief);
    for (size_t i = 0; i < sizeof option_order / sizeof *option_order; i++)
        printf("%s ", gn_settings[option_order[i]].name);
    puts(setting_words[GN_S_MODE].type);
    return sizeof(((struct gn_cfg *)0)->mode) == sizeof(int) ? 0 : 1;
}
""", encoding="utf-8")
    binary = tmp_path / "program"
    subprocess.run([os.environ.get("CC", "cc"), "-std=gnu11", "-Wall", "-Wextra", "-Werror",
                    f"-I{tmp_path}", f"-I{SOURCE / 'src'}", program, "-o", binary],
                   check=True, timeout=50)
    printed = subprocess.run([binary], capture_output=True, check=True, timeout=50)
    assert printed.stdout.decode() == (
        'alpha|First|Text of "alpha" with a \\ and ??/ in it.\nA second line: ä.\n'
        "-a --alpha x\n"
        "OnEvent.on_event 2 1 0\n"
        "slow MODE_VARIABLE x%s 1 1 1\n"
        "alpha home loud mode on_event 8\n"
        "--no-loud --loud little --undo 1\n"
        "-a WORD, --alpha WORD|First letter.|x\n"
        "--mode MODE|A choice.|fast\n"
        "--home HOME|A directory.|current directory\n"
        "-l, --loud, --no-loud|A switch.|False\n"
        "--loud=HOW|Another form of it.\n"
        "--undo SETTING|Undoes a setting.\n"
        "mode alpha home loud one of fast, slow\n")


def test_the_schema_of_the_server_is_good():
    done = run(SCHEMA)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_field_is_explained():
    """Each field used in the schema has a row in the table of schema/README.md."""
    fields = {line[4:].split(":")[0] for line in SCHEMA.read_text(encoding="utf-8").splitlines()
              if line.startswith(("  - ", "    ")) and line[4:5].isalpha() and ":" in line}
    fields -= {f for f in fields if not f.replace("_", "").isalpha()}
    readme = (SOURCE / "schema" / "README.md").read_text(encoding="utf-8")
    assert len(fields) > 20
    assert sorted(f for f in fields if f"| `{f}` |" not in readme) == []
