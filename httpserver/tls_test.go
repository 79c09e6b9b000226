package httpserver

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// authority signs the certificates of a test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{pool: x509.NewCertPool()}
	a.cert, a.key = a.issue(t, &x509.Certificate{
		SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign,
		Subject:  pkix.Name{CommonName: "test"},
	})
	a.pool.AddCert(a.cert)
	return a
}

func (a *authority) issue(
	t *testing.T, template *x509.Certificate,
) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// server is a certificate for loopback and its key, as PEM.
func (a *authority) server(t *testing.T, serial int64) (certPEM, keyPEM []byte) {
	t.Helper()
	cert, key := a.issue(t, &x509.Certificate{
		SerialNumber: big.NewInt(serial), DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// replace puts a file in another's place, as renewals do.
func replace(t *testing.T, path string, data []byte) {
	t.Helper()
	temp := path + ".new"
	if err := errors.Join(os.WriteFile(temp, data, 0o600), os.Rename(temp, path)); err != nil {
		t.Fatal(err)
	}
}

// tlsServer serves with TLS; the certificate's serial is 2.
type tlsServer struct {
	*testServer
	*authority
	certFile, keyFile string
}

func startTLS(t *testing.T, edit func(*Config)) *tlsServer {
	t.Helper()
	ts := &tlsServer{authority: newAuthority(t)}
	dir := t.TempDir()
	ts.certFile, ts.keyFile = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	certPEM, keyPEM := ts.server(t, 2)
	replace(t, ts.certFile, certPEM)
	replace(t, ts.keyFile, keyPEM)
	ts.testServer = start(t, func(cfg *Config, opts *Options) {
		opts.TLSCert, opts.TLSKey = ts.certFile, ts.keyFile
		if edit != nil {
			edit(cfg)
		}
	})
	ts.url = ts.URL()
	ts.http = ts.client(false)
	return ts
}

// client trusts the server's certificates and closes its connections with the test; a fresh one
// makes a connection a request.
func (ts *tlsServer) client(fresh bool) *http.Client {
	return &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: ts.pool, MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2: true, DisableKeepAlives: fresh,
	}}
}

// serial is that of the certificate that a new connection gets.
func (ts *tlsServer) serial(client *http.Client) (int64, error) {
	resp, err := client.Get(ts.url + "/items/1") //nolint:noctx // a client with a time-out
	if err != nil {
		return 0, err
	}
	return resp.TLS.PeerCertificates[0].SerialNumber.Int64(), resp.Body.Close()
}

func TestTLS(t *testing.T) {
	ts := startTLS(t, nil)
	if !strings.HasPrefix(ts.url, "https://127.0.0.1:") {
		t.Errorf("URL is %s", ts.url)
	}
	//nolint:noctx // a client with a time-out
	resp, err := ts.http.Post(ts.url+"/echo", "text/plain", strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, resp); got.body != "hello" || resp.ProtoMajor != 2 ||
		got.header.Get("Strict-Transport-Security") != "max-age=31536000" {
		t.Errorf("%s: %+v", resp.Proto, got)
	}
	for version, want := range map[uint16]bool{
		tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true,
	} {
		dialer := tls.Dialer{Config: &tls.Config{
			RootCAs: ts.pool, MinVersion: tls.VersionTLS10, MaxVersion: version,
		}}
		conn, err := dialer.DialContext(t.Context(), "tcp", ts.Addr().String())
		if err == nil {
			conn.Close()
		}
		if (err == nil) != want {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
	}
}

// Limits and faults hold over HTTP/2 as they do over HTTP/1.1.
func TestHTTP2(t *testing.T) {
	ts := startTLS(t, nil)
	if got := ts.do(t, "POST", "/echo",
		strings.NewReader(strings.Repeat("x", bodyLimit+1))); got.status != 413 {
		t.Errorf("too large: %+v", got)
	}
	if got := ts.do(t, "POST", "/echo",
		chunked{strings.NewReader(strings.Repeat("x", bodyLimit+1))}); got.status != 413 {
		t.Errorf("too large, of unknown length: %+v", got)
	}
	resp, err := ts.http.Get(ts.url + "/half") //nolint:noctx // a client with a time-out
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := resp.Body.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	var failed error
	for buf := make([]byte, 32<<10); failed == nil; {
		_, failed = resp.Body.Read(buf)
	}
	if !strings.Contains(failed.Error(), "INTERNAL_ERROR") {
		t.Errorf("half an answer ended with %v, want a broken stream", failed)
	}
	if got := ts.do(t, "GET", "/items/1", nil); got.status != 200 {
		t.Errorf("the connection's next request: %+v", got)
	}
}

// Who is slow is answered over HTTP/2 too, and who leaves is logged as such.
func TestHTTP2ClientsThatSendNoMore(t *testing.T) {
	ts := startTLS(t, func(cfg *Config) { cfg.ReadTimeout = 200 * time.Millisecond })
	slow, keep := io.Pipe()
	defer keep.Close()
	if got := ts.do(t, "POST", "/echo", slow, "X-Request-ID", "slow"); got.status != 408 {
		t.Errorf("slow: %+v", got)
	}

	ts = startTLS(t, nil)
	ctx, leave := context.WithCancel(t.Context())
	left, send := io.Pipe()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, ts.url+"/echo", left)
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	go func() {
		resp, err := ts.http.Do(req)
		if err == nil {
			resp.Body.Close()
		}
		failed <- err
	}()
	if _, err := io.WriteString(send, "some"); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return ts.uploads.used.Load() == 4 })
	leave()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if line := ts.logged(t, "path", "/echo"); line["status"] != 499.0 {
		t.Errorf("log: %v", line)
	}
}

// Certificates are renewed under load without a request that fails. A pair that does not fit, or is
// none, changes nothing.
func TestCertificateIsRenewed(t *testing.T) {
	ts := startTLS(t, nil)
	stop := make(chan struct{})
	var load sync.WaitGroup
	var requests atomic.Int64
	for range 2 {
		client := ts.client(true)
		load.Go(func() {
			defer client.CloseIdleConnections()
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := ts.serial(client); err != nil {
					t.Errorf("under load: %v", err)
					return
				}
				requests.Add(1)
			}
		})
	}
	defer load.Wait()
	defer close(stop)
	client := ts.client(true)
	wantSerial := func(want int64) {
		t.Helper()
		eventually(t,
			func() bool { serial, err := ts.serial(client); return err == nil && serial == want })
	}
	wantSerial(2)

	cert3, key3 := ts.server(t, 3)
	replace(t, ts.certFile, cert3) // with the old key
	ts.logged(t, "level", "ERROR")
	wantSerial(2)
	replace(t, ts.keyFile, key3)
	wantSerial(3)

	replace(t, ts.certFile, []byte("no certificate"))
	eventually(t, func() bool {
		faults := 0
		for _, line := range ts.log.lines(t) {
			if line["level"] == "ERROR" {
				faults++
			}
		}
		return faults == 2
	})
	wantSerial(3)
	t.Logf("%d connections", requests.Load())
}

func TestNoCertificate(t *testing.T) {
	ts := startTLS(t, nil)
	certPEM, _ := ts.server(t, 9)
	other := filepath.Join(t.TempDir(), "other.crt")
	replace(t, other, certPEM)
	for name, files := range map[string][2]string{
		"no file":         {ts.certFile, "nowhere"},
		"only one":        {ts.certFile, ""},
		"another's key":   {other, ts.keyFile},
		"the wrong order": {ts.keyFile, ts.certFile},
	} {
		opts := ts.opts
		opts.Subsystem, opts.TLSCert, opts.TLSKey = strings.ReplaceAll(name, " ", "_"),
			files[0], files[1]
		opts.Subsystem = strings.ReplaceAll(opts.Subsystem, "'", "")
		if _, err := New(DefaultConfig(), opts); !errors.Is(err, ErrCertificate) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
