/* term.c - a canvas on a terminal (ncurses, panels), and its keys. The only file that uses ncurses. See
 * term.h. */
#define NCURSES_WIDECHAR 1
/* Our headers come first, because ncurses' term.h has macros like `lines`. */
#include "tui/term.h"
#include "base/real_time.h"
#include "tui/pictures.h"
#include "tui/tui.h"

#include <errno.h>
#include <locale.h>
#include <langinfo.h>
#include <ncurses.h>
#include <panel.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <term.h>
#include <unistd.h>
#include <xxhash.h>

enum { ESCAPE_MS = 25, AHEAD = 64, FIRST_PROGRESS_MS = 35, PROGRESS_MS = 60, SUSPEND_KEY = 26 };
#define TWICE_SECONDS 0.4

struct terminal_state {
    const struct term_client *c;
    SCREEN *screen;
    WINDOW *main, *bar;
    PANEL *main_panel, *bar_panel;
    int colours; /* 256, 16, 8 or 0 */
    int signals; /* a signalfd */
    /* The signals that stay blocked in wait_for(): SIGWINCH does not. It is blocked everywhere else, or one that came between
     * read_key() and the wait would be noticed only at the next key. */
    sigset_t waiting;
    bool over; /* hung up, or told to end */
    bool resized;
    bool anew;          /* all is drawn again */
    double progress_at; /* when it was last shown */
    struct {
        int key[AHEAD];
        unsigned at, n;
    } ahead; /* typed before the progress of a long operation was shown; handled when it is over */
    struct {
        int x, y;
        double at;
    } click;
    enum picture_mode pictures;
    struct canvas_picture picture; /* the one that is shown; without pixels … */
    uint64_t pixels;               /* … but their hash */
};

/* ---------------------------------------------------------------- painting */

/* Maps one of the 256 colours to the nearest of a terminal's 8 or 16. */
static int fewer(int colour, int colours)
{
    uint32_t rgb = colour_rgb(colour);
    unsigned r = rgb >> 16 & 255, g = rgb >> 8 & 255, b = rgb & 255, most = r > g ? r : g;
    most = b > most ? b : most;
    if (most < 60)
        return 0;
    int c = (r > most / 2 ? 1 : 0) | (g > most / 2 ? 2 : 0) | (b > most / 2 ? 4 : 0);
    return colours >= 16 && most > 200 ? c + 8 : c;
}

struct paint {
    int ink, paper;
    attr_t attributes;
};

static attr_t attributes_of(unsigned look)
{
    return (look & LOOK_BOLD ? A_BOLD : 0) | (look & LOOK_REVERSE ? A_REVERSE : 0) |
           (look & LOOK_UNDERLINE ? A_UNDERLINE : 0) | (look & LOOK_DIM ? A_DIM : 0);
}

static int bright_as_bold(int colour, const struct terminal_state *t, attr_t *attributes)
{
    if (colour < 8 || t->colours >= 16)
        return colour;
    *attributes |= A_BOLD;
    return colour - 8;
}

static struct paint paint_of(const struct terminal_state *t, const struct cell *c)
{
    const struct face *l = &t->c->looks->of[c->style];
    const struct face *row = &t->c->looks->of[c->flags & CELL_SELECTED ? STYLE_SELECTED : STYLE_MARKED];
    bool in_row = c->flags & (CELL_SELECTED | CELL_MARKED);
    struct paint p = {-1, -1, 0};
    if (!t->colours) {
        p.attributes = attributes_of(l->mono ^ (in_row ? row->mono : 0));
        return p;
    }
    p.attributes = attributes_of(l->attributes);
    if (c->flags & CELL_COLOURED) {
        p.ink = colour_nearest(c->ink);
        p.paper = colour_nearest(c->paper);
        if (t->colours < 256) {
            p.ink = bright_as_bold(fewer(p.ink, 16), t, &p.attributes);
            p.paper = fewer(p.paper, 8);
        }
        return p;
    }
    bool many = t->colours >= 256;
    p.ink = many ? l->ink : l->ink16;
    p.paper = many ? l->paper : l->paper16;
    if (in_row && p.paper < 0) {
        p.paper = many ? row->paper : row->paper16;
        if (!many && row->ink16 >= 0)
            p.ink = row->ink16;
    }
    p.ink = bright_as_bold(p.ink, t, &p.attributes);
    if (p.paper >= 8 && t->colours < 16)
        p.paper -= 8;
    return p;
}

static void put_cell(const struct terminal_state *t, WINDOW *w, int y, int x, const struct cell *c)
{
    struct paint p = paint_of(t, c);
    wchar_t text[2] = {(wchar_t)(*t->c->ascii ? (uint32_t)ascii_like(c->character) : c->character), 0};
    int pair = t->colours ? alloc_pair(p.ink, p.paper) : 0;
    cchar_t cc;
    if (pair < 0)
        pair = 0;
    setcchar(&cc, text, p.attributes, 0, &pair);
    mvwadd_wch(w, y, x, &cc);
}

static void paint_rows(const struct terminal_state *t, WINDOW *w, int from, int n)
{
    const struct canvas *c = t->c->canvas;
    for (int y = 0; y < n; y++)
        for (int x = 0; x < c->w; x++)
            put_cell(t, w, y, x, &c->cell[(size_t)(from + y) * (size_t)c->w + (size_t)x]);
}

/* ---------------------------------------------------------------- pictures that the terminal draws */

static void put_bytes(const char *bytes, size_t n)
{
    for (ssize_t done; n; n -= (size_t)done, bytes += done)
        if ((done = write(STDOUT_FILENO, bytes, n)) <= 0) {
            if (done < 0 && errno != EINTR)
                return;
            done = 0;
        }
}

/* Text over a picture hides it: there is then none to be drawn. */
static struct canvas_picture wanted_picture(const struct canvas *c)
{
    const struct canvas_picture none = {0}, *p = &c->picture;
    for (int y = p->y; y < p->y + p->h; y++)
        for (int x = p->x; x < p->x + p->w; x++)
            if (y >= c->h || x >= c->w || c->cell[y * c->w + x].character != ' ')
                return none;
    return *p;
}

static bool same_place(const struct canvas_picture *a, const struct canvas_picture *b)
{
    return a->x == b->x && a->y == b->y && a->w == b->w && a->h == b->h;
}

/* A picture that goes or moves leaves pixels behind, so that everything is drawn anew. True if it is. */
static bool remove_picture(struct terminal_state *t, const struct canvas_picture *next)
{
    static const char kitty[] = "\033_Ga=d\033\\";
    if (!t->picture.w || same_place(&t->picture, next))
        return false;
    if (t->pictures == PICTURE_KITTY)
        put_bytes(kitty, sizeof kitty - 1);
    t->picture = (struct canvas_picture){0};
    return true;
}

static void put_picture(struct terminal_state *t, const struct canvas_picture *p, bool anew)
{
    struct winsize size = {0};
    char to[40];
    size_t n;
    const uint64_t hash = p->w ? XXH3_64bits(p->rgb, (size_t)p->width * p->height * 3) : 0;
    if (!p->w || (!anew && t->picture.w && hash == t->pixels))
        return;
    ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    char *bytes = picture_encode(p, t->pictures, size.ws_col ? size.ws_xpixel / size.ws_col : 0,
                                 size.ws_row ? size.ws_ypixel / size.ws_row : 0, &n);
    /* The cursor is saved and restored, since ncurses knows where it was. */
    snprintf(to, sizeof to, "\0337\033[%d;%dH%s", p->y + 1, p->x + 1,
             t->pictures == PICTURE_KITTY ? "\033_Ga=d\033\\" : "");
    put_bytes(to, strlen(to));
    put_bytes(bytes, n);
    put_bytes("\0338", 2);
    free(bytes);
    t->picture = *p;
    t->picture.rgb = NULL;
    t->pixels = hash;
}

static void show(struct terminal_state *t)
{
    bool anew = t->c->draw(t->c->ctx);
    const struct canvas_picture picture = wanted_picture(t->c->canvas);
    anew |= remove_picture(t, &picture) || t->anew;
    t->anew = false;
    if (anew)
        clearok(curscr, TRUE);
    paint_rows(t, t->main, 0, t->c->canvas->h);
    hide_panel(t->bar_panel);
    update_panels();
    doupdate();
    put_picture(t, &picture, anew);
}

static void show_progress(struct terminal_state *t)
{
    t->c->progress(t->c->ctx);
    paint_rows(t, t->bar, t->c->canvas->h - 1, 1);
    show_panel(t->bar_panel);
    top_panel(t->bar_panel);
    update_panels();
    doupdate();
}

/* Puts the progress bar on the last line of the terminal, at its present size. */
static void place_bar(struct terminal_state *t)
{
    int h, w;
    getmaxyx(stdscr, h, w);
    wresize(t->bar, 1, w);
    replace_panel(t->bar_panel, t->bar);
    move_panel(t->bar_panel, h - 1, 0);
    werase(t->bar);
}

static void resize(struct terminal_state *t)
{
    int h, w;
    t->resized = false;
    getmaxyx(stdscr, h, w);
    wresize(t->main, h, w);
    replace_panel(t->main_panel, t->main);
    place_bar(t);
    t->c->resize(t->c->ctx, w, h);
    t->anew = true;
}

/* ---------------------------------------------------------------- keys */

static const struct {
    int theirs, ours;
} special[] = {
    {KEY_UP, TK_UP},         {KEY_DOWN, TK_DOWN},       {KEY_LEFT, TK_LEFT},
    {KEY_RIGHT, TK_RIGHT},   {KEY_HOME, TK_HOME},       {KEY_END, TK_END},
    {KEY_PPAGE, TK_PAGE_UP}, {KEY_NPAGE, TK_PAGE_DOWN}, {KEY_BACKSPACE, TK_BACKSPACE},
    {KEY_IC, TK_INSERT},     {KEY_DC, TK_DELETE},       {KEY_BTAB, TK_BACKTAB},
    {KEY_ENTER, TK_ENTER},   {KEY_RESIZE, TK_RESIZE},   {KEY_MOUSE, TK_MOUSE},
};

/* With Alt, xterm and similar terminals send special sequences, which most terminfo entries lack. */
static const struct {
    const char *sequence;
    int key;
} with_alt[] = {
    {"\033[1;3D", TK_LEFT}, {"\033[1;3C", TK_RIGHT}, {"\033[1;3A", TK_UP}, {"\033[1;3B", TK_DOWN}};
enum { WITH_ALT = sizeof with_alt / sizeof with_alt[0], FIRST_ALT = 0x4000 };

static void define_alt_keys(void)
{
    for (int i = 0; i < WITH_ALT; i++)
        define_key(with_alt[i].sequence, FIRST_ALT + i);
}

/* Reads a key without waiting. TK_NONE if there is none. */
static int read_key(struct terminal_state *t)
{
    wint_t c;
    int rc = wget_wch(t->main, &c);
    if (rc == ERR)
        return TK_NONE;
    if (rc == KEY_CODE_YES) {
        for (size_t i = 0; i < sizeof special / sizeof special[0]; i++)
            if (special[i].theirs == (int)c)
                return special[i].ours;
        if (c >= FIRST_ALT && c < FIRST_ALT + WITH_ALT)
            return with_alt[c - FIRST_ALT].key | KEY_ALT;
        return c >= KEY_F(1) && c <= KEY_F(12) ? TK_F1 + (int)c - KEY_F(1) : TK_NONE;
    }
    if (c == '\n')
        return TK_ENTER;
    if (c == 127 || c == 8)
        return TK_BACKSPACE;
    if (c != TK_ESCAPE)
        return (int)c;
    int next = read_key(t); /* Alt */
    return next == TK_NONE ? TK_ESCAPE : next == TK_RESIZE || next == TK_MOUSE ? next : next | KEY_ALT;
}

static void mouse(struct terminal_state *t)
{
    MEVENT m;
    if (getmouse(&m) != OK || !t->c->mouse)
        return;
    if (m.bstate & BUTTON4_PRESSED) {
        t->c->mouse(t->c->ctx, m.x, m.y, MOUSE_WHEEL_UP, false);
    } else if (m.bstate & BUTTON5_PRESSED) {
        t->c->mouse(t->c->ctx, m.x, m.y, MOUSE_WHEEL_DOWN, false);
    } else if (m.bstate & (BUTTON1_PRESSED | BUTTON1_CLICKED | BUTTON1_DOUBLE_CLICKED)) {
        double now = real_seconds();
        bool twice = m.bstate & BUTTON1_DOUBLE_CLICKED;
        twice = twice || (m.x == t->click.x && m.y == t->click.y && now - t->click.at < TWICE_SECONDS);
        t->click.x = m.x;
        t->click.y = m.y;
        t->click.at = twice ? 0 : now;
        t->c->mouse(t->c->ctx, m.x, m.y, MOUSE_LEFT, twice);
    }
}

static void suspend(struct terminal_state *t)
{
    def_prog_mode();
    endwin();
    raise(SIGSTOP);
    reset_prog_mode();
    t->resized = true;
    wrefresh(curscr);
}

static void take_key(struct terminal_state *t, int key)
{
    if (key == TK_RESIZE)
        t->resized = true;
    else if (key == TK_MOUSE)
        mouse(t);
    else if (key == SUSPEND_KEY && !(t->c->all_keys && t->c->all_keys(t->c->ctx)))
        suspend(t);
    else
        t->c->key(t->c->ctx, key);
}

/* ---------------------------------------------------------------- waiting */

/* Waits for a key or a signal; ms < 0 means forever. */
static void wait_for(struct terminal_state *t, int ms)
{
    struct pollfd fd[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = t->signals, .events = POLLIN}};
    struct timespec limit = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    if (ppoll(fd, 2, ms < 0 ? NULL : &limit, &t->waiting) < 0) {
        t->over = t->over || errno != EINTR;
        return; /* revents are not set */
    }
    if (fd[1].revents & POLLIN ||
        (fd[0].revents & (POLLHUP | POLLERR | POLLNVAL) && !(fd[0].revents & POLLIN)))
        t->over = true;
}

/* The next key that is to be handled. */
static int next_key(struct terminal_state *t)
{
    if (t->ahead.at < t->ahead.n)
        return t->ahead.key[t->ahead.at++];
    t->ahead.at = t->ahead.n = 0;
    return read_key(t);
}

/* Only who sees the progress means to cancel: what was typed before is typed ahead. False: cancelled. */
static bool take_while_busy(struct terminal_state *t, bool seen)
{
    int key;
    while (t->ahead.n < AHEAD && (key = read_key(t)) != TK_NONE) {
        if (key == TK_RESIZE) { /* the rest is redrawn when the move is over */
            t->resized = true;
            place_bar(t);
        } else if (key != TK_MOUSE && seen) {
            t->ahead.at = t->ahead.n = 0;
            return false;
        } else if (key != TK_MOUSE) {
            t->ahead.key[t->ahead.n++] = key;
        }
    }
    return true;
}

bool term_poll(struct terminal_state *t, double began)
{
    double now = real_seconds();
    wait_for(t, 0);
    if (t->over)
        return false;
    if ((now - began) * 1000 < FIRST_PROGRESS_MS)
        return true;
    if (!take_while_busy(t, t->progress_at >= began))
        return false;
    if ((now - t->progress_at) * 1000 >= PROGRESS_MS) {
        t->progress_at = now;
        show_progress(t);
    }
    return true;
}

bool term_pending(struct terminal_state *t)
{
    struct pollfd fd[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = t->signals, .events = POLLIN}};
    int h, w;
    getmaxyx(stdscr, h, w);
    return t->ahead.at < t->ahead.n || poll(fd, 2, 0) != 0 || is_term_resized(h, w);
}

static void loop(struct terminal_state *t)
{
    const struct term_client *c = t->c;
    bool draw = true;
    while (!c->done(c->ctx) && !t->over) {
        if (t->resized) {
            resize(t);
            draw = true;
        }
        if (draw)
            show(t);
        draw = false;
        int key = next_key(t);
        if (key == TK_NONE) {
            wait_for(t, c->work(c->ctx, &draw));
            continue;
        }
        /* While keys are held down, the screen is not redrawn after each of them. */
        for (; key != TK_NONE && !c->done(c->ctx) && !t->resized; key = next_key(t))
            take_key(t, key);
        draw = true;
    }
}

/* ---------------------------------------------------------------- beginning and ending */

static int check_terminal(struct error *err)
{
    const char *name = getenv("TERM");
    int status;
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return error_set(
            err, "tui: standard input and output are not a terminal: use --script FILE and --dump FILE");
    if (!name || !*name || setupterm(name, STDOUT_FILENO, &status) != OK)
        return error_set(err, "tui: the terminal TERM=%.60s is not known: set TERM, or use --script",
                         name ? name : "");
    if (!tigetstr("cup") || tigetstr("cup") == (char *)-1)
        return error_set(
            err,
            "tui: the terminal TERM=%.60s cannot place its cursor: set TERM to its type, or use --script",
            name);
    return 0;
}

static void begin_colours(struct terminal_state *t)
{
    if (*t->c->mono || !has_colors() || getenv("NO_COLOR"))
        *t->c->mono = true;
    else {
        start_color();
        use_default_colors();
        t->colours = COLORS >= 256 ? 256 : COLORS >= 16 ? 16 : 8;
    }
}

static void take_signals(struct terminal_state *t, sigset_t *before)
{
    sigset_t set, resized;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGQUIT);
    sigprocmask(SIG_BLOCK, &set, before);
    sigprocmask(SIG_BLOCK, NULL, &t->waiting);
    sigdelset(&t->waiting, SIGWINCH);
    sigemptyset(&resized);
    sigaddset(&resized, SIGWINCH);
    sigprocmask(SIG_BLOCK, &resized, NULL);
    t->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int begin(struct terminal_state *t, struct error *err)
{
    t->screen = newterm(NULL, stdout, stdin);
    if (!t->screen)
        return error_set(err, "tui: the terminal cannot be used: set TERM to its type, or use --script");
    set_term(t->screen);
    set_escdelay(ESCAPE_MS);
    raw();
    noecho();
    nonl();
    curs_set(0);
    begin_colours(t);
    mousemask(BUTTON1_PRESSED | BUTTON1_CLICKED | BUTTON1_DOUBLE_CLICKED | BUTTON4_PRESSED | BUTTON5_PRESSED,
              NULL);
    mouseinterval(0);
    t->pictures = t->colours ? picture_mode_of(environ) : PICTURE_CHARACTERS;
    t->c->canvas->pictures = t->pictures != PICTURE_CHARACTERS;
    t->main = newwin(0, 0, 0, 0);
    t->bar = newwin(1, 0, 0, 0);
    t->main_panel = new_panel(t->main);
    t->bar_panel = new_panel(t->bar);
    hide_panel(t->bar_panel);
    keypad(t->main, TRUE);
    nodelay(t->main, TRUE);
    define_alt_keys();
    return 0;
}

static void end(struct terminal_state *t)
{
    remove_picture(t, &(struct canvas_picture){0});
    t->c->canvas->pictures = false;
    del_panel(t->bar_panel);
    del_panel(t->main_panel);
    delwin(t->bar);
    delwin(t->main);
    if (t->colours)
        reset_color_pairs();
    endwin();
    delscreen(t->screen);
}

int term_run(const struct term_client *c, void (*begun)(void *ctx, struct terminal_state *t),
             struct error *err)
{
    struct terminal_state t = {.c = c};
    sigset_t before;
    if (check_terminal(err))
        return -1;
    setlocale(LC_CTYPE, "");
    if (strcmp(nl_langinfo(CODESET), "UTF-8"))
        *c->ascii = true;
    take_signals(&t, &before);
    int rc = begin(&t, err);
    if (!rc) {
        begun(c->ctx, &t);
        resize(&t);
        loop(&t);
        end(&t);
    }
    close(t.signals);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return rc ? -1 : t.over;
}

const char *tui_library(void)
{
    return curses_version();
}
