/* What older sources say, in today's words. Part of <ts/ts.h>. */

#ifndef TS_PARTS_OLDER_H
#define TS_PARTS_OLDER_H

#include <ts/parts/conts.h>
#include <ts/parts/schedule.h>
#include <ts/parts/threads.h>
#include <tsutil/DbgCtl.h>

/** TSThreadCreate(). */
static inline TSThread
TSContThreadCreate(TSThreadFunc func, void *data)
{
  return TSThreadCreate(func, data);
}

/** TSContThreadAffinitySet(). */
static inline TSReturnCode
TSContSetThreadAffinity(TSCont contp, TSEventThread ethread)
{
  return TSContThreadAffinitySet(contp, ethread);
}

/** One if the output of a tag is on, otherwise zero. */
static inline int
TSIsDebugTagSet(const char *tag)
{
  return (TSDbgGlobalOn() & 1) != 0 && TSDbgTagGet(tag)->on != 0;
}

/** Writes if `holds`, and debug output is on at all, or if the output of the tag is on. */
#define TSDebugSpecific(holds, tag, ...)                                               \
  do {                                                                                 \
    const char *const ts_detail_text = (tag);                                          \
    if ((TSDbgGlobalOn() & 1) != 0 && ((holds) || TSIsDebugTagSet(ts_detail_text))) {  \
      ts_detail_debug(ts_detail_text, __FILE__, __func__, __LINE__, __VA_ARGS__);      \
    }                                                                                  \
  } while (0)

/** Writes if the output of the tag is on. A control, see <tsutil/DbgCtl.h>, costs less. */
#define TSDebug(tag, ...) TSDebugSpecific(0, tag, __VA_ARGS__)

#endif
