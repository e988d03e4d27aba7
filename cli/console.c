/* console.c - the guest's console on standard output. */
#include <string.h>

#include "base/out.h"
#include "cli/cli.h"

static const struct {
    const char *name;
    int device;
} devices[] = {{"serial0", 0},
               {"serial1", 1},
               {"serial2", 2},
               {"serial3", 3},
               {"screen", CONSOLE_SCREEN},
               {"debug", CONSOLE_DEBUG},
               {"xen", CONSOLE_XEN},
               {"virtio", CONSOLE_VIRTIO},
               {"auto", CONSOLE_AUTO},
               {"none", CONSOLE_NONE}};

enum { DEVICES = sizeof devices / sizeof devices[0] };

const char *console_name(size_t i)
{
    return i < DEVICES ? devices[i].name : NULL;
}

int take_console(const struct option_row *row, const char *value, int *device, struct error *err)
{
    for (size_t i = 0; i < DEVICES; i++)
        if (!strcmp(devices[i].name, value)) {
            *device = devices[i].device;
            return 0;
        }
    return error_set(
        err, "--%s: \"%.40s\" is not a console: serial0 … serial3, screen, debug, xen, virtio, auto or none",
        row->name, value);
}

struct console console_on(FILE *f, int device, bool raw)
{
    return (struct console){.device = device, .out = out_console_on(f, raw), .last = '\n'};
}

void console_print(struct console *c, const void *data, size_t n)
{
    out_console_add(&c->out, data, n);
    if (n)
        c->last = ((const char *)data)[n - 1];
}

void console_bytes(struct console *c, unsigned from, const void *data, size_t n)
{
    if ((int)from == c->device && c->device != CONSOLE_SCREEN)
        console_print(c, data, n);
}

void console_event(struct console *c, const struct event *ev)
{
    if (c->device != CONSOLE_SCREEN || ev->kind != EV_CONSOLE_LINE ||
        EVF(ev, CONSOLE_LINE, device) != CONSOLE_SCREEN)
        return;
    console_print(c, ev->data, ev->len);
    console_print(c, "\n", 1);
}

void console_end(struct console *c, bool line)
{
    out_console_end(&c->out);
    if (line && c->last != '\n')
        out_char(c->out.f, '\n');
    c->last = '\n';
}
