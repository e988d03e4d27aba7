/* date.c - see date.h. */
#include "base/date.h"

int64_t date_days(int64_t year, int month, int day)
{
    year -= month <= 2; /* years start in March */
    const int64_t era = (year >= 0 ? year : year - 399) / 400;
    const int of_era = (int)(year - era * 400);
    const int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* Exactly n digits, then `end`. */
static bool parse_number(const char **at, unsigned n, char end, int *value)
{
    *value = 0;
    for (unsigned i = 0; i < n; i++, (*at)++) {
        if (**at < '0' || **at > '9')
            return false;
        *value = *value * 10 + (**at - '0');
    }
    return *(*at)++ == end;
}

static int days_of(int year, int month)
{
    static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
}

bool date_parse(const char *text, int64_t *seconds)
{
    int year, month, day, hour, minute, second;
    const char *at = text;
    const bool read = parse_number(&at, 4, '-', &year) && parse_number(&at, 2, '-', &month) &&
                      parse_number(&at, 2, 'T', &day) && parse_number(&at, 2, ':', &hour) &&
                      parse_number(&at, 2, ':', &minute) && parse_number(&at, 2, '\0', &second);
    if (!read || month < 1 || month > 12 || day < 1 || day > days_of(year, month) || hour > 23 ||
        minute > 59 || second > 59)
        return false;
    *seconds = date_days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    return true;
}
