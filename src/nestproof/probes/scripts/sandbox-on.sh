# Is an agent's sandbox switched off by something in the container?  (NESTPROOF_FOLDER: the workspace)
flags='--(dangerously-bypass-approvals-and-sandbox|dangerously-skip-permissions|yolo|sandbox[ =]danger-full-access)'
found() { grep -HnE "$@" 2>/dev/null | cut -c1-200 | sed 's/^/off: /'; }
printf 'alias codex="codex --yolo"\n' | grep -qE "^[^#]*$flags" && echo "control: the words are found"

env | sed -n 's/^\(CODEX_UNSAFE_ALLOW_NO_SANDBOX\)=..*/off: \1 in the environment/p'
for folder in "$HOME/.codex" "${CODEX_HOME:-/nonexistent}" /etc/codex "$NESTPROOF_FOLDER/.codex"; do
    found '^[^#]*sandbox_mode[ ]*=[ ]*"danger-full-access"|^[^#]*use_legacy_landlock[ ]*=[ ]*true' \
        "$folder/config.toml" "$folder/managed_config.toml"
done | sort -u
for folder in "$HOME/.claude" "$NESTPROOF_FOLDER/.claude" /etc/claude-code; do
    for file in "$folder/settings.json" "$folder/settings.local.json" "$folder/managed-settings.json"; do
        found '"defaultMode"[ ]*:[ ]*"bypassPermissions"' "$file"
        grep -qs '"enableWeakerNestedSandbox"[ ]*:[ ]*true' "$file" && echo "weaker: $file: enableWeakerNestedSandbox"
        tr -d '[:space:]' 2>/dev/null <"$file" | grep -q '"sandbox":{[^}]*"enabled":false' &&
            echo "off: $file: the sandbox is not enabled"
    done
done 2>/dev/null
found "^[^#]*(alias|codex|claude)[^#]*$flags" "$HOME/.bashrc" "$HOME/.bash_aliases" "$HOME/.profile" "$HOME/.bash_profile" \
    "$HOME/.zshrc" "$HOME/.zprofile" /etc/bash.bashrc /etc/profile /etc/zsh/zshrc /etc/profile.d/*.sh
for program in codex claude; do
    file=$(command -v "$program") && head -n 1 "$file" | grep -aqE '^#!.*sh( |$)' && found -e "^[^#]*$flags" "$file"
done
exit 0
