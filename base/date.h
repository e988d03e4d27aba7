/* date.h - dates of the Gregorian calendar, as texts and as seconds since 1970. */
#ifndef BOOTREEL_BASE_DATE_H
#define BOOTREEL_BASE_DATE_H

#include <stdbool.h>
#include <stdint.h>

/* Days from 1 January 1970 to a date; also of a month or day beyond the end of its year or month. */
int64_t date_days(int64_t year, int month, int day);
/* Reads exactly "2027-01-01T00:00:00" into seconds since 1970. False if the text is another, or no such time exists; *seconds is then as it was. */
bool date_parse(const char *text, int64_t *seconds);

#endif
