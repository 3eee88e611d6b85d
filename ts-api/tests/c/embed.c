/* Programs that run the event system themselves: as they should, as they may not, and from the wrong thread. */

#include "bench.h"

#include <ts/embed.h>

static const char *const rules[] = {"http://a.example/", "http://127.0.0.1:9/", "ftp://b.example/"};

static TSRuntimeConfig
small(void)
{
  return (TSRuntimeConfig){.net_threads = 1, .task_threads = 1};
}

static void
prepare(void)
{
  TSRuntimeConfig config = small();
  MUST(TSRuntimePrepare(&config) == TS_SUCCESS);
}

static void
shut_down(void)
{
  MUST(TSRuntimeShutdown(10000, NULL, 0) == TS_SUCCESS);
}

/* Says why a call was refused. */
static void
refused(TSReturnCode done)
{
  MUST(done == TS_ERROR);
  say("%s", TSRuntimeErrorGet());
}

ENTRY(one_after_the_other)
{
  (void)argc;
  (void)argv;
  for (int round = 0; round < 2; round++) {
    char report[256];
    int  port = 0;
    prepare();
    MUST(TSRuntimeStart() == TS_SUCCESS);
    MUST(TSRuntimeServe("127.0.0.1:0", rules, 1, &port) == TS_SUCCESS && port != 0);
    MUST(TSRuntimeShutdown(10000, report, sizeof(report)) == TS_SUCCESS);
    say("%s", strstr(report, "2 threads stopped") != NULL ? "ended" : report);
  }
}

ENTRY(out_of_order)
{
  TSRuntimeConfig config = small();
  int             port;
  (void)argc;
  (void)argv;
  refused(TSRuntimeStart());
  refused(TSRuntimePluginLoad("nowhere.so", 0, NULL));
  refused(TSRuntimeServe("127.0.0.1:0", NULL, 0, &port));
  refused(TSRuntimeShutdown(0, NULL, 0));
  config.dns_threads = -1;
  refused(TSRuntimePrepare(&config));
  prepare();
  refused(TSRuntimePrepare(NULL));
  refused(TSRuntimeServe("127.0.0.1:0", NULL, 0, &port));
  MUST(TSRuntimeStart() == TS_SUCCESS);
  refused(TSRuntimeStart());
  refused(TSRuntimePluginLoad("nowhere.so", 0, NULL));
  refused(TSRuntimeServe("127.0.0.1:0", NULL, 0, &port));
  refused(TSRuntimeServe("127.0.0.1:0", &rules[1], 1, &port));
  refused(TSRuntimeServe("nowhere", rules, 1, &port));
  shut_down();
  refused(TSRuntimeShutdown(0, NULL, 0));
}

static void *
load(void *data)
{
  TSRuntimePluginLoad("nowhere.so", 0, NULL);
  return data;
}

static void *
start(void *data)
{
  TSRuntimeStart();
  return data;
}

static void *
serve(void *data)
{
  TSRuntimeServe("127.0.0.1:0", NULL, 0, NULL);
  return data;
}

static void *
end(void *data)
{
  TSRuntimeShutdown(10000, NULL, 0);
  return data;
}

/* On a thread that is not the one that prepared the runtime. */
ENTRY(elsewhere)
{
  const char *what = argv[1];
  MUST(argc == 2);
  prepare();
  if (strcmp(what, "load") == 0) {
    on_foreign_thread(load, NULL);
  }
  if (strcmp(what, "start") == 0) {
    on_foreign_thread(start, NULL);
  }
  MUST(TSRuntimeStart() == TS_SUCCESS);
  on_foreign_thread(strcmp(what, "serve") == 0 ? serve : end, NULL);
}

/* As a handler does it. */
static int
end_in_a_handler(TSCont contp, TSEvent event, void *edata)
{
  (void)event;
  (void)edata;
  TSContDestroy(contp);
  TSRuntimeShutdown(10000, NULL, 0);
  return 0;
}

ENTRY(in_a_handler)
{
  Tally never = TALLY;
  (void)argc;
  (void)argv;
  prepare();
  TSContScheduleOnPool(TSContCreate(end_in_a_handler, TSMutexCreate()), 0, TS_THREAD_POOL_NET);
  MUST(TSRuntimeStart() == TS_SUCCESS);
  wait_for(&never, 1);
}

static void *
say_whether_there_is_one(void *data)
{
  refused(TSRuntimeStart());
  return data;
}

/* Where there is no runtime no thread is the wrong one. */
ENTRY(with_none)
{
  (void)argc;
  (void)argv;
  on_foreign_thread(say_whether_there_is_one, NULL);
  prepare();
  shut_down();
  on_foreign_thread(say_whether_there_is_one, NULL);
}
