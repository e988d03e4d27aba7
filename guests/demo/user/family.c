/* family.c - forks twice: four processes with one variable, each with a value of its own (copy on write). */
#include "guests/demo/user/lib.h"

static int value = 1;

int main(const char *argument)
{
    int first = fork();
    value = value * 2 + (first == 0);
    int second = fork();
    value = value * 2 + (second == 0);
    sleep((u32)(value - 3) * 5); /* so that they speak in order */
    printf("family: process %d has %d\n", getpid(), value);
    int code;
    while (wait(&code) >= 0)
        ;
    return value;
}
