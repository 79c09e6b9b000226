package cmd

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

const (
	healthTimeout = 5 * time.Second // of all addresses together
	healthAnswer  = 4 << 10         // bytes of an answer that are read
)

func newHealthCmd() *cobra.Command {
	var urls []string
	var insecure bool
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Ask a running server whether it is well",
		Long: `Ask a running server whether it is well, for health checks where there is no curl. Any status but 200 at any of the
addresses, or no answer within 5 s, is a failure; what was answered goes to stderr.`,
		Example: `  bgremove health
  bgremove health --url http://127.0.0.1:5000/readyz --url http://127.0.0.1:5001/readyz`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), healthTimeout)
			defer cancel()
			var errs []error
			for _, url := range urls {
				errs = append(errs, checkHealth(ctx, url, insecure))
			}
			return errors.Join(errs...)
		},
	}
	cmd.Flags().StringArrayVar(&urls, "url", []string{"http://127.0.0.1:5000/livez"}, "address to ask; may be given several times")
	cmd.Flags().BoolVar(&insecure, "insecure", false, "take any certificate: it is for a name, and 127.0.0.1 is asked")
	return cmd
}

// checkHealth asks url. Its error names the address, and quotes an answer that is not 200.
func checkHealth(ctx context.Context, url string, insecure bool) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	transport := &http.Transport{ // no proxy: the server is on this machine
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: insecure, MinVersion: tls.VersionTLS12},
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return fmt.Errorf("%s: %w", url, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, healthAnswer))
	if err != nil {
		return fmt.Errorf("%s: %w", url, err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: answered %s: %q", url, resp.Status, bytes.TrimSpace(body))
	}
	return nil
}
