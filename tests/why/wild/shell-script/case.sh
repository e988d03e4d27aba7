# HEALTHY: the UEFI Shell runs a startup script, which prints, and waits at its prompt.
build() {
    printf 'echo -off\r\necho station 7 ready\r\n' >startup.nsh
    esp disk.img 8M startup.nsh /startup.nsh
}
BR=(--bios "$OVMF" --disk disk.img --until 25s)
QE=(-bios "$OVMF" -drive file=disk.img,format=raw -net none)
