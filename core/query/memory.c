/* memory.c - SQLite's memory: where there is none, the process ends as everywhere (base/memory.h). By itself SQLite goes on without
 * much of what it wanted, a cache or a sort's room, and another order of rows or layout of a file comes of it. */
#include <malloc.h>
#include <sqlite3.h>

#include "base/memory.h"
#include "core/query/query.h"

static void *take(int n)
{
    return mem_alloc((size_t)n);
}

static void *take_more(void *p, int n)
{
    return mem_resize(p, (size_t)n);
}

static int size_of(void *p)
{
    return p ? (int)malloc_usable_size(p) : 0;
}

static int round_up(int n)
{
    return (n + 7) & ~7;
}

static int begin(void *ctx)
{
    return SQLITE_OK;
}

static void end(void *ctx) {}

void query_checks_memory(void)
{
    const sqlite3_mem_methods memory = {.xMalloc = take,
                                        .xFree = free,
                                        .xRealloc = take_more,
                                        .xSize = size_of,
                                        .xRoundup = round_up,
                                        .xInit = begin,
                                        .xShutdown = end};
    sqlite3_config(SQLITE_CONFIG_MALLOC, &memory);
}
