/* A program of its own that runs a server: cc serve.c $(pkg-config --cflags --libs ts) -o serve && ./serve
 *
 * Its arguments are plugins. It asks itself for a page, says what it got, and ends.
 */

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ts/embed.h>

static int
failed(const char *what)
{
  fprintf(stderr, "%s: %s\n", what, TSRuntimeErrorGet());
  return 1;
}

/* The first line of what the server answers. */
static void
ask(int port, char *line, size_t size)
{
  static const char request[] = "GET / HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\n\r\n";
  struct sockaddr_in to       = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  ssize_t            length   = -1;
  int                client   = socket(AF_INET, SOCK_STREAM, 0);
  to.sin_addr.s_addr          = htonl(INADDR_LOOPBACK);
  if (connect(client, (struct sockaddr *)&to, sizeof(to)) == 0 &&
      write(client, request, sizeof(request) - 1) == (ssize_t)sizeof(request) - 1) {
    length = read(client, line, size - 1);
  }
  close(client);
  line[length > 0 ? length : 0] = '\0';
  line[strcspn(line, "\r\n")]   = '\0';
}

int
main(int argc, char *argv[])
{
  TSRuntimeConfig config  = {.net_threads = 2, .task_threads = 1, .crash_report = 1};
  const char     *rules[] = {"http://b.example/", "http://127.0.0.1:9/"};
  char            line[1024], report[4096];
  int             port = 0;

  if (TSRuntimePrepare(&config) != TS_SUCCESS) {
    return failed("prepare");
  }
  for (int at = 1; at < argc; at++) {
    if (TSRuntimePluginLoad(argv[at], 0, NULL) != TS_SUCCESS) {
      return failed("load");
    }
  }
  if (TSRuntimeStart() != TS_SUCCESS) {
    return failed("start");
  }
  if (TSRuntimeServe("127.0.0.1:0", rules, 1, &port) != TS_SUCCESS) {
    return failed("serve");
  }
  ask(port, line, sizeof(line));
  printf("asked for a host that there is no rule for: %s\n", line);
  if (TSRuntimeShutdown(10000, report, sizeof(report)) != TS_SUCCESS) {
    return failed("shutdown");
  }
  printf("%s\n", report);
  return 0;
}
