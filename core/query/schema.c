/* schema.c - the views over the tables: one for each kind of event, and those that people ask for by another name. */
#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "core/query/private/impl.h"
#include "traces/event.h"

/* "pio.read" as pio_read. */
static void put_name(struct text *t, const char *kind)
{
    for (const char *c = kind; *c; c++)
        text_add(t, "%c", isalnum((unsigned char)*c) ? *c : '_');
}

/* Fields are columns under their names, which may be words of SQL ("to"). */
static char *kind_view(const char *schema, const struct event_kind *k)
{
    struct text t = {0};
    text_add(&t, "CREATE VIEW %s.", schema);
    put_name(&t, k->name);
    text_add(&t, " AS SELECT boot, event, icount, time, cpu, guest, stage, process, times");
    for (unsigned i = 0; i < k->nfields; i++)
        text_add(&t, ", f%u AS \"%s\"", i, k->field[i].name);
    text_add(&t, "%s FROM events WHERE kind = '%s'", k->has_data ? ", data" : "", k->name);
    if (k == event_kind(EV_HYPERCALL_AGAIN))
        text_add(&t, " AND f0 IS NOT NULL"); /* the others are in domain_again */
    return t.s;
}

#define DISK(field) "CASE kind WHEN 'disk.read' THEN f" field " WHEN 'disk.write' THEN f" field " END"
_Static_assert(EVF_DISK_READ_lba == 2 && EVF_DISK_READ_count == 3 && EVF_DISK_READ_address == 4 &&
                   EVF_DISK_WRITE_lba == 2 && EVF_DISK_WRITE_count == 3 && EVF_DISK_WRITE_address == 4 &&
                   EVF_DISK_READ_drive == 0 && EVF_DISK_WRITE_drive == 0 && EVF_DISK_COMMAND_drive == 0,
               "the view disk names them by number");
_Static_assert(EVF_CONSOLE_LINE_device == 0 && CONSOLE_SCREEN == 8 && CONSOLE_DEBUG == 9 && CONSOLE_XEN == 10,
               "so does console_lines");

_Static_assert(EVF_HYPERCALL_AGAIN_number == 0 && EVF_HYPERCALL_AGAIN_domain == 1 &&
                   EVF_HYPERCALL_AGAIN_vcpu == 2 && EVF_HYPERCALL_AGAIN_count == 3 &&
                   EVF_HYPERCALL_AGAIN_last == 4,
               "and domain_again, hypercall_again");

/* A unit's name, and its description if systemd gave both: "unit.ssh.service_-_OpenSSH_server". */
#define UNIT_PART(with, without) "CASE instr(name, '_-_') WHEN 0 THEN " without " ELSE " with " END"

static const char *const views[] = {
    "disk AS SELECT boot, event, icount, time, stage, process, times, f0 AS drive, data AS command, kind = 'disk.write' AS write, " DISK(
        "2") " AS lba, " DISK("3") " AS sectors, " DISK("4") " AS address FROM events WHERE class = 'disk'",
    "console_lines AS SELECT boot, event, icount, time, stage, process, times, CASE f0 WHEN 8 THEN 'screen' WHEN 9 THEN 'debug' "
    "WHEN 10 THEN 'xen' ELSE 'serial' || f0 END AS device, data AS line FROM events WHERE kind = 'console'",
    "domain_again AS SELECT boot, event, icount, time, cpu, guest, stage, process, times, f1 AS domain, f2 AS vcpu, f3 AS count, "
    "f4 AS last, data FROM events WHERE kind = 'hypercall.again' AND f0 IS NULL",
    "units AS SELECT boot, stage, " UNIT_PART("substr(name, 6, instr(name, '_-_') - 6)", "substr(name, 6)") " AS unit, " UNIT_PART(
        "replace(substr(name, instr(name, '_-_') + 3), '_', ' ')",
        "NULL") " AS description, "
                "begin, end, begin_time, end_time, took, ended, failed, times FROM stages WHERE name GLOB 'unit.*'",
};

static int create(sqlite3 *db, const char *schema, const char *view)
{
    struct text t = {0};
    text_add(&t, "CREATE VIEW %s.%s", schema, view);
    int rc = sqlite3_exec(db, t.s, NULL, NULL, NULL);
    free(t.s);
    return rc;
}

int schema_views(sqlite3 *db, const char *schema)
{
    int rc = SQLITE_OK;
    for (size_t i = 0; i < sizeof views / sizeof views[0] && rc == SQLITE_OK; i++)
        rc = create(db, schema, views[i]);
    for (unsigned i = 0; i < EV_COUNT && rc == SQLITE_OK; i++) {
        char *text = kind_view(schema, event_kind(i));
        rc = sqlite3_exec(db, text, NULL, NULL, NULL);
        free(text);
    }
    return rc;
}
