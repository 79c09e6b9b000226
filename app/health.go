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
	neturl "net/url"
)

// HealthBytes is how much of an answer about a server's health is read.
const HealthBytes = 4 << 10

// HealthURLs returns where this machine asks the parts for their health, or, with ready, whether
// they are ready.
func (c Config) HealthURLs(parts []string, ready bool) (urls []string, err error) {
	path := "/livez"
	if ready {
		path = "/readyz"
	}
	for _, part := range parts {
		addr := map[string]string{Proxy: c.Proxy.Addr, Predict: c.Predict.Addr, Batch: c.Batch.Addr}[part]
		if addr == "" {
			return nil, Usagef("%s.addr: is empty, so that nothing of it can be asked", part)
		}
		url, err := LocalURL(addr, part == Proxy && c.Proxy.TLSCert != "")
		if err != nil {
			return nil, err
		}
		urls = append(urls, url+path)
	}
	return urls, nil
}

// LocalURL returns where this machine reaches a server that listens on addr, with TLS or without.
func LocalURL(addr string, withTLS bool) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", err
	}
	if host == "" || net.ParseIP(host).IsUnspecified() { // it listens on all addresses
		host = "127.0.0.1"
	}
	scheme := "http://"
	if withTLS {
		scheme = "https://"
	}
	return scheme + net.JoinHostPort(host, port), nil
}

// AskHealth sends one request to url. A server on this machine may have a certificate for any name:
// insecure takes it.
func AskHealth(ctx context.Context, url string, insecure bool) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{ // no proxy: the server is on this machine
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: insecure, MinVersion: tls.VersionTLS12},
	}
	return transport.RoundTrip(req)
}

// CheckHealth asks url. Its error names the address, and quotes an answer that is not 200.
func CheckHealth(ctx context.Context, url string, insecure bool) error {
	resp, err := AskHealth(ctx, url, insecure)
	if errors.As(err, new(*tls.CertificateVerificationError)) {
		return fmt.Errorf("%s: %w; --insecure takes any certificate", url, err)
	}
	if errors.As(err, new(*neturl.Error)) { // it names the address
		return err
	}
	if err != nil {
		return fmt.Errorf("%s: %w", url, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, HealthBytes))
	if err != nil {
		return fmt.Errorf("%s: %w", url, err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: answered %s: %q", url, resp.Status, bytes.TrimSpace(body))
	}
	return nil
}
