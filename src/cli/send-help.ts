/** What `rxmilter send --help` shows. */
export const SEND_HELP = `Usage: rxmilter send --to ENDPOINT [options] MAIL.eml

Gives a message to a milter as a mail server would, without a mail server, and shows what
the server would have told the client, what the milter wants changed, and what becomes of
the message. MAIL.eml is a message in a file, or - for standard input.

  --to ENDPOINT        where the milter listens: inet:8891@127.0.0.1, unix:/run/filter.sock

The message:
  --from ADDRESS       envelope sender; '' is the null sender. Default: the message's From
  --rcpt ADDRESS       envelope recipient, and again for each more. Default: To, Cc and Bcc
                       ESMTP arguments follow after a blank: --rcpt 'bob@example.org NOTIFY=NEVER'
  --client CLIENT      the SMTP client: '[name] address[:port]', or unknown
  --helo NAME          what the client says in EHLO. Default: the name of the client
  --macro NAME=VALUE   a macro, and again for each more: --macro auth_authen=bob

How to ask:
  --protocol VERSION   version of the protocol to offer: 2, 3, 4 or 6. Default: 6
  --timeout SECONDS    how long to wait for each reply. Default: 30, and 300 for the content

What to show:
  --message            the message as it would be delivered, at the end
  --diff               what has changed in the message, as a unified diff
  --trace              every frame of the protocol
  --json               all of it as one object of JSON, and nothing else

  --debug              where in the program an error came from
  -h, --help           this

Exit status: 0 delivered, held in quarantine or discarded; 3 refused; 4 deferred;
             1 the milter failed, or something else did; 2 the command line makes no sense.

Examples:
  rxmilter send --to inet:8891@127.0.0.1 mail.eml
  rxmilter send --to unix:/run/filter.sock --client 'mail.example.com 192.0.2.7' --diff mail.eml
  printf 'Subject: Hi\\n\\nHello\\n' | rxmilter send --to inet:8891@127.0.0.1 \\
      --from ann@example.com --rcpt bob@example.org --message -
`;
