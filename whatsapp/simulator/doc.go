// Package simulator is a WhatsApp Cloud API that sends nothing: it checks every request as strictly as Meta's documentation says, answers as
// Meta does, and remembers what it was asked to send.
//
// It is a stranger on purpose. It imports nothing of altavoz, so that a misreading of the API can't be made on both sides at once, and
// its ledger is written before it answers: where altavoz and the ledger disagree, the ledger is right. Whether a message is accepted and
// what the client sees of it are two decisions: the same page comes with and without. Only an error of the Cloud API counts as a refusal.
//
//	request ─ token ─ number ─ JSON ─ fields ─ latency ─ magic endings ─ faults ─ limits ─ ledger ─ answer
//
// # Webhooks
//
// Where Config.Webhooks has a URL, statuses follow: sent, delivered and, of some, read; or failed. Package webhooks sends them, the
// faults say when and how. Nothing waits for them; what is pending is bounded, and what does not fit is dropped and counted.
// Summary().Webhooks tells when they are through.
//
// # Magic endings
//
// The last four digits of a reserved phone, 57399 and seven digits, choose its fate (unless Config.PlainPhones; with Config.AnyEndings,
// those of any phone): no operator has these, so no list of real people meets a fault. Those marked "later" are accepted and then fail in a
// webhook, as at Meta; where there are no webhooks they are refused at once, as all others are.
//
//	0026  131026  not on WhatsApp (later)
//	0030  131030  not in the list of allowed phones
//	0047  131047  more than 24 hours since the last answer (later)
//	0049  131049  healthy ecosystem engagement (later)
//	0050  131050  stopped marketing messages (later)
//	0072  130472  in an experiment (later)
//	0021  131021  recipient is the sender
//	0009  131009  parameter value not valid
//	0100  100     invalid parameter
//	0053  131053  media could not be fetched (later)
//	0000  131000  unknown error, every time
//	0016  131016  service unavailable, twice; then accepted
//	0429  130429  too many messages, twice; then accepted
//	0056  131056  too many to this phone, once; then accepted
//	0057  131057  account in maintenance, once; then accepted
//	0190  190     token expired, once; then accepted
//	0500  -       500 with a page of HTML, nothing accepted, once; then accepted
//	0501  -       the connection closes before anything is accepted
//	0502  -       accepted, then the connection closes without an answer
//	0503  -       accepted, then half an answer
//	0504  -       accepted, and no answer comes
//	0505  -       accepted, then 500 with a page of HTML
//	0506  -       accepted, then 503 with the words of a proxy
//
// # Faults
//
// Faults are rules, one a line, switched on at start or by POST /_simulator/faults; package faults has the words. An outage is a rule that
// every call of a number meets, GET /{phone_number_id}?fields=id among them.
//
// # The account
//
// What Meta allows the account is shown by GET /_simulator/account, and changed by POST of some of its members: Account. Marketing templates go over
// /marketing_messages too; statuses then have them as marketing_lite.
//
// # The window of 24 hours
//
// All phones may be written to, unless the rule "window" says that only those may be that wrote to the number within 24 hours:
//
//	POST /_simulator/inbound  {"from": "573001234567", "text": "BAJA", "number": "..."}
//
// has a phone (or a user id) write, to the first number where none is named. It opens the phone's window with that number, and sends
// a webhook. POST /_simulator/webhook sends its body as it is, signed: whatever else Meta may tell.
package simulator
