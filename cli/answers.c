/* answers.c - see answers.h. */
#include "cli/answers.h"
#include "base/out.h"

int take_answers(const struct option_row *row, const char *value, bool file, struct answers **answers,
                 struct error *err)
{
    struct error why;
    if (!*answers)
        *answers = answers_new();
    const int rc = file ? answers_add_file(*answers, value, &why) : answers_add(*answers, value, &why);
    return rc ? error_set(err, "--%s: %.500s", row->name, why.text) : 0;
}

bool answers_say_lacking(const struct answers *a)
{
    bool any = false;
    for (size_t i = 0; a && i < answers_count(a); i++)
        if (answers_lack(a, i)) {
            out_print(stderr, "bootreel: --type \"%s\": %s\n", answers_word(a, i), answers_lack(a, i));
            any = true;
        }
    return any;
}
