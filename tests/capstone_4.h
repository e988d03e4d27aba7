/* capstone_4.h - for tests that know what capstone 4 says, Debian 12's. Later versions know other instructions, and have other groups of them.
 * Include it after cmocka.h.
 */
#ifndef BOOTREEL_TESTS_CAPSTONE_4_H
#define BOOTREEL_TESTS_CAPSTONE_4_H

#include <capstone/capstone.h>
#include <stdio.h>

/* Skips the test where capstone has another major version. */
static inline void need_capstone_4(void)
{
    int major, minor;
    cs_version(&major, &minor);
    if (major == 4)
        return;
    fprintf(stderr, "no capstone 4 (this is %d.%d)\n", major, minor);
    skip();
}

#endif
