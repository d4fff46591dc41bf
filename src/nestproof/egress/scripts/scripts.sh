# Which of these words are scripts?  (arguments: words of a command) A line each: its path, then its first line.
for word in "$@"; do
    file=$(command -v -- "$word" 2>/dev/null) || file=$word
    [ -f "$file" ] || continue
    read -r first <"$file" 2>/dev/null
    case $first in '#!'*sh*) printf '%s\t%s\n' "$(readlink -f "$file")" "$first" ;; esac
done
