/* numbers.c - see numbers.h. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/numbers.h"

#define SECOND 1000000000u

const char *number_commas(char buf[NUMBER_TEXT], uint64_t n)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRIu64, n);
    char *to = buf;
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0)
            *to++ = ',';
        *to++ = digits[i];
    }
    *to = 0;
    return buf;
}

const char *number_counted(char buf[NUMBER_TEXT], uint64_t n, const char *noun)
{
    const size_t used = strlen(number_commas(buf, n));
    snprintf(buf + used, NUMBER_TEXT - used, " %s%s", noun, n == 1 ? "" : "s");
    return buf;
}

const char *number_seconds(char buf[NUMBER_TEXT], uint64_t ns)
{
    snprintf(buf, NUMBER_TEXT, "%" PRIu64 ".%06" PRIu64, ns / SECOND, ns % SECOND / 1000);
    return buf;
}

const char *number_time(char buf[NUMBER_TEXT], uint64_t ns)
{
    snprintf(buf, NUMBER_TEXT, "%" PRIu64 ".%06" PRIu64 " s", ns / SECOND, ns % SECOND / 1000);
    return buf;
}

const char *number_exact(char buf[NUMBER_TEXT], uint64_t ns)
{
    snprintf(buf, NUMBER_TEXT, "%" PRIu64 ".%09" PRIu64, ns / SECOND, ns % SECOND);
    return buf;
}

const char *number_duration(char buf[NUMBER_TEXT], uint64_t ns)
{
    if (!ns || ns >= 1000)
        return number_time(buf, ns);
    snprintf(buf, NUMBER_TEXT, "%" PRIu64 " ns", ns);
    return buf;
}

const char *number_bytes(char buf[NUMBER_TEXT], uint64_t n)
{
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
    unsigned unit = 0;
    double v = (double)n;
    while (v >= 1000 && unit < 4) {
        v /= 1000;
        unit++;
    }
    snprintf(buf, NUMBER_TEXT, unit ? "%.1f %s" : "%.0f %s", v, units[unit]);
    return buf;
}
