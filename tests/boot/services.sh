#!/bin/bash
# services.sh - services by name as stages: scripts as sysvinit executes them, and Debian's own OpenRC and runit if they can be had.
. "$(dirname "$0")/../lib.sh"
need_guests
kernel=$GUESTS/other/cloud/vmlinuz
[ -r "$kernel" ] || kernel=$GUESTS/vmlinuz

root=$work/root
mkdir -p "$root/etc/init.d" "$root/etc/runlevels/"{sysinit,boot,default,shutdown} "$root/etc/sv/counter" "$root/proc" "$root/sys" "$root/dev" "$root/run" \
    "$root/tmp" "$root/var" "$root/bin" "$root/sbin"
zcat "$GUESTS/initrd-shell.gz" | (cd "$root" && cpio -idum --quiet)
script() { cat >"$root$1"; chmod +x "$root$1"; }
script /etc/init.d/slow <<'END'
#!/bin/sh
[ "$1" = start ] && /bin/sleep 1
exit 0
END
script /etc/init.d/broken <<'END'
#!/bin/sh
exit 3
END
script /etc/init.d/hello <<'END'
#!/sbin/openrc-run
start() { ebegin "Saying hello"; /bin/sleep 1; eend 0; }
END
script /etc/init.d/greeter <<'END'
#!/sbin/openrc-run
depend() { need hello; }
start() { ebegin "Greeting"; eend 0; }
END
script /etc/sv/counter/run <<'END'
#!/bin/sh
exec /bin/sleep 60
END
ln -s /etc/init.d/hello /etc/init.d/greeter "$root/etc/runlevels/default/"
for a in mkdir rm ls cat sed grep ln sleep mount poweroff sh uname; do ln -sf busybox "$root/bin/$a"; done
real=no
if (cd "$work" && apt-get download openrc libeinfo1 librc1 runit) >"$work/apt" 2>&1; then
    real=yes
    for p in "$work"/*.deb; do dpkg -x "$p" "$root"; done
    rm -rf "$root/etc/sv/svlogd" "$root/etc/sv/default-syslog"
    for program in sbin/openrc sbin/openrc-run usr/bin/runsv usr/bin/runsvdir; do
        LD_LIBRARY_PATH=$root/lib/x86_64-linux-gnu ldd "$root/$program"
    done | grep -o '/[^ ]*' | sort -u | while read -r library; do
        mkdir -p "$root$(dirname "$library")"
        [ -e "$root$library" ] || [ "${library#"$root"}" != "$library" ] || cp -L "$library" "$root$library"
    done
fi
script /init <<'END'
#!/bin/sh
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs dev /dev; mount -t tmpfs run /run
export PATH=/sbin:/bin:/usr/bin
for s in slow broken; do /etc/init.d/$s start; done
[ -x /sbin/openrc ] && { mkdir -p /run/openrc; openrc sysinit; openrc boot; openrc default; }
[ -x /usr/bin/runsvdir ] && { runsvdir /etc/sv & sleep 1; }
poweroff -f
END
(cd "$root" && find . | cpio -o -H newc --quiet) | gzip -1 >"$work/initrd.gz"

expect 0,1 record "$BOOTREEL" record --kernel "$kernel" --initrd "$work/initrd.gz" --append console=ttyS0 --memory 512M --until 60s -q -o "$work/a.reel"
"$BOOTREEL" stages "$work/a.reel" --all >"$work/stages"
holds "$work/stages" ' service\.slow$' "a script of sysvinit"
holds "$work/stages" ' service\.broken \(failed\)$' "one that fails"
if [ $real = yes ]; then
    holds "$work/stages" ' service\.hello$' "a service of OpenRC"
    holds "$work/stages" ' service\.greeter$' "one that needs it"
    [ "$(grep -c ' service\.hello$' "$work/stages")" = 1 ] || fail "OpenRC's service is one stage: $(grep hello "$work/stages")"
    holds "$work/stages" ' service\.counter( \(not ended\))?$' "a service of runit"
fi
finish
