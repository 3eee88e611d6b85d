/* Re-enabling: by whom, how often, when it is too late. */
#include "bench.h"

/* From a thread that the host does not know. */

typedef struct {
  TSHttpTxn txnp;
  TSEvent   event;
} Answer;

static void *
answers(void *argument)
{
  Answer *answer = (Answer *)argument;
  MUST(TSHttpTxnReenable(answer->txnp, answer->event) == TS_SUCCESS);
  free(answer);
  return NULL;
}

static int
foreign_handler(TSCont contp UNUSED, TSEvent event, void *edata)
{
  Answer *answer = (Answer *)malloc(sizeof *answer);
  answer->txnp   = (TSHttpTxn)edata;
  answer->event  = event == TS_EVENT_HTTP_OS_DNS ? TS_EVENT_HTTP_ERROR : TS_EVENT_HTTP_CONTINUE;
  pthread_t thread;
  MUST(pthread_create(&thread, NULL, answers, answer) == 0);
  pthread_detach(thread);
  return 0;
}

ENTRY(from_a_foreign_thread)
{
  (void)argc, (void)argv;
  TSCont contp = TSContCreate(foreign_handler, NULL);
  TSHttpHookAdd(TS_HTTP_TXN_START_HOOK, contp);
  TSHttpHookAdd(TS_HTTP_READ_REQUEST_HDR_HOOK, contp);
  TSHttpHookAdd(TS_HTTP_OS_DNS_HOOK, contp);
  TSHttpHookAdd(TS_HTTP_TXN_CLOSE_HOOK, contp);
}

/* A session's, too. */

static void *
answers_session(void *ssnp)
{
  MUST(TSHttpSsnReenable((TSHttpSsn)ssnp, TS_EVENT_HTTP_CONTINUE) == TS_SUCCESS);
  return NULL;
}

static int
foreign_session_handler(TSCont contp UNUSED, TSEvent event UNUSED, void *edata)
{
  on_foreign_thread(answers_session, edata);
  return 0;
}

ENTRY(a_session_from_a_foreign_thread)
{
  (void)argc, (void)argv;
  TSCont contp = TSContCreate(foreign_session_handler, NULL);
  TSHttpHookAdd(TS_HTTP_SSN_START_HOOK, contp);
  TSHttpHookAdd(TS_HTTP_SSN_CLOSE_HOOK, contp);
}

/* Twice in the handler. */

static int
twice_handler(TSCont contp UNUSED, TSEvent event, void *edata)
{
  TSHttpTxn   txnp   = (TSHttpTxn)edata;
  TSReturnCode first = TSHttpTxnReenable(txnp, TS_EVENT_HTTP_CONTINUE);
  say("%s %d %d", TSHttpEventNameLookup(event), first, TSHttpTxnReenable(txnp, TS_EVENT_HTTP_ERROR));
  return 0;
}

ENTRY(twice)
{
  (void)argc, (void)argv;
  TSCont contp = TSContCreate(twice_handler, NULL);
  TSHttpHookAdd(TS_HTTP_READ_REQUEST_HDR_HOOK, contp);
  TSHttpHookAdd(TS_HTTP_SEND_RESPONSE_HDR_HOOK, contp);
}

/* In a handler that had to wait for its mutex. */

static TSMutex busy;
static Tally   locked = TALLY, let_go = TALLY;

static void *
holds_mutex(void *data UNUSED)
{
  TSMutexLock(busy);
  tell(&locked);
  wait_for(&let_go, 1);
  TSMutexUnlock(busy);
  return NULL;
}

static int
says_handler(TSCont contp, TSEvent event UNUSED, void *edata)
{
  say("%s", (const char *)TSContDataGet(contp));
  MUST(TSHttpTxnReenable((TSHttpTxn)edata, TS_EVENT_HTTP_CONTINUE) == TS_SUCCESS);
  return 0;
}

static int
lets_go_handler(TSCont contp UNUSED, TSEvent event UNUSED, void *edata UNUSED)
{
  tell(&let_go);
  return 0;
}

ENTRY(after_a_wait)
{
  (void)argc, (void)argv;
  busy          = TSMutexCreate();
  TSCont first  = TSContCreate(says_handler, NULL);
  TSCont second = TSContCreate(says_handler, busy);
  TSContDataSet(first, "first");
  TSContDataSet(second, "second");
  TSHttpHookAdd(TS_HTTP_READ_REQUEST_HDR_HOOK, first);
  TSHttpHookAdd(TS_HTTP_READ_REQUEST_HDR_HOOK, second);
  TSLifecycleHookAdd(TS_LIFECYCLE_MSG_HOOK, TSContCreate(lets_go_handler, NULL));
  pthread_t thread;
  MUST(pthread_create(&thread, NULL, holds_mutex, NULL) == 0);
  wait_for(&locked, 1);
}

/* A second answer, from elsewhere, while the next one waits to be called. */

static TSHttpTxn answered;

static int
answers_message_handler(TSCont contp UNUSED, TSEvent event UNUSED, void *edata UNUSED)
{
  say("again: %d", TSHttpTxnReenable(answered, TS_EVENT_HTTP_ERROR));
  tell(&let_go);
  return 0;
}

static int
answers_once_handler(TSCont contp UNUSED, TSEvent event UNUSED, void *edata)
{
  answered = (TSHttpTxn)edata;
  MUST(TSHttpTxnReenable(answered, TS_EVENT_HTTP_CONTINUE) == TS_SUCCESS);
  say("once");
  return 0;
}

ENTRY(while_the_next_one_waits)
{
  (void)argc, (void)argv;
  busy          = TSMutexCreate();
  TSCont second = TSContCreate(says_handler, busy);
  TSContDataSet(second, "second");
  TSHttpHookAdd(TS_HTTP_READ_REQUEST_HDR_HOOK, TSContCreate(answers_once_handler, NULL));
  TSHttpHookAdd(TS_HTTP_READ_REQUEST_HDR_HOOK, second);
  TSLifecycleHookAdd(TS_LIFECYCLE_MSG_HOOK, TSContCreate(answers_message_handler, NULL));
  pthread_t thread;
  MUST(pthread_create(&thread, NULL, holds_mutex, NULL) == 0);
  wait_for(&locked, 1);
}

/* Without handing out the transaction: no one will, until the host does. */

static TSHttpTxn held;

static int
holds_handler(TSCont contp UNUSED, TSEvent event UNUSED, void *edata)
{
  held = (TSHttpTxn)edata;
  return 0;
}

static int
late_handler(TSCont contp UNUSED, TSEvent event UNUSED, void *edata)
{
  say("%s late: %d", ((const TSPluginMsg *)edata)->tag, TSHttpTxnReenable(held, TS_EVENT_HTTP_CONTINUE));
  return 0;
}

ENTRY(too_late)
{
  (void)argc, (void)argv;
  TSHttpHookAdd(TS_HTTP_READ_REQUEST_HDR_HOOK, TSContCreate(holds_handler, NULL));
  TSLifecycleHookAdd(TS_LIFECYCLE_MSG_HOOK, TSContCreate(late_handler, NULL));
}

/* With a number that is no answer. */

static int
wrong_handler(TSCont contp UNUSED, TSEvent event, void *edata)
{
  TSHttpTxnReenable((TSHttpTxn)edata, event);
  return 0;
}

ENTRY(a_wrong_answer)
{
  (void)argc, (void)argv;
  TSHttpHookAdd(TS_HTTP_TXN_START_HOOK, TSContCreate(wrong_handler, NULL));
}

static int
wrong_session_handler(TSCont contp UNUSED, TSEvent event, void *edata)
{
  TSHttpSsnReenable((TSHttpSsn)edata, event);
  return 0;
}

ENTRY(a_wrong_answer_of_a_session)
{
  (void)argc, (void)argv;
  TSHttpHookAdd(TS_HTTP_SSN_START_HOOK, TSContCreate(wrong_session_handler, NULL));
}

/* With an answer to another kind of thing. */

static int
confused_handler(TSCont contp UNUSED, TSEvent event UNUSED, void *edata)
{
  TSHttpTxnReenable((TSHttpTxn)edata, TS_EVENT_HTTP_CONTINUE);
  return 0;
}

ENTRY(a_session_as_a_transaction)
{
  (void)argc, (void)argv;
  TSHttpHookAdd(TS_HTTP_SSN_START_HOOK, TSContCreate(confused_handler, NULL));
}

/* When the transaction is over. */

static int
remembers_handler(TSCont contp UNUSED, TSEvent event UNUSED, void *edata)
{
  if (held == NULL) {
    held = (TSHttpTxn)edata;
  } else {
    /* The one before, on the same connection. */
    TSHttpTxnSsnGet(held);
  }
  TSHttpTxnReenable((TSHttpTxn)edata, TS_EVENT_HTTP_CONTINUE);
  return 0;
}

ENTRY(a_transaction_that_is_over)
{
  (void)argc, (void)argv;
  TSHttpHookAdd(TS_HTTP_TXN_START_HOOK, TSContCreate(remembers_handler, NULL));
}

ENTRY(no_transaction)
{
  (void)argc, (void)argv;
  TSHttpTxnReenable(NULL, TS_EVENT_HTTP_CONTINUE);
}

/* An event that is about a transaction. */

static int timed_out;

static int
schedules_handler(TSCont contp, TSEvent event, void *edata)
{
  TSHttpTxn txnp = (TSHttpTxn)edata;
  switch ((int)event) {
  case TS_EVENT_HTTP_READ_REQUEST_HDR: {
    TSAction cancelled = TSHttpSchedule(contp, txnp, 0);
    TSActionCancel(cancelled);
    TSHttpSchedule(contp, txnp, 0);
    held      = txnp;
    timed_out = 0;
    return 0;
  }
  case TS_EVENT_IMMEDIATE:
    MUST(txnp == held);
    say("at once");
    TSHttpSchedule(contp, txnp, -1);
    return 0;
  case TS_EVENT_TIMEOUT:
    MUST(txnp == held && TSHttpTxnIdGet(txnp) != 0);
    if (!timed_out) {
      timed_out = 1;
      say("too late");
      TSHttpSchedule(contp, txnp, 2);
      return 0;
    }
    say("in time");
    break;
  default:
    /* The transaction will be over by then: it is dropped. */
    MUST(event == TS_EVENT_HTTP_TXN_CLOSE);
    TSHttpSchedule(contp, txnp, 1);
    say("closed");
    break;
  }
  TSHttpTxnReenable(txnp, TS_EVENT_HTTP_CONTINUE);
  return 0;
}

ENTRY(an_event_about_a_transaction)
{
  (void)argc, (void)argv;
  TSCont contp = TSContCreate(schedules_handler, TSMutexCreate());
  TSHttpHookAdd(TS_HTTP_READ_REQUEST_HDR_HOOK, contp);
  TSHttpHookAdd(TS_HTTP_TXN_CLOSE_HOOK, contp);
}

static void *
schedules(void *contp)
{
  TSHttpSchedule((TSCont)contp, held, 0);
  return NULL;
}

static int
schedules_elsewhere_handler(TSCont contp, TSEvent event UNUSED, void *edata)
{
  held = (TSHttpTxn)edata;
  on_foreign_thread(schedules, contp);
  return 0;
}

ENTRY(scheduled_by_a_foreign_thread)
{
  (void)argc, (void)argv;
  TSHttpHookAdd(TS_HTTP_TXN_START_HOOK, TSContCreate(schedules_elsewhere_handler, TSMutexCreate()));
}

static int
schedules_itself_handler(TSCont contp, TSEvent event UNUSED, void *edata)
{
  TSHttpSchedule(contp, (TSHttpTxn)edata, 0);
  return 0;
}

ENTRY(scheduled_without_a_mutex)
{
  (void)argc, (void)argv;
  TSHttpHookAdd(TS_HTTP_TXN_START_HOOK, TSContCreate(schedules_itself_handler, NULL));
}
