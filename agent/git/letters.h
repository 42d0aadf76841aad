/* Letters by which git says what happened to a file. Source: git-diff(1), "RAW OUTPUT FORMAT". */
#ifndef GIT_LETTERS_H
#define GIT_LETTERS_H

#include "guest/v1/git.pb-c.h"

/* The change that the letter means; CHANGE_UNSPECIFIED: none. */
Guest__V1__Change git_change_of(char letter);

#endif
