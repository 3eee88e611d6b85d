/* Every call, one argument at a time not as it should be, in processes that are split off. */
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ts/embed.h>

#include "bench.h"

enum { MOST = 8 };

/* What an argument is: a handle's type, a place, a text, a function, a number, a length. */
typedef struct {
  const char *name;
  const char *what;
} Argument;

typedef struct {
  const char *name;
  void (*call)(const uintptr_t *);
  int count;
  Argument arguments[MOST];
} Call;

/* static const Call calls[], made of the headers. */
#include "every_call_table.h"

typedef struct {
  TSCont contp, shared;
  TSMutex mutexp;
  TSAction actionp;
  TSThread thread;
  TSEventThread ethread;
  TSHttpTxn txnp;
  TSHttpSsn ssnp;
  TSMBuffer bufp;
  TSMLoc hdr, url, field;
  TSIOBuffer iobufp;
  TSIOBufferReader readerp;
  TSIOBufferBlock blockp;
  TSTextLogObject log;
  TSFile file;
  TSUuid uuid;
} Handles;

static Handles live, gone;

static Handles
made(const char *name)
{
  Handles made = {0};
  made.mutexp  = TSMutexCreate();
  made.contp   = TSContCreate(nothing, TSMutexCreate());
  made.shared  = TSContCreate(nothing, NULL);
  made.actionp = TSContScheduleOnPool(made.contp, 100000, TS_THREAD_POOL_TASK);
  made.thread  = TSThreadCreate(returns, NULL);
  TSThreadWait(made.thread);
  made.ethread = TSEventThreadSelf();
  made.bufp    = TSMBufferCreate();
  made.hdr     = TSHttpHdrCreate(made.bufp);
  MUST(TSHttpHdrTypeSet(made.bufp, made.hdr, TS_HTTP_TYPE_REQUEST) == TS_SUCCESS);
  MUST(TSUrlCreate(made.bufp, &made.url) == TS_SUCCESS);
  MUST(TSMimeHdrFieldCreateNamed(made.bufp, made.hdr, "X-Name", -1, &made.field) == TS_SUCCESS);
  MUST(TSMimeHdrFieldAppend(made.bufp, made.hdr, made.field) == TS_SUCCESS);
  made.iobufp  = TSIOBufferCreate();
  made.readerp = TSIOBufferReaderAlloc(made.iobufp);
  TSIOBufferWrite(made.iobufp, "text", 4);
  made.blockp = TSIOBufferReaderStart(made.readerp);
  MUST(TSTextLogObjectCreate(name, 0, &made.log) == TS_SUCCESS);
  made.file = TSfopen(name, "w");
  MUST(made.file != NULL);
  made.uuid = TSUuidCreate();
  return made;
}

static void
end(const Handles *it)
{
  TSContDestroy(it->contp);
  TSContDestroy(it->shared);
  TSMutexDestroy(it->mutexp);
  TSThreadDestroy(it->thread);
  TSMBufferDestroy(it->bufp);
  TSIOBufferDestroy(it->iobufp);
  TSTextLogObjectDestroy(it->log);
  TSfclose(it->file);
  TSUuidDestroy(it->uuid);
}

static void *
handle(const Handles *from, const Call *call, const Argument *argument)
{
#define IS(type, member)                      \
  if (strcmp(argument->what, #type) == 0) {   \
    return (void *)from->member;              \
  }
  if (strstr(call->name, "EntirePool") != NULL && strcmp(argument->what, "TSCont") == 0) {
    return (void *)from->shared;
  }
  IS(TSCont, contp)
  IS(TSMutex, mutexp)
  IS(TSAction, actionp)
  IS(TSThread, thread)
  IS(TSEventThread, ethread)
  IS(TSHttpTxn, txnp)
  IS(TSHttpSsn, ssnp)
  IS(TSMBuffer, bufp)
  IS(TSIOBuffer, iobufp)
  IS(TSIOBufferReader, readerp)
  IS(TSIOBufferBlock, blockp)
  IS(TSTextLogObject, log)
  IS(TSFile, file)
  IS(TSUuid, uuid)
  MUST(strcmp(argument->what, "TSMLoc") == 0);
  if (strstr(argument->name, "field") != NULL) {
    return (void *)from->field;
  }
  int is_url = strstr(argument->name, "url") != NULL || strncmp(call->name, "TSUrl", 5) == 0;
  return is_url ? (void *)from->url : (void *)from->hdr;
}

static int
is(const Argument *argument, const char *what)
{
  return strcmp(argument->what, what) == 0;
}

/* An argument that will do, as far as one can tell. */
static uintptr_t
good(const Call *call, const Argument *argument)
{
  static const char text[] = "text";
  if (is(argument, "place")) {
    char *room = (char *)TSmalloc(4096);
    memset(room, 0, 4096);
    return (uintptr_t)room;
  }
  if (is(argument, "place of a text")) {
    const char **place = (const char **)TSmalloc(sizeof(*place));
    *place             = text;
    return (uintptr_t)place;
  }
  if (is(argument, "text")) {
    return (uintptr_t)(strcmp(argument->name, "end") == 0 ? text + 4 : text);
  }
  if (is(argument, "function")) {
    return strcmp(call->name, "TSThreadCreate") == 0 ? (uintptr_t)returns : (uintptr_t)nothing;
  }
  if (is(argument, "length")) {
    return 4;
  }
  if (strcmp(argument->name, "event") == 0) {
    return TS_EVENT_HTTP_CONTINUE;
  }
  return is(argument, "number") ? strcmp(argument->name, "every") == 0 : (uintptr_t)handle(&live, call, argument);
}

/* One that will not, under its name. None: null. */
typedef struct {
  const char *how;
  uintptr_t value;
} Bad;

/* Makes the call in a process split off, and says what became of it: how it ended, what it wrote. */
static void
try(const Call *call, int which, const Bad *bad)
{
  int ends[2];
  MUST(pipe(ends) == 0);
  pid_t child = fork();
  if (child == 0) {
    /* The other threads are at rest: none of them had anything of the host's in its hands. */
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    alarm(10);
    dup2(ends[1], 2);
    uintptr_t arguments[MOST];
    for (int index = 0; index < call->count; index++) {
      arguments[index] = index == which ? bad->value : good(call, &call->arguments[index]);
    }
    call->call(arguments);
    _exit(0);
  }
  MUST(child > 0);
  close(ends[1]);
  char text[1024];
  size_t length = 0;
  ssize_t count;
  while ((count = read(ends[0], text + length, sizeof(text) - 1 - length)) > 0) {
    length += (size_t)count;
  }
  close(ends[0]);
  text[length] = 0;
  for (char *newline = text; (newline = strchr(newline, '\n')) != NULL;) {
    *newline = '|';
  }
  int status;
  MUST(waitpid(child, &status, 0) == child);
  say("%s\t%s\t%s\t%s %d\t%s", call->name, call->arguments[which].name, bad->how,
      WIFSIGNALED(status) ? "signal" : "exit", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), text);
}

static void
try_all_of(const Call *call, int which)
{
  const Argument *argument = &call->arguments[which];
  if (is(argument, "length")) {
    return;
  }
  if (is(argument, "number")) {
    const Bad numbers[] = {{"-1", (uintptr_t)-1},
                           {"least int", (uintptr_t)INT32_MIN},
                           {"greatest int", INT32_MAX},
                           {"least", (uintptr_t)INT64_MIN},
                           {"greatest", INT64_MAX}};
    for (size_t index = 0; index < sizeof(numbers) / sizeof(numbers[0]); index++) {
      try(call, which, &numbers[index]);
    }
    return;
  }
  try(call, which, &(Bad){"null", 0});
  if (strncmp(argument->what, "TS", 2) == 0) {
    try(call, which, &(Bad){"gone", (uintptr_t)handle(&gone, call, argument)});
    try(call, which, &(Bad){"made up", (uintptr_t)try});
    try(call, which, &(Bad){"other", is(argument, "TSMutex") ? (uintptr_t)live.contp : (uintptr_t)live.mutexp});
  }
}

static int
handler(TSCont contp UNUSED, TSEvent event UNUSED, void *edata)
{
  TSHttpTxn txnp = (TSHttpTxn)edata;
  TSHttpSsn ssnp = TSHttpTxnSsnGet(txnp);
  if (gone.txnp == NULL) {
    gone = made("gone");
    end(&gone);
    gone.ethread = (TSEventThread)((uintptr_t)gone.ethread + 0x1000000); /* no thread's number */
    gone.txnp    = txnp;
    gone.ssnp    = ssnp;
  } else {
    live      = made("live");
    live.txnp = txnp;
    live.ssnp = ssnp;
    for (size_t index = 0; index < sizeof(calls) / sizeof(calls[0]); index++) {
      for (int which = 0; which < calls[index].count; which++) {
        try_all_of(&calls[index], which);
      }
    }
    end(&live);
    say("all");
  }
  TSHttpTxnReenable(txnp, TS_EVENT_HTTP_CONTINUE);
  return 0;
}

static int
closed(TSCont contp UNUSED, TSEvent event UNUSED, void *edata UNUSED)
{
  say("closed");
  return 0;
}

static int
closing(TSCont contp UNUSED, TSEvent event UNUSED, void *edata)
{
  TSHttpSsnReenable((TSHttpSsn)edata, TS_EVENT_HTTP_CONTINUE);
  /* This thread ends the session before it comes to anything else. */
  TSContScheduleOnThread(TSContCreate(closed, TSMutexCreate()), 0, TSEventThreadSelf());
  return 0;
}

/* The folder for files. */
ENTRY(one_wrong_argument)
{
  MUST(argc == 2);
  MUST(chdir(argv[1]) == 0);
  MUST(setenv("TS_ROOT", argv[1], 1) == 0);
  TSHttpHookAdd(TS_HTTP_READ_REQUEST_HDR_HOOK, TSContCreate(handler, NULL));
  TSHttpHookAdd(TS_HTTP_SSN_CLOSE_HOOK, TSContCreate(closing, NULL));
}
