/* The keys of the configuration: what each takes, and where it goes. */
#ifndef INIT_CONFIG_KEYS_H
#define INIT_CONFIG_KEYS_H

#include "init/config.h"

#define CONFIG_WORDS_MAX 256 /* of a statement */

/* Takes a statement: its key, and its words without the key, which lie in the arena and may be changed. Returns 0, or -1 with *e
 * that names the key. */
int config_statement(struct config *c, const char *key, char **words, unsigned count, struct err *e);

/* A whole decimal number up to max. Returns 0, or -1 with *e. */
MUST_CHECK int config_number(const char *text, unsigned max, unsigned *out, struct err *e);

/* The arena is full. Returns -1. */
int config_full(struct err *e);

#endif
