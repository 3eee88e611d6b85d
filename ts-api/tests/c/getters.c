/* What there is to know of sessions and transactions, and to set. */
#include "bench.h"

static void
go_on(TSEvent event, void *edata)
{
  if (event == TS_EVENT_HTTP_SSN_START || event == TS_EVENT_HTTP_SSN_CLOSE) {
    MUST(TSHttpSsnReenable((TSHttpSsn)edata, TS_EVENT_HTTP_CONTINUE) == TS_SUCCESS);
  } else {
    MUST(TSHttpTxnReenable((TSHttpTxn)edata, TS_EVENT_HTTP_CONTINUE) == TS_SUCCESS);
  }
}

static void
hook(TSEventFunc handler, const TSHttpHookID *ids, size_t count)
{
  TSCont contp = TSContCreate(handler, NULL);
  for (size_t i = 0; i < count; i++) {
    MUST(TSHttpHookAdd(ids[i], contp) == TS_SUCCESS);
  }
}

#define HOOK(handler, ...)                                                        \
  do {                                                                            \
    (void)argc, (void)argv;                                                       \
    const TSHttpHookID ids[] = {__VA_ARGS__};                                     \
    hook(handler, ids, sizeof ids / sizeof *ids);                                 \
  } while (0)

/* Where it goes. */

static int
where_handler(TSCont contp UNUSED, TSEvent event, void *edata)
{
  TSHttpTxn   txnp  = (TSHttpTxn)edata;
  TSHttpSsn   ssnp  = TSHttpTxnSsnGet(txnp);
  const char *name  = TSHttpTxnNextHopNameGet(txnp);
  const char *state = TSHttpServerStateNameLookup(TSHttpTxnServerStateGet(txnp));
  TSMgmtInt   count = 0;
  MUST(name == TSHttpTxnNextHopNameGet(txnp));
  MUST(TSHttpTxnTypeGet(txnp) == TS_TXN_TYPE_HTTP && TSHttpTxnIsWebsocket(txnp) == 0);
  MUST(TSHttpSsnInfoIntGet(ssnp, TS_SSN_INFO_TRANSACTION_COUNT, &count, 0) == TS_SUCCESS);
  MUST(count == TSHttpSsnTransactionCount(ssnp));
  MUST(TSHttpSsnInfoIntGet(ssnp, TS_SSN_INFO_TRANSACTION_COUNT, &count, 1) == TS_ERROR);
  MUST(TSHttpSsnInfoIntGet(ssnp, (TSHttpSsnInfoKey)17, &count, 0) == TS_ERROR);
  say("%s: %s %d, %s, %d", TSHttpEventNameLookup(event) + strlen("TS_EVENT_HTTP_"), name == NULL ? "(null)" : name,
      TSHttpTxnNextHopPortGet(txnp), state, TSHttpTxnServerSsnTransactionCount(txnp));
  go_on(event, edata);
  return 0;
}

ENTRY(where_it_goes)
{
  HOOK(where_handler, TS_HTTP_READ_REQUEST_HDR_HOOK, TS_HTTP_POST_REMAP_HOOK, TS_HTTP_READ_RESPONSE_HDR_HOOK,
       TS_HTTP_TXN_CLOSE_HOOK);
}

static int
failures_handler(TSCont contp UNUSED, TSEvent event, void *edata)
{
  say("%s", TSHttpServerStateNameLookup(TSHttpTxnServerStateGet((TSHttpTxn)edata)));
  go_on(event, edata);
  return 0;
}

ENTRY(failures)
{
  HOOK(failures_handler, TS_HTTP_SEND_RESPONSE_HDR_HOOK);
}

/* Whom debug output is wanted for. */

static int
chooses_handler(TSCont contp UNUSED, TSEvent event, void *edata)
{
  int on = -1;
  if (event == TS_EVENT_HTTP_SSN_START) {
    TSHttpSsn ssnp = (TSHttpSsn)edata;
    MUST(TSHttpSsnDebugGet(ssnp, &on) == TS_SUCCESS && on == 0);
    TSHttpSsnDebugSet(ssnp, 1);
    MUST(TSHttpSsnDebugGet(ssnp, &on) == TS_SUCCESS && on == 1);
  } else {
    TSHttpTxn txnp = (TSHttpTxn)edata;
    MUST(TSHttpTxnDebugGet(txnp) == 1);
    TSHttpTxnDebugSet(txnp, 0);
    MUST(TSHttpTxnDebugGet(txnp) == 0);
    TSHttpTxnDebugSet(txnp, 7);
    MUST(TSHttpSsnDebugGet(TSHttpTxnSsnGet(txnp), &on) == TS_SUCCESS);
    say("transaction %d of session %d", TSHttpSsnTransactionCount(TSHttpTxnSsnGet(txnp)), on);
    MUST(TSHttpTxnDebugGet(txnp) == 1);
  }
  go_on(event, edata);
  return 0;
}

ENTRY(chooses)
{
  HOOK(chooses_handler, TS_HTTP_SSN_START_HOOK, TS_HTTP_READ_REQUEST_HDR_HOOK);
}

/* How many bytes its messages have. */

static int
bytes_handler(TSCont contp UNUSED, TSEvent event, void *edata)
{
  TSHttpTxn txnp = (TSHttpTxn)edata;
  say("%d %d %d %d", TSHttpTxnClientReqHdrBytesGet(txnp) > 0, TSHttpTxnServerReqHdrBytesGet(txnp) > 0,
      TSHttpTxnServerRespHdrBytesGet(txnp) > 0, TSHttpTxnClientRespHdrBytesGet(txnp) > 0);
  say("%d %d %d %d", (int)TSHttpTxnClientReqBodyBytesGet(txnp), (int)TSHttpTxnServerReqBodyBytesGet(txnp),
      (int)TSHttpTxnServerRespBodyBytesGet(txnp), (int)TSHttpTxnClientRespBodyBytesGet(txnp));
  go_on(event, edata);
  return 0;
}

ENTRY(bytes)
{
  HOOK(bytes_handler, TS_HTTP_READ_REQUEST_HDR_HOOK, TS_HTTP_TXN_CLOSE_HOOK);
}
