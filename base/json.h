/* json.h - the one way to write JSON (RFC 8259): yajl's generator, whose output is made safe where it is printed. Bytes that are not UTF-8
 * become U+FFFD, and characters that text must not have (base/escape.h) are written as \uNNNN. So keys and values are given as they are.
 */
#ifndef BOOTREEL_BASE_JSON_H
#define BOOTREEL_BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <yajl/yajl_gen.h>

/* A generator; `pretty`: in lines, indented. yajl_gen_free frees it. */
yajl_gen json_new(bool pretty);
/* Prints what the generator has so far, and removes it; arrays and objects stay open. */
void json_write(yajl_gen g, FILE *out);
/* On standard output. */
void json_print(yajl_gen g);
/* The end of a document: prints it and a new line; the next begins. */
void json_end(yajl_gen g, FILE *out);

/* ---- a member of the open object ---- */
void json_text(yajl_gen g, const char *key, const char *value); /* NULL: null */
void json_number(yajl_gen g, const char *key, uint64_t value);
void json_bool(yajl_gen g, const char *key, bool value);
/* Opens an array; yajl_gen_array_close ends it. */
void json_array(yajl_gen g, const char *key);
/* Opens an object; yajl_gen_map_close ends it. */
void json_object(yajl_gen g, const char *key);

/* ---- an element of the open array ---- */
void json_element(yajl_gen g, const char *value);
void json_element_n(yajl_gen g, const char *value, size_t n);

#endif
