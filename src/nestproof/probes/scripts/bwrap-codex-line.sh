# Does the command line work in which Codex runs a command that may write in its working directory?
# shellcheck disable=SC2016 # the inner shell expands its arguments
token=${NESTPROOF_TOKEN:-by-hand}
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir/work/.git" && touch "$dir/work/.git/a" "$dir/a" && echo "control: outside, everything takes a file"
ask() {
    bwrap --new-session --die-with-parent --ro-bind / / --dev /dev --bind "$dir/work" "$dir/work" \
        --ro-bind "$dir/work/.git" "$dir/work/.git" --unshare-user --unshare-pid --unshare-net "$@" \
        --chdir "$dir/work" -- sh -c 'echo "$1" >b; touch .git/b ../b 2>/dev/null; pwd' sh "$token"
}
# Codex goes on without --proc when these words say that it is denied, and gives up at any others.
inner=$(ask --proc /proc 2>"$dir/err"); status=$?
if grep -q "Can't mount proc.*/newroot/proc.*\(Operation not permitted\|Permission denied\|Invalid argument\)" "$dir/err"; then
    inner=$(ask); status=$?
else
    cat "$dir/err" >&2
fi
[ "$(cat "$dir/work/b" 2>/dev/null)" = "$token" ] && echo "control: inside, the working directory takes a file"
[ "$status$inner" = "0$dir/work" ] && [ ! -e "$dir/work/.git/b" ] && [ ! -e "$dir/b" ] && echo "only the working directory takes a file" && exit
exit 1
