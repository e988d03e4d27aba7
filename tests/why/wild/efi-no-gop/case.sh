# A UEFI program wants a graphics output protocol; the machine has no display.
build() {
    package gnu-efi || return
    efi_app test <<'C' || return
#include <efi.h>
#include <efilib.h>
EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
    EFI_GUID id = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;
    EFI_GRAPHICS_OUTPUT_PROTOCOL *gop;
    InitializeLib(image, system);
    if (uefi_call_wrapper(BS->LocateProtocol, 3, &id, NULL, (void **)&gop)) {
        Print(L"not find GOP!\n");
        for (;;)
            uefi_call_wrapper(BS->Stall, 1, 1000000);
    }
    Print(L"%dx%d\n", gop->Mode->Info->HorizontalResolution, gop->Mode->Info->VerticalResolution);
    return EFI_SUCCESS;
}
C
    esp disk.img 8M test.efi /EFI/BOOT/BOOTX64.EFI
}
BR=(--bios "$OVMF" --vga none --disk disk.img --until 14s)
QE=(-bios "$OVMF" -vga none -drive file=disk.img,format=raw -net none)
