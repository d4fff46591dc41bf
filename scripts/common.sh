# shellcheck shell=bash
# Sourced by the scripts beside it: words to the user, and what this machine is.

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

# die WHAT [NEXT STEP]: what happened, and what to do next.
die() {
    say "error: $1"
    [ $# -lt 2 ] || printf '  fix: %s\n' "$2" >&2
    exit 4
}

usage_error() {
    say "$1 (see --help)"
    exit 2
}

# The text between the first comment line and the first line that is none.
print_help() { awk 'NR > 1 && !/^#/ { exit } NR > 1 { sub(/^# ?/, ""); print }' "$0"; }

is_debian_family() {
    [ -r /etc/os-release ] || return 1
    (
        # shellcheck disable=SC1091 # a file of the operating system, not of this repository
        . /etc/os-release
        case " ${ID:-} ${ID_LIKE:-} " in *" debian "* | *" ubuntu "*) exit 0 ;; esac
        exit 1
    )
}

# quietly MISHAP COMMAND…: the command's output is shown only when it fails, and then its end.
quietly() {
    local mishap=$1 log
    shift
    log=$(mktemp)
    if ! "$@" >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        rm -f "$log"
        die "$mishap" "read the last lines above, then run the same command again"
    fi
    rm -f "$log"
}

# release_codename: bookworm, trixie, noble, …
release_codename() (
    # shellcheck disable=SC1091 # a file of the operating system, not of this repository
    . /etc/os-release
    printf '%s\n' "${VERSION_CODENAME:-}"
)

may_install() { [ "$(id -u)" = 0 ] && is_debian_family && command -v apt-get >/dev/null; }

# missing_packages NAME…: those that are not installed.
missing_packages() {
    local name
    for name in "$@"; do
        dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null | grep -qx installed || printf '%s\n' "$name"
    done
}

# install_packages NAME…: says what it installs; keeps the services that they bring from starting.
install_packages() {
    local missing policy=/usr/sbin/policy-rc.d made=''
    mapfile -t missing < <(missing_packages "$@")
    [ "${#missing[@]}" -gt 0 ] || return 0
    say "installing from the distribution's packages: ${missing[*]}"
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy" && made=yes
    fi
    # In a subshell, so that the policy file goes away whatever happens.
    (
        [ -z "$made" ] || trap 'rm -f "$policy"' EXIT
        apt_update_once
        quietly "apt-get could not install ${missing[*]}" env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends "${missing[@]}"
    )
}

apt_updated=''
apt_update_once() {
    [ -z "$apt_updated" ] || return 0
    apt-get update -qq >/dev/null 2>&1 || say "apt-get update failed; going on with the package lists at hand"
    apt_updated=yes
}

# mirror_of SUITE: the address from which this machine takes that suite's packages, if it does.
mirror_of() {
    apt-get indextargets --format '$(SITE) $(CODENAME) $(CREATED_BY)' 2>/dev/null |
        awk -v suite="$1" '$2 == suite && $3 == "Packages" { print $1; exit }'
}
