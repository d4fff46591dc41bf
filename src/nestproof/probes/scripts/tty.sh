# Is this a terminal as a person has it?  It is asked by somebody who types, resizes, presses Ctrl-Z and Ctrl-C,
# and who sets the window's first size before the line that is awaited here.
read -r _
stty -echo
[ -t 0 ] && [ -t 1 ] && echo "stdin and stdout are terminals"
echo "size $(stty size)"
trap 'resized=yes' WINCH
echo "waiting for another size"
tries=0
until [ -n "$resized" ] || [ "$tries" -ge 100 ]; do sleep 0.1; tries=$((tries + 1)); done
echo "size $(stty size)"
set -m
# exec: a shell whose child is stopped between vfork and exec waits for it, and never stops itself.
sh -c 'echo "waiting for Ctrl-Z"; exec sleep 30'
echo "the job has status $?, the shell goes on"
# In the foreground again until it has ended: with a stopped job, a shell does not exit as it is told.
kill -KILL %1
fg %1 >/dev/null 2>&1
sh -c 'trap "echo interrupted; exit 3" INT; echo "waiting for Ctrl-C"; sleep 30 & wait'
echo "status $?"
exit 7
