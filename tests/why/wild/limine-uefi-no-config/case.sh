# Limine for UEFI is on the partition, and its configuration has the old name, limine.cfg.
build() { limine_files && printf 'TIMEOUT=5\n:Slackware\nPROTOCOL=linux\nKERNEL_PATH=boot:///vmlinuz\n' >limine.cfg && esp disk.img 24M "$GUESTS/limine/BOOTX64.EFI" /EFI/BOOT/BOOTX64.EFI limine.cfg /limine.cfg "$kernel" /vmlinuz; }
BR=(--bios "$OVMF" --disk disk.img --until 30s)
QE=(-bios "$OVMF" -drive file=disk.img,format=raw -net none)
