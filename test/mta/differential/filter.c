/*
 * The filter of the differential test on Sendmail's own C library; filter.ts is the same on rxmilter.
 *
 * usage: filter ENDPOINT DECIDED OBSERVED ACTIONS MODE [STAGE=MACROS ...]
 *
 * DECIDED and OBSERVED are letters of commands ("CHMRTLNBEU"), "-" for none. ACTIONS are the rights asked for, in
 * hexadecimal. MODE is how it negotiates: "plain" leaves it to libmilter, "all" asks for all options, "own" asks for
 * what rxmilter derives of the same stages: no replies where only observed, SKIP where the body is decided.
 *
 * What it does is told by the conversation: see instructions.ts for the language.
 */
#include <arpa/inet.h>
#include <libmilter/mfapi.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#define MAX_ARGS 40
#define UNUSED __attribute__((unused))

struct instruction {
	struct instruction *next;
	char of_message;
	char text[];
};

/* What is kept for a connection. */
struct state {
	struct instruction *queue;
	char *log;
	size_t length, room;
	size_t body; /* bytes of it since the last other event */
	unsigned int hash;
};

static const char *decided, *observed, *mode;
static unsigned long rights;
static int list_count;
static char **lists;

/* ---- what was seen ---- */

static void put(struct state *state, const char *bytes, size_t size)
{
	if (state->length + size + 1 > state->room) {
		state->room = 2 * (state->length + size + 1);
		state->log = realloc(state->log, state->room);
		if (state->log == NULL)
			abort();
	}
	memcpy(state->log + state->length, bytes, size);
	state->length += size;
	state->log[state->length] = '\0';
}

/* Letters, digits and a few signs stay; every other byte is ~ and two digits. */
static void put_escaped(struct state *state, const char *text)
{
	for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
		char escaped[4];
		if ((*at >= '0' && *at <= '9') || (*at >= 'A' && *at <= 'Z') || (*at >= 'a' && *at <= 'z') ||
		    strchr("<>@.=-_", *at) != NULL) {
			put(state, (const char *)at, 1);
		} else {
			sprintf(escaped, "~%02x", *at);
			put(state, escaped, 3);
		}
	}
}

/* The body is noted as a whole, with its FNV-1a sum: where it is cut says nothing. */
static void note_body(struct state *state)
{
	char text[48];
	if (state->body == 0)
		return;
	snprintf(text, sizeof text, " body(%zu,%08x)", state->body, state->hash);
	state->body = 0;
	put(state, text, strlen(text));
}

/* " name(first,second)": the arguments end with NULL. */
static void note(struct state *state, const char *name, ...)
{
	va_list args;
	const char *arg, *before = "(";
	note_body(state);
	va_start(args, name);
	put(state, " ", 1);
	put(state, name, strlen(name));
	while ((arg = va_arg(args, const char *)) != NULL) {
		put(state, before, 1);
		put_escaped(state, arg);
		before = ",";
	}
	if (*before == ',')
		put(state, ")", 1);
	va_end(args);
}

/* ---- what is to be done ---- */

static struct state *state_of(SMFICTX *ctx)
{
	struct state *state = smfi_getpriv(ctx);
	if (state == NULL) {
		state = calloc(1, sizeof *state);
		if (state == NULL)
			abort();
		smfi_setpriv(ctx, state);
	}
	return state;
}

/* Appends the instructions of a text that has "do{first;second}" in it. */
static void learn(struct state *state, const char *text, char of_message)
{
	const char *at = strstr(text, "do{");
	const char *end = at == NULL ? NULL : strchr(at, '}');
	if (end == NULL)
		return;
	for (at += 3; at < end;) {
		size_t size = strcspn(at, ";}");
		struct instruction **last = &state->queue, *added = malloc(sizeof *added + size + 1);
		if (added == NULL)
			abort();
		added->next = NULL;
		added->of_message = of_message;
		memcpy(added->text, at, size);
		added->text[size] = '\0';
		while (*last != NULL)
			last = &(*last)->next;
		*last = added;
		at += size + 1;
	}
}

static void forget_message(struct state *state)
{
	for (struct instruction **at = &state->queue; *at != NULL;) {
		struct instruction *it = *at;
		if (it->of_message) {
			*at = it->next;
			free(it);
		} else {
			at = &it->next;
		}
	}
}

static int digit(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

static void unescape(char *text)
{
	char *to = text;
	for (char *from = text; *from != '\0'; from++) {
		if (*from == '~' && from[1] != '\0' && from[2] != '\0') {
			*to++ = (char)(16 * digit(from[1]) + digit(from[2]));
			from += 2;
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
}

/* libmilter does not double percent signs: that is left to the filter. */
static char *doubled(const char *text)
{
	char *copy = malloc(2 * strlen(text) + 1), *to = copy;
	if (copy == NULL)
		abort();
	for (; *text != '\0'; text++) {
		*to++ = *text;
		if (*text == '%')
			*to++ = '%';
	}
	*to = '\0';
	return copy;
}

/* args: code, enhanced code (may be empty), lines of text */
static void set_reply(SMFICTX *ctx, char **args, int count, int doubling)
{
	char *line[32] = { NULL }, *enhanced = count > 1 && args[1][0] != '\0' ? args[1] : NULL;
	if (count == 0)
		return;
	for (int i = 2; i < count && i < 34; i++)
		line[i - 2] = doubling ? doubled(args[i]) : strdup(args[i]);
	if (count <= 3)
		smfi_setreply(ctx, args[0], enhanced, line[0]);
	else
		smfi_setmlreply(ctx, args[0], enhanced, line[0], line[1], line[2], line[3], line[4], line[5], line[6],
				line[7], line[8], line[9], line[10], line[11], line[12], line[13], line[14], line[15],
				line[16], line[17], line[18], line[19], line[20], line[21], line[22], line[23], line[24],
				line[25], line[26], line[27], line[28], line[29], line[30], line[31], (char *)NULL);
	for (int i = 0; i < 32; i++)
		free(line[i]);
}

/* ESMTP arguments are one string in libmilter, with blanks between. NULL where there are none. */
static char *joined(char **args, int count)
{
	static __thread char text[1024];
	text[0] = '\0';
	for (int i = 0; i < count; i++) {
		if (i > 0)
			strncat(text, " ", sizeof text - strlen(text) - 1);
		strncat(text, args[i], sizeof text - strlen(text) - 1);
	}
	return count > 0 ? text : NULL;
}

/* A number above -1 is a decision. Failing modifications are let pass, as most filters do. */
static int perform(SMFICTX *ctx, struct state *state, const char *verb, char **args, int count)
{
	const char *first = count > 0 ? args[0] : "";
	char *second = count > 1 ? args[1] : NULL, *third = count > 2 ? args[2] : "";
	if (strcmp(verb, "continue") == 0)
		return SMFIS_CONTINUE;
	if (strcmp(verb, "accept") == 0)
		return SMFIS_ACCEPT;
	if (strcmp(verb, "discard") == 0)
		return SMFIS_DISCARD;
	if (strcmp(verb, "skip") == 0)
		return SMFIS_SKIP;
	if (strcmp(verb, "reject") == 0 || strcmp(verb, "tempfail") == 0) {
		set_reply(ctx, args, count, 1);
		return verb[0] == 'r' ? SMFIS_REJECT : SMFIS_TEMPFAIL;
	}
	if (strcmp(verb, "single-percent-reject") == 0) {
		set_reply(ctx, args, count, 0);
		return SMFIS_REJECT;
	}
	if (strcmp(verb, "seen") == 0) {
		smfi_addheader(ctx, "X-Seen", state->log == NULL ? "" : state->log);
		state->length = 0;
		if (state->log != NULL)
			state->log[0] = '\0';
	} else if (strcmp(verb, "macro") == 0) {
		char *value = smfi_getsymval(ctx, args[0]);
		note(state, "macro", first, value == NULL ? "" : value, value == NULL ? "absent" : "present", NULL);
	} else if (strcmp(verb, "add") == 0) {
		smfi_addheader(ctx, args[0], second);
	} else if (strcmp(verb, "insert") == 0) {
		smfi_insheader(ctx, atoi(first), second, third);
	} else if (strcmp(verb, "change") == 0) {
		smfi_chgheader(ctx, second, atoi(first), third);
	} else if (strcmp(verb, "delete") == 0) {
		smfi_chgheader(ctx, second, atoi(first), NULL);
	} else if (strcmp(verb, "body") == 0) {
		smfi_replacebody(ctx, (unsigned char *)args[0], (int)strlen(first));
	} else if (strcmp(verb, "fill") == 0) { /* a body of so many bytes of that character */
		size_t size = (size_t)atoi(first);
		unsigned char *bytes = malloc(size + 1);
		if (bytes == NULL)
			abort();
		memset(bytes, second[0], size);
		smfi_replacebody(ctx, bytes, (int)size);
		free(bytes);
	} else if (strcmp(verb, "addrcpt") == 0) {
		if (second == NULL)
			smfi_addrcpt(ctx, args[0]);
		else
			smfi_addrcpt_par(ctx, args[0], joined(args + 1, count - 1));
	} else if (strcmp(verb, "delrcpt") == 0) {
		smfi_delrcpt(ctx, args[0]);
	} else if (strcmp(verb, "from") == 0) {
		smfi_chgfrom(ctx, args[0], joined(args + 1, count - 1));
	} else if (strcmp(verb, "quarantine") == 0) {
		smfi_quarantine(ctx, args[0]);
	} else {
		note(state, "nonsense", verb, NULL);
	}
	return -1;
}

/* Takes the instructions of the stage out of the queue and performs them, up to the first decision. */
static sfsistat run(SMFICTX *ctx, char letter, const char *stage)
{
	struct state *state = state_of(ctx);
	size_t size = strlen(stage);
	for (struct instruction **at = &state->queue; *at != NULL && strchr(decided, letter) != NULL;) {
		struct instruction *it = *at;
		char *args[MAX_ARGS], *rest;
		int count = 0, decision;
		if (strncmp(it->text, stage, size) != 0 || it->text[size] != ':') {
			at = &it->next;
			continue;
		}
		*at = it->next;
		rest = it->text + size + 1;
		while (rest != NULL && count < MAX_ARGS) {
			char *arg = strsep(&rest, ":");
			unescape(arg);
			args[count++] = arg;
		}
		for (int i = count; i < MAX_ARGS; i++)
			args[i] = NULL;
		decision = perform(ctx, state, args[0], args + 1, count - 1);
		free(it);
		if (decision >= 0)
			return decision;
	}
	return strchr(observed, letter) != NULL ? SMFIS_NOREPLY : SMFIS_CONTINUE;
}

/* ---- the events ---- */

static sfsistat on_connect(SMFICTX *ctx, char *host, _SOCK_ADDR *address)
{
	struct state *state = state_of(ctx);
	char text[INET6_ADDRSTRLEN] = "", port[8] = "0";
	const char *family = "unknown", *where = text;
	if (address != NULL && address->sa_family == AF_INET) {
		struct sockaddr_in *four = (struct sockaddr_in *)address;
		family = "inet";
		inet_ntop(AF_INET, &four->sin_addr, text, sizeof text);
		snprintf(port, sizeof port, "%u", ntohs(four->sin_port));
	} else if (address != NULL && address->sa_family == AF_INET6) {
		struct sockaddr_in6 *six = (struct sockaddr_in6 *)address;
		family = "inet6";
		inet_ntop(AF_INET6, &six->sin6_addr, text, sizeof text);
		snprintf(port, sizeof port, "%u", ntohs(six->sin6_port));
	} else if (address != NULL && address->sa_family == AF_UNIX) {
		family = "unix";
		where = ((struct sockaddr_un *)address)->sun_path;
	}
	note(state, "connect", host, family, port, where, NULL);
	learn(state, host, 0);
	return run(ctx, 'C', "connect");
}

static sfsistat on_helo(SMFICTX *ctx, char *name)
{
	struct state *state = state_of(ctx);
	note(state, "helo", name, NULL);
	learn(state, name, 0);
	return run(ctx, 'H', "helo");
}

static sfsistat envelope(SMFICTX *ctx, char letter, const char *stage, char **argv)
{
	struct state *state = state_of(ctx);
	for (char **arg = argv; *arg != NULL; arg++) {
		note(state, arg == argv ? stage : "arg", *arg, NULL);
		learn(state, *arg, 1);
	}
	return run(ctx, letter, stage);
}

static sfsistat on_mail(SMFICTX *ctx, char **argv)
{
	forget_message(state_of(ctx));
	return envelope(ctx, 'M', "mail", argv);
}

static sfsistat on_rcpt(SMFICTX *ctx, char **argv) { return envelope(ctx, 'R', "rcpt", argv); }

static sfsistat on_data(SMFICTX *ctx)
{
	note(state_of(ctx), "data", NULL);
	return run(ctx, 'T', "data");
}

static sfsistat on_header(SMFICTX *ctx, char *name, char *value)
{
	struct state *state = state_of(ctx);
	note(state, "header", name, value, NULL);
	learn(state, value, 1);
	return run(ctx, 'L', "header");
}

static sfsistat on_eoh(SMFICTX *ctx)
{
	note(state_of(ctx), "eoh", NULL);
	return run(ctx, 'N', "eoh");
}

static sfsistat on_body(SMFICTX *ctx, unsigned char *chunk, size_t size)
{
	struct state *state = state_of(ctx);
	if (state->body == 0)
		state->hash = 2166136261u;
	for (size_t i = 0; i < size; i++)
		state->hash = (state->hash ^ chunk[i]) * 16777619u;
	state->body += size;
	return run(ctx, 'B', "body");
}

static sfsistat on_eom(SMFICTX *ctx)
{
	note(state_of(ctx), "eom", NULL);
	return run(ctx, 'E', "eom");
}

static sfsistat on_unknown(SMFICTX *ctx, const char *command)
{
	struct state *state = state_of(ctx);
	note(state, "unknown", command, NULL);
	learn(state, command, 1);
	return run(ctx, 'U', "unknown");
}

static sfsistat on_abort(SMFICTX *ctx)
{
	note(state_of(ctx), "abort", NULL);
	return SMFIS_CONTINUE;
}

static sfsistat on_close(SMFICTX *ctx)
{
	struct state *state = smfi_getpriv(ctx);
	if (state == NULL)
		return SMFIS_CONTINUE;
	smfi_setpriv(ctx, NULL);
	while (state->queue != NULL) {
		struct instruction *it = state->queue;
		state->queue = it->next;
		free(it);
	}
	free(state->log);
	free(state);
	return SMFIS_CONTINUE;
}

/* ---- negotiation ---- */

static const struct {
	char letter;
	unsigned long off, silent;
} flags[] = {
	{ 'C', SMFIP_NOCONNECT, SMFIP_NR_CONN }, { 'H', SMFIP_NOHELO, SMFIP_NR_HELO },
	{ 'M', SMFIP_NOMAIL, SMFIP_NR_MAIL },	 { 'R', SMFIP_NORCPT, SMFIP_NR_RCPT },
	{ 'T', SMFIP_NODATA, SMFIP_NR_DATA },	 { 'L', SMFIP_NOHDRS, SMFIP_NR_HDR },
	{ 'N', SMFIP_NOEOH, SMFIP_NR_EOH },	 { 'B', SMFIP_NOBODY, SMFIP_NR_BODY },
	{ 'U', SMFIP_NOUNKNOWN, SMFIP_NR_UNKN },
};

static sfsistat on_negotiate(SMFICTX *ctx, unsigned long actions, unsigned long protocol, unsigned long unused0 UNUSED,
			     unsigned long unused1 UNUSED, unsigned long *my_actions, unsigned long *my_protocol,
			     unsigned long *none0, unsigned long *none1)
{
	for (int i = 0; i < list_count; i++)
		smfi_setsymlist(ctx, lists[i][0] - '0', lists[i] + 2);
	if (strcmp(mode, "all") == 0)
		return SMFIS_ALL_OPTS;
	*my_actions = rights & actions;
	*my_protocol = strchr(decided, 'B') != NULL ? SMFIP_SKIP : 0;
	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
		if (strchr(observed, flags[i].letter) != NULL)
			*my_protocol |= flags[i].silent;
		else if (strchr(decided, flags[i].letter) == NULL)
			*my_protocol |= flags[i].off;
	}
	/* What is asked for beyond the offer makes libmilter give up, but for the replies, which it fakes. */
	*my_protocol &= protocol | SMFIP_NR_CONN | SMFIP_NR_HELO | SMFIP_NR_MAIL | SMFIP_NR_RCPT | SMFIP_NR_DATA |
			SMFIP_NR_HDR | SMFIP_NR_EOH | SMFIP_NR_BODY | SMFIP_NR_UNKN;
	*none0 = *none1 = 0;
	return SMFIS_CONTINUE;
}

static int wanted(char letter) { return strchr(decided, letter) != NULL || strchr(observed, letter) != NULL; }

int main(int argc, char **argv)
{
	static struct smfiDesc filter = { .xxfi_name = "differential", .xxfi_version = SMFI_VERSION };
	if (argc < 6) {
		fprintf(stderr, "usage: %s ENDPOINT DECIDED OBSERVED ACTIONS MODE [STAGE=MACROS ...]\n", argv[0]);
		return 1;
	}
	decided = argv[2];
	observed = argv[3];
	rights = strtoul(argv[4], NULL, 16);
	mode = argv[5];
	list_count = argc - 6;
	lists = argv + 6;
	filter.xxfi_flags = rights;
	if (strcmp(mode, "plain") != 0)
		filter.xxfi_negotiate = on_negotiate;
	if (wanted('C'))
		filter.xxfi_connect = on_connect;
	if (wanted('H'))
		filter.xxfi_helo = on_helo;
	if (wanted('M'))
		filter.xxfi_envfrom = on_mail;
	if (wanted('R'))
		filter.xxfi_envrcpt = on_rcpt;
	if (wanted('T'))
		filter.xxfi_data = on_data;
	if (wanted('L'))
		filter.xxfi_header = on_header;
	if (wanted('N'))
		filter.xxfi_eoh = on_eoh;
	if (wanted('B'))
		filter.xxfi_body = on_body;
	if (wanted('E'))
		filter.xxfi_eom = on_eom;
	if (wanted('U'))
		filter.xxfi_unknown = on_unknown;
	filter.xxfi_abort = on_abort;
	filter.xxfi_close = on_close;
	if (smfi_register(filter) != MI_SUCCESS || smfi_setconn(argv[1]) != MI_SUCCESS || smfi_opensocket(1) != MI_SUCCESS) {
		fprintf(stderr, "cannot listen on %s\n", argv[1]);
		return 1;
	}
	puts("ready");
	fflush(stdout);
	return smfi_main() == MI_SUCCESS ? 0 : 1;
}
