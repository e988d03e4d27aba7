/* shell.c - a small shell: its own commands, and the programs of the disk. */
#include "guests/demo/user/lib.h"

enum { LINE = 60 };

/* A line, echoed as it is typed. */
static void read_line(char *line)
{
    unsigned n = 0;
    for (;;) {
        int c = key(1000);
        if (c == '\n')
            break;
        if (c == '\b' && n) {
            n--;
            printf("\b \b");
        } else if (c >= ' ' && c < 127 && n < LINE - 1) {
            line[n++] = (char)c;
            printf("%c", c);
        }
    }
    line[n] = 0;
    printf("\n");
}

/* Cuts the line after its first word; the rest is the argument. */
static char *cut(char *line)
{
    while (*line && *line != ' ')
        line++;
    if (*line)
        *line++ = 0;
    return line;
}

static void processes(void)
{
    static const char *const states[] = {"free", "ready", "sleeps", "waits", "waits for a key", "has ended"};
    struct process_info p;
    printf("  pid parent    ms  name     state\n");
    for (u32 i = 0; i < 16; i++)
        if (process(i, &p) >= 0)
            printf("%5d %6d %5u  %-8s %s\n", p.pid, p.parent, p.ticks, p.name, states[p.state]);
}

static void start(const char *name, const char *argument)
{
    int code, pid = spawn(name, argument);
    if (pid < 0)
        printf("no command or program %s: try help\n", name);
    else if (wait(&code) >= 0 && code)
        printf("%s: code %d\n", name, code);
}

/* False: the shell ends. */
static bool command(char *line)
{
    char *argument = cut(line);
    if (!*line)
        return true;
    if (same_text(line, "exit"))
        return false;
    if (same_text(line, "help"))
        printf("commands: help ps memory uptime reset off exit\nprograms: hello NAME, primes N, family, "
               "fault, shell\n");
    else if (same_text(line, "ps"))
        processes();
    else if (same_text(line, "memory"))
        printf("%u KiB free\n", memory_free());
    else if (same_text(line, "uptime"))
        printf("%u ms\n", uptime());
    else if (same_text(line, "reset"))
        reset();
    else if (same_text(line, "off"))
        power_off();
    else
        start(line, argument);
    return true;
}

int main(const char *argument)
{
    char line[LINE];
    printf("A small shell. Try help.\n");
    do {
        printf("> ");
        read_line(line);
    } while (command(line));
    return 0;
}
