// Package templates are the commands about message templates: listed, shown, and filled in to be looked at.
package templates

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"altavoz/client"
	"altavoz/schemas/es"
	"altavoz/schemas/shown"
	"altavoz/schemas/template"
)

// maxPages bounds what is asked for: the 6,000 templates of a business, and as many again.
const maxPages = 120

// Open gives a command the flags of a server, and returns what opens it.
type Open func(cmd *cobra.Command) func() (*client.Client, error)

// Command returns the commands. usage makes a wrong number of arguments a wrong use.
func Command(open Open, usage func(cobra.PositionalArgs) cobra.PositionalArgs) *cobra.Command {
	cmd := &cobra.Command{
		Use: "templates", Short: "List and show message templates, and fill one in", Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		open.verb("list", "List the templates of a number's account", "  altavoz templates list --status PAUSED", usage(cobra.NoArgs), list),
		open.verb("show NAME", "Show a template: its texts, and what a broadcast has to have values for", "  altavoz templates show aviso_corte --language es_CO", usage(cobra.ExactArgs(1)), show),
		open.preview(usage(cobra.ExactArgs(1))),
	)
	return cmd
}

// verb is one of the commands: what it does with a server and a query.
func (open Open) verb(use, short, example string, args cobra.PositionalArgs, do func(cmd *cobra.Command, c *client.Client, q client.TemplateQuery, args []string) error) *cobra.Command {
	var server func() (*client.Client, error)
	var q client.TemplateQuery
	cmd := &cobra.Command{Use: use, Short: short, Example: example, Args: args, RunE: func(cmd *cobra.Command, args []string) error {
		c, err := server()
		if err != nil {
			return err
		}
		return do(cmd, c, q, args)
	}}
	server = open(cmd)
	cmd.Flags().StringVar(&q.Sender, "sender", "", "the account of this number; otherwise of the first one that the key may send from")
	cmd.Flags().StringVar(&q.Language, "language", "", "only this language, as es_CO")
	if use == "list" {
		cmd.Flags().StringVar(&q.Status, "status", "", "only those with this status: APPROVED, PAUSED, REJECTED ...")
		cmd.Flags().StringVar(&q.Category, "category", "", "only those of this category: MARKETING, UTILITY, AUTHENTICATION")
	}
	return cmd
}

// preview fills a template in.
func (open Open) preview(args cobra.PositionalArgs) *cobra.Command {
	var values, buttons []string
	var header string
	cmd := open.verb("preview NAME", "Show the text of a template with values filled in, and what Meta would refuse of it",
		"  altavoz templates preview aviso_corte --language es_CO --header Ana --value fecha=mañana --value barrio=Laureles --button 0=77", args,
		func(cmd *cobra.Command, c *client.Client, q client.TemplateQuery, args []string) error {
			t, err := one(cmd, c, q, args[0])
			if err != nil {
				return err
			}
			use, err := useOf(&t.Definition, header, values, buttons)
			if err != nil {
				return err
			}
			return printPreview(cmd, t, use)
		})
	cmd.Flags().StringVar(&header, "header", "", "the value of a text header; of another one, image, video or document")
	cmd.Flags().StringArrayVar(&values, "value", nil, "name=text, or text alone for numbered variables, in their order")
	cmd.Flags().StringArrayVar(&buttons, "button", nil, "number=text: the value of a button; the first one is 0")
	return cmd
}

// each calls do for every template of a query, in order.
func each(cmd *cobra.Command, c *client.Client, q client.TemplateQuery, do func(*client.Template)) error {
	cursor := ""
	for range maxPages {
		p, err := c.Templates(cmd.Context(), q, cursor, client.MaxTemplates)
		if err != nil {
			return err
		}
		for i := range p.Templates {
			do(&p.Templates[i])
		}
		if cursor = p.NextCursor; cursor == "" {
			return nil
		}
	}
	return fmt.Errorf("there are more than %d templates", maxPages*client.MaxTemplates)
}

func inJSON(cmd *cobra.Command) bool {
	form, err := cmd.Flags().GetString("output")
	return err == nil && form == "json"
}

func list(cmd *cobra.Command, c *client.Client, q client.TemplateQuery, _ []string) error {
	if inJSON(cmd) {
		return each(cmd, c, q, func(t *client.Template) { line(cmd.OutOrStdout(), "%s", shown.JSON(t.JSON)) })
	}
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	line(w, "NAME\tLANGUAGE\tSTATUS\tCATEGORY\tQUALITY\tVARIABLES\tREASON")
	err := each(cmd, c, q, func(t *client.Template) {
		line(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s", shown.Line(t.Name), shown.Line(t.Language), shown.Line(t.Status), shown.Line(t.Category), shown.Line(t.Quality), shown.Line(variables(t.Variables)), shown.Line(t.Reason))
	})
	return errors.Join(err, w.Flush())
}

// variables names them, with the part that they are in where that is not the body.
func variables(all []template.Variable) string {
	names := make([]string, len(all))
	for i, v := range all {
		if names[i] = v.Name; v.Part != "body" {
			names[i] = v.Part + ":" + v.Name
		}
	}
	return strings.Join(names, " ")
}

// named returns the languages of a template.
func named(cmd *cobra.Command, c *client.Client, q client.TemplateQuery, name string) (all []client.Template, err error) {
	q.Name = name
	err = each(cmd, c, q, func(t *client.Template) {
		if t.Name == name { // others have it as a part of theirs
			all = append(all, *t)
		}
	})
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("there is no template %s", name)
		if q.Language != "" {
			err = fmt.Errorf("there is no template %s in the language %s", name, q.Language)
		}
	}
	return all, err
}

func show(cmd *cobra.Command, c *client.Client, q client.TemplateQuery, args []string) error {
	all, err := named(cmd, c, q, args[0])
	for i := range all {
		t := &all[i]
		if inJSON(cmd) {
			line(cmd.OutOrStdout(), "%s", shown.JSON(t.JSON))
			continue
		}
		line(cmd.OutOrStdout(), "%s %s: %s, %s, quality %s", shown.Line(t.Name), shown.Line(t.Language), shown.Line(t.Status), shown.Line(t.Category), shown.Line(t.Quality))
		if t.Reason != "" {
			line(cmd.OutOrStdout(), "reason: %s", shown.Line(t.Reason))
		}
		if len(t.Variables) > 0 {
			line(cmd.OutOrStdout(), "variables: %s", shown.Line(variables(t.Variables)))
		}
		indented(cmd.OutOrStdout(), t.Preview(&template.Use{}))
	}
	return err
}

// one returns the only template of a name.
func one(cmd *cobra.Command, c *client.Client, q client.TemplateQuery, name string) (*client.Template, error) {
	all, err := named(cmd, c, q, name)
	if err != nil {
		return nil, err
	}
	if len(all) > 1 {
		languages := make([]string, len(all))
		for i := range all {
			languages[i] = all[i].Language
		}
		slices.Sort(languages)
		return nil, fmt.Errorf("the template %s has several languages: choose one with --language (%s)", name, strings.Join(languages, ", "))
	}
	return &all[0], nil
}

// useOf reads what a person gave.
func useOf(d *template.Definition, header string, values, buttons []string) (*template.Use, error) {
	u := &template.Use{Name: d.Name, Language: d.Language, Header: header}
	if d.Header.Kind == template.KindText && header != "" {
		u.Header, u.HeaderValue = template.KindText, &template.Value{Text: header}
		if all := d.Variables(); d.Named && len(all) > 0 && all[0].Part == "header" {
			u.HeaderValue.Name = all[0].Name
		}
	}
	for _, text := range values {
		v := template.Value{Text: text}
		if d.Named {
			name, value, ok := strings.Cut(text, "=")
			if !ok {
				return nil, fmt.Errorf("--value %s: the variables of %s have names: write name=text", text, d.Name)
			}
			v = template.Value{Name: name, Text: value}
		}
		u.Body = append(u.Body, v)
	}
	for _, text := range buttons {
		number, value, _ := strings.Cut(text, "=")
		n, err := strconv.Atoi(number)
		if err != nil {
			return nil, fmt.Errorf("--button %s: write number=text; the first button is 0", text)
		}
		b := template.ButtonValue{Index: n, Text: value}
		if n >= 0 && n < len(d.Buttons) {
			b.Kind = d.Buttons[n].Kind
		}
		u.Buttons = append(u.Buttons, b)
	}
	return u, nil
}

// errUnfit is the error of values that Meta would refuse; what is wrong was printed.
var errUnfit = errors.New("Meta would refuse this") //nolint:staticcheck // a name

func printPreview(cmd *cobra.Command, t *client.Template, u *template.Use) error {
	problems := template.Check(&t.Definition, u)
	if inJSON(cmd) {
		return jsonPreview(cmd.OutOrStdout(), t, u, problems)
	}
	line(cmd.OutOrStdout(), "%s", shown.Text(t.Preview(u)))
	for _, p := range problems {
		line(cmd.ErrOrStderr(), "%s: %s: %s", p.Field, p.Code, shown.Line(p.Says.In(es.English)))
	}
	if len(problems) > 0 {
		return errUnfit
	}
	return nil
}

func indented(out io.Writer, text string) {
	for l := range strings.SplitSeq(text, "\n") {
		line(out, "  %s", shown.Line(l))
	}
}

func line(out io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(out, format+"\n", args...) // a terminal that is gone can't be told
}
