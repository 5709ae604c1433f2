# Debian in a folder: a machine without compilers, on which only what a package brings is installed.
# shellcheck shell=bash

# debian_base SUITE: a minimal Debian in .cache/debian/SUITE.
debian_base() {
    local folder="$CACHE/debian/$1"
    [ -d "$folder" ] && return
    is_root || die "Debian in a folder is made as root: please run this as root"
    command -v debootstrap >/dev/null || apt_install debootstrap
    say "fetching a minimal Debian ($1)"
    rm -rf "$folder.part" && mkdir -p "$CACHE/debian"
    debootstrap --variant=minbase "$1" "$folder.part" >"$CACHE/debian/$1.log" 2>&1 || die "debootstrap failed; see $CACHE/debian/$1.log"
    # Installed services are not started, and packages are not unpacked twice.
    printf '#!/bin/sh\nexit 101\n' >"$folder.part/usr/sbin/policy-rc.d" && chmod 755 "$folder.part/usr/sbin/policy-rc.d"
    mv "$folder.part" "$folder"
}

# in_debian FOLDER COMMAND...: in a process and mount namespace of its own: what it starts ends with it. The checkout is at its own path.
in_debian() {
    local folder="$1"
    shift
    mkdir -p "$folder$ROOT"
    cp /etc/resolv.conf "$folder/etc/resolv.conf"
    # shellcheck disable=SC2016 # Not the shell's, but the command's own.
    unshare --mount --pid --fork --kill-child --propagation private bash -euc '
        folder="$1" root="$2"
        shift 2
        mount -t proc proc "$folder/proc"
        mount -t tmpfs tmpfs "$folder/dev/shm"
        mount --bind "$root" "$folder$root"
        exec chroot "$folder" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
    ' bash "$folder" "$ROOT" "$@"
}

# suite_with MAJOR: the Debian release that holds this PostgreSQL.
suite_with() {
    case "$1" in
        15) echo bookworm ;;
        17) echo trixie ;;
        *) die "no Debian release known here holds PostgreSQL $1" ;;
    esac
}

codename() { sed -n 's/^VERSION_CODENAME=//p' /etc/os-release; }
