// Command altavoz is the one binary: a process of altavoz, and the tools of those who use and run it.
//
// One file a subcommand. What a command says to people goes to standard error, what it was asked for to standard output.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"altavoz/client"
	"altavoz/cmd/altavoz/optouts"
	"altavoz/cmd/altavoz/templates"

	"github.com/spf13/cobra"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run runs one command and returns its exit code. The first interrupt asks it to stop, the second one kills.
func run(args []string, in io.Reader, out, talk io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	root := rootCommand()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(talk)
	return tell(talk, root.ExecuteContext(ctx))
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:                        "altavoz",
		Short:                      "One interactive WhatsApp message to many phones",
		SuggestionsMinimumDistance: 2,

		Long: "altavoz sends one interactive WhatsApp message to many phones: three, or a million.\n\n" +
			"Exit codes: 0 done, 1 error, 2 wrong use, 3 some phones were not reached, 4 timed out, 5 something remains of a phone, 130 interrupted.",
		Version:       strings.TrimPrefix(versionLine(), "altavoz "),
		SilenceErrors: true, // tell speaks
		SilenceUsage:  true,
		Args:          known,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(wrongUse)
	root.SetVersionTemplate("altavoz {{.Version}}")
	root.AddCommand(
		upCommand(), serveCommand(), sendCommand(), watchCommand(), tasksCommand(), sendersCommand(), topicsCommand(), operators().Callbacks(), operators().Phones(recentCommand()), simulateCommand(), publishCommand(), optouts.Command(serverOf, usage), templates.Command(serverOf, usage),
		configCommand(), healthCommand(), versionCommand(),
	)
	return root
}

// serverOf gives a command the flags of a server, and returns what opens it.
func serverOf(cmd *cobra.Command) func() (*client.Client, error) {
	flags := new(tasksFlags)
	flags.add(cmd)
	return func() (*client.Client, error) { return flags.open(cmd) }
}

// known refuses a command that there is not, and names the one that was probably meant.
func known(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := "`" + cmd.CommandPath() + " --help` lists the commands"
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "did you mean `" + cmd.CommandPath() + " " + near[0] + "`?"
	}
	return &exit{err: fmt.Errorf("unknown command %q", args[0]), code: exitUsage, hint: hint}
}
