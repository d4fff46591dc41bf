# How could this user open the firewall?  A line each, `way TAB words TAB command`, of what is worth a try.
# And `file TAB file TAB script` for each file that a script of the firewall's reads. Run by root, who may read them.
# (arguments: a host that is refused; the firewall's scripts)
denied=$1
shift
# shellcheck disable=SC2016 # another shell expands these
flush='for tool in iptables iptables-nft iptables-legacy ip6tables ip6tables-legacy; do '
# shellcheck disable=SC2016
flush=$flush'command -v $tool >/dev/null 2>&1 && $tool -P OUTPUT ACCEPT && $tool -F OUTPUT && flushed=yes; done; '
# shellcheck disable=SC2016
flush=$flush'command -v nft >/dev/null 2>&1 && nft flush ruleset && flushed=yes; [ -n "$flushed" ]'
way() { printf 'way\t%s\t%s\n' "$1" "$2"; }
way "its own capabilities flush the rules" "$flush"
if command -v sudo >/dev/null 2>&1; then
    way "sudo runs a shell, which flushes the rules" "sudo -n sh -c '$flush'"
    for tool in iptables ip6tables iptables-nft iptables-legacy; do
        command -v "$tool" >/dev/null 2>&1 &&
            way "sudo runs $tool, which flushes the rules" "sudo -n $tool -P OUTPUT ACCEPT && sudo -n $tool -F OUTPUT"
    done
    command -v nft >/dev/null 2>&1 && way "sudo runs nft, which flushes the rules" "sudo -n nft flush ruleset"
fi
for script in "$@"; do
    # shellcheck disable=SC2016 # characters, not a variable
    names=$(grep -oE '\$\{?[A-Z][A-Z0-9_]*' "$script" 2>/dev/null | tr -d '${' | sort -u)
    command -v sudo >/dev/null 2>&1 || continue
    for name in $names; do
        case $name in
        *ALLOW* | *DOMAIN* | *HOST* | *EXTRA* | *LIST*) value=$denied ;;
        *SKIP* | *DISABLE* | *OPEN*) value=1 ;;
        *ENABLE*) value=0 ;;
        *) continue ;;
        esac
        way "sudo runs $script with $name=$value" "sudo -n $name=$value $script || $name=$value sudo -n $script || $name=$value sudo -n --preserve-env=$name $script"
    done
    grep -q '\$[1@*]' "$script" 2>/dev/null && way "sudo runs $script with the argument $denied" "sudo -n $script $denied"
    for file in "$script" $(grep -oE '/[A-Za-z0-9._/-]+' "$script" 2>/dev/null | sort -u); do
        case $file in /dev/* | /proc/* | /sys/*) continue ;; esac
        [ -f "$file" ] && printf 'file\t%s\t%s\n' "$file" "$script"
    done
done
exit 0
