# Which agents does the container have, on the PATH of its user's shell?  (NESTPROOF_AGENTS: their programs)
shell=$(getent passwd "$(id -u)" 2>/dev/null | cut -d: -f7)
[ -x "$shell" ] || shell=/bin/sh
# shellcheck disable=SC2016 # it is the other shell's PATH
said=$(timeout 10 "$shell" -lic 'echo "path $PATH"; alias' </dev/null 2>/dev/null)
for folder in $(printf '%s\n' "$said" | sed -n 's/^path //p' | tr ':' ' '); do
    case :$PATH: in *:"$folder":*) ;; *) PATH=$PATH:$folder ;; esac
done
printf '%s\n' "$said" | grep -E "=.*($(echo "$NESTPROOF_AGENTS" | tr ' ' '|'))" | cut -c1-400 | sed 's/^/start\t/'
printf 'path\t%s\n' "$PATH"
for program in $NESTPROOF_AGENTS; do
    file=$(command -v "$program") || continue
    version=$(timeout 10 "$program" --version </dev/null 2>/dev/null | head -n 1 | cut -c1-80)
    printf '%s\t%s\t%s\n' "$program" "$file" "$version"
done
file=$(command -v bwrap) && [ -u "$file" ] && printf 'setuid-bwrap\t%s\t\n' "$file"
exit 0
