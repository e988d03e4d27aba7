/* hostile.h - what a guest may put into names and texts so that a terminal, a shell, a browser or a parser does what it wants. */
static const char *const hostile[] = {
    "\x1b[31mred", "\x1b]0;title\a", "\x1b[6n", "\x1b[5n", "\x1b[c", "\x1b[2J\x1b[H", "\x1b]52;c;aWQ=\a", "\x1bP$q\"p\x1b\\", "\x1b" "c", "\x1b[?1049h",
    "\x9b" "31m", "\xc2\x9b" "31m", "\xc2\x90q\xc2\x9c", "a\bb", "bell\a", "a\rFAKE", "a\nFAKE: 1", "a\r\nFAKE", "a\tb", "\v\f",
    "\x7f", "\xe2\x80\xae" "exe.txt", "\xe2\x80\xaa\xe2\x80\xab\xe2\x80\xac\xe2\x80\xad", "\xe2\x81\xa6\xe2\x81\xa7\xe2\x81\xa8\xe2\x81\xa9", "\xe2\x80\x8e\xe2\x80\x8f", "\xd8\x9c",
    "\xe2\x80\xa8line", "\xe2\x80\xa9para", "\xff\xfe", "cut\xc3", "\xc0\x9b[31m", "\xed\xa0\x80", "\xf4\x90\x80\x80", "<script>a()</script>",
    "\"><img src=x onerror=a()>", "</pre></title><a href=x>", "]]><b>", "--><!--", "'; id; '", "$(id)`id`",
    "\\x1b[31m", "\\\\x1b", "\",\"x\":\"", "%s%n%p", "=cmd|'/C calc'!A0", "a,b\";c",
};
enum { HOSTILE = sizeof hostile / sizeof hostile[0] };
