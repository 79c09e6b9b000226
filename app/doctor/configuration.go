package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strings"
	"time"

	"bgremove/apikey"
	"bgremove/httpserver"
	"bgremove/terminal"
)

const certificateWarning = 21 * 24 * time.Hour // a certificate with less left is told of

// configuration looks at what Validate lets pass.
func (d *doctor) configuration(context.Context) []finding {
	const name = "configuration"
	c := d.cfg
	found := []finding{ok(name, "%s: %s", terminal.Count(len(d.settings.Keys), "setting"),
		d.settings.Origins())}
	if c.Queue.Embedded() && (d.part == "proxy" || d.part == "batch") {
		found = append(found, fail(name, "queue.url is empty: serve "+
			d.part+" needs the Redis that it shares with the other parts",
			"set queue.url (BGREMOVE_QUEUE_URL), or run serve all"))
	}
	if c.Queue.Ephemeral {
		found = append(found, warn(name, "queue.ephemeral: jobs end with the process",
			"give queue.data_dir in its place where jobs must survive a restart"))
	}
	if d.predicts() && !httpserver.OnLoopback(c.Predict.Addr) {
		found = append(found,
			warn(name, "predict.addr is "+c.Predict.Addr+": the predictor asks nobody for a key",
				"see that only batch processes can reach it: a firewall, a network policy, or "+
					"127.0.0.1"))
	}
	if d.hasProxy() {
		found = append(found, d.publicAPI()...)
	}
	return found
}

// publicAPI looks at the proxy's settings.
func (d *doctor) publicAPI() (found []finding) {
	const name = "configuration"
	p, q := d.cfg.Proxy, d.cfg.Queue
	for _, text := range p.Warnings() {
		open, advice, _ := strings.Cut(text, ": ")
		found = append(found, warn(name, "proxy.addr is "+p.Addr+": "+open, advice))
	}
	if p.APIKeysFile != "" {
		found = append(found, keysFile(p.APIKeysFile))
		if p.TLSCert == "" && !httpserver.OnLoopback(p.Addr) {
			found = append(found, warn(name, "API keys travel unencrypted",
				"set proxy.tls_cert and proxy.tls_key, or put a proxy with TLS in front"))
		}
	}
	if p.CacheAcrossKeys && !p.Cache {
		found = append(found,
			warn(name, "proxy.cache_across_keys does nothing while proxy.cache is false",
				"set proxy.cache, or take it out"))
	} else if p.CacheAcrossKeys && p.APIKeysFile == "" {
		found = append(found, warn(name, "proxy.cache_across_keys does nothing without API keys",
			"set proxy.api_keys_file, or take it out"))
	}
	if p.Cache && q.ResultTTL < time.Minute {
		found = append(found, warn(name, "proxy.cache finds little: results are kept for "+
			terminal.Duration(q.ResultTTL)+" (queue.result_ttl)",
			"raise queue.result_ttl, or set proxy.cache to false"))
	}
	if q.ResultTTL > q.MaxTTL {
		found = append(found, warn(name,
			fmt.Sprintf("queue.max_ttl (%s) is below queue.result_ttl (%s) and does nothing",
				terminal.Duration(q.MaxTTL), terminal.Duration(q.ResultTTL)),
			"raise queue.max_ttl, or lower queue.result_ttl"))
	}
	if d.cfg.ValidateProxy() != nil {
		found = append(found,
			fail(name, "egress.callbacks is true without webhook.secret: serve refuses to start",
				"set webhook.secret (BGREMOVE_WEBHOOK_SECRET)"))
	}
	return found
}

func keysFile(path string) finding {
	const name = "API keys"
	keys, err := apikey.Read(path)
	if err != nil {
		return fail(name, err.Error(),
			"bgremove keys check "+path+" tells all faults; bgremove keys new makes keys")
	}
	if len(keys) == 0 {
		return warn(name, path+" holds no key: every request is refused",
			"bgremove keys new NAME --file "+path)
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o022 != 0 {
		return fail(name,
			fmt.Sprintf("%s has mode %v: others may add keys", path, info.Mode().Perm()),
			"chmod go-w "+path)
	}
	return ok(name, "%d in %s", len(keys), path)
}

// certificate looks at the files of proxy.tls_cert and tls_key.
func (d *doctor) certificate(context.Context) []finding {
	const name = "certificate"
	certFile, keyFile := d.cfg.Proxy.TLSCert, d.cfg.Proxy.TLSKey
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return []finding{fail(name, fmt.Sprintf("%s with %s: %v", certFile, keyFile, err),
			"name PEM files that belong together and that the service's user may read: "+
				"proxy.tls_cert, proxy.tls_key")}
	}
	found := []finding{validity(pair.Leaf, time.Now())}
	if info, err := os.Stat(keyFile); err == nil && info.Mode().Perm()&0o004 != 0 {
		found = append(found, fail("certificate key",
			fmt.Sprintf("%s has mode %v: every user can read it", keyFile, info.Mode().Perm()),
			"chmod o= "+keyFile))
	}
	return found
}

func validity(leaf *x509.Certificate, now time.Time) finding {
	const name = "certificate"
	who := strings.Join(leaf.DNSNames, ", ")
	if who == "" {
		who = leaf.Subject.String()
	}
	until := leaf.NotAfter.UTC().Format("2006-01-02 15:04 UTC")
	switch left := leaf.NotAfter.Sub(now); {
	case left <= 0:
		return fail(name, "of "+who+" expired on "+until,
			"renew it; the running server reads new files by itself")
	case now.Before(leaf.NotBefore):
		return fail(name,
			"of "+who+" is not valid before "+leaf.NotBefore.UTC().Format("2006-01-02 15:04 UTC"),
			"set the clock, or have it issued anew")
	case left < certificateWarning:
		return warn(name, fmt.Sprintf(
			"of %s expires on %s, in %s", who, until, terminal.Count(int(left.Hours()/24), "day"),
		), "renew it; the running server reads new files by itself")
	}
	return ok(name, "of %s, valid until %s", who, until)
}
