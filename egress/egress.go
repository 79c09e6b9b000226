// Package egress makes the requests to addresses that clients name: to fetch an image, or to tell
// of a job's end. Whoever may name an address could otherwise have this server speak to what only
// it reaches: itself, its neighbours, the cloud's metadata service.
//
// An address is judged twice, at first and after every redirect: by its text, before anything is
// looked up, and by the network address that its name stands for at the moment at which a
// connection to that very address is made, so that a name which changes its mind gains nothing.
// There is no proxy, no cookie, no Referer, no second use of a connection.
//
// A client learns whether an address that is there in its text is allowed, and of a public server
// what it answered. All that happens before an answer gives one and the same error: a name that is
// not there, one that stands for an inner address, a closed port. What it can still tell apart is
// how long that took. An inner address is never sent a packet, unless it is in Config.Allow.
//
// The package imports nothing of bgremove's.
package egress

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"
)

// What can come back. The texts are fit for the client who named the address.
var (
	ErrURL       = errors.New("address refused")           // its form
	ErrForbidden = errors.New("address not allowed")       // it names what is not public
	ErrFetch     = errors.New("address cannot be fetched") // it may be worth another try
	ErrTooLarge  = errors.New("image at the address is too large")
)

// errInner stays inside: a client must not learn that a name stands for an inner address.
var errInner = errors.New("not a public address")

const (
	userAgent    = "bgremove"
	headerLimit  = 64 << 10 // bytes of an answer's header
	handshakeMax = 10 * time.Second
)

// Client is safe for concurrent use. It holds no connections.
type Client struct {
	cfg     Config
	allowed allowed
	log     *slog.Logger
	checked net.Dialer // refuses inner addresses
	trusted net.Dialer // for names in Config.Allow
	fetch   http.Client
	post    http.Client
}

// New makes a client. It logs refusals that the one who named the address does not hear of.
func New(cfg Config, log *slog.Logger) (*Client, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("egress configuration: %w", err)
	}
	names, err := parseAllow(cfg.Allow)
	if err != nil {
		return nil, err
	}
	c := &Client{cfg: cfg, allowed: names, log: log}
	c.checked.ControlContext = func(_ context.Context, _, address string, _ syscall.RawConn) error {
		return c.checkAddress(address)
	}
	transport := &http.Transport{
		DialContext:            c.dial,
		TLSHandshakeTimeout:    handshakeMax,
		MaxResponseHeaderBytes: headerLimit,
		DisableKeepAlives:      true, // so that each request is dialled, and checked
		DisableCompression:     true, // a small body must not become a large one
	}
	c.fetch = http.Client{Transport: transport, CheckRedirect: c.follow}
	c.post = http.Client{Transport: transport, CheckRedirect: stay}
	return c, nil
}

// dial connects to host:port.
func (c *Client) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if c.allowed.names[plain(host)] {
		return c.trusted.DialContext(ctx, network, address)
	}
	return c.checked.DialContext(ctx, network, address)
}

// checkAddress judges what a name was resolved to, ip:port, right before the
// connection to it is made.
func (c *Client) checkAddress(address string) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return errInner
	}
	if !c.allowed.address(to.Addr()) && (!public(to.Addr()) || ours(to.Addr())) {
		return errInner
	}
	return nil
}

// follow judges a redirect.
func (c *Client) follow(to *http.Request, before []*http.Request) error {
	if len(before) > c.cfg.MaxRedirects {
		return fmt.Errorf("%w: it redirects more than %d times", ErrFetch, c.cfg.MaxRedirects)
	}
	if _, err := c.parse(to.URL.String()); err != nil {
		return fmt.Errorf("after a redirect: %w", err)
	}
	to.Header.Del("Referer")
	return nil
}

// stay follows no redirect: Standard Webhooks count one as a failure.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Check says early, without asking anybody, that an address would be refused:
// ErrURL or ErrForbidden.
func (c *Client) Check(rawURL string) error {
	_, err := c.parse(rawURL)
	return err
}

// Get fetches at most maxBytes from an address within Config.Timeout, and says what type
// they are said to have. Errors: ErrURL, ErrForbidden, ErrFetch, ErrTooLarge, or that of ctx
// where it was cancelled.
func (c *Client) Get(
	ctx context.Context, rawURL string, maxBytes int64,
) (data []byte, contentType string, err error) {
	u, err := c.parse(rawURL)
	if err != nil {
		return nil, "", err
	}
	bounded, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(bounded, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, "", fmt.Errorf("%w: it cannot be read", ErrURL)
	}
	req.Header = http.Header{
		"User-Agent": {userAgent}, "Accept": {"image/*, */*;q=0.5"},
		"Accept-Encoding": {"identity"},
	}
	res, err := c.fetch.Do(req)
	if err != nil {
		return nil, "", c.fault(ctx, u, err)
	}
	defer res.Body.Close()
	encoding := res.Header.Get("Content-Encoding")
	switch {
	case res.StatusCode != http.StatusOK:
		return nil, "", fmt.Errorf("%w: it answers %d %s",
			ErrFetch, res.StatusCode, http.StatusText(res.StatusCode))
	case encoding != "" && encoding != "identity":
		return nil, "",
			fmt.Errorf("%w: it answers in a compressed form that was not asked for", ErrFetch)
	case res.ContentLength > maxBytes:
		return nil, "", fmt.Errorf("%w: %d bytes, the limit is %d",
			ErrTooLarge, res.ContentLength, maxBytes)
	}
	// grows with what comes, not with what is promised
	data, err = io.ReadAll(io.LimitReader(res.Body, maxBytes+1))
	if err != nil {
		return nil, "", c.fault(ctx, u, err)
	}
	if int64(len(data)) > maxBytes {
		return nil, "", fmt.Errorf("%w: the limit is %d bytes", ErrTooLarge, maxBytes)
	}
	return data, res.Header.Get("Content-Type"), nil
}

// Post sends a body and returns the status and the header of the answer, whose body is not read.
// Redirects are not followed. ctx bounds it. Errors: ErrURL, ErrForbidden, ErrFetch, or that of ctx
// where it was cancelled.
func (c *Client) Post(
	ctx context.Context, rawURL string, header http.Header, body []byte,
) (status int, answer http.Header, err error) {
	u, err := c.parse(rawURL)
	if err != nil {
		return 0, nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(body))
	if err != nil {
		return 0, nil, fmt.Errorf("%w: it cannot be read", ErrURL)
	}
	maps.Copy(req.Header, header)
	req.Header.Set("User-Agent", userAgent)
	res, err := c.post.Do(req)
	if err != nil {
		return 0, nil, c.fault(ctx, u, err)
	}
	defer res.Body.Close()
	return res.StatusCode, res.Header, nil
}

// fault makes of an error what a client may know of it. ctx is the caller's.
func (c *Client) fault(ctx context.Context, u *url.URL, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return context.Canceled
	}
	if errors.Is(err, errInner) {
		c.log.WarnContext(ctx,
			"refused to connect to an inner address; egress.allow would allow it", "host", u.Host)
	}
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err // without the address, which may hold a token
	}
	var late net.Error
	switch {
	case errors.Is(err, ErrURL), errors.Is(err, ErrForbidden), errors.Is(err, ErrFetch): // follow's
		return err
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &late) && late.Timeout():
		return fmt.Errorf("%w: %q did not answer in time", ErrFetch, u.Hostname())
	}
	return fmt.Errorf("%w: no answer from %q", ErrFetch, u.Hostname())
}
