package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"altavoz/app/version"
)

func versionCommand() *cobra.Command {
	var sbom bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version, or with --sbom what is linked into the binary",
		Args:  usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !sbom {
				_, err := fmt.Fprint(cmd.OutOrStdout(), versionLine())
				return err
			}
			b, err := version.SBOM()
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(b)
			return err
		},
	}
	cmd.Flags().BoolVar(&sbom, "sbom", false, "print a bill of materials (CycloneDX, JSON)")
	return cmd
}

func versionLine() string {
	return fmt.Sprintln("altavoz", version.String(), runtime.Version(), runtime.GOOS+"/"+runtime.GOARCH)
}
