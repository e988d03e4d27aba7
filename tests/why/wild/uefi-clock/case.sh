# HEALTHY: a UEFI program that prints the time each second.
build() {
    package gnu-efi || return
    efi_app clock <<'C' || return
#include <efi.h>
#include <efilib.h>
EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
    InitializeLib(image, system);
    Print(L"clock\n");
    for (;;) {
        EFI_TIME t;
        uefi_call_wrapper(RT->GetTime, 2, &t, NULL);
        Print(L"%02d:%02d:%02d\n", t.Hour, t.Minute, t.Second);
        uefi_call_wrapper(BS->Stall, 1, 1000000);
    }
}
C
    esp disk.img 8M clock.efi /EFI/BOOT/BOOTX64.EFI
}
BR=(--bios "$OVMF" --disk disk.img --until 10s)
QE=(-bios "$OVMF" -drive file=disk.img,format=raw -net none)
