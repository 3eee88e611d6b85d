/* The protocols that a request came by. */
#include "bench.h"

static int
handler(TSCont contp UNUSED, TSEvent event, void *edata)
{
  TSHttpTxn   txnp = (TSHttpTxn)edata;
  const char *tags[8];
  int         count = 0;

  if (event == TS_EVENT_HTTP_TXN_START) {
    MUST(TSHttpTxnClientProtocolStackGet(txnp, 8, tags, &count) == TS_ERROR);
    MUST(TSHttpTxnClientProtocolStackContains(txnp, "tcp") == NULL);
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

ENTRY(says_them)
{
  TSCont contp = TSContCreate(handler, NULL);
  MUST(argc == 1 && argv[1] == NULL);
  TSHttpHookAdd(TS_HTTP_TXN_START_HOOK, contp);
  TSHttpHookAdd(TS_HTTP_READ_REQUEST_HDR_HOOK, contp);
}
