/* kexec.c - a program of a test initramfs: loads a kernel with its initramfs and command line, and starts it at once. Static.
 *
 *   kexec KERNEL INITRD COMMAND-LINE */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    enum { KEXEC = 0x45584543 }; /* LINUX_REBOOT_CMD_KEXEC */
    if (argc != 4)
        return 2;
    int kernel = open(argv[1], O_RDONLY), initrd = open(argv[2], O_RDONLY);
    if (syscall(SYS_kexec_file_load, kernel, initrd, strlen(argv[3]) + 1, argv[3], 0L)) {
        perror("kexec_file_load");
        return 1;
    }
    reboot(KEXEC);
    perror("reboot");
    return 1;
}
