/* sqlite.c - all of a trace's tables as an SQLite database (core/query/query.h). */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/export/private/impl.h"
#include "core/query/query.h"

/* What an earlier export has left there would be taken for a part of this one. */
static int make_way(const char *path, struct error *err)
{
    struct stat st;
    if (lstat(path, &st))
        return 0;
    if (!S_ISREG(st.st_mode))
        return error_set(err, "%s: is not an ordinary file, which a database needs: give another name", path);
    return unlink(path) ? error_set(err, "%s: %s", path, strerror(errno)) : 0;
}

int export_sqlite(const struct export_options *o, const char *path, struct error *err)
{
    if (make_way(path, err))
        return -1;
    struct query *q = query_new();
    query_add(q, o->trace, o->title);
    int rc = query_ready(q, err) || query_export(q, path, err) ? -1 : 0;
    query_free(q);
    return rc;
}
