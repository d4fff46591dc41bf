# Does one file descriptor serve for two masks?  (Codex passes one for all files that may not be read.)
# shellcheck disable=SC2016 # the inner shell expands its arguments
token=${NESTPROOF_TOKEN:-by-hand}
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT
echo 1 >"$dir/1" && echo 2 >"$dir/2"
# ask ONE TWO: with the masks on these descriptors, prints the token and what can still be read.
ask() {
    bwrap --ro-bind / / --dev /dev --unshare-user --perms 000 --ro-bind-data "$1" "$dir/1" \
        --perms 000 --ro-bind-data "$2" "$dir/2" \
        sh -c 'echo "$1"; cat "$2/1" "$2/2" 2>/dev/null; :' sh "$token" "$dir" 8</dev/null 9</dev/null
}
[ "$(ask 8 9)" = "$token" ] && echo "control: a descriptor for each mask works"
inner=$(ask 9 9) || exit
[ "$inner" = "$token" ] && echo "one file descriptor masks both files" && exit
echo "inside: $inner"
exit 1
