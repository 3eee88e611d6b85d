/* A few words that sources of plugins expect to find here. */

#ifndef TSCORE_INK_DEFS_H
#define TSCORE_INK_DEFS_H

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** What it is said of may go unused. */
#ifndef ATS_UNUSED
#define ATS_UNUSED __attribute__((unused))
#endif

/** The result must be looked at. */
#ifndef ATS_WARN_IF_UNUSED
#define ATS_WARN_IF_UNUSED __attribute__((warn_unused_result))
#endif

/** Looks at a result that does not matter. */
#ifndef ATS_UNUSED_RETURN
#define ATS_UNUSED_RETURN(value) \
  do {                           \
    if (value) {                 \
    }                            \
  } while (0)
#endif

/** What is usual, and what is not. */
#ifndef likely
#define likely(holds)   __builtin_expect(!!(holds), 1)
#define unlikely(holds) __builtin_expect(!!(holds), 0)
#endif

/** How many an array has. */
#ifdef __cplusplus
template <typename T, size_t Count>
constexpr size_t
countof(const T (&)[Count])
{
  return Count;
}
#else
#ifndef countof
#define countof(array) (sizeof(array) / sizeof((array)[0]))
#endif
#endif

#endif
