package whatsapp

import (
	"strings"

	"altavoz/whatsapp/account"
	"altavoz/whatsapp/inbound"
)

// member reads what stands in a change's value.
func (n *news) member(name string) error {
	a := &n.of
	kinds := func(of string) error {
		return n.object(func(name string) error {
			kind := ""
			if name != of {
				return n.dec.SkipValue()
			}
			err := n.text(&kind)
			if kind != "" && len(a.Kinds) < maxKinds {
				a.Kinds = append(a.Kinds, clean(kind, ""))
			}
			return err
		})
	}
	switch name {
	case "statuses":
		return n.array(n.status)
	case "metadata":
		return n.object(func(name string) error {
			switch name {
			case "phone_number_id":
				return n.text(&a.Number)
			case "display_phone_number":
				return n.text(&a.Display)
			}
			return n.dec.SkipValue()
		})
	case "event", "decision", "display_phone_number", "message_template_name", "message_template_language":
		return n.text(a.Text(name))
	case account.LimitMember, account.LimitMemberBefore:
		v, err := n.dec.ReadValue()
		a.Limit(v)
		return err
	case "ban_info":
		return kinds("waba_ban_state")
	case "violation_info":
		return kinds("violation_type")
	case "restriction_info":
		return n.array(func() error { return kinds("restriction_type") })
	}
	if inbound.Reads(name) {
		v, err := n.dec.ReadValue()
		n.heard.Take(name, v)
		return err
	}
	return n.dec.SkipValue()
}

// announce keeps what the change that was read reports of its account or number.
func (n *news) announce(field string) {
	n.of.Field, n.of.Event, n.of.Name = field, clean(n.of.Event, ""), cut(strings.ToValidUTF8(n.of.Name, ""), maxTemplate)
	switch {
	case len(n.announced) >= maxAnnounced:
	case field != fieldMessages:
		n.announced = append(n.announced, n.of)
	default:
		if len(n.refused) > 0 {
			n.of.Code = n.refused[0]
			n.announced = append(n.announced, n.of)
		}
		if n.of.Number != "" && len(n.homes) < maxAnnounced {
			if n.homes == nil {
				n.homes = make(map[string]account.Home)
			}
			n.homes[n.of.Number] = account.Home{Display: n.of.Display}
		}
	}
}
