/* fault.c - tries to write to the kernel. */
#include "guests/demo/user/lib.h"

int main(const char *argument)
{
    printf("fault: writing to the kernel ...\n");
    *(volatile int *)0xc0100000 = 1;
    printf("fault: that must not work\n");
    return 1;
}
