#!/usr/bin/env bash
# Compares the list of files in doc/architecture.md with the tree, both ways.
#
# usage: tools/check-docs.sh [TOP-FOLDER]
#
# In the list a line at the margin is a folder; the names that begin an indented line are its files, and
# two blanks end them. Exits 1 when there was anything to say.
set -euo pipefail
cd "${1:-$(dirname "${BASH_SOURCE[0]}")/..}"
document=doc/architecture.md

listed()
{
    awk '
        /^```/ { in_list = 0 }
        /^src\/$/ { in_list = 1 }
        !in_list { next }
        /^[^ ]+\/$/ { folder = $1; next }
        {
            sub(/^  /, "")
            sub(/  .*/, "")
            n = split($0, names, " ")
            for (i = 1; i <= n; i++) print folder names[i]
        }' "$document"
}

# What is in the source tree: no corpora, and nothing that a build or a test run leaves in it.
present()
{
    find src schema tools script bench tests -path tests/corpus -prune -o -name __pycache__ -prune -o -name '.?*' -prune -o \
        -type f \( -name '*.[ch]' -o -name '*.def' -o -name '*.mk' -o -name '*.sh' -o -name '*.py' -o -name '*.txt' \
        -o -name '*.cfg' -o -name '*.md' -o -name '*.yaml' -o -path 'script/*' \) ! -name settings_gen.h -print
}

differences=$(diff <(listed | sort) <(present | sort) || true)
[ -z "$differences" ] && exit 0
sed -n "s|^< \(.*\)|$document: names \1, which is not in the tree|p; s|^> \(.*\)|$document: does not name \1|p" <<<"$differences"
exit 1
