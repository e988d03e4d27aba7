/* stages.c - how fast the PC runs in each stage of a boot.
 *
 *     stages TRACE NAME@ICOUNT...       replays the trace, with nobody observing it, and prints for each stage, which ends where the
 *                                       next one begins: its steps, the processor time that they took, and steps a second
 */
#include <string.h>

#include "bench/bench.h"
#include "core/run/replay.h"

/* NAME@ICOUNT; the length of the name. */
static size_t parse(const char *text, uint64_t *icount)
{
    const char *at = strrchr(text, '@');
    char *end = NULL;
    if (at)
        *icount = strtoull(at + 1, &end, 10);
    if (!at || !at[1] || *end) {
        fprintf(stderr, "stages: not NAME@ICOUNT: %s\n", text);
        exit(2);
    }
    return (size_t)(at - text);
}

int main(int argc, char **argv)
{
    struct error err;
    if (argc < 3) {
        fprintf(stderr, "usage: stages TRACE NAME@ICOUNT...\n");
        return 2;
    }
    struct trace *t = trace_open(argv[1], &err);
    struct replay *r = t ? replay_open(t, &bench_pc, &err) : NULL;
    must(r ? 0 : -1, &err);
    for (int i = 2; i < argc; i++) {
        uint64_t begin, end = UINT64_MAX;
        struct stop stop;
        size_t name = parse(argv[i], &begin);
        if (i + 1 < argc)
            parse(argv[i + 1], &end);
        if (i == 2)
            must(replay_run_to(r, begin, &stop, &err) < 0, &err);
        double from = now_ms();
        must(replay_run_to(r, end, &stop, &err) < 0, &err);
        double took = (now_ms() - from) / 1e3;
        end = end < stop.icount ? end : stop.icount;
        printf("  %-14.*s %9.1f M %8.2f s %9.1f M/s\n", (int)name, argv[i], (double)(end - begin) / 1e6, took,
               (double)(end - begin) / 1e6 / took);
    }
    replay_close(r);
    trace_close(t);
    return 0;
}
