/* platform.h - the lists of core/views/platform.h on standard output and as files. */
#ifndef BOOTREEL_CLI_PLATFORM_H
#define BOOTREEL_CLI_PLATFORM_H

#include "base/json.h"
#include "core/views/platform.h"

/* A table with a column for each field. */
void platform_print(const struct platform_rows *rows);
/* What was usable by one memory map of the list and is not by the next, below the table. */
void platform_print_taken(const struct platform_rows *rows);
/* The same as an array "taken" in the open object. */
void platform_json_taken(yajl_gen g, const struct platform_rows *rows);
/* An object for each row, into the open array. */
void platform_json(yajl_gen g, const struct platform_rows *rows);
/* Writes the files that rows have into a folder. -1 with err. */
int platform_save(const struct platform_rows *rows, const char *folder, struct error *err);
/* Lets acpica-tools' iasl, if it is installed, disassemble the ACPI tables that were written there: dsdt.dsl and so on. */
void platform_disassemble(const struct platform_rows *rows, const char *folder);

#endif
