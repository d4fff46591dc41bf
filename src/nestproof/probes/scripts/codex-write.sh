# Can a command in the Codex sandbox write in its working directory, and nowhere else?
# shellcheck disable=SC2016 # the inner shell expands its arguments
[ ! -e /opt/codex/unavailable ] || { echo "unavailable: $(cat /opt/codex/unavailable)"; exit 69; }
token=${NESTPROOF_TOKEN:-by-hand}
# Not in /tmp, which Codex lets commands write to as well.
dir=$(mktemp -d "${NESTPROOF_PLACE:-/var/tmp}/nestproof.XXXXXX" 2>/dev/null) || { echo "unavailable: no folder takes files but that for temporary ones"; exit 69; }
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/codex" "$dir/work" && export CODEX_HOME="$dir/codex"
# What Codex protects in the workspace is there as that has it: folders, links, the file of a worktree or a submodule.
for name in .git .codex .agents; do
    theirs=${NESTPROOF_FOLDER:-/nonexistent}/$name
    if link=$(readlink "$theirs"); then
        case $link in /* | ../*) ;; *) mkdir -p "$dir/work/$link" ;; esac
        ln -s "$link" "$dir/work/$name"
    elif [ -d "$theirs" ]; then mkdir "$dir/work/$name"; elif [ -f "$theirs" ]; then cp "$theirs" "$dir/work"; fi
done
touch "$dir/a" && cd "$dir/work" && echo "control: outside, everything takes a file"
# Since about 0.121 a sandbox is read-only unless a permission profile is named.
if codex sandbox --help 2>/dev/null | grep -q '^  linux '; then set -- linux --full-auto; else set -- -P :workspace; fi
said=$(codex sandbox "$@" -- /bin/sh -c 'echo "$1" >b; echo "$1" >../b; rm -f ../a; :' sh "$token" 2>&1) || { echo "$said" >&2; exit 1; }
[ "$(cat b 2>/dev/null)" = "$token" ] && echo "control: inside, the working directory takes a file"
[ "$(echo "$said" | grep -c "Read-only file system")" -ge 2 ] && [ ! -e ../b ] && [ -e ../a ] &&
    echo "only the working directory takes a file" && exit
echo "inside: $said; beside the working directory: $(ls ..)"
exit 1
