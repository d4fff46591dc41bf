# Do two file descriptors pass into the sandbox, each as a file's content?
token=${NESTPROOF_TOKEN:-by-hand}
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT
echo "$token one" >"$dir/1" && echo "$token two" >"$dir/2"
[ ! -e /tmp/nestproof-one ] && echo "control: the files do not exist outside"
inner=$(bwrap --ro-bind / / --tmpfs /tmp --dev /dev --unshare-user --unshare-pid \
    --ro-bind-data 8 /tmp/nestproof-one --ro-bind-data 9 /tmp/nestproof-two \
    cat /tmp/nestproof-one /tmp/nestproof-two 8<"$dir/1" 9<"$dir/2") || exit
[ "$inner" = "$(cat "$dir/1" "$dir/2")" ] && echo "both descriptors' contents arrive, each in its file" && exit
echo "read: $inner"
exit 1
