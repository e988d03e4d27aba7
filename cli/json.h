/* json.h - JSON output of the commands. Private to cli/. */
#ifndef BOOTREEL_CLI_JSON_H
#define BOOTREEL_CLI_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <yajl/yajl_gen.h>

/* Add a member to the open object. */
void json_text(yajl_gen g, const char *key, const char *value); /* NULL: null */
void json_number(yajl_gen g, const char *key, uint64_t value);
void json_bool(yajl_gen g, const char *key, bool value);
/* Opens an array as a member of the open object; yajl_gen_array_close ends it. */
void json_array(yajl_gen g, const char *key);
/* Opens an object as a member of the open object; yajl_gen_map_close ends it. */
void json_object(yajl_gen g, const char *key);
/* A text as an element of the open array. */
void json_element(yajl_gen g, const char *value);
/* Prints what the generator has so far, and removes it; arrays and objects stay open. */
void json_print(yajl_gen g);

#endif
