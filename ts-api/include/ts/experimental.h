/* What older sources include besides <ts/ts.h>, where all of it is now. */

#ifndef TS_EXPERIMENTAL_H
#define TS_EXPERIMENTAL_H

#include <ts/ts.h>

#endif
