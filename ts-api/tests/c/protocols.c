/* The protocols that a request came by. */
#include "bench.h"

static int
handler(TSCont contp UNUSED, TSEvent event, void *edata)
{
  TSHttpTxn   txnp = (TSHttpTxn)edata;
  const char *tags[8];
  int         count = 7;

  if (event == TS_EVENT_HTTP_TXN_START) {
    /* There are none also for those who only look how many there are. */
    MUST(TSHttpTxnClientProtocolStackGet(txnp, 8, tags, &count) == TS_ERROR && count == 0);
    MUST(TSHttpTxnClientProtocolStackContains(txnp, "tcp") == NULL);
    count = 7;
    MUST(TSHttpTxnServerProtocolStackGet(txnp, 8, tags, &count) == TS_ERROR && count == 0);
  } else {
    MUST(TSHttpTxnClientProtocolStackGet(txnp, 8, tags, &count) == TS_SUCCESS);
    for (int i = 0; i < count; i++) {
      say("%s", tags[i]);
    }
    MUST(TSHttpTxnClientProtocolStackContains(txnp, "http") == tags[0]);
    MUST(TSHttpTxnClientProtocolStackContains(txnp, "tls") == NULL);
    /* No more than there is room for. */
    tags[1] = NULL;
    MUST(TSHttpTxnClientProtocolStackGet(txnp, 1, tags, NULL) == TS_SUCCESS && tags[1] == NULL);
    MUST(TSHttpTxnClientProtocolStackGet(txnp, 0, NULL, &count) == TS_SUCCESS && count == 3);
  }
  TSHttpTxnReenable(txnp, TS_EVENT_HTTP_CONTINUE);
  return 0;
}

/* Before the session has said which version of HTTP it speaks, and after. */
static int
session_handler(TSCont contp UNUSED, TSEvent event, void *edata)
{
  TSHttpSsn   ssnp = (TSHttpSsn)edata;
  const char *tags[8];
  int         count = 0;
  int         http  = event == TS_EVENT_HTTP_SSN_CLOSE;
  MUST(TSHttpSsnClientProtocolStackGet(ssnp, 8, tags, &count) == TS_SUCCESS && count == 2 + http);
  MUST(tags[count - 1] == TSNormalizedProtocolTag("ipv4"));
  MUST(TSHttpSsnClientProtocolStackContains(ssnp, "tcp") == tags[http]);
  MUST((TSHttpSsnClientProtocolStackContains(ssnp, "http/1.1") != NULL) == http);
  TSHttpSsnReenable(ssnp, TS_EVENT_HTTP_CONTINUE);
  return 0;
}

static int
close_handler(TSCont contp UNUSED, TSEvent event UNUSED, void *edata)
{
  TSHttpTxn   txnp = (TSHttpTxn)edata;
  const char *tags[3];
  int         count = 0;
  MUST(TSHttpTxnServerProtocolStackGet(txnp, 3, tags, &count) == TS_SUCCESS && count == 3);
  MUST(tags[0] == TSNormalizedProtocolTag("http/1.1") && tags[1] == TSNormalizedProtocolTag("tcp"));
  MUST(TSHttpTxnServerProtocolStackContains(txnp, "ipv") == tags[2]);
  MUST(TSNormalizedProtocolTag("http/1") == NULL && TSNormalizedProtocolTag("tls/1.3") == NULL);
  TSHttpTxnReenable(txnp, TS_EVENT_HTTP_CONTINUE);
  return 0;
}

ENTRY(says_them)
{
  TSCont of_session = TSContCreate(session_handler, NULL);
  TSHttpHookAdd(TS_HTTP_SSN_START_HOOK, of_session);
  TSHttpHookAdd(TS_HTTP_SSN_CLOSE_HOOK, of_session);
  TSHttpHookAdd(TS_HTTP_TXN_CLOSE_HOOK, TSContCreate(close_handler, NULL));
  TSCont contp = TSContCreate(handler, NULL);
  MUST(argc == 1 && argv[1] == NULL);
  TSHttpHookAdd(TS_HTTP_TXN_START_HOOK, contp);
  TSHttpHookAdd(TS_HTTP_READ_REQUEST_HDR_HOOK, contp);
}
