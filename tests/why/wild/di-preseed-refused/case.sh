# Debian's installer is to fetch its answers by HTTP, and nobody listens at that address.
build() { [ -e "$GUESTS/installer/linux" ] || { LACK="no group installer"; return 1; }; truncate -s 64M blank.img; }
BR=(--memory 1G --kernel "$GUESTS/installer/linux" --initrd "$GUESTS/installer/initrd.gz" --nic e1000 --net user --disk blank.img --append "auto=true priority=critical url=http://10.0.2.2:8808/preseed.cfg locale=en_US keymap=us console=ttyS0 TERM=dumb DEBIAN_FRONTEND=text" --until 90s)
QE=(-m 1G -kernel "$GUESTS/installer/linux" -initrd "$GUESTS/installer/initrd.gz")
