/* What sources say that are older than the headers: C here, and the same as C++ in older.cc. */
#include <tscore/ink_config.h>
#include <ts/ink_defs.h>
#include <tscore/ink_assert.h>
#include <ts/ts.h>
#include <ts/experimental.h>

#include "bench.h"

static Tally runs = TALLY;

static int
counts(TSCont contp, TSEvent event UNUSED, void *edata UNUSED)
{
  ink_assert(contp != NULL);
  tell(&runs);
  return 0;
}

ENTRY(a_schedule_names_a_pool_or_none)
{
  TSCont contp = TSContCreate(counts, TSMutexCreate());
  ink_release_assert(TSContSchedule(contp, 0) != NULL);
  MUST(TSContSchedule(contp, 0, TS_THREAD_POOL_TASK) != NULL);
  MUST(TSContSchedule(contp, 1, TS_THREAD_POOL_DEFAULT) != NULL);
  wait_for(&runs, 3);

  TSAction every = TSContScheduleEvery(contp, 1, TS_THREAD_POOL_TASK);
  wait_for(&runs, 5);
  TSActionCancel(every);
  every = TSContScheduleEvery(contp, 1, TS_THREAD_POOL_DEFAULT);
  TSActionCancel(every);
  every = TSContScheduleEvery(contp, 1);
  TSActionCancel(every);
  TSContDestroy(contp);
  say("%s", argc > 1 ? argv[1] : "done");
}

ENTRY(arguments_have_calls_for_each_kind)
{
  int         txn, ssn, index;
  const char *name, *about;

  MUST(TSHttpTxnArgIndexReserve("mine", "of a transaction", &txn) == TS_SUCCESS);
  MUST(TSHttpSsnArgIndexReserve("mine", "of a session", &ssn) == TS_SUCCESS);
  MUST(TSUserArgIndexNameLookup(TS_USER_ARGS_TXN, "mine", &index, NULL) == TS_SUCCESS && index == txn);
  MUST(TSHttpTxnArgIndexNameLookup("mine", &index, &about) == TS_SUCCESS && index == txn);
  say("%s", about);
  MUST(TSHttpSsnArgIndexNameLookup("mine", &index, &about) == TS_SUCCESS && index == ssn);
  say("%s", about);
  MUST(TSHttpTxnArgIndexLookup(txn, &name, NULL) == TS_SUCCESS && strcmp(name, "mine") == 0);
  MUST(TSHttpSsnArgIndexLookup(ssn, &name, NULL) == TS_SUCCESS && strcmp(name, "mine") == 0);
  (void)argc, (void)argv;
}

/* Plugins that keep values of several types, and count what they may make. */
ENTRY(types_and_limits_are_known)
{
  static int   made[TS_MAX_API_STATS];
  TSRecordData data;

  data.rec_string  = NULL;
  data.rec_counter = 0;
  data.rec_float   = 0.5F;
  data.rec_int     = 7;
  made[0]          = TSStatCreate("older.one", TS_RECORDDATATYPE_INT, TS_STAT_NON_PERSISTENT, TS_STAT_SYNC_SUM);
  TSStatIntSet(made[0], data.rec_int);
  MUST(made[0] >= 0 && (size_t)made[0] < countof(made));
  MUST(TS_LIFECYCLE_LOG_INITIAZLIED_HOOK == TS_LIFECYCLE_LOG_INITIALIZED_HOOK);
  MUST(TS_EVENT_LIFECYCLE_LOG_INITIAZLIED == TS_EVENT_LIFECYCLE_LOG_INITIALIZED);
  say("%" PRId64, TSStatIntGet(made[0]));
  (void)argc, (void)argv;
}
