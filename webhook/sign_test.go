package webhook

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// The example of the specification's own libraries.
const (
	exampleSecret    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	exampleSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
)

func TestSign(t *testing.T) {
	for _, test := range []struct{ secrets, want string }{
		{exampleSecret, exampleSignature},
		// the second one by: openssl dgst -sha256 -mac HMAC -macopt hexkey:$(printf 0%.0s
		// {1..64}) -binary | base64
		{
			exampleSecret + "\n whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= ",
			exampleSignature + " v1,woH/1mJtZGSMCmpFTxRYbStS24eLLD/oXIYr4PYyZ7g=",
		},
	} {
		s, err := NewSigner(test.secrets)
		if err != nil {
			t.Fatal(err)
		}
		h := s.Header("msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0),
			[]byte(`{"test": 2432232314}`))
		if h.Get("webhook-id") != "msg_p5jXN8AQM9LWM0D4loKWxJek" ||
			h.Get("webhook-timestamp") != "1614265330" || h.Get("webhook-signature") != test.want {
			t.Errorf("headers are %v, want the signature %s", h, test.want)
		}
	}
}

func TestSecrets(t *testing.T) {
	for name, secret := range map[string]string{
		"empty": "", "spaces": "  ", "no prefix": "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
		"no base64":  "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa_w",
		"short":      "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa==",
		"long":       "whsec_" + strings.Repeat("MfKQ", 22),
		"asymmetric": "whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
		"second":     exampleSecret + " x",
	} {
		if _, err := NewSigner(secret); !errors.Is(err, ErrSecret) ||
			strings.Contains(err.Error(), "MfKQ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestConfig(t *testing.T) {
	cfg := DefaultConfig()
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	cfg.Secret = exampleSecret
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"secret: must be whsec_ and 24 to 64 random bytes as base64",
		"timeout: must be at least 1s, is 0s", "max_attempts: must be 1 to 100, is 0",
		"backoff_base: must be at least 1ms, is 0s",
		"backoff_max: must be at least backoff_base (0s), is -1ns",
		"workers: must be 1 to 1024, is 0",
	}
	if got := strings.Split(Config{Secret: "hunter2", BackoffMax: -1}.Validate().Error(),
		"\n"); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}
