package predict

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"

	"bgremove/httpserver"
	"bgremove/imaging"
	"bgremove/imaging/option"
	"bgremove/telemetry"
)

const (
	dialTimeout   = 5 * time.Second
	healthTimeout = 5 * time.Second
	// Well below the server's: a connection that the server closes just as it is used again
	// reads as a broken one.
	idleTimeout = 30 * time.Second
	maxIdle     = 64

	maxResultBytes = 1 << 30
	maxFaultBytes  = 64 << 10
)

// Client predicts on a server elsewhere. It is safe for concurrent use.
type Client struct {
	url       string
	timeout   time.Duration
	transport *http.Transport
}

// NewClient returns a Client of the server at baseURL that waits at most timeout for one answer.
func NewClient(baseURL string, timeout time.Duration) *Client {
	dialer := &net.Dialer{Timeout: dialTimeout}
	return &Client{
		url: strings.TrimSuffix(baseURL, "/"), timeout: timeout,
		transport: &http.Transport{
			DialContext: dialer.DialContext, TLSHandshakeTimeout: dialTimeout,
			IdleConnTimeout: idleTimeout,
			MaxIdleConns:    maxIdle, MaxIdleConnsPerHost: maxIdle, DisableCompression: true,
		},
	}
}

// Close closes idle connections.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// Predict is Predictor.Predict on the server, with the same errors and these: ErrUnavailable when
// the image never left, ErrBroken when the connection broke after that.
func (c *Client) Predict(
	ctx context.Context, data []byte, opts option.Options,
) (imaging.Result, error) {
	ctx, span := telemetry.Begin(ctx, telemetry.Client, "POST /predict")
	bounded, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	result, err := c.predict(bounded, data, opts)
	if err != nil {
		err = ended(ctx, bounded, err)
		span.End(err)
		return imaging.Result{}, err
	}
	span.End(nil)
	return result, nil
}

func (c *Client) predict(
	ctx context.Context, data []byte, opts option.Options,
) (imaging.Result, error) {
	body, err := newFormBody(data, opts)
	if err != nil {
		return imaging.Result{}, err
	}
	resp, err := c.do(ctx, http.MethodPost, c.url+"/predict", body)
	if err != nil {
		return imaging.Result{}, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return imaging.Result{}, readFault(resp)
	}
	return readResult(resp)
}

// Healthy asks the server's /health. A fault is an ErrUnavailable, or ctx's own.
func (c *Client) Healthy(ctx context.Context) error {
	bounded, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	resp, err := c.do(bounded, http.MethodGet, c.url+"/health", formBody{})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, ErrUnavailable) {
		return err
	} else if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	defer resp.Body.Close()
	// to the end, or the connection cannot be used again
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxFaultBytes))
	switch {
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("%w: /health answered %d", ErrUnavailable, resp.StatusCode)
	case err != nil:
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	case !bytes.Contains(body, []byte(`"health"`)):
		return fmt.Errorf("%w: what answers is no predictor", ErrUnavailable)
	}
	return nil
}

// do tells a request that was never sent from one that may have reached the server.
// Redirects are not followed.
func (c *Client) do(
	ctx context.Context, method, address string, body formBody,
) (*http.Response, error) {
	var sent atomic.Bool // the transport calls back from goroutines of its own
	ctx = httptrace.WithClientTrace(ctx,
		&httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }})
	req, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if user := req.URL.User; user != nil { // the transport, unlike an http.Client, leaves it out
		password, _ := user.Password()
		req.SetBasicAuth(user.Username(), password)
	}
	body.attach(req)
	if trace := telemetry.Inject(ctx); trace != "" {
		req.Header.Set(telemetry.Header, trace)
	}
	resp, err := c.transport.RoundTrip(req)
	switch {
	case err == nil:
		return resp, nil
	case sent.Load():
		return nil, fmt.Errorf("%w: %w", ErrBroken, err)
	}
	return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
}

func readResult(resp *http.Response) (imaging.Result, error) {
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxResultBytes+1))
	if err != nil {
		return imaging.Result{}, fmt.Errorf("%w: %w", ErrBroken, err)
	}
	if len(data) > maxResultBytes {
		return imaging.Result{}, fmt.Errorf("%w: the result is larger than the limit of %d bytes",
			ErrInternal, maxResultBytes)
	}
	if len(data) == 0 {
		return imaging.Result{}, fmt.Errorf("%w: the answer is not a predictor's", ErrUnavailable)
	}
	result, err := readDescription(resp.Header)
	if err != nil {
		return imaging.Result{}, err
	}
	result.Data = data
	return result, nil
}

func readFault(resp *http.Response) error {
	var fault struct {
		Detail any `json:"detail"`
	}
	// What cannot be read leaves the message empty: status and code say enough.
	if data, err := io.ReadAll(io.LimitReader(resp.Body, maxFaultBytes)); err == nil {
		_ = json.Unmarshal(data, &fault)
	}
	message, _ := fault.Detail.(string)
	return fromHTTP(resp.StatusCode, resp.Header.Get(httpserver.HeaderErrorCode), message)
}
