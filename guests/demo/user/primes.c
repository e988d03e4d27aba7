/* primes.c - counts the primes below its argument: it takes a while, and others get their turns. */
#include "guests/demo/user/lib.h"

static u32 number(const char *text)
{
    u32 n = 0;
    for (; *text >= '0' && *text <= '9'; text++)
        n = n * 10 + (u32)(*text - '0');
    return n;
}

static bool is_prime(u32 n)
{
    for (u32 d = 2; d * d <= n; d++)
        if (n % d == 0)
            return false;
    return true;
}

int main(const char *argument)
{
    u32 below = number(argument), count = 0;
    for (u32 n = 2; n < below; n++)
        count += is_prime(n);
    printf("primes: %u below %u\n", count, below);
    return 0;
}
