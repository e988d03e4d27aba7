# A loader opens \kernel.elf, which is not there, does not look at the status, and calls Read of the file that it has not got.
build() {
    package gnu-efi || return
    efi_app loader <<'C' || return
#include <efi.h>
#include <efilib.h>
EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
    EFI_LOADED_IMAGE *loaded;
    EFI_SIMPLE_FILE_SYSTEM_PROTOCOL *volume;
    EFI_FILE_HANDLE root, file = (EFI_FILE_HANDLE)0xffffe84107219000;
    static char header[64];
    UINTN size = sizeof header;
    InitializeLib(image, system);
    Print(L"hello from the loader\n");
    uefi_call_wrapper(BS->HandleProtocol, 3, image, &LoadedImageProtocol, (void **)&loaded);
    uefi_call_wrapper(BS->HandleProtocol, 3, loaded->DeviceHandle, &FileSystemProtocol, (void **)&volume);
    uefi_call_wrapper(volume->OpenVolume, 2, volume, &root);
    uefi_call_wrapper(root->Open, 5, root, &file, L"\\kernel.elf", EFI_FILE_MODE_READ, 0);
    uefi_call_wrapper(file->Read, 3, file, &size, header);
    Print(L"kernel: %c%c%c\n", header[1], header[2], header[3]);
    return EFI_SUCCESS;
}
C
    esp disk.img 8M loader.efi /EFI/BOOT/BOOTX64.EFI
}
BR=(--bios "$OVMF" --disk disk.img --until 2000M)
QE=(-bios "$OVMF" -drive file=disk.img,format=raw -net none)
