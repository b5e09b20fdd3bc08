package main

import (
	"cmp"
	"fmt"

	"github.com/spf13/cobra"

	"altavoz/app"
	"altavoz/app/simulate"
	"altavoz/schemas"
)

const simulateHelp = `Runs a Cloud API that sends nothing, for ALTAVOZ_WHATSAPP_BASE_URL. It checks every request strictly, and remembers what each
phone received:

  GET  /_simulator/summary           everything in numbers
  GET  /_simulator/ledger?phone=...  what a phone received, and how far it got
  POST /_simulator/faults            new faults, one rule a line; GET shows them
  POST /_simulator/inbound           {"from": "57...", "text": "..."}: a phone writes, which opens its window for 24 hours
  POST /_simulator/webhook           sends this body as a webhook

With --webhook-url it also tells what becomes of messages, as Meta does: sent and delivered within a second, read by some.

Words of fault rules, for some (number=, phone=573..., after=1000, for=30s) or for all:

  latency=80ms..2s  rate=80  rate_status=400  retry_after=5s  pair  uploads  media_gone  token_expired  maintenance
  131000=1%             any code, for a share of the calls
  html=1%  unavailable=1%  drop_before=1%                  nothing accepted: 500 and a page, a proxy's 503, or a closed connection
  html_after=1%  unavailable_after=1%  drop_after=1%       accepted, and the same; truncate=1%: half an answer, stall=1%: none
  outage  outage=bad_gateway+stall                         every call, in turns: no answer of the Cloud API, accepted or not (for=10m)
  refused               with for=30s: nobody gets a connection
  refused_stream=1%  goaway=1%  goaway_after=1%            of HTTP/2, with --tls-cert: the first two with nothing accepted
  late_131026=2%        accepted, and failed in a webhook
  window                131047 for phones that have not written within 24 hours
  read=60%              of messages are read
  taps=20%  stops=1%    of the phones tap something of the message, or answer STOP, within ten seconds
  webhook_delay=1s..5s  between two statuses; webhook_shuffle: in any order; webhook_early=10%: before the answer
  webhook_drop=1%  webhook_dup=5%  webhook_old    never told; told twice; in the shape of before 2026
  free_service=10  price_with_read=20%            free-form messages of a number and month that are free (1000); whose price comes with read

Phones of 57399 and seven digits, which no operator has, fail on purpose by their ending; the README lists them.`

func simulateCommand() *cobra.Command {
	var c simulate.Config
	var token, secret string
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Run the simulator of WhatsApp's Cloud API alone",
		Long:  simulateHelp,
		Example: "  altavoz simulate --faults 'latency=100ms..300ms' --faults '131000=2% drop_after=1%'\n" +
			"  altavoz simulate --webhook-url http://127.0.0.1:8080/api/webhooks/whatsapp --app-secret s --faults 'read=30% late_131026=2% webhook_dup=5%'",
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := app.Load()
			if err != nil {
				return err
			}
			if !cmd.Flags().Changed("addr") {
				c.Addr = cfg.Embedded.SimulatorAddr
			}
			c.Token, c.AppSecret = schemas.Secret(token), cmp.Or(schemas.Secret(secret), cfg.WhatsApp.AppSecret)
			_, people := terminal(cmd.ErrOrStderr())
			return simulate.Run(cmd.Context(), c, app.NewLogger(cfg.Process, cmd.ErrOrStderr(), people), func(url string) {
				_, _ = fmt.Fprintf(cmd.OutOrStdout(), "the simulator answers on %s: set ALTAVOZ_WHATSAPP_BASE_URL=%s\n", url, url)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.Addr, "addr", app.Default().Embedded.SimulatorAddr, "where it listens")
	f.StringArrayVar(&c.Faults, "faults", nil, "a rule; may be given again")
	f.Uint64Var(&c.Seed, "seed", 0, "decides ids, and which requests the faults hit")
	f.BoolVar(&c.PlainPhones, "plain-phones", false, "no endings that fail on purpose")
	f.BoolVar(&c.AnyEndings, "any-endings", false, "endings that fail on purpose for any phone, not only 57399...")
	f.StringVar(&c.Number, "number", "", "the only phone number id that exists (any)")
	f.StringVar(&token, "token", "", "the only token that it takes (any)")
	f.StringVar(&c.WebhookURL, "webhook-url", "", "where it tells what becomes of messages (nowhere)")
	f.StringVar(&secret, "app-secret", "", "signs what it tells (ALTAVOZ_WHATSAPP_APP_SECRET, or what ALTAVOZ_WHATSAPP_APP_SECRET_FILE holds)")
	f.StringVar(&c.CertFile, "tls-cert", "", "a certificate in PEM, to answer over HTTPS and HTTP/2 as Meta does; clients trust it with SSL_CERT_FILE")
	f.StringVar(&c.KeyFile, "tls-key", "", "its key")
	return cmd
}
