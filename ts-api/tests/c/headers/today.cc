// As plugins are written today, in C++: results left alone, guards, owners, overloads, views, vectors.
#include <cstdio>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <tscore/ink_defs.h>
#include <tscpp/api/Cleanup.h>
#include <ts/remap.h>
#include <ts/ts.h>
#include <tsutil/DbgCtl.h>
#include <tsutil/PostScript.h>

#define PLUGIN_NAME "today"

extern DbgCtl elsewhere_ctl;

namespace
{
DbgCtl dbg_ctl{PLUGIN_NAME};
DbgCtl later_ctl;

constexpr TSHRTime DAY = TS_HRTIME_SECONDS(86400);

struct Counts {
  int requests = 0;
  int blocks   = 0;
};

atscppapi::TxnAuxMgrData counts_kept;
using CountsOf = atscppapi::TxnAuxDataMgr<Counts, counts_kept>;

TSTextLogObject log_object;

const char *
name_of(TSEvent event)
{
  if (event == static_cast<TSEvent>(100001)) {
    return "a number of the plugin's own";
  }
  switch (event) {
  case TS_EVENT_NONE:
    return "none";
  case TS_EVENT_VCONN_PRE_ACCEPT:
    return "start";
  default:
    return TSHttpEventNameLookup(event);
  }
}

int
response_handler(TSCont contp ATS_UNUSED, TSEvent event, void *edata)
{
  auto         txnp = static_cast<TSHttpTxn>(edata);
  TSMBuffer    bufp;
  TSMLoc       hdr;
  TSReturnCode status = TSHttpTxnClientRespGet(txnp, &bufp, &hdr);

  Dbg(dbg_ctl, "%s", name_of(event));
  Dbg(dbg_ctl, "without an argument");
  DbgPrint(dbg_ctl, "always: %d", event);
  SpecificDbg(TSHttpTxnIdGet(txnp) == 1, dbg_ctl, "the first: %" PRIu64, TSHttpTxnIdGet(txnp));
  if (status != TS_SUCCESS) {
    TSHttpTxnReenable(txnp, TS_EVENT_HTTP_ERROR);
    return 0;
  }
  ts::PostScript released([=]() -> void { TSHandleMLocRelease(bufp, TS_NULL_MLOC, hdr); });

  TSHttpHdrStatusSet(bufp, hdr, TS_HTTP_STATUS_FORBIDDEN);
  TSHttpHdrStatusSet(bufp, hdr, TS_HTTP_STATUS_FORBIDDEN, txnp, PLUGIN_NAME);
  TSHttpTxnStatusSet(txnp, static_cast<TSHttpStatus>(520));
  TSHttpTxnStatusSet(txnp, TS_HTTP_STATUS_NONE, std::string_view{PLUGIN_NAME});
  TSMgmtInt streams;
  if (TSHttpSsnInfoIntGet(TSHttpTxnSsnGet(txnp), TS_SSN_INFO_TRANSACTION_COUNT, &streams) != TS_SUCCESS ||
      TSHttpSsnInfoIntGet(TSHttpTxnSsnGet(txnp), TS_SSN_INFO_TRANSACTION_COUNT, &streams, 0) != TS_SUCCESS) {
    TSAlert("a session without a count");
  }
  const char *reason = TSHttpHdrReasonLookup(TS_HTTP_STATUS_FORBIDDEN);
  TSHttpHdrReasonSet(bufp, hdr, reason, -1);

  for (TSMLoc field = TSMimeHdrFieldFind(bufp, hdr, TS_MIME_FIELD_SET_COOKIE, TS_MIME_LEN_SET_COOKIE); field != TS_NULL_MLOC;) {
    TSMLoc next  = TSMimeHdrFieldNextDup(bufp, hdr, field);
    int    count = 0;
    if (const char *value = TSMimeHdrFieldValueStringGet(bufp, hdr, field, -1, &count)) {
      TSTextLogObjectWrite(log_object, "%.*s", count, value);
    }
    TSHandleMLocRelease(bufp, hdr, field);
    field = next;
  }

  std::string body = "no";
  char       *own  = TSRalloc<char>(body.size());
  body.copy(own, body.size());
  TSHttpTxnErrorBodySet(txnp, own, body.size(), TSstrdup("text/plain"));
  CountsOf::data(txnp).requests++;
  TSHttpTxnReenable(txnp, TS_EVENT_HTTP_CONTINUE);
  return 0;
}

int
tick(TSCont contp, TSEvent event, void *edata)
{
  TSReleaseAssert(event == TS_EVENT_TIMEOUT || event == TS_EVENT_IMMEDIATE);
  auto *pending = static_cast<TSAction *>(TSContDataGet(contp));
  if (reinterpret_cast<TSAction>(reinterpret_cast<uintptr_t>(edata) | 1) == *pending) {
    *pending = nullptr;
  }
  return 0;
}

void
print(TSMBuffer bufp, TSMLoc hdr)
{
  atscppapi::TSIOBufferUniqPtr       buffer{TSIOBufferSizedCreate(TS_IOBUFFER_SIZE_INDEX_4K)};
  atscppapi::TSIOBufferReaderUniqPtr reader{TSIOBufferReaderAlloc(buffer.get())};
  TSHttpHdrPrint(bufp, hdr, buffer.get());
  std::string text;
  for (auto block = TSIOBufferReaderStart(reader.get()); block; block = TSIOBufferBlockNext(block)) {
    int64_t     count = 0;
    const char *start = TSIOBufferBlockReadStart(block, reader.get(), &count);
    text.append(start, count);
  }
  TSIOBufferReaderConsume(reader.get(), TSIOBufferReaderAvail(reader.get()));
  std::printf("%zu\n", text.size());
}
} // namespace

void
TSPluginInit(int argc, const char *argv[])
{
  static const char            name[] = PLUGIN_NAME;
  TSPluginRegistrationInfo     info{name, "somebody", "somebody@example.com"};
  [[maybe_unused]] const char *words[]  = {TS_HTTP_METHOD_GET, TS_URL_SCHEME_HTTPS, TS_HTTP_VALUE_CLOSE};
  [[maybe_unused]] int         length[] = {TS_HTTP_LEN_GET, TS_URL_LEN_HTTPS, TS_HTTP_LEN_CLOSE};

  if (TSPluginRegister(&info) == TS_ERROR) {
    TSEmergency("[%s] not registered", PLUGIN_NAME);
  }
  static_assert(TS_VERSION_NUMBER >= 9000000 && TS_HTTP_VERSION(1, 1) == 0x10001 && TS_HTTP_MINOR(0x10002) == 2);
  static_assert(countof("four") == 5);
  for (int i = 1; i < argc; i++) {
    TSStatus("%d: %s", i, argv[i]);
  }

  CountsOf::init("counts");
  TSTextLogObjectCreate(PLUGIN_NAME, TS_LOG_MODE_ADD_TIMESTAMP | TS_LOG_MODE_DO_NOT_RENAME, &log_object);
  later_ctl.set("later");
  DbgCtl moved{std::move(later_ctl)};
  later_ctl = DbgCtl{"later"};
  TSAssert(moved.tag() != nullptr && !moved.tag_on() == !moved.on());

  TSMutex mutexp = TSMutexCreate();
  TSCont  contp  = TSContCreate(tick, mutexp);
  {
    TSMutexLockGuard guard(mutexp);
    TSContDataSet(contp, TSRalloc<TSAction>());
  }
  TSAction action = TSContScheduleEveryOnPool(contp, DAY / TS_HRTIME_MSECOND, TS_THREAD_POOL_TASK);
  *static_cast<TSAction *>(TSContDataGet(contp)) = action;

  TSCont                everywhere = TSContCreate(tick, nullptr);
  std::vector<TSAction> actions    = TSContScheduleOnEntirePool(everywhere, 1000, TS_THREAD_POOL_NET);
  for (TSAction one : actions) {
    TSActionCancel(one);
  }
  for (auto one : TSContScheduleEveryOnEntirePool(everywhere, 1000, TS_THREAD_POOL_NET)) {
    TSActionCancel(one);
  }

  TSCont response = TSContCreate(response_handler, nullptr);
  TSHttpHookAdd(TS_HTTP_SEND_RESPONSE_HDR_HOOK, response);
  TSLifecycleHookAdd(TS_LIFECYCLE_MSG_HOOK, response);
  TSMgmtUpdateRegister(contp, PLUGIN_NAME);
  TSMgmtUpdateRegister(contp, PLUGIN_NAME, "today.yaml");

  atscppapi::TSMBufferUniqPtr buffer{TSMBufferCreate()};
  print(buffer.get(), TSHttpHdrCreate(buffer.get()));
  atscppapi::TSMemUniqPtr memory{TSmalloc(16)};
  std::unordered_map<TSCont, int> known{{contp, 1}};
  Dbg(elsewhere_ctl, "%zu", known.size());
}

DbgCtl elsewhere_ctl{"elsewhere"};
