/* The messages of a transaction: read and changed where that may be, and nowhere else. */
#include "bench.h"

static TSMBuffer kept;
static TSMLoc    kept_head;

static void
show(TSMBuffer bufp, TSMLoc hdr)
{
  for (TSMLoc field = TSMimeHdrFieldGet(bufp, hdr, 0), next; field != TS_NULL_MLOC; field = next) {
    int         name_length, length;
    const char *name = TSMimeHdrFieldNameGet(bufp, hdr, field, &name_length);
    const char *text = TSMimeHdrFieldValueStringGet(bufp, hdr, field, -1, &length);
    say("%.*s: %.*s", name_length, name, length, text);
    next = TSMimeHdrFieldNext(bufp, hdr, field);
    MUST(TSHandleMLocRelease(bufp, hdr, field) == TS_SUCCESS);
  }
}

/* Nothing of it may be changed now, or by anybody. */
static void
must_not_change(TSMBuffer bufp, TSMLoc hdr)
{
  TSMLoc loose, there = TSMimeHdrFieldGet(bufp, hdr, 0);
  MUST(TSMimeHdrFieldCreateNamed(bufp, hdr, "X-Late", -1, &loose) == TS_SUCCESS);
  MUST(TSMimeHdrFieldAppend(bufp, hdr, loose) == TS_ERROR);
  MUST(TSMimeHdrFieldNameSet(bufp, hdr, there, "X-Late", -1) == TS_ERROR);
  MUST(TSMimeHdrFieldValueStringSet(bufp, hdr, there, -1, "late", -1) == TS_ERROR);
  MUST(TSMimeHdrFieldDestroy(bufp, hdr, there) == TS_ERROR);
  MUST(TSMimeHdrFieldsClear(bufp, hdr) == TS_ERROR);
  MUST(TSMimeHdrFieldFind(bufp, hdr, "x-late", -1) == TS_NULL_MLOC);
}

static int
handler(TSCont contp UNUSED, TSEvent event, void *edata)
{
  TSHttpTxn txnp = (TSHttpTxn)edata;
  TSMBuffer bufp, again;
  TSMLoc    hdr, url, loc, field;
  int       length;

  switch (event) {
  case TS_EVENT_HTTP_READ_REQUEST_HDR:
    MUST(TSHttpTxnServerReqGet(txnp, &bufp, &hdr) == TS_ERROR && TSHttpTxnClientRespGet(txnp, &bufp, &hdr) == TS_ERROR);
    MUST(TSHttpTxnClientReqGet(txnp, &bufp, &hdr) == TS_SUCCESS);
    show(bufp, hdr);
    MUST(TSHttpHdrUrlGet(bufp, hdr, &url) == TS_SUCCESS);
    MUST(TSUrlPathSet(bufp, url, "new", -1) == TS_SUCCESS && TSUrlHttpQuerySet(bufp, url, NULL, 0) == TS_SUCCESS);
    /* What frames the body is the host's, and the rest may go. */
    field = TSMimeHdrFieldFind(bufp, hdr, "content-length", -1);
    MUST(TSMimeHdrFieldDestroy(bufp, hdr, field) == TS_ERROR && TSMimeHdrFieldRemove(bufp, hdr, field) == TS_ERROR);
    MUST(TSMimeHdrFieldValueIntSet(bufp, hdr, field, -1, 1) == TS_ERROR && TSHttpHdrVersionSet(bufp, hdr, 1 << 16) == TS_ERROR);
    field = TSMimeHdrFieldFind(bufp, hdr, "X-Gone", -1);
    MUST(TSMimeHdrFieldDestroy(bufp, hdr, field) == TS_SUCCESS && TSHandleMLocRelease(bufp, hdr, field) == TS_SUCCESS);
    append_field(bufp, hdr, "X-Plugin", "1");
    /* One buffer for one message, however often it is asked for; another for another. */
    MUST(TSHttpTxnClientReqGet(txnp, &again, &loc) == TS_SUCCESS && again == bufp && loc == hdr);
    kept      = bufp;
    kept_head = hdr;
    break;
  case TS_EVENT_HTTP_SEND_REQUEST_HDR:
    MUST(TSHttpTxnClientReqGet(txnp, &bufp, &hdr) == TS_SUCCESS && bufp == kept && hdr == kept_head);
    must_not_change(bufp, hdr);
    MUST(TSHttpTxnServerReqGet(txnp, &bufp, &hdr) == TS_SUCCESS && bufp != kept);
    MUST(TSHttpHdrTypeGet(bufp, hdr) == TS_HTTP_TYPE_REQUEST);
    say("%s", TSHttpHdrMethodGet(bufp, hdr, &length));
    append_field(bufp, hdr, "X-Origin", "2");
    break;
  case TS_EVENT_HTTP_READ_RESPONSE_HDR:
    MUST(TSHttpTxnServerRespGet(txnp, &bufp, &hdr) == TS_SUCCESS);
    MUST(TSHttpHdrTypeGet(bufp, hdr) == TS_HTTP_TYPE_RESPONSE && TSHttpHdrStatusGet(bufp, hdr) == 200);
    append_field(bufp, hdr, "X-Response", "3");
    break;
  case TS_EVENT_HTTP_SEND_RESPONSE_HDR:
    MUST(TSHttpTxnClientRespGet(txnp, &bufp, &hdr) == TS_SUCCESS);
    field = TSMimeHdrFieldFind(bufp, hdr, "x-response", -1);
    MUST(TSMimeHdrFieldValueStringInsert(bufp, hdr, field, -1, "4", -1) == TS_SUCCESS);
    MUST(TSHttpHdrStatusSet(bufp, hdr, (TSHttpStatus)203) == TS_SUCCESS);
    MUST(TSHttpHdrReasonSet(bufp, hdr, "Changed", -1) == TS_SUCCESS);
    break;
  case TS_EVENT_HTTP_TXN_CLOSE:
    /* All of it can still be read. */
    MUST(TSHttpTxnClientRespGet(txnp, &bufp, &hdr) == TS_SUCCESS && TSHttpHdrStatusGet(bufp, hdr) == 203);
    must_not_change(bufp, hdr);
    break;
  default:
    MUST(!"another event");
  }
  MUST(TSHttpTxnReenable(txnp, TS_EVENT_HTTP_CONTINUE) == TS_SUCCESS);
  return 0;
}

static void
hook_all(TSEventFunc f)
{
  static const TSHttpHookID hooks[] = {TS_HTTP_READ_REQUEST_HDR_HOOK, TS_HTTP_SEND_REQUEST_HDR_HOOK,
                                       TS_HTTP_READ_RESPONSE_HDR_HOOK, TS_HTTP_SEND_RESPONSE_HDR_HOOK, TS_HTTP_TXN_CLOSE_HOOK};
  TSCont contp = TSContCreate(f, NULL);
  for (size_t hook = 0; hook < sizeof hooks / sizeof *hooks; hook++) {
    MUST(TSHttpHookAdd(hooks[hook], contp) == TS_SUCCESS);
  }
}

ENTRY(read_and_changed)
{
  (void)argc, (void)argv;
  hook_all(handler);
}

/* A buffer that is looked at by the next transaction. */
static int
keeper(TSCont contp UNUSED, TSEvent event UNUSED, void *edata)
{
  if (kept) {
    TSMimeHdrFieldsCount(kept, kept_head);
  }
  MUST(TSHttpTxnClientReqGet((TSHttpTxn)edata, &kept, &kept_head) == TS_SUCCESS);
  TSHttpTxnReenable((TSHttpTxn)edata, TS_EVENT_HTTP_CONTINUE);
  return 0;
}

ENTRY(kept_too_long)
{
  (void)argc, (void)argv;
  MUST(TSHttpHookAdd(TS_HTTP_READ_REQUEST_HDR_HOOK, TSContCreate(keeper, NULL)) == TS_SUCCESS);
}

/* Fields that stay within the host: one plugin writes them, another reads them at a later hook. */
static int
inner_handler(TSCont contp UNUSED, TSEvent event, void *edata)
{
  TSHttpTxn txnp = (TSHttpTxn)edata;
  TSMBuffer bufp;
  TSMLoc    hdr, field;
  int       length;

  switch (event) {
  case TS_EVENT_HTTP_READ_REQUEST_HDR:
    MUST(TSHttpTxnClientReqGet(txnp, &bufp, &hdr) == TS_SUCCESS);
    append_field(bufp, hdr, "@User", "of the request");
    append_field(bufp, hdr, "X-User", "7");
    break;
  case TS_EVENT_HTTP_SEND_REQUEST_HDR:
    /* A request to the origin begins with them, and its print has none. */
    MUST(TSHttpTxnServerReqGet(txnp, &bufp, &hdr) == TS_SUCCESS);
    field = TSMimeHdrFieldFind(bufp, hdr, "@USER", -1);
    MUST(field != TS_NULL_MLOC && TSMimeHdrFieldNext(bufp, hdr, field) == TS_NULL_MLOC);
    TSIOBuffer       text   = TSIOBufferCreate();
    TSIOBufferReader reader = TSIOBufferReaderAlloc(text);
    TSMimeHdrPrint(bufp, hdr, text);
    MUST(TSIOBufferReaderAvail(reader) == TSMimeHdrLengthGet(bufp, hdr));
    char    lines[1000];
    int64_t count = TSIOBufferReaderCopy(reader, lines, sizeof lines - 1);
    lines[count]  = 0;
    MUST(strcasestr(lines, "x-user: 7\r\n") != NULL && strchr(lines, '@') == NULL);
    TSIOBufferDestroy(text);
    break;
  case TS_EVENT_HTTP_READ_RESPONSE_HDR:
    MUST(TSHttpTxnServerRespGet(txnp, &bufp, &hdr) == TS_SUCCESS);
    append_field(bufp, hdr, "@Origin", "of the response");
    break;
  case TS_EVENT_HTTP_SEND_RESPONSE_HDR:
    MUST(TSHttpTxnClientRespGet(txnp, &bufp, &hdr) == TS_SUCCESS);
    field = TSMimeHdrFieldFind(bufp, hdr, "@origin", -1);
    MUST(field != TS_NULL_MLOC);
    append_field(bufp, hdr, "X-Told", TSMimeHdrFieldValueStringGet(bufp, hdr, field, -1, &length));
    break;
  default:
    MUST(TSHttpTxnClientReqGet(txnp, &bufp, &hdr) == TS_SUCCESS);
    field = TSMimeHdrFieldFind(bufp, hdr, "@User", -1);
    MUST(field != TS_NULL_MLOC);
    say("%s", TSMimeHdrFieldValueStringGet(bufp, hdr, field, -1, &length));
  }
  MUST(TSHttpTxnReenable(txnp, TS_EVENT_HTTP_CONTINUE) == TS_SUCCESS);
  return 0;
}

ENTRY(inner_fields)
{
  (void)argc, (void)argv;
  hook_all(inner_handler);
}
