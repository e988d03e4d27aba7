/* graphics.c - a program that takes the screen for a while, as one that draws by itself does (efi-cd.sh). */
#include <fcntl.h>
#include <linux/kd.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

int main(void)
{
    static const char words[] = "init: a program draws\n";
    int screen = open("/dev/tty1", O_RDWR);
    if (screen < 0 || ioctl(screen, KDSETMODE, KD_GRAPHICS) ||
        write(1, words, sizeof words - 1) != sizeof words - 1)
        return 1;
    tcdrain(1); /* all of it has left the serial port */
    usleep(10000);
    return ioctl(screen, KDSETMODE, KD_TEXT) != 0;
}
