#!/usr/bin/env bash
# Checks rules of the code that compilers don't know: banned functions, lines, guards, lengths.
#
# usage: tools/check-style.sh [TOP-FOLDER]
#
# Prints FILE:LINE: what is wrong and exits 1 when there was anything. Functions above 80 lines are
# listed as notes; above 150 they are errors.
set -euo pipefail
cd "${1:-$(dirname "${BASH_SOURCE[0]}")/..}"
status=0

complain()
{
    printf '%s\n' "$1"
    status=1
}

mapfile -t c_files < <(find src tools tests bench \( -name '*.c' -o -name '*.h' -o -name '*.def' \) | sort)
mapfile -t text_files < <({
    printf '%s\n' "${c_files[@]}" configure.ac Makefile.am README.md
    find m4 -name 'gn_*.m4'
    find src tools tests bench -name '*.mk'
    find script .ci tools tests/blackbox tests/support bench examples doc schema -type f \
        ! -name '*.pyc' ! -name '*.sqlite3'
} | sort -u)

# ban WHY PATTERN FILES-PATTERN [EXCEPTIONS]: comments and strings are not looked at.
strip='s|"([^"\\]\|\\.)*"|""|g; s|//.*||; s|/\*([^*]\|\*[^/])*\*/||g; s|^[[:space:]]*\*.*||; s|/\*.*||'
ban()
{
    local why=$1 pattern=$2 where=$3 except=${4:-^$} file line
    while IFS=: read -r file line; do
        complain "$file:$line: $why"
    done < <(for file in "${c_files[@]}"; do
        if [[ $file =~ $where && ! $file =~ $except ]]; then
            sed -E "$strip" "$file" | grep -nE "$pattern" | sed "s|^\([0-9]*\):.*|$file:\1|"
        fi
    done)
}

call='(^|[^_[:alnum:].>])'
ban 'unbounded copy: strcpy, strcat, sprintf, vsprintf, gets, alloca' \
    "$call(strcpy|strcat|stpcpy|v?sprintf|gets|alloca)\\(" '^(src|tools|tests|bench)/'
ban 'keeps state between calls: strtok, localtime, gmtime, ctime, asctime, strerror_l' \
    "$call(strtok|localtime|gmtime|ctime|asctime|readdir_r)\\(" '^(src|tools)/'
ban 'numbers are parsed by gn_num_* only' \
    "$call(atoi|atol|atoll|atof|strto(l|ll|ul|ull|d|imax|umax)|sscanf)\\(" '^src/' '^src/base/num\.c$'
ban 'depends on the locale: octet classes are tables in src/http' \
    '<ctype\.h>|<strings\.h>|\b(strcasecmp|strncasecmp|toupper|tolower|isspace|isdigit|isalpha)\(' '^src/http/'
ban 'only main.c, spawn.c and base/arena.c (out of memory) end the process' \
    "$call(_exit|exit|abort|quick_exit)\\(" '^src/' '^src/(main|arbiter/spawn|base/arena|base/proc)\.c$'
ban 'gn_spawn is the only fork' "$call(v?fork|clone|daemon)\\(" '^src/' \
    '^src/(arbiter/spawn|base/proc)\.c$'
ban 'config.h is included by the build' '#[[:space:]]*include[[:space:]]+["<]config\.h' '^(src|tools|tests)/'
ban 'no typedef for structs' '^typedef (struct|enum|union)\b' '^src/'

# Guards are named after the path of the header.
for file in "${c_files[@]}"; do
    case $file in
    src/*.h)
        guard=GN_$(printf '%s' "${file#src/}" | tr 'a-z/.-' 'A-Z___')
        grep -qx "#ifndef $guard" "$file" || complain "$file:1: the guard is not named $guard"
        ;;
    esac
done

for file in "${text_files[@]}"; do
    [ -e "$file" ] || continue
    while IFS=: read -r line _; do
        complain "$file:$line: blanks at the end of the line"
    done < <(grep -nE '[[:blank:]]+$' "$file")
    if [ -s "$file" ] && [ -n "$(tail -c 1 "$file")" ]; then
        complain "$file: no newline at the end"
    fi
done
for file in "${c_files[@]}"; do
    while IFS=: read -r line _; do
        complain "$file:$line: tab"
    done < <(grep -n "$(printf '\t')" "$file")
done

# A function opens with a brace in column 1 and closes with one; its name stands on the line above that
# begins with a word and has the parenthesis.
lengths=$(awk '
    FNR == 1 { start = 0 }
    /^[A-Za-z_][A-Za-z_0-9]*\(/ { name = $0; sub(/\(.*/, "", name) }
    /^\{/ { start = FNR }
    /^\}/ && start {
        n = FNR - start + 1
        if (n > 80) print n, FILENAME ":" start, name
        start = 0
    }' "${c_files[@]}" | sort -rn)
if [ -n "$lengths" ]; then
    while read -r n where name; do
        if [ "$n" -gt 150 ]; then
            complain "$where: function $name has $n lines"
        else
            printf '%s: note: function %s has %s lines\n' "$where" "$name" "$n"
        fi
    done <<<"$lengths"
fi

exit "$status"
