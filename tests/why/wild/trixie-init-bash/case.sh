# HEALTHY: Debian 13 with init=/bin/bash: a root shell at the serial port.
build() { [ -e "$GUESTS/systemd/trixie/disk.img" ] || { LACK="no group systemd-trixie"; return 1; }; cp --sparse=always "$GUESTS/systemd/trixie/disk.img" disk.img; }
BR=(--memory 512M --kernel "$GUESTS/systemd/trixie/vmlinuz" --initrd "$GUESTS/systemd/trixie/initrd.gz" --disk disk.img --append "console=ttyS0 root=/dev/sda init=/bin/bash" --until 60s)
QE=(-m 512M -kernel "$GUESTS/systemd/trixie/vmlinuz" -initrd "$GUESTS/systemd/trixie/initrd.gz" -drive file=disk.img,format=raw -append "console=ttyS0 root=/dev/sda init=/bin/bash")
