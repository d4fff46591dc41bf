# The command by a way out has a word of its own, and aims at no process.
if [ -n "${1:-}" ]; then
    token=$token-$1 victim=4194303
fi
