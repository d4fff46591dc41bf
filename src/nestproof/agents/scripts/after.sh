# What a session left outside of the agent's sandbox, and its removal.  (before it: token, victim, at, places.sh)
for place in $places "$at"; do
    for file in "$place"/.nestproof-"$token"*; do
        [ -e "$file" ] || [ -L "$file" ] || continue
        printf 'left %s\n' "$file"
        rm -f "$file"
    done
done
kill -0 "$victim" 2>/dev/null && echo alive && kill -KILL "$victim"
exit 0
