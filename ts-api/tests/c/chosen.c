/* Writes debug output at a hook, and has it wanted for transactions that ask for that. */
#include "bench.h"

static DbgCtl own = DBG_CTL("own");

static int
scheduled_handler(TSCont contp, TSEvent event UNUSED, void *edata)
{
  Dbg(own, "scheduled for %s", (const char *)TSContDataGet(contp));
  TSHttpTxnReenable((TSHttpTxn)edata, TS_EVENT_HTTP_CONTINUE);
  return 0;
}

static int
plain_handler(TSCont contp UNUSED, TSEvent event UNUSED, void *edata UNUSED)
{
  Dbg(own, "scheduled for nobody");
  return 0;
}

static int
handler(TSCont contp UNUSED, TSEvent event UNUSED, void *edata)
{
  TSHttpTxn txnp = (TSHttpTxn)edata;
  TSMBuffer bufp;
  TSMLoc    head;
  int       length;
  MUST(TSHttpTxnClientReqGet(txnp, &bufp, &head) == TS_SUCCESS);
  const char *host = TSHttpHdrHostGet(bufp, head, &length);
  Dbg(own, "before, %.*s", length, host);
  if (length == 6 && memcmp(host, "chosen", 6) == 0) {
    TSHttpTxnDebugSet(txnp, 1);
  }
  Dbg(own, "after, %.*s", length, host);
  TSCont later = TSContCreate(scheduled_handler, TSMutexCreate());
  TSContDataSet(later, (void *)"a transaction");
  TSContScheduleOnPool(TSContCreate(plain_handler, TSMutexCreate()), 0, TS_THREAD_POOL_NET);
  TSHttpSchedule(later, txnp, 1);
  return 0;
}

ENTRY(TSPluginInit)
{
  (void)argc, (void)argv;
  TSPluginRegistrationInfo info = {"chosen", "the tests", NULL};
  MUST(TSPluginRegister(&info) == TS_SUCCESS);
  TSHttpHookAdd(TS_HTTP_READ_REQUEST_HDR_HOOK, TSContCreate(handler, NULL));
}
