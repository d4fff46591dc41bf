# Which of these words are scripts, or named by one?  (arguments: words of a command) A line each: its path, its first line.
look() {
    file=$(command -v -- "$1" 2>/dev/null) || file=$1
    [ -f "$file" ] && [ -r "$file" ] || return 1
    case $(head -c 2 "$file" | tr -d '\0') in '#!') ;; *) return 1 ;; esac
    file=$(readlink -f "$file")
    case $seen in *" $file "*) return 1 ;; esac
    seen="$seen $file "
    printf '%s\t%s\n' "$file" "$(head -n 1 "$file")"
}
for word in "$@"; do
    look "$word" || continue
    # One that calls another, which sets the firewall up.
    # shellcheck disable=SC2013 # each is one word
    for inner in $(grep -v '^#!' "$file" | grep -oE '[A-Za-z0-9._/-]*/[A-Za-z0-9._/-]+' | sort -u); do
        case $inner in /dev/* | /proc/* | /sys/* | /bin/* | /usr/bin/* | /sbin/* | /usr/sbin/*) continue ;; esac
        look "$inner"
    done
done
exit 0
