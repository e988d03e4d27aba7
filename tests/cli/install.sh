#!/bin/bash
# make install, into a folder with a space and a letter that is not ASCII, and what is installed there without the source: the program, its
# completion, and the script for gdb, which starts that program. Again over an older installation, after gdb has left __pycache__ behind. Our
# BIOS and the demo guest built in a folder with such a name: the same bytes.
. "$(dirname "$0")/../lib.sh"
. tests/gdb.sh
unset BOOTREEL
prefix="$work/with a spacé"

# The folder of the source is empty for what runs here.
alone() { (cd "$work" && "${namespace[@]}" sh -c 'mount -t tmpfs none "$0" && exec "$@"' "$top" "$@"); }
namespace=(unshare --mount --propagation private)
alone true 2>/dev/null || namespace=(unshare --user --map-root-user --mount --propagation private)
if ! alone true 2>/dev/null; then
    skip "without the source" "no mount namespaces"
    alone() { (cd "$work" && "$@"); }
fi

# gdb with the installed script.
session() { # NAME
    cat >"$work/$1.gdb" <<END
source $prefix/share/bootreel/gdb/bootreel.py
python print("starts", program())
boot-open $work/installed.reel
boot-seek 1000
p \$boot_icount
boot-stages
detach
END
    alone bash -c "$(declare -f gdb_run); gdb_run -x \"\$1\"" - "$work/$1.gdb" >"$work/$1.out"
    holds "$work/$1.out" "^starts $prefix/bin/bootreel$" "$1: the program that the script starts"
    holds "$work/$1.out" '^\$1 = 1000$' "$1: a session"
    holds "$work/$1.out" 'kernel' "$1: stages"
}

install_it() { expect 0 "$1" build install PREFIX="$prefix"; }

install_it first
rm -f "$work/installed.reel"
expect 0 record alone "$prefix/bin/bootreel" record -q -o "$work/installed.reel"
expect 0 replay alone "$prefix/bin/bootreel" replay --verify --console=none "$work/installed.reel"
session fresh
expect 0 complete bash -c 'source "$1" && complete -p bootreel' - "$prefix/share/bash-completion/completions/bootreel"
holds "$work/complete.out" bootreel "the completion"
[ -s "$prefix/share/man/man1/bootreel.1" ] || fail "no manual page"

# An older version: other contents, write-protected, its own compiled scripts. That of the source has some, too.
for f in bin/bootreel share/man/man1/bootreel.1 share/bootreel/gdb/bootreel.py share/bootreel/gdb/bootreel_orc.py; do
    echo "raise SystemError('an older version')" >"$prefix/$f"
    chmod a-w "$prefix/$f"
done
gdb_run -ex "source scripts/gdb/bootreel.py" >/dev/null
mkdir -p scripts/gdb/__pycache__ "$prefix/share/bootreel/gdb/__pycache__"
install_it second
session again
[ -z "$(git status --porcelain scripts/gdb 2>/dev/null | grep pycache)" ] || fail "git sees scripts/gdb/__pycache__"

# A checkout with such a name.
odd="$work/it's a tréé"
mkdir "$odd" && tar -c --exclude=./build --exclude=./.cache --exclude=./.git --exclude=./bootreel . | tar -x -C "$odd"
expect 0 odd make -s -C "$odd" -j"$(nproc)" bios demo-guest
grep -Eq '^ +([0-9]+)/\1 ' "$work/odd.out" || fail "the last step of a build is not numbered as the last one"
for f in bios/bios.bin bios/bios.elf guests/demo/demo.img; do
    same "build/release/$f" "$odd/build/release/$f" "$f, built in a folder with an odd name"
done

# Where nothing is installed, the first message says what does that.
expect 2 bare env PKG_CONFIG_LIBDIR="$work" make BUILD="$work/none"
holds "$work/bare.err" 'not installed: .*yajl.*scripts/deps' "make without packages"
expect 2 bare-check env PKG_CONFIG_LIBDIR="$work" make BUILD="$work/none" check
holds "$work/bare-check.err" 'not installed: .*scripts/deps' "make check without packages"

# DESTDIR goes before PREFIX, for who makes packages.
expect 0 staged build install DESTDIR="$work/it's staged" PREFIX=/usr
[ -x "$work/it's staged/usr/bin/bootreel" ] || fail "DESTDIR"
finish
