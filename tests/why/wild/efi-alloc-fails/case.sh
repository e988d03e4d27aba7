# A loader wants a fixed range of memory for Linux, does not get it, says so and returns.
build() {
    package gnu-efi || return
    efi_app loader <<'C' || return
#include <efi.h>
#include <efilib.h>
EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
    EFI_PHYSICAL_ADDRESS at = 0x40000000;
    InitializeLib(image, system);
    Print(L"UEFI string test\n");
    if (uefi_call_wrapper(BS->AllocatePages, 4, AllocateAddress, EfiLoaderData, 0x20000, &at)) {
        Print(L"%lx + %x: memory allocation failed!\n", at, 0x20000000);
        Print(L"Failed to reserve room for Linux\n");
        return EFI_OUT_OF_RESOURCES;
    }
    return EFI_SUCCESS;
}
C
    esp disk.img 8M loader.efi /EFI/BOOT/BOOTX64.EFI
}
BR=(--bios "$OVMF" --disk disk.img --until 20s)
QE=(-bios "$OVMF" -drive file=disk.img,format=raw -net none)
