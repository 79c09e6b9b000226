package cmd

import (
	"errors"
	"strings"
	"testing"

	"bgremove/app"
)

// Receivers must be able to tell a callback from a forgery: whoever makes them needs the
// secret, and nobody else does.
func TestCallbacksNeedASecret(t *testing.T) {
	inDirWith(t, "egress:\n  callbacks: true\n")
	const want = "webhook.secret: must be given while egress.callbacks is true"
	for _, args := range [][]string{
		{"all", "--ephemeral"}, {"proxy", "--queue-url=redis://127.0.0.1:1"},
	} {
		status, stdout, stderr := call(t, append([]string{"serve"}, args...)...)
		if status != exitUsage || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("serve %q: status %d, stdout %q, stderr %q; want %q",
				args, status, stdout, stderr, want)
		}
	}
	// an address that cannot be listened on, so that each ends
	for _, part := range []string{"batch", "predict"} {
		status, _, stderr := call(t, "serve", part, "--queue-url=redis://127.0.0.1:1",
			"--batch-addr=192.0.2.1:1", "--predict-addr=192.0.2.1:1")
		if status != exitFailure || strings.Contains(stderr, "webhook") ||
			!strings.Contains(stderr, "192.0.2.1:1") {
			t.Errorf("serve %s: status %d, stderr %q; want it to start without the secret",
				part, status, stderr)
		}
	}
	cfg := app.DefaultConfig()
	cfg.Egress.Callbacks = true
	cfg.Webhook.Secret = "whsec_" + strings.Repeat("MfKQ", 8)
	if err := errors.Join(cfg.Validate(), cfg.ValidateProxy()); err != nil {
		t.Error(err)
	}
}
