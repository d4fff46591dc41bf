# The command by a way out has a word of its own, and aims at no process.
if [ -n "${1:-}" ]; then
    token=$token-$1 victim=4194303
    # Through a link in the workspace that leads out of it.
    [ "$1" != symlink ] || (ln -s /var/tmp "$at/.nestproof-$token-link" && : >"$at/.nestproof-$token-link/.nestproof-$token")
fi
