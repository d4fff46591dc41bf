# Can a sandbox write where it may, and nowhere else?
# shellcheck disable=SC2016 # the inner shell expands its arguments
token=${NESTPROOF_TOKEN:-by-hand}
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT
mkdir "$dir/may" "$dir/not" && touch "$dir/may/a" "$dir/not/a" && echo "control: outside, both folders take a file"
said=$(bwrap --ro-bind / / --dev /dev --bind "$dir/may" "$dir/may" --unshare-user --unshare-pid \
    sh -c 'echo "$1" >"$2/may/b"; echo "$1" >"$2/not/b"; rm -f "$2/not/a"; :' sh "$token" "$dir" 2>&1) || {
    echo "$said" >&2
    exit 1
}
[ "$(cat "$dir/may/b" 2>/dev/null)" = "$token" ] && echo "control: inside, the writable folder takes a file"
case $said in
*"Read-only file system"*"Read-only file system"*) [ ! -e "$dir/not/b" ] && [ -e "$dir/not/a" ] && echo "writes outside the writable folder are refused" && exit ;;
esac
echo "inside: $said; the other folder holds: $(ls "$dir/not")"
exit 1
