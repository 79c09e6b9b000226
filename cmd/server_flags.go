package cmd

import (
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
	"time"

	"github.com/spf13/cobra"

	"bgremove/app/settings"
	"bgremove/client"
	"bgremove/terminal"
)

const (
	defaultServer = "http://127.0.0.1:5000"
	probeTimeout  = 10 * time.Second
	askPatience   = 20 * time.Second // of a command that somebody looks at until it has answered
	workPatience  = 2 * time.Minute  // of one that has much to do
)

// addServerFlags adds the flags that connect reads, for cmd and the commands below it.
func addServerFlags(cmd *cobra.Command) {
	cmd.PersistentFlags().String("server", "", "address of the server (default $"+settings.ServerEnv+", or else "+defaultServer+")")
	cmd.PersistentFlags().String("key-file", "", "file with the API key (default the key in $"+settings.KeyEnv+"). No flag takes the key itself: others on this machine see command lines")
	cmd.PersistentFlags().String("cacert", "", "file with PEM certificates to trust beside those of the system (default $"+settings.CAEnv+")")
}

// connect returns a client of the server that the flags and the environment name, after that has answered: no server, or none that lets
// this key in, is found at once and not after the client's patience. The caller closes it. A bad address or key is a usageError.
func connect(cmd *cobra.Command, patience time.Duration) (*client.Client, error) {
	c, err := newClient(cmd, patience, tellWaits(cmd, func(line string) { fmt.Fprintln(cmd.ErrOrStderr(), line) }))
	if err == nil {
		err = probeServer(cmd)
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// newClient is of the server that the flags and the environment name. A bad address or key is a usageError.
func newClient(cmd *cobra.Command, patience time.Duration, waiting waitFunc) (*client.Client, error) {
	key, err := serverKey(cmd)
	if err != nil {
		return nil, err
	}
	roots, err := serverRoots(cmd)
	if err != nil {
		return nil, err
	}
	c, err := client.New(client.Config{Server: serverAddress(cmd), Key: key, Patience: patience, Roots: roots, Waiting: waiting})
	if err != nil {
		return nil, usageError{err}
	}
	return c, nil
}

// probeServer asks the server once whether it is there and lets the key in.
func probeServer(cmd *cobra.Command) error {
	c, err := newClient(cmd, -1, nil)
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(cmd.Context(), probeTimeout)
	defer cancel()
	_, err = c.Queue(ctx)
	var answer *client.Error
	if err != nil && (!errors.As(err, &answer) || slices.Contains([]int{400, 401, 403, 404}, answer.Status)) {
		return noProxy(cmd, serverFault(cmd, asSilent(err, probeTimeout)))
	}
	return nil
}

// silentError is a server that has taken a request and answered nothing for a while.
type silentError struct{ after time.Duration }

func (e silentError) Error() string { return "no answer within " + terminal.Duration(e.after) }

// asSilent is err, but a silentError where err is a time limit that has passed.
func asSilent(err error, limit time.Duration) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return silentError{limit}
	}
	return err
}

// noProxy is err, but where something else than a proxy answers: another part, or no bgremove at all.
func noProxy(cmd *cobra.Command, err error) error {
	var answer *client.Error
	if errors.As(err, &answer) && answer.Status == http.StatusNotFound ||
		errors.As(err, new(*json.SyntaxError)) || errors.As(err, new(*json.UnmarshalTypeError)) {
		return fmt.Errorf("%s is no bgremove proxy", shownAddress(cmd))
	}
	return err
}

// shownAddress is serverAddress without a password.
func shownAddress(cmd *cobra.Command) string { return settings.RedactURL(serverAddress(cmd)) }

func serverAddress(cmd *cobra.Command) string {
	if address, _ := cmd.Flags().GetString("server"); address != "" {
		return address
	}
	if address := os.Getenv(settings.ServerEnv); address != "" {
		return address
	}
	return defaultServer
}

// maxKeyFile is what a file with one key has at most, in bytes; another was meant to be named.
const maxKeyFile = 4 << 10

func serverKey(cmd *cobra.Command) (string, error) {
	name, _ := cmd.Flags().GetString("key-file")
	if name == "" {
		return strings.TrimSpace(os.Getenv(settings.KeyEnv)), nil
	}
	data, err := os.ReadFile(name) //nolint:gosec // the caller's
	if err != nil {
		return "", usageError{fmt.Errorf("--key-file: %w", err)}
	}
	key := strings.TrimSpace(string(data))
	if key == "" || len(data) > maxKeyFile || strings.ContainsAny(key, " \t\r\n") {
		return "", usageError{fmt.Errorf("--key-file: %s must hold one key and nothing else, has %d bytes", name, len(data))}
	}
	return key, nil
}

// serverRoots are the system's certificate authorities with those that --cacert or the environment names; nil where nothing is named.
func serverRoots(cmd *cobra.Command) (*x509.CertPool, error) {
	source, name := "--cacert", ""
	if name, _ = cmd.Flags().GetString("cacert"); name == "" {
		source, name = settings.CAEnv, os.Getenv(settings.CAEnv)
	}
	if name == "" {
		return nil, nil
	}
	data, err := os.ReadFile(name) //nolint:gosec // the caller's
	if err != nil {
		return nil, usageError{fmt.Errorf("%s: %w", source, err)}
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		return nil, err
	}
	if !roots.AppendCertsFromPEM(data) {
		return nil, usageError{fmt.Errorf("%s: %s has no certificate in PEM form", source, name)}
	}
	return roots, nil
}

// serverFault is err as the caller of a command wants to hear it: of a server that is away its address and what to do, of one that answers
// what it says.
func serverFault(cmd *cobra.Command, err error) error {
	var away *url.Error
	var answer *client.Error
	var elsewhere *client.RedirectError
	var untrusted *tls.CertificateVerificationError
	var silent silentError
	switch {
	case err == nil:
		return nil
	case cmd.Context().Err() != nil:
		return errors.New("interrupted")
	case errors.As(err, &elsewhere):
		return fmt.Errorf("%s: %w", shownAddress(cmd), elsewhere)
	case errors.As(err, &silent):
		return fmt.Errorf("%s: %w; is bgremove serve all running there?", shownAddress(cmd), silent)
	case errors.As(err, new(x509.UnknownAuthorityError)):
		return fmt.Errorf("%s cannot be trusted: %w; name its certificate, or its authority's, with --cacert", shownAddress(cmd), cause(err))
	case errors.As(err, &untrusted):
		return fmt.Errorf("%s cannot be trusted: %w", shownAddress(cmd), cause(untrusted))
	case errors.As(err, &away):
		return fmt.Errorf("no answer from %s: %w; is bgremove serve all running there?", shownAddress(cmd), cause(away.Err))
	case errors.As(err, &answer) && (answer.Code == "missing_key" || answer.Code == "auth_failed"):
		return fmt.Errorf("%w; the key goes into $%s or --key-file", answer, settings.KeyEnv)
	}
	return err
}

// cause is the innermost of errors that wrap each other: "connection refused" and not "dial tcp 127.0.0.1:5000: connect: …".
func cause(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
