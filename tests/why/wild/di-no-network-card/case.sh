# Debian's netboot installer on a machine without a network card.
build() { [ -e "$GUESTS/installer/linux" ] || { LACK="no group installer"; return 1; }; truncate -s 64M blank.img; }
BR=(--memory 1G --kernel "$GUESTS/installer/linux" --initrd "$GUESTS/installer/initrd.gz" --disk blank.img --append "auto=true priority=critical locale=en_US keymap=us console=ttyS0 TERM=dumb DEBIAN_FRONTEND=text" --until 60s)
QE=(-m 1G -kernel "$GUESTS/installer/linux" -initrd "$GUESTS/installer/initrd.gz" -nic none)
