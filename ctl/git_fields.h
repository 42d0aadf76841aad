/* Fills a request's fields by their names, as options and operands give them: text, numbers, flags, words of an enum, lists. */
#ifndef CTL_GIT_FIELDS_H
#define CTL_GIT_FIELDS_H

#include "rpc/codec/codec.h"

/* A message with all fields empty, in the arena; NULL with *e. */
ProtobufCMessage *git_fields_new(struct arena *a, const ProtobufCMessageDescriptor *d, struct err *e);

/* Whether m has a field of that name and it is a list; '-' in a name stands for '_'. */
bool git_fields_is_list(const ProtobufCMessage *m, const char *name);

/* Sets the field, of m or of its `target`, to what the text says (NULL: a flag); of a list it is one more. The text must outlive m.
 * An enum's word is its name in lower case without what all have in common: "fast-forward-only". An identity is "NAME <EMAIL>".
 * Returns 0, or -1 with *e. */
MUST_CHECK int git_fields_set(struct arena *a, ProtobufCMessage *m, const char *name, const char *text,
                              struct err *e);

/* The string field of that name; NULL: there is none. */
char **git_fields_string(ProtobufCMessage *m, const char *name);

/* The place of the message field of that name, which is made when it is not there; NULL with *e. */
void *git_fields_message(struct arena *a, ProtobufCMessage *m, const char *name, struct err *e);

#endif
