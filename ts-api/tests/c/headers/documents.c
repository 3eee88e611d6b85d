/* As the pages on continuations and mutexes show plugins, in C: every result is looked at, those too that cannot be an error. */
#include <ts/ts.h>

#define LOG_ERROR(call) TSError("%s failed", call)

#define RETRY_MS 10
#define SITES    4

typedef struct {
  int state;
} Visit;

static TSMutex  sites_mutex;
static TSThread reader;
static int      sites[SITES];

static int
visit_handler(TSCont visit_contp, TSEvent event, void *edata)
{
  TSHttpTxn txnp  = (TSHttpTxn)edata;
  Visit    *visit = TSContDataGet(visit_contp);

  if (visit == TS_ERROR_PTR) {
    LOG_ERROR("TSContDataGet");
  }
  switch (event) {
  case TS_EVENT_HTTP_SEND_RESPONSE_HDR:
    visit->state = 1;
    break;
  case TS_EVENT_HTTP_TXN_CLOSE:
    TSfree(visit);
    TSContDestroy(visit_contp);
    break;
  default:
    TSAssert(!"Unexpected Event");
    break;
  }
  if (TSHttpTxnReenable(txnp, TS_EVENT_HTTP_CONTINUE) == TS_ERROR) {
    LOG_ERROR("TSHttpTxnReenable");
  }
  return 0;
}

static int
plugin_handler(TSCont contp, TSEvent event, void *edata)
{
  TSHttpTxn txnp = (TSHttpTxn)edata;
  TSCont    visit_contp;
  Visit    *visit;

  (void)contp;
  switch (event) {
  case TS_EVENT_HTTP_TXN_START:
    /* The transaction alone calls it: no mutex. */
    visit_contp  = TSContCreate(visit_handler, NULL);
    visit        = TSmalloc(sizeof(Visit));
    visit->state = 0;
    if (TSContDataSet(visit_contp, visit) == TS_ERROR) {
      LOG_ERROR("TSContDataSet");
    }
    if (TSHttpTxnHookAdd(txnp, TS_HTTP_SEND_RESPONSE_HDR_HOOK, visit_contp) == TS_ERROR ||
        TSHttpTxnHookAdd(txnp, TS_HTTP_TXN_CLOSE_HOOK, visit_contp) == TS_ERROR) {
      LOG_ERROR("TSHttpTxnHookAdd");
    }
    break;
  default:
    TSAssert(!"Unexpected Event");
    break;
  }
  if (TSHttpTxnReenable(txnp, TS_EVENT_HTTP_CONTINUE) == TS_ERROR) {
    LOG_ERROR("TSHttpTxnReenable");
  }
  return 0;
}

/* Shared data under a mutex of its own: tried, and tried again later. */
static int
sites_handler(TSCont contp, TSEvent event, void *edata)
{
  (void)edata;
  switch (event) {
  case TS_EVENT_IMMEDIATE:
  case TS_EVENT_TIMEOUT:
    if (TSMutexLockTry(sites_mutex) != TS_SUCCESS) {
      TSContScheduleOnPool(contp, RETRY_MS, TS_THREAD_POOL_NET);
      return 0;
    }
    sites[0]++;
    TSMutexUnlock(sites_mutex);
    /* From now on here. */
    if (TSContSetThreadAffinity(contp, TSEventThreadSelf()) == TS_ERROR) {
      LOG_ERROR("TSContSetThreadAffinity");
    }
    return 1;
  default:
    return 0;
  }
}

static void *
read_sites(void *data)
{
  (void)data;
  TSMutexLock(sites_mutex);
  for (int i = 0; i < SITES; i++) {
    sites[i] = i;
  }
  TSMutexUnlock(sites_mutex);
  return NULL;
}

void
TSPluginInit(int argc, const char *argv[])
{
  TSPluginRegistrationInfo info;
  TSCont                   contp, sitesp;
  TSAction                 action;

  (void)argc;
  (void)argv;
  info.plugin_name   = "documents";
  info.vendor_name   = "somebody";
  info.support_email = "somebody@example.com";
  if (TSPluginRegister(&info) != TS_SUCCESS) {
    LOG_ERROR("TSPluginRegister");
  }

  if ((contp = TSContCreate(plugin_handler, NULL)) == TS_ERROR_PTR) {
    LOG_ERROR("TSContCreate");
  } else {
    if (TSHttpHookAdd(TS_HTTP_TXN_START_HOOK, contp) == TS_ERROR) {
      LOG_ERROR("TSHttpHookAdd");
    }
  }

  sites_mutex = TSMutexCreate();
  sitesp      = TSContCreate(sites_handler, TSMutexCreate());
  reader      = TSContThreadCreate(read_sites, NULL);
  if ((action = TSContSchedule(sitesp, 0)) == TS_ERROR_PTR || TSActionDone(action)) {
    LOG_ERROR("TSContSchedule");
  }
  TSActionCancel(TSContScheduleEvery(sitesp, 100));
}
