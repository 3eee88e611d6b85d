/* Tells what is set, now and whenever that has been read again. */

#include "bench.h"

static DbgCtl own = DBG_CTL("own");
static int    counted;

static void
tell_all(const char *when)
{
  static const char *const numbers[] = {"task_threads", "exec_thread.limit", "exec_thread.autoconfig.enabled",
                                        "http.connect_attempts_timeout", "diags.debug.enabled"};
  for (size_t index = 0; index < sizeof(numbers) / sizeof(*numbers); index++) {
    char         name[64];
    TSMgmtInt    number = -1;
    TSMgmtSource source = TS_MGMT_SOURCE_NULL;
    snprintf(name, sizeof(name), "proxy.config.%s", numbers[index]);
    MUST(TSMgmtIntGet(name, &number) == TS_SUCCESS && TSMgmtSourceGet(name, &source) == TS_SUCCESS);
    TSNote("%s: %s is %lld of source %d", when, numbers[index], (long long)number, source);
  }
  Dbg(own, "debug output, %s", when);
  TSNote("%s: that was all", when);
}

static int
handler(TSCont contp UNUSED, TSEvent event, void *edata)
{
  MUST(event == TS_EVENT_MGMT_UPDATE && edata == NULL);
  TSStatIntIncrement(counted, 1);
  tell_all("update");
  return 0;
}

static int
of_the_file(TSCont contp UNUSED, TSEvent event UNUSED, void *edata UNUSED)
{
  TSStatIntIncrement(counted, 100);
  TSNote("the file has changed");
  return 0;
}

ENTRY(TSPluginInit)
{
  TSPluginRegistrationInfo info = {"settings", "the tests", NULL};
  MUST(argc == 2 && TSPluginRegister(&info) == TS_SUCCESS);
  counted = TSStatCreate("settings.told", TS_RECORDDATATYPE_INT, TS_STAT_NON_PERSISTENT, TS_STAT_SYNC_SUM);
  TSMgmtUpdateRegister(TSContCreate(handler, TSMutexCreate()), "settings", NULL);
  TSMgmtUpdateRegister(TSContCreate(of_the_file, NULL), "settings", argv[1]);
  TSCont gone = TSContCreate(of_the_file, NULL);
  TSMgmtUpdateRegister(gone, "settings", NULL);
  TSContDestroy(gone);
  TSMgmtString ports;
  MUST(TSMgmtStringGet("proxy.config.http.server_ports", &ports) == TS_SUCCESS);
  TSNote("ports %s, plugins at %s", ports, TSPluginDirGet());
  TSfree(ports);
  TSTextLogObject log;
  MUST(TSTextLogObjectCreate("settings", TS_LOG_MODE_DO_NOT_RENAME, &log) == TS_SUCCESS);
  TSTextLogObjectWrite(log, "started");
  tell_all("start");
}
