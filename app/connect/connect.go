// Package connect finds the server that a command talks to, and says what its faults mean to
// whoever called the command.
package connect

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"bgremove/app"
	"bgremove/app/settings"
	"bgremove/client"
	"bgremove/terminal"
)

const (
	// DefaultAddress is that of a server on this machine.
	DefaultAddress = "http://127.0.0.1:5000"

	probeTime = 10 * time.Second
)

// Server is where requests go, and how.
type Server struct {
	Address string
	Key     string // API key; empty for none
	// certificate authorities that are trusted; nil means those of the system
	Roots *x509.CertPool
}

// Find returns the server that flags name, or else the environment. A bad key or certificate is a
// UsageError.
func Find(address, keyFile, caFile string) (s Server, err error) {
	s.Address = cmp.Or(address, os.Getenv(settings.ServerEnv), DefaultAddress)
	if s.Key, err = readKey(keyFile); err == nil {
		s.Roots, err = readRoots(caFile)
	}
	return s, err
}

// Name returns the address without a password.
func (s Server) Name() string { return settings.RedactURL(s.Address) }

// Client returns a client of the server. A bad address is a UsageError.
func (s Server) Client(patience time.Duration, waiting Waiting) (*client.Client, error) {
	c, err := client.New(client.Config{
		Server: s.Address, Key: s.Key, Roots: s.Roots, Patience: patience, Waiting: waiting,
	})
	if err != nil {
		return nil, app.UsageError{Err: err}
	}
	return c, nil
}

// Connect returns a client after the server has answered: no server, or none that lets this key in,
// is found at once and not after the client's patience. The caller closes it.
func (s Server) Connect(
	ctx context.Context, patience time.Duration, waiting Waiting,
) (*client.Client, error) {
	c, err := s.Client(patience, waiting)
	if err == nil {
		err = s.Probe(ctx)
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Probe asks the server once whether it is there and lets the key in.
func (s Server) Probe(ctx context.Context) error {
	c, err := s.Client(-1, nil)
	if err != nil {
		return err
	}
	defer c.Close()
	bounded, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	_, err = c.Queue(bounded)
	var answer *client.Error
	switch {
	case err == nil,
		errors.As(err, &answer) && !slices.Contains([]int{400, 401, 403, 404}, answer.Status):
		return nil
	case answer != nil && answer.Status == http.StatusNotFound, // another part, or no bgremove
		errors.As(err, new(*json.SyntaxError)), errors.As(err, new(*json.UnmarshalTypeError)):
		return fmt.Errorf("%s is no bgremove proxy", s.Name())
	}
	return s.Fault(ctx, Silent(err, probeTime))
}

// silentError is a server that has taken a request and answered nothing for a while.
type silentError struct{ after time.Duration }

func (e silentError) Error() string { return "no answer within " + terminal.Duration(e.after) }

// Silent returns err, but a fault of a server that answers nothing where err is a time limit that
// has passed.
func Silent(err error, limit time.Duration) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return silentError{limit}
	}
	return err
}

// maxKeyFile is what a file with one key has at most, in bytes; another was meant to be named.
const maxKeyFile = 4 << 10

func readKey(name string) (string, error) {
	if name == "" {
		return strings.TrimSpace(os.Getenv(settings.KeyEnv)), nil
	}
	data, err := os.ReadFile(name) //nolint:gosec // the caller's
	if err != nil {
		return "", app.Usagef("--key-file: %w", err)
	}
	key := strings.TrimSpace(string(data))
	if key == "" || len(data) > maxKeyFile || strings.ContainsAny(key, " \t\r\n") {
		return "", app.Usagef("--key-file: %s must hold one key and nothing else, has %d bytes",
			name, len(data))
	}
	return key, nil
}

// readRoots returns the system's certificate authorities with those that name or the environment
// says; nil where nothing is said.
func readRoots(name string) (*x509.CertPool, error) {
	source := "--cacert"
	if name == "" {
		source, name = settings.CAEnv, os.Getenv(settings.CAEnv)
	}
	if name == "" {
		return nil, nil
	}
	data, err := os.ReadFile(name) //nolint:gosec // the caller's
	if err != nil {
		return nil, app.Usagef("%s: %w", source, err)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		return nil, err
	}
	if !roots.AppendCertsFromPEM(data) {
		return nil, app.Usagef("%s: %s has no certificate in PEM form", source, name)
	}
	return roots, nil
}

// told has been through Fault.
type told struct{ error }

func (e told) Unwrap() error { return e.error }

// Fault returns err as the caller of a command wants to hear it: of a server that is away its
// address and what to do, of one that answers what it says. An error that has been through it, or
// wraps one that has, stays as it is.
func (s Server) Fault(ctx context.Context, err error) error {
	if err == nil || errors.As(err, new(told)) {
		return err
	}
	return told{s.explain(ctx, err)}
}

func (s Server) explain(ctx context.Context, err error) error {
	var away *url.Error
	var answer *client.Error
	var elsewhere *client.RedirectError
	var untrusted *tls.CertificateVerificationError
	var silent silentError
	switch {
	case ctx.Err() != nil:
		return errors.New("interrupted")
	case errors.As(err, &elsewhere):
		return fmt.Errorf("%s: %w", s.Name(), elsewhere)
	case errors.As(err, &silent):
		return fmt.Errorf("%s: %w; is bgremove serve all running there?", s.Name(), silent)
	case errors.As(err, new(x509.UnknownAuthorityError)):
		return fmt.Errorf(
			"%s cannot be trusted: %w; name its certificate, or its authority's, with --cacert",
			s.Name(), Cause(err))
	case errors.As(err, &untrusted):
		return fmt.Errorf("%s cannot be trusted: %w", s.Name(), Cause(untrusted))
	case errors.As(err, &away):
		return fmt.Errorf("no answer from %s: %w; is bgremove serve all running there?",
			s.Name(), Cause(away.Err))
	case errors.As(err, &answer) && (answer.Code == "missing_key" || answer.Code == "auth_failed"):
		return fmt.Errorf("%w; the key goes into $%s or --key-file", answer, settings.KeyEnv)
	}
	return err
}

// Cause returns the innermost of errors that wrap each other: "connection refused" and not "dial
// tcp 127.0.0.1:5000: connect: …".
func Cause(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// Waiting is told of waits, as that of a client.Config.
type Waiting = func(err error, pause time.Duration)

const (
	shortestTold = time.Second      // pauses that are shorter are over before anybody wonders
	waitReminder = 30 * time.Second // between two lines that say the same
)

// Waits has tell say that the server is waited for, and why: when that begins, and now and then
// while it lasts.
func (s Server) Waits(ctx context.Context, tell func(line string)) Waiting {
	var mu sync.Mutex
	last := map[string]time.Time{}
	return func(err error, pause time.Duration) {
		if pause < shortestTold || ctx.Err() != nil {
			return
		}
		// What is the same wait may differ in its text, by request ids or megapixels.
		kind := fmt.Sprintf("%T", Cause(err))
		var answer *client.Error
		if errors.As(err, &answer) {
			kind = fmt.Sprint(answer.Status, answer.Code)
			plain := *answer
			plain.RequestID = ""
			err = &plain
		}
		mu.Lock()
		defer mu.Unlock()
		if at, ok := last[kind]; ok && time.Since(at) < waitReminder {
			return
		}
		last[kind] = time.Now()
		tell(terminal.Printable(fmt.Sprintf("bgremove: waiting: %v; trying again",
			s.Fault(ctx, err))))
	}
}
