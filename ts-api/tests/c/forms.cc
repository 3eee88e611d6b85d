// The forms that only C++ has, and those that are made in the headers.
#include <string>
#include <vector>

#include <tscpp/api/Cleanup.h>
#include <tsutil/PostScript.h>

#include "bench.h"

extern DbgCtl at_load;
static DbgCtl without_tag;
// Defined before what it takes its tag from is looked at: made when the library is loaded, as the other is.
static DbgCtl moved_at_load{DbgCtl{"moved"}};
DbgCtl        at_load{"at load"};

static Tally on_every_thread = TALLY;
static Tally again           = TALLY;

static int
count_handler(TSCont contp, TSEvent event, void *edata)
{
  MUST(TSEventThreadSelf() != nullptr && edata != nullptr);
  tell(static_cast<Tally *>(TSContDataGet(contp)));
  MUST(event == TS_EVENT_IMMEDIATE || event == TS_EVENT_TIMEOUT);
  return 0;
}

ENTRY(vectors)
{
  atscppapi::TSContUniqPtr contp{TSContCreate(count_handler, nullptr)};
  TSContDataSet(contp.get(), &on_every_thread);
  std::vector<TSAction> actions = TSContScheduleOnEntirePool(contp.get(), 0, TS_THREAD_POOL_NET);
  wait_for(&on_every_thread, static_cast<int>(actions.size()));

  atscppapi::TSContUniqPtr more{TSContCreate(count_handler, nullptr)};
  TSContDataSet(more.get(), &again);
  std::vector<TSAction> every = TSContScheduleEveryOnEntirePool(more.get(), 1, TS_THREAD_POOL_TASK);
  wait_for(&again, 10);
  for (TSAction action : every) {
    TSActionCancel(action);
  }
  say("%zu, %zu, %d", actions.size(), every.size(), argc - 1);
  static_cast<void>(argv);
}

static void *
tries(void *mutexp)
{
  TSReturnCode answer = TSMutexLockTry(static_cast<TSMutex>(mutexp));
  if (answer == TS_SUCCESS) {
    TSMutexUnlock(static_cast<TSMutex>(mutexp));
  }
  say("%s", answer == TS_SUCCESS ? "free" : "held");
  return nullptr;
}

ENTRY(guards)
{
  atscppapi::TSMutexUniqPtr mutexp{TSMutexCreate()};
  {
    TSMutexLockGuard guard(mutexp.get());
    TSMutexLockGuard twice(mutexp.get());
    on_foreign_thread(tries, mutexp.get());
  }
  on_foreign_thread(tries, mutexp.get());
  {
    ts::PostScript last([]() { say("last"); });
    ts::PostScript released([]() { say("never"); });
    released.release();
  }
  say("%d %s", argc, argv[0]);
}

ENTRY(controls)
{
  MUST(at_load.tag() == std::string("at load") && !at_load.on());
  MUST(moved_at_load.tag() == std::string("moved"));
  MUST(without_tag.tag() == nullptr && !without_tag.tag_on() && !without_tag.on());
  // The host's record of a tag is the same for all.
  MUST(TSDbgTagGet("at load") == TSDbgTagGet(std::string("at load").c_str()));
  without_tag = std::move(moved_at_load);
  MUST(without_tag.tag() == std::string("moved") && moved_at_load.tag() == nullptr);
  moved_at_load.set("again");
  MUST(moved_at_load.tag() == std::string("again"));
  int evaluated = 0;
  Dbg(at_load, "%d", ++evaluated);
  SpecificDbg(true, at_load, "%d", ++evaluated);
  MUST(!DbgCtl::global_on() && evaluated == 0);
  say("%d %s", argc, argv[0]);
}

static std::string
format(const char *text, ...)
{
  char    room[8];
  va_list arguments;
  va_start(arguments, text);
  char       *made = ts_detail_format(room, sizeof(room), text, arguments);
  std::string found{made};
  va_end(arguments);
  if (made != room) {
    TSfree(made);
  }
  return found;
}

ENTRY(formats)
{
  MUST(format("%s", "") == "" && format("%s", "1234567") == "1234567" && format("%s", "12345678") == "12345678");
  std::string large(100000, 'x');
  MUST(format("%s%d%s", large.c_str(), 7, "8") == large + "78");
  say("%d %s", argc, argv[0]);
}

ENTRY(versions)
{
  MUST(TSTrafficServerVersionGetMajor() == TS_VERSION_MAJOR && TSTrafficServerVersionGetMinor() == TS_VERSION_MINOR);
  MUST(TSTrafficServerVersionGetPatch() == TS_VERSION_MICRO);
  MUST(TSTrafficServerVersionGet() == std::string(TS_VERSION_STRING));
  say("%d %s", argc, argv[0]);
}

struct Points {
  long x, y;
};

ENTRY(memory)
{
  atscppapi::TSMemUniqPtr kept{TSRalloc<Points>(1000)};
  auto                   *points = static_cast<Points *>(kept.get());
  for (int i = 0; i < 1000; i++) {
    points[i] = {i, i};
  }
  MUST(TSRalloc<Points>(0) == nullptr);
  int evaluated = 0;
  TSReleaseAssert(++evaluated);
  TSAssert(++evaluated);
  say("%d %d %s", evaluated, argc, argv[0]);
}

ENTRY(asserts)
{
  TSAssert(argc > 1 && "more is wanted");
  say("%s", argv[0]);
}

// Never the pointer that stands for an error.
ENTRY(error_pointers)
{
  TSCont contp = TSContCreate(count_handler, nullptr);
  MUST(contp != TS_ERROR_PTR && !(contp == TS_ERROR_PTR));
  MUST(TSContDataGet(contp) != TS_ERROR_PTR && TS_ERROR_PTR != contp && !(TS_ERROR_PTR == contp));
  TSCont bad = TS_ERROR_PTR;
  MUST(bad == TS_ERROR_PTR && bad != contp);
  TSContDestroy(contp);
  say("%d %s", argc, argv[0]);
}
