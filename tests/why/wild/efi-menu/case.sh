# HEALTHY: a UEFI program with a menu waits for a key.
build() {
    package gnu-efi || return
    efi_app menu <<'C' || return
#include <efi.h>
#include <efilib.h>
EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
    EFI_INPUT_KEY key;
    UINTN index;
    InitializeLib(image, system);
    Print(L"1. Debian\n2. Memory test\n3. Firmware setup\n\nYour choice: ");
    for (;;) {
        uefi_call_wrapper(BS->WaitForEvent, 3, 1, &ST->ConIn->WaitForKey, &index);
        uefi_call_wrapper(ST->ConIn->ReadKeyStroke, 2, ST->ConIn, &key);
        Print(L"%c\n", key.UnicodeChar);
    }
}
C
    esp disk.img 8M menu.efi /EFI/BOOT/BOOTX64.EFI
}
BR=(--bios "$OVMF" --disk disk.img --until 10s)
QE=(-bios "$OVMF" -drive file=disk.img,format=raw -net none)
