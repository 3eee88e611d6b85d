/* Assertions of sources that are as old as the host. What they are about is always evaluated, as with those of <ts/ts.h>. */

#ifndef TSCORE_INK_ASSERT_H
#define TSCORE_INK_ASSERT_H

#include <ts/parts/log.h>

/** TSReleaseAssert(). */
#ifndef ink_release_assert
#define ink_release_assert(holds) TSReleaseAssert(holds)
#endif

/** TSAssert(). */
#ifndef ink_assert
#define ink_assert(holds) TSAssert(holds)
#endif

#endif
