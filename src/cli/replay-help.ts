/** What `rxmilter replay --help` shows. */
export const REPLAY_HELP = `Usage: rxmilter replay [options] RECORDING.jsonl FILTER.js

Plays the sessions of a recording (see rxmilter serve --record) to the filter that a module
exports, and shows which events it answers otherwise than was recorded. Nothing is sent
anywhere. Modules are as for rxmilter serve; of an Observable the first filter is taken.

  --session ID         only this session
  --diagram            draw each session as a marble diagram, with all its frames

  --debug              where in the program an error came from
  -h, --help           this

Exit status: 0 all answers are as recorded; 1 some are not, or it failed;
             2 the command line makes no sense.

Examples:
  rxmilter replay mail.jsonl filter.mjs
  rxmilter replay --session 3 --diagram mail.jsonl filter.mjs
`;
