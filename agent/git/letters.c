#include "git/letters.h"

Guest__V1__Change git_change_of(char letter)
{
    switch (letter) {
    case 'A':
        return GUEST__V1__CHANGE__CHANGE_ADDED;
    case 'M':
        return GUEST__V1__CHANGE__CHANGE_MODIFIED;
    case 'D':
        return GUEST__V1__CHANGE__CHANGE_DELETED;
    case 'R':
        return GUEST__V1__CHANGE__CHANGE_RENAMED;
    case 'C':
        return GUEST__V1__CHANGE__CHANGE_COPIED;
    case 'T':
        return GUEST__V1__CHANGE__CHANGE_TYPE;
    case 'U':
        return GUEST__V1__CHANGE__CHANGE_UNMERGED;
    default:
        return GUEST__V1__CHANGE__CHANGE_UNSPECIFIED;
    }
}
