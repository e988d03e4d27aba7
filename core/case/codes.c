/* codes.c - the verdicts that there are. See verdict.h. */
#include <string.h>

#include "core/case/verdict.h"

const char *why_answer_word(enum why_answer a)
{
    static const char *const words[] = {"wrong", "nothing", "unknown"};
    return words[a];
}

static const struct {
    const char *name;
    enum why_answer answer;
    const char *meaning;
} codes[] = {
#define CODE(ID, name, answer, meaning) {name, WHY_##answer, meaning},
#include "core/case/codes.def"
#undef CODE
};

const char *why_code_name(enum why_code code)
{
    return codes[code].name;
}

enum why_answer why_code_answer(enum why_code code)
{
    return codes[code].answer;
}

const char *why_code_meaning(enum why_code code)
{
    return codes[code].meaning;
}

bool why_code_find(const char *name, enum why_code *code)
{
    for (unsigned i = 0; i < WHY_CODES; i++)
        if (!strcmp(codes[i].name, name)) {
            *code = i;
            return true;
        }
    return false;
}
