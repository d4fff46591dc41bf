# Which Codex is installed?
# An image for whose platform there is no such Codex says so.
[ ! -e /opt/codex/unavailable ] || { echo "unavailable: $(cat /opt/codex/unavailable)"; exit 69; }
codex --version
