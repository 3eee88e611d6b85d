// Refuses the hosts on a list: a continuation for each transaction, a list under a mutex, a retry when that is busy.
#include "bench.h"

#include <string>
#include <vector>

namespace {

constexpr TSHRTime RETRY = 10;

struct Global {
  TSMutex                  mutex = TSMutexCreate();
  std::vector<std::string> hosts;
};

Global *global;

struct Transaction {
  TSHttpTxn txnp;
  TSAction  pending = nullptr;
};

bool
is_denied(TSHttpTxn txnp)
{
  TSMBuffer bufp;
  TSMLoc    hdr, url;
  MUST(TSHttpTxnClientReqGet(txnp, &bufp, &hdr) == TS_SUCCESS);
  MUST(TSHttpHdrUrlGet(bufp, hdr, &url) == TS_SUCCESS);
  int         length = 0;
  const char *text   = TSUrlHostGet(bufp, url, &length);
  std::string host(text ? text : "", text ? length : 0);
  TSHandleMLocRelease(bufp, hdr, url);
  TSHandleMLocRelease(bufp, TS_NULL_MLOC, hdr);
  for (const std::string &denied : global->hosts) {
    if (host == denied) {
      return true;
    }
  }
  return false;
}

Tally locked = TALLY, found_busy = TALLY;

// Holds the list until a transaction has found it busy.
void *
holds(void *)
{
  TSMutexLock(global->mutex);
  tell(&locked);
  wait_for(&found_busy, 1);
  TSMutexUnlock(global->mutex);
  return nullptr;
}

void
at_dns(TSCont contp, Transaction *data)
{
  if (TSMutexLockTry(global->mutex) != TS_SUCCESS) {
    data->pending = TSContScheduleOnPool(contp, RETRY, TS_THREAD_POOL_NET);
    // Whoever holds it may need longer than that to let go.
    if (told(&found_busy) == 0) {
      say("busy");
    }
    tell(&found_busy);
    return;
  }
  bool denied = is_denied(data->txnp);
  TSMutexUnlock(global->mutex);
  if (denied) {
    TSHttpTxnHookAdd(data->txnp, TS_HTTP_SEND_RESPONSE_HDR_HOOK, contp);
  }
  TSHttpTxnReenable(data->txnp, denied ? TS_EVENT_HTTP_ERROR : TS_EVENT_HTTP_CONTINUE);
}

void
at_response(Transaction *data)
{
  TSMBuffer bufp;
  TSMLoc    hdr;
  MUST(TSHttpTxnClientRespGet(data->txnp, &bufp, &hdr) == TS_SUCCESS);
  TSHttpHdrStatusSet(bufp, hdr, TS_HTTP_STATUS_FORBIDDEN, data->txnp, "deny");
  const char *reason = TSHttpHdrReasonLookup(TS_HTTP_STATUS_FORBIDDEN);
  TSHttpHdrReasonSet(bufp, hdr, reason, static_cast<int>(strlen(reason)));
  TSHandleMLocRelease(bufp, TS_NULL_MLOC, hdr);
  char *body = TSstrdup("This host is not for you.\n");
  TSHttpTxnErrorBodySet(data->txnp, body, strlen(body), TSstrdup("text/plain"));
  TSHttpTxnReenable(data->txnp, TS_EVENT_HTTP_CONTINUE);
}

int
transaction_handler(TSCont contp, TSEvent event, void *)
{
  auto *data = static_cast<Transaction *>(TSContDataGet(contp));
  switch (event) {
  case TS_EVENT_TIMEOUT:
    data->pending = nullptr;
    [[fallthrough]];
  case TS_EVENT_HTTP_OS_DNS:
    if (told(&locked) == 0) {
      pthread_t thread;
      MUST(pthread_create(&thread, nullptr, holds, nullptr) == 0);
      pthread_detach(thread);
      wait_for(&locked, 1);
    }
    at_dns(contp, data);
    break;
  case TS_EVENT_HTTP_SEND_RESPONSE_HDR:
    at_response(data);
    break;
  case TS_EVENT_HTTP_TXN_CLOSE: {
    TSHttpTxn txnp = data->txnp;
    if (data->pending) {
      TSActionCancel(data->pending);
    }
    delete data;
    TSContDestroy(contp);
    TSHttpTxnReenable(txnp, TS_EVENT_HTTP_CONTINUE);
    break;
  }
  default:
    MUST(false);
  }
  return 0;
}

int
global_handler(TSCont, TSEvent event, void *edata)
{
  MUST(event == TS_EVENT_HTTP_TXN_START);
  auto   txnp = static_cast<TSHttpTxn>(edata);
  TSCont own  = TSContCreate(transaction_handler, TSMutexCreate());
  TSContDataSet(own, new Transaction{txnp});
  TSHttpTxnHookAdd(txnp, TS_HTTP_OS_DNS_HOOK, own);
  TSHttpTxnHookAdd(txnp, TS_HTTP_TXN_CLOSE_HOOK, own);
  TSHttpTxnReenable(txnp, TS_EVENT_HTTP_CONTINUE);
  return 0;
}

} // namespace

ENTRY(deny)
{
  global = new Global;
  for (int i = 1; i < argc; i++) {
    global->hosts.push_back(argv[i]);
  }
  TSHttpHookAdd(TS_HTTP_TXN_START_HOOK, TSContCreate(global_handler, global->mutex));
}
