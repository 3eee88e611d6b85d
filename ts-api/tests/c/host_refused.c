/* Does what is refused: adds a hook that never comes, and re-enables twice. */
#include "bench.h"

static int
handler(TSCont contp UNUSED, TSEvent event UNUSED, void *edata)
{
  MUST(TSHttpTxnReenable((TSHttpTxn)edata, TS_EVENT_HTTP_CONTINUE) == TS_SUCCESS);
  MUST(TSHttpTxnReenable((TSHttpTxn)edata, TS_EVENT_HTTP_ERROR) == TS_ERROR);
  return 0;
}

void
TSPluginInit(int argc UNUSED, const char *argv[] UNUSED)
{
  TSPluginRegistrationInfo info = {"refused", "tests", "nobody@example.org"};
  TSCont contp                  = TSContCreate(handler, NULL);
  MUST(TSPluginRegister(&info) == TS_SUCCESS);
  MUST(TSHttpHookAdd(TS_HTTP_RESPONSE_TRANSFORM_HOOK, contp) == TS_ERROR);
  MUST(TSLifecycleHookAdd(TS_LIFECYCLE_CACHE_READY_HOOK, contp) == TS_ERROR);
  MUST(TSHttpHookAdd(TS_HTTP_READ_REQUEST_HDR_HOOK, contp) == TS_SUCCESS);
}
