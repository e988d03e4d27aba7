/* words.c - the builtins and functions of the language, and what of bpftrace's is not here. See private/ast.h. */
#include <string.h>

#include "core/ask/private/ast.h"

#define ROWS(list) (sizeof(list) / sizeof *(list))

/* ---------------------------------------------------------------- builtins */

static const struct {
    const char *name;
    int id;
    unsigned needs;
} words[] = {
    {"pid", W_PID, NEEDS_PROCESS},
    {"tid", W_TID, NEEDS_PROCESS},
    {"comm", W_COMM, NEEDS_PROCESS},
    {"uid", W_UID, NEEDS_MACHINE | NEEDS_PROCESS},
    {"gid", W_GID, NEEDS_MACHINE | NEEDS_PROCESS},
    {"cpu", W_CPU, 0},
    {"nsecs", W_NSECS, 0},
    {"elapsed", W_ELAPSED, 0},
    {"icount", W_ICOUNT, NEEDS_MACHINE},
    {"stage", W_STAGE, NEEDS_MACHINE},
    {"guest", W_GUEST, 0},
    {"func", W_FUNC, NEEDS_MACHINE},
    {"probe", W_PROBE, 0},
    {"caller", W_CALLER, NEEDS_MACHINE},
    {"curtask", W_CURTASK, NEEDS_MACHINE | NEEDS_PROCESS},
    {"kstack", W_KSTACK, NEEDS_MACHINE},
    {"ustack", W_USTACK, NEEDS_MACHINE | NEEDS_PROCESS},
    {"retval", W_RETVAL, NEEDS_MACHINE},
    {"arg0", W_ARG0 + 0, NEEDS_MACHINE},
    {"arg1", W_ARG0 + 1, NEEDS_MACHINE},
    {"arg2", W_ARG0 + 2, NEEDS_MACHINE},
    {"arg3", W_ARG0 + 3, NEEDS_MACHINE},
    {"arg4", W_ARG0 + 4, NEEDS_MACHINE},
    {"arg5", W_ARG0 + 5, NEEDS_MACHINE},
    {"arg6", W_ARG0 + 6, NEEDS_MACHINE},
    {"arg7", W_ARG0 + 7, NEEDS_MACHINE},
    {"arg8", W_ARG0 + 8, NEEDS_MACHINE},
    {"arg9", W_ARG0 + 9, NEEDS_MACHINE},
};

int ask_word_find(const char *name)
{
    for (size_t i = 0; i < ROWS(words); i++)
        if (!strcmp(words[i].name, name))
            return words[i].id;
    return -1;
}

const char *ask_word_name(int id)
{
    for (size_t i = 0; i < ROWS(words); i++)
        if (words[i].id == id)
            return words[i].name;
    return "?";
}

unsigned ask_word_needs(int id)
{
    for (size_t i = 0; i < ROWS(words); i++)
        if (words[i].id == id)
            return words[i].needs;
    return 0;
}

/* ---------------------------------------------------------------- functions */

static const struct ask_function_row functions[F_FUNCTIONS] = {
    [F_PRINTF] = {"printf", 1, 64, 0, MAP_UNKNOWN},
    [F_PRINT] = {"print", 1, 3, 0, MAP_UNKNOWN},
    [F_CLEAR] = {"clear", 1, 1, 0, MAP_UNKNOWN},
    [F_ZERO] = {"zero", 1, 1, 0, MAP_UNKNOWN},
    [F_DELETE] = {"delete", 1, 2, 0, MAP_UNKNOWN},
    [F_TIME] = {"time", 0, 1, 0, MAP_UNKNOWN},
    [F_EXIT] = {"exit", 0, 0, 0, MAP_UNKNOWN},
    [F_JOIN] = {"join", 1, 2, NEEDS_MACHINE, MAP_UNKNOWN},
    [F_STR] = {"str", 1, 2, NEEDS_MACHINE, MAP_UNKNOWN},
    [F_BUF] = {"buf", 1, 2, NEEDS_MACHINE, MAP_UNKNOWN},
    [F_KSYM] = {"ksym", 1, 1, NEEDS_MACHINE, MAP_UNKNOWN},
    [F_USYM] = {"usym", 1, 1, NEEDS_MACHINE | NEEDS_PROCESS, MAP_UNKNOWN},
    [F_KADDR] = {"kaddr", 1, 1, NEEDS_MACHINE, MAP_UNKNOWN},
    [F_UADDR] = {"uaddr", 1, 1, NEEDS_MACHINE | NEEDS_PROCESS, MAP_UNKNOWN},
    [F_NTOP] = {"ntop", 1, 2, NEEDS_MACHINE, MAP_UNKNOWN},
    [F_STRFTIME] = {"strftime", 2, 2, 0, MAP_UNKNOWN},
    [F_REG] = {"reg", 1, 1, NEEDS_MACHINE, MAP_UNKNOWN},
    [F_KSTACK] = {"kstack", 0, 2, NEEDS_MACHINE, MAP_UNKNOWN},
    [F_USTACK] = {"ustack", 0, 2, NEEDS_MACHINE | NEEDS_PROCESS, MAP_UNKNOWN},
    [F_STRNCMP] = {"strncmp", 3, 3, 0, MAP_UNKNOWN},
    [F_KPTR] = {"kptr", 1, 1, 0, MAP_UNKNOWN},
    [F_UPTR] = {"uptr", 1, 1, 0, MAP_UNKNOWN},
    [F_BSWAP] = {"bswap", 1, 1, 0, MAP_UNKNOWN},
    [F_MACADDR] = {"macaddr", 1, 1, NEEDS_MACHINE, MAP_UNKNOWN},
    [F_AT] = {"at", 2, 2, 0, MAP_UNKNOWN},
    [F_EMIT] = {"emit", 1, 32, 0, MAP_UNKNOWN},
    [F_HAS_KEY] = {"has_key", 2, 2, 0, MAP_UNKNOWN},
    [F_LEN] = {"len", 1, 1, 0, MAP_UNKNOWN},
    [F_STRCONTAINS] = {"strcontains", 2, 2, 0, MAP_UNKNOWN},
    [F_PERCPU_KADDR] = {"percpu_kaddr", 1, 2, NEEDS_MACHINE, MAP_UNKNOWN},
    [F_COUNT] = {"count", 0, 0, 0, MAP_COUNT},
    [F_SUM] = {"sum", 1, 1, 0, MAP_SUM},
    [F_MIN] = {"min", 1, 1, 0, MAP_MIN},
    [F_MAX] = {"max", 1, 1, 0, MAP_MAX},
    [F_AVG] = {"avg", 1, 1, 0, MAP_AVG},
    [F_STATS] = {"stats", 1, 1, 0, MAP_STATS},
    [F_HIST] = {"hist", 1, 1, 0, MAP_HIST},
    [F_LHIST] = {"lhist", 4, 4, 0, MAP_LHIST},
};

const struct ask_function_row *ask_function(int id)
{
    return id >= 0 && id < F_FUNCTIONS ? &functions[id] : NULL;
}

int ask_function_find(const char *name)
{
    for (int i = 0; i < F_FUNCTIONS; i++)
        if (!strcmp(functions[i].name, name))
            return i;
    return -1;
}

/* ---------------------------------------------------------------- refused */

static const char outside[] = "it acts on the system that is traced, and a recorded boot does not change";
static const char files[] = "a program does not read or write files of this host";
static const char unknown_to_guest[] =
    "it is kept by the tracer's own system, which a recorded boot does not have";
static const char later[] = "it is not implemented";

static const struct {
    const char *name, *why;
} refused[] = {
    {"system", outside},
    {"signal", outside},
    {"override", outside},
    {"cat", files},
    {"skboutput", files},
    {"cgroupid", unknown_to_guest},
    {"cgroup_path", unknown_to_guest},
    {"cgroup", unknown_to_guest},
    {"cpid", unknown_to_guest},
    {"rand", "a random number is another one each time"},
    {"numaid", later},
    {"username", unknown_to_guest},
    {"path", later},
    {"unwatch", later},
    {"pton", later},
    {"strerror", later},
    {"jiffies", "write *kaddr(\"jiffies_64\")"},
    {"ctx", later},
    {"strstr", later},
    {"strcap", later},
    {"memcmp", later},
    {"tseries", later},
    {"errorf", later},
    {"warnf", later},
    {"assert", later},
    {"typeof", later},
    {"ncpus", later},
    {"usermode", later},
    {"socket_cookie", later},
    {"if", "it is a statement: a value is written CONDITION ? A : B"},
    {"for", "it is a statement of a body"},
    {"while", "it is a statement of a body"},
    {"unroll", "it is a statement of a body"},
    {"fn", "functions of one's own are not implemented"},
    {"macro", "macros of bpftrace are not implemented: use #define"},
    {"import", files},
    {"config", "settings in a program are not implemented"},
    {"let", "it is a statement of a body, for $locals"},
};

const char *ask_refused(const char *name)
{
    for (size_t i = 0; i < ROWS(refused); i++)
        if (!strcmp(refused[i].name, name))
            return refused[i].why;
    return NULL;
}

/* ---------------------------------------------------------------- constants of headers */

/* Linux, include/linux/sched.h, include/linux/socket.h, include/uapi/linux/{in.h,ptrace.h}, include/linux/blk_types.h: what is defined by
 * #define there, and so is in no type information. */
static const struct {
    const char *name;
    int64_t value;
} constants[] = {
    {"TASK_RUNNING", 0},
    {"TASK_INTERRUPTIBLE", 1},
    {"TASK_UNINTERRUPTIBLE", 2},
    {"__TASK_STOPPED", 4},
    {"__TASK_TRACED", 8},
    {"EXIT_DEAD", 16},
    {"EXIT_ZOMBIE", 32},
    {"PF_KTHREAD", 0x200000},
    {"AF_UNIX", 1},
    {"AF_INET", 2},
    {"AF_INET6", 10},
    {"NULL", 0},
    {"true", 1},
    {"false", 0},
};

bool ask_header_constant(const char *name, int64_t *value)
{
    for (size_t i = 0; i < ROWS(constants); i++)
        if (!strcmp(constants[i].name, name)) {
            *value = constants[i].value;
            return true;
        }
    return false;
}
