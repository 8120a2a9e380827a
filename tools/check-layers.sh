#!/usr/bin/env bash
# Checks who includes whom, who knows Python, and who reads the environment.
#
# usage: tools/check-layers.sh [TOP-FOLDER]
#
# Prints FILE:LINE: what is wrong; exits 1 when there was anything.
set -euo pipefail
cd "${1:-$(dirname "${BASH_SOURCE[0]}")/..}"
status=0

complain()
{
    printf '%s\n' "$1"
    status=1
}

# What the files of a folder may include, beside their own: folders, or single headers.
declare -A allowed=(
    [base]=''
    [log]='base'
    [host]='base'
    [config]='base log host'
    [net]='base log config/frozen.h'
    [http]='base'
    [arbiter]='base log host config net worker/worker.h'
    [worker]='base log host config net http'
    [py]='base log host config net http arbiter worker'
)

# Single files with more: the test double stands in for what calls into the worker.
declare -A more=(
    [src/host/host_null.c]='worker/worker.h'
)

may_include()
{
    local folder=$1 file=$2 header=$3 entry
    for entry in "$folder" ${allowed[$folder]} ${more[$file]:-}; do
        case $header in
        "$entry" | "$entry"/*) return 0 ;;
        esac
    done
    return 1
}

check_folder()
{
    local folder=$1 file line header
    while IFS=: read -r file line header; do
        header=${header#*\"}
        header=${header%%\"*}
        may_include "$folder" "$file" "$header" || complain "$file:$line: src/$folder must not include \"$header\""
    done < <(grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]+"' "src/$folder" --include='*.[ch]')
}

for path in src/*/; do
    folder=$(basename "$path")
    if [ -z "${allowed[$folder]+known}" ]; then
        complain "src/$folder: this folder has no row in tools/check-layers.sh"
        continue
    fi
    check_folder "$folder"
done

while IFS=: read -r file line _; do
    [ "$file" = src/py/py.h ] || complain "$file:$line: Python.h is included by src/py/py.h only"
done < <(grep -rnE '#[[:space:]]*include[[:space:]]*[<"]Python\.h[>"]' src)

# Settings come from the compiler: the environment is read where the list says, nowhere else. In src/py
# and src/worker `environ` is WSGI's word, so only the functions count there.
reads='\b(secure_)?getenv[[:space:]]*\('
while IFS=: read -r file line _; do
    grep -qxF "$file" <(sed -E 's/[[:space:]]*#.*//; /^$/d' tools/getenv-allowed.txt) ||
        complain "$file:$line: reads the environment, and is not in tools/getenv-allowed.txt"
done < <({
    grep -rnE "$reads" src --include='*.[ch]'
    grep -rnwE 'environ' src --include='*.[ch]' | grep -vE '^src/(py|worker)/'
} | grep -vE '^[^:]*:[0-9]+:[[:space:]]*(/?\*|//)|^[^:]*:[0-9]+:[^"]*"[^"]*\benviron\b[^"]*"')

exit "$status"
