# Packages found by pkg-config. Every missing one is collected, so that one run of configure names
# them all; GN_REPORT_MISSING ends the run when there were any.

# GN_NEED(SENTENCE)
# Notes one thing that is missing.
AC_DEFUN([GN_NEED], [GN_MISSING="$GN_MISSING
  * $1"])

# GN_PACKAGE(PREFIX, PKG-CONFIG MODULE, WHAT IT IS, DEBIAN PACKAGE)
AC_DEFUN([GN_PACKAGE],
[PKG_CHECK_MODULES([$1], [$2], [],
    [AC_MSG_RESULT([no])
     GN_NEED([$3 is missing (pkg-config module $2): install the Debian package $4.])])])

# GN_REPORT_MISSING
AC_DEFUN([GN_REPORT_MISSING],
[AS_IF([test -n "$GN_MISSING"],
    [AC_MSG_ERROR([this system lacks what gunicorn is built with:$GN_MISSING
On Debian 12, script/bootstrap installs all of it.])])])
