#!/bin/bash
# run-page.sh - the sessions of docs/kernel-developers.md, as they stand there: a module that oopses, a bisection, a self test of Linux's, what the guest
# writes. With Debian's kernel, its headers, and the self tests of scripts/selftests.
. "$(dirname "$0")/../lib.sh"
need_guests
release=$(ls "$GUESTS/root/lib/modules" | head -n 1)
export KERNEL=$GUESTS/root/boot/vmlinuz-$release
command -v insmod >/dev/null || skip_all "kmod is not installed (scripts/deps)"

# The headers' Makefiles say where they are installed.
place=$work/headers
mkdir -p "$place/deb" "$place/root"
(cd "$place/deb" && apt-get -q download "linux-headers-$release" "linux-headers-${release%-amd64}-common" linux-kbuild-6.1) >/dev/null 2>&1 ||
    skip_all "the kernel's headers cannot be downloaded"
for deb in "$place"/deb/*.deb; do dpkg-deb -x "$deb" "$place/root"; done
export HEADERS=$place/root/usr/src/linux-headers-$release
sed -i "s|/usr/src/|$place/root/usr/src/|" "$HEADERS/Makefile"

mkdir -p "$work/bin" "$work/place/bug" "$work/place/steps" "$work/place/results" "$work/place/selftests" && cd "$work/place" || exit 2
ln -s "$top/scripts" .
ln -s "$BOOTREEL" "$work/bin/bootreel"
export PATH=$work/bin:$PATH BOOTREEL
unset DEBUGINFOD_URLS

echo 'obj-m := broken.o' >bug/Makefile
cat >bug/broken.c <<'END'
#include <linux/module.h>

struct counter {
	int value;
};
static struct counter *counter;

static int count_up(struct counter *c)
{
	return ++c->value;
}

static int __init broken_init(void)
{
	return count_up(counter);
}
module_init(broken_init);
MODULE_LICENSE("GPL");
END

export GIT_AUTHOR_NAME=me GIT_AUTHOR_EMAIL=me@example.org GIT_COMMITTER_NAME=me GIT_COMMITTER_EMAIL=me@example.org
commit() { # TEXT BODY
    printf '#include <linux/module.h>\nstatic int __init steps_init(void)\n{\n\tint *counter = NULL;\n\t%s\n\treturn counter != NULL;\n}\nmodule_init(steps_init);\nMODULE_LICENSE("GPL");\n' "$2" >steps/steps.c
    git -C steps add steps.c Makefile && git -C steps commit -q -m "$1"
}
git init -q steps
echo 'obj-m := steps.o' >steps/Makefile
commit "steps: begin" 'pr_info("begin");'
commit "steps: count up" 'pr_info("up");'
commit "steps: count down" 'WRITE_ONCE(*counter, 1);'
commit "steps: say more" 'pr_info("more"); WRITE_ONCE(*counter, 1);'
cat >test-commit <<'END'
make -s -C "$HEADERS" M="$PWD" modules || exit 125
bootreel run -q -o boot.reel --kernel "$KERNEL" -- insmod steps.ko
END

source=$("$top/scripts/selftests")/source/tools/testing/selftests
cp "$source/timers/nanosleep.c" selftests/
cp "$source"/*.h .
printf 'nanosleep: nanosleep.c\n\tgcc -O2 -w -o $@ $<\n' >selftests/Makefile
said=$(python3 "$top/tests/pages.py" "$top/docs/kernel-developers.md" 2>&1) || fail "$said"
finish
