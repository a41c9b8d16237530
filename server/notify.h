/* The two things a service manager of the systemd kind and its service say to each other (sd_notify(3),
 * sd_listen_fds(3)), by their environment variables.
 *
 *     notify_send("READY=1");
 *     int n = notify_sockets();                       // listening sockets NOTIFY_FIRST_SOCKET … + n - 1 are
 * ours
 */
#ifndef COGNATE_SERVER_NOTIFY_H
#define COGNATE_SERVER_NOTIFY_H

#define NOTIFY_FIRST_SOCKET 3

/* Tells the manager at $NOTIFY_SOCKET; does nothing where there is none. */
void notify_send(const char *state);

/* How many listening sockets this process was handed ($LISTEN_FDS, meant for $LISTEN_PID); closes them on
 * exec. */
int notify_sockets(void);

#endif
