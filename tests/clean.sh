# clean.sh - read by tests/fresh and tests/package/run: systems of Debian in folders, as debootstrap makes them, and commands in them as a
# login runs them. Needs root.

# The mirrors of this machine's apt: "URI SUITE COMPONENT", and whether the file of a suite may be old (Valid-Until).
mirrors() { apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 'Origin: Debian' | sort -u; }
write_sources() { # SUITE|''
    if [ -z "$1" ]; then
        mirrors | awk '{ print "deb", $0 }'
        return
    fi
    mirrors | awk -v suite="$1" '
        $3 != "main" { next }
        $2 !~ /-/ && !main++ { print "deb", $1, suite, "main" }
        $2 ~ /-security$/ && suite !~ /^(sid|unstable|experimental)$/ && !security++ { print "deb", $1, suite "-security", "main" }'
}

# A system of the suite ('': this machine's) in the folder TREE, with these packages (a,b,c) and nothing else. Its apt has this machine's mirrors.
clean_system() { # TREE SUITE|'' PACKAGES
    scripts/bootstrap "$1" "$3" "$2"
    write_sources "$2" >"$1/etc/apt/sources.list"
    apt-config dump | grep '^Acquire::Check-Valid-Until ' >"$1/etc/apt/apt.conf.d/99valid-until" || true
    cp -L /etc/resolv.conf "$1/etc/resolv.conf"
    echo fresh >"$1/etc/hostname"
    grep -q fresh "$1/etc/hosts" 2>/dev/null || echo "127.0.0.1 localhost fresh" >>"$1/etc/hosts"
}
clean_user() { # TREE USER [sudo]
    chroot "$1" /usr/sbin/useradd -m -s /bin/bash "$2"
    [ -z "${3:-}" ] || echo "$2 ALL=(ALL) NOPASSWD: ALL" >"$1/etc/sudoers.d/$2"
}

# Runs a command in TREE as a login does (su - USER -c COMMAND), in the folder PLACE, with that user's PATH and nothing else in the environment.
# GUESTS is mounted on .cache/guests there. The mounts end with the namespace.
enter() { # TREE USER PLACE COMMAND [GUESTS]
    unshare --mount --pid --fork --kill-child --propagation private sh -euc '
        tree=$1 user=$2 place=$3 command=$4 guests=$5
        mount --bind "$tree" "$tree" # a root that is a mount, as unshare --propagation wants it
        mount -t proc proc "$tree/proc"
        mount --rbind /dev "$tree/dev"
        mount --rbind /sys "$tree/sys" # slurmd looks for control groups
        mount -t tmpfs tmpfs "$tree/dev/shm"
        mount -t tmpfs tmpfs "$tree/tmp"
        [ -z "$guests" ] || mount --bind "$guests" "$tree$place/.cache/guests"
        # This shell stays as process 1, which takes the processes that lost their parents.
        env -i TERM=dumb PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$tree" su - "$user" -c "cd $place && $command" || exit
        exit 0' enter "$1" "$2" "$3" "$4" "${5:-}" </dev/null
}
