// Package client talks to a bgremove server: its public API, /v1.
//
//	c, err := client.New(client.Config{Server: "http://localhost:5000"})
//	job, err := c.Submit(ctx, client.File("photo.jpg"), nil)
//	job, err = c.Wait(ctx, job.ID)
//	contentType, err := c.Result(ctx, job.ID, out)
//
// Every call ends with its context. What may be sent twice without harm is sent again when a
// connection breaks or the server has no time, for as long as Config.Patience; Retry-After is
// heeded. Answers that are errors are an *Error. The package imports nothing of bgremove's.
package client

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Config says which server, and how.
type Config struct {
	Server string // address, as in http://localhost:5000 or https://example.com/cutouts
	Key    string // API key; empty where the server asks for none
	// how long one request is tried again and again; 0 means 2 minutes, less than 0
	// that nothing is sent twice
	Patience time.Duration
	HTTP     *http.Client // how requests are sent; nil means a client of its own
	// Roots are the certificate authorities that a client of its own trusts;
	// nil means the system's.
	Roots *x509.CertPool
	// Waiting, where there is one, is called before a pause after which a request is sent again,
	// with the error that the last try ended with. Several goroutines may call it at a time, one
	// for each request that is under way; the request waits until it returns.
	Waiting func(err error, pause time.Duration)
}

const defaultPatience = 2 * time.Minute

// Client is safe for concurrent use.
type Client struct {
	base     string
	key      string
	patience time.Duration
	waiting  func(err error, pause time.Duration)
	http     *http.Client
}

// New returns a Client. Nothing is sent yet. An error says what is wrong with
// the address or the key.
func New(cfg Config) (*Client, error) {
	u, err := url.Parse(cfg.Server)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" ||
		u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("server: must be like http://localhost:5000, is %s",
			redactURL(cfg.Server))
	}
	if strings.ContainsFunc(cfg.Key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errors.New("key: has characters that no key has")
	}
	c := &Client{
		base: strings.TrimSuffix(cfg.Server, "/"), key: cfg.Key,
		patience: cfg.Patience, waiting: cfg.Waiting,
	}
	if c.patience == 0 {
		c.patience = defaultPatience
	}
	if c.waiting == nil {
		c.waiting = func(error, time.Duration) {}
	}
	c.http = &http.Client{Transport: Transport(cfg.Roots)}
	if cfg.HTTP != nil {
		own := *cfg.HTTP
		own.Transport = watched{cmp.Or(own.Transport, http.DefaultTransport)}
		c.http = &own
	}
	if c.http.CheckRedirect == nil {
		c.http.CheckRedirect = c.stay
	}
	return c, nil
}

// redactURL returns an address, quoted, without its password. Where http:// is missing, url.Parse
// sees no password.
func redactURL(address string) string {
	u, err := url.Parse(address)
	if !strings.Contains(address, "://") {
		u, err = url.Parse("//" + address)
	}
	if err != nil {
		return "no address"
	}
	return strconv.Quote(strings.TrimPrefix(u.Redacted(), "//"))
}

// stay does not follow a redirect to another host: the key would go there too.
func (c *Client) stay(req *http.Request, via []*http.Request) error {
	first := via[0].URL
	if len(via) < 5 && req.URL.Host == first.Host && req.URL.Scheme == first.Scheme {
		return nil
	}
	e := &RedirectError{To: req.URL.Redacted()}
	// the same elsewhere, and no page to log in, say
	if base, err := url.Parse(c.base); err == nil && req.URL.Path == first.Path {
		base.Scheme, base.Host = req.URL.Scheme, req.URL.Host
		e.Server = base.Redacted()
	}
	return e
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }
