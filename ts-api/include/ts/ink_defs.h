/* <tscore/ink_defs.h>, by its older name. */

#ifndef TS_INK_DEFS_H
#define TS_INK_DEFS_H

#include <tscore/ink_defs.h>

#endif
