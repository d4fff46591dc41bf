# Does the sandbox runtime (srt) refuse a write that its settings do not allow?
command -v srt >/dev/null || { echo "srt: not found" >&2; exit 1; }
token=${NESTPROOF_TOKEN:-by-hand}
# Some do without a /proc of the sandbox's own, by a setting of their user's.
grep -qs '"enableWeakerNestedSandbox"[ ]*:[ ]*true' "$HOME/.srt-settings.json" && weaker=true &&
    echo "weaker: the sandbox sees the container's /proc (enableWeakerNestedSandbox in ~/.srt-settings.json)"
# Not in /tmp, part of which srt lets commands write to as well.
dir=$(mktemp -d "${NESTPROOF_PLACE:-/var/tmp}/nestproof.XXXXXX" 2>/dev/null) || { echo "unavailable: no folder takes files but that for temporary ones"; exit 69; }
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/may" "$dir/not" && touch "$dir/may/a" "$dir/not/a" && echo "control: outside, both folders take a file"
printf '{"network": {"allowedDomains": [], "deniedDomains": []}, "enableWeakerNestedSandbox": %s, "filesystem": %s}\n' \
    "${weaker:-false}" \
    "{\"denyRead\": [], \"allowWrite\": [\"$dir/may\"], \"denyWrite\": []}" >"$dir/settings.json"
cd "$dir" || exit
said=$(srt --settings "$dir/settings.json" -c "echo $token >$dir/may/b; echo $token >$dir/not/b; :" 2>&1) || { echo "$said" >&2; exit 1; }
[ "$(cat "$dir/may/b" 2>/dev/null)" = "$token" ] && echo "control: inside, the writable folder takes a file"
case $said in *"Read-only file system"*) [ ! -e "$dir/not/b" ] && echo "writes outside the writable folder are refused" && exit ;; esac
echo "inside: $said; the other folder holds: $(ls "$dir/not")"
exit 1
