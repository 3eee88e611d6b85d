#include "bench.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

/* Goes to the folder that the test has made, before anything asks where things are. */
static void
go(const char *argv[])
{
  MUST(chdir(argv[1]) == 0);
}

static char *
contents(const char *path)
{
  FILE *file = fopen(path, "r");
  MUST(file != NULL);
  char *text = (char *)calloc(1, 1 << 20);
  MUST(fread(text, 1, (1 << 20) - 1, file) < (1 << 20) - 1);
  fclose(file);
  return text;
}

ENTRY(memory)
{
  (void)argc, (void)argv;
  MUST(TSmalloc(0) == NULL);
  char *bytes = (char *)TSmalloc(8);
  memset(bytes, 'x', 8);
  bytes = (char *)TSrealloc(bytes, 4096);
  MUST(memcmp(bytes, "xxxxxxxx", 8) == 0);
  /* One heap: either frees what the other made. */
  free(bytes);
  TSfree(malloc(3));
  TSfree(NULL);
  MUST(TSrealloc(TSrealloc(NULL, 5), 0) == NULL);

  char *copy = TSstrdup("words");
  MUST(strcmp(copy, "words") == 0);
  TSfree(copy);
  MUST(TSstrdup(NULL) == NULL && TSstrndup(NULL, 3) == NULL);
  const char unended[3] = {'a', 'b', 'c'};
  copy = TSstrndup(unended, 3);
  MUST(strcmp(copy, "abc") == 0);
  TSfree(copy);
  copy = TSstrndup("ab\0cd", 5);
  MUST(strcmp(copy, "ab") == 0);
  TSfree(copy);
  copy = TSstrndup("abc", -1);
  MUST(strcmp(copy, "abc") == 0);
  TSfree(copy);

  char room[6];
  MUST(TSstrlcpy(room, "ab", sizeof(room)) == 2 && strcmp(room, "ab") == 0);
  MUST(TSstrlcat(room, "cde", sizeof(room)) == 5 && strcmp(room, "abcde") == 0);
  MUST(TSstrlcat(room, "fg", sizeof(room)) == 7 && strcmp(room, "abcde") == 0);
  MUST(TSstrlcpy(room, "123456789", sizeof(room)) == 9 && strcmp(room, "12345") == 0);
  MUST(TSstrlcpy(NULL, "123", 0) == 3);
  memset(room, 'x', sizeof(room));
  MUST(TSstrlcat(room, "12", sizeof(room)) == 8 && room[5] == 'x');
}

ENTRY(place)
{
  go(argv);
  (void)argc;
  MUST(strcmp(TSTrafficServerVersionGet(), TS_VERSION_STRING) == 0);
  MUST(TSTrafficServerVersionGetMajor() == TS_VERSION_MAJOR && TSTrafficServerVersionGetMinor() == TS_VERSION_MINOR);
  MUST(TSTrafficServerVersionGetPatch() == TS_VERSION_MICRO);
  char *here = getcwd(NULL, 0);
  say("%s", strcmp(TSInstallDirGet(), here) == 0 ? "installed here" : TSInstallDirGet());
  say("%s", TSConfigDirGet() + strlen(here));
  say("%s", TSPluginDirGet() + strlen(here));
  say("%s", TSRuntimeDirGet() + strlen(here));
  MUST(TSPluginDirGet() == TSPluginDirGet());
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  TSHRTime wall = (TSHRTime)now.tv_sec * 1000000000 + now.tv_nsec, told = TShrtime();
  MUST(told >= wall && told - wall < (TSHRTime)3600 * 1000000000);
}

ENTRY(names)
{
  (void)argc, (void)argv;
  say("%s %s", TSHttpHookNameLookup(TS_HTTP_READ_REQUEST_HDR_HOOK), TSHttpHookNameLookup(TS_HTTP_TUNNEL_START_HOOK));
  say("%s", TSHttpHookNameLookup(TS_VCONN_OUTBOUND_CLOSE_HOOK));
  say("%s", TSHttpHookNameLookup((TSHttpHookID)TS_HTTP_LAST_HOOK));
  say("%s %s", TSHttpEventNameLookup(TS_EVENT_NONE), TSHttpEventNameLookup(TS_EVENT_MGMT_UPDATE));
  say("%s %s", TSHttpEventNameLookup(TS_EVENT_HTTP_TXN_CLOSE), TSHttpEventNameLookup((TSEvent)7));
  say("%s", TSHttpServerStateNameLookup(TS_SRVSTATE_OUTBOUND_CONGESTION));
}

ENTRY(uuids)
{
  (void)argc, (void)argv;
  TSUuid one = TSUuidCreate(), two = TSUuidCreate();
  MUST(TSUuidStringGet(one) == NULL && TSUuidVersionGet(one) == TS_UUID_UNDEFINED && TSUuidCopy(two, one) == TS_ERROR);
  MUST(TSUuidInitialize(one, TS_UUID_V1) == TS_ERROR && TSUuidInitialize(one, TS_UUID_V4) == TS_SUCCESS);
  const char *text = TSUuidStringGet(one);
  MUST(strlen(text) == TS_UUID_STRING_LEN && TSUuidVersionGet(one) == TS_UUID_V4);
  MUST(TSUuidCopy(two, one) == TS_SUCCESS && strcmp(TSUuidStringGet(two), text) == 0);
  TSUuidDestroy(two);
  MUST(strlen(text) == TS_UUID_STRING_LEN);
  two = TSUuidCreate();
  MUST(TSUuidStringParse(two, "c232ab00-9414-11ec-b3c8-9f6bdeced846") == TS_SUCCESS && TSUuidVersionGet(two) == TS_UUID_V1);
  MUST(strcmp(TSUuidStringGet(two), "c232ab00-9414-11ec-b3c8-9f6bdeced846") == 0);
  MUST(TSUuidStringParse(two, "c232ab0094141-1ec-b3c8-9f6bdeced846") == TS_ERROR);
  MUST(TSUuidStringParse(two, "{232ab00-9414-11ec-b3c8-9f6bdeced84}") == TS_ERROR);
  TSUuid own = TSProcessUuidGet();
  MUST(own == TSProcessUuidGet() && TSUuidVersionGet(own) == TS_UUID_V4);
  MUST(TSUuidCopy(two, own) == TS_SUCCESS && strcmp(TSUuidStringGet(own), TSUuidStringGet(two)) == 0);
  TSUuidDestroy(one);
  TSUuidDestroy(two);
}

ENTRY(files)
{
  go(argv);
  (void)argc;
  MUST(TSfopen("none", "r") == NULL && TSfopen("x", "rw") == NULL && TSfopen("none/x", "w") == NULL);
  TSFile file = TSfopen("a file", "w");
  MUST(TSfwrite(file, "one\ntwo long\nthr", 16) == 16 && TSfread(file, (char[4]){0}, 4) == -1);
  MUST(contents("a file")[0] == '\0');
  TSfflush(file);
  MUST(strcmp(contents("a file"), "one\ntwo long\nthr") == 0);
  TSfclose(file);
  file = TSfopen("a file", "a");
  MUST(TSfwrite(file, "ee", 2) == 2);
  TSfclose(file);

  char line[6];
  file = TSfopen("a file", "r");
  MUST(TSfwrite(file, "x", 1) == -1);
  TSfflush(file);
  MUST(TSfgets(file, line, sizeof(line)) == line && strcmp(line, "one\n") == 0);
  MUST(TSfgets(file, line, sizeof(line)) == line && strcmp(line, "two l") == 0);
  MUST(TSfread(file, line, 2) == 2 && memcmp(line, "on", 2) == 0);
  MUST(TSfgets(file, line, sizeof(line)) == line && strcmp(line, "g\n") == 0);
  MUST(TSfgets(file, line, sizeof(line)) == line && strcmp(line, "three") == 0);
  MUST(TSfgets(file, line, sizeof(line)) == NULL && TSfread(file, line, 1) == 0);
  TSfclose(file);
}

ENTRY(arguments)
{
  (void)argc, (void)argv;
  int         index, again;
  const char *name, *about;
  static const int first[] = {1000, 2000, 3000, 4000};
  for (int type = 0; type < TS_USER_ARGS_COUNT; type++) {
    MUST(TSUserArgIndexNameLookup((TSUserArgType)type, "mine", &index, &about) == TS_ERROR);
    MUST(TSUserArgIndexReserve((TSUserArgType)type, "mine", "for tests", &index) == TS_SUCCESS);
    MUST(index == first[type]);
    MUST(TSUserArgIndexReserve((TSUserArgType)type, "mine", NULL, &again) == TS_SUCCESS && again == index);
    MUST(TSUserArgIndexReserve((TSUserArgType)type, "other", NULL, &again) == TS_SUCCESS && again == index + 1);
    MUST(TSUserArgIndexReserve((TSUserArgType)type, "", NULL, &again) == TS_ERROR);
    MUST(TSUserArgIndexNameLookup((TSUserArgType)type, "mine", &again, &about) == TS_SUCCESS && again == index);
    MUST(strcmp(about, "for tests") == 0);
    MUST(TSUserArgIndexNameLookup((TSUserArgType)type, "mine", &again, NULL) == TS_SUCCESS);
    MUST(TSUserArgIndexLookup((TSUserArgType)type, index, &name, &about) == TS_SUCCESS && strcmp(name, "mine") == 0);
    MUST(TSUserArgIndexLookup((TSUserArgType)type, index + 2, &name, &about) == TS_ERROR);
    MUST(TSUserArgIndexLookup((TSUserArgType)type, -1, &name, NULL) == TS_ERROR);
  }
  /* However many are asked for, no index is another type's, and the table has an end. */
  int reserved = 2;
  char text[16];
  for (; reserved < 1000; reserved++) {
    snprintf(text, sizeof(text), "global %d", reserved);
    if (TSUserArgIndexReserve(TS_USER_ARGS_GLB, text, NULL, &again) == TS_ERROR) {
      break;
    }
    MUST(again == 4000 + reserved);
  }
  say("%d", reserved);
  MUST(TSUserArgIndexLookup(TS_USER_ARGS_GLB, 4000 + reserved, &name, NULL) == TS_ERROR);
  MUST(TSUserArgIndexLookup(TS_USER_ARGS_TXN, 1002, &name, NULL) == TS_ERROR);
  MUST(TSUserArgGet(NULL, 4000) == NULL);
  TSUserArgSet(NULL, 4000, text);
  MUST(TSUserArgGet(NULL, 4000) == text && TSUserArgGet(NULL, 4001) == NULL);
}

ENTRY(statistics)
{
  go(argv);
  (void)argc;
  int found, sum = TSStatCreate("a.sum", TS_RECORDDATATYPE_INT, TS_STAT_PERSISTENT, TS_STAT_SYNC_SUM);
  MUST(sum >= 0 && TSStatCreate("a.sum", TS_RECORDDATATYPE_INT, TS_STAT_PERSISTENT, TS_STAT_SYNC_SUM) == sum);
  MUST(TSStatFindName("a.sum", &found) == TS_SUCCESS && found == sum && TSStatFindName("a.sum", NULL) == TS_SUCCESS);
  MUST(TSStatFindName("a.su", &found) == TS_ERROR);
  MUST(TSStatCreate("a.float", TS_RECORDDATATYPE_FLOAT, TS_STAT_PERSISTENT, TS_STAT_SYNC_SUM) == TS_ERROR);
  MUST(TSStatCreate("", TS_RECORDDATATYPE_INT, TS_STAT_PERSISTENT, TS_STAT_SYNC_SUM) == TS_ERROR);
  say("%lld", (long long)TSStatIntGet(sum));
  TSStatIntIncrement(sum, 5);
  TSStatIntDecrement(sum, 2);
  say("%lld", (long long)TSStatIntGet(sum));
  int average = TSStatCreate("a.average", TS_RECORDDATATYPE_INT, TS_STAT_NON_PERSISTENT, TS_STAT_SYNC_AVG);
  MUST(average == sum + 1);
  TSStatIntSet(average, 40);
  MUST(TSStatIntGet(average) == 40);
  TSMgmtInt     number;
  TSMgmtCounter counter;
  TSRecordDataType type;
  MUST(TSMgmtIntGet("a.average", &number) == TS_SUCCESS && number == 40);
  MUST(TSMgmtCounterGet("a.average", &counter) == TS_SUCCESS && counter == 40);
  MUST(TSMgmtDataTypeGet("a.average", &type) == TS_SUCCESS && type == TS_RECORDDATATYPE_COUNTER);
  /* The end of the process keeps what persists. */
  TSFatal("enough of %d", 3);
}

ENTRY(records)
{
  (void)argc, (void)argv;
  TSMgmtInt        number = 7;
  TSMgmtFloat      real;
  TSMgmtString     text;
  TSMgmtSource     source;
  TSRecordDataType type;
  MUST(TSMgmtIntGet("proxy.config.task_threads", &number) == TS_SUCCESS && number == 1);
  MUST(TSMgmtFloatGet("proxy.config.exec_thread.autoconfig.scale", &real) == TS_SUCCESS && real == 1.0f);
  MUST(TSMgmtStringGet("proxy.config.diags.debug.tags", &text) == TS_SUCCESS && strcmp(text, "http|dns") == 0);
  TSfree(text);
  MUST(TSMgmtSourceGet("proxy.config.task_threads", &source) == TS_SUCCESS && source == TS_MGMT_SOURCE_DEFAULT);
  MUST(TSMgmtDataTypeGet("proxy.config.task_threads", &type) == TS_SUCCESS && type == TS_RECORDDATATYPE_INT);
  MUST(TSMgmtDataTypeGet("proxy.config.diags.debug.tags", &type) == TS_SUCCESS && type == TS_RECORDDATATYPE_STRING);
  /* Another type, and other names. */
  MUST(TSMgmtFloatGet("proxy.config.task_threads", &real) == TS_ERROR);
  MUST(TSMgmtIntGet("proxy.config.diags.debug.tags", &number) == TS_ERROR);
  MUST(TSMgmtCounterGet("proxy.config.task_threads", &number) == TS_ERROR);
  MUST(TSMgmtStringGet("proxy.config.task_threads", &text) == TS_ERROR);
  MUST(TSMgmtIntGet("task_threads", &number) == TS_ERROR && TSMgmtIntGet("proxy.config.none", &number) == TS_ERROR);
  MUST(TSMgmtSourceGet("", &source) == TS_ERROR && TSMgmtDataTypeGet("x", &type) == TS_ERROR && number == 1);
}

ENTRY(lines)
{
  (void)argc, (void)argv;
  TSStatus("status %d", 1);
  TSNote("note\n");
  TSWarning("two\nlines");
  TSError("%0600d", 1);
  static DbgCtl off = DBG_CTL("base");
  MUST(!DbgCtlOn(&off) && strcmp(DbgCtlTag(&off), "base") == 0 && TSDbgTagGet("base") == TSDbgTagGet("base"));
  MUST(TSDbgGlobalOn() == 0);
  int evaluated = 0;
  Dbg(off, "%d", ++evaluated);
  MUST(evaluated == 0);
  DbgPrint(off, "%d", ++evaluated);
}

ENTRY(ends)
{
  go(argv);
  TSTextLogObject log;
  MUST(TSTextLogObjectCreate("last", 0, &log) == TS_SUCCESS);
  TSTextLogObjectWrite(log, "last words");
  if (strcmp(argv[argc - 1], "fatal") == 0) {
    TSFatal("a fault of %s", "nobody");
  } else if (strcmp(argv[argc - 1], "alert") == 0) {
    TSAlert("look\nhere");
  } else if (strcmp(argv[argc - 1], "emergency") == 0) {
    TSEmergency("never again");
  } else {
    TSReleaseAssert(argc == 17);
  }
}

/* What the file says, without what differs from day to day. */
static void
show(const char *path)
{
  char *text = contents(path);
  for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
    say("%s: %s", path, line);
  }
}

ENTRY(logs)
{
  go(argv);
  (void)argc;
  TSTextLogObject one, two, three;
  MUST(TSTextLogObjectCreate("own", 0, &one) == TS_SUCCESS);
  MUST(TSTextLogObjectCreate("own", 0, &two) == TS_SUCCESS);
  MUST(TSTextLogObjectCreate("own", TS_LOG_MODE_DO_NOT_RENAME, &three) == TS_ERROR && three == NULL);
  MUST(TSTextLogObjectCreate("own", TS_LOG_MODE_INVALID_FLAG, &three) == TS_ERROR);
  MUST(TSTextLogObjectCreate("../own", 0, &three) == TS_ERROR);
  MUST(TSTextLogObjectCreate("deep/own.txt", TS_LOG_MODE_ADD_TIMESTAMP, &three) == TS_SUCCESS);
  TSTextLogObjectHeaderSet(one, "# header");
  MUST(TSTextLogObjectRollingEnabledSet(one, 5) == TS_ERROR && TSTextLogObjectRollingEnabledSet(one, 2) == TS_SUCCESS);
  TSTextLogObjectRollingIntervalSecSet(one, 3600);
  TSTextLogObjectRollingIntervalSecSet(one, 7);
  TSTextLogObjectRollingOffsetHrSet(one, 24);
  TSTextLogObjectRollingSizeMbSet(one, 1);
  MUST(TSTextLogObjectWrite(one, "%s %d", "line", 1) == TS_SUCCESS && TSTextLogObjectWrite(one, "line 2\n") == TS_SUCCESS);
  TSTextLogObjectWrite(two, "line 3");
  TSTextLogObjectWrite(three, "line 4");
  TSTextLogObjectFlush(one);
  show("var/log/trafficserver/own.log");
  MUST(TSTextLogObjectDestroy(two) == TS_SUCCESS && TSTextLogObjectDestroy(three) == TS_SUCCESS);
  show("var/log/trafficserver/own_1.log");
  char *stamped = contents("var/log/trafficserver/deep/own.txt");
  int   year, month, day, hour, minute, second, end = 0;
  sscanf(stamped, "%4d%2d%2d.%2dh%2dm%2ds line 4%n", &year, &month, &day, &hour, &minute, &second, &end);
  MUST(strcmp(stamped + end, "\n") == 0 && end == 25);

  /* More than a mebibyte: the file begins anew, with its header. */
  char line[1025];
  memset(line, 'x', 1024);
  line[1024] = '\0';
  for (int count = 0; count < 1300; count++) {
    MUST(TSTextLogObjectWriteText(one, line) == TS_SUCCESS);
    if (count % 100 == 0) {
      TSTextLogObjectFlush(one);
    }
  }
  MUST(TSTextLogObjectDestroy(one) == TS_SUCCESS);
  DIR *folder = opendir("var/log/trafficserver");
  int  old = 0;
  for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
    old += strncmp(entry->d_name, "own.log.", 8) == 0 && strstr(entry->d_name, ".old") != NULL;
  }
  closedir(folder);
  char *last = contents("var/log/trafficserver/own.log");
  say("%d old, then %.8s", old, last);
}

/* Several threads at once, some of which the host knows nothing of. */

enum { THREADS = 4, NAMES = 12, LINES = 3000 };

static pthread_barrier_t all_there;
static TSTextLogObject   common;
static int               indices[THREADS][NAMES];

static void *
one_of_them(void *data)
{
  int  me = (int)(intptr_t)data;
  char name[32];
  pthread_barrier_wait(&all_there);
  for (int index = 0; index < NAMES; index++) {
    /* Each begins with another. */
    int number = (index + me) % NAMES;
    snprintf(name, sizeof(name), "common %d", number);
    MUST(TSUserArgIndexReserve(TS_USER_ARGS_GLB, name, NULL, &indices[me][number]) == TS_SUCCESS);
    int stat = TSStatCreate(name, TS_RECORDDATATYPE_INT, TS_STAT_NON_PERSISTENT, TS_STAT_SYNC_SUM);
    TSStatIntIncrement(stat, 1);
    MUST(TSDbgTagGet(name) == TSDbgTagGet(name));
  }
  int all = TSStatCreate("common", TS_RECORDDATATYPE_INT, TS_STAT_NON_PERSISTENT, TS_STAT_SYNC_SUM);
  pthread_barrier_wait(&all_there);
  for (int times = 0; times < 100 * LINES; times++) {
    TSStatIntIncrement(all, 1);
  }
  for (int line = 0; line < LINES; line++) {
    MUST(TSTextLogObjectWrite(common, "%d %d and some more, so that it is longer", me, line) == TS_SUCCESS);
    if (line % 5 == me) {
      TSTextLogObjectFlush(common);
    }
  }
  return NULL;
}

ENTRY(together)
{
  go(argv);
  (void)argc;
  MUST(TSTextLogObjectCreate("common", 0, &common) == TS_SUCCESS);
  pthread_barrier_init(&all_there, NULL, THREADS);
  pthread_t threads[THREADS];
  for (int index = 0; index < THREADS; index++) {
    MUST(pthread_create(&threads[index], NULL, one_of_them, (void *)(intptr_t)index) == 0);
  }
  for (int index = 0; index < THREADS; index++) {
    MUST(pthread_join(threads[index], NULL) == 0);
  }
  int seen[NAMES] = {0};
  for (int number = 0; number < NAMES; number++) {
    char name[32];
    int  index = indices[0][number], stat;
    MUST(index >= 4000 && index < 4000 + NAMES && seen[index - 4000]++ == 0);
    for (int thread = 1; thread < THREADS; thread++) {
      MUST(indices[thread][number] == index);
    }
    snprintf(name, sizeof(name), "common %d", number);
    MUST(TSStatFindName(name, &stat) == TS_SUCCESS && TSStatIntGet(stat) == THREADS);
  }
  int sum;
  MUST(TSStatFindName("common", &sum) == TS_SUCCESS && TSStatIntGet(sum) == THREADS * 100 * LINES);
  TSTextLogObjectDestroy(common);
  FILE *file = fopen("var/log/trafficserver/common.log", "r");
  int   next[THREADS] = {0}, thread, line, all = 0, end;
  char  text[128];
  while (fgets(text, sizeof(text), file) != NULL) {
    MUST(sscanf(text, "%d %d and some more, so that it is longer%n", &thread, &line, &end) == 2 && strcmp(text + end, "\n") == 0);
    MUST(next[thread]++ == line);
    all++;
  }
  fclose(file);
  say("%d lines", all);
}

/* Not from a test of its own: what may be asked of anything, and is not good. */
ENTRY(fault)
{
  const char *what = argv[argc - 1];
  int         index;
  TSTextLogObject log;
#define FAULT(name, call)          \
  if (strcmp(what, name) == 0) {   \
    call;                          \
    return;                        \
  }
  FAULT("strlcpy", TSstrlcpy(NULL, "x", 2))
  FAULT("strlcat", TSstrlcat((char *)what, NULL, 2))
  FAULT("uuid-null", TSUuidInitialize(NULL, TS_UUID_V4))
  TSUuid uuid = TSUuidCreate();
  FAULT("uuid-kind", TSUuidStringGet((TSUuid)TSMutexCreate()))
  FAULT("uuid-text", TSUuidStringParse(uuid, NULL))
  FAULT("uuid-process", TSUuidDestroy(TSProcessUuidGet()))
  FAULT("uuid-process-set", TSUuidInitialize(TSProcessUuidGet(), TS_UUID_V4))
  FAULT("uuid-txn", TSClientRequestUuidGet((TSHttpTxn)uuid, (char *)what))
  FAULT("uuid-stale", TSUuidDestroy(uuid); TSUuidVersionGet(uuid))
  FAULT("open-null", TSfopen(NULL, "r"))
  FAULT("close-null", TSfclose(NULL))
  TSFile file = TSfopen("/dev/zero", "r");
  FAULT("close-twice", TSfclose(file); TSfclose(file))
  FAULT("read-null", TSfread(file, NULL, 1))
  FAULT("read-below-zero", TSfread(file, (char *)what, (size_t)-1))
  FAULT("write-below-zero", TSfwrite(file, what, (size_t)-1))
  FAULT("read-kind", TSfread((TSFile)uuid, (char *)what, 1))
  FAULT("gets-null", TSfgets(file, NULL, 1))
  FAULT("arg-type", TSUserArgIndexReserve(TS_USER_ARGS_COUNT, "x", NULL, &index))
  FAULT("arg-type-below", TSUserArgIndexLookup((TSUserArgType)-1, 1000, &what, NULL))
  FAULT("arg-name", TSUserArgIndexReserve(TS_USER_ARGS_GLB, NULL, NULL, &index))
  FAULT("arg-place", TSUserArgIndexReserve(TS_USER_ARGS_GLB, "x", NULL, NULL))
  FAULT("arg-nobody", TSUserArgSet(NULL, 4000, NULL))
  FAULT("arg-range", TSUserArgGet(NULL, -1))
  TSUserArgIndexReserve(TS_USER_ARGS_TXN, "x", NULL, &index);
  FAULT("arg-null", TSUserArgSet(NULL, index, NULL))
  FAULT("arg-kind", TSUserArgGet(uuid, index))
  TSUserArgIndexReserve(TS_USER_ARGS_VCONN, "x", NULL, &index);
  FAULT("arg-connection", TSUserArgGet(uuid, index))
  FAULT("stat-name", TSStatCreate(NULL, TS_RECORDDATATYPE_INT, TS_STAT_PERSISTENT, TS_STAT_SYNC_SUM))
  FAULT("stat-sync", TSStatCreate("x", TS_RECORDDATATYPE_INT, TS_STAT_PERSISTENT, (TSStatSync)4))
  FAULT("stat-persist", TSStatCreate("x", TS_RECORDDATATYPE_INT, (TSStatPersistence)0, TS_STAT_SYNC_SUM))
  FAULT("stat-none", TSStatIntIncrement(0, 1))
  FAULT("stat-below", TSStatIntGet(-1))
  FAULT("stat-find", TSStatFindName(NULL, &index))
  FAULT("mgmt-name", TSMgmtIntGet(NULL, (TSMgmtInt[1]){0}))
  FAULT("mgmt-place", TSMgmtStringGet("proxy.config.http.server_ports", NULL))
  FAULT("mgmt-cont", TSMgmtUpdateRegister(NULL, "x", NULL))
  FAULT("mgmt-file", TSMgmtConfigFileAdd("x", NULL))
  FAULT("diags-level", TSDiagsWrite(9, "x"))
  FAULT("diags-text", TSDiagsWrite(5, NULL))
  FAULT("debug-tag", TSDbgTagGet(NULL))
  FAULT("log-place", TSTextLogObjectCreate("x", 0, NULL))
  FAULT("log-name", TSTextLogObjectCreate(NULL, 0, &log))
  FAULT("log-null", TSTextLogObjectWrite(NULL, "x"))
  FAULT("log-kind", TSTextLogObjectFlush((TSTextLogObject)file))
  go(argv);
  TSTextLogObjectCreate("x", 0, &log);
  FAULT("log-text", TSTextLogObjectWriteText(log, NULL))
  FAULT("log-stale", TSTextLogObjectDestroy(log); TSTextLogObjectWrite(log, "x"))
  say("there is no %s", what);
}
