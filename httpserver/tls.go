package httpserver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"bgremove/reload"
)

// ErrCertificate says that the files of Options.TLSCert and TLSKey cannot be used.
var ErrCertificate = errors.New("bad certificate")

// certificate is the server's, as it was when its two files last made a pair.
type certificate struct {
	files   *reload.Files
	current atomic.Pointer[tls.Certificate]
}

func openCertificate(certFile, keyFile string, log *slog.Logger) (*certificate, error) {
	c := &certificate{}
	load := func(pem [][]byte) error {
		pair, err := tls.X509KeyPair(pem[0], pem[1])
		if err != nil {
			return err
		}
		log.Info("certificate", "file", certFile, "names", pair.Leaf.DNSNames, "addresses",
			pair.Leaf.IPAddresses, "not_after", pair.Leaf.NotAfter)
		c.current.Store(&pair)
		return nil
	}
	files, err := reload.Open(log, load, certFile, keyFile)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCertificate, err)
	}
	c.files = files
	return c, nil
}

// config has HTTP/2 too. Connections keep the certificate that they began with.
func (c *certificate) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return c.current.Load(), nil
		},
	}
}

// watch follows changes of the files until the function it returns is called.
func (c *certificate) watch() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	watching.Go(func() { c.files.Watch(ctx) })
	return func() { cancel(); watching.Wait() }
}
