#include "bench.h"

static int
echo(TSCont contp UNUSED, TSEvent event, void *edata)
{
  say("called with %d and %s", event, edata ? (const char *)edata : "nothing");
  return 42;
}

ENTRY(a_call)
{
  TSMutex mutex = TSMutexCreate();
  TSCont contp = TSContCreate(echo, mutex);
  MUST(TSContMutexGet(contp) == mutex);
  say("%d", TSContCall(contp, TS_EVENT_CONTINUE, (void *)argv[argc - 1]));
  TSContDestroy(contp);
}

ENTRY(destroys_twice)
{
  (void)argc, (void)argv;
  TSCont contp = TSContCreate(echo, NULL);
  TSContDestroy(contp);
  TSContDestroy(contp);
}
