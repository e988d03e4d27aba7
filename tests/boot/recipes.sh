#!/bin/bash
# recipes.sh - the two recipes of docs/recipes.md that decide by an exit status, as they stand there: a CI job and a bisection, of six commits
# of which the fourth panics.
. "$(dirname "$0")/../lib.sh"
need_group cloud
cd "$work" || exit 2
mkdir bin && ln -s "$BOOTREEL" bin/bootreel
PATH=$work/bin:$PATH

# The first block of indented lines after the line that ends so.
recipe() { # END-OF-LINE FILE
    awk -v mark="$1" '
        substr($0, length($0) - length(mark) + 1) == mark { found = 1; next }
        found && /^    / { print substr($0, 5); inside = 1; next }
        inside && !/^$/ { exit }
        inside { print "" }' "$top/docs/recipes.md" >"$2"
    chmod +x "$2"
    head -n 1 "$2" | grep -q '^#!/bin/sh' || fail "no recipe after \"$1\""
}

# A source tree whose "make bzImage" makes a kernel and an initramfs with its own /init.
mkdir tree && cd tree || exit 2
git init -q .
git config user.name test && git config user.email test@example.org
cat >Makefile <<END
bzImage:
	mkdir -p arch/x86/boot
	cp "$GUESTS/other/cloud/vmlinuz" arch/x86/boot/bzImage
	{ cat "$GUESTS/initrd.gz"; echo init | cpio --quiet -o -H newc | gzip; } >../initrd.gz
	truncate -s %4096 ../initrd.gz
END
echo arch >.gitignore
for n in 1 2 3 4 5 6; do
    { echo '#!/bin/sh'; echo "# commit $n"; [ "$n" -ge 4 ] || echo 'exec poweroff -f'; } >init
    chmod +x init
    git add -A && git commit -q -m "commit $n" && git tag "c$n"
done

# ---------------------------------------------------------------- bisecting

recipe '`step`:' ../step
git checkout -q c1 && make -s bzImage
"$BOOTREEL" record -q --console=none --kernel arch/x86/boot/bzImage --initrd ../initrd.gz --append console=ttyS0 -o ../good.reel </dev/null ||
    fail "the good boot: exit status $?"
expect 0 digest "$BOOTREEL" digest ../good.reel -o ../good.digest
git bisect start c6 c1 >/dev/null
expect 0 bisect git bisect run ../step
holds "$work/bisect.out" "^$(git rev-parse c4) is the first bad commit" "git bisect"
git bisect reset >/dev/null 2>&1

# A tool that is not there, or a disk that is full, is no bad commit.
git checkout -q c1
PATH=$(mktemp -d -p "$work"):/usr/bin:/bin expect 125 trouble ../step
cd ..

# ---------------------------------------------------------------- the CI job

mkdir -p job/ci job/tests && cd job || exit 2
recipe '`ci/boot-test`, for any CI:' ci/boot-test
recipe_rules=$(awk '/^`tests\/boot.rules`/ { found = 1; next } found && /^    / { print substr($0, 5) } found && /^[A-Z]/ { exit }' "$top/docs/recipes.md")
printf '%s\n' "$recipe_rules" >tests/boot.rules
cp ../good.digest tests/boot.digest
job() { # COMMIT STATUS
    (cd ../tree && git checkout -q "$1" && make -s bzImage)
    cp ../tree/arch/x86/boot/bzImage ../initrd.gz .
    rm -rf out
    expect "$2" "$1" sh ci/boot-test
    cp -r out "out.$1" 2>/dev/null
}
job c2 0
job c5 1
holds out/boot.junit.xml 'failure message="kernel panic: ' "the report of a panic"
holds "$work/c5.out" 'panic' "the log of a panic"
[ -s out/boot.html ] || fail "no report of a panic"
rm -f bzImage
expect 2 none sh ci/boot-test
finish
