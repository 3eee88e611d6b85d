/* The part of the interface that the tests of continuations, mutexes, actions, scheduling and threads use. */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
#include <vector>
extern "C" {
#endif

typedef struct tsapi_cont *TSCont;
typedef struct tsapi_mutex *TSMutex;
typedef struct tsapi_action *TSAction;
typedef struct tsapi_thread *TSThread;
typedef struct tsapi_event_thread *TSEventThread;
typedef int64_t TSHRTime;
typedef enum { TS_ERROR = -1, TS_SUCCESS = 0 } TSReturnCode;
typedef enum { TS_THREAD_POOL_NET, TS_THREAD_POOL_TASK, TS_THREAD_POOL_DNS, TS_THREAD_POOL_UDP } TSThreadPool;
typedef enum { TS_EVENT_NONE, TS_EVENT_IMMEDIATE, TS_EVENT_TIMEOUT, TS_EVENT_ERROR, TS_EVENT_CONTINUE,
               TS_EVENT_HTTP_TXN_CLOSE = 60012 } TSEvent;
typedef int (*TSEventFunc)(TSCont, TSEvent, void *);
typedef void *(*TSThreadFunc)(void *);

TSCont TSContCreate(TSEventFunc funcp, TSMutex mutexp);
void TSContDestroy(TSCont contp);
TSReturnCode TSContDataSet(TSCont contp, void *data);
void *TSContDataGet(TSCont contp);
int TSContCall(TSCont contp, TSEvent event, void *edata);
TSMutex TSContMutexGet(TSCont contp);

TSMutex TSMutexCreate(void);
void TSMutexDestroy(TSMutex mutexp);
void TSMutexLock(TSMutex mutexp);
TSReturnCode TSMutexLockTry(TSMutex mutexp);
void TSMutexUnlock(TSMutex mutexp);

void TSActionCancel(TSAction actionp);
int TSActionDone(TSAction actionp);

TSAction TSContSchedule(TSCont contp, TSHRTime timeout);
TSAction TSContScheduleEvery(TSCont contp, TSHRTime every);
TSAction TSContScheduleOnPool(TSCont contp, TSHRTime timeout, TSThreadPool tp);
TSAction TSContScheduleEveryOnPool(TSCont contp, TSHRTime every, TSThreadPool tp);
TSAction TSContScheduleOnThread(TSCont contp, TSHRTime timeout, TSEventThread ethread);
TSAction TSContScheduleEveryOnThread(TSCont contp, TSHRTime every, TSEventThread ethread);
int TSContScheduleOnEntirePoolInto(TSCont contp, TSHRTime timeout, TSThreadPool tp, TSAction *actions, int capacity);
int TSContScheduleEveryOnEntirePoolInto(TSCont contp, TSHRTime every, TSThreadPool tp, TSAction *actions, int capacity);
TSReturnCode TSContThreadAffinitySet(TSCont contp, TSEventThread ethread);
TSEventThread TSContThreadAffinityGet(TSCont contp);
void TSContThreadAffinityClear(TSCont contp);

TSThread TSThreadCreate(TSThreadFunc func, void *data);
void TSThreadWait(TSThread thread);
void TSThreadDestroy(TSThread thread);
TSThread TSThreadInit(void);
TSThread TSThreadSelf(void);
TSEventThread TSEventThreadSelf(void);

#ifdef __cplusplus
}
#endif
