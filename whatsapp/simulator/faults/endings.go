package faults

import "strings"

// Ending is what a phone with certain last digits meets with; the simulator's package documentation lists them.
type Ending struct {
	Effect Effect
	Code   int
	Times  int  // how many calls it hits; 0: every one
	Later  bool // Meta accepts the message, and refuses it in a webhook
}

// endingDigits is how long an ending is.
const endingDigits = 4

var endings = map[string]Ending{
	"0026": {Effect: Refuse, Code: 131026, Later: true},
	"0030": {Effect: Refuse, Code: 131030},
	"0047": {Effect: Refuse, Code: 131047, Later: true},
	"0049": {Effect: Refuse, Code: 131049, Later: true},
	"0050": {Effect: Refuse, Code: 131050, Later: true},
	"0072": {Effect: Refuse, Code: 130472, Later: true},
	"0021": {Effect: Refuse, Code: 131021},
	"0009": {Effect: Refuse, Code: 131009},
	"0100": {Effect: Refuse, Code: 100},
	"0053": {Effect: Refuse, Code: 131053, Later: true},
	"0000": {Effect: Refuse, Code: 131000},
	"0016": {Effect: Refuse, Code: 131016, Times: 2},
	"0429": {Effect: Refuse, Code: 130429, Times: 2},
	"0056": {Effect: Refuse, Code: 131056, Times: 1},
	"0057": {Effect: Refuse, Code: 131057, Times: 1},
	"0190": {Effect: Refuse, Code: 190, Times: 1},
	"0500": {Effect: HTML, Times: 1},
	"0501": {Effect: DropBefore},
	"0502": {Effect: DropAfter},
	"0503": {Effect: Truncate},
	"0504": {Effect: Stall},
	"0505": {Effect: HTMLAfter},
	"0506": {Effect: UnavailableAfter},
}

// Reserved is how phones begin whose ending means something: a mobile of Colombia in a range that no operator has. With three digits of
// choice there are a thousand phones an ending, and no list of real people has one.
const Reserved = "57399"

const reservedDigits = 12

// EndingOf returns what the phone's last digits do; nothing for most. Only reserved phones have endings, unless all do.
func EndingOf(phone string, all bool) Ending {
	if len(phone) < endingDigits || (!all && (len(phone) != reservedDigits || !strings.HasPrefix(phone, Reserved))) {
		return Ending{}
	}
	return endings[phone[len(phone)-endingDigits:]]
}
