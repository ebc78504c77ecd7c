/** What `rxmilter serve --help` shows. */
export const SERVE_HELP = `Usage: rxmilter serve --listen ENDPOINT [options] FILTER.js

Serves the filter that a module exports. Its default export is a filter, an Observable of
filters (the newest serves each new connection), or a function that returns one of these,
async or not, and has no parameters. An export named options may hold what serve() takes.

  --listen ENDPOINT    where to listen: inet:8891@127.0.0.1, inet6:8891@::1, unix:/run/filter.sock
  --mode MODE          permissions of a Unix socket, in octal. Default: 660
  --group GROUP        name or number of the group that a Unix socket is given to
  --failure DECISION   what an event gets for which the filter failed: tempfail, reject, accept
                       Default: tempfail
  --record FILE        record what goes over the wire, to be played again by rxmilter replay
  --redact WHAT        leave out of it: addresses, content, or addresses,content

  --debug              where in the program an error came from
  -h, --help           this

Ctrl-C (or SIGTERM) stops: messages in progress are finished. A second one ends at once.

Exit status: 0 stopped; 1 it could not start; 2 the command line makes no sense.

Examples:
  rxmilter serve --listen inet:8891@127.0.0.1 filter.mjs
  rxmilter serve --listen unix:/var/spool/postfix/rxmilter/filter.sock --group postfix filter.mjs
  rxmilter serve --listen inet:8891@127.0.0.1 --record mail.jsonl --redact content filter.mjs
`;
