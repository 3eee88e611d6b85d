/* Ends the process: at once, or when the configuration has been read again. */

#include "bench.h"

static int
ends(TSCont contp UNUSED, TSEvent event UNUSED, void *edata UNUSED)
{
  TSEmergency("this will not do:\n%s", "never again");
}

ENTRY(TSPluginInit)
{
  TSPluginRegistrationInfo info = {"fatal", "the tests", NULL};
  MUST(TSPluginRegister(&info) == TS_SUCCESS);
  if (argc > 1) {
    TSFatal("there is no %s", argv[1]);
  }
  TSMgmtUpdateRegister(TSContCreate(ends, TSMutexCreate()), "fatal", NULL);
}
