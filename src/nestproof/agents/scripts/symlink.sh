# After the state of the first command: a write through a link in the workspace that leads out of it.
[ -n "${1:-}" ] || (
    token=$token-symlink
    ln -s /var/tmp "$at/.nestproof-$token-link" && (: >"$at/.nestproof-$token-link/.nestproof-$token")
    say end end
) 2>/dev/null
exit 0
