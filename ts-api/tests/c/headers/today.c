/* As plugins are written today, in C. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <tscore/ink_defs.h>
#include <ts/ts.h>
#include <ts/remap.h>
#include <tsutil/DbgCtl.h>

#define PLUGIN_NAME "today"

static DbgCtl dbg_ctl = DBG_CTL(PLUGIN_NAME);
static DbgCtl none_ctl;

static const TSHRTime day = TS_HRTIME_SECONDS(86400);

_Static_assert(TS_HTTP_VERSION(1, 1) == 0x10001 && TS_HTTP_MAJOR(0x10002) == 1, "versions");
_Static_assert(sizeof(TS_VERSION_STRING) > 1 && TS_CRUUID_STRING_LEN == 56, "lengths");

static int
handler(TSCont contp ATS_UNUSED, TSEvent event, void *edata)
{
  TSHttpTxn txnp = edata;
  TSMBuffer bufp;
  TSMLoc    hdr, url;
  int       length;

  Dbg(dbg_ctl, "event %d", event);
  SpecificDbg(event == TS_EVENT_HTTP_TXN_CLOSE, none_ctl, "without an argument");
  if (TSHttpTxnClientReqGet(txnp, &bufp, &hdr) == TS_SUCCESS && TSHttpHdrUrlGet(bufp, hdr, &url) == TS_SUCCESS) {
    const char *host = TSUrlHostGet(bufp, url, &length);
    TSDebug(PLUGIN_NAME, "%.*s", length, host);
    if (unlikely(TSIsDebugTagSet(PLUGIN_NAME))) {
      TSDebugSpecific(1, PLUGIN_NAME, "%s", DbgCtlTag(&dbg_ctl));
    }
    TSHandleMLocRelease(bufp, hdr, url);
    TSHandleMLocRelease(bufp, TS_NULL_MLOC, hdr);
  }
  DbgPrint(dbg_ctl, "always: %d", event);
  TSHttpTxnStatusSet(txnp, (TSHttpStatus)520);
  TSMgmtInt count;
  if (TSHttpSsnInfoIntGet(TSHttpTxnSsnGet(txnp), TS_SSN_INFO_TRANSACTION_COUNT, &count, 0) != TS_SUCCESS) {
    TSAlert("a session without a count");
  }
  TSHttpTxnReenable(txnp, TS_EVENT_HTTP_CONTINUE);
  return 0;
}

void
TSPluginInit(int argc, const char *argv[])
{
  TSPluginRegistrationInfo info = {PLUGIN_NAME, "somebody", "somebody@example.com"};
  TSAction                 actions[64];
  TSTextLogObject          log;
  TSCont                   contp = TSContCreate(handler, NULL);
  int                      threads;

  if (TSPluginRegister(&info) != TS_SUCCESS) {
    TSFatal("%s: not registered", argv[0]);
  }
  threads = TSContScheduleOnEntirePool(contp, day / TS_HRTIME_MSECOND, TS_THREAD_POOL_TASK, actions, (int)countof(actions));
  while (threads-- > 0) {
    TSActionCancel(actions[threads]);
  }
  threads = TSContScheduleEveryOnEntirePool(contp, 1000, TS_THREAD_POOL_TASK, actions, (int)countof(actions));
  while (threads-- > 0) {
    TSActionCancel(actions[threads]);
  }
  TSHttpHookAdd(TS_HTTP_TXN_START_HOOK, contp);
  if (TSTextLogObjectCreate(PLUGIN_NAME, TS_LOG_MODE_ADD_TIMESTAMP, &log) == TS_SUCCESS) {
    TSTextLogObjectWrite(log, "%d words, the first of %zu", argc, strlen(argv[0]));
    TSTextLogObjectFlush(log);
  }
  TSMgmtUpdateRegister(contp, PLUGIN_NAME, NULL);
  TSReleaseAssert(TSHandleMLocRelease(TSMBufferCreate(), TS_NULL_MLOC, TS_NULL_MLOC) == TS_SUCCESS);
  TSAssert(contp != TS_ERROR_PTR);
}

TSReturnCode
TSRemapInit(TSRemapInterface *api_info, char *errbuf, int errbuf_size)
{
  if (api_info->tsremap_version < TSREMAP_VERSION) {
    snprintf(errbuf, (size_t)errbuf_size, "version %lu", api_info->tsremap_version);
    return TS_ERROR;
  }
  return TS_SUCCESS;
}

TSReturnCode
TSRemapNewInstance(int argc, char *argv[], void **ih, char *errbuf, int errbuf_size)
{
  (void)errbuf;
  (void)errbuf_size;
  *ih = argc > 2 ? TSstrdup(argv[2]) : NULL;
  return TS_SUCCESS;
}

void
TSRemapDeleteInstance(void *ih)
{
  TSfree(ih);
}

TSRemapStatus
TSRemapDoRemap(void *ih, TSHttpTxn rh, TSRemapRequestInfo *rri)
{
  (void)rh;
  if (ih != NULL && TSUrlHostSet(rri->requestBufp, rri->requestUrl, ih, -1) == TS_SUCCESS) {
    return TSREMAP_DID_REMAP;
  }
  return TSREMAP_NO_REMAP;
}
