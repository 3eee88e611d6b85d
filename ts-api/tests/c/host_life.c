/* Says which moments of the host's life come, and what messages say. */
#include "bench.h"

static int
handler(TSCont contp UNUSED, TSEvent event, void *edata)
{
  if (event == TS_EVENT_LIFECYCLE_MSG) {
    const TSPluginMsg *message = (const TSPluginMsg *)edata;
    say("life: %s says %.*s", message->tag, (int)message->data_size, (const char *)message->data);
  } else {
    say("life: %s", TSHttpEventNameLookup(event) + strlen("TS_EVENT_LIFECYCLE_"));
  }
  return 0;
}

void
TSPluginInit(int argc UNUSED, const char *argv[] UNUSED)
{
  TSPluginRegistrationInfo info = {"life", "tests", "nobody@example.org"};
  MUST(TSPluginRegister(&info) == TS_SUCCESS);
  TSCont contp = TSContCreate(handler, TSMutexCreate());
  for (int id = 0; id < TS_LIFECYCLE_LAST_HOOK; id++) {
    TSLifecycleHookAdd((TSLifecycleHookID)id, contp);
  }
  say("life: initialised");
}
