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

# require_packages NAME…: installs those that are missing, or says that somebody has to.
require_packages() {
    local missing
    mapfile -t missing < <(missing_packages "$@")
    [ "${#missing[@]}" -gt 0 ] || return 0
    may_install || die "not installed: ${missing[*]}" "install these packages, or run this as root, which does so"
    install_packages "${missing[@]}"
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

# mirrors_of SUITE ARCHITECTURE: this machine's own mirrors as lines for mmdebstrap, since another one may
# not be reachable from here. None for Ubuntu's other architectures, which come from mirrors that
# mmdebstrap knows.
mirrors_of() {
    local suite=$1 line site
    [ "$2" = "$(dpkg --print-architecture)" ] || ! grep -qx 'ID=ubuntu' /etc/os-release || return 0
    for line in "$suite" "$suite-updates" "$suite-security"; do
        site=$(mirror_of "$line")
        [ -z "$site" ] || printf 'deb %s %s main\n' "$site" "$line"
    done
}

# architecture_of PLATFORM: amd64 or arm64, as the distribution says it; fails for any other.
architecture_of() {
    case "$1" in
    linux/amd64 | linux/x86_64) echo amd64 ;;
    linux/arm64 | linux/aarch64) echo arm64 ;;
    *) return 1 ;;
    esac
}

# The other platform's programs run through qemu-user, which the kernel starts by binfmt_misc.
enable_emulation() {
    local handlers=/proc/sys/fs/binfmt_misc handler=qemu-aarch64
    [ "$(uname -m)" != aarch64 ] || handler=qemu-x86_64
    [ -e "$handlers/register" ] || mount -t binfmt_misc binfmt_misc "$handlers" 2>/dev/null || true
    [ ! -e "$handlers/$handler" ] || return 0
    update-binfmts --enable "$handler" 2>/dev/null || true
    [ -e "$handlers/$handler" ] || say "cannot register $handler: the other platform will not run on this machine"
}

# process_of PID_FILE WORDS: the process that the file names, if it is alive and its command line holds
# WORDS. A recycled process id is somebody else's.
process_of() {
    local pid
    pid=$(cat "$1" 2>/dev/null) || return 1
    [ -n "$pid" ] && tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF -- "$2" || return 1
    printf '%s\n' "$pid"
}

# download_from_trixie PACKAGE FOLDER: its package file, on Debian 12 or 13; apt's own lists stay as they are.
download_from_trixie() (
    site=$(mirror_of bookworm)
    [ -n "$site" ] || site=$(mirror_of trixie)
    [ -n "$site" ] || die "cannot tell from which mirror this machine takes its packages" "install the package $1 by hand"
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    # apt drops to its own user for downloads, which must be able to write here.
    chmod 755 "$work" && mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
    printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s trixie main\n' "$site" >"$work/sources.list"
    private=(-o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=/dev/null
        -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/cache" -o APT::Sandbox::User=root -qq)
    cd "$2"
    quietly "apt-get could not read trixie's package list" apt-get "${private[@]}" update
    quietly "apt-get could not download $1" apt-get "${private[@]}" download "$1"
)

# kept_from_npm FOLDER PROGRAM COMMAND…: prints where that program is in that folder of the cache, which the command
# fills, in a scratch folder that becomes it: an interruption leaves no half of it behind. Needs npm.
kept_from_npm() (
    folder=${XDG_CACHE_HOME:-$HOME/.cache}/nestproof/$1 program=$2
    shift 2
    if [ ! -x "$folder/$program" ]; then
        command -v npm >/dev/null || die "npm is not installed" "Debian and Ubuntu: apt-get install npm"
        mkdir -p "${folder%/*}"
        scratch=$(mktemp -d "$folder.XXXXXX")
        trap 'rm -rf "$scratch"' EXIT
        (cd "$scratch" && "$@" >&2)
        rm -rf "$folder"
        mv "$scratch" "$folder"
    fi
    echo "$folder/$program"
)

# file_from_trixie PACKAGE PATH: prints where that file of that package is, for programs that are one file.
# It is kept in ${XDG_CACHE_HOME:-~/.cache}/nestproof; nothing is installed.
file_from_trixie() (
    cache=${XDG_CACHE_HOME:-$HOME/.cache}/nestproof
    kept=$cache/${2##*/}
    if [ ! -x "$kept" ]; then
        command -v apt-get >/dev/null || die "${2##*/} is taken from Debian's packages, and this is not Debian" "put it at $kept"
        work=$(mktemp -d)
        trap 'rm -rf "$work"' EXIT
        download_from_trixie "$1" "$work"
        quietly "dpkg-deb could not unpack $1" dpkg-deb -x "$work/$1"_*.deb "$work/package"
        mkdir -p "$cache"
        # Renamed into its place, so that what is there is whole.
        install "$work/package/$2" "$kept.new.$$" && mv "$kept.new.$$" "$kept"
    fi
    echo "$kept"
)
