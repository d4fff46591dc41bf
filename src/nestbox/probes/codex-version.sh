# Which Codex is installed?
# An image for whose platform there is no such Codex says so (exit status 69: unavailable).
[ ! -e /opt/codex/unavailable ] || { cat /opt/codex/unavailable >&2; exit 69; }
codex --version
