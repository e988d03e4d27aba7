# A kernel whose Multiboot header is behind the first 8 KiB of its file.
build() {
    printf 'set timeout=0\nmenuentry "My Kernel" {\nmultiboot /boot/kernel-101 ro\nboot\n}\n' | grub_folder d
    printf '.globl _start\n_start: hlt\njmp _start\n.fill 12000, 1, 0x90\n.balign 4\n.long 0x1BADB002, 0, -0x1BADB002\n' | as --32 -o k.o - &&
        ld -m elf_i386 -N -Ttext 0x100000 -e _start -o d/boot/kernel-101 k.o && grub_disk disk.img d '(hd0,msdos1)/boot/grub' biosdisk part_msdos ext2
}
BR=(--disk disk.img --until 8s)
QE=(-drive file=disk.img,format=raw)
