package app

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
)

const healthBytes = 4 << 10 // of an answer that are read

// HealthURLs returns where this machine asks the parts for their health, or, with ready, whether
// they are ready.
func (c Config) HealthURLs(parts []string, ready bool) (urls []string, err error) {
	path := "/livez"
	if ready {
		path = "/readyz"
	}
	for _, part := range parts {
		addr := map[string]string{
			Proxy: c.Proxy.Addr, Predict: c.Predict.Addr, Batch: c.Batch.Addr,
		}[part]
		if addr == "" {
			return nil, Usagef("%s.addr: is empty, so that nothing of it can be asked", part)
		}
		urls = append(urls, LocalURL(addr, part == Proxy && c.Proxy.TLSCert != "")+path)
	}
	return urls, nil
}

// LocalURL returns where this machine reaches a server that listens on a valid addr, with TLS or
// without.
func LocalURL(addr string, withTLS bool) string {
	host, port, _ := net.SplitHostPort(addr)
	if host == "" || net.ParseIP(host).IsUnspecified() { // it listens on all addresses
		host = "127.0.0.1"
	}
	scheme := "http://"
	if withTLS {
		scheme = "https://"
	}
	return scheme + net.JoinHostPort(host, port)
}

// AskHealth returns what a server answers to one request: the status, and the beginning of the
// body. A server on this machine may have a certificate for any name: insecure takes it.
func AskHealth(
	ctx context.Context, url string, insecure bool,
) (status int, body []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0, nil, err
	}
	transport := &http.Transport{ // no proxy: the server is on this machine
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: insecure, MinVersion: tls.VersionTLS12},
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return 0, nil, fmt.Errorf("%s: %w", url, err)
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(io.LimitReader(resp.Body, healthBytes))
	if err != nil {
		return 0, nil, fmt.Errorf("%s: %w", url, err)
	}
	return resp.StatusCode, body, nil
}

// CheckHealth asks url. Its error names the address, and quotes an answer that is not 200.
func CheckHealth(ctx context.Context, url string, insecure bool) error {
	status, body, err := AskHealth(ctx, url, insecure)
	switch {
	case errors.As(err, new(*tls.CertificateVerificationError)):
		return fmt.Errorf("%w; --insecure takes any certificate", err)
	case err == nil && status != http.StatusOK:
		text := http.StatusText(status)
		return fmt.Errorf("%s: answered %d %s: %q", url, status, text, bytes.TrimSpace(body))
	}
	return err
}
