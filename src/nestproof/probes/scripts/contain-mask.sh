# Does a masked file keep its secret, while its neighbour can be read?
token=${NESTPROOF_TOKEN:-by-hand}
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT
echo "$token masked" >"$dir/masked" && echo "$token open" >"$dir/open"
[ "$(cat "$dir/masked" "$dir/open" | wc -l)" -eq 2 ] && echo "control: outside, both can be read"
inner=$(bwrap --ro-bind / / --dev /dev --unshare-user --unshare-pid --perms 000 --ro-bind-data 9 "$dir/masked" \
    sh -c "cat '$dir/open'; cat '$dir/masked'; :" 9</dev/null 2>"$dir/err") || { cat "$dir/err" >&2 && exit 1; }
[ "${inner%%
*}" = "$token open" ] && echo "control: inside, the neighbour can be read"
[ "$inner" = "$token open" ] && grep -q 'Permission denied' "$dir/err" && echo "the masked file cannot be read" && exit
cat "$dir/err" >&2
echo "inside: $inner"
exit 1
