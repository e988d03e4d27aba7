# A loader gets the memory map, prints a line (which allocates), and calls ExitBootServices with the map's old key. It does not try again.
build() {
    package gnu-efi || return
    efi_app loader <<'C' || return
#include <efi.h>
#include <efilib.h>
EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
    UINTN size = 0, key, entry;
    UINT32 version;
    EFI_MEMORY_DESCRIPTOR *map = NULL;
    void *kernel;
    EFI_STATUS status;
    InitializeLib(image, system);
    Print(L"poiboot: loading the kernel\n");
    uefi_call_wrapper(BS->GetMemoryMap, 5, &size, map, &key, &entry, &version);
    size += 4 * entry;
    uefi_call_wrapper(BS->AllocatePool, 3, EfiLoaderData, size, (void **)&map);
    uefi_call_wrapper(BS->GetMemoryMap, 5, &size, map, &key, &entry, &version);
    uefi_call_wrapper(BS->AllocatePool, 3, EfiLoaderData, 100000, &kernel);
    status = uefi_call_wrapper(BS->ExitBootServices, 2, image, key);
    if (EFI_ERROR(status)) {
        Print(L"ExitBootServices failed: %r\n", status);
        for (;;)
            ;
    }
    for (;;)
        __asm__ volatile("hlt");
}
C
    esp disk.img 8M loader.efi /EFI/BOOT/BOOTX64.EFI
}
BR=(--bios "$OVMF" --disk disk.img --until 2500M)
QE=(-bios "$OVMF" -drive file=disk.img,format=raw -net none)
