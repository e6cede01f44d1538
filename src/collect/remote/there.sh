# What another server is told to do, in the words of every shell: no single quote may stand here. Standard input brings the
# program, and stays open as long as somebody waits for the facts.
umask 077
size=$1
shift
exec 3<&0
end() {
    trap "" HUP INT TERM PIPE EXIT
    [ -z "$work" ] || { kill "$work"; wait "$work"; }
    [ -z "$watch" ] || kill "$watch"
    rm -rf "$folder"
} 2>/dev/null
trap end EXIT
trap "exit 1" HUP INT TERM PIPE
# Many a /tmp lets no program run.
for base in "${TMPDIR:-/tmp}" /var/tmp "$HOME"; do
    folder=$(mktemp -d "$base/bm-preflight.XXXXXXXXXX") || continue
    program=$folder/bm-preflight
    printf "#!/bin/sh\n" >"$program" && chmod 700 "$program" && "$program" && break
    rm -rf "$folder"
    folder=
done 2>/dev/null
[ -n "$folder" ] || { echo "there is no folder in which a program may be run" >&2; exit 1; }
head -c "$size" <&3 >"$program" || exit 1
[ "$(wc -c <"$program")" -eq "$size" ] || { echo "the program did not arrive as a whole" >&2; exit 1; }
# A connection that is lost ends standard input, and nothing else.
(read -r nothing; kill "$$") <&3 >/dev/null 2>&1 &
watch=$!
TMPDIR=$folder "$program" "$@" --facts "$folder/facts" </dev/null >/dev/null 3<&- &
work=$!
wait "$work"
code=$?
work=
# 30 says that the directory was not read from there: its files are there all the same.
[ "$code" -eq 0 ] || [ "$code" -eq 30 ] || exit "$code"
# From here on nothing is left to remove, however long the facts are on their way.
exec 4<"$folder/facts"
rm -rf "$folder"
cat <&4
