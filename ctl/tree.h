/* A directory with all that is in it, in one call: cp -r's two directions. Both ends read and write trees alike; nothing that the
 * guest says of names and links leads out of where the copy goes. */
#ifndef CTL_TREE_H
#define CTL_TREE_H

#include "ctl/copy.h"

/* Copies the directory `source`, so that it becomes `name`; both as copy_up and copy_down have them. What goes wrong is told. Return 0,
 * or -1: it is no use to go on. */
int tree_up(struct copy *c, const char *source, const char *name);
int tree_down(struct copy *c, const char *source, const char *name);

#endif
