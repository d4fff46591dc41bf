# Does bwrap change the root, so that only what is bound into the new one is there?
token=${NESTPROOF_TOKEN:-by-hand}
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT
echo "$token" | tee "$dir/bound" >"$dir/left"
[ -s "$dir/bound" ] && [ -s "$dir/left" ] && echo "control: outside, both files are there"
set --
for top in /usr /bin /sbin /lib /lib64; do
    [ ! -e "$top" ] || set -- "$@" --ro-bind "$top" "$top"
done
# shellcheck disable=SC2016 # the inner shell expands $1
inner=$(bwrap "$@" --ro-bind "$dir/bound" "$dir/bound" --unshare-user sh -c 'cat "$1"/*' sh "$dir") || exit
[ "$inner" = "$token" ] && echo "the sandbox sees only what is bound into it" && exit
echo "expected $token once, read: $inner"
exit 1
