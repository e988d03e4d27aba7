# HEALTHY: a UEFI boot manager with a menu that polls for a key and counts down from a large number.
build() {
    package gnu-efi || return
    efi_app menu <<'C' || return
#include <efi.h>
#include <efilib.h>
EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
    EFI_INPUT_KEY key;
    InitializeLib(image, system);
    Print(L"  1) Linux\n  2) Memory test\n  3) Firmware setup\n\n");
    for (int left = 90; left > 0; left--) {
        Print(L"\rBooting entry 1 in %2d s", left);
        for (int i = 0; i < 10; i++) {
            if (!uefi_call_wrapper(ST->ConIn->ReadKeyStroke, 2, ST->ConIn, &key))
                return EFI_SUCCESS;
            uefi_call_wrapper(BS->Stall, 1, 100000);
        }
    }
    return EFI_SUCCESS;
}
C
    esp disk.img 8M menu.efi /EFI/BOOT/BOOTX64.EFI
}
BR=(--bios "$OVMF" --disk disk.img --until 14s)
QE=(-bios "$OVMF" -drive file=disk.img,format=raw -net none)
