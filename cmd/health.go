package cmd

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
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
	var insecure, ready bool
	cmd := &cobra.Command{
		Use:   "health [proxy] [predict] [batch]",
		Short: "Ask a running server whether it is well",
		Long: `Ask a running server whether it is well, for health checks where there is no curl. Any status but 200 at any of the
addresses, or no answer within 5 s, is a failure; what was answered goes to stderr.

The parts that are named, or else the proxy, are asked where the configuration has them listen: name the same file and
set the same variables as for the server. With --url only that address is asked, and no configuration is read.`,
		Example: `  bgremove health
  bgremove health --ready proxy predict
  bgremove health --url http://127.0.0.1:5001/readyz`,
		ValidArgs: []string{"proxy", "predict", "batch"},
		Args:      cobra.OnlyValidArgs,
		RunE: func(cmd *cobra.Command, parts []string) error {
			if len(urls) > 0 && (ready || len(parts) > 0) {
				return usageError{errors.New("--url says all: no part and no --ready beside it")}
			}
			if len(urls) == 0 {
				settings, err := loadConfig(cmd)
				if err != nil {
					return err
				}
				if urls, err = settings.Config.healthURLs(parts, ready); err != nil {
					return err
				}
				insecure = true // the process on this machine is asked, whatever name its certificate is for
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), healthTimeout)
			defer cancel()
			var errs []error
			for _, url := range urls {
				errs = append(errs, checkHealth(ctx, url, insecure))
			}
			return errors.Join(errs...)
		},
	}
	addConfigFileFlag(cmd)
	cmd.Flags().BoolVar(&ready, "ready", false, "ask whether it is ready (/readyz), not only whether it lives (/livez)")
	cmd.Flags().StringArrayVar(&urls, "url", nil, "address to ask instead of the configuration's; may be given several times")
	cmd.Flags().BoolVar(&insecure, "insecure", false, "take any certificate of --url: it is for a name, and 127.0.0.1 is asked")
	return cmd
}

// healthURLs are where this machine reaches the parts, or else the proxy.
func (c Config) healthURLs(parts []string, ready bool) (urls []string, err error) {
	if len(parts) == 0 {
		parts = []string{"proxy"}
	}
	path := "/livez"
	if ready {
		path = "/readyz"
	}
	for _, part := range parts {
		addr := map[string]string{"proxy": c.Proxy.Addr, "predict": c.Predict.Addr, "batch": c.Batch.Addr}[part]
		if addr == "" {
			return nil, usageError{fmt.Errorf("%s.addr: is empty, so that nothing of it can be asked", part)}
		}
		host, port, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, err
		}
		if host == "" || net.ParseIP(host).IsUnspecified() { // it listens on all addresses
			host = "127.0.0.1"
		}
		scheme := "http"
		if part == "proxy" && c.Proxy.TLSCert != "" {
			scheme = "https"
		}
		urls = append(urls, scheme+"://"+net.JoinHostPort(host, port)+path)
	}
	return urls, nil
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
	if errors.As(err, new(*tls.CertificateVerificationError)) {
		return fmt.Errorf("%s: %w; --insecure takes any certificate", url, err)
	}
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
