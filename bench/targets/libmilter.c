/*
 * The same works on Sendmail's own C library: libmilter WORK ENDPOINT
 * It negotiates as a libmilter filter does: stages without a callback are switched off, and for the works that only
 * look, the replies are switched off in the negotiation callback.
 */
#include <libmilter/mfapi.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SILENT (SMFIP_NR_CONN | SMFIP_NR_HELO | SMFIP_NR_MAIL | SMFIP_NR_RCPT | SMFIP_NR_DATA | SMFIP_NR_HDR | SMFIP_NR_EOH | SMFIP_NR_BODY)
#define UNUSED __attribute__((unused))
#define PREFIX 1024 /* what work (i) wants of the body */

static char work;
static sfsistat seen = SMFIS_CONTINUE; /* what an event is answered that decides nothing */

static int edits(void) { return work == 'j' || work == 'l'; }
static unsigned long wanted_actions(void) { return edits() ? SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_ADDRCPT | SMFIF_DELRCPT : SMFIF_ADDHDRS; }
static const char *old_recipient(void) { return work == 'l' ? "<user25@example.net>" : "<bob@example.net>"; }

static sfsistat on_connect(SMFICTX *ctx UNUSED, char *host UNUSED, _SOCK_ADDR *address UNUSED) { return seen; }
static sfsistat on_text(SMFICTX *ctx UNUSED, char *text UNUSED) { return seen; }
static sfsistat on_envelope(SMFICTX *ctx UNUSED, char **argv UNUSED) { return seen; }
static sfsistat on_plain(SMFICTX *ctx UNUSED) { return seen; }
static sfsistat on_header(SMFICTX *ctx UNUSED, char *name UNUSED, char *value UNUSED) { return seen; }
static sfsistat on_body(SMFICTX *ctx UNUSED, unsigned char *chunk UNUSED, size_t size UNUSED) { return seen; }

static sfsistat refuse(SMFICTX *ctx, char **argv UNUSED)
{
	smfi_setreply(ctx, "550", "5.1.1", "No such user");
	return SMFIS_REJECT;
}

static sfsistat mark(SMFICTX *ctx)
{
	smfi_addheader(ctx, "X-Bench", "1");
	return SMFIS_CONTINUE;
}

static sfsistat hash_body(SMFICTX *ctx, unsigned char *chunk, size_t size)
{
	EVP_MD_CTX *hash = smfi_getpriv(ctx);
	if (hash == NULL) {
		hash = EVP_MD_CTX_new();
		EVP_DigestInit_ex(hash, EVP_sha256(), NULL);
		smfi_setpriv(ctx, hash);
	}
	EVP_DigestUpdate(hash, chunk, size);
	return seen;
}

static sfsistat hash_done(SMFICTX *ctx)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	char text[2 * EVP_MAX_MD_SIZE + 1] = "";
	unsigned int size = 0;
	EVP_MD_CTX *hash = smfi_getpriv(ctx);
	if (hash == NULL)
		return SMFIS_TEMPFAIL;
	EVP_DigestFinal_ex(hash, digest, &size);
	EVP_MD_CTX_free(hash);
	smfi_setpriv(ctx, NULL);
	for (unsigned int i = 0; i < size; i++)
		sprintf(text + 2 * i, "%02x", digest[i]);
	smfi_addheader(ctx, "X-SHA256", text);
	return SMFIS_CONTINUE;
}

/* Works (g) to (m): the message is kept until its end; the body of (m) in a file. */
struct part {
	struct part *next;
	size_t size;
	char bytes[];
};

struct message {
	struct part *first, **end;
	size_t fields, body, old; /* old: recipients that give way to another */
	char *subject;
	FILE *file;
};

static struct message *message_of(SMFICTX *ctx)
{
	struct message *message = smfi_getpriv(ctx);
	if (message == NULL) {
		message = calloc(1, sizeof *message);
		message->end = &message->first;
		smfi_setpriv(ctx, message);
	}
	return message;
}

static char *keep(struct message *message, const void *bytes, size_t size)
{
	struct part *part = malloc(sizeof *part + size);
	part->next = NULL;
	part->size = size;
	memcpy(part->bytes, bytes, size);
	*message->end = part;
	message->end = &part->next;
	return part->bytes;
}

static sfsistat forget(SMFICTX *ctx)
{
	struct message *message = smfi_getpriv(ctx);
	if (message == NULL)
		return SMFIS_CONTINUE;
	for (struct part *part = message->first, *next; part != NULL; part = next) {
		next = part->next;
		free(part);
	}
	if (message->file != NULL)
		fclose(message->file);
	free(message);
	smfi_setpriv(ctx, NULL);
	return SMFIS_CONTINUE;
}

static sfsistat keep_envelope(SMFICTX *ctx, char **argv)
{
	for (; *argv != NULL; argv++)
		keep(message_of(ctx), *argv, strlen(*argv) + 1);
	return seen;
}

static sfsistat keep_recipient(SMFICTX *ctx, char **argv)
{
	message_of(ctx)->old += edits() && strcmp(*argv, old_recipient()) == 0;
	return keep_envelope(ctx, argv);
}

static sfsistat keep_header(SMFICTX *ctx, char *name, char *value)
{
	struct message *message = message_of(ctx);
	keep(message, name, strlen(name) + 1);
	char *kept = keep(message, value, strlen(value) + 1);
	if (strcasecmp(name, "Subject") == 0)
		message->subject = kept;
	message->fields++;
	return seen;
}

static sfsistat keep_body(SMFICTX *ctx, unsigned char *chunk, size_t size)
{
	struct message *message = message_of(ctx);
	size_t wanted = work == 'i' && size > PREFIX - message->body ? PREFIX - message->body : size;
	if (work == 'm') {
		if (message->file == NULL && (message->file = tmpfile()) == NULL)
			return SMFIS_TEMPFAIL;
		if (fwrite(chunk, 1, size, message->file) != size)
			return SMFIS_TEMPFAIL;
	} else
		keep(message, chunk, wanted);
	message->body += wanted;
	return work == 'i' && message->body == PREFIX ? SMFIS_SKIP : work == 'i' ? SMFIS_CONTINUE : seen;
}

static sfsistat label(SMFICTX *ctx)
{
	char text[64], subject[1024];
	struct message *message = message_of(ctx);
	if (message->file != NULL && fflush(message->file) != 0)
		return SMFIS_TEMPFAIL;
	/* Libmilter sends a change at once: this is the order in which rxmilter writes them, too. */
	if (edits()) {
		snprintf(subject, sizeof subject, "[bench] %s", message->subject == NULL ? "" : message->subject);
		smfi_chgheader(ctx, "Subject", 1, subject);
	}
	snprintf(text, sizeof text, "%zu fields, %zu bytes", message->fields, message->body);
	smfi_addheader(ctx, "X-Bench", text);
	if (message->old > 0) {
		smfi_delrcpt(ctx, (char *)old_recipient());
		smfi_addrcpt(ctx, "<carol@example.net>");
	}
	return forget(ctx);
}

static sfsistat negotiate(SMFICTX *ctx UNUSED, unsigned long actions UNUSED, unsigned long protocol,
			  unsigned long unused0 UNUSED, unsigned long unused1 UNUSED, unsigned long *my_actions,
			  unsigned long *my_protocol, unsigned long *none0, unsigned long *none1)
{
	*my_actions = wanted_actions();
	*my_protocol = SMFIP_NOUNKNOWN | (seen == SMFIS_NOREPLY ? protocol & SILENT : 0);
	if (work == 'd')
		*my_protocol |= SMFIP_NOCONNECT | SMFIP_NOHELO | SMFIP_NOMAIL | SMFIP_NORCPT | SMFIP_NODATA |
				SMFIP_NOHDRS | SMFIP_NOEOH | (protocol & SMFIP_NR_BODY);
	if (strchr("ghijklm", work) != NULL)
		*my_protocol |= SMFIP_NOCONNECT | SMFIP_NOHELO | SMFIP_NODATA | SMFIP_NOEOH;
	if (work == 'h')
		*my_protocol |= SMFIP_NOBODY;
	if (work == 'i')
		*my_protocol = (*my_protocol & ~SMFIP_NR_BODY) | (protocol & SMFIP_SKIP);
	*none0 = *none1 = 0;
	return SMFIS_CONTINUE;
}

int main(int argc, char **argv)
{
	static struct smfiDesc filter = { .xxfi_name = "bench", .xxfi_version = SMFI_VERSION };
	if (argc != 3 || strchr("abcdefghijklm", argv[1][0]) == NULL) {
		fprintf(stderr, "usage: %s a..m ENDPOINT\n", argv[0]);
		return 1;
	}
	work = argv[1][0];
	filter.xxfi_flags = wanted_actions();
	filter.xxfi_eom = mark;
	if (strchr("bdfghijklm", work) != NULL)
		seen = SMFIS_NOREPLY;
	if (work == 'd') {
		filter.xxfi_negotiate = negotiate;
		filter.xxfi_body = hash_body;
		filter.xxfi_eom = hash_done;
	} else if (strchr("ghijklm", work) != NULL) {
		filter.xxfi_negotiate = negotiate;
		filter.xxfi_envfrom = keep_envelope;
		filter.xxfi_envrcpt = keep_recipient;
		filter.xxfi_header = keep_header;
		if (work != 'h')
			filter.xxfi_body = keep_body;
		filter.xxfi_eom = label;
		filter.xxfi_abort = forget;
		filter.xxfi_close = forget;
	} else if (work != 'c') {
		filter.xxfi_negotiate = negotiate;
		filter.xxfi_connect = on_connect;
		filter.xxfi_helo = on_text;
		filter.xxfi_envfrom = on_envelope;
		filter.xxfi_envrcpt = work == 'e' ? refuse : on_envelope;
		filter.xxfi_data = on_plain;
		filter.xxfi_header = on_header;
		filter.xxfi_eoh = on_plain;
		filter.xxfi_body = on_body;
	}
	if (smfi_register(filter) != MI_SUCCESS || smfi_setconn(argv[2]) != MI_SUCCESS || smfi_setbacklog(1024) != MI_SUCCESS ||
	    smfi_opensocket(1) != MI_SUCCESS) {
		fprintf(stderr, "cannot listen on %s\n", argv[2]);
		return 1;
	}
	puts("ready");
	fflush(stdout);
	return smfi_main() == MI_SUCCESS ? 0 : 1;
}
