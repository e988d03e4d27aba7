/* hpet_words.c - the HPET in words. Source: IA-PC HPET specification 1.0a, 2.3. */
#include "hv/board/timers/hpet.h"
#include "hv/board/words/words.h"

static const char manual[] = "IA-PC HPET specification 1.0a";
enum {
    TIMER0 = 0x100,
    TIMER_BLOCK = 0x20,
    CONFIG = 0x100,
    CONFIG_HIGH = 0x104,
    COMPARATOR = 0x108,
    COMPARATOR_HIGH = 0x10c
};

static const struct word_bits general_bits[] = {{GENERAL_ENABLE, "ENABLE_CNF", "halted", NULL},
                                                {GENERAL_LEGACY, "LEG_RT_CNF", NULL, NULL},
                                                {0, NULL, NULL, NULL}};
static const struct word_bits status_bits[] = {{1, "timer 0", NULL, NULL},
                                               {2, "timer 1", NULL, NULL},
                                               {4, "timer 2", NULL, NULL},
                                               {0, NULL, NULL, NULL}};
static const struct word_bits timer_bits[] = {{TN_LEVEL, "level", "edge", NULL},
                                              {TN_ENABLE, "interrupt on", "interrupt off", NULL},
                                              {TN_PERIODIC, "periodic", NULL, NULL},
                                              {TN_SET_VALUE, "set value", NULL, NULL},
                                              {TN_32BIT, "32 bits", NULL, NULL},
                                              {31u << 9, "pin", NULL, NULL},
                                              {0, NULL, NULL, NULL}};
static const struct word_reg registers[] = {
    {0x00, WORD_BOTH, "capabilities", NULL, "2.3.4 General Capabilities and ID Register", SHOW_VALUE},
    {0x04, WORD_BOTH, "counter period", NULL, "2.3.4 General Capabilities and ID Register", SHOW_VALUE},
    {0x10, WORD_BOTH, "configuration", general_bits, "2.3.5 General Configuration Register", SHOW_VALUE},
    {0x20, WORD_BOTH, "interrupt status", status_bits, "2.3.6 General Interrupt Status Register", SHOW_VALUE},
    {0xf0, WORD_BOTH, "main counter", NULL, "2.3.7 Main Counter Register", SHOW_DECIMAL},
    {0xf4, WORD_BOTH, "main counter, high half", NULL, "2.3.7 Main Counter Register", SHOW_DECIMAL},
    {CONFIG, WORD_BOTH, "configuration", timer_bits, "2.3.8 Timer N Configuration and Capabilities Register",
     SHOW_VALUE},
    {CONFIG_HIGH, WORD_BOTH, "possible pins", NULL, "2.3.8 Timer N Configuration and Capabilities Register",
     SHOW_VALUE},
    {COMPARATOR, WORD_BOTH, "comparator", NULL, "2.3.9 Timer N Comparator Register", SHOW_DECIMAL},
    {COMPARATOR_HIGH, WORD_BOTH, "comparator, high half", NULL, "2.3.9 Timer N Comparator Register",
     SHOW_DECIMAL},
};

bool hpet_words(struct board_seen *s, const struct access *a, struct words *w)
{
    static const char *const timers[] = {"HPET timer 0", "HPET timer 1", "HPET timer 2"};
    unsigned timer = a->at >= TIMER0 ? (unsigned)(a->at - TIMER0) / TIMER_BLOCK : 0;
    const char *name = "HPET";
    uint64_t at = a->at;
    if (at >= TIMER0) {
        if (timer >= sizeof timers / sizeof timers[0])
            return false;
        name = timers[timer];
        at = TIMER0 + (at - TIMER0) % TIMER_BLOCK;
    }
    return words_register(w, name, manual, WORD_ROWS(registers), at, a);
}
