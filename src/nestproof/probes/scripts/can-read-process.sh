# Can another user's process be traced?  (its environment is read, which takes the same right)
if [ "$(id -u)" = 0 ]; then
    setpriv --reuid=65534 --clear-groups sleep 60 &
    other=$!
    trap 'kill "$other"' EXIT
    until grep -q '^Uid:.65534' "/proc/$other/status" && grep -q sleep "/proc/$other/comm"; do :; done
else
    other=1
fi
grep -q '^Uid:' "/proc/$other/status" && echo "control: the process is there"
tr '\0' '\n' <"/proc/$other/environ" >/dev/null && echo "done"
