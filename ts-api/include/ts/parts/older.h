/* What older sources say, in today's words. Part of <ts/ts.h>. */

#ifndef TS_PARTS_OLDER_H
#define TS_PARTS_OLDER_H

#include <ts/parts/conts.h>
#include <ts/parts/http.h>
#include <ts/parts/process.h>
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

/* ---- TSContSchedule() and TSContScheduleEvery() with a pool: as TSContScheduleOnPool() and TSContScheduleEveryOnPool() ---- */

static inline TSAction
ts_detail_schedule(TSCont contp, TSHRTime timeout, TSThreadPool tp)
{
  return tp == TS_THREAD_POOL_DEFAULT ? TSContSchedule(contp, timeout) : TSContScheduleOnPool(contp, timeout, tp);
}

static inline TSAction
ts_detail_schedule_every(TSCont contp, TSHRTime every, TSThreadPool tp)
{
  return tp == TS_THREAD_POOL_DEFAULT ? TSContScheduleEvery(contp, every) : TSContScheduleEveryOnPool(contp, every, tp);
}

#ifdef __cplusplus
inline TSAction
TSContSchedule(TSCont contp, TSHRTime timeout, TSThreadPool tp)
{
  return ts_detail_schedule(contp, timeout, tp);
}

inline TSAction
TSContScheduleEvery(TSCont contp, TSHRTime every, TSThreadPool tp)
{
  return ts_detail_schedule_every(contp, every, tp);
}
#else
/* Which of two functions, by how many arguments follow: the function itself is called with two. */
#define TS_DETAIL_OF_THREE(first, second, third, chosen, ...) chosen
#define TSContSchedule(...)      TS_DETAIL_OF_THREE(__VA_ARGS__, ts_detail_schedule, TSContSchedule, TSContSchedule, 0)(__VA_ARGS__)
#define TSContScheduleEvery(...) \
  TS_DETAIL_OF_THREE(__VA_ARGS__, ts_detail_schedule_every, TSContScheduleEvery, TSContScheduleEvery, 0)(__VA_ARGS__)
#endif

/* ---- Arguments of transactions and of sessions, each with calls of its own: as TSUserArgIndexReserve() and the like ---- */

static inline TSReturnCode
TSHttpTxnArgIndexReserve(const char *name, const char *description, int *arg_idx)
{
  return TSUserArgIndexReserve(TS_USER_ARGS_TXN, name, description, arg_idx);
}

static inline TSReturnCode
TSHttpTxnArgIndexNameLookup(const char *name, int *arg_idx, const char **description)
{
  return TSUserArgIndexNameLookup(TS_USER_ARGS_TXN, name, arg_idx, description);
}

static inline TSReturnCode
TSHttpTxnArgIndexLookup(int arg_idx, const char **name, const char **description)
{
  return TSUserArgIndexLookup(TS_USER_ARGS_TXN, arg_idx, name, description);
}

static inline void
TSHttpTxnArgSet(TSHttpTxn txnp, int arg_idx, void *arg)
{
  TSUserArgSet(TS_CAST(void *, txnp), arg_idx, arg);
}

static inline void *
TSHttpTxnArgGet(TSHttpTxn txnp, int arg_idx)
{
  return TSUserArgGet(TS_CAST(void *, txnp), arg_idx);
}

static inline TSReturnCode
TSHttpSsnArgIndexReserve(const char *name, const char *description, int *arg_idx)
{
  return TSUserArgIndexReserve(TS_USER_ARGS_SSN, name, description, arg_idx);
}

static inline TSReturnCode
TSHttpSsnArgIndexNameLookup(const char *name, int *arg_idx, const char **description)
{
  return TSUserArgIndexNameLookup(TS_USER_ARGS_SSN, name, arg_idx, description);
}

static inline TSReturnCode
TSHttpSsnArgIndexLookup(int arg_idx, const char **name, const char **description)
{
  return TSUserArgIndexLookup(TS_USER_ARGS_SSN, arg_idx, name, description);
}

static inline void
TSHttpSsnArgSet(TSHttpSsn ssnp, int arg_idx, void *arg)
{
  TSUserArgSet(TS_CAST(void *, ssnp), arg_idx, arg);
}

static inline void *
TSHttpSsnArgGet(TSHttpSsn ssnp, int arg_idx)
{
  return TSUserArgGet(TS_CAST(void *, ssnp), arg_idx);
}

/** TSHttpTxnCntlSet() with TS_HTTP_CNTL_SKIP_REMAPPING. */
static inline void
TSSkipRemappingSet(TSHttpTxn txnp, int flag)
{
  TSHttpTxnCntlSet(txnp, TS_HTTP_CNTL_SKIP_REMAPPING, flag != 0);
}

/* ---- Debug output by its tag ---- */

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
