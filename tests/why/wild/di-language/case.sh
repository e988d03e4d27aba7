# HEALTHY: Debian's installer asks for the language.
build() { [ -e "$GUESTS/installer/linux" ] || { LACK="no group installer"; return 1; }; }
BR=(--memory 1G --kernel "$GUESTS/installer/linux" --initrd "$GUESTS/installer/initrd.gz" --nic e1000 --net user --append "console=ttyS0" --until 40s)
QE=(-m 1G -kernel "$GUESTS/installer/linux" -initrd "$GUESTS/installer/initrd.gz" -append console=ttyS0)
