# Can other machines be reached?
[ -r /proc/net/route ] && echo "control: the routes can be read"
grep -q '^[^ ]*.00000000' /proc/net/route && echo "done" && exit
echo "there is no route to another machine" >&2
exit 1
