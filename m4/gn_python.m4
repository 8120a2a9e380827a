# Finds the one Python installation that gives headers, library and interpreter.

# GN_PYTHON
# Sets PYTHON_CFLAGS, PYTHON_LIBS (with a run path where the loader would not find the library), PYTHON3
# (the interpreter), GN_PYTHON_VERSION ("3.11") and GN_PYTHON_LIBRARY (file name of the shared library).
#
# The interpreter is the one that belongs to pkg-config's python3-embed. It is never looked up in PATH: the
# first python3 there is often of another installation than the headers.
AC_DEFUN([GN_PYTHON],
[AC_ARG_WITH([python],
    [AS_HELP_STRING([--with-python=PATH],
        [interpreter of the Python to embed (default: that of pkg-config's python3-embed)])],
    [], [with_python=])
AS_CASE([$with_python],
    [yes|no], [AC_MSG_ERROR([--with-python needs the path of an interpreter, such as /usr/bin/python3])],
    [''], [_GN_PYTHON_PKGCONFIG],
    [_GN_PYTHON_INTERPRETER([$with_python])])
AS_IF([test -n "$PYTHON3"], [_GN_PYTHON_AGREES])
AC_SUBST([PYTHON3])
AC_SUBST([GN_PYTHON_VERSION])
])

# The default: headers and library by pkg-config, then the interpreter beside them.
AC_DEFUN([_GN_PYTHON_PKGCONFIG],
[GN_PACKAGE([PYTHON], [python3-embed >= 3.10], [Python 3 to embed], [python3-dev])
AS_IF([test -n "$PYTHON_LIBS"],
    [GN_PYTHON_VERSION=`$PKG_CONFIG --modversion python3-embed`
     gn_python_bin=`$PKG_CONFIG --variable=exec_prefix python3-embed`/bin
     AC_MSG_CHECKING([for the interpreter of python3-embed])
     for gn_python in "$gn_python_bin/python3" "$gn_python_bin/python$GN_PYTHON_VERSION"; do
         AS_IF([test "`_GN_PYTHON_ASK([$gn_python], [LDVERSION])`" = "$GN_PYTHON_VERSION"],
             [PYTHON3=$gn_python
              break])
     done
     AC_MSG_RESULT([${PYTHON3:-none}])
     AS_IF([test -z "$PYTHON3"],
         [GN_NEED([no Python $GN_PYTHON_VERSION interpreter in $gn_python_bin: install the Debian package python3.])])])
])

# --with-python: the interpreter says where its own pkg-config files are.
AC_DEFUN([_GN_PYTHON_INTERPRETER],
[AC_MSG_CHECKING([for the Python of $1])
PYTHON3=`"$1" -c 'import sys; print(sys.executable if sys.version_info >= (3, 10) else "")' 2>/dev/null`
AS_IF([test -z "$PYTHON3"],
    [AC_MSG_RESULT([no])
     AC_MSG_ERROR([--with-python: $1 is no interpreter of Python 3.10 or newer])])
GN_PYTHON_VERSION=_GN_PYTHON_ASK([$PYTHON3], [LDVERSION], [`], [`])
AC_MSG_RESULT([$PYTHON3, version $GN_PYTHON_VERSION])
AS_IF([test "_GN_PYTHON_ASK([$PYTHON3], [Py_ENABLE_SHARED], [`], [`])" != 1],
    [AC_MSG_ERROR([--with-python: $PYTHON3 was built without a shared library (Py_ENABLE_SHARED is not set), so it can't be embedded: build that Python with --enable-shared])])
gn_python_libdir=_GN_PYTHON_ASK([$PYTHON3], [LIBDIR], [`], [`])
gn_saved_path=$PKG_CONFIG_PATH
PKG_CONFIG_PATH=_GN_PYTHON_ASK([$PYTHON3], [LIBPC], [`], [`])${gn_saved_path:+:$gn_saved_path}
export PKG_CONFIG_PATH
PKG_CHECK_MODULES([PYTHON], [python-$GN_PYTHON_VERSION-embed], [],
    [AC_MSG_RESULT([no])
     GN_NEED([$PYTHON3 comes without its development files (python-$GN_PYTHON_VERSION-embed.pc in $PKG_CONFIG_PATH).])
     PYTHON3=])
PKG_CONFIG_PATH=$gn_saved_path
AS_CASE([$gn_python_libdir],
    [/usr/lib|/usr/lib/*|/lib|/lib/*], [],
    [PYTHON_LIBS="$PYTHON_LIBS -Wl,-rpath,$gn_python_libdir"])
])

# _GN_PYTHON_ASK(INTERPRETER, CONFIGURATION VARIABLE, [OPEN], [CLOSE])
# The command that prints one variable of an interpreter's build; empty when it can't be run.
m4_define([_GN_PYTHON_ASK],
[$3"$1" -c "import sysconfig; print(sysconfig.get_config_var('$2'))" 2>/dev/null$4])

# The library that the linker takes must be the interpreter's own one: both give their full version.
AC_DEFUN([_GN_PYTHON_AGREES],
[AC_MSG_CHECKING([that $PYTHON3 and the library it links are of one build])
gn_saved_cflags=$CFLAGS
gn_saved_libs=$LIBS
CFLAGS="$CFLAGS $PYTHON_CFLAGS"
LIBS="$PYTHON_LIBS $LIBS"
AC_RUN_IFELSE([AC_LANG_PROGRAM([[
#include <Python.h>
#include <stdio.h>
]], [[
FILE *f = fopen("conftest.out", "w");
if (!f) return 1;
fprintf(f, "%s\n", Py_GetVersion());
return fclose(f) != 0;
]])],
    [gn_python_library_says=`tr -d '\n' <conftest.out`],
    [gn_python_library_says="no answer (the test program could not be run; see config.log)"],
    [gn_python_library_says="no answer (cross compilation is not supported)"])
CFLAGS=$gn_saved_cflags
LIBS=$gn_saved_libs
gn_python_says=`"$PYTHON3" -c 'import sys; print(sys.version.replace("\n", ""))'`
AS_IF([test "$gn_python_says" = "$gn_python_library_says"],
    [AC_MSG_RESULT([yes])],
    [AC_MSG_RESULT([no])
     AC_MSG_ERROR([$PYTHON3 and the Python library differ.
  interpreter: $gn_python_says
  library:     $gn_python_library_says
Choose the interpreter with --with-python=PATH.])])
GN_PYTHON_LIBRARY=_GN_PYTHON_ASK([$PYTHON3], [INSTSONAME], [`], [`])
AC_DEFINE_UNQUOTED([GN_PYTHON_EXECUTABLE], ["$PYTHON3"], [The interpreter of the embedded Python.])
AC_DEFINE_UNQUOTED([GN_PYTHON_VERSION], ["$GN_PYTHON_VERSION"], [Its version, major and minor.])
])
