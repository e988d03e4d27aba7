/* hello.c - says hello to its argument. */
#include "guests/demo/user/lib.h"

int main(const char *argument)
{
    printf("hello: hello, %s! I am process %d\n", argument, getpid());
    return 0;
}
